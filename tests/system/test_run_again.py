"""Runs whose tasks run again, on real nodes: what was finished is not executed a second time."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import List

import pytest
from conftest import BUILD, Node, wait_until

PROGRAM = """
import asyncio, json, os, signal, sys
import hearth

env = hearth.TaskEnvironment("again", reusable=hearth.ReusePolicy(replicas=3))
loops = hearth.TaskEnvironment("loops", reusable=hearth.ReusePolicy(replicas=1, concurrency=4), depends_on=[env])

def note(ledger, what):
    fd = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{what}\\n".encode())
    os.close(fd)

@env.task
def step(ledger: str, n: int) -> int:
    note(ledger, n)
    return n * n

@env.task
def inner(ledger: str, n: int) -> int:
    return step(ledger, 10 * n) + step(ledger, 10 * n + 1)

def die_once():
    if hearth.ctx().attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)

@env.task
def main(ledger: str) -> int:
    done = [step(ledger, n) for n in range(3)]
    die_once()
    return sum(done + list(hearth.map(step, [ledger] * 3, range(3, 6))))

@env.task
def nested(ledger: str) -> int:
    first = inner(ledger, 1)
    die_once()
    return first + inner(ledger, 2)

@env.task(retries=1)
def stumbles(ledger: str) -> int:
    done = [step(ledger, n) for n in range(3)]
    if hearth.ctx().attempt == 1:
        raise ValueError("once")
    return sum(done)

@loops.task
async def gathered(ledger: str) -> int:
    async def pair(n):
        return await step.aio(ledger, n) + await step.aio(ledger, 100 + n)
    done = await asyncio.gather(*[pair(n) for n in range(5)])
    die_once()
    return sum(done)

@env.task
def picky(ledger: str) -> int:
    done = sum(step(ledger, n) for n in range(6))
    if not os.path.exists(ledger + ".ok"):
        raise ValueError("not yet")
    return done

@env.task
def waits(ledger: str) -> int:
    note(ledger, "begun")
    while not os.path.exists(ledger + ".go"):
        import time; time.sleep(0.02)
    return 7

def started(task, ledger):
    return hearth.with_runcontext(name="one").run(globals()[task], ledger).result()

def attached(task, ledger):
    run = hearth.with_runcontext(name="one", detach=False).run(globals()[task], ledger)
    print("accepted", flush=True)
    return run.result()

def found(name):
    run = hearth.Run.get(name)
    return [run.phase, run.result()]

def reruns(name, recover):
    return hearth.Run.get(name).rerun(recover=recover == "yes").result()

if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
"""


@pytest.fixture
def program(node: Node) -> Node:
    node.write("again.py", PROGRAM)
    return node


@pytest.fixture
def ledger(node: Node) -> Path:
    return node.home / "ledger"


def _said(node: Node, *words: str) -> object:
    return json.loads(node.python("again.py", *words).stdout)


def _lines(ledger: Path) -> List[str]:
    return ledger.read_text().splitlines() if ledger.exists() else []


@pytest.mark.parametrize(
    "task, value, steps",
    [
        ("main", 55, range(6)),
        ("nested", 100 + 121 + 400 + 441, [10, 11, 20, 21]),
        ("stumbles", 5, range(3)),
        ("gathered", sum(n * n + (100 + n) ** 2 for n in range(5)), [*range(5), *range(100, 105)]),
    ],
)
def test_children_that_had_finished_are_not_executed_again_with_their_parent(
    program: Node, ledger: Path, task: str, value: int, steps: List[int]
) -> None:
    assert _said(program, "started", task, str(ledger)) == value
    assert sorted(map(int, _lines(ledger))) == sorted(steps)
    root = [row for row in program.rows("actions", "one") if not row.get("parent")]
    assert [row["attempt"] for row in root] == [2]


def test_a_rerun_with_the_record_executes_nothing_twice_and_one_without_everything(program: Node, ledger: Path) -> None:
    assert program.python("again.py", "started", "picky", str(ledger), status=1)
    assert len(_lines(ledger)) == 6
    Path(f"{ledger}.ok").touch()
    name = program.command("rerun", "one", "--name", "two", "--recover").stdout.strip()
    assert name == "two"
    program.command("wait", "two")
    assert _said(program, "found", "two") == ["SUCCEEDED", 55]
    assert len(_lines(ledger)) == 6
    assert _said(program, "reruns", "two", "yes") == 55  # what it took over is in its own record
    assert len(_lines(ledger)) == 6
    assert _said(program, "reruns", "two", "no") == 55
    assert len(_lines(ledger)) == 12


def test_an_attached_run_goes_on_when_its_client_is_killed(program: Node, ledger: Path) -> None:
    client = subprocess.Popen(
        [str(BUILD / "bin" / "hearth"), "run", "--name", "one", "again.py", "waits", "--ledger", str(ledger)],
        cwd=program.project, env=program.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(lambda: _lines(ledger), "the task begins")
    client.kill()
    client.wait(60)
    Path(f"{ledger}.go").touch()
    program.command("wait", "one")
    assert _said(program, "found", "one") == ["SUCCEEDED", 7]


def test_a_run_that_is_tied_to_its_program_is_aborted_at_its_end(program: Node, ledger: Path) -> None:
    client = program.start_python("again.py", "attached", "waits", str(ledger))
    assert client.stdout is not None and client.stdout.readline() == "accepted\n"
    client.send_signal(signal.SIGINT)
    _, shown = client.communicate(timeout=60)
    assert "run one was aborted" in shown
    program.command("wait", "one", status=1)
    (row,) = program.rows("runs", "one")
    assert row["phase"] == "ABORTED"


def test_a_program_goes_on_waiting_when_its_node_is_lost_and_comes_back(program: Node, ledger: Path) -> None:
    client = program.start_python("again.py", "started", "waits", str(ledger))
    wait_until(lambda: _lines(ledger), "the task begins")
    os.kill(program.pid, signal.SIGKILL)
    wait_until(lambda: len(_lines(ledger)) == 2, "the run is executed by the next node")
    Path(f"{ledger}.go").touch()
    said, shown = client.communicate(timeout=60)
    assert json.loads(said) == 7 and re.search("Run one is looked for there, for at most 30 s", shown)
    assert [row["phase"] for row in program.rows("runs", "one")] == ["SUCCEEDED"]
