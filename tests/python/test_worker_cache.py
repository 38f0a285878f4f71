"""Child calls of cached tasks: their keys, and how a run says what they do with the cache."""

from __future__ import annotations

from typing import Callable

import pytest
import wire
from scripted_node import Zygote
from worker_fixtures import make, python  # noqa: F401

import hearth
from hearth import _frames, _values
from hearth._values import keys

Make = Callable[..., Zygote]

CODE = """
@env.task(cache=True, cache_version="1")
def square(x: int) -> int:
    return x * x

@env.task
def plain(x: int) -> int:
    return x

@env.task
def middle(x: int) -> int:
    return square(x)

@env.task
def parent(x: int) -> list:
    return [square(x), plain(x), middle(x), square.spawn(x).result(), *hearth.map(square, [x])]

@env.task
async def parent_aio(x: int) -> list:
    return [await square.aio(x), *[y async for y in hearth.map.aio(square, [x])]]
"""


def item(x: int, mode: int = keys.USED) -> bytes:
    def square(x: int) -> int: ...

    task = hearth.TaskEnvironment("demo").task(cache=True, cache_version="1")(square)
    return wire.parted(_values.codec_for(task).encode_arguments({"x": x}, mode))[0]


@pytest.mark.parametrize(
    ("flags", "key"),
    [(0, item(3)), (_frames.CALL_OVERWRITES, item(3, keys.OVERWRITE)), (_frames.CALL_UNCACHED, b"")],
)
def test_children_carry_their_keys_as_their_run_says_through_all_levels(make: Make, flags: int, key: bytes) -> None:
    replica = make(CODE, "square", "plain", "middle", "parent").start()
    assert replica.call(3, {"x": 3}, flags=flags | _frames.CALL_IN_RUN) == [9, 3, 9, 9, 9]
    assert replica.cache_keys == [key, b"", b"", key, key, key]


def test_children_of_async_tasks_carry_their_keys(make: Make) -> None:
    replica = make(CODE, "square", "async parent_aio").start()
    assert replica.call(1, {"x": 3}) == [9, 9]
    assert replica.cache_keys == [item(3)] * 2


def test_an_interpreter_opens_an_environment_with_the_version_that_a_program_opens_it_with(make: Make) -> None:
    code = """
LIMIT = 2
other = hearth.TaskEnvironment("other", cache="auto")

@other.task
def limited(x: int) -> int:
    return min(x, LIMIT)

@env.task
def parent(x: int) -> str:
    limited(x)
    return limited.caching()["version"]
"""
    replica = make(code, "limited", "parent").start()
    version = replica.call(1, {"x": 3})
    assert [task["caching"]["version"] for row in replica.opened for task in row["tasks"]] == [version]
