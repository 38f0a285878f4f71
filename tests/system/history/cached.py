"""Cached reads: each value is one that an execution made for that key, and none is older than an invalidation allows."""

from __future__ import annotations

import bisect
import collections
import dataclasses
from collections.abc import Iterable, Sequence

from history.losses import Loss
from history.violation import Line, Violation, seconds

__all__ = ["CachedReads", "check_cached_reads", "count_cached_reads"]

Scope = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Read:
    invoked: Line
    answered: Line

    @property
    def scope(self) -> Scope:
        return tuple(self.invoked["scope"])


class Invalidations:
    """Those that returned: what they covered, when they were called and when they returned."""

    def __init__(self) -> None:
        self.count = 0
        self._of: dict[Scope, list[tuple[int, int]]] = collections.defaultdict(list)  # (returned, called), then the latest call

    def add(self, scope: Scope, called: int, returned: int) -> None:
        self.count += 1
        self._of[scope].append((returned, called))

    def settle(self) -> None:
        """From here on a time of return stands beside the latest call of all that had returned by then."""
        for calls in self._of.values():
            calls.sort()
            latest = 0
            for at, (returned, called) in enumerate(calls):
                latest = max(latest, called)
                calls[at] = (returned, latest)

    def called_before(self, scope: Scope, t: int) -> int:
        """When the latest was called of those that cover this scope and had returned before `t`; 0: there is none."""
        latest = 0
        for words in range(len(scope) + 1):
            calls = self._of.get(scope[:words])
            if calls:
                at = bisect.bisect_left(calls, (t, 0))
                latest = max(latest, calls[at - 1][1] if at else 0)
        return latest


def _reads_of(history: Iterable[Line]) -> tuple[list[Read], Invalidations]:
    """Answered reads in the order of their answers, and the invalidations."""
    invoked: dict[int, Line] = {}
    reads: list[Read] = []
    invalidations = Invalidations()
    for line in history:
        if line["kind"] == "invoke":
            invoked[line["call"]] = line
        elif line["kind"] == "ok" and line["call"] in invoked:  # check_replies tells of others
            begin = invoked[line["call"]]
            if begin["op"] == "invalidate":
                invalidations.add(tuple(begin["scope"]), int(begin["t"]), int(line["t"]))
            elif begin["op"] == "read":
                reads.append(Read(begin, line))
    invalidations.settle()
    return reads, invalidations


def check_cached_reads(history: Iterable[Line], executions: Iterable[Line]) -> list[Violation]:
    """A read tells which execution made its value. Stale is what a read serves that began after an invalidation of its scope
    had returned, when that execution had begun before the invalidation was called. Wrong is a value that is not the one
    which the execution made, that was made for another key, by nobody, or later than it was told."""
    made = {line["execution"]: line for line in executions}
    reads, invalidations = _reads_of(history)
    found = []
    for read in reads:
        told, execution = read.answered, made.get(read.answered["execution"])
        name = f"the read of {'/'.join(read.scope)} at node {read.invoked['node']} that began at {seconds(read.invoked['t'])}"
        if execution is None:
            found.append(Violation("invented value", f"{name} was told a value of execution {told['execution']}, which there was not."))
            continue
        if tuple(execution["scope"]) != read.scope:
            found.append(Violation("value of another key", f"{name} was told the value of {'/'.join(execution['scope'])}."))
        if told["digest"] != execution["digest"]:
            found.append(Violation("wrong value", f"{name} was told {told['digest']}, but execution {told['execution']} made {execution['digest']}."))
        if execution["t"] > told["t"]:
            found.append(Violation("value before its execution", f"{name} was answered at {seconds(told['t'])}, and the execution that made the value "
                                   f"began at {seconds(execution['t'])}."))  # fmt: skip
        called = invalidations.called_before(read.scope, int(read.invoked["t"]))
        if execution["t"] < called:
            found.append(Violation("stale value", f"{name} was told the value of an execution that had begun at {seconds(execution['t'])}, though an "
                                   f"invalidation that was called at {seconds(called)} had returned before."))  # fmt: skip
    return found


@dataclasses.dataclass(frozen=True)
class CachedReads:
    """How much a history says: one without hits, faults or invalidations proves nothing."""

    answered: int
    hits: int
    hits_after_invalidation: int  # of a scope that covers the read
    hits_during_losses: int
    hits_made_elsewhere: int  # at another node than the read's
    invalidations: int


def count_cached_reads(history: Iterable[Line], executions: Iterable[Line], losses: Sequence[Loss]) -> CachedReads:
    where = {line["execution"]: line["node"] for line in executions}
    reads, invalidations = _reads_of(history)
    hits = [read for read in reads if read.answered["hit"]]
    return CachedReads(
        answered=len(reads),
        hits=len(hits),
        hits_after_invalidation=sum(invalidations.called_before(read.scope, int(read.invoked["t"])) > 0 for read in hits),
        hits_during_losses=sum(_any_open(losses, int(read.invoked["t"]), int(read.answered["t"])) for read in hits),
        hits_made_elsewhere=sum(where.get(read.answered["execution"]) != read.invoked["node"] for read in hits),
        invalidations=invalidations.count,
    )


def _any_open(losses: Iterable[Loss], begin: int, end: int) -> bool:
    return any(loss.begin <= end and loss.end >= begin for loss in losses)
