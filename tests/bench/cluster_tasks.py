"""What the benchmark of a cluster runs. An environment with `placement="pack"` has all its replicas on the node that owns it;
one with "spread" has one on each node. Which node owns which is the cluster's to decide, so there are three of each."""

from __future__ import annotations

import time
from typing import Any, Dict, NamedTuple

import hearth

KEPT = 3600  # seconds: nothing that was made for the measurement ends within it


class Tasks(NamedTuple):
    """Of one environment."""

    square: Any
    other: Any  # of those that pack: the length of a value; of those that spread: to hold a replica


def pool(name: str, replicas: int, placement: str) -> hearth.TaskEnvironment:
    """An environment whose replicas stay."""
    reuse = hearth.ReusePolicy(replicas=replicas, idle_ttl=KEPT, placement=placement)  # type: ignore[arg-type]
    return hearth.TaskEnvironment(name, reusable=reuse)


def hold() -> None:
    while True:
        time.sleep(0.05)


pack_1 = pool("bench-pack-1", 2, "pack")
pack_2 = pool("bench-pack-2", 2, "pack")
pack_3 = pool("bench-pack-3", 2, "pack")
spread_1 = pool("bench-spread-1", 3, "spread")
spread_2 = pool("bench-spread-2", 3, "spread")
spread_3 = pool("bench-spread-3", 3, "spread")
everywhere = pool("bench-everywhere", 6, "spread")


@pack_1.task
def square_packed_1(x: int) -> int:
    return x * x


@pack_1.task
def length_1(data: bytes) -> int:
    return len(data)


@pack_2.task
def square_packed_2(x: int) -> int:
    return x * x


@pack_2.task
def length_2(data: bytes) -> int:
    return len(data)


@pack_3.task
def square_packed_3(x: int) -> int:
    return x * x


@pack_3.task
def length_3(data: bytes) -> int:
    return len(data)


@spread_1.task
def square_spread_1(x: int) -> int:
    return x * x


@spread_1.task
def hold_1() -> None:
    hold()


@spread_2.task
def square_spread_2(x: int) -> int:
    return x * x


@spread_2.task
def hold_2() -> None:
    hold()


@spread_3.task
def square_spread_3(x: int) -> int:
    return x * x


@spread_3.task
def hold_3() -> None:
    hold()


@everywhere.task
def square_everywhere(x: int) -> int:
    return x * x


PACKED: Dict[str, Tasks] = {
    "bench-pack-1": Tasks(square_packed_1, length_1),
    "bench-pack-2": Tasks(square_packed_2, length_2),
    "bench-pack-3": Tasks(square_packed_3, length_3),
}
SPREAD: Dict[str, Tasks] = {
    "bench-spread-1": Tasks(square_spread_1, hold_1),
    "bench-spread-2": Tasks(square_spread_2, hold_2),
    "bench-spread-3": Tasks(square_spread_3, hold_3),
}
