"""Functions that run once per process: `@env.on_start` before the first call, `@env.on_stop` at a polite end."""

from __future__ import annotations

import sys
import traceback
from typing import Any, Callable, Coroutine, List, Sequence, Tuple

from .. import _runtime
from .loading import LoadFailure, failure_of, find_object
from .settings import HookEntry, Settings

__all__ = ["Hooks", "Runner", "alone"]

Runner = Callable[[Coroutine[Any, Any, Any]], Any]
"""Runs a coroutine to its end."""


def alone(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """In an event loop that ends with it: for processes that have none."""
    import asyncio  # few hooks need it

    return asyncio.run(coroutine)


class Hooks:
    """Those of one environment. In the main thread, outside of calls: what they print goes to the process's own streams."""

    def __init__(self, settings: Settings, entries: Sequence[HookEntry]) -> None:
        self._settings = settings
        self._entries = entries
        self._start: List[Tuple[HookEntry, Callable[[], Any]]] = []
        self._stop: List[Tuple[HookEntry, Callable[[], Any]]] = []
        self._started = False
        for entry in entries:
            with _runtime.importing(entry.module):
                found = find_object(entry, settings)
            if not callable(found):
                raise LoadFailure(f"{entry.label} is a {type(found).__name__}, not a function; rename one of the two.")
            (self._stop if entry.is_stop else self._start).append((entry, found))

    @property
    def needs_loop(self) -> bool:
        """Whether replicas run one that is async: what it makes belongs to the event loop of the calls."""
        return not self._settings.forks_per_call and any(entry.is_async for entry in self._entries)

    @property
    def has_stop(self) -> bool:
        """Whether this process has to run something when it ends."""
        return self._started and bool(self._stop)

    def start(self, run: Runner) -> None:
        """Runs the first ones, unless this process has. Raises LoadFailure that names the one that failed, and where."""
        if self._started:
            return
        for entry, function in self._start:
            try:
                _run(function, run)
            except LoadFailure:
                raise
            except BaseException as error:
                raise failure_of(f"{entry.label} failed, so no call can be served", error, entry.module, self._settings) from None
        self._started = True

    def stop(self, run: Runner) -> None:
        """Runs the last ones, if `start` has run here. What they raise is only printed."""
        stop, self._stop = (self._stop if self._started else []), []
        for entry, function in reversed(stop):
            try:
                _run(function, run)
            except BaseException:
                sys.stderr.write(f"hearth: {entry.label} failed when the replica ended:\n{traceback.format_exc()}")

    def forked(self) -> None:
        """In a fork: what has started here stops in the parent."""
        if self._started:
            self._stop = []


def _run(function: Callable[[], Any], run: Runner) -> None:
    result = function()
    if isinstance(result, Coroutine):
        run(result)
