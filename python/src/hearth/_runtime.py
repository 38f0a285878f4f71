"""Where this code runs: in a program, inside a task, or while a node imports the user's modules.

The definition side asks here; the worker and the client say it. Nothing else is shared between them.
"""

from __future__ import annotations

import contextlib
import contextvars
from typing import TYPE_CHECKING, Any, Awaitable, Iterator, Mapping, Optional, Protocol, Sequence, Tuple

from hearth.errors import RuntimeUserError, TraceDoesNotAllowNestedTasksError

if TYPE_CHECKING:
    from hearth._task import Task

__all__ = [
    "CallRunner",
    "Child",
    "current",
    "enter",
    "entered",
    "importing",
    "is_importing",
    "leave",
    "refuse_in_trace",
    "refuse_while_importing",
    "traced",
    "tracing",
]


class Child(Protocol):
    """A call that the running one has made. Any thread of the parent may use it."""

    @property
    def finished(self) -> bool:
        """Whether its end is known; `done` looks first whether it can be."""

    def done(self) -> bool:
        """Whether it has ended: `result` will not block."""

    def result(self, timeout: Optional[float] = None) -> Any:
        """Its value, waited for at most `timeout` seconds. Raises TimeoutError, and what `CallRunner.call` raises."""

    def result_async(self, timeout: Optional[float] = None) -> Awaitable[Any]:
        """The same as an awaitable; cancelling it cancels the child, a time-out does not."""

    def cancel(self) -> None:
        """Stops it; `result` then raises ActionAbortedError. Nothing if it has ended."""


class CallRunner(Protocol):
    """The running call, and what it offers to the code inside it: calls of further tasks as its children.

    The arguments of a child are what the user wrote; `Task.bind` makes them named. The methods raise TypeError for
    arguments that do not fit the task, the child's own exception, or a `hearth.errors.BaseRuntimeError`.
    """

    attempt: int
    """1 for the first execution."""
    depth: int
    """0 for a root."""

    @property
    def run_name(self) -> str:
        """The name that a node gives to the run of the root, when the user gave none."""

    @property
    def call_id(self) -> str:
        """32 hex digits."""

    @property
    def task_name(self) -> str:
        """ "<environment>.<function>"."""

    @property
    def replica(self) -> int:
        """Its number at the node; 0 in local mode."""

    @property
    def environment(self) -> str: ...
    @property
    def project(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def version(self) -> str:
        """Of the environment, 15 hex digits."""

    def remaining_ms(self) -> int:
        """Time left until the call's deadline, at least 1; 0 without one."""

    def spawn(self, task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Child:
        """Starts a child without waiting."""

    def wait_any(self, children: Sequence[Any], timeout: Optional[float] = None) -> None:
        """Blocks until one of `children` has finished, at most `timeout` seconds; the slot is lent meanwhile."""

    def call(self, task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Runs a sync task and returns its value. Blocks the calling thread, whose slot is lent meanwhile.

        Raises SyncTaskCallInAsyncContextError in the thread of a running event loop.
        """

    def call_async(self, task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Awaitable[Any]:
        """The same as an awaitable, for async and sync tasks. The child starts when it is awaited or scheduled."""


_current: contextvars.ContextVar[Optional[CallRunner]] = contextvars.ContextVar("hearth call", default=None)
_traced: contextvars.ContextVar[Optional[str]] = contextvars.ContextVar("hearth trace", default=None)

# The module that a node imports right now. A plain global: imports happen before any call, in one thread.
_importing: Optional[str] = None

# The call that runs in this context, or None in a plain program.
current = _current.get

# The name of the traced function that runs in this context, or None.
tracing = _traced.get


def enter(runner: CallRunner) -> contextvars.Token[Optional[CallRunner]]:
    """Makes `runner` the current call of this context; give the token to `leave`. For the worker's hot path."""
    return _current.set(runner)


def leave(token: contextvars.Token[Optional[CallRunner]]) -> None:
    """Undoes `enter`."""
    _current.reset(token)


@contextlib.contextmanager
def entered(runner: CallRunner) -> Iterator[None]:
    """`enter` and `leave` around a block."""
    token = _current.set(runner)
    try:
        yield
    finally:
        _current.reset(token)


@contextlib.contextmanager
def traced(name: str) -> Iterator[None]:
    """Says that the function `name`, marked with `hearth.trace`, runs in this block."""
    token = _traced.set(name)
    try:
        yield
    finally:
        _traced.reset(token)


def refuse_in_trace(task: str) -> None:
    """Raises TraceDoesNotAllowNestedTasksError if a traced function runs in this context, which calls `task`."""
    name = _traced.get()
    if name is not None:
        raise TraceDoesNotAllowNestedTasksError(
            f"task {task!r} is called inside {name!r}, which is marked with hearth.trace. Call it from a task instead, or "
            f"run it as a plain function with {task.partition('.')[2]}.local(...)."
        )


@contextlib.contextmanager
def importing(module: str) -> Iterator[None]:
    """Says that the user's `module` is being imported to serve its tasks: calls to a node are a mistake meanwhile."""
    global _importing
    before, _importing = _importing, module
    try:
        yield
    finally:
        _importing = before


def is_importing() -> bool:
    """Whether the user's module is being imported by a node: then its program has been through it already."""
    return _importing is not None


def refuse_while_importing(what: str) -> None:
    """Raises RuntimeUserError if the user's module is being imported by a node; `what` is the call as written."""
    if _importing is not None:
        raise RuntimeUserError(
            "CallDuringImport",
            f"{what} runs while a node imports module {_importing!r} to serve its tasks. "
            'Put the call under `if __name__ == "__main__":`, so that it runs in your program only.',
        )
