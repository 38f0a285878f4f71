"""`flyte.run` and the runs it gives, with Flyte's names for what they do."""

from __future__ import annotations

import asyncio
import functools
from typing import Any, AsyncIterator, Dict, Generator, Optional, Tuple

import hearth
from hearth._client.forms import Function, Method
from hearth.compat.flyte.delegate import Delegate
from hearth.compat.flyte.models import ActionPhase
from hearth.compat.unsupported import refusal, without_effect

__all__ = ["ActionOutputs", "Run", "RunContext", "run", "with_runcontext"]


class ActionOutputs(Tuple[Any, ...]):
    """The outputs of a run: a tuple, ``()`` for a task that returns nothing. `named_outputs` has them by Flyte's names: o0, o1, ..."""

    @property
    def named_outputs(self) -> Dict[str, Any]:
        return {f"o{i}": value for i, value in enumerate(self)}


class Run(Delegate):
    """A run in Flyte's words; `inner` is the same as a `hearth.Run`, and has everything else (``name``, ``url``, ``done()``, ...)."""

    phase = property(lambda self: ActionPhase(self.inner.phase.lower()), doc="An `ActionPhase`; asks the node.")

    @property
    def action(self) -> Run:
        """The root action: what may be asked of it may be asked of the run."""
        return self

    def sync(self) -> Run:
        """Itself: what it says is asked for when it says it."""
        return self

    def _wait(self, quiet: bool = False, wait_for: str = "terminal") -> None:
        """Blocks until the run has ended."""
        _refuse_to_wait_for(wait_for)
        self.inner.wait()

    async def _wait_aio(self, quiet: bool = False, wait_for: str = "terminal") -> None:
        _refuse_to_wait_for(wait_for)
        await self.inner.wait.aio()

    def _outputs(self) -> ActionOutputs:
        """Waits for the outputs. Raises the task's own exception, or a `hearth.errors` class."""
        return _outputs_of(self.inner.outputs())

    async def _outputs_aio(self) -> ActionOutputs:
        return _outputs_of(await self.inner.outputs.aio())

    def _abort(self, reason: str = "aborted by a program") -> None:
        """Asks the node to end it."""
        self.inner.abort(reason)

    async def _abort_aio(self, reason: str = "aborted by a program") -> None:
        await self.inner.abort.aio(reason)

    def _show_logs(self, attempt: Optional[int] = None, *, max_lines: int = 0, raw: bool = False, **other: Any) -> None:
        """Writes its output to this program's, until it has ended."""
        without_effect("show_logs", {"attempt": attempt, "max_lines": max_lines, "raw": raw, **other})
        self.inner.show_logs()

    async def _show_logs_aio(self, *args: Any, **words: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(None, functools.partial(self._show_logs, *args, **words))

    wait = Method(_wait, _wait_aio)
    outputs = Method(_outputs, _outputs_aio)
    abort = Method(_abort, _abort_aio)
    show_logs = Method(_show_logs, _show_logs_aio)

    async def watch(self, cache_data_on_done: bool = False) -> AsyncIterator[Any]:
        """What the node knows of the run, whenever its phase has changed, until it has ended."""
        seen = None
        while True:
            details = await self.inner.details.aio()
            if details.phase != seen:
                seen = details.phase
                yield details
            if seen not in ("QUEUED", "RUNNING"):
                return
            try:
                await self.inner.wait.aio(timeout=_LOOK_AGAIN_S)
            except TimeoutError:
                pass

    def get_report(self, *args: Any) -> None:
        """Raises ConfigurationError."""
        raise refusal("Run.get_report", "there are no reports; return what the report would show, or write it to a File")

    def __await__(self) -> Generator[Any, None, Any]:
        return self.inner.__await__()  # type: ignore[no-any-return]


_LOOK_AGAIN_S = 0.5


def _outputs_of(values: Tuple[Any, ...]) -> ActionOutputs:
    return ActionOutputs(() if values == (None,) else values)


def _refuse_to_wait_for(what: str) -> None:
    if what != "terminal":
        raise refusal(f"wait(wait_for={what!r})", "a run is waited for until it has ended; `phase` says where it is")


class RunContext:
    """How runs are started; see `hearth.with_runcontext`."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def _run(self, task: Any, *args: Any, **kwargs: Any) -> Run:
        return Run(self._inner.run(task, *args, **kwargs))

    async def _run_aio(self, task: Any, *args: Any, **kwargs: Any) -> Run:
        return Run(await self._inner.run.aio(task, *args, **kwargs))

    run = Method(_run, _run_aio)


def with_runcontext(mode: Optional[str] = None, **words: Any) -> RunContext:
    """As `hearth.with_runcontext`. Raises what that raises."""
    return RunContext(hearth.with_runcontext(mode, **words))


def _run(task: Any, *args: Any, **kwargs: Any) -> Run:
    """Starts a run of `task` and returns it when the node has accepted it; see `hearth.run`."""
    return Run(hearth.run(task, *args, **kwargs))


async def _run_aio(task: Any, *args: Any, **kwargs: Any) -> Run:
    return Run(await hearth.run.aio(task, *args, **kwargs))


run = Function(_run, _run_aio)
