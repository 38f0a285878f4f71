"""Runs on real nodes: the Run object, the command's output, and what outlives a program."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess

import pytest
from conftest import BUILD, Node, wait_until

PROGRAM = """
import asyncio, dataclasses, json, sys, time
import hearth

env = hearth.TaskEnvironment("runs", reusable=hearth.ReusePolicy(replicas=2))

@dataclasses.dataclass
class Order:
    item: str
    count: int = 1

@env.task
def square(x: int) -> int:
    return x * x

@env.task
def main(n: int = 3, label: str = "") -> int:
    '''Adds up squares.'''
    print("working", label)
    print("careful", file=sys.stderr)
    return sum(hearth.map(square, range(n)))

@env.task
def slow(n: int = 30) -> int:
    for i in range(n):
        time.sleep(0.05)
    return n

@env.task
def ship(order: Order, tags: list[str] = []) -> str:
    return f"{order.count} x {order.item} {tags}"

@env.task
def broken(x: int) -> int:
    return helper(x)

def helper(x):
    raise ArithmeticError(f"cannot do {x}")

@env.task
def where() -> dict:
    context = hearth.ctx()
    return {"task": context.task, "project": context.project, "mode": context.mode,
            "attempt": context.attempt}

def api():
    run = hearth.run(main, 5, label="five")
    result = run.result()
    details = run.details()
    return [result, run.phase, run.inputs(), [(line.text, line.stream) for line in run.logs()], details.actions,
            details.detached, len(run.actions())]

def named():
    run = hearth.with_runcontext(name="special", project="shop", domain="production").run(where)
    return [run.name, run.result(), run.details().name]

def left():
    run = hearth.run(slow, 40)
    return run.name

def aborted():
    run = hearth.run(slow, 1000)
    run.abort("enough")
    phase = run.wait(60)
    try:
        run.result()
    except hearth.errors.ActionAbortedError as error:
        return [phase, str(error)]

def error():
    try:
        hearth.run(broken, 7).result()
    except ArithmeticError as error:
        return [str(error), "helper" in str(error.__cause__)]

async def awaited():
    run = await hearth.run.aio(main, 4)
    lines = [line.text async for line in run.logs.aio()]
    return [await run, lines]

def aio(): return asyncio.run(awaited())

def deployed():
    from hearth import deploy
    first, again = deploy(env), deploy(env)
    return [first[0].environment, first[0].version == again[0].version, len(first[0].version)]

if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))
"""


@pytest.fixture
def program(node: Node) -> Node:
    node.write("runs.py", PROGRAM)
    return node


def _said(node: Node, what: str) -> object:
    return json.loads(node.python("runs.py", what).stdout)


def test_a_run_object_tells_result_output_and_actions(program: Node) -> None:
    result, phase, inputs, lines, calls, detached, actions = _said(program, "api")
    assert (result, phase, inputs) == (30, "SUCCEEDED", {"n": 5, "label": "five"})
    assert sorted(map(tuple, lines)) == [("careful", "err"), ("working five", "out")]
    assert (calls, detached, actions) == (6, True, 6)


def test_a_named_run_is_listed_by_its_name_and_its_task_knows_the_place(program: Node) -> None:
    name, inside, listed = _said(program, "named")
    assert name == listed == "special"
    assert inside == {"task": "runs.where", "project": "shop", "mode": "remote", "attempt": 1}


def test_a_run_outlives_the_program_that_started_it(program: Node) -> None:
    name = _said(program, "left")
    program.command("wait", str(name))
    (row,) = [row for row in program.rows("runs") if row["name"] == name]
    assert row["phase"] == "SUCCEEDED" and row["detached"]


def test_an_aborted_run_says_why(program: Node) -> None:
    phase, said = _said(program, "aborted")
    assert phase == "ABORTED" and "enough" in said


def test_the_exception_of_a_run_is_the_users_own(program: Node) -> None:
    assert _said(program, "error") == ["cannot do 7", True]


def test_runs_can_be_awaited(program: Node) -> None:
    result, lines = _said(program, "aio")
    assert result == 14 and sorted(lines) == ["careful", "working "]


def test_deploying_twice_is_the_same_version(program: Node) -> None:
    assert _said(program, "deployed") == ["runs", True, 15]


# -- the command ------------------------------------------------------------------------------------------------------


def test_the_command_prints_output_and_then_the_result(program: Node) -> None:
    done = program.command("run", "runs.py", "main", "--n", "4", "--label", "hi")
    assert done.stdout.splitlines() == ["working hi", "14"]
    assert re.search(r"^run r\w{12}: runs\.main with /\S+ on private node ", done.stderr)
    assert "careful" in done.stderr and "succeeded in" in done.stderr and "5 calls" in done.stderr


def test_json_output_is_one_document(program: Node) -> None:
    done = program.command("run", "-o", "json", "runs.py:main", "--n", "4")
    assert json.loads(done.stdout)["result"] == 14


def test_dataclasses_and_lists_are_given_as_json(program: Node) -> None:
    done = program.command("run", "runs.py", "ship", "--order", '{"item": "lamp", "count": 2}', "--tags", '["a"]')
    assert done.stdout == "\"2 x lamp ['a']\"\n"


def test_a_failed_run_shows_the_users_frames_with_the_files_of_the_project(program: Node) -> None:
    done = program.command("run", "runs.py", "broken", "--x", "5", status=1)
    assert 'File "runs.py"' in done.stderr and "in helper" in done.stderr and "x = 5" in done.stderr
    assert "ArithmeticError: cannot do 5" in done.stderr
    assert "hearth/_" not in done.stderr and len(done.stderr.splitlines()) <= 30


def test_a_local_run_needs_no_node(program: Node) -> None:
    program.stop()
    assert program.command("run", "--local", "runs.py", "main", "--n", "3").stdout.splitlines() == ["working ", "5"]
    program.command("node", "status", status=3)


def test_on_a_terminal_a_fan_out_shows_its_progress(program: Node) -> None:
    program.write("fan.py", PROGRAM.replace("return x * x", "time.sleep(0.1); return x * x"))
    shown = _on_a_terminal(program, "run", "fan.py", "main", "--n", "30")
    assert re.search(rb"\d+(/| of )31", shown) and shown.rstrip().endswith(b"8555")


def _on_a_terminal(node: Node, *words: str, interrupt_at: bytes = b"") -> bytes:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(BUILD / "bin" / "hearth"), *words], cwd=node.project, env=node.environment,
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
        if interrupt_at and interrupt_at in shown:
            interrupt_at = b""
            process.send_signal(signal.SIGINT)
    os.close(ours)
    process.wait(60)
    return shown


def test_ctrl_c_on_a_terminal_aborts_and_names_the_run(program: Node) -> None:
    shown = _on_a_terminal(program, "run", "runs.py", "slow", "--n", "2000", interrupt_at=b"private node")
    name = re.search(rb"Aborting run (r\w{12})", shown).group(1).decode()
    assert f"The run {name} is aborted.".encode() in shown

    def ended() -> bool:
        return any(row["name"] == name and row["phase"] == "ABORTED" for row in program.rows("runs"))

    wait_until(ended, "the node lists the run as aborted")
