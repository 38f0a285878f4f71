"""A task: a function of an environment, and the ways to call it."""

from __future__ import annotations

import copyreg
import inspect
import sys
from typing import TYPE_CHECKING, Any, Callable, Coroutine, Dict, Generic, Mapping, Optional, Tuple, TypeVar, overload

from hearth import _runtime
from hearth._cache import Cache
from hearth._checks import milliseconds
from hearth._interface import Interface
from hearth._retry import RetryStrategy
from hearth._settings import TaskSettings
from hearth._timeout import Timeout

if TYPE_CHECKING:
    from typing_extensions import ParamSpec  # type checkers bring it themselves

    from hearth._environment import TaskEnvironment

    P = ParamSpec("P")
elif sys.version_info >= (3, 10):
    from typing import ParamSpec

    P = ParamSpec("P")
else:
    P = TypeVar("P")

__all__ = ["Remote", "Spawn", "Task"]

R = TypeVar("R")
T = TypeVar("T")


class Task(Generic[P, R]):
    """A function that a node can run. Made by `TaskEnvironment.task`, not by hand.

    ==============================  ==============================================================================
    ``square(3)``                   in a program: the plain function; inside a task: a child call
    ``await square.aio(3)``         the same, awaitable, also for a sync function
    ``square.local(3)``             always the plain function
    ``square.remote(3)``            one call on a warm interpreter, from a program: the value
    ``await square.remote.aio(3)``  the same, awaitable
    ``square.spawn(3)``             the same, without waiting: a handle with result, done, cancel
    ``await square.spawn.aio(3)``   the handle, from an event loop
    ==============================  ==============================================================================

    Public attributes: ``name`` ("<environment>.<function>"), ``short_name``, ``func``, ``is_async``, ``env``,
    ``retries``, ``timeout``, ``cache``, ``docs``, ``max_inline_io_bytes`` (None: not set), ``interruptible``.
    """

    remote: Remote[P, R]
    spawn: Spawn[P, R]

    def __init__(self, env: TaskEnvironment, func: Callable[P, R], settings: TaskSettings) -> None:
        self.env = env
        self.func = func
        self.name = f"{env.name}.{task_word(func)}"
        self.is_async = inspect.iscoroutinefunction(func)
        self._settings = settings
        self.interface = Interface(self.name, func)
        self.cache.check_inputs(self.name, self.interface.names)
        self._caching: Optional[Dict[str, Any]] = None  # known already, where the source is not to be had
        self.remote = Remote(self)
        self.spawn = Spawn(self)
        # What an override was made of; None for the task as it was declared.
        self._override_of: Optional[Tuple[Task[Any, Any], Dict[str, Any]]] = None
        self._look_like_the_function()

    # -- what it is --------------------------------------------------------------------------------------------------

    @property
    def short_name(self) -> str:
        """What listings show; the function's name unless it was given."""
        return self._settings.short_name or self.name.partition(".")[2]

    @property
    def retries(self) -> RetryStrategy:
        """Further executions after errors and after losses."""
        return self._settings.retries

    @property
    def timeout(self) -> Timeout:
        """Bounds in time."""
        return self._settings.timeout

    @property
    def cache(self) -> Cache:
        """Cache settings: the task's own, else those of its environment."""
        return self._settings.cache or self.env.cache

    @property
    def docs(self) -> str:
        """Description: the one given, else the function's docstring."""
        return self._settings.docs or inspect.getdoc(self.func) or ""

    @property
    def max_inline_io_bytes(self) -> Optional[int]:
        """Largest input or output in bytes; None: whatever the node accepts."""
        return self._settings.max_inline_io_bytes

    @property
    def interruptible(self) -> bool:
        """As declared; a node interrupts no task in favour of another."""
        own = self._settings.interruptible
        return self.env.interruptible if own is None else own

    @property
    def signature(self) -> inspect.Signature:
        """The function's signature, annotations as written."""
        return self.interface.signature

    @property
    def hints(self) -> Mapping[str, Any]:
        """Resolved annotations by parameter name, and "return"; `Any` where there is none.

        Raises RestrictedTypeError naming the parameter whose annotation cannot be resolved.
        """
        return self.interface.hints

    def definition(self) -> Dict[str, Any]:
        """The wire form (`Task` of schema/environment.capnp). Raises BundleError if the function cannot travel."""
        from hearth._bundle import origin_of

        origin = origin_of(self)
        backoff = self.retries.backoff
        return {
            "name": self.name,
            "shortName": self.short_name,
            "module": origin.module,
            "function": origin.function,
            "pickle": origin.pickle,
            "isAsync": self.is_async,
            "retries": {
                "count": self.retries.count,
                "lost": self.retries.lost,
                "backoffBaseMs": milliseconds(backoff.base) if backoff else 0,  # type: ignore[arg-type]
                "backoffFactor": float(backoff.factor) if backoff else 1.0,
                "backoffCapMs": milliseconds(backoff.cap) if backoff else 0,  # type: ignore[arg-type]
            },
            "timeout": {
                "maxRuntimeMs": milliseconds(self.timeout.max_runtime),  # type: ignore[arg-type]
                "maxQueuedMs": milliseconds(self.timeout.max_queued_time),  # type: ignore[arg-type]
                "deadlineMs": milliseconds(self.timeout.deadline),  # type: ignore[arg-type]
            },
            "maxInlineIoBytes": self.max_inline_io_bytes or 0,
            "cache": self.cache.definition(),
            "docs": self.docs,
            "signature": self.interface.text,
            **({"caching": self.caching()} if self.cache.is_on else {}),
        }

    def caching(self) -> Dict[str, Any]:
        """What the node looks calls of a cached task up by (`Caching` of schema/environment.capnp).

        Raises ValueError where no version follows from the code.
        """
        if self._caching is not None:
            return self._caching
        from hearth._cache.caching import definition_of

        return definition_of(self)

    # -- calls -------------------------------------------------------------------------------------------------------

    def bind(self, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Dict[str, Any]:
        """Every parameter with its value, defaults included, in order.

        Raises TypeError naming the task and the parameter for a missing, unknown, repeated or surplus argument.
        """
        return self.interface.bind(args, kwargs)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """In a program the plain function. Inside a task a child call: a value, of an async task an awaitable."""
        runner = _runtime.current()
        if runner is None:
            return self.func(*args, **kwargs)
        _runtime.refuse_in_trace(self.name)
        if self.is_async:
            return runner.call_async(self, args, kwargs)  # type: ignore[return-value]
        return runner.call(self, args, kwargs)  # type: ignore[no-any-return]

    @overload
    async def aio(self: Task[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    async def aio(self: Task[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...
    async def aio(self, *args: Any, **kwargs: Any) -> Any:
        """The call as an awaitable, of async and sync tasks. Outside a task a sync function runs in a thread."""
        runner = _runtime.current()
        if runner is not None:
            _runtime.refuse_in_trace(self.name)
            return await runner.call_async(self, args, kwargs)
        if self.is_async:
            return await self.func(*args, **kwargs)  # type: ignore[misc]
        import asyncio

        return await asyncio.to_thread(self.func, *args, **kwargs)

    def local(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The plain function, wherever this is called."""
        return self.func(*args, **kwargs)

    forward = local  # Flyte's word for it

    def override(self, **changes: Any) -> Task[P, R]:
        """The same function with other settings; `self` is unchanged. What is given replaces, nothing is merged.

        Parameters: short_name, cache, retries, timeout, max_inline_io_bytes, interruptible of the task; resources,
        env_vars, secrets, reusable, queue of its environment. While the environment is reusable, its resources,
        variables and secrets are those of warm replicas: to change them add ``reusable="off"``, and each call runs in a
        fresh interpreter. Settings of their own make a pool of their own: calls with an override share no replica with
        calls without it.

        Raises ValueError, TypeError.
        """
        from hearth._override import overridden

        return overridden(self, changes)

    # -- how it looks to others --------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<{'async ' if self.is_async else ''}task {self.name}{self.interface.text}>"

    def __reduce__(self) -> Tuple[Any, ...]:
        if self._override_of is not None:
            task, changes = self._override_of
            return (_override_again, (task, changes))
        from hearth._bundle import reference_of

        reference = reference_of(self)
        if reference is not None:
            from hearth._bundle import find

            return (find, reference)
        # Who gets it by value has not the source that its version follows from.
        state = dict(self.__dict__, _caching=self.caching()) if self.cache.is_on else self.__dict__
        return (copyreg.__newobj__, (type(self),), state)  # type: ignore[attr-defined]

    def _look_like_the_function(self) -> None:
        for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(self, attribute, getattr(self.func, attribute, None))
        self.__wrapped__ = self.func
        if self.is_async and sys.version_info >= (3, 12):
            inspect.markcoroutinefunction(self)


class Remote(Generic[P, R]):
    """``task.remote(...)`` and ``await task.remote.aio(...)``: one call on a warm interpreter."""

    __slots__ = ("_task",)

    def __init__(self, task: Task[P, R]) -> None:
        self._task = task

    @overload
    def __call__(self: Remote[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    def __call__(self: Remote[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the task on its node and returns the value.

        Raises TypeError for arguments that do not fit, the task's own exception, or a `hearth.errors` class; inside a
        running event loop, OnlyAsyncIOSupportedError naming `.aio`.
        """
        _runtime.refuse_while_importing(f"{self._task.name}.remote(...)")
        from hearth._client import calls

        return calls.remote(self._task, args, kwargs)

    @overload
    async def aio(self: Remote[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    async def aio(self: Remote[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...
    async def aio(self, *args: Any, **kwargs: Any) -> Any:
        """The same as an awaitable; cancelling it cancels the call."""
        _runtime.refuse_while_importing(f"{self._task.name}.remote.aio(...)")
        from hearth._client import calls

        return await calls.remote_aio(self._task, args, kwargs)

    def __repr__(self) -> str:
        return f"<remote of {self._task!r}>"


class Spawn(Generic[P, R]):
    """``task.spawn(...)`` and ``await task.spawn.aio(...)``: starts one call on a warm interpreter and gives its handle
    (result, done, cancel) at once.
    """

    __slots__ = ("_task",)

    def __init__(self, task: Task[P, R]) -> None:
        self._task = task

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Starts the call and returns its handle.

        Raises TypeError for arguments that do not fit, or a `hearth.errors` class. Inside a running event loop that is
        OnlyAsyncIOSupportedError naming `.aio` where it would have to wait: for the node, for the environment to be
        opened by its first call, for room when very many calls are open.
        """
        _runtime.refuse_while_importing(f"{self._task.name}.spawn(...)")
        from hearth._client import calls

        return calls.spawn(self._task, args, kwargs)

    async def aio(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """The same in an event loop: awaits until the call is on its way, not until it has ended."""
        _runtime.refuse_while_importing(f"{self._task.name}.spawn.aio(...)")
        from hearth._client import calls

        return await calls.spawn_aio(self._task, args, kwargs)

    def __repr__(self) -> str:
        return f"<spawn of {self._task!r}>"


def task_word(func: Callable[..., Any]) -> str:
    """The word for `func` in the name of its task. A lambda has none of its own: its line stands for it."""
    name = func.__name__
    return f"lambda_{func.__code__.co_firstlineno}" if name == "<lambda>" else name


def _override_again(task: Task[Any, Any], changes: Dict[str, Any]) -> Task[Any, Any]:
    return task.override(**changes)
