"""Sync tasks in an interpreter: order, values, slots lent to children, threads of user code."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Callable

import pytest
import wire
from scripted_node import DEADLINE_S, RECALLED, SENT, Zygote
from worker_fixtures import make, python, with_slot_table

from hearth import _frames, errors
from hearth._codes import Code

Make = Callable[..., Zygote]

BASICS = """
import os, sys, time

@env.task
def add(a, b=10):
    return a + b

@env.task
def fail(how):
    if how == "value":
        raise ValueError("no such digit")
    if how == "exit":
        sys.exit(3)
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "final":
        raise hearth.errors.NonRecoverableError("never again")
"""


def test_a_call_returns_its_value_and_its_time(make: Make) -> None:
    replica = make(BASICS, "add", "fail").start()
    reply = replica.reply(replica.submit(0, {"a": 1, "b": 2}))
    assert wire.value_of(reply) == 3
    assert reply.run_ns > 0 and reply.code == 0 and reply.attempt == 1


@pytest.mark.parametrize(
    "how, error, code",
    [
        ("value", ValueError, Code.USER_ERROR),
        ("exit", errors.RuntimeUserError, Code.USER_ERROR),
        ("interrupt", errors.RuntimeUserError, Code.USER_ERROR),
        ("final", errors.NonRecoverableError, Code.NON_RECOVERABLE),
    ],
)
def test_what_a_task_raises_fails_its_call_only(make: Make, how: str, error: type, code: Code) -> None:
    replica = make(BASICS, "add", "fail").start()
    reply = replica.reply(replica.submit(1, {"how": how}))
    assert reply.code == code and reply.flags & _frames.REPLY_FAILED
    with pytest.raises(error):
        wire.value_of(reply)
    assert replica.call(0, {"a": 1, "b": 10}) == 11


def test_a_child_that_exits_is_an_error_for_its_parent_and_a_value_in_its_map(make: Make) -> None:
    code = """
import sys

@env.task
def leaf(n):
    if n == 1:
        sys.exit("over")
    return n

@env.task
def parent():
    try:
        leaf(1)
    except hearth.errors.RuntimeUserError as error:
        direct = error.code
    return direct, [getattr(item, "code", item) for item in hearth.map(leaf, range(3))]
"""
    replica = make(code, "leaf", "parent").start()
    direct, mapped = replica.call(1)
    assert direct == "SystemExit" and list(mapped) == [0, "SystemExit", 2]


def test_calls_that_wait_run_in_order_of_depth_then_arrival(make: Make) -> None:
    code = """
seen = []

@env.task
def note(name):
    seen.append(name)

@env.task
def report():
    return seen
"""
    replica = make(code, "note", "report").start()
    keys = replica.send_together(
        [{"task": 0, "body": wire.encode({"name": name}), "depth": depth} for name, depth in zip("abcd", (0, 2, 0, 2))]
    )
    for key in keys:
        replica.reply(key)
    assert replica.call(1) == ["b", "d", "a", "c"]


def test_a_recalled_call_is_dropped_without_a_word(make: Make) -> None:
    replica = with_slot_table(make(BASICS, "add")).start()
    call = {"task": 0, "body": wire.encode({"a": 1, "b": 1}), "call_hi": 7, "call_lo": 1001}
    frames = replica.frames_of(call)
    replica.words[call["slot"]] = call["generation"] << 8 | RECALLED
    replica.send(*frames)
    assert replica.call(0, {"a": 5, "b": 10}) == 15
    assert (7, 1001) not in replica.replies
    assert replica.words[call["slot"]] & 255 == RECALLED


def test_a_call_of_another_generation_of_its_slot_is_dropped(make: Make) -> None:
    replica = with_slot_table(make(BASICS, "add")).start()
    call = {"task": 0, "body": wire.encode({"a": 1, "b": 1}), "call_hi": 7, "call_lo": 1001}
    frames = replica.frames_of(call)
    replica.words[call["slot"]] = call["generation"] + 1 << 8 | SENT
    replica.send(*frames)
    assert replica.call(0, {"a": 5, "b": 10}) == 15
    assert (7, 1001) not in replica.replies


def test_a_finished_call_is_answered_while_a_longer_one_runs(make: Make) -> None:
    code = """
