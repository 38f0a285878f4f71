"""Calls, maps and runs of real programs on real interpreters."""

from __future__ import annotations

import os
import signal
from typing import Callable

import pytest

from conftest import Node, alive, wait_until

TASKS = """
    import asyncio, os, sys, threading, time
    import hearth

    env = hearth.TaskEnvironment("calls", reusable=hearth.ReusePolicy(replicas=1, idle_ttl=600))
    two = hearth.TaskEnvironment("two", reusable=hearth.ReusePolicy(replicas=2, idle_ttl=600))
    loop = hearth.TaskEnvironment("loop", reusable=hearth.ReusePolicy(replicas=1, concurrency=1, idle_ttl=600))
    wide = hearth.TaskEnvironment("wide", reusable=hearth.ReusePolicy(replicas=1, concurrency=5, idle_ttl=600))
    fresh = hearth.TaskEnvironment("fresh")

    @env.task
    def square(x: int) -> int:
        return x * x

    @two.task
    def square_two(x: int) -> int:
        return x * x

    @env.task
    def depth(n: int) -> int:
        return 0 if n == 0 else 1 + depth(n - 1)

    @loop.task
    async def depth_async(n: int) -> int:
        return 0 if n == 0 else 1 + await depth_async(n - 1)

    running = 0
    most = 0

    @wide.task
    async def crowd(i: int) -> int:
        global running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002)
        running -= 1
        return most

    @env.task
    def say(text: str) -> None:
        print(text)

    @env.task
    def fail(x: int) -> int:
        raise KeyError(f"no {x}")

    @fresh.task
    def pid() -> int:
        return os.getpid()

    @env.task
    def total(n: int) -> int:
        return sum(hearth.map(square, range(n)))

    @env.task
    def nap(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    @two.task
    def busy(i: int) -> float:
        begin = time.monotonic()
        if i % 50 == 0:
            time.sleep(0.2)
        return begin
"""


@pytest.fixture
def tasks(node: Node) -> Node:
    node.write("tasks.py", TASKS)
    return node


def run(node: Node, body: str, status: int = 0) -> str:
    """Runs `body` as the main part of a program that imports the tasks."""
    import textwrap

    node.write("main.py", "from tasks import *\n\nif __name__ == '__main__':\n" + textwrap.indent(textwrap.dedent(body), "    "))
    return node.python("main.py", status=status).stdout


def test_a_hundred_thousand_calls_come_back_right_and_in_order(tasks: Node) -> None:
    out = run(tasks, """
        results = list(hearth.map(square_two, range(100_000)))
        print(len(results), results == [x * x for x in range(100_000)])
    """)
    assert out.split() == ["100000", "True"]


def test_recursion_finishes_on_one_replica_with_concurrency_one(tasks: Node) -> None:
    assert run(tasks, "print(depth.remote(30), depth_async.remote(30))").split() == ["30", "30"]
    assert len([row for row in tasks.rows("replicas") if row["environment"] == "calls"]) <= 2


def test_no_more_than_concurrency_executes(tasks: Node) -> None:
    out = run(tasks, "print(max(hearth.map(crowd, range(500))))")
    assert int(out) == 5


def test_a_users_exception_arrives_as_itself(tasks: Node) -> None:
    out = run(tasks, """
        try:
            fail.remote(3)
        except KeyError as error:
            print("caught", error)
    """)
    assert "caught 'no 3'" in out


def test_output_of_a_remote_call_reaches_the_caller(tasks: Node) -> None:
    assert "good morning" in run(tasks, "say.remote('good morning')")


def test_without_reuse_each_call_has_a_process_of_its_own(tasks: Node) -> None:
    out = run(tasks, "print(len({pid.remote() for _ in range(5)}))")
    assert out.strip() == "5"


def test_changed_code_gets_a_new_version_at_once(tasks: Node) -> None:
    assert run(tasks, "print(square.remote(3))").strip() == "9"
    tasks.write("tasks.py", TASKS.replace("return x * x", "return x * x * x"))
    assert run(tasks, "print(square.remote(3))").strip() == "27"
    assert len([row for row in tasks.rows("environments") if row["name"] == "calls"]) == 2


def test_programs_in_threads_forks_and_loops_share_a_node(tasks: Node) -> None:
    out = run(tasks, """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(8) as pool:
            print(sum(pool.map(square.remote, range(200))))
        async def both():
            return await asyncio.gather(*(square.remote.aio(i) for i in range(20)))
        print(sum(asyncio.run(both())), sum(asyncio.run(both())))
        child = os.fork()
        if child == 0:
            os._exit(0 if square.remote(7) == 49 else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """)
    assert out.split() == [str(sum(i * i for i in range(200))), "2470", "2470", "0"]


