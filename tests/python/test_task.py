"""A task is called as a function, as a child, or remotely; its arguments are checked by name."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import sys
import threading
import types
from typing import Any, Iterator, List, Mapping, Optional, Tuple

import pytest

import hearth
from hearth import _runtime
from hearth.errors import RestrictedTypeError, RuntimeUserError, TraceDoesNotAllowNestedTasksError

env = hearth.TaskEnvironment("calls")


@env.task
def power(base: int, exponent: int = 2, *, sign: bool = False) -> int:
    return base**exponent * (-1 if sign else 1)


@env.task
async def twice(x: int) -> int:
    await asyncio.sleep(0)
    return 2 * x


@env.task
def where() -> threading.Thread:
    return threading.current_thread()


class Recorder:
    """A running call that answers its children with what was asked."""

    def __init__(self) -> None:
        self.asked: List[Tuple[Any, ...]] = []

    def call(self, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        self.asked.append(("call", task.name, task.bind(args, kwargs)))
        return "value"

    async def call_async(self, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        self.asked.append(("call_async", task.name, task.bind(args, kwargs)))
        return "awaited"


@pytest.fixture
def runner() -> Iterator[Recorder]:
    recorder = Recorder()
    with _runtime.entered(recorder):
        yield recorder
    assert _runtime.current() is None


# -- calls -----------------------------------------------------------------------------------------------------------


def test_outside_a_task_a_call_is_the_plain_function() -> None:
    assert power(3) == 9
    assert power(2, exponent=3, sign=True) == -8
    assert inspect.iscoroutine(coroutine := twice(4)) and asyncio.run(coroutine) == 8


def test_outside_a_task_aio_awaits_async_tasks_and_runs_sync_ones_in_a_thread() -> None:
    assert asyncio.run(twice.aio(4)) == 8
    assert asyncio.run(power.aio(3)) == 9
    assert asyncio.run(where.aio()) is not threading.current_thread()


def test_the_thread_of_aio_sees_the_callers_context() -> None:
    word: contextvars.ContextVar[str] = contextvars.ContextVar("word")
    task = hearth.TaskEnvironment("e").task(lambda: word.get())

    async def main() -> str:
        word.set("here")
        return await task.aio()

    assert asyncio.run(main()) == "here"


def test_inside_a_task_a_call_is_a_child(runner: Recorder) -> None:
    assert power(3, 4) == "value"
    assert asyncio.run(twice(5)) == "awaited"  # type: ignore[arg-type]
    assert runner.asked == [
        ("call", "calls.power", {"base": 3, "exponent": 4, "sign": False}),
        ("call_async", "calls.twice", {"x": 5}),
    ]


def test_inside_a_task_aio_is_an_awaitable_child_also_of_a_sync_task(runner: Recorder) -> None:
    assert asyncio.run(power.aio(3)) == "awaited"
    assert runner.asked[0][:2] == ("call_async", "calls.power")


def test_local_is_the_plain_function_everywhere(runner: Recorder) -> None:
    assert power.local(3) == power.forward(3) == 9
    assert asyncio.run(twice.local(2)) == 4
    assert runner.asked == []


def test_an_exception_of_a_local_call_arrives_as_itself() -> None:
    task = hearth.TaskEnvironment("e").task(lambda: {}["missing"])
    with pytest.raises(KeyError, match="missing"):
        task()


def test_a_task_inside_a_traced_function_is_refused_by_name(runner: Recorder) -> None:
    with _runtime.traced("load"):
        for call in (lambda: power(1), lambda: twice(1), lambda: asyncio.run(power.aio(1))):
            with pytest.raises(TraceDoesNotAllowNestedTasksError, match="'calls.(power|twice)'.*'load'"):
                call()
        assert power.local(3) == 9
    assert power(1) == "value"


def test_a_traced_function_outside_of_a_task_may_call_tasks() -> None:
    with _runtime.traced("load"):
        assert power(3) == 9


def test_remote_calls_go_to_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    calls = types.ModuleType("hearth._client.calls")

    async def remote_aio(*what: Any) -> str:
        asked.append(("remote_aio", *what))
        return "awaited"

    calls.remote = lambda *what: asked.append(("remote", *what)) or "value"  # type: ignore[attr-defined]
    calls.spawn = lambda *what: asked.append(("spawn", *what)) or "handle"  # type: ignore[attr-defined]
    async def spawn_aio(*what: Any) -> str:
        asked.append(("spawn_aio", *what))
        return "later"

    calls.spawn_aio = spawn_aio  # type: ignore[attr-defined]
    calls.remote_aio = remote_aio  # type: ignore[attr-defined]
    package = types.ModuleType("hearth._client")
    package.calls = calls  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hearth._client", package)
    monkeypatch.setitem(sys.modules, "hearth._client.calls", calls)
    assert (power.remote(3), power.spawn(base=4), asyncio.run(twice.remote.aio(5))) == ("value", "handle", "awaited")
    assert asked == [
        ("remote", power, (3,), {}),
        ("spawn", power, (), {"base": 4}),
        ("remote_aio", twice, (5,), {}),
    ]
    assert asyncio.run(power.spawn.aio(3)) == "later" and asked[-1] == ("spawn_aio", power, (3,), {})


def test_remote_calls_while_a_node_imports_the_module_are_refused_with_the_cure() -> None:
    with _runtime.importing("digits"):
        for call in (
            lambda: power.remote(1),
            lambda: power.spawn(1),
            lambda: asyncio.run(power.remote.aio(1)),
            lambda: asyncio.run(power.spawn.aio(1)),
        ):
            with pytest.raises(RuntimeUserError, match="calls.power.*'digits'.*__main__"):
                call()


# -- arguments -------------------------------------------------------------------------------------------------------


def test_bound_arguments_are_complete_and_in_order() -> None:
    assert list(power.bind((), {"sign": True, "base": 1}).items()) == [("base", 1), ("exponent", 2), ("sign", True)]
    assert power.bind((1, 3), {}) == {"base": 1, "exponent": 3, "sign": False}
    assert twice.bind((4,), {}) == {"x": 4}


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "task 'calls.power' misses the argument 'base'"),
        ((1, 2, 3), {}, "takes 2 positional arguments, 3 were given"),
        ((1,), {"base": 2}, "two values for the argument 'base'"),
        ((1,), {"exponnent": 2}, "no parameter 'exponnent' .did you mean 'exponent'"),
        ((1,), {"zzz": 2}, r"no parameter 'zzz'; its signature is \(base: int"),
    ],
)
def test_arguments_that_do_not_fit_are_named(args: tuple, kwargs: dict, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        power.bind(args, kwargs)


def test_all_missing_arguments_are_named_at_once() -> None:
    task = hearth.TaskEnvironment("e").task(lambda a, b, c=1: a)
    with pytest.raises(TypeError, match="misses the arguments 'a', 'b'"):
        task.bind((), {})


# -- signatures ------------------------------------------------------------------------------------------------------


def test_hints_are_resolved_and_any_where_there_are_none() -> None:
    assert power.hints == {"base": int, "exponent": int, "sign": bool, "return": int}
    task = hearth.TaskEnvironment("e").task(lambda x: x)
    assert task.hints == {"x": Any, "return": Any}


def test_a_parameter_that_defaults_to_none_may_be_none() -> None:
    def f(x: int = None, y: Any = None) -> None: ...  # type: ignore[assignment]

    hints = hearth.TaskEnvironment("e").task(f).hints
    assert (hints["x"], hints["return"]) == (Optional[int], type(None))
    assert hints["y"] in (Any, Optional[Any])  # the same; Python writes it one way or the other


def test_hints_of_a_closure_may_name_what_is_around_it() -> None:
    class Local: ...

    def f(x: Local) -> Optional[Local]:
        return x if Local else None

    assert hearth.TaskEnvironment("e").task(f).hints == {"x": Local, "return": Optional[Local]}


def test_a_hint_that_cannot_be_resolved_names_its_parameter_when_it_is_needed() -> None:
    def f(good: int, bad: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    task = hearth.TaskEnvironment("e").task(f)
    with pytest.raises(RestrictedTypeError, match="task 'e.f': the annotation Missing of parameter 'bad'"):
        task.hints


def test_a_result_that_cannot_be_resolved_is_named() -> None:
    def f() -> Missing: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(RestrictedTypeError, match="of the result"):
        hearth.TaskEnvironment("e").task(f).hints


def test_a_signature_reads_as_it_was_written() -> None:
    assert power.interface.text == "(base: int, exponent: int = 2, *, sign: bool = False) -> int"
    assert repr(twice) == "<async task calls.twice(x: int) -> int>"


def test_a_default_without_a_stable_text_is_left_out_of_the_signature() -> None:
    marker = object()
    assert hearth.TaskEnvironment("e").task(lambda x=marker, y=1: x).interface.text == "(x=..., y=1)"


def test_tools_see_the_function_through_the_task() -> None:
    assert inspect.signature(power) == inspect.signature(power.func)
    assert inspect.unwrap(power) is power.func
    if sys.version_info >= (3, 12):
        assert inspect.iscoroutinefunction(twice) and not inspect.iscoroutinefunction(power)
