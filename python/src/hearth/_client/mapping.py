"""`hearth.map`: one task over many inputs."""

from __future__ import annotations

import asyncio
import collections
import functools
from typing import Any, AsyncIterator, Callable, Deque, Dict, Iterable, Iterator, List, Optional, Tuple

from hearth import _runtime
from hearth._client import environments
from hearth._client.fan_out import FanOut
from hearth._client.forms import Function
from hearth._client.refusals import refuse_in_event_loop
from hearth._task import Task
from hearth.errors import RuntimeDataValidationError

__all__ = ["map"]

_CHILDREN_MAX = 1000
"""Open children of one map inside a task; the interpreter keeps a few hundred bytes for each."""

_Inputs = Iterator[Dict[str, Any]]


def _map(
    func: Any,
    *iterables: Iterable[Any],
    group_name: Optional[str] = None,
    concurrency: int = 0,
    return_exceptions: bool = True,
    ordered: bool = True,
) -> Iterator[Any]:
    """Calls a task once per input and yields the results.

    Parameters:
        func: a task, or a `functools.partial` of one that leaves exactly one parameter free.
        iterables: one per parameter, walked together until the shortest ends; they may be endless, since inputs are
            taken only as calls are sent.
        group_name: as in Flyte; listings show the calls of a run by their parents, not by groups.
        concurrency: calls open at once; 0: as many as the node takes.
        return_exceptions: a failed call yields its exception; False: it is raised, and what is open is cancelled.
        ordered: results in the order of the inputs; False: as calls end.

    In a program the calls run on warm interpreters, inside a task as its children. A full queue is waited for. Leaving
    the loop early cancels what is open. Raises TypeError or ValueError at once for what cannot be called.

    Example::

        for area in hearth.map(functools.partial(area, width=2.0), heights):
            ...
    """
    _runtime.refuse_while_importing("hearth.map(...)")
    _refuse_in_event_loop()
    task, inputs = _bound(func, iterables, concurrency)
    runner: Any = _runtime.current()
    if runner is not None:
        _runtime.refuse_in_trace(task.name)
        return _children(runner, task, inputs, concurrency or _CHILDREN_MAX, return_exceptions, ordered)
    return _calls(task, inputs, concurrency, return_exceptions, ordered)


def _map_aio(
    func: Any,
    *iterables: Iterable[Any],
    group_name: Optional[str] = None,
    concurrency: int = 0,
    return_exceptions: bool = True,
    ordered: bool = True,
) -> AsyncIterator[Any]:
    _runtime.refuse_while_importing("hearth.map.aio(...)")
    task, inputs = _bound(func, iterables, concurrency)
    runner: Any = _runtime.current()
    if runner is not None:
        _runtime.refuse_in_trace(task.name)
        return _children_aio(runner, task, inputs, concurrency or _CHILDREN_MAX, return_exceptions, ordered)
    return _calls_aio(task, inputs, concurrency, return_exceptions, ordered)


map = Function(_map, _map_aio)
map.__name__ = map.__qualname__ = "map"


def _refuse_in_event_loop() -> None:
    """When a map is made, and again wherever it blocks: it may be walked elsewhere than where it was made."""
    refuse_in_event_loop("hearth.map(...)", "async for result in hearth.map.aio(...)")


# -- inputs -----------------------------------------------------------------------------------------------------------


def _bound(func: Any, iterables: Tuple[Iterable[Any], ...], concurrency: int) -> Tuple[Task[Any, Any], _Inputs]:
    """The task, and the arguments of each call."""
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 0:
        raise ValueError(f"concurrency must be 0 (as many as the node takes) or a positive number, not {concurrency!r}")
    task = func.func if isinstance(func, functools.partial) else func
    if not isinstance(task, Task):
        raise TypeError(
            f"hearth.map takes a task or a functools.partial of one, not {func!r}. Mark the function with @env.task."
        )
    if not iterables:
        raise TypeError(f"hearth.map({task.short_name}) needs an iterable of inputs")
    if isinstance(func, functools.partial):
        return task, _partial_inputs(task, func, iterables)
    task.bind((None,) * len(iterables), {})  # one parameter for each iterable, and none is left
    return task, (task.bind(row, {}) for row in zip(*iterables))


def _partial_inputs(task: Task[Any, Any], partial: Any, iterables: Tuple[Iterable[Any], ...]) -> _Inputs:
    names, positional = task.interface.names, task.interface.positional
    if len(partial.args) > len(positional):
        raise TypeError(
            f"the partial of {task.name} binds {len(partial.args)} arguments without names, the task takes {len(positional)}"
        )
    fixed = dict(zip(positional, partial.args))
    for name, value in partial.keywords.items():
        if name not in names:
            raise TypeError(f"the partial of {task.name} binds {name!r}, which is no parameter of the task")
        if name in fixed:
            raise TypeError(f"the partial of {task.name} binds {name!r} twice, by position and by name")
        fixed[name] = value
    free = [name for name in names if name not in fixed]
    if len(free) != 1:
        raise TypeError(
            f"the partial of {task.name} must leave exactly one parameter free, it leaves {len(free)}: "
            f"{', '.join(free) or 'none'}. Bind the others."
        )
    if len(iterables) != 1:
        raise TypeError(f"hearth.map over a partial takes one iterable, for {free[0]!r}; {len(iterables)} were given")
    name = free[0]
    return (task.bind((), {**fixed, name: value}) for value in iterables[0])


# -- in a program -----------------------------------------------------------------------------------------------------


