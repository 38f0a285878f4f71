"""Interpreters are killed while they work; nobody loses a result."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import Optional

import pytest

from conftest import Node, wait_until

PROGRAM = """
    import sys, time
    import hearth

    env = hearth.TaskEnvironment("chaos", reusable=hearth.ReusePolicy(replicas=3, idle_ttl=600))

    @env.task(retries=hearth.RetryStrategy(count=0, lost=50))
    def square(x: int) -> int:
        time.sleep(0.004)
        return x * x

    if __name__ == "__main__":
        end = time.monotonic() + float(sys.argv[1])
        total = 0
        print("ready", flush=True)
        while time.monotonic() < end:
            xs = range(total, total + 500)
            results = list(hearth.map(square, xs))
            wrong = [(x, r) for x, r in zip(xs, results) if r != x * x]
            assert not wrong and len(results) == 500, wrong[:3]
            total += 500
        print(total)
"""


def descriptors(pid: int) -> Optional[int]:
    """None for all but root: a node shows nobody else what it has open."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except PermissionError:
        return None


def resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def run_chaos(node: Node, seconds: float, kills_at_least: int) -> None:
    seed = int(os.environ.get("HEARTH_SEED") or time.time_ns() % 1_000_000)
    print(f"seed {seed}")
    dice = random.Random(seed)
    node.write("chaos.py", PROGRAM)
    node.python("chaos.py", "1")  # everything is warm once
    wait_until(lambda: len(node.replica_pids()) == 3, "three replicas")
    pid = node.pid
    fds, mib = descriptors(pid), resident_mib(pid)
    program = node.start_python("chaos.py", str(seconds))
    assert program.stdout is not None and program.stdout.readline() == "ready\n"
    kills = 0
    while program.poll() is None:
        targets = node.replica_pids()
        if targets:
            try:
                os.kill(dice.choice(targets), signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                pass
        try:
            program.wait(1)  # one kill a second is the load, not a wait for something
        except Exception:  # noqa: S110 - it still runs
            pass
    out, err = program.communicate()
    assert program.returncode == 0, err + node.log()
    assert int(out.split()[-1]) > 0
    assert kills >= kills_at_least
    assert node.pid == pid, "the daemon is another one"
    wait_until(lambda: len(node.replica_pids()) == 3, "three replicas again")
    if fds is not None:
        wait_until(lambda: descriptors(pid) <= fds + 1, lambda: f"descriptors back at {fds}; now {descriptors(pid)}", 20)
    assert resident_mib(pid) < mib + 32, "the daemon has kept memory"
    row = next(row for row in node.rows("environments") if row["name"] == "chaos")
    assert int(row["failed"]) == 0


def test_results_stay_right_while_interpreters_are_killed(node: Node) -> None:
    run_chaos(node, 8, 4)


@pytest.mark.long
def test_results_stay_right_during_a_minute_of_kills(node: Node) -> None:
    run_chaos(node, 60, 40)


def test_a_killed_program_leaves_no_calls_behind(node: Node) -> None:
    node.write("slow.py", """
        import time
        import hearth
        env = hearth.TaskEnvironment("slow", reusable=hearth.ReusePolicy(replicas=1, idle_ttl=600))

        @env.task
        def nap(s: float) -> float:
            time.sleep(s)
            return s

        if __name__ == "__main__":
            nap.remote(0.0)
            print("ready", flush=True)
            print(list(hearth.map(nap, [100.0] * 50)))
    """)
    program = node.start_python("slow.py")
    assert program.stdout is not None and program.stdout.readline() == "ready\n"
    wait_until(lambda: any(int(row["queued"]) > 0 for row in node.rows("environments")), "a queue")
    program.kill()
    program.wait()
    wait_until(lambda: all(int(row["queued"]) == 0 and int(row["running"]) == 0 for row in node.rows("environments")),
               "nothing queued or running")


def test_interpreters_end_with_a_killed_node(node: Node) -> None:
    node.write("chaos.py", PROGRAM)
    node.python("chaos.py", "0.1")
    pids = node.replica_pids()
    assert pids
    os.kill(node.pid, signal.SIGKILL)

    def gone() -> bool:
        return not any(os.path.exists(f"/proc/{pid}") for pid in pids)

    wait_until(gone, "the interpreters to end")
    node.python("chaos.py", "0.1")  # a new private node starts by itself
