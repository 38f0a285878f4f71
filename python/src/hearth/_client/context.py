"""What code may ask about the call it runs in: `ctx`, `group`, `trace`."""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import functools
import inspect
import logging
import time
from typing import Any, AsyncGenerator, Callable, ContextManager, Generator, Iterator, Optional, TypeVar

from hearth import _runtime

__all__ = ["Action", "Context", "ctx", "group", "trace"]

_log = logging.getLogger("hearth.trace")
_group: contextvars.ContextVar[Optional[str]] = contextvars.ContextVar("hearth group", default=None)

F = TypeVar("F", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True)
class Action:
    """The call that runs here, in Flyte's words.

    Attributes:
        name: the call's id, 32 hex digits, as `hearth get action` lists it.
        run_name, project, domain: as in `Context`.
    """

    name: str
    run_name: str
    project: str
    domain: str


@dataclasses.dataclass(frozen=True)
class Context:
    """The call that runs here.

    Attributes:
        run_name: the run's id: the name that a node gives to a run without one, made of the id of its root call. A name
            that was given to the run does not reach its interpreters; `hearth get run` lists it. In local mode the name
            that was given. A plain call, which belongs to no run, has such an id too.
        action: the call in Flyte's words: `name`, `run_name`, `project`, `domain`.
        action_name, call_id: the call, 32 hex digits, as `hearth get action` lists it.
        task: "<environment>.<function>".
        environment: its environment.
        project, domain: where that belongs.
        version: version of the environment, 15 hex digits; "" in local mode.
        attempt: 1 for the first execution.
        depth: 0 for the call that a program made, 1 for its children.
        deadline_remaining: seconds until the call's deadline; None without one.
        group: innermost `hearth.group` around the code that asks.
        mode: "remote" in an interpreter of a node, "local" in the program's own process.
    """

    run_name: str
    call_id: str
    task: str
    environment: str
    project: str
    domain: str
    version: str
    attempt: int
    depth: int
    deadline_remaining: Optional[float]
    group: Optional[str]
    mode: str

    @property
    def action(self) -> Action:
        """The call in Flyte's words."""
        return Action(self.call_id, self.run_name, self.project, self.domain)

    @property
    def action_name(self) -> str:
        """Flyte's word for `call_id`."""
        return self.call_id


def ctx() -> Optional[Context]:
    """The call that runs here, or None outside of tasks."""
    runner: Any = _runtime.current()
    if runner is None:
        return None
    settings = runner.settings or runner  # a local call has no interpreter, and knows project and domain itself
    remaining = runner.remaining_ms()
    return Context(
        run_name=runner.run_name,
        call_id=runner.call_id,
        task=runner.task_name,
        environment=runner.environment,
        project=settings.project,
        domain=settings.domain,
        version=getattr(settings, "version", ""),
        attempt=runner.attempt,
        depth=runner.depth,
        deadline_remaining=remaining / 1000 if remaining else None,
        group=_group.get(),
        mode="local" if runner.settings is None else "remote",
    )


class group(contextlib.ContextDecorator):
    """Names the calls made in its block: ``with hearth.group("train"): ...``, or ``async with``.

    `hearth.ctx().group` says the name there. Groups nest; listings show the calls of a run by their parents.
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(f"a group needs a name, not {name!r}")
        self.name = name

    def __enter__(self) -> group:
        self._token = _group.set(self.name)
        return self

    def __exit__(self, *_: Any) -> None:
        _group.reset(self._token)

    async def __aenter__(self) -> group:
        return self.__enter__()

    async def __aexit__(self, *_: Any) -> None:
        self.__exit__()


def trace(function: F) -> F:
    """Marks a helper of a task: how long each of its calls took is in the log of the task (level DEBUG).

    Async functions and generators work too. A traced function is no task and may call none, in any form: that raises
    TraceDoesNotAllowNestedTasksError. The code around a generator, which runs between its items, may. Outside of tasks
    it is the plain function. Example::

        @hearth.trace
        def fetch(url: str) -> bytes: ...
    """
    name = function.__qualname__

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def traced_aio(*args: Any, **kwargs: Any) -> Any:
            with _recorded(name):
                return await function(*args, **kwargs)

        return traced_aio  # type: ignore[return-value]
    if inspect.isasyncgenfunction(function):
        return _traced_items_aio(name, function)  # type: ignore[return-value]
    if inspect.isgeneratorfunction(function):
        return _traced_items(name, function)  # type: ignore[return-value]

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        with _recorded(name):
            return function(*args, **kwargs)

    return traced  # type: ignore[return-value]


def _traced_items(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`yield from` the generator, traced while its own code runs: not between its items."""

    @functools.wraps(function)
    def traced_items(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        items = function(*args, **kwargs)
        step, value = items.send, None
        with _timed(name):
            while True:
                try:
                    with _traced(name):
                        item = step(value)
                except StopIteration as end:
                    return end.value
                try:
                    step, value = items.send, (yield item)
                except GeneratorExit:
                    with _traced(name):
                        items.close()
                    raise
                except BaseException as error:
                    step, value = items.throw, error

    return traced_items


def _traced_items_aio(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for an asynchronous generator."""

    @functools.wraps(function)
    async def traced_items(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        items = function(*args, **kwargs)
        step, value = items.asend, None
        with _timed(name):
            while True:
                try:
                    with _traced(name):
                        item = await step(value)
                except StopAsyncIteration:
                    return
                try:
                    step, value = items.asend, (yield item)
                except GeneratorExit:
                    with _traced(name):
                        await items.aclose()
                    raise
                except BaseException as error:
                    step, value = items.athrow, error

    return traced_items


@contextlib.contextmanager
def _recorded(name: str) -> Iterator[None]:
    with _traced(name), _timed(name):
        yield


def _traced(name: str) -> ContextManager[None]:
    return contextlib.nullcontext() if _runtime.current() is None else _runtime.traced(name)


@contextlib.contextmanager
def _timed(name: str) -> Iterator[None]:
    if _runtime.current() is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    except BaseException as error:
        _log.debug("%s raised %s after %.6f s", name, type(error).__name__, time.perf_counter() - began)
        raise
    _log.debug("%s took %.6f s", name, time.perf_counter() - began)
