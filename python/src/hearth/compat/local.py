"""Direct calls of cached tasks of flytekit: calls to this user's own node, under a project and a domain of their own.

So what they keep is apart from what runs keep, one process opens the store, and equal calls of several programs execute
once. A cluster that is in use is not asked.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
from typing import TYPE_CHECKING, Any, Mapping, Tuple

from hearth._client import calls, environments, node, settings
from hearth._client.call_slot import CallSlot, value_of
from hearth._client.refusals import refuse_in_event_loop
from hearth._values import keys
from hearth.errors import ConfigurationError

if TYPE_CHECKING:
    from hearth._task import Task

__all__ = ["DOMAIN", "PROJECT", "call", "call_aio", "is_enabled"]

PROJECT = DOMAIN = "local"
"""Where direct calls belong; `hearth local-cache` looks after it."""

_TRUE, _FALSE = ("true", "1", "yes", "on", "t", "y"), ("false", "0", "no", "off", "f", "n")


def is_enabled() -> bool:
    """Whether direct calls are answered from the cache at all. Raises ConfigurationError."""
    return _switch("LOCAL_CACHE_ENABLED", True)


def call(task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The value of a direct call. Blocks; raises what `Task.remote` does."""
    refuse_in_event_loop(f"{task.short_name}(...)", f"await {task.short_name}.aio(...)")
    return _call(task, args, kwargs)


async def call_aio(task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The same, awaitable."""
    here = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(None, functools.partial(here.run, _call, task, args, kwargs))


def _call(task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    mode = keys.OVERWRITE if _switch("LOCAL_CACHE_OVERWRITE", False) else keys.USED
    arguments = task.bind(args, kwargs)
    with settings.at(PROJECT, DOMAIN):
        slot = _ended(task, arguments, mode)
        if environments.is_closed(slot.reply):  # nothing of the call has run
            environments.closed(slot.connection, slot.target)
            slot = _ended(task, arguments, mode)
    return value_of(slot)


def _ended(task: Task[Any, Any], arguments: Mapping[str, Any], mode: int) -> CallSlot:
    connection, target = environments.live_target(task, node.socket_path())
    slot = CallSlot(connection, target)
    body = slot.target.codec.encode_arguments(arguments, mode)
    connection.admit(len(body))
    try:
        calls.send(slot, body, mode=mode)
        connection.wait(slot)
    except BaseException:
        connection.cancel(slot.lo, "the caller was interrupted")
        raise
    return slot


def _switch(word: str, default: bool) -> bool:
    for variable in (f"HEARTH_{word}", f"FLYTE_{word}"):
        text = os.environ.get(variable, "").strip().lower()
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if text:
            raise ConfigurationError(f"{variable}={text!r} says neither true nor false.")
    return default
