"""The command `hearth` against a real node: what a person types, sees and gets as exit status."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

pytestmark = pytest.mark.skipif("HEARTH_BIN_DIR" not in os.environ, reason="HEARTH_BIN_DIR names no built programs")

LIMIT_S = 120.0  # of one command; far beyond what any takes

PROGRAM = '''
import sys
import time

import hearth

env = hearth.TaskEnvironment("squares", reusable=hearth.ReusePolicy(replicas=2))


@env.task
def square(x: int) -> int:
    print("squaring", x)
    print("careful", file=sys.stderr)
    return x * x


@env.task
def sum_of_squares(n: int) -> int:
    return sum(hearth.map(square, range(n)))


@env.task
def refuse(x: int) -> int:
    raise ValueError(f"no {x}")


@env.task
async def endless() -> None:
    import asyncio

    print("began", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    print(square.remote(int(sys.argv[1])))
'''


class Command:
    """Runs `hearth` with a node, a state folder and a program of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.code = home / "code"
        self.code.mkdir()
        (self.code / "squares.py").write_text(PROGRAM)
        self.program = str(Path(os.environ["HEARTH_BIN_DIR"]) / "hearth")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEARTH", "XDG", "PYTHON"))}
        self.variables: Dict[str, str] = {
            **kept,
            "HEARTH_SOCKET": str(home / "s" / "node.sock"),
            "HEARTH_PYTHON": sys.executable,
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CONFIG_HOME": str(home / "config"),
        }

    def __call__(self, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.program, *words],
            cwd=self.code,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )

    def good(self, *words: str) -> str:
        """Standard output of a command that has to succeed."""
        done = self(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def rows(self, *words: str) -> List[Dict[str, Any]]:
        return json.loads(self.good("get", *words, "-o", "json"))  # type: ignore[no-any-return]

    def start_endless(self) -> str:
        """Name of a detached run that has begun and does not end by itself."""
        self.good("run", "--detach", "squares.py", "endless")
        name = str(self.rows("runs", "--limit", "1")[0]["name"])
        follower = subprocess.Popen(
            [self.program, "logs", "-f", name], cwd=self.code, env=self.variables, stdout=subprocess.PIPE, text=True
        )
        assert follower.stdout is not None
        with follower.stdout:
            assert follower.stdout.readline() == "began\n"
        follower.terminate()
        follower.wait(LIMIT_S)
        return name


def has_ended(pid: int) -> bool:
    """Whether the process is gone, or ended and only waits to be reaped by whoever inherited it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def hearth() -> Iterator[Command]:
    home = Path(tempfile.mkdtemp(prefix="hearth-"))  # short: a socket's path has 107 bytes at most
    command = Command(home)
    try:
        yield command
    finally:
        stopped = command("node", "stop", "--grace", "1")
        shutil.rmtree(home)
        assert stopped.returncode == 0, stopped.stderr


def test_a_node_is_started_shown_and_stopped(hearth: Command) -> None:
    assert hearth("node", "status").returncode == 3
    started = hearth.good("node", "start", "--idle-exit", "0")
    status = json.loads(hearth.good("node", "status", "-o", "json"))
    assert f"pid {status['pid']}" in started
    assert status["idleExitMs"] == 0
    assert "is running already" in hearth.good("node", "start")
    hearth.good("node", "stop")
    assert has_ended(status["pid"])
    assert hearth("node", "status").returncode == 3
    assert hearth.good("node", "stop") == "No node is running.\n"


def test_nodes_started_at_the_same_moment_are_one(hearth: Command) -> None:
    starts = [
        subprocess.Popen([hearth.program, "node", "start", "-o", "json"], env=hearth.variables, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    pids = {json.loads(start.communicate(timeout=LIMIT_S)[0])["pid"] for start in starts}
    assert len(pids) == 1


def test_a_task_runs_from_a_file_and_its_run_can_be_looked_at(hearth: Command) -> None:
    assert hearth("get", "runs").returncode == 3
    done = hearth("run", "squares.py", "sum_of_squares", "--n", "5")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "30"), done.stderr
    (run,) = hearth.rows("runs")
    assert (run["phase"], run["actions"], run["actionsDone"]) == ("SUCCEEDED", 6, 6)
    details = hearth.good("get", "run", run["name"])
    assert "6 SUCCEEDED" in details and details.endswith("\nResult\n30\n")
    actions = hearth.rows("actions", run["name"])
    assert {action["task"] for action in actions} == {"squares.sum_of_squares", "squares.square"}
    (environment,) = hearth.rows("env", "squares")
    assert environment["done"] == 6
    assert hearth.good("wait", run["name"]).startswith(f"Run {run['name']}: SUCCEEDED")


def test_logs_keep_streams_apart_and_can_be_narrowed_to_an_action(hearth: Command) -> None:
    hearth.good("run", "squares.py:sum_of_squares", "--n", "3")
    (run,) = hearth.rows("runs")
    logs = hearth("logs", run["name"])
    assert sorted(logs.stdout.splitlines()) == ["squaring 0", "squaring 1", "squaring 2"]
    assert logs.stderr.splitlines() == ["careful"] * 3
    child = next(action["id"] for action in hearth.rows("actions", run["name"]) if action["depth"] == 1)
    of_action = hearth.good("logs", run["name"], "--action", child)
    assert len(of_action.splitlines()) == 1
    assert hearth.good("logs", child) == of_action


@pytest.mark.parametrize("closed", ["1>&-", "<&- 1>&- 2>&-"])
def test_a_run_with_output_succeeds_where_the_shell_has_closed_the_streams(hearth: Command, closed: str) -> None:
    words = [hearth.program, "run", "squares.py", "sum_of_squares", "--n", "3"]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *words], cwd=hearth.code, env=hearth.variables, timeout=LIMIT_S
    )
    assert done.returncode == 0
    (run,) = hearth.rows("runs")
    assert run["phase"] == "SUCCEEDED"
    assert sorted(hearth("logs", run["name"]).stdout.splitlines()) == ["squaring 0", "squaring 1", "squaring 2"]


def test_logs_of_what_is_not_there_are_an_error(hearth: Command) -> None:
    hearth.good("run", "squares.py", "sum_of_squares", "--n", "1")
    (run,) = hearth.rows("runs")
    for of, said in (
        (["replica/99999"], "has no replica 99999"),
        (["replica/abc"], "names no replica"),
        ([run["name"], "--action", "zz"], "has no action `zz`"),
    ):
        done = hearth("logs", *of)
        assert done.returncode != 0 and said in done.stderr


def test_a_run_that_fails_shows_the_users_error_and_status_1(hearth: Command) -> None:
    assert hearth("run", "squares.py", "refuse", "--x", "3").returncode == 1
    (run,) = hearth.rows("runs")
    waited = hearth("wait", run["name"])
    assert waited.returncode == 1
    assert "ValueError: no 3" in waited.stderr and "x = 3" in waited.stderr
    assert json.loads(hearth.good("get", "run", run["name"], "-o", "json"))["failure"]["code"] == "user_error"


def test_a_detached_run_is_followed_and_aborted_with_its_reason(hearth: Command) -> None:
    name = hearth.start_endless()
    (run,) = hearth.rows("runs")
    assert run["detached"] is True
    hearth.good("abort", name, "--reason", "wrong input")
    waited = hearth("wait", name)
    assert waited.returncode == 1
    assert "ABORTED" in waited.stdout and "wrong input" in waited.stderr


def test_one_action_of_a_run_is_aborted_by_the_beginning_of_its_id(hearth: Command) -> None:
    name = hearth.start_endless()
    (action,) = hearth.rows("actions", name)
    hearth.good("abort", "action", name, action["id"][:20])
    assert hearth("wait", name).returncode == 1


def test_a_program_finds_the_sdk_and_the_node(hearth: Command) -> None:
    assert hearth.good("python", "squares.py", "7").splitlines()[-1] == "49"


def test_an_interpreter_that_cannot_serve_is_refused_in_one_sentence(hearth: Command) -> None:
    missing = hearth("run", "squares.py", "square", "--x", "1", HEARTH_PYTHON="/nonexistent/python")
    assert missing.returncode == 1
    assert missing.stderr == "hearth: HEARTH_PYTHON names /nonexistent/python, which is not a program. Correct it or unset it.\n"


def test_completion_knows_the_runs(hearth: Command) -> None:
    hearth.good("run", "squares.py", "square", "--x", "2")
    (run,) = hearth.rows("runs")
    script = f"source <({hearth.program} completion bash); COMP_WORDS=({hearth.program} wait r); COMP_CWORD=2; _hearth; echo ${{COMPREPLY[@]}}"
    shown = subprocess.run(["bash", "-c", script], env=hearth.variables, stdout=subprocess.PIPE, text=True, timeout=LIMIT_S)
    assert shown.stdout == f"{run['name']}\n"
