"""`flyte.extras`."""

from __future__ import annotations

from hearth.compat.unsupported import unsupported

__all__ = ["ContainerTask", "DynamicBatcher", "Sleep", "TokenBatcher"]

ContainerTask = unsupported(
    "flyte.extras.ContainerTask", "no containers are started; a task may start the program with subprocess, with isolation=\"sandbox\""
)
DynamicBatcher = unsupported("flyte.extras.DynamicBatcher", "gather inputs in an async task with concurrency, in a queue of asyncio")
TokenBatcher = unsupported("flyte.extras.TokenBatcher", "gather inputs in an async task with concurrency, in a queue of asyncio")
Sleep = unsupported("flyte.extras.Sleep", "an async task that awaits asyncio.sleep keeps no core")
