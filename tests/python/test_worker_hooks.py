"""Functions that each replica runs once: @env.on_start before its first call, @env.on_stop at its polite end."""

from __future__ import annotations

import os
import signal
from typing import Callable

import pytest
from scripted_node import ReplicaEnded, Zygote
from worker_fixtures import make, python

from hearth._codes import Code

Make = Callable[..., Zygote]

FORK = {"hygiene": "fork"}

# Each function says its name, and in which process it runs.
SPEAKING = """
import os, sys

said = []

def say(word):
    said.append(word)
    print(word, "in the parent" if os.getpid() == parent else "in a replica")

parent = os.getpid()

@env.on_start
def first(): say("first")

@env.on_start
def second(): say("second")

@env.on_stop
def one(): say("one")

@env.on_stop
def two(): say("two")

@env.task
def f(): return said

@env.task
async def g(): return said
"""
HOOKS = ["start first", "start second", "stop one", "stop two"]


@pytest.mark.parametrize("tasks", [["f"], ["f", "async g"]], ids=["plain", "async"])
def test_they_run_once_in_each_replica_in_their_order_and_backwards_at_the_end(make: Make, tasks: list[str]) -> None:
    zygote = make(SPEAKING, *tasks, hooks=HOOKS)
    for _ in range(2):
        replica = zygote.start()
        for _ in range(2):
            assert replica.call(len(tasks) - 1) == ["first", "second"]
        replica.end_politely()
        assert zygote.next_event()["exited"]["status"] == 0
        words = ["first", "second", "two", "one"]
        assert replica.printed() == "".join(f"{word} in a replica\n" for word in words)


def test_a_model_is_loaded_once_although_calls_run_side_by_side(make: Make) -> None:
    code = """
import asyncio

loads, waiting, model = [], [], None

@env.on_start
async def load():
    global model
    await asyncio.sleep(0)
    loads.append(1)
    model = asyncio.Event()  # belongs to the event loop of the calls

@env.task
async def f():
    waiting.append(1)
    if len(waiting) == 3:
        model.set()
    await model.wait()
    return len(loads)
"""
    replica = make(code, "async f", hooks=["async start load"]).start(concurrency=3)
    keys = [replica.submit(0) for _ in range(3)]
    assert [replica.value(key) for key in keys] == [1, 1, 1]


def test_async_functions_share_an_event_loop_from_beginning_to_end_also_beside_plain_tasks(make: Make) -> None:
    code = """
import asyncio

@env.on_start
async def open_it():
    global lock, loop
    lock, loop = asyncio.Lock(), asyncio.get_running_loop()
    await lock.acquire()

@env.on_stop
async def close_it():
    lock.release()
    print("the same loop:", asyncio.get_running_loop() is loop)

@env.task
def f():
    return lock.locked()
"""
    replica = make(code, "f", hooks=["async start open_it", "async stop close_it"]).start()
    assert replica.call(0) is True
    replica.end_politely()
    assert replica.printed() == "the same loop: True\n"


def test_variables_of_the_context_that_on_start_sets_are_there_in_calls(make: Make) -> None:
    code = """
import contextvars

name = contextvars.ContextVar("name", default="nobody")

@env.on_start
def load(): name.set("model")

@env.task
def f(): return name.get()

@env.task
async def g(): return name.get()
"""
    for tasks in (["f"], ["f", "async g"]):
        assert make(code, *tasks, hooks=["start load"]).start().call(len(tasks) - 1) == "model"


# -- failures --------------------------------------------------------------------------------------------------------

FAILING = """
@env.on_start
def load():
    raise ValueError("no weights")  # here

@env.on_start
async def load_async():
    raise ValueError("no weights")

@env.on_start
def leave():
    raise SystemExit(3)

@env.on_stop
def close(): print("closed")

@env.task
def f(): return 1
"""


def test_one_that_fails_ends_the_start_and_is_named_with_its_place(make: Make) -> None:
    zygote = make(FAILING, "f", hooks=["start load", "stop close"])
    with pytest.raises(ReplicaEnded) as caught:
        zygote.start()
    assert str(caught.value).splitlines() == [
        "@demo.on_start 'load' failed, so no call can be served: ValueError: no weights",
        f'  File "{zygote.folder}/m.py", line 8: raise ValueError("no weights")  # here',
    ]
    assert zygote.next_event()["exited"]["status"] == 0
    assert zygote.replicas[0].printed() == ""  # what never started is not stopped


@pytest.mark.parametrize("hook, words", [("async start load_async", "no weights"), ("start leave", "calls exit(3)")])
def test_it_may_fail_in_any_way(make: Make, hook: str, words: str) -> None:
    with pytest.raises(ReplicaEnded) as caught:
        make(FAILING, "f", hooks=[hook]).start()
    assert words in str(caught.value) and hook.split()[-1] in str(caught.value)


def test_in_a_process_of_its_own_it_fails_likewise(make: Make) -> None:
    with pytest.raises(ReplicaEnded, match="no weights"):
        make(FAILING, "f", hooks=["start load"], forceSpawn=True).start(order="become")


