"""`hearth.map` from a program: order, flow control, errors as values, early ends."""

from __future__ import annotations

import asyncio
import functools
import itertools
import random
import threading

import client_tasks as tasks
import pytest
from client_fixtures import node  # noqa: F401
from fake_node import until

import hearth
from hearth import errors


def test_results_come_in_the_order_of_the_inputs(node):
    assert list(hearth.map(tasks.square, range(10_000))) == [x * x for x in range(10_000)]


def test_order_holds_when_calls_end_in_another_order(node):
    held = []

    def shuffled(call):
        held.append(call)
        if len(held) == 20:
            random.Random(7).shuffle(held)
            while held:
                node.execute(held.pop())

    node.behaviour["client.square"] = shuffled
    assert list(hearth.map(tasks.square, range(100))) == [x * x for x in range(100)]


def test_unordered_results_come_as_calls_end(node):
    first = []

    def late(call):
        if not first:
            first.append(call)
        else:
            node.execute(call)

    node.behaviour["client.square"] = late
    results = hearth.map(tasks.square, [100, 1, 2, 3], ordered=False)
    assert sorted(itertools.islice(results, 3)) == [1, 4, 9]
    node.execute(first[0])
    assert list(results) == [10_000]


def test_several_iterables_are_walked_together_until_the_shortest_ends(node):
    assert list(hearth.map(tasks.join, ["a", "b", "c"], ["1", "2"])) == ["a1", "b2"]


def test_a_partial_leaves_one_parameter_free(node):
    assert list(hearth.map(functools.partial(tasks.join, right="?"), ["a", "b"])) == ["a?", "b?"]
    assert list(hearth.map(functools.partial(tasks.join, "x"), ["a", "b"])) == ["xa", "xb"]


@pytest.mark.parametrize(
    ("function", "iterables", "said"),
    [
        (functools.partial(tasks.join), [[1]], "exactly one parameter free, it leaves 2: left, right"),
        (functools.partial(tasks.join, "a", "b"), [[1]], "exactly one parameter free, it leaves 0"),
        (functools.partial(tasks.join, right="b"), [[1], [2]], "takes one iterable, for 'left'"),
        (functools.partial(tasks.join, wrong="b"), [[1]], "binds 'wrong', which is no parameter"),
        (functools.partial(tasks.join, "a", left="b"), [[1]], "binds 'left' twice"),
        (functools.partial(tasks.join, "a", "b", "c"), [[1]], "binds 3 arguments without names, the task takes 2"),
        (tasks.square, [[1], [2]], "takes 1 positional arguments, 2 were given"),
        (tasks.add, [[1]], "misses the argument 'y'"),
        (len, [[1]], "takes a task"),
        (tasks.square, [], "needs an iterable"),
    ],
)
def test_what_cannot_be_mapped_is_refused_at_once(node, function, iterables, said):
    for form in (hearth.map, hearth.map.aio):
        with pytest.raises(TypeError, match=said):
            form(function, *iterables)


@pytest.mark.parametrize("concurrency", [-1, 1.5, True, None])
def test_a_concurrency_that_is_no_count_is_refused(node, concurrency):
    with pytest.raises(ValueError, match="concurrency must be"):
        hearth.map(tasks.square, [1], concurrency=concurrency)


def test_failed_calls_are_values_among_the_results(node):
    results = list(hearth.map(tasks.fail, range(4)))
    assert results[0] == 0 and results[2] == 2
    assert "1 is odd" in str(results[1]) and "3 is odd" in str(results[3])


def test_a_task_that_exits_is_a_value_like_any_other_failure(node):
    def leaving(call):
        call.session.finished(call)
        try:
            raise SystemExit(call.arguments["x"])
        except SystemExit as error:
            call.raise_in_task(error)

    node.behaviour["client.square"] = leaving
    results = list(hearth.map(tasks.square, range(3)))
    assert [result.code for result in results] == ["SystemExit"] * 3

    async def collect():
        return [result async for result in hearth.map.aio(tasks.square, range(3))]

    assert [result.code for result in asyncio.run(collect())] == ["SystemExit"] * 3


def test_with_return_exceptions_false_the_first_failure_is_raised(node):
    results = hearth.map(tasks.fail, range(4), return_exceptions=False)
    assert next(results) == 0
    with pytest.raises(errors.BaseRuntimeError, match="1 is odd"):
        next(results)


