"""`hearth.trace`: a traced helper of a task starts no call, in whatever form it tries."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, AsyncIterator, Callable, Iterator, List

import pytest

import hearth
from hearth import errors

env = hearth.TaskEnvironment("traces")


@env.task
def leaf(x: int) -> int:
    return x + 1


@env.task
async def leaf_async(x: int) -> int:
    return x + 1


async def first_of(results: AsyncIterator[Any]) -> Any:
    async for result in results:
        return result


BLOCKING = {
    "call": lambda: leaf(1),
    "remote": lambda: leaf.remote(1),
    "spawn": lambda: leaf.spawn(1),
    "map": lambda: list(hearth.map(leaf, [1])),
}
AWAITED = {
    "call": lambda: leaf_async(1),
    "aio": lambda: leaf.aio(1),
    "remote": lambda: leaf.remote.aio(1),
    "spawn": lambda: leaf.spawn.aio(1),
    "map": lambda: first_of(hearth.map.aio(leaf, [1])),
}


@hearth.trace
def helper(start: Callable[[], Any]) -> Any:
    return start()


@hearth.trace
async def helper_async(start: Callable[[], Any]) -> Any:
    return await start()


@hearth.trace
def items(start: Callable[[], Any]) -> Iterator[Any]:
    yield "first"
    yield start()


@hearth.trace
async def items_async(start: Callable[[], Any]) -> AsyncIterator[Any]:
    yield "first"
    yield await start()


@env.task
def blocking(form: str, generates: bool) -> Any:
    return list(items(BLOCKING[form])) if generates else helper(BLOCKING[form])


@env.task
async def awaited(form: str, generates: bool) -> Any:
    if generates:
        return [item async for item in items_async(AWAITED[form])]
    return await helper_async(AWAITED[form])


@env.task
def between() -> List[Any]:
    return [leaf(n) if item == "first" else item for n, item in enumerate(items(lambda: "second"))]


@env.task
async def between_async() -> List[Any]:
    return [await leaf.aio(1) if item == "first" else item async for item in items_async(leaf_local)]


async def leaf_local() -> int:
    return await leaf_async.local(6)


def here(task: Any, *args: Any) -> Any:
    return hearth.with_runcontext(mode="local").run(task, *args).result()


@pytest.mark.parametrize("generates", [False, True])
@pytest.mark.parametrize("form", BLOCKING)
def test_a_traced_function_starts_no_call(form: str, generates: bool) -> None:
    with pytest.raises(errors.TraceDoesNotAllowNestedTasksError, match="task 'traces.leaf' is called inside '(helper|items)'"):
        here(blocking, form, generates)


@pytest.mark.parametrize("generates", [False, True])
@pytest.mark.parametrize("form", AWAITED)
def test_a_traced_coroutine_starts_no_call(form: str, generates: bool) -> None:
    with pytest.raises(errors.TraceDoesNotAllowNestedTasksError, match="is called inside '(helper|items)_async'"):
        here(awaited, form, generates)


def test_the_code_around_a_traced_generator_may_call_tasks() -> None:
    assert here(between) == [1, "second"]
    assert here(between_async) == [2, 7]


def test_outside_of_tasks_a_traced_function_is_the_plain_one() -> None:
    assert helper(lambda: leaf(1)) == 2
    assert list(items(lambda: leaf(1))) == ["first", 2]
    assert asyncio.run(helper_async(lambda: leaf.aio(1))) == 2


@hearth.trace
def echoes() -> Iterator[Any]:
    """Answers with what it is sent, or the class of what is thrown into it."""
    heard: Any = "nothing"
    try:
        while heard != "end":
            try:
                heard = yield heard
            except ValueError as error:
                heard = type(error).__name__
        return "ended"
    finally:
        closed.append(True)


closed: List[bool] = []


@env.task
def converses() -> List[Any]:
    talk: Any = echoes()
    said = [next(talk), talk.send("word"), talk.throw(ValueError("no"))]
    try:
        talk.send("end")
    except StopIteration as end:
        said.append(end.value)
    other: Any = echoes()
    next(other)
    other.close()
    return [*said, len(closed)]


def test_a_traced_generator_is_spoken_to_like_the_plain_one() -> None:
    closed.clear()
    assert here(converses) == ["nothing", "word", "ValueError", "ended", 2]


def test_a_traced_function_looks_like_the_plain_one_and_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="hearth.trace")
    here(between)
    assert "items took" in caplog.text
    assert helper.__name__ == "helper" and inspect.signature(helper).parameters.keys() == {"start"}
    assert inspect.isgeneratorfunction(items) and inspect.isasyncgenfunction(items_async)
