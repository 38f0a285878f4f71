"""Runs in this process: ``with_runcontext(mode="local")``. Tasks and the calls they make are plain function calls."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import inspect
from typing import Any, Awaitable, Dict, Iterator, Mapping, Optional, Sequence, Tuple, Type

from hearth import _runtime, _values
from hearth._client import ids
from hearth._client.refusals import running_loop
from hearth.errors import ActionAbortedError, CustomError

__all__ = ["LocalCall", "LocalChild"]


class LocalCall:
    """The `CallRunner` of a task that runs in this process, and what `hearth.ctx` says about it."""

    attempt = 1
    settings = None

    def __init__(
        self,
        task: Any,
        run_name: str,
        project: str,
        domain: str,
        depth: int = 0,
        codecs: Optional[Dict[Any, _values.Codec]] = None,
    ) -> None:
        self._task = task
        self._codecs = {} if codecs is None else codecs  # of all tasks that the run has called
        self.run_name = run_name
        self.project = project
        self.domain = domain
        self.depth = depth
        self.call_id = ids.text(*ids.new_id())

    @property
    def task_name(self) -> str:
        """Name of the running task."""
        return str(self._task.name)

    @property
    def environment(self) -> str:
        """Name of its environment."""
        return str(self._task.env.name)

    def remaining_ms(self) -> int:
        """0: nothing bounds a local call."""
        return 0

    def codec_of(self, task: Any) -> _values.Codec:
        """What checks the values of `task` as a node's interpreters do."""
        codec = self._codecs.get(task)
        if codec is None:
            codec = self._codecs[task] = _values.codec_for(task)
        return codec

    def arguments(self, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Dict[str, Any]:
        """The arguments by name. Raises TypeError, RuntimeDataValidationError."""
        return self.codec_of(task).check_arguments(task.bind(args, kwargs))

    def call(self, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Runs `task` here and returns its value; an async one in an event loop of its own."""
        return run_here(task, self._child(task), self.arguments(task, args, kwargs))

    async def call_async(self, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """The same, awaitable; a sync function runs in a thread."""
        return await run_here_aio(task, self._child(task), self.arguments(task, args, kwargs))

    def spawn(self, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> LocalChild:
        """A child that runs when its result is asked for."""
        return LocalChild(self, task, self.arguments(task, args, kwargs))

    def wait_any(self, children: Sequence[LocalChild], timeout: Optional[float] = None) -> None:
        """Runs the first of `children`."""
        children[0].run()

    def _child(self, task: Any) -> LocalCall:
        return LocalCall(task, self.run_name, self.project, self.domain, self.depth + 1, self._codecs)


class LocalChild:
    """A child of a local call."""

    def __init__(self, parent: LocalCall, task: Any, arguments: Dict[str, Any]) -> None:
        self._parent = parent
        self._arguments = arguments
        self._value: Any = None
        self._error: Optional[BaseException] = None
        self.task = task
        self.answer = None  # no node has given one
        self.finished = False
        self.hi, self.lo = ids.new_id()

    def run(self) -> None:
        """Runs it, unless it has run."""
        if self.finished:
            return
        try:
            self._value = self._parent.call(self.task, (), self._arguments)
        except Exception as error:
            self._error = error
        self.finished = True

    def done(self) -> bool:
        """Whether it has run."""
        return self.finished

    def result(self, timeout: Optional[float] = None) -> Any:
        """Its value; runs it first."""
        self.run()
        return self.value()

    async def result_async(self) -> Any:
        """The same, awaitable."""
        if not self.finished:
            try:
                self._value = await self._parent.call_async(self.task, (), self._arguments)
            except Exception as error:
                self._error = error
            self.finished = True
        return self.value()

    def value(self) -> Any:
        """The value of a finished child. Raises its failure."""
        if self._error is not None:
            raise self._error
        return self._value

    def cancel(self) -> None:
        """A child that has not run never will."""
        if not self.finished:
            self._error = ActionAbortedError(f"The call of {self.task.name!r} was cancelled by its caller.")
            self.finished = True


def run_here(task: Any, call: LocalCall, arguments: Mapping[str, Any]) -> Any:
    """The value of `task`, run in this thread as `call`."""
    with _runtime.entered(call), _contained(SystemExit, GeneratorExit, asyncio.CancelledError):  # type: ignore[arg-type]
        value = task.func(**arguments)
        return call.codec_of(task).check_result(_completed(value) if inspect.isawaitable(value) else value)


async def run_here_aio(task: Any, call: LocalCall, arguments: Mapping[str, Any]) -> Any:
    """The same in a running event loop."""
    with _runtime.entered(call), _contained(SystemExit):  # type: ignore[arg-type]  # the rest is the loop's to raise
        value = task.func(**arguments) if task.is_async else asyncio.to_thread(task.func, **arguments)
        return call.codec_of(task).check_result(await value)


@contextlib.contextmanager
def _contained(*classes: Type[BaseException]) -> Iterator[None]:
    """Makes errors of the task of what would steer this process. Ctrl-C stays what it is: the person means the program."""
    try:
        yield
    except classes as error:
        word = type(error).__qualname__
        raise CustomError(word, f"The task raised {word}{f': {error}' if str(error) else ''}") from error


def _completed(awaitable: Awaitable[Any]) -> Any:
    async def whole() -> Any:
        return await awaitable

    if running_loop() is None:
        return asyncio.run(whole())
    # A sync task that a running loop called directly: its async child needs a loop of its own, in a thread of its own.
    here = contextvars.copy_context()
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        return executor.submit(lambda: here.run(asyncio.run, whole())).result()
