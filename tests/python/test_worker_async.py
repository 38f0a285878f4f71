"""Async tasks in an interpreter: one event loop, `concurrency` slots, children awaited and cancelled."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
import wire
from scripted_node import Zygote
from worker_fixtures import make, python

from hearth import _frames, errors
from hearth._codes import Code

Make = Callable[..., Zygote]

FAMILY = """
import asyncio, threading, time
running = peak = 0

@env.task
async def leaf(n):
    global running, peak
    running += 1
    peak = max(peak, running)
    await asyncio.sleep(0.001)
    running -= 1
    return n * n

@env.task
async def quick(n):
    return n

@env.task
async def deep(n):
    return 0 if n == 0 else 1 + await deep(n - 1)

@env.task
async def gather(n):
    return sum(await asyncio.gather(*(quick(i) for i in range(n))))

@env.task
async def leaves(n):
    return await asyncio.gather(*(leaf(i) for i in range(n)))

@env.task
def blocking(n):
    return [quick_sync(i) for i in range(n)]

@env.task
def quick_sync(n):
    return n

@env.task
async def mixed(n):
    return await asyncio.gather(*(quick_sync.aio(i) for i in range(n)))

@env.task
async def report():
    return peak

@env.task
async def who():
    task = asyncio.current_task()
    await asyncio.sleep(0)
    return task is asyncio.current_task(), task in asyncio.all_tasks()

@env.task
async def wrong():
    return quick_sync(1)

@env.task
async def threaded(n):
    return await asyncio.gather(*(asyncio.to_thread(quick_sync, i) for i in range(n)))
"""
NAMES = "leaf quick deep gather leaves blocking quick_sync mixed report who wrong threaded".split()
LEAF, QUICK, DEEP, GATHER, LEAVES, BLOCKING, QUICK_SYNC, MIXED, REPORT, WHO, WRONG, THREADED = range(len(NAMES))
SYNC = ("blocking", "quick_sync")
TASKS = [name if name in SYNC else f"async {name}" for name in NAMES]


def test_recursion_finishes_on_one_replica_with_one_slot(make: Make) -> None:
    replica = make(FAMILY, *TASKS).start()
    assert replica.call(DEEP, {"n": 50}) == 50
    assert not replica.running and not replica.parked


def test_a_thousand_children_are_gathered_in_one_slot(make: Make) -> None:
    replica = make(FAMILY, *TASKS).start(slots=2048)
    assert replica.call(GATHER, {"n": 1000}) == sum(range(1000))
    assert not replica.running and not replica.parked


def test_never_more_than_concurrency_calls_run(make: Make) -> None:
    replica = make(FAMILY, *TASKS).start(concurrency=3)
    replica.concurrency = 50  # the node sends ahead
    assert replica.call(LEAVES, {"n": 40}) == [n * n for n in range(40)]
    assert replica.call(REPORT) == 3


@pytest.mark.parametrize("task", [BLOCKING, MIXED, THREADED])
def test_sync_tasks_run_in_threads_beside_async_ones(make: Make, task: int) -> None:
    replica = make(FAMILY, *TASKS).start()
    assert replica.call(task, {"n": 12}) == list(range(12))
    assert not replica.running and not replica.parked


def test_the_current_task_is_the_calls_own(make: Make) -> None:
    replica = make(FAMILY, *TASKS).start(concurrency=4)
    assert replica.call(WHO) in ([True, True], (True, True))


def test_a_blocking_call_of_a_sync_task_in_the_event_loop_is_refused(make: Make) -> None:
    replica = make(FAMILY, *TASKS).start()
    reply = replica.reply(replica.submit(WRONG))
    with pytest.raises(Exception, match=r"await quick_sync\.aio\(\.\.\.\)"):
        wire.value_of(reply)


# -- cancellation ----------------------------------------------------------------------------------------------------

WAITING = """
import asyncio, os

@env.task
async def sleep():
    print("begun", flush=True)
    try:
        await asyncio.sleep(3600)
    finally:
        print("cleaned")

@env.task
async def parent():
    print("parent begun", flush=True)
    return await sleep()

@env.task
async def timed():
    try:
        await asyncio.wait_for(sleep(), 0.05)
    except asyncio.TimeoutError:
        return "timed out"

@env.task
async def own():
    raise asyncio.CancelledError

@env.task
def spin():
    print("begun", flush=True)
    while True:
        pass

@env.task
async def add(a):
    return a + 1

@env.task
async def strays(until):
    async def wait():
        await sleep()
    strays.kept = asyncio.ensure_future(wait())
    while not os.path.exists(until):
        await asyncio.sleep(0.001)
    return "gone"