def _calls(
    task: Task[Any, Any], inputs: _Inputs, concurrency: int, return_exceptions: bool, ordered: bool
) -> Iterator[Any]:
    _refuse_in_event_loop()
    connection, target = environments.live_target(task)
    fan_out = FanOut(connection, target, inputs, concurrency, ordered)
    value_of = _reader_of(target.codec.value_of, return_exceptions)
    try:
        while not fan_out.finished:
            if not fan_out.fill():
                _refuse_in_event_loop()
                connection.admit(0)
                continue
            connection.poll()
            taken = fan_out.take()
            if not taken and not fan_out.finished:
                _refuse_in_event_loop()
                connection.wait(fan_out, fan_out.pause)
            for reply in taken:
                yield value_of(reply)
    finally:
        fan_out.close()


async def _calls_aio(
    task: Task[Any, Any], inputs: _Inputs, concurrency: int, return_exceptions: bool, ordered: bool
) -> AsyncIterator[Any]:
    loop = asyncio.get_running_loop()
    connection, target = await loop.run_in_executor(None, environments.live_target, task)
    fan_out = FanOut(connection, target, inputs, concurrency, ordered)
    value_of = _reader_of(target.codec.value_of, return_exceptions)
    port = connection.port()
    try:
        while not fan_out.finished:
            if not fan_out.fill():
                await connection.admit_aio(port, 0)
                continue
            connection.poll()
            taken = fan_out.take()
            if not taken and not fan_out.finished:
                await port.wait(fan_out, fan_out.pause)
            for reply in taken:
                yield value_of(reply)
    finally:
        fan_out.close()


def _reader_of(value_of: Callable[[Any], Any], return_exceptions: bool) -> Callable[[Any], Any]:
    """What makes a result of a reply, or of the exception in its place."""

    def raising(reply: Any) -> Any:
        if isinstance(reply, BaseException):
            raise reply
        return value_of(reply)

    def returning(reply: Any) -> Any:
        if isinstance(reply, BaseException):
            return reply
        try:
            return value_of(reply)
        except Exception as error:  # whatever the task raised is its result
            return error

    return returning if return_exceptions else raising


# -- inside a task ----------------------------------------------------------------------------------------------------


def _children(
    runner: Any, task: Task[Any, Any], inputs: _Inputs, limit: int, return_exceptions: bool, ordered: bool
) -> Iterator[Any]:
    waiting: Deque[Any] = collections.deque()
    more = True
    try:
        while True:
            while more and len(waiting) < limit:
                arguments = next(inputs, None)
                if arguments is None:
                    more = False
                else:
                    waiting.append(_spawned(runner, task, arguments))
            if not waiting:
                return
            for child in _ended(runner, waiting, ordered):
                yield _outcome(child, return_exceptions)
    finally:
        for child in waiting:
            child.cancel()


def _ended(runner: Any, waiting: Deque[Any], ordered: bool) -> List[Any]:
    """Removes children that have ended, at least one: from the front, or any of them."""
    if ordered:
        if not waiting[0].finished:
            _refuse_in_event_loop()
            runner.wait_any((waiting[0],))
        ended = []
        while waiting and waiting[0].finished:
            ended.append(waiting.popleft())
        return ended
    if not any(child.finished for child in waiting):
        _refuse_in_event_loop()
        runner.wait_any(tuple(waiting))
    ended = [child for child in waiting if child.finished]
    left = [child for child in waiting if not child.finished]
    waiting.clear()
    waiting.extend(left)
    return ended


async def _children_aio(
    runner: Any, task: Task[Any, Any], inputs: _Inputs, limit: int, return_exceptions: bool, ordered: bool
) -> AsyncIterator[Any]:
    waiting: Deque[Tuple[Any, asyncio.Future[Any]]] = collections.deque()
    more = True
    try:
        while True:
            while more and len(waiting) < limit:
                arguments = next(inputs, None)
                if arguments is None:
                    more = False
                else:
                    child = _spawned(runner, task, arguments)
                    waiting.append((child, asyncio.ensure_future(_end_of(child))))
            if not waiting:
                return
            if ordered:
                child, future = waiting[0]
                await asyncio.wait([future])
                waiting.popleft()
                yield _outcome(child, return_exceptions)
                continue
            await asyncio.wait([future for _, future in waiting], return_when=asyncio.FIRST_COMPLETED)
            ended = [pair for pair in waiting if pair[1].done()]
            left = [pair for pair in waiting if not pair[1].done()]
            waiting.clear()
            waiting.extend(left)
            for child, _ in ended:
                yield _outcome(child, return_exceptions)
    finally:
        for child, future in waiting:
            future.cancel()
            child.cancel()


async def _end_of(child: Any) -> None:
    try:
        await child.result_async()
    except Exception:  # read from the child when its turn comes
        pass


class _Unsent:
    """A child whose arguments do not fit: its error takes the place of its result."""

    finished = True

    def __init__(self, error: Exception) -> None:
        self._error = error

    def value(self) -> Any:
        raise self._error

    async def result_async(self) -> Any:
        raise self._error

    def cancel(self) -> None:
        """There is nothing to cancel."""


def _spawned(runner: Any, task: Task[Any, Any], arguments: Dict[str, Any]) -> Any:
    try:
        return runner.spawn(task, (), arguments)
    except RuntimeDataValidationError as error:
        return _Unsent(error)


def _outcome(child: Any, return_exceptions: bool) -> Any:
    try:
        return child.value()
    except Exception as error:  # whatever the task raised is its result
        if not return_exceptions:
            raise
        return error