def test_an_input_of_the_wrong_type_takes_the_place_of_its_result(node):
    results = list(hearth.map(tasks.square, [1, "two", 3]))
    assert results[0] == 1 and results[2] == 9
    assert isinstance(results[1], errors.RuntimeDataValidationError)


def test_an_exception_of_the_inputs_is_raised(node):
    def inputs():
        yield 1
        raise KeyError("no more")

    with pytest.raises(KeyError, match="no more"):
        list(hearth.map(tasks.square, inputs()))


def test_no_inputs_make_no_calls(node):
    assert list(hearth.map(tasks.square, [])) == []
    assert node.calls == 0


def test_endless_inputs_are_taken_only_as_calls_are_sent(node):
    node.window_calls = 33
    taken = itertools.count()
    results = hearth.map(tasks.square, taken)
    assert list(itertools.islice(results, 100)) == [x * x for x in range(100)]
    results.close()
    assert next(taken) <= 100 + 2 * 32
    assert node.most_open <= 32


def test_concurrency_bounds_the_open_calls(node):
    open_now, most = set(), []
    changed = threading.Condition()

    def slow(call):
        with changed:
            open_now.add(call)
            most.append(len(open_now))

        def end():
            with changed:
                open_now.discard(call)
            node.execute(call)

        threading.Timer(0.001, end).start()

    node.behaviour["client.square"] = slow
    assert list(hearth.map(tasks.square, range(50), concurrency=3)) == [x * x for x in range(50)]
    assert max(most) == 3


def test_calls_that_a_full_queue_refuses_are_sent_again(node, monkeypatch):
    monkeypatch.setattr("hearth._client.fan_out._REFUSED_PAUSE", 0.01)
    refused = set()

    def sometimes(call):
        x = call.arguments["x"]
        if x % 3 == 0 and x not in refused:
            refused.add(x)
            call.session.finished(call)
            call.fail(30, "The queue is full.")
        else:
            node.execute(call)

    node.behaviour["client.square"] = sometimes
    assert list(hearth.map(tasks.square, range(300))) == [x * x for x in range(300)]
    assert len(refused) == 100
    assert node.calls == 400


def test_leaving_the_loop_early_cancels_what_is_open(node):
    held = []

    def some(call):
        if call.arguments["x"] < 2:
            node.execute(call)
        else:
            held.append(call)

    node.behaviour["client.square"] = some
    results = hearth.map(tasks.square, range(10))
    assert [next(results), next(results)] == [0, 1]
    until(lambda: len(held) == 8, "the other calls arrive")
    results.close()
    for call in held:
        assert call.cancelled.wait(20)


def test_large_arguments_keep_to_the_window(node):
    node.window_bytes = 1024 * 1024
    blocks = [bytes([n]) * 300_000 for n in range(30)]
    assert list(hearth.map(tasks.echo, blocks)) == blocks
    assert node.most_open <= 4


def refilled(count, size=100_000):
    """One buffer again and again, filled with another number each time."""
    buffer = bytearray(size)
    for n in range(count):
        buffer[:] = bytes([n]) * size
        yield buffer


FILLINGS = [[n, n, 100_000] for n in range(40)]


@pytest.mark.parametrize("ordered", [True, False])
def test_inputs_that_are_one_buffer_refilled_arrive_as_they_were_when_taken(node, ordered):
    assert sorted(hearth.map(tasks.filling, refilled(40), ordered=ordered)) == FILLINGS


def test_a_refilled_buffer_arrives_right_when_a_full_queue_refused_it_first(node, monkeypatch):
    monkeypatch.setattr("hearth._client.fan_out._REFUSED_PAUSE", 0.01)
    refused = set()

    def at_first(call):
        n = call.arguments["data"][0]
        if n in refused:
            node.execute(call)
        else:
            refused.add(n)
            call.session.finished(call)
            call.fail(30, "The queue is full.")

    node.behaviour["client.filling"] = at_first
    assert list(hearth.map(tasks.filling, refilled(40))) == FILLINGS
    assert len(refused) == 40


