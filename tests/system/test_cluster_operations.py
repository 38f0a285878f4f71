"""What operators do to a cluster while it works: restart, upgrade, drain, join, replace voters. No run fails meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from typing import Any, Iterator, List

import pytest

from machine import Daemon, Machine
from waiting import alive, wait_until

# Submits runs, each with children, one after the other in some threads until a file appears; then says what became of them.
LOAD = """
    import json, pathlib, sys, threading, time
    import hearth

    env = hearth.TaskEnvironment("load", reusable=hearth.ReusePolicy(replicas=(1, 3), idle_ttl=300))
    driver = env.clone_with(name="load-driver", reusable=None, depends_on=[env])


    @env.task
    def step(x: int) -> int:
        time.sleep(0.02)
        return x + 1


    @driver.task
    def work(x: int) -> int:
        return sum(hearth.map(step, [x, x + 1, x + 2]))


    def load(stop, calls):
        done, wrong = 0, []
        while not stop.exists():
            try:
                value = step.remote(done) if calls else hearth.run(work, x=done).result()
            except Exception as error:
                wrong.append(f"{type(error).__name__}: {error}")
                continue
            if value != (done + 1 if calls else 3 * done + 6):
                wrong.append(f"{done} gave {value}")
            done += 1
            if done % 5 == 0:
                print(done, flush=True)
        return done, wrong


    if __name__ == "__main__":
        stop, calls, results = pathlib.Path(sys.argv[1]), sys.argv[2] == "calls", []
        threads = [threading.Thread(target=lambda: results.append(load(stop, calls))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(json.dumps({"done": sum(done for done, _ in results), "wrong": [each for _, wrong in results for each in wrong]}))
"""


class Load:
    """Work that goes on while something is done to the cluster."""

    def __init__(self, machine: Machine, kind: str, **variables: str) -> None:
        self.machine = machine
        self.stop = machine.home / f"stop-{kind}"
        self.stop.unlink(missing_ok=True)
        self.output = machine.home / f"load-{kind}"
        (machine.home / "load.py").write_text(textwrap.dedent(LOAD))
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen([sys.executable, "load.py", str(self.stop), kind], cwd=machine.home, stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=subprocess.STDOUT, env={**machine.variables, **variables})  # fmt: skip
        self.goes_on()

    def lines(self) -> List[str]:
        return self.output.read_text().splitlines()

    def goes_on(self) -> None:
        """Waits for some more of it to be done."""
        before = len(self.lines())
        wait_until(lambda: len(self.lines()) >= before + 4 or self.process.poll() is not None, "work to be done")
        assert self.process.poll() is None, self.output.read_text()

    def end(self) -> int:
        """How much was done; fails when anything went wrong."""
        self.stop.touch()
        self.process.wait(90)
        report = json.loads(self.lines()[-1])
        assert report["wrong"] == [], f"{report}\n{self.machine.logs()}"
        assert report["done"] > 0
        return int(report["done"])


@contextlib.contextmanager
def work_on(machine: Machine, kind: str = "runs", **variables: str) -> Iterator[Load]:
    load = Load(machine, kind, **variables)
    try:
        yield load
        load.end()
    finally:
        load.process.kill()
        load.process.wait()


NAMES = ("node-1", "node-2", "node-3")


def is_up(machine: Machine, node: str, **variables: str) -> bool:
    done = machine.hearth("cluster", "status", "-o", "json", status=None, **variables)
    rows = json.loads(done.stdout)["nodes"] if done.returncode == 0 else []
    return any(row["name"] == node and row["state"] == "up" for row in rows)


def replicas_on(machine: Machine, node: str) -> List[Any]:
    return [row for row in json.loads(machine.hearth("get", "replicas", "-o", "json").stdout) if row["node"] == node]


def end_politely(machine: Machine, node: str) -> None:
    pid = machine.pid(node)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not alive(pid), f"{node} to end")


def restart(machine: Machine, node: str, **variables: str) -> None:
    """As docs/operating.md says: drain, wait, restart, undrain, wait."""
    machine.hearth("node", "drain", node)
    wait_until(lambda: not replicas_on(machine, node), f"no replica to be left on {node}")
    end_politely(machine, node)
    machine.hearth("cluster", "up", **variables)
    machine.hearth("node", "undrain", node)
    wait_until(lambda: is_up(machine, node), f"{node} to be up")


def test_each_node_is_restarted_under_load_and_no_run_fails(three: Machine) -> None:
    before = {name: three.pid(name) for name in NAMES}
    with work_on(three) as load:
        for name in NAMES:
            restart(three, name)
            load.goes_on()
    assert all(three.pid(name) != before[name] for name in NAMES)


def test_a_node_that_is_drained_gives_its_replicas_away_and_no_call_fails(three: Machine) -> None:
    with work_on(three, "calls") as load:
        for name in NAMES:
            three.hearth("node", "drain", name)
            wait_until(lambda: not replicas_on(three, name), f"no replica to be left on {name}")
            load.goes_on()
            assert not replicas_on(three, name)
            three.hearth("node", "undrain", name)


# -- members and voters ------------------------------------------------------------------------------------------------


def start_cluster(daemons: Any, *names: str) -> List[Daemon]:
    """Machines of their own: the first makes the cluster, the others join through it."""
    first, *others = [daemons(name) for name in names]
    first.hearth("cluster", "init", "--name", "lab", "--listen", first.listen)
    first.start()
    wait_until(lambda: first.is_up_at(first), f"{first.name} to be up")
    for other in others:
        join(other, first)
    return [first, *others]


def join(newcomer: Daemon, through: Daemon) -> None:
    token = through.hearth("cluster", "token").stdout.strip()
    newcomer.hearth("node", "join", token, "--listen", newcomer.listen)
    newcomer.start()
    wait_until(lambda: newcomer.is_up_at(through), f"{newcomer.name} to be up")


def voters(at: Daemon) -> List[str]:
    return sorted(name for name, row in at.members().items() if row["voter"])


def kill(daemon: Daemon) -> None:
    assert daemon.process is not None
    daemon.process.kill()
    daemon.process.wait(60)


def test_one_voter_becomes_three_under_load_and_a_dead_one_is_replaced(machine: Machine, daemons: Any) -> None:
    alpha, beta, gamma, delta = start_cluster(daemons, "alpha", "beta", "gamma", "delta")
    assert voters(alpha) == ["alpha"]
    with work_on(machine, **alpha.variables) as load:
        alpha.hearth("cluster", "voters", "set", "alpha", "beta", "gamma")
        wait_until(lambda: voters(alpha) == ["alpha", "beta", "gamma"], "three voters")
        load.goes_on()
        kill(gamma)
        load.goes_on()
        alpha.hearth("cluster", "voters", "set", "alpha", "beta", "delta")
        wait_until(lambda: voters(alpha) == ["alpha", "beta", "delta"], "delta to vote")
        load.goes_on()
        kill(beta)  # with delta there still is a majority
        load.goes_on()
    alpha.hearth("node", "remove", "gamma")


HIGHEST, LOWEST = "ffffffff-ffff-4fff-bfff-fffffffffff0", "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize("node_id", [HIGHEST, LOWEST], ids=["dialed by all", "dials all"])
def test_a_machine_joins_through_any_member_also_when_that_one_stops_right_after(machine: Machine, daemons: Any, node_id: str) -> None:
    members = start_cluster(daemons, "alpha", "beta", "gamma")
    alpha = members[0]
    alpha.hearth("cluster", "voters", "set", "alpha", "beta", "gamma")
    key = alpha.state / "cluster" / "ca.key"
    for other in members[1:]:
        kill(other)
        copy = other.state / "cluster" / "ca.key"
        copy.write_bytes(key.read_bytes())
        copy.chmod(0o600)
        other.start()
        wait_until(lambda: other.is_up_at(alpha), f"{other.name} to be up again")
    for number, signer in enumerate(members):
        newcomer = daemons(f"new{number}")
        newcomer.state.mkdir(mode=0o700)
        (newcomer.state / "node-id").write_text(node_id[:-1] + str(number) + "\n")
        token = signer.hearth("cluster", "token").stdout.strip()
        newcomer.hearth("node", "join", token, "--listen", newcomer.listen)
        kill(signer)
        newcomer.start()
        others = [member for member in members if member is not signer]
        for other in others:
            wait_until(lambda: newcomer.is_up_at(other), f"{newcomer.name} to be up without {signer.name}")
        signer.start()
        wait_until(lambda: newcomer.is_up_at(signer), f"{signer.name} to know {newcomer.name}")


# -- upgrades ----------------------------------------------------------------------------------------------------------

NEXT = {"HEARTH_TEST_VERSIONS_AHEAD": "1"}
AFTER_NEXT = {"HEARTH_TEST_VERSIONS_AHEAD": "2"}


def test_nodes_are_upgraded_by_one_version_under_load_and_no_run_fails(three: Machine) -> None:
    with work_on(three) as load:
        for name in NAMES:
            restart(three, name, **NEXT)
            load.goes_on()
    end_politely(three, "node-2")  # all are of the next version: there is no way back
    done = three.hearth("cluster", "up", status=1)
    levels = re.search(r"understands feature level (\d+), this cluster writes level (\d+); install a newer Hearth there", done.stderr)
    assert levels and int(levels[2]) == int(levels[1]) + 1, done.stderr


def test_a_node_that_is_two_versions_ahead_is_refused_with_the_reason(three: Machine) -> None:
    end_politely(three, "node-2")
    assert three.hearth("cluster", "up", status=1, **AFTER_NEXT).returncode == 1
    assert "of the link, this node 1 to 1; upgrade the older one" in (three.cluster / "node-1" / "hearthd.log").read_text()
    at_node_1 = {"HEARTH_SOCKET": str(three.cluster / "node-1.sock")}
    assert three.hearth("run", "squares.py", "square", "--x", "2", **at_node_1).stdout.strip() == "4"
