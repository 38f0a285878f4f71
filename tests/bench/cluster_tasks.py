"""What the benchmark of a cluster runs. An environment with `placement="pack"` lives where it is called first: that node owns
it, and its replicas start there."""

from __future__ import annotations

import time

import hearth

KEPT = 3600  # seconds: nothing that was made for the measurement ends within it


def pool(name: str, replicas: int, placement: str = "pack") -> hearth.TaskEnvironment:
    """An environment whose replicas stay."""
    reuse = hearth.ReusePolicy(replicas=replicas, idle_ttl=KEPT, placement=placement)  # type: ignore[arg-type]
    return hearth.TaskEnvironment(name, reusable=reuse)


here = pool("bench-here", 2)
there = pool("bench-there", 2)
beyond = pool("bench-beyond", 2)
spread_here = pool("bench-spread-here", 3, "spread")
spread_beyond = pool("bench-spread-beyond", 3, "spread")
everywhere = pool("bench-everywhere", 6, "spread")


@here.task
def square_here(x: int) -> int:
    return x * x


@there.task
def square_there(x: int) -> int:
    return x * x


@there.task
def length_there(data: bytes) -> int:
    return len(data)


@beyond.task
def square_beyond(x: int) -> int:
    return x * x


@beyond.task
def length_beyond(data: bytes) -> int:
    return len(data)


@spread_here.task
def square_spread_here(x: int) -> int:
    return x * x


@spread_here.task
def hold_spread_here() -> None:
    while True:
        time.sleep(0.05)


@spread_beyond.task
def square_spread_beyond(x: int) -> int:
    return x * x


@spread_beyond.task
def hold_spread_beyond() -> None:
    while True:
        time.sleep(0.05)


@everywhere.task
def square_everywhere(x: int) -> int:
    return x * x