import time

@env.task
def quick():
    return "quick"

@env.task
def slow():
    time.sleep(3600)
"""
    replica = make(code, "quick", "slow").start()
    quick, _ = replica.send_together([{"task": 0, "body": wire.encode({})}, {"task": 1, "body": wire.encode({})}])
    assert replica.value(quick) == "quick"


# -- values ----------------------------------------------------------------------------------------------------------


def test_large_values_travel_in_chunks_both_ways(make: Make) -> None:
    code = """
@env.task
def turn(data):
    return data[::-1]

@env.task
def parent(data):
    return turn(data)
"""
    replica = make(code, "turn", "parent").start()
    data = bytes(range(256)) * (5 << 12)
    assert replica.call(0, {"data": data}) == data[::-1]
    assert replica.call(1, {"data": data}) == data[::-1]


# -- children --------------------------------------------------------------------------------------------------------

FAMILY = """
import os, time
running = peak = 0

@env.task
def leaf(n):
    global running, peak
    running += 1
    peak = max(peak, running)
    time.sleep(0.002)
    running -= 1
    if n == 13:
        raise ValueError("thirteen")
    return n * n

@env.task
def deep(n):
    return 0 if n == 0 else 1 + deep(n - 1)

@env.task
def stack(n):
    import inspect
    mine = len(inspect.stack(0))
    return [mine] if n == 0 else [mine] + stack(n - 1)

@env.task
def fan(n):
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(leaf, range(n)))

