"""Tasks that tests of the client call; the fake node runs their functions in its own threads."""

from __future__ import annotations

import time
from typing import Any, List

import hearth

env = hearth.TaskEnvironment("client", reusable=hearth.ReusePolicy(replicas=2))


@env.task
def square(x: int) -> int:
    return x * x


@env.task
def join(left: str, right: str = "!") -> str:
    return left + right


@env.task
def fail(x: int) -> int:
    if x % 2:
        raise ValueError(f"{x} is odd")
    return x


@env.task
async def asleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@env.task
def length(data: bytes) -> int:
    return len(data)


@env.task
def echo(data: bytes) -> bytes:
    return data


@env.task
def total(values: List[int]) -> int:
    return sum(values)


@env.task
def filling(data: bytearray) -> List[int]:
    return [data[0], data[-1], len(data)]


@env.task
def anything(values: Any) -> float:
    return float(sum(values))


@env.task
def add(x: int, y: int) -> int:
    return x + y
