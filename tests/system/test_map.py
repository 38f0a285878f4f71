"""`hearth.map` on real interpreters, from programs and inside tasks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Node

PROGRAM = """
import asyncio, functools, json, os, sys, time
import hearth

env = hearth.TaskEnvironment("maps", reusable=hearth.ReusePolicy(replicas=2))
loop_env = hearth.TaskEnvironment("async-maps", reusable=hearth.ReusePolicy(replicas=1, concurrency=20))
single = hearth.TaskEnvironment("single", reusable=hearth.ReusePolicy(replicas=1, concurrency=2))

@env.task
def square(x: int) -> int:
    return x * x

@env.task
def scaled(x: float, factor: float = 1.0, offset: float = 0.0) -> float:
    return x * factor + offset

@env.task
def odd_fails(x: int) -> int:
    if x % 2:
        raise LookupError(f"no {x}")
    return x

@env.task
def later(x: int) -> int:
    time.sleep(0.02 * (x % 5))
    return x

@env.task
def sized(data: bytes) -> int:
    return len(data)

@env.task
def nested(n: int, ordered: bool = True) -> int:
    return sum(hearth.map(square, range(n), ordered=ordered, concurrency=7))

@env.task
def nested_failures() -> list:
    found = list(hearth.map(odd_fails, range(4)))
    try:
        list(hearth.map(odd_fails, range(4), return_exceptions=False))
    except LookupError as error:
        found.append(error)
    return [item if isinstance(item, int) else repr(item) for item in found]

@loop_env.task
async def anested(n: int) -> list:
    ordered = [item async for item in hearth.map.aio(square, range(n))]
    loose = [item async for item in hearth.map.aio(square, range(n), ordered=False, concurrency=3)]
    return [ordered, sorted(loose) == ordered]

@single.task
async def tree(depth: int) -> int:
    if depth == 0:
        return 1
    return sum([item async for item in hearth.map.aio(tree, [depth - 1] * 3)])

@env.task
def early(n: int) -> int:
    results = hearth.map(later, range(n))
    first = next(results)
    results.close()
    return first + square(3)

def ordered(): return list(hearth.map(square, range(2000)))
def unordered(): return sorted(hearth.map(later, range(40), ordered=False))
def partial(): return list(hearth.map(functools.partial(scaled, factor=2.0, offset=1.0), [1.0, 2.0]))
def several(): return list(hearth.map(scaled, [1.0, 2.0, 3.0], [10.0, 20.0]))
def failures(): return [str(item) for item in hearth.map(odd_fails, range(4))]
def large(): return list(hearth.map(sized, (bytes(3_000_000) for _ in range(20))))
def inner(): return [nested.remote(200), nested.remote(100, ordered=False)]
def inner_failures(): return nested_failures.remote()
def inner_async(): return anested.remote(50)
def inner_tree(): return tree.remote(4)
def inner_early(): return early.remote(30)

async def both_async():
    async def collect(n):
        return [item async for item in hearth.map.aio(square, range(n))]
    one, two = await asyncio.gather(collect(500), collect(700))
    return [one, two]

def aio(): return asyncio.run(both_async())

def reused():
    results = hearth.map(later, range(1000))
    first = [next(results) for _ in range(5)]
    results.close()
    return [first, square.remote(4)]

if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))
"""

SQUARES = [x * x for x in range(2000)]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("ordered", SQUARES),
        ("unordered", list(range(40))),
        ("partial", [3.0, 5.0]),
        ("several", [10.0, 40.0]),
        ("failures", ["0", "no 1", "2", "no 3"]),
        ("large", [3_000_000] * 20),
        ("aio", [SQUARES[:500], SQUARES[:700]]),
        ("reused", [[0, 1, 2, 3, 4], 16]),
        ("inner", [sum(SQUARES[:200]), sum(SQUARES[:100])]),
        ("inner_failures", [0, "LookupError('no 1')", 2, "LookupError('no 3')", "LookupError('no 1')"]),
        ("inner_async", [SQUARES[:50], True]),
        ("inner_tree", 81),
        ("inner_early", 9),
    ],
)
def test_a_map_gives_what_a_loop_gives(node: Node, what: str, expected: Any) -> None:
    node.write("maps.py", PROGRAM)
    assert json.loads(node.python("maps.py", what).stdout) == expected


def test_a_map_that_is_left_early_leaves_no_calls_behind(node: Node) -> None:
    node.write("maps.py", PROGRAM)
    node.python("maps.py", "reused")
    rows = [row for row in node.rows("environments") if row["name"] == "maps"]
    assert all(int(row["queued"]) == 0 for row in rows)
