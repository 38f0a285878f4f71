"""Ids of calls below a run: the same when the parent runs again, different for everything else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Callable, List, Tuple

import pytest
from scripted_node import Replica, Zygote
from worker_fixtures import make, python

from hearth import _frames
from hearth._worker.names import child_id, identity_of

Make = Callable[..., Zygote]
Id = Tuple[int, int]

CODE = """
import asyncio, contextvars, threading

@env.task
def leaf(x):
    return x

@env.task
def twice(x):
    return [leaf(x), leaf(x), leaf(x + 1)]

@env.task
def mapped(n):
    return list(hearth.map(leaf, range(n)))

@env.task
def threads(n):
    made = []
    for x in range(n):
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(lambda: made.append(leaf(x)),))
        thread.start()
        thread.join()
    return made

@env.task
def anything(value):
    return leaf(value)
"""

# By the words of schema/frame.capnp, with Python's hashlib and struct.
GOLDEN = ["1e98047330ac446dfe680c4278a4f3b7", "5865dd6471e218b43533c5b6fc0eb254"]

LOOPS = [
    pytest.param("", id="sync"),
    pytest.param("@env.task\nasync def gathered(xs):\n    return await asyncio.gather(*[leaf.aio(x) for x in xs])\n", id="async"),
]


def _children(replica: Replica, task: int, arguments: Any, **fields: Any) -> List[Id]:
    """The ids of the calls that one execution of a task makes, in their order."""
    seen: List[Id] = []
    take = replica._take

    def noting(frame: Any) -> None:
        if frame.kind == _frames.CALL:
            seen.append((frame.call_hi, frame.call_lo))
        take(frame)

    replica._take = noting  # type: ignore[method-assign]
    replica.call(task, arguments, **fields)
    replica._take = take  # type: ignore[method-assign]
    return seen


def _in_run(lo: int = 7, root: int = 7, **more: Any) -> Any:
    return {"flags": _frames.CALL_IN_RUN, "call_hi": 7, "call_lo": lo, "root_hi": 7, "root_lo": root, **more}


@pytest.fixture(params=LOOPS)
def replica(make: Make, request: Any) -> Replica:
    tasks = ["leaf", "twice", "mapped", "threads", "anything"] + (["async gathered"] if request.param else [])
    return make(CODE + request.param, *tasks).start()


def test_a_parent_in_a_run_that_runs_again_gives_its_children_the_same_ids(replica: Replica) -> None:
    for task, arguments in ((1, {"x": 3}), (2, {"n": 5}), (3, {"n": 3})):
        first = _children(replica, task, arguments, **_in_run())
        assert first and first == _children(replica, task, arguments, attempt=2, **_in_run())
        assert len(set(first)) == len(first)


def test_children_of_calls_outside_of_runs_have_new_ids_each_time(replica: Replica) -> None:
    assert not set(_children(replica, 1, {"x": 3}, call_lo=7)) & set(_children(replica, 1, {"x": 3}, call_lo=7))


def test_other_parents_and_other_runs_have_other_ids(replica: Replica) -> None:
    places = [_in_run(), _in_run(lo=8), _in_run(lo=8, root=8)]
    ids = [id for place in places for id in _children(replica, 1, {"x": 3}, **place)]
    assert len(set(ids)) == len(ids)


def test_a_rerun_gives_its_calls_the_same_names_below_another_root(replica: Replica) -> None:
    first, again = (_children(replica, 1, {"x": 3}, **_in_run(lo=root, root=root)) for root in (7, 1 << 60))
    assert [lo ^ 7 for _, lo in first] == [lo ^ 1 << 60 for _, lo in again]
    assert first != again


def test_the_order_of_unequal_calls_does_not_matter(replica: Replica) -> None:
    if len(replica.zygote.rows) < 6:
        pytest.skip("needs an async task")
    forth = _children(replica, 5, {"xs": [1, 2, 2, 3]}, **_in_run())
    assert sorted(forth) == sorted(_children(replica, 5, {"xs": [3, 2, 1, 2]}, **_in_run()))
    assert set(forth) != set(_children(replica, 5, {"xs": [1, 2, 3, 4]}, **_in_run()))


def test_equal_sets_and_dicts_are_equal_inputs_whatever_their_order(replica: Replica) -> None:
    one = _children(replica, 4, {"value": [{"a", "b", "c"}, {"x": 1, "y": 2}]}, **_in_run())
    assert one == _children(replica, 4, {"value": [{"c", "b", "a"}, {"y": 2, "x": 1}]}, **_in_run())


def test_the_rule_is_that_of_the_schema() -> None:
    def parent() -> Any:
        return SimpleNamespace(hi=1, lo=2, origin=SimpleNamespace(root_hi=3, root_lo=4), made={})

    environment = identity_of({"name": "demo", "bundle": "ab"})
    assert environment == identity_of({"bundle": "ab", "name": "demo"})
    made = parent()
    ids = [child_id(made, environment, "demo.leaf", b"i" * 32) for _ in range(2)]
    assert [f"{hi:016x}{lo:016x}" for hi, lo in ids] == GOLDEN
    assert child_id(parent(), environment, "demo.leaf", b"j" * 32) not in ids
    assert child_id(parent(), environment, "demo.other", b"i" * 32) not in ids
