"""Runs in the program's own process behave like those on a node: types, failures, ends."""

from __future__ import annotations

import asyncio
from typing import Any, List

import pytest

import hearth
from hearth import errors

env = hearth.TaskEnvironment("local-runs")


def here(task: Any, *args: Any, **kwargs: Any) -> Any:
    """The value of a local run of `task`."""
    return hearth.with_runcontext(mode="local").run(task, *args, **kwargs).result()


@env.task
def half(x: float) -> float:
    return x / 2


@env.task
async def half_async(x: float) -> float:
    return x / 2


@env.task
def wrong_result(x: int) -> int:
    return str(x)  # type: ignore[return-value]


@env.task
def leaves(word: str) -> str:
    if word == "cancelled":
        raise asyncio.CancelledError
    raise SystemExit(word)


@env.task
async def leaves_async(word: str) -> str:
    raise SystemExit(word)


@env.task
def caller(values: List[Any]) -> List[str]:
    return [type(item).__name__ for item in hearth.map(half, values)]


@env.task
async def caller_async(values: List[Any]) -> List[str]:
    return [type(item).__name__ async for item in hearth.map.aio(half_async, values)]


@env.task
def mapped_exits() -> List[str]:
    return [item.code for item in hearth.map(leaves, ["one", "two"])]


@env.task
def cancels() -> str:
    handle = half.spawn(1.0)
    handle.cancel()
    try:
        return str(handle.result())
    except errors.ActionAbortedError as error:
        return type(error).__name__


def test_an_argument_of_the_wrong_type_is_refused_before_anything_runs() -> None:
    with pytest.raises(errors.RuntimeDataValidationError, match="'x'"):
        hearth.with_runcontext(mode="local").run(half, "two")


def test_arguments_are_converted_as_on_the_way_to_an_interpreter() -> None:
    assert type(here(half_async, 4)) is float
    run = hearth.with_runcontext(mode="local").run(half, x=4)
    assert run.inputs() == {"x": 4} and run.result() == 2.0


def test_a_result_of_the_wrong_type_fails_the_run() -> None:
    with pytest.raises(errors.RuntimeDataValidationError, match="'result'"):
        here(wrong_result, 1)


@pytest.mark.parametrize("task", [caller, caller_async])
def test_children_are_checked_too(task: Any) -> None:
    assert here(task, [1.0, "two", 3]) == ["float", "RuntimeDataValidationError", "float"]


@pytest.mark.parametrize("task", [leaves, leaves_async])
def test_a_task_that_exits_fails_its_run_and_not_the_program(task: Any) -> None:
    with pytest.raises(errors.RuntimeUserError, match="raised SystemExit: now") as caught:
        here(task, "now")
    assert caught.value.code == "SystemExit" and isinstance(caught.value.__cause__, SystemExit)


def test_a_cancellation_that_a_task_raises_is_a_users_error() -> None:
    with pytest.raises(errors.RuntimeUserError, match="raised CancelledError"):
        here(leaves, "cancelled")


def test_exits_are_values_of_a_map() -> None:
    assert here(mapped_exits) == ["SystemExit", "SystemExit"]


def test_a_cancelled_child_is_an_aborted_one() -> None:
    assert here(cancels) == "ActionAbortedError"


@env.task
def introduces_itself() -> List[str]:
    context = hearth.ctx()
    assert context is not None and context.action.name == context.action_name == context.call_id
    return [context.action.run_name, context.run_name, context.action.project, context.action.domain]


def test_a_task_knows_its_action_in_flytes_words() -> None:
    run = hearth.with_runcontext(mode="local", name="mine", project="shop", domain="staging").run(introduces_itself)
    assert run.result() == ["mine", "mine", "shop", "staging"]


@pytest.mark.parametrize("value", [1, -1, True, "2", 2.0])
def test_a_bound_of_actions_that_flyte_refuses_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="max_action_concurrency"):
        hearth.with_runcontext(max_action_concurrency=value)


def test_a_bound_of_actions_is_taken_and_said_to_have_no_effect(caplog: pytest.LogCaptureFixture) -> None:
    hearth.with_runcontext(max_action_concurrency=0)
    assert not caplog.records
    hearth.with_runcontext(max_action_concurrency=2)
    assert [record.getMessage() for record in caplog.records] == [
        "with_runcontext(max_action_concurrency=...) has no effect here"
    ]
