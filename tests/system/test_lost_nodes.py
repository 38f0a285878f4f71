"""A node of three is killed in the middle of a run: nothing is lost, and it costs seconds.

Each case prints the gap: the longest time around the kill in which no child finished. Nothing depends on it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from machine import Machine
from waiting import ROOT, alive, wait_until

# Children write a line when they begin and one when they end, outside of what any node keeps.
PROGRAM = """
    import json, os, time
    import hearth

    LEDGER = {ledger!r}
    env = hearth.TaskEnvironment("{name}", reusable=hearth.ReusePolicy(replicas=3))
    driver = env.clone_with(name="{name}-driver", reusable=None, depends_on=[env])


    def write(event, i):
        line = json.dumps([time.monotonic(), event, i, os.getpid()]) + "\\n"
        with open(LEDGER, "ab", buffering=0) as ledger:
            ledger.write(line.encode())


    @env.task
    def child(i: int) -> int:
        write("begin", i)
        time.sleep(0.03)
        write("end", i)
        return i * i


    @driver.task
    def main(n: int) -> int:
        write("main", 0)
        return sum(hearth.map(child, range(n)))


    @driver.task
    def warm(n: int) -> int:
        return n
"""
CHILDREN = 240
KILLED_AFTER = 60  # children


class Ledger:
    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self, event: str) -> List[Tuple[float, int, int]]:
        """Time, number of the child and process of each."""
        if not self.path.exists():
            return []
        found = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [(at, i, pid) for at, what, i, pid in found if what == event]

    def gap(self, killed: float) -> float:
        """The longest time without an end of a child that begins or ends after the kill, in seconds."""
        ends = sorted(at for at, _, _ in self.lines("end"))
        return max((b - a for a, b in zip(ends, ends[1:]) if b > killed), default=0.0)


class Loss:
    """A cluster of three, a program in an environment whose owner is known, and a run of it that has a home."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.ledger = Ledger(machine.home / "ledger")
        machine.hearth("cluster", "up", "--nodes", "3")

    def leader(self) -> str:
        return next(name for name, row in self.machine.nodes().items() if row["leader"])

    def write(self, name: str) -> None:
        (self.machine.home / f"{name}.py").write_text(textwrap.dedent(PROGRAM).format(ledger=str(self.ledger.path), name=name))

    def owner_of(self, name: str) -> str:
        rows = json.loads(self.machine.hearth("get", "environments", "-o", "json").stdout)
        return next(str(row["node"]) for row in rows if row["name"] == name)

    def socket_of(self, node: str) -> str:
        return str(self.machine.cluster.parent / "local" / f"{node}.sock")

    def environment_owned_by(self, node: str) -> str:
        """The name of a program whose environment of children has this owner: who owns what is decided by name."""
        for k in range(40):
            name = f"work{k}"
            self.write(name)
            self.machine.hearth("run", f"{name}.py", "child", "--i", "1000")
            if self.owner_of(name) == node:
                return name
        pytest.fail(f"{node} owns none of forty environments")

    def submit(self, name: str, home: str) -> str:
        done = self.machine.hearth("run", "--detach", f"{name}.py", "main", "--n", str(CHILDREN), HEARTH_SOCKET=self.socket_of(home))
        return done.stdout.split()[0]

    def kill(self, node: str) -> float:
        pid = self.machine.pid(node)
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        wait_until(lambda: not alive(pid), f"{node} to be dead")
        return killed

    def finished(self) -> int:
        return sum(i < CHILDREN for _, i, _ in self.ledger.lines("end"))


CASES: Dict[str, Tuple[str, str, str]] = {  # owner, home, who is killed: by their place, "leader" or a "follower"
    "the owner": ("first", "second", "first"),
    "the home": ("second", "first", "first"),
    "the leader": ("first", "first", "leader"),
    "owner and home": ("first", "first", "first"),
    "owner, home and leader": ("leader", "leader", "leader"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_killed_node_costs_seconds_and_no_work(machine: Machine, case: str, capsys: Any) -> None:
    loss = Loss(machine)
    leader = loss.leader()
    first, second = (name for name in sorted(machine.nodes()) if name != leader)
    owner, home, victim = ({"leader": leader, "first": first, "second": second}[who] for who in CASES[case])
    name = loss.environment_owned_by(owner)
    run = loss.submit(name, home)
    wait_until(lambda: loss.finished() >= KILLED_AFTER, "a quarter of the children")
    killed = loss.kill(victim)
    result = wait_until(lambda: _ended(machine, run), "the run to end", 120)
    ledger = loss.ledger
    starts = Counter(i for _, i, _ in ledger.lines("begin"))
    again = sum(count > 1 for i, count in starts.items() if i < CHILDREN)
    took = max(at for at, _, _ in ledger.lines("end")) - killed
    with capsys.disabled():
        print(f"\n{case} killed: gap {ledger.gap(killed):.2f} s, {again} of {CHILDREN} children executed again, "
              f"main {len(ledger.lines('main'))} times, the rest took {took:.1f} s")
    assert result["phase"] == "SUCCEEDED", result
    assert result["result"] == sum(i * i for i in range(CHILDREN))
    if os.environ.get("SHOW"):
        with capsys.disabled():
            print(machine.logs())


def _ended(machine: Machine, run: str) -> Any:
    done = machine.hearth("get", "run", run, "-o", "json", status=None)
    if done.returncode != 0:
        return None
    found = json.loads(done.stdout)
    row = found[0] if isinstance(found, list) else found
    return row if row["phase"] not in ("QUEUED", "RUNNING") else None