@env.task
def bare(n):
    import threading
    results = []
    threads = [threading.Thread(target=lambda i=i: results.append(leaf(i))) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(results)

@env.task
def looped(n):
    import asyncio
    async def all():
        return await asyncio.gather(*(leaf.aio(i) for i in range(n)))
    return asyncio.run(all())

@env.task
def catch(n):
    try:
        return leaf(n)
    except ValueError as error:
        return str(error)

@env.task
def report():
    return peak
"""
TASKS = ("leaf", "deep", "stack", "fan", "bare", "looped", "catch", "report")
LEAF, DEEP, STACK, FAN, BARE, LOOPED, CATCH, REPORT = range(len(TASKS))


def test_recursion_finishes_on_one_replica_with_one_slot(make: Make) -> None:
    replica = make(FAMILY, *TASKS).start()
    assert replica.call(DEEP, {"n": 50}) == 50
    assert not replica.running and not replica.parked


def test_threads_of_a_deep_recursion_end_with_it(make: Make) -> None:
    replica = make(FAMILY, *TASKS).start()
    assert replica.call(DEEP, {"n": 100}) == 100
    deadline = time.monotonic() + DEADLINE_S
    while len(os.listdir(f"/proc/{replica.pid}/task")) > 12:
        assert time.monotonic() < deadline
        assert replica.call(REPORT) == 0


def test_a_child_does_not_run_on_its_parents_stack(make: Make) -> None:
    replica = make(FAMILY, *TASKS).start()
    depths = replica.call(STACK, {"n": 6})
    assert len(set(depths[1:])) == 1  # the first runs in the main thread, whose own frames are others


@pytest.mark.parametrize("task", [FAN, BARE, LOOPED])
def test_threads_and_loops_inside_a_task_may_call_tasks(make: Make, task: int) -> None:
    replica = make(FAMILY, *TASKS).start()
    assert replica.call(task, {"n": 12}) == [n * n for n in range(12)]
    assert replica.call(REPORT) == 1
    assert not replica.running and not replica.parked


def test_a_childs_exception_reaches_its_parent_as_itself(make: Make) -> None:
    replica = make(FAMILY, *TASKS).start()
    assert replica.call(CATCH, {"n": 13}) == "thirteen"


def test_an_environment_is_opened_once_and_as_it_was_opened_outside(make: Make) -> None:
    zygote = make(FAMILY, *TASKS)
    replica = zygote.start()
    replica.call(DEEP, {"n": 3})
    replica.call(CATCH, {"n": 1})
    assert len(replica.opened) == 1
    opened = replica.opened[0]
    assert opened["bundle"] == zygote.environment["bundle"]
    assert opened["python"] == zygote.environment["python"]
    assert (opened["project"], opened["domain"], opened["name"]) == ("default", "development", "demo")


def test_a_refused_environment_fails_the_call_in_the_task(make: Make) -> None:
    replica = make(FAMILY, *TASKS).start()
    replica.answer_open = {"error": {"code": 43, "name": "does_not_fit", "message": "Too big for this node."}}
    reply = replica.reply(replica.submit(DEEP, {"n": 1}))
    with pytest.raises(errors.RuntimeUserError, match="Too big for this node"):
        wire.value_of(reply)


def test_children_carry_root_parent_depth_and_the_remaining_deadline(make: Make) -> None:
    replica = make(FAMILY, *TASKS).start()
    replica.submit(DEEP, {"n": 1}, root_hi=1, root_lo=2, depth=4, call_lo=99, deadline_ms=60_000)
    replica.serve(lambda: bool(replica.opened))
    child = replica.next(_frames.CALL)
    assert (child.root_hi, child.root_lo, child.parent_hi, child.parent_lo, child.depth) == (1, 2, 7, 99, 5)
    assert 0 < child.deadline_ms <= 60_000


def test_children_left_behind_are_cancelled_when_their_parent_ends(make: Make, tmp_path: Path) -> None:
    code = """
import os, time

@env.task
def leaf():
    return 1

@env.task
def parent(until):
    leaf.spawn()
    while not os.path.exists(until):
        time.sleep(0.001)
    return "gone"
"""
    replica = make(code, "leaf", "parent").start()
    assert replica.value(replica.submit(0)) == 1
    key = replica.submit(1, {"until": str(tmp_path / "now")})
    child = replica.next_child()
    (tmp_path / "now").touch()
    assert replica.value(key) == "gone"
    assert replica.cancelled == [(child.call_hi, child.call_lo)]


def test_a_spawned_child_can_be_polled_awaited_and_cancelled(make: Make) -> None:
    code = """
import time
from hearth import _runtime

@env.task
def leaf(n):
    return n

@env.task
def parent():
    spawn = _runtime.current().spawn
    first, second, third = (spawn(leaf, (n,), {}) for n in range(3))
    while not third.done():
        time.sleep(0.001)
    seen = [first.done(), third.result(), second.result()]
    first.cancel()
    try:
        first.result()
    except hearth.errors.ActionAbortedError:
        seen.append("cancelled")
    return seen
"""
    replica = make(code, "leaf", "parent").start()
    key = replica.submit(1)
    calls = [replica.next_child() for _ in range(3)]
    replica.answer(calls[2], "third")
    assert replica.next(_frames.SIGNAL).what == _frames.PARKED
    replica.answer(calls[1], "second")
    assert replica.next(_frames.SIGNAL).what == _frames.RESUMED
    cancel = replica.next(_frames.SIGNAL)
    assert (cancel.what, cancel.call_lo) == (_frames.CANCEL, calls[0].call_lo)
    assert replica.value(key) == [False, "third", "second", "cancelled"]


def test_waiting_for_a_child_may_time_out(make: Make) -> None:
    code = """
from hearth import _runtime

@env.task
def leaf(n):
    return n

@env.task
def parent():
    child = _runtime.current().spawn(leaf, (1,), {})
    try:
        child.result(timeout=0.02)
    except TimeoutError as error:
        return str(error)
"""
    replica = make(code, "leaf", "parent").start()
    key = replica.submit(1)
    replica.next_child()
    assert "0.02 s" in replica.value(key)


def test_a_parent_returns_to_its_slot_before_new_calls_begin(make: Make) -> None:
    code = """
order = []

@env.task
def leaf(n):
    order.append(f"leaf {n}")

@env.task
def parent():
    leaf(1)
    order.append("parent")
    return list(order)
"""
    replica = make(code, "leaf", "parent").start()
    key = replica.submit(1)
    child = replica.next_child()
    call = {"task": 0, "body": wire.encode({"n": 2}), "call_hi": 7, "call_lo": 1001, "depth": 0}
    replica.running[7, 1001] = call
    replica.send(*replica.frames_of(call), *replica.answer_frames(child, None))  # both are there when it looks
    assert replica.value(key) == ["parent"]