def test_an_array_that_is_refilled_arrives_as_it_was_when_taken(node):
    numpy = pytest.importorskip("numpy")

    def arrays():
        array = numpy.zeros(20_000)
        for n in range(20):
            array[:] = n
            yield array

    assert list(hearth.map(tasks.anything, arrays())) == [float(n) * 20_000 for n in range(20)]


def test_a_single_call_gets_through_beside_a_map(node):
    held = []
    node.window_calls = 65
    node.behaviour["client.square"] = held.append
    ended = []

    def read():
        try:
            list(hearth.map(tasks.square, range(1000)))
        except errors.NodeUnavailableError as error:
            ended.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    until(lambda: len(held) >= 50, "the map fills its part of the window")
    assert tasks.join.remote("a") == "a!"
    node.drop()
    reader.join(20)
    assert ended


def test_two_maps_at_once_finish(node):
    node.window_calls = 17
    done = {}

    def run(offset):
        done[offset] = list(hearth.map(tasks.square, range(offset, offset + 500)))

    threads = [threading.Thread(target=run, args=(offset,)) for offset in (0, 1000, 2000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert done == {offset: [x * x for x in range(offset, offset + 500)] for offset in (0, 1000, 2000)}


def test_a_lost_node_ends_the_map(node):
    def drop_at_ten(call):
        if call.arguments["x"] == 10:
            node.drop()
        else:
            node.execute(call)

    node.behaviour["client.square"] = drop_at_ten
    with pytest.raises(errors.NodeUnavailableError):
        list(hearth.map(tasks.square, range(100)))
    assert list(hearth.map(tasks.square, range(3))) == [0, 1, 4]


# -- awaitable --------------------------------------------------------------------------------------------------------


def test_the_awaitable_form_gives_the_same(node):
    async def collect():
        return [result async for result in hearth.map.aio(tasks.fail, range(1000))]

    results = asyncio.run(collect())
    assert results[::2] == list(range(0, 1000, 2))
    assert all(isinstance(result, errors.BaseRuntimeError) for result in results[1::2])


def test_awaited_maps_and_calls_share_a_loop(node):
    node.window_calls = 17

    async def collect(offset):
        return [result async for result in hearth.map.aio(tasks.square, range(offset, offset + 300), ordered=False)]

    async def both():
        return await asyncio.gather(collect(0), collect(1000), *[tasks.square.remote.aio(x) for x in range(100)])

    first, second, *single = asyncio.run(both())
    assert sorted(first) == [x * x for x in range(300)]
    assert sorted(second) == [x * x for x in range(1000, 1300)]
    assert single == [x * x for x in range(100)]


def test_refused_calls_are_sent_again_in_a_loop_too(node, monkeypatch):
    monkeypatch.setattr("hearth._client.fan_out._REFUSED_PAUSE", 0.01)
    refused = []

    def once(call):
        if not refused:
            refused.append(call)
            call.session.finished(call)
            call.fail(30, "The queue is full.")
        else:
            node.execute(call)

    node.behaviour["client.square"] = once

    async def collect():
        return [result async for result in hearth.map.aio(tasks.square, [3])]

    assert asyncio.run(collect()) == [9]


def test_a_refilled_buffer_arrives_as_it_was_when_taken_in_a_loop_too(node):
    async def collect():
        return [result async for result in hearth.map.aio(tasks.filling, refilled(40))]

    assert asyncio.run(collect()) == FILLINGS


def test_the_blocking_form_inside_a_loop_names_the_awaitable_one(node):
    async def wrong():
        with pytest.raises(errors.OnlyAsyncIOSupportedError, match=r"async for result in hearth\.map\.aio"):
            hearth.map(tasks.square, [1])

    asyncio.run(wrong())


def test_a_map_made_outside_of_a_loop_is_refused_where_it_would_block_inside_one(node):
    async def walk(results):
        with pytest.raises(errors.OnlyAsyncIOSupportedError, match=r"async for result in hearth\.map\.aio"):
            while True:
                next(results)

    asyncio.run(walk(hearth.map(tasks.square, range(3))))
    assert node.calls == 0
    held = []
    node.behaviour["client.square"] = lambda call: held.append(call) if call.arguments["x"] else node.execute(call)
    begun = hearth.map(tasks.square, range(3))
    assert next(begun) == 0
    asyncio.run(walk(begun))
    for call in held:
        assert call.cancelled.wait(20)
