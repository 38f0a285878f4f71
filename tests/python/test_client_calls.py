"""Single calls from a program: values, errors, handles, threads and loops."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import client_tasks as tasks
import pytest
from client_fixtures import node  # noqa: F401
from fake_node import until

from hearth import errors
from hearth._client import shared


def test_a_call_returns_the_value_of_the_task(node):
    assert tasks.square.remote(7) == 49
    assert tasks.join.remote("a", right="b") == "ab"


def test_defaults_travel_with_the_call(node):
    assert tasks.join.remote("a") == "a!"


def test_all_calls_of_a_process_use_one_connection(node):
    for x in range(5):
        tasks.square.remote(x)
    tasks.join.remote("a")
    assert len(node.sessions) == 1


def test_an_environment_is_opened_once_and_its_bundle_sent_once(node):
    for x in range(3):
        tasks.square.remote(x)
        tasks.join.remote("a")
    assert len(node.names("openEnvironment")) == 1
    assert len(node.names("putBundle")) == 1
    digest = node.names("putBundle")[0]["digest"]
    assert len(node.bundles[digest]) == int(node.names("putBundle")[0]["size"])


def test_a_bundle_that_the_node_has_is_not_sent(node):
    tasks.square.remote(1)
    shared.disconnect()
    sent = dict(node.bundles)
    tasks.square.remote(1)
    assert node.bundles == sent and len(node.names("putBundle")) == 2


@pytest.mark.parametrize("more", [True, False])
def test_the_node_may_ask_for_a_bundle_with_or_without_announcing_its_second_answer(node, more):
    node.more_after_needed = more
    assert tasks.square.remote(3) == 9


def test_a_task_that_is_added_later_opens_the_environment_again(node):
    tasks.square.remote(1)
    late = tasks.env.clone_with("late")
    late.task(tasks.square.func)
    node.tasks.update(late.tasks)
    assert late.tasks["late.square"].remote(2) == 4
    late.task(tasks.join.func)
    node.tasks.update(late.tasks)
    assert late.tasks["late.join"].remote("a") == "a!"
    assert [len(value["tasks"]) for value in node.names("openEnvironment") if value["name"] == "late"] == [1, 2]


def test_a_wrong_type_is_refused_before_anything_is_sent(node):
    tasks.square.remote(1)
    before = node.calls
    with pytest.raises(errors.RuntimeDataValidationError, match="x"):
        tasks.square.remote("seven")
    with pytest.raises(TypeError, match="misses the argument 'x'"):
        tasks.square.remote()
    with pytest.raises(TypeError, match="no parameter 'y'"):
        tasks.square.remote(y=1)
    assert node.calls == before


def test_a_refused_environment_raises_what_the_node_says(node):
    node.refuse_open = {"code": 43, "name": "does_not_fit", "message": "It wants 99 cores; this node has 2."}
    with pytest.raises(errors.BaseRuntimeError, match="99 cores"):
        tasks.square.remote(1)


def test_a_failed_call_raises_in_the_caller_and_others_go_on(node):
    with pytest.raises(errors.BaseRuntimeError, match="3 is odd"):
        tasks.fail.remote(3)
    assert tasks.fail.remote(4) == 4


@pytest.mark.parametrize("size", [0, 1000, 1024 * 1024, 5 * 1024 * 1024 + 17])
def test_values_of_any_size_go_there_and_back(node, size):
    data = os.urandom(size)
    assert tasks.echo.remote(data) == data
    assert asyncio.run(tasks.echo.remote.aio(data)) == data


def test_a_value_beyond_the_limit_of_the_node_is_refused_here(node):
    node.value_bytes_max = 2 * 1024 * 1024
    with pytest.raises(errors.ValueTooLargeError, match="accepts 2,097,152"):
        tasks.length.remote(bytes(3 * 1024 * 1024))
    assert tasks.length.remote(b"abc") == 3


# -- handles ----------------------------------------------------------------------------------------------------------


def test_spawned_calls_give_their_results_in_any_order(node):
    handles = [tasks.square.spawn(x) for x in range(10)]
    assert [handle.result() for handle in reversed(handles)] == [x * x for x in reversed(range(10))]
    assert all(handle.done() for handle in handles)
    assert handles[0].exception() is None


def test_a_handle_tells_the_exception_of_its_call(node):
    handle = tasks.fail.spawn(1)
    assert "1 is odd" in str(handle.exception())
    with pytest.raises(errors.BaseRuntimeError, match="1 is odd"):
        handle.get()


def test_done_finds_out_without_anybody_waiting(node):
    handle = tasks.square.spawn(3)
    until(handle.done, "the spawned call ends")
    assert handle.result() == 9


def test_result_gives_up_after_its_time_and_the_call_goes_on(node):
    held = []
    node.behaviour["client.square"] = held.append
    handle = tasks.square.spawn(3)
    with pytest.raises(TimeoutError, match="client.square has not ended"):
        handle.result(timeout=0.01)
    held[0].answer(9)
    assert handle.result(timeout=20) == 9


def test_a_cancelled_call_raises_that_it_was_aborted(node):
    node.behaviour["client.square"] = lambda call: None
    handle = tasks.square.spawn(3)
    assert handle.cancel("not wanted any more")
    with pytest.raises(errors.ActionAbortedError, match="not wanted any more"):
        handle.result()
    assert not handle.cancel()


def test_a_handle_can_be_awaited_in_a_loop_that_did_not_make_it(node):
    handle = tasks.square.spawn(5)

    async def twice():
        return await asyncio.gather(handle.result.aio(), _of(handle))

    async def _of(other):
        return await other

    assert asyncio.run(twice()) == [25, 25]


def test_a_handle_is_waited_for_by_several_threads_and_a_loop_at_once(node):
    held = []
    node.behaviour["client.square"] = held.append
    handle = tasks.square.spawn(6)
    with ThreadPoolExecutor(4) as threads:
        results = [threads.submit(handle.result) for _ in range(3)]
        results.append(threads.submit(lambda: asyncio.run(handle.result.aio())))
        until(lambda: held, "the call arrives")
        held[0].answer(36)
        assert [result.result(timeout=20) for result in results] == [36] * 4


# -- loops ------------------------------------------------------------------------------------------------------------


def test_the_awaitable_form_gives_the_same_values_and_errors(node):
    async def both():
        assert await tasks.square.remote.aio(4) == 16
        with pytest.raises(errors.BaseRuntimeError, match="odd"):
            await tasks.fail.remote.aio(1)

    asyncio.run(both())


def test_many_awaited_calls_share_the_connection(node):
    async def many():
        return await asyncio.gather(*[tasks.square.remote.aio(x) for x in range(3000)])

    assert asyncio.run(many()) == [x * x for x in range(3000)]
    assert len(node.sessions) == 1


def test_one_loop_after_another_and_several_at_once(node):
    async def some(offset):
        return await asyncio.gather(*[tasks.square.remote.aio(offset + x) for x in range(50)])

    assert asyncio.run(some(0)) == asyncio.run(some(0))
    with ThreadPoolExecutor(4) as threads:
        loops = [threads.submit(asyncio.run, some(1000 * n)) for n in range(4)]
        for n, loop in enumerate(loops):
            assert loop.result(timeout=60) == [(1000 * n + x) ** 2 for x in range(50)]
    assert len(node.sessions) == 1


def test_a_blocking_form_inside_a_running_loop_names_the_awaitable_one(node):
    async def wrong():
        with pytest.raises(errors.OnlyAsyncIOSupportedError, match=r"await square\.remote\.aio"):
            tasks.square.remote(3)
        handle = await tasks.square.spawn.aio(3)
        assert await handle == 9
        assert handle.result() == 9  # nothing to wait for

    asyncio.run(wrong())


def test_a_spawn_that_would_have_to_wait_in_a_loop_names_the_awaitable_one(node):
    async def first():
        with pytest.raises(errors.OnlyAsyncIOSupportedError, match=r"not open yet.*await square\.spawn\.aio"):
            tasks.square.spawn(3)  # there is no connection
        assert await (await tasks.square.spawn.aio(3)) == 9
        assert await tasks.square.spawn(4) == 16
        tasks.square.env.revision += 1  # as a new task does
        with pytest.raises(errors.OnlyAsyncIOSupportedError, match=r"not open yet.*await square\.spawn\.aio"):
            tasks.square.spawn(5)
        assert await (await tasks.square.spawn.aio(5)) == 25

    asyncio.run(first())
    assert len(node.sessions) == 1


def test_a_spawn_beyond_the_window_is_refused_in_a_loop_and_awaited_by_its_awaitable_form(node):
    node.window_calls = 3
    held = []
    node.behaviour["client.square"] = held.append

    async def crowd():
        first = [await tasks.square.spawn.aio(x) for x in range(2)]
        with pytest.raises(errors.OnlyAsyncIOSupportedError, match=r"too many open calls.*await square\.spawn\.aio"):
            tasks.square.spawn(9)
        third = asyncio.ensure_future(tasks.square.spawn.aio(2))
        while len(held) < 2:
            await asyncio.sleep(0)
        assert not third.done()
        node.behaviour.clear()
        for call in held:
            node.execute(call)
        return await asyncio.gather(*first, await third)

    assert asyncio.run(crowd()) == [0, 1, 4]


def test_cancelling_an_awaited_call_cancels_it_on_the_node(node):
    held = []
    node.behaviour["client.square"] = held.append

    async def cancelled():
        call = asyncio.ensure_future(tasks.square.remote.aio(3))
        while not held:
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return await tasks.join.remote.aio("a")

    assert asyncio.run(cancelled()) == "a!"
    assert held[0].cancelled.wait(20)


# -- threads ----------------------------------------------------------------------------------------------------------


def test_threads_and_loops_call_at_the_same_time(node):
    def blocking(offset):
        return [tasks.square.remote(offset + x) for x in range(200)]

    async def awaiting(offset):
        return [await tasks.square.remote.aio(offset + x) for x in range(200)]

    with ThreadPoolExecutor(8) as threads:
        work = [threads.submit(blocking, 1000 * n) for n in range(5)]
        work += [threads.submit(lambda n=n: asyncio.run(awaiting(1000 * n))) for n in range(5, 8)]
        for n, each in enumerate(work):
            assert each.result(timeout=120) == [(1000 * n + x) ** 2 for x in range(200)]
    assert len(node.sessions) == 1


def test_a_waiting_thread_takes_over_reading_when_the_reader_has_its_reply(node):
    held = {}
    node.behaviour["client.square"] = lambda call: held.__setitem__(call.arguments["x"], call)
    with ThreadPoolExecutor(3) as threads:
        results = {x: threads.submit(tasks.square.remote, x) for x in range(3)}
        until(lambda: len(held) == 3, "three calls arrive")
        for x in (1, 0, 2):
            held[x].answer(x * x)
            assert results[x].result(timeout=20) == x * x


def test_the_window_bounds_open_calls_and_nobody_is_refused(node):
    node.window_calls = 9
    gate = threading.Event()
    opened = []

    def later(call):
        opened.append(call)
        if gate.is_set():
            node.execute(call)
        elif len(opened) == 8:
            gate.set()
            for each in opened:
                node.execute(each)

    node.behaviour["client.square"] = later
    handles = [tasks.square.spawn(x) for x in range(100)]
    assert [handle.result() for handle in handles] == [x * x for x in range(100)]
    assert node.most_open <= 8

    async def many():
        return await asyncio.gather(*[tasks.square.remote.aio(x) for x in range(500)])

    assert asyncio.run(many()) == [x * x for x in range(500)]
    assert node.most_open <= 8


def test_one_value_may_exceed_the_window_alone(node):
    node.window_bytes = 64 * 1024
    data = bytes(200 * 1024)
    handles = [tasks.length.spawn(data) for _ in range(5)]
    assert [handle.result() for handle in handles] == [len(data)] * 5
    assert node.most_open == 1
