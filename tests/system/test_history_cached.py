"""The checker of cached reads finds each value that should not have been served, and nothing in a good history."""

from __future__ import annotations

import copy
from typing import Any, Callable

import pytest

from history import CachedReads, Loss, check_cached_reads, check_replies, count_cached_reads

S = 1_000_000_000
Line = dict[str, Any]
PLACE = ("one", "development", "net.small")
KEY, OTHER, SECOND = (*PLACE, "1", "7"), (*PLACE, "1", "8"), (*PLACE, "2", "7")


def call(t: float, number: int, op: str, scope: tuple[str, ...], node: int = 1) -> Line:
    return {"t": int(t * S), "kind": "invoke", "call": number, "client": 1, "node": node, "op": op, "scope": list(scope)}


def told(t: float, number: int, execution: str, hit: bool = True, digest: str = "") -> Line:
    return {"t": int(t * S), "kind": "ok", "call": number, "execution": execution, "digest": digest or f"digest {execution}", "hit": hit}


def done(t: float, number: int, kind: str = "ok") -> Line:
    return {"t": int(t * S), "kind": kind, "call": number}


def execution(t: float, name: str, scope: tuple[str, ...], node: int = 1) -> Line:
    return {"t": int(t * S), "execution": name, "scope": list(scope), "digest": f"digest {name}", "node": node}


GOOD = [
    call(1, 1, "read", KEY), told(1.2, 1, "a", hit=False),
    call(2, 2, "read", KEY, node=2), told(2.1, 2, "a"),
    call(3, 3, "read", OTHER), told(3.2, 3, "b", hit=False),
    call(4, 4, "invalidate", KEY), call(4.1, 5, "read", KEY), told(4.3, 5, "a"), done(4.2, 4),  # began while it was invalidated
    call(5, 6, "read", KEY), told(5.2, 6, "c", hit=False),
    call(5.3, 7, "read", KEY, node=3), told(5.4, 7, "c"),
    call(6, 8, "invalidate", PLACE), done(9, 8, "info"),  # nobody knows: it forbids nothing
    call(9.1, 9, "read", OTHER), told(9.2, 9, "b"),
    call(10, 10, "read", SECOND), told(10.2, 10, "d", hit=False),
    call(11, 11, "invalidate", (*PLACE, "1")), done(11.5, 11),
    call(12, 12, "read", SECOND), told(12.1, 12, "d"),  # of another version
    call(13, 13, "invalidate", ()), done(13.5, 13),
    call(14, 14, "read", SECOND), told(14.2, 14, "e", hit=False),
    call(15, 15, "read", KEY), done(15.5, 15, "fail"),
    call(16, 16, "read", SECOND), told(16.2, 16, "e"),
]  # fmt: skip
EXECUTIONS = [execution(1.1, "a", KEY), execution(3.1, "b", OTHER), execution(5.1, "c", KEY, node=2),
              execution(10.1, "d", SECOND), execution(14.1, "e", SECOND)]  # fmt: skip


def test_a_good_history_breaks_no_rule() -> None:
    assert check_cached_reads(GOOD, EXECUTIONS) == []
    assert check_replies(GOOD) == []


def by_call(history: list[Line], number: int, kind: str) -> Line:
    return next(line for line in history if line["call"] == number and (line["kind"] == "invoke") == (kind == "invoke"))


def serve_old_entry(history: list[Line], executions: list[Line]) -> None:
    by_call(history, 7, "ok").update(execution="a", digest="digest a")


def serve_across_task(history: list[Line], executions: list[Line]) -> None:
    by_call(history, 8, "ok").update(kind="ok")


def serve_across_version(history: list[Line], executions: list[Line]) -> None:
    by_call(history, 11, "invoke")["scope"][3] = "2"


def serve_across_everything(history: list[Line], executions: list[Line]) -> None:
    by_call(history, 14, "ok").update(execution="d", digest="digest d")


def keep_what_began_before(history: list[Line], executions: list[Line]) -> None:
    executions[-1]["t"] = int(12.9 * S)  # and ended after the invalidation


def forget_the_latest(history: list[Line], executions: list[Line]) -> None:
    """A later invalidation returns before an earlier one does."""
    history[-2:-2] = [call(14.5, 20, "invalidate", SECOND), call(14.6, 21, "invalidate", SECOND), done(14.7, 21), done(15.4, 20)]
    executions[-1]["t"] = int(14.55 * S)


def flip_a_bit(history: list[Line], executions: list[Line]) -> None:
    by_call(history, 2, "ok")["digest"] = "digest A"


def mix_up(history: list[Line], executions: list[Line]) -> None:
    by_call(history, 9, "ok").update(execution="c", digest="digest c")


def invent(history: list[Line], executions: list[Line]) -> None:
    by_call(history, 2, "ok")["execution"] = "z"


def foresee(history: list[Line], executions: list[Line]) -> None:
    by_call(history, 5, "ok").update(execution="c", digest="digest c")


BROKEN = [
    (serve_old_entry, "stale value", "one/development/net.small/1/7 at node 3 that began at 5.300 s"),
    (serve_across_task, "stale value", "one/development/net.small/1/8 at node 1 that began at 9.100 s"),
    (serve_across_version, "stale value", "called at 11.000 s"),
    (serve_across_everything, "stale value", "called at 13.000 s"),
    (keep_what_began_before, "stale value", "had begun at 12.900 s"),
    (forget_the_latest, "stale value", "called at 14.600 s"),
    (flip_a_bit, "wrong value", "told digest A, but execution a made digest a"),
    (mix_up, "value of another key", "the value of one/development/net.small/1/7"),
    (invent, "invented value", "execution z"),
    (foresee, "value before its execution", "answered at 4.300 s"),
]


@pytest.mark.parametrize(("change", "rule", "words"), BROKEN, ids=[change.__name__ for change, _, _ in BROKEN])
def test_a_value_that_should_not_have_been_served_is_found_and_said(
    change: Callable[[list[Line], list[Line]], None], rule: str, words: str
) -> None:
    history, executions = copy.deepcopy(GOOD), copy.deepcopy(EXECUTIONS)
    change(history, executions)
    found = check_cached_reads(history, executions)
    assert [each for each in found if each.rule == rule and words in each.sentence], found


def test_what_a_history_proves_is_counted() -> None:
    counted = count_cached_reads(GOOD, EXECUTIONS, [Loss(2, "kill", int(5.35 * S), int(5.5 * S))])
    assert counted == CachedReads(answered=11, hits=6, hits_after_invalidation=2, hits_during_losses=1, hits_made_elsewhere=2, invalidations=3)
