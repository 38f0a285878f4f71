"""Hits among a thousand results and among many, and a node that starts with them: `tools/bench --cache` calls this."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import time
from typing import Any, Callable, Iterable, List

import hearth
from compare import asked

SAMPLES = 20_000
FEW = 1000
DISK_PATIENCE_S = 120
AT_ONCE = 100_000  # results that are made by one map

env = hearth.TaskEnvironment("bench-many", reusable=hearth.ReusePolicy(replicas=(0, 2), concurrency=100))


@env.task(cache=hearth.Cache("override", version_override="1"))
async def squared(x: int) -> int:
    return x * x


def command(*words: str) -> None:
    subprocess.run([os.environ.get("HEARTH_COMMAND", "hearth"), *words], check=True, stdout=subprocess.DEVNULL)


def fill(begin: int, end: int) -> None:
    for first in range(begin, end, AT_ONCE):
        last = min(end, first + AT_ONCE)
        assert list(hearth.map(squared, range(first, last))) == [x * x for x in range(first, last)]


def p50_us(get: Callable[[int], Any], inputs: Iterable[int]) -> float:
    """Of calls one after another, each of which returns the square of its input."""
    times: List[int] = []
    for x in inputs:
        began = time.perf_counter_ns()
        value = get(x)
        times.append(time.perf_counter_ns() - began)
        assert value == x * x
    return statistics.median(times) / 1000


def drawn(among: int) -> List[int]:
    order = random.Random(among)
    return [order.randrange(among) for _ in range(SAMPLES)]


def started_in() -> float:
    """Seconds that a start of the node takes until it answers, at the command line."""
    command("node", "stop", "--grace", "2")
    began = time.perf_counter()
    command("node", "start")
    took = time.perf_counter() - began
    squared.remote(0)  # connects again
    return took


def entries_kept() -> int:
    return int(asked("cache", "stats")[0]["figures"][0]["entries"])


def await_kept(entries: int) -> float:
    """Until so many results are on the disk; how many seconds that takes. What waits for the disk is answered from memory."""
    began = time.perf_counter()
    while time.perf_counter() - began < DISK_PATIENCE_S:
        try:
            if entries_kept() >= entries:
                return time.perf_counter() - began
        except subprocess.CalledProcessError:  # the question waits behind what is written, and has given up
            continue
        time.sleep(0.2)
    raise SystemExit(f"The node has not kept {entries:,} results within {DISK_PATIENCE_S} s.")


def many(entries: int) -> None:
    """Prints what a hit takes among `FEW` results and among so many, and what a start with them takes."""
    print("\nhits among more results, seen by a Python client, drawn at random, p50 (µs)")
    command("cache", "delete", "--all")
    quick_start = started_in()
    fill(0, FEW)
    few = p50_us(squared.remote, drawn(FEW))
    print(f"  {FEW:>9,} results {few:>10,.1f}")
    began = time.perf_counter()
    fill(FEW, entries)
    took = time.perf_counter() - began + await_kept(entries)
    among = p50_us(squared.remote, drawn(entries))
    print(f"  {entries:>9,} results {among:>10,.1f} {among / few:8.2f} x   (executed and kept at {(entries - FEW) / took:,.0f} a second)")
    slow_start = started_in()
    print(f"  start of a node: {quick_start:.2f} s with nothing kept, {slow_start:.2f} s with {entries_kept():,} results")
    after = p50_us(squared.remote, drawn(entries))
    rows = [row for row in asked("get", "environments") if row["name"] == env.name]
    print(f"  after the start {after:>13,.1f} {after / few:8.2f} x   with {rows[0]['replicas'] if rows else 0} replicas and {rows[0]['done'] if rows else 0} executions")
