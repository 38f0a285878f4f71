"""Replicas come with demand and go with time, in a real node; the timers are an operator's short ones."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List

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


def events(node: Node, environment: str) -> List[Dict[str, Any]]:
    return json.loads(node.command("get", "events", environment, "-o", "json").stdout)


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
    wait_until(lambda: [row["kind"] for row in events(node, "pool")].count("ended") == 3, "three ends in the journal")

    told = events(node, "pool")
    kinds = [row["kind"] for row in told]
    assert kinds[0] == "pool_made" and kinds.count("ready") == 3 and "lost" not in kinds
    decisions = [row["decision"] for row in told if row["kind"] == "decided"]
    assert all(one["reproduced"] for one in decisions)
    assert sum(one["start"] for one in decisions) == sum(one["end"] for one in decisions) == 3
    rules = [one["rule"] for one in decisions]
    assert rules[0] in ("minimum", "demand") and "at_maximum" in rules
    assert rules[-1] == "idle_ttl" and decisions[-1]["end"] == 1 and "scaledown_ttl" in rules

    words = node.command("explain", "scaling", "pool").stdout
    assert "It may have 1 to 3 replicas" in words and "nothing to do for scaledown_ttl" in words and "[idle_ttl]" in words


def test_whoever_asks_why_about_an_environment_that_is_not_there_hears_what_there_is(node: Node) -> None:
    refused = node.command("explain", "scaling", "nobody", status=1)
    assert "hearth get environments" in refused.stderr


RECYCLING = """
import os, time
import hearth

kept = hearth.TaskEnvironment(
    "kept", reusable=hearth.ReusePolicy(replicas=1, idle_ttl=60, recycle=hearth.Recycle(calls=10))
)
fresh = hearth.TaskEnvironment(
    "fresh", reusable=hearth.ReusePolicy(replicas=(1, 2), idle_ttl=60, hygiene="fork")
)
loaded = []

@fresh.on_start
def load() -> None:
    loaded.append(os.getpid())

@kept.task
def pid(n: int) -> int:
    time.sleep(0.003)
    return os.getpid()

@fresh.task
def once(n: int) -> tuple[int, int]:
    loaded.append(0)
    return os.getpid(), len(loaded)

if __name__ == "__main__":
    print(len(set(hearth.map(pid, range(200)))))
    seen = list(hearth.map(once, range(20)))
    print(len({process for process, _ in seen}), {length for _, length in seen})
"""


def test_replicas_are_recycled_without_a_lost_call_and_forked_for_each_where_the_policy_says_so(node: Node) -> None:
    node.write("recycling.py", RECYCLING)
    kept, fresh = node.python("recycling.py").stdout.splitlines()
    assert 2 <= int(kept) <= 20  # each serves at least ten calls
    assert fresh == "20 {2}"  # a process each, from a parent that has loaded once
    (row,) = [row for row in node.rows("environments") if row["name"] == "kept"]
    assert row["recycled"] >= 1 and row["failed"] == 0 and row["lost"] == 0
    assert "has served its calls" in node.command("get", "events", "kept").stdout


def test_changed_code_makes_a_pool_that_says_what_changed(node: Node) -> None:
    program = "import hearth\nenv = hearth.TaskEnvironment('e', reusable=hearth.ReusePolicy(replicas=1{more}))\n"
    program += "@env.task\nasync def f() -> int:\n    return {value}\n"
    for value, more, reason in (
        (1, "", "first use"),
        (2, "", "its code changed"),
        (2, ", concurrency=4", "concurrency 1 -> 4"),
    ):
        node.write("changing.py", program.format(value=value, more=more))
        assert node.command("run", "changing.py", "f").stdout.split()[-1] == str(value)
        rows = [row for row in node.rows("environments") if row["name"] == "e" and reason in row["reason"]]
        assert len(rows) == 1, reason


def test_each_run_has_replicas_of_its_own_where_the_policy_says_so(node: Node) -> None:
    seen = [node.command("run", "scaling.py", "pid").stdout.split()[-1] for _ in range(3)]
    assert len(set(seen)) == 3


SEEDS = """
import asyncio, os, time
import hearth

# The text of the module runs in the zygote, once; what must be once per replica is a start hook.
model_env = hearth.TaskEnvironment("model", reusable=hearth.ReusePolicy(replicas=2, concurrency=10, idle_ttl=60))
batch_env = hearth.TaskEnvironment("batch-processor", reusable=hearth.ReusePolicy(replicas=4, idle_ttl=300))
loads = []

@model_env.on_start
async def load() -> None:
    loads.append(os.getpid())

@model_env.task
async def predict(n: int) -> tuple[int, int]:
    await asyncio.sleep(0.01)
    return os.getpid(), len(loads)

@batch_env.task
def process_item(n: int) -> int:
    time.sleep(0.05)
    return os.getpid()

@batch_env.task
async def batch_workflow(n: int) -> int:
    pids = await asyncio.gather(*(process_item.aio(i) for i in range(n)))
    return len(set(pids))

if __name__ == "__main__":
    seen = list(hearth.map(predict, range(200)))
    print(len({process for process, _ in seen}), {count for _, count in seen})
    print(hearth.run(batch_workflow, 40).result())
"""


def test_a_model_is_loaded_once_per_replica_and_a_batch_uses_its_four_replicas(node: Node) -> None:
    node.write("seeds.py", SEEDS)
    model, batch = node.python("seeds.py").stdout.splitlines()
    assert model == "2 {1}"
    assert batch == "4"
