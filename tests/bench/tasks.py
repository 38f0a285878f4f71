"""What every contender of the benchmark runs: one-line functions, and the same as Hearth tasks."""

from __future__ import annotations

import hearth


def square(x: int) -> int:
    return x * x


def length(data: bytes) -> int:
    return len(data)


one = hearth.TaskEnvironment("bench-one", reusable=hearth.ReusePolicy(replicas=1, idle_ttl=600))
two = hearth.TaskEnvironment("bench-two", reusable=hearth.ReusePolicy(replicas=2, idle_ttl=600))
many = hearth.TaskEnvironment("bench-async", reusable=hearth.ReusePolicy(replicas=2, concurrency=100, idle_ttl=600))
forks = hearth.TaskEnvironment("bench-fork", preload=("numpy",))


@one.task
def square_one(x: int) -> int:
    return x * x


@one.task
def length_one(data: bytes) -> int:
    return len(data)


@two.task
def square_two(x: int) -> int:
    return x * x


@many.task
async def square_async(x: int) -> int:
    return x * x


@forks.task
def square_fresh(x: int) -> int:
    return x * x