def test_a_run_shows_its_result_and_its_actions(tasks: Node) -> None:
    done = tasks.command("run", "tasks.py", "total", "--n", "10", "--name", "ten")
    assert done.stdout.strip().endswith("285")
    row = tasks.rows("runs")[0]
    assert (row["name"], row["phase"], int(row["actions"])) == ("ten", "SUCCEEDED", 11)
    assert len(tasks.rows("actions", "ten")) == 11


def test_a_failed_run_says_where_and_exits_with_one(tasks: Node) -> None:
    done = tasks.command("run", "tasks.py:fail", "--x", "3", status=1)
    assert "KeyError" in done.stderr + done.stdout
    assert "tasks.py" in done.stderr + done.stdout
    assert "_worker" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("run", "tasks.py", "nothing"), "nothing"),
        (("run", "tasks.py", "square"), "--x"),
        (("run", "tasks.py", "square", "--x", "three"), "--x"),
        (("run", "tasks.py", "square", "--x", "3", "--y", "4"), "--y"),
        (("run", "missing.py", "square"), "missing.py"),
    ],
)
def test_wrong_input_is_one_screen_that_names_the_place(tasks: Node, arguments: tuple, said: str) -> None:
    done = tasks.command(*arguments, status=2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) < 25


def test_code_that_cannot_be_imported_names_file_and_line(tasks: Node) -> None:
    tasks.write("broken.py", """
        import os
        import hearth
        env = hearth.TaskEnvironment("broken", reusable=hearth.ReusePolicy(replicas=1), env_vars={"IN_REPLICA": "yes"})

        if os.environ.get("IN_REPLICA"):
            import nothing_of_this_name

        @env.task
        def f(x: int) -> int:
            return x
    """)
    done = tasks.command("run", "broken.py", "f", "--x", "1", status=1)
    assert "nothing_of_this_name" in done.stderr + done.stdout
    assert "broken.py" in done.stderr + done.stdout


def test_an_unusable_interpreter_is_named(make_node: Callable[..., Node]) -> None:
    node = make_node()
    node.write("tasks.py", """
        import hearth
        env = hearth.TaskEnvironment("odd", python="/nowhere/python3", reusable=hearth.ReusePolicy(replicas=1))

        @env.task
        def f(x: int) -> int:
            return x
    """)
    done = node.command("run", "tasks.py", "f", "--x", "1", status=None)
    assert done.returncode != 0
    assert "/nowhere/python3" in done.stderr + done.stdout


def test_a_detached_run_goes_on_and_can_be_followed_and_aborted(tasks: Node) -> None:
    done = tasks.command("run", "tasks.py", "nap", "--seconds", "100", "--detach", "--name", "long")
    assert "long" in done.stdout
    assert "goes on by itself" in done.stdout + done.stderr
    wait_until(lambda: tasks.rows("run", "long")[0]["phase"] == "RUNNING", "the run to run")
    tasks.command("abort", "long", "--reason", "enough")
    wait_until(lambda: tasks.rows("run", "long")[0]["phase"] == "ABORTED", "the run to be aborted")
    assert tasks.rows("run", "long")[0]["error"] == "enough"


def test_ctrl_c_aborts_the_run_and_prints_its_name(tasks: Node) -> None:
    import subprocess

    from conftest import BUILD

    program = subprocess.Popen(
        [str(BUILD / "bin" / "hearth"), "run", "tasks.py", "nap", "--seconds", "100", "--name", "held"],
        cwd=tasks.project, env=tasks.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_until(lambda: any(row["name"] == "held" and row["phase"] == "RUNNING" for row in tasks.rows("runs")), "the run")
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert program.returncode != 0
    assert "held" in out + err
    wait_until(lambda: tasks.rows("run", "held")[0]["phase"] == "ABORTED", "the run to be aborted")


def test_logs_of_a_run_are_kept(tasks: Node) -> None:
    tasks.command("run", "tasks.py", "say", "--text", "for the record", "--name", "noted")
    assert "for the record" in tasks.command("logs", "noted").stdout


def test_a_private_node_starts_by_itself_and_ends_when_idle(make_node: Callable[..., Node]) -> None:
    node = make_node(HEARTH_IDLE_EXIT="1s")
    node.write("tasks.py", TASKS)
    assert run(node, "print(square.remote(3))").strip() == "9"
    pid = node.pid
    wait_until(lambda: not alive(pid), "the idle node to end")  # asking it would keep it awake
    assert node.command("node", "status", status=3).stderr


def test_a_node_stops_gracefully_with_nothing_left(node: Node) -> None:
    node.write("tasks.py", TASKS)
    run(node, "print(square.remote(3))")
    pids = [node.pid, *node.replica_pids()]
    node.command("node", "stop")
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "everything to end")
