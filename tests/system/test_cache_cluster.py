"""The cache of a cluster of three: what one node has computed, all of them know, and equal serialized calls execute once."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Dict, List

import pytest

from machine import Machine
from waiting import PATIENCE, alive, wait_until

# Executions write a line outside of what any node keeps. A client waits for a line on its input, asks, and prints when each of
# its answers came.
PROGRAM = """
    import json, os, sys, time
    import hearth

    env = hearth.TaskEnvironment("kept", reusable=hearth.ReusePolicy(replicas=(0, 3)), mounts=({outside!r} + ":rw",))
    once = hearth.Cache("override", version_override="1", serialize=True)


    def note(what):
        with open({ledger!r}, "ab", buffering=0) as ledger:
            ledger.write((json.dumps([time.monotonic(), os.uname().nodename, what]) + "\\n").encode())


    @env.task(cache=hearth.Cache("override", version_override="1"))
    def square(n: int) -> int:
        note(n)
        return n * n


    @env.task(cache=hearth.Cache("override", version_override="1"))
    def large(n: int) -> bytes:
        note(n)
        return bytes([n]) * (3 << 20)


    @env.task(cache=once)
    def slow(n: int, seconds: float) -> float:
        note(n)
        time.sleep(seconds)
        return time.monotonic()


    if __name__ == "__main__":
        number, calls, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
        hearth.init()
        square.remote(0)
        print("ready", flush=True)
        sys.stdin.readline()
        handles = [slow.spawn(number, seconds) for _ in range(calls)]
        answers = []
        for handle in handles:
            value = handle.result()
            answers.append([value, time.monotonic()])
        print(json.dumps(answers), flush=True)
"""
NODES = ("node-1", "node-2", "node-3")


class Kept:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        outside = machine.home / "outside"
        outside.mkdir()
        self.ledger = outside / "ledger"
        text = textwrap.dedent(PROGRAM).format(outside=str(outside), ledger=str(self.ledger))
        (machine.home / "kept.py").write_text(text)
        machine.hearth("cluster", "up", "--nodes", "3")

    def executions(self, what: int) -> int:
        lines = self.ledger.read_text().splitlines() if self.ledger.exists() else []
        return sum(1 for line in lines if json.loads(line)[2] == what)

    def socket_of(self, node: str) -> str:
        return str(self.machine.cluster / f"{node}.sock")

    def square(self, n: int, node: str) -> int:
        done = self.machine.hearth("run", "kept.py", "square", "--n", str(n), HEARTH_SOCKET=self.socket_of(node))
        return int(done.stdout)

    def client(self, node: str, number: int, calls: int, seconds: float) -> "subprocess.Popen[str]":
        """A program whose node this is, and that is ready to ask."""
        variables = {**self.machine.variables, "HEARTH_SOCKET": self.socket_of(node)}
        command = [sys.executable, "kept.py", str(number), str(calls), str(seconds)]
        pipe = subprocess.PIPE
        client = subprocess.Popen(command, cwd=self.machine.home, env=variables, stdin=pipe, stdout=pipe, text=True)
        assert client.stdout is not None
        assert client.stdout.readline() == "ready\n"
        return client


def begin(client: "subprocess.Popen[str]") -> None:
    assert client.stdin is not None
    client.stdin.write("\n")
    client.stdin.flush()


def answers_of(client: "subprocess.Popen[str]") -> List[List[float]]:
    out, _ = client.communicate(timeout=PATIENCE)
    assert client.returncode == 0
    found: List[List[float]] = json.loads(out)
    return found


@pytest.fixture
def kept(machine: Machine) -> Kept:
    return Kept(machine)


def test_what_one_node_has_computed_is_known_to_all(kept: Kept) -> None:
    assert [kept.square(2, node) for node in NODES] == [4, 4, 4]
    assert kept.executions(2) == 1
    for node in NODES:
        done = kept.machine.hearth("run", "kept.py", "large", "--n", "5", HEARTH_SOCKET=kept.socket_of(node))
        assert len(done.stdout) > (3 << 20)
    assert kept.executions(5) == 1


def test_what_is_kept_survives_a_node_and_a_restart_of_all(kept: Kept) -> None:
    assert kept.square(3, "node-1") == 9
    pid = kept.machine.pid("node-1")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), "node-1 to be dead")
    assert kept.square(3, "node-2") == 9
    assert kept.executions(3) == 1
    kept.machine.hearth("cluster", "up")
    kept.machine.hearth("cluster", "down")
    kept.machine.hearth("cluster", "up")
    assert [kept.square(3, node) for node in NODES] == [9, 9, 9]
    assert kept.executions(3) == 1


def test_a_thousand_equal_serialized_calls_from_all_nodes_execute_once(kept: Kept) -> None:
    clients = [kept.client(node, 7, 334, 1.0) for node in NODES]
    for client in clients:
        begin(client)
    answers = [answer for client in clients for answer in answers_of(client)]
    assert len(answers) == 1002
    assert kept.executions(7) == 1
    assert len({value for value, _ in answers}) == 1
    late = sorted(1000 * (came - value) for value, came in answers)
    print(f"\n1,002 answers, {statistics.median(late):.1f} ms (median) and {late[-1]:.1f} ms (last) after the task had its value")


def holder_of_leave(kept: Kept, clients: Dict[str, "subprocess.Popen[str]"]) -> str:
    """The node whose client began first, and whose call executes."""
    first = next(iter(clients))
    begin(clients[first])
    wait_until(lambda: kept.executions(8) == 1, "the first call to execute")
    for node, client in clients.items():
        if node != first:
            begin(client)
    return first


@pytest.mark.parametrize("victim", NODES)
def test_when_the_node_of_the_caller_that_executes_is_killed_another_one_takes_over_once(kept: Kept, victim: str) -> None:
    order = [victim, *(node for node in NODES if node != victim)]
    clients = {node: kept.client(node, 8, 20, 2.0) for node in order}
    owner = holder_of_leave(kept, clients)
    pid = kept.machine.pid(owner)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), f"{owner} to be dead")
    clients[owner].kill()
    clients[owner].communicate()
    answers = [answer for node in order[1:] for answer in answers_of(clients[node])]
    assert len(answers) == 40
    assert len({value for value, _ in answers}) == 1
    assert kept.executions(8) == 2
    begun: List[Any] = [json.loads(line) for line in Path(kept.ledger).read_text().splitlines()]
    first, second = (at for at, _, what in begun if what == 8)
    print(f"\nowner {owner} killed: the next execution began {second - first:.2f} s after the first")


def test_who_executes_on_a_node_that_hangs_is_replaced_and_cannot_have_its_result_kept(kept: Kept) -> None:
    clients = {node: kept.client(node, 8, 10, 1.5) for node in NODES}
    owner = holder_of_leave(kept, clients)
    pid = kept.machine.pid(owner)
    os.kill(pid, signal.SIGSTOP)
    try:
        answers = [answer for node in NODES if node != owner for answer in answers_of(clients[node])]
        assert kept.executions(8) == 2
    finally:
        os.kill(pid, signal.SIGCONT)
    official = {value for value, _ in answers}
    assert len(answers) == 20 and len(official) == 1
    late = answers_of(clients[owner])  # without a lease it may execute what waited there, and nobody is given that
    assert len(late) == 10
    executed = kept.executions(8)
    again = [kept.client(node, 8, 1, 1.5) for node in NODES]
    for client in again:
        begin(client)
    assert {value for client in again for value, _ in answers_of(client)} == official
    assert kept.executions(8) == executed
