"""How much is kept, and how long: the size of a node's cache, and what is said of a project, which all nodes know and none forgets."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import Any, Dict, List

from conftest import Node
from machine import Machine
from waiting import wait_until

# A block is made when its gate is there, which is no part of its key.
PROGRAM = """
    import os, sys, time
    import hearth

    env = hearth.TaskEnvironment("kept", reusable=hearth.ReusePolicy(replicas=(0, 3)))


    @env.task(cache=hearth.Cache("override", version_override="1", ignored_inputs=("gate",)))
    def block(n: int, gate: str) -> bytes:
        while not os.path.exists(gate):
            time.sleep(0.01)
        return bytes([n]) * 40_000


    @env.task
    def all_of(end: int, gate: str) -> int:
        return sum(len(block(n, gate)) for n in range(end))


    if __name__ == "__main__":
        hearth.init()
        for handle in [block.spawn(n, "/") for n in range(int(sys.argv[1]))]:
            handle.result()
"""


def _figures(stats: str, project: str = "") -> Dict[str, Any]:
    found: List[Dict[str, Any]] = [f for f in json.loads(stats)[0]["figures"] if f["project"] == project]
    return found[0] if found else {}


def test_a_node_keeps_no_more_than_it_is_told_to_and_says_what_went(make_node: Any) -> None:
    node: Node = make_node(HEARTH_CACHE_SIZE="2Mi")
    node.write("kept.py", PROGRAM)
    node.python("kept.py", "120")
    everything = _figures(node.command("cache", "stats", "-o", "json").stdout)
    assert everything["bytesMax"] == 2 << 20
    assert 0 < everything["bytes"] <= 1 << 20  # one project has half of it
    assert everything["evicted"] > 90
    gate = node.home / "gate"
    node.command("run", "--detach", "--name", "again", "kept.py", "all_of", "--end", "120", "--gate", str(gate))

    def statuses() -> "set[str]":
        rows = json.loads(node.command("get", "actions", "again", "-o", "json").stdout)
        return {row["cache"] for row in rows if row["task"] == "kept.block"}

    wait_until(lambda: "EVICTED" in statuses(), "the first call whose result had to go")
    gate.touch()
    wait_until(lambda: "EVICTED" not in statuses() and "POPULATED" in statuses(), "its result to be kept again")


def test_what_is_said_of_a_project_holds_on_all_nodes_and_after_a_restart(machine: Machine) -> None:
    (machine.home / "kept.py").write_text(textwrap.dedent(PROGRAM))
    machine.hearth("cluster", "up", "--nodes", "3")

    def at(node: str, *words: str) -> str:
        return machine.hearth("cache", *words, HEARTH_SOCKET=str(machine.cluster / f"{node}.sock")).stdout

    machine.run(sys.executable, "kept.py", "40", HEARTH_SOCKET=str(machine.cluster / "node-1.sock"))
    wait_until(lambda: _figures(at("node-2", "stats", "-o", "json")).get("entries") == 40, "all nodes to have copies")
    at("node-2", "limit", "--size", "500KiB", "--ttl", "7d")
    said = [{"project": "default", "sizeBytes": 500 << 10, "ttlMs": 7 * 86_400_000}]
    for node in ("node-1", "node-2", "node-3"):
        wait_until(lambda: json.loads(at(node, "limit", "-o", "json")) == said, f"{node} to know of the limits")

    def are_small() -> bool:
        rows = json.loads(at("node-1", "stats", "-o", "json"))
        return len(rows) == 3 and all(row["figures"][0]["bytes"] <= 500 << 10 for row in rows)

    wait_until(are_small, "what is too much to go, on each node")
    machine.hearth("cluster", "down")
    machine.hearth("cluster", "up")
    assert json.loads(at("node-3", "limit", "-o", "json")) == said
    assert all(row["expiresUnixMs"] - row["createdUnixMs"] == 7 * 86_400_000 for row in json.loads(at("node-3", "list", "-o", "json")))
    at("node-3", "limit", "--ttl", "1ms")
    wait_until(lambda: json.loads(at("node-1", "list", "-o", "json")) == [], "what is too old to be served no more")
    at("node-1", "limit", "--size", "none", "--ttl", "none")
    wait_until(lambda: json.loads(at("node-2", "limit", "-o", "json")) == [], "the limits to be taken back")