def test_one_that_the_module_does_not_define_is_named(make: Make) -> None:
    zygote = make(FAILING, "f", hooks=["start absent"])
    assert zygote.event["failed"]["code"] == Code.MODULE_LOAD
    assert "@demo.on_start 'absent' is not there" in zygote.failure


def test_one_that_fails_at_the_end_is_printed_and_the_others_run(make: Make) -> None:
    code = """
@env.on_stop
def first(): print("done")

@env.on_stop
def second(): raise OSError("broken")

@env.task
def f(): return 1
"""
    zygote = make(code, "f", hooks=["stop first", "stop second"])
    replica = zygote.start()
    replica.end_politely()
    assert zygote.next_event()["exited"]["status"] == 0
    assert "@demo.on_stop 'second' failed when the replica ended" in replica.printed()
    assert "OSError: broken" in replica.printed() and replica.printed().endswith("done\n")


# -- ends ------------------------------------------------------------------------------------------------------------


def test_on_stop_runs_in_the_main_thread_also_when_another_one_hears_of_the_end(make: Make) -> None:
    code = """
import threading

@env.on_stop
def close(): print(threading.current_thread() is threading.main_thread())

@env.task
def leaf(): return 1

@env.task
def parent(depth):
    return leaf() if depth == 0 else parent(depth - 1)
"""
    replica = make(code, "leaf", "parent", hooks=["stop close"]).start()
    assert replica.call(1, {"depth": 3}) == 1  # ran on several threads
    replica.end_politely()
    assert replica.printed() == "True\n"


def test_on_stop_does_not_run_when_the_replica_is_killed(make: Make) -> None:
    zygote = make(SPEAKING, "f", hooks=HOOKS)
    replica = zygote.start()
    os.kill(replica.pid, signal.SIGKILL)
    assert zygote.next_event()["exited"]["signal"] == signal.SIGKILL
    assert "one" not in replica.printed()


@pytest.mark.parametrize("task", ["f", "async g"])
def test_a_fresh_replica_answers_before_on_stop_runs(make: Make, task: str) -> None:
    zygote = make(SPEAKING, task, hooks=HOOKS)
    replica = zygote.start(fresh=True)
    assert replica.call(0) == ["first", "second"]
    assert zygote.next_event()["exited"]["status"] == 0
    assert replica.printed().splitlines()[2:] == ["two in a replica", "one in a replica"]


# -- a fresh fork per call -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asynchronous", ["", "async "])
def test_with_the_hygiene_fork_the_parent_runs_them_and_its_forks_have_what_was_loaded(
    make: Make, asynchronous: str
) -> None:
    code = SPEAKING.replace("def first", f"{asynchronous}def first").replace("def one", f"{asynchronous}def one")
    hooks = [f"{asynchronous}start first", "start second", f"{asynchronous}stop one", "stop two"]
    zygote = make(code, "f", hooks=hooks, reuse=FORK)
    assert zygote.event["ready"]["canFork"], zygote.event
    for _ in range(2):
        replica = zygote.start(fresh=True)
        assert replica.call(0) == ["first", "second"]
        assert zygote.next_event()["exited"]["status"] == 0
        assert replica.printed() == ""
    zygote.control.close()
    assert zygote.wait_for_end() == 0
    assert zygote.stdout() == "".join(f"{word} in the parent\n" for word in ["first", "second", "two", "one"])


def test_what_a_call_does_to_its_process_is_gone_with_it(make: Make) -> None:
    code = """
@env.on_start
def load():
    global state
    state = []

@env.task
def f():
    state.append(1)
    return len(state)
"""
    zygote = make(code, "f", hooks=["start load"], reuse=FORK)
    for _ in range(2):
        assert zygote.start(fresh=True).call(0) == 1
        assert zygote.next_event()["exited"]["status"] == 0


def test_a_parent_whose_on_start_fails_says_so(make: Make) -> None:
    zygote = make(FAILING, "f", hooks=["start load"], reuse=FORK)
    assert zygote.event["failed"]["code"] == Code.MODULE_LOAD
    assert "@demo.on_start 'load' failed" in zygote.failure and "line 8" in zygote.failure


def test_a_thread_that_on_start_leaves_behind_makes_each_call_a_process_of_its_own(make: Make) -> None:
    code = """
import threading

@env.on_start
def load():
    threading.Thread(target=threading.Event().wait, name="poller", daemon=True).start()

@env.on_stop
def close(): print("closed")

@env.task
def f(): return [thread.name for thread in threading.enumerate()].count("poller")
"""
    zygote = make(code, "f", hooks=["start load", "stop close"], reuse=FORK)
    ready = zygote.event["ready"]
    assert not ready["canFork"]
    assert ready["spawnReason"] == "the thread 'poller' was started by a function of @env.on_start"
    assert zygote.start(order="become", fresh=True).call(0) == 1  # it ran here, and not once more
    assert zygote.wait_for_end() == 0
    assert zygote.stdout() == "closed\n"
