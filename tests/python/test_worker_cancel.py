"""Sync calls that are asked to stop: they end where they are, and nothing else does."""

from __future__ import annotations

import os
import signal
from typing import Any, Callable

import pytest
from scripted_node import Zygote
from worker_fixtures import make, python, with_slot_table

from hearth._codes import Code

Make = Callable[..., Zygote]

BUSY = """
import asyncio, time
from hearth import _runtime

@env.task
def spin():
    print("begun", flush=True)
    while True:
        pass

@env.task
def sleep():
    print("begun", flush=True)
    try:
        time.sleep(3600)
    finally:
        print("cleaned")

@env.task
def parent():
    print("begun", flush=True)
    return spin()

@env.task
def add(a):
    return a + 1

@env.task
def loops():
    async def rounds():
        print("begun", flush=True)
        tick()
        await asyncio.Event().wait()
    def tick():
        asyncio.get_running_loop().call_soon(tick)
    asyncio.run(rounds())

@env.task
def chatter():
    while True:
        print("x" * 1000)
"""


def begun(replica: Any, key: Any) -> None:
    replica.serve(lambda: "begun" in replica.logs_of(key))


@pytest.mark.parametrize("task", [0, 1])
def test_a_running_call_is_stopped_by_a_signal(make: Make, task: int) -> None:
    replica = make(BUSY, "spin", "sleep", "parent", "add").start()
    key = replica.submit(task)
    begun(replica, key)
    replica.cancel(key, by_signal=True)
    reply = replica.reply(key)
    assert reply.code == Code.ABORTED
    if task == 1:
        assert "cleaned" in replica.logs_of(key)
    assert replica.call(3, {"a": 1}) == 2


def test_a_call_in_another_thread_is_stopped_and_its_waiting_parent_too(make: Make) -> None:
    replica = with_slot_table(make(BUSY, "spin", "sleep", "parent", "add")).start()
    parent = replica.submit(2)
    replica.serve(lambda: any("begun" in replica.logs_of(key) for key in replica.children))
    (child,) = replica.children
    replica.cancel(parent, by_signal=True)  # waits for a slot until its child has ended
    replica.cancel(child, by_signal=True)
    assert replica.reply(parent).code == Code.ABORTED
    assert replica.call(3, {"a": 1}) == 2


def test_a_waiting_parent_is_stopped_while_its_child_is_elsewhere(make: Make) -> None:
    replica = make(BUSY, "spin", "sleep", "parent", "add").start()
    parent = replica.submit(2)
    child = replica.next_child()
    replica.cancel(parent, by_signal=True)
    assert replica.reply(parent).code == Code.ABORTED
    assert replica.cancelled == [(child.call_hi, child.call_lo)]
    assert replica.call(3, {"a": 1}) == 2


def test_a_cancellation_never_breaks_a_frame(make: Make) -> None:
    replica = make(BUSY, "chatter", "add").start()
    for _ in range(20):
        key = replica.submit(0)
        replica.serve(lambda: bool(replica.logs_of(key)))
        replica.cancel(key, by_signal=True)
        assert replica.reply(key).code == Code.ABORTED
    assert replica.call(1, {"a": 1}) == 2


def test_a_cancellation_in_the_middle_of_an_event_loop_is_not_lost_in_it(make: Make) -> None:
    replica = make(BUSY, "loops", "add").start()
    for _ in range(20):
        key = replica.submit(0)
        begun(replica, key)
        replica.cancel(key, by_signal=True)
        assert replica.reply(key).code == Code.ABORTED
    assert replica.call(1, {"a": 1}) == 2


def test_a_signal_without_a_cancelled_call_hurts_nobody(make: Make) -> None:
    replica = make(BUSY, "add").start()
    for n in range(200):
        key = replica.submit(0, {"a": n})
        os.kill(replica.pid, signal.SIGUSR1)
        assert replica.value(key) == n + 1
