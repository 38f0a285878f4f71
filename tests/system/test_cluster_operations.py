"""What operators do to a cluster while it works: restart, upgrade, drain, join, replace voters. No run fails meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Dict, Iterator, List

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
