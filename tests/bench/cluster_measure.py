"""How the benchmark of a cluster measures: calls, echoes of the link, and what processes cost."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from typing import Callable, Dict, Iterator, List, NamedTuple, Sequence, Set, Tuple

from compare import asked
from hearth._client.shared import connection


class Node(NamedTuple):
    """One node of the cluster."""

    name: str
    pid: int
    is_leader: bool


class Times(NamedTuple):
    """Of calls one after another, or of echoes, in µs."""

    p50: float
    p99: float


def nodes() -> Dict[str, Node]:
    """By name."""
    leaders = {row["name"] for row in asked("cluster", "status")["nodes"] if row["leader"]}
    return {row["name"]: Node(row["name"], int(row["pid"]), row["name"] in leaders) for row in asked("get", "nodes")}


def times_of(ns: List[int]) -> Times:
    ordered = sorted(ns)
    return Times(ordered[len(ordered) // 2] / 1000, ordered[len(ordered) * 99 // 100] / 1000)


class Tails(NamedTuple):
    """The slow ends of many calls, in µs: p98, p99 and p99.5.

    A call that meets the tick of the scheduler takes twice as long, and calls of 42 µs meet one of 4 ms about once in 95: the
    99th percentile is then one of two values, by chance. Whether a tail has grown is judged on both sides of it.
    """

    p50: float
    far: Tuple[float, float, float]

    def is_bearable(self, *others: Tails) -> bool:
        """Neither side grew by more than 20 % against the slower of the others."""
        sides = (0, 2)
        return all(self.far[side] <= 1.2 * max(other.far[side] for other in others) for side in sides)

    def beside(self, quiet: Tails) -> str:
        """Its columns of a table under `TAILS_HEAD`: in brackets what it is more than `quiet`."""
        far = " ".join(f"{value:>8,.1f} ({value / base - 1:+4.0%})" for value, base in zip(self.far, quiet.far))
        return f"{self.p50:>7,.1f} {far}"


TAILS_HEAD = f"{'p50':>7} {'p98':>16} {'p99':>16} {'p99.5':>16}"


def verdict(holds: bool) -> str:
    return "holds" if holds else "does not hold"


def tails_of(ns: List[int]) -> Tails:
    ordered = sorted(ns)
    p98, p99, p995 = (ordered[len(ordered) * share // 1000] / 1000 for share in (980, 990, 995))
    return Tails(ordered[len(ordered) // 2] / 1000, (p98, p99, p995))


def middle(samples: Sequence[Times]) -> Times:
    return Times(statistics.median(s.p50 for s in samples), statistics.median(s.p99 for s in samples))


# -- calls one after another ----


def sequential(call: Callable[[int], int], calls: int) -> Times:
    return times_of(each(call, calls))


def each(call: Callable[[int], int], calls: int, seconds: float = 60.0) -> List[int]:
    """What each of so many calls took, or of as many as this time allows, in ns."""
    took: List[int] = []
    end = time.perf_counter() + seconds
    for x in range(calls):
        if time.perf_counter() > end:
            break
        began = time.perf_counter_ns()
        result = call(x)
        took.append(time.perf_counter_ns() - began)
        assert result == x * x, f"{result} for {x} squared"
    return took


def echo(to: str, count: int) -> Times:
    """The transport's own echo from node-1, one right after another."""
    row = asked("node", "ping", to, "--count", str(count))
    return Times(row["p50Ns"] / 1000, row["p99Ns"] / 1000)


def echo_per_call(to: str, count: int) -> Times:
    """The same, each asked for by this process when it has the one before: nodes sleep and wake as they do between calls."""
    node = connection()
    return times_of([int(node.ask("ping", {"node": to, "count": 1})["p50Ns"]) for _ in range(count)])


def family(pid: int) -> List[int]:
    """The process and all that descend from it."""
    found = [pid]
    for parent in found:
        for thread in os.listdir(f"/proc/{parent}/task"):
            with open(f"/proc/{parent}/task/{thread}/children", encoding="ascii") as children:
                found += [int(child) for child in children.read().split()]
    return found


def keep_on(cores: Set[int], pids: Sequence[int]) -> None:
    """Whatever they start from now on stays there, too."""
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), cores)


@contextlib.contextmanager
def core_of_its_own(inside: Sequence[int], outside: Sequence[int]) -> Iterator[None]:
    """The last core belongs to those `inside` and what descends from them; all others do with the rest."""
    cores = os.sched_getaffinity(0)
    own = {max(cores)}
    kept = {pid: family(pid) for pid in [*inside, *outside]}
    for pid in outside:
        keep_on(cores - own, kept[pid])
    for pid in inside:
        keep_on(own, kept[pid])
    try:
        yield
    finally:
        for pids in kept.values():
            keep_on(cores, pids)


def resident_mib(pid: int) -> float:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def spent(pid: int) -> float:
    """Seconds of a core, so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
