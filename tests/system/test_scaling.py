"""Replicas come with demand and go with time, in a real node; the timers are an operator's short ones."""

from __future__ import annotations

from typing import Callable

import pytest
from conftest import Node, wait_until

SCALING = """
import os, time
import hearth

pool = hearth.TaskEnvironment(
    "pool", reusable=hearth.ReusePolicy(replicas=(1, 3), idle_ttl=6, scaledown_ttl=2)
)
own = hearth.TaskEnvironment("own", reusable=hearth.ReusePolicy(replicas=1, scope="run"))

@pool.task
def hold(go: str) -> int:
    while not os.path.exists(go):
        time.sleep(0.01)
    return os.getpid()

@own.task
def pid() -> int:
    return os.getpid()

if __name__ == "__main__":
    import sys
    print(len(set(hearth.map(hold, [sys.argv[1]] * 6))))
"""


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    node = make_node(HEARTH_TEST_TTL_FLOOR_S="1")
    node.start()
    node.write("scaling.py", SCALING)
    return node


def replicas(node: Node) -> int:
    rows = [row for row in node.rows("environments") if row["name"] == "pool"]
    return rows[0]["replicas"] if rows else 0


def test_a_pool_grows_to_its_maximum_shrinks_to_its_minimum_and_ends(node: Node) -> None:
    assert replicas(node) == 0
    go = node.home / "go"
    program = node.start_python("scaling.py", str(go))
    wait_until(lambda: replicas(node) == 3, "three replicas for six calls that do not end")
    go.touch()
    out, err = program.communicate(timeout=60)
    assert (out.strip(), program.returncode) == ("3", 0), err
    wait_until(lambda: replicas(node) == 1, "the replicas above the minimum to end")
    wait_until(lambda: replicas(node) == 0, "the idle pool to end")


def test_each_run_has_replicas_of_its_own_where_the_policy_says_so(node: Node) -> None:
    seen = [node.command("run", "scaling.py", "pid").stdout.split()[-1] for _ in range(3)]
    assert len(set(seen)) == 3
