"""What code may ask about the call it runs in: `ctx`, `group`, `trace`."""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import functools
import inspect
import logging
import time
from typing import Any, AsyncIterator, Callable, Iterator, Optional, TypeVar

from hearth import _runtime

__all__ = ["Context", "ctx", "group", "trace"]

_log = logging.getLogger("hearth.trace")
_group: contextvars.ContextVar[Optional[str]] = contextvars.ContextVar("hearth group", default=None)

F = TypeVar("F", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True)
class Context:
    """The call that runs here.

    Attributes:
        run_name: name of the run, as `hearth get run` lists it. Of a run that was given a name, and of a plain call,
            the name that the node would have chosen: it is made of the id of the root call.
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

    Async functions and generators work too. A traced function is no task and may call none: that raises
    TraceDoesNotAllowNestedTasksError. Outside of tasks it is the plain function. Example::

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
    # The code around a generator runs between its items, in the same context: only the time is recorded.
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def traced_items_aio(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            with _timed(name):
                async for item in function(*args, **kwargs):
                    yield item

        return traced_items_aio  # type: ignore[return-value]
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def traced_items(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _timed(name):
                yield from function(*args, **kwargs)

        return traced_items  # type: ignore[return-value]

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        with _recorded(name):
            return function(*args, **kwargs)

    return traced  # type: ignore[return-value]


@contextlib.contextmanager
def _recorded(name: str) -> Iterator[None]:
    if _runtime.current() is None:
        yield
        return
    with _runtime.traced(name), _timed(name):
        yield


@contextlib.contextmanager
def _timed(name: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    except BaseException as error:
        _log.debug("%s raised %s after %.6f s", name, type(error).__name__, time.perf_counter() - began)
        raise
    _log.debug("%s took %.6f s", name, time.perf_counter() - began)