"""
WAITERS = ("async sleep", "async parent", "async timed", "async own", "spin", "async add", "async strays")


def test_a_running_call_is_cancelled_by_a_frame(make: Make) -> None:
    replica = make(WAITING, *WAITERS).start()
    key = replica.submit(0)
    replica.serve(lambda: "begun" in replica.logs_of(key))
    replica.cancel(key, by_signal=False)
    assert replica.reply(key).code == Code.ABORTED
    assert "cleaned" in replica.logs_of(key)
    assert replica.call(5, {"a": 1}) == 2


def test_a_call_cancelled_before_its_first_step_is_answered(make: Make) -> None:
    replica = make(WAITING, *WAITERS).start(concurrency=2)
    key = {"task": 0, "body": wire.encode({}), "call_hi": 7, "call_lo": 1001}
    replica.running[7, 1001] = key
    cancel = _frames.signal(what=_frames.CANCEL, call_hi=7, call_lo=1001)
    replica.send(*replica.frames_of(key), cancel)  # read together
    assert replica.reply((7, 1001)).code == Code.ABORTED
    assert replica.call(5, {"a": 1}) == 2


def test_a_parent_that_is_cancelled_cancels_its_child(make: Make) -> None:
    replica = make(WAITING, *WAITERS).start()
    parent = replica.submit(1)
    child = replica.next_child()
    replica.cancel(parent, by_signal=False)
    assert replica.reply(parent).code == Code.ABORTED
    assert replica.cancelled == [(child.call_hi, child.call_lo)]
    assert not replica.parked
    assert replica.call(5, {"a": 1}) == 2


def test_a_wait_for_a_child_may_time_out(make: Make) -> None:
    replica = make(WAITING, *WAITERS).start()
    key = replica.submit(2)
    child = replica.next_child()
    assert replica.value(key) == "timed out"
    assert replica.cancelled == [(child.call_hi, child.call_lo)]


def test_a_cancellation_that_the_task_raises_itself_is_its_own_error(make: Make) -> None:
    replica = make(WAITING, *WAITERS).start()
    reply = replica.reply(replica.submit(3))
    assert reply.code == Code.USER_ERROR
    with pytest.raises(errors.RuntimeUserError, match="CancelledError"):
        wire.value_of(reply)


def test_a_sync_call_beside_the_loop_is_stopped_by_a_signal(make: Make) -> None:
    replica = make(WAITING, *WAITERS).start(concurrency=2)
    key = replica.submit(4)
    replica.serve(lambda: "begun" in replica.logs_of(key))
    assert replica.call(5, {"a": 1}) == 2  # the loop still turns
    replica.cancel(key, by_signal=True)
    assert replica.reply(key).code == Code.ABORTED


def test_what_a_call_leaves_behind_is_cancelled(make: Make, tmp_path: Path) -> None:
    replica = make(WAITING, *WAITERS).start()
    key = replica.submit(6, {"until": str(tmp_path / "now")})
    child = replica.next_child()
    (tmp_path / "now").touch()
    assert replica.value(key) == "gone"
    assert (child.call_hi, child.call_lo) in replica.cancelled
    assert not replica.running and not replica.parked
    assert replica.call(5, {"a": 1}) == 2


def test_an_exit_in_a_stray_task_does_not_end_the_replica(make: Make) -> None:
    code = """
import asyncio, sys

@env.task
async def leave():
    async def exit():
        sys.exit(5)
    leave.kept = asyncio.ensure_future(exit())
    await asyncio.sleep(0.01)
    return "here"
"""
    replica = make(code, "async leave").start()
    assert replica.call(0) == "here"
    assert replica.call(0) == "here"


def test_children_with_one_refilled_buffer_get_it_as_it_was_when_each_was_made(make: Make) -> None:
    code = """
@env.task
async def filling(data):
    return [data[0], data[-1]]

@env.task
async def parent(n):
    buffer = bytearray(100_000)

    def refilled():
        for i in range(n):
            buffer[:] = bytes([i]) * len(buffer)
            yield buffer

    return [item async for item in hearth.map.aio(filling, refilled())]
"""
    replica = make(code, "async filling", "async parent").start()
    # The children of the first parent are made before the node has opened their environment, those of the second after.
    assert replica.call(1, {"n": 8}) == [[i, i] for i in range(8)]
    assert replica.call(1, {"n": 8}) == [[i, i] for i in range(8)]


def test_children_are_started_from_the_loop_without_being_waited_for(make: Make) -> None:
    code = """
@env.task
async def leaf(n):
    return n * n

@env.task
async def parent(n):
    handles = [await leaf.spawn.aio(i) for i in range(n)]
    return [await handle for handle in handles]
"""
    replica = make(code, "async leaf", "async parent").start()
    assert replica.call(1, {"n": 5}) == [n * n for n in range(5)]


def test_a_map_made_in_a_thread_is_refused_where_it_would_block_the_loop(make: Make) -> None:
    code = """
import asyncio

@env.task
async def leaf(n):
    return n

def make():
    return hearth.map(leaf, range(3))

@env.task
async def parent():
    results = await asyncio.to_thread(make)
    try:
        return next(results)
    except hearth.errors.OnlyAsyncIOSupportedError as error:
        return str(error)
"""
    replica = make(code, "async leaf", "async parent").start()
    assert "hearth.map.aio(...)" in replica.call(1)
