"""A node of a cluster that was away: it gets what it should hold, and what was invalidated meanwhile goes, without any lookup."""

from __future__ import annotations

import json
import os
import signal
import textwrap
from pathlib import Path
from typing import Any, Dict

from machine import Machine
from waiting import alive, wait_until

PROGRAM = """
    import sys
    import hearth

    env = hearth.TaskEnvironment("kept", reusable=hearth.ReusePolicy(replicas=(0, 2), concurrency=1))


    @env.task(cache=hearth.Cache("override", version_override="1"))
    def square(n: int) -> int:
        return n * n


    @env.task(cache=hearth.Cache("override", version_override="1"))
    def cube(n: int) -> int:
        return n * n * n


    @env.task(cache=hearth.Cache("override", version_override="1"))
    def large(n: int) -> bytes:
        return bytes([n]) * (1 << 20)


    if __name__ == "__main__":
        task, first, end = globals()[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])
        hearth.init()
        for handle in [task.spawn(n) for n in range(first, end)]:
            handle.result()
"""


def _call(machine: Machine, task: str, first: int, end: int, node: str = "node-1") -> None:
    machine.run(os.environ.get("HEARTH_PYTHON", "/usr/bin/python3"), "kept.py", task, str(first), str(end),
                HEARTH_SOCKET=str(machine.cluster / f"{node}.sock"))  # fmt: skip


def _stats(machine: Machine, node: str) -> Dict[str, Any]:
    """What this node says of itself."""
    done = machine.hearth("cache", "stats", "-o", "json", status=None, HEARTH_SOCKET=str(machine.cluster / f"{node}.sock"))
    rows = json.loads(done.stdout) if done.returncode == 0 else []
    own: Dict[str, Any] = next((row for row in rows if row["node"] == node), {"figures": [{}]})
    return {**own, **own["figures"][0]}


def _entries(machine: Machine, node: str) -> int:
    return int(_stats(machine, node).get("entries", 0))


def _have(machine: Machine, nodes: "tuple[str, ...]", entries: int) -> None:
    """Waits until each of these has so many entries; says what they have when they do not get there."""
    wait_until(
        lambda: all(_entries(machine, node) == entries for node in nodes),
        lambda: f"{entries} entries in each of {nodes}: {[_stats(machine, node) for node in nodes]}\n{machine.logs()}",
    )


def _files(machine: Machine, node: str) -> "set[Path]":
    return {file for file in (machine.cluster / node / "cache" / "values").iterdir() if file.suffix != ".new"}


def test_a_node_that_was_away_gets_what_was_kept_and_loses_what_was_invalidated(machine: Machine) -> None:
    (machine.home / "kept.py").write_text(textwrap.dedent(PROGRAM))
    machine.hearth("cluster", "up", "--nodes", "3")
    _call(machine, "cube", 0, 20)
    _call(machine, "large", 0, 1)
    _have(machine, ("node-1", "node-2", "node-3"), 21)
    pid = machine.pid("node-3")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), "node-3 to be dead")
    (lost,) = _files(machine, "node-3")
    lost.unlink()
    machine.hearth("cache", "delete", "--task", "kept.cube")

    def kept() -> bool:  # a node may have no leave to keep for a moment, when the lost one led: then it executes all the same
        _call(machine, "square", 0, 200)
        return _entries(machine, "node-1") == 201

    wait_until(kept, "the results to be kept")
    _have(machine, ("node-1", "node-2"), 201)
    machine.hearth("cluster", "up")
    _have(machine, ("node-3",), 201)
    back = _stats(machine, "node-3")
    assert (back["hits"], back["misses"]) == (0, 0)
    assert back["mended"] == 201
    assert back["outdated"] == 20
    assert back["damaged"] == 1
    assert _files(machine, "node-3") == {lost}
    for node in ("node-1", "node-2"):
        assert _entries(machine, node) == 201
        assert _stats(machine, node)["mended"] == 0
    assert json.loads(machine.hearth("cache", "list", "--task", "kept.cube", "-o", "json").stdout) == []
