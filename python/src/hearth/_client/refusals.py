"""Where blocking would stop an event loop, it is refused."""

from __future__ import annotations

from asyncio import _get_running_loop as running_loop  # None outside of loops, where the public form raises

from hearth.errors import OnlyAsyncIOSupportedError

__all__ = ["refuse_blocking", "refuse_in_event_loop", "running_loop"]


def refuse_in_event_loop(blocking: str, awaitable: str) -> None:
    """Raises OnlyAsyncIOSupportedError if the calling thread runs an event loop; both arguments are code as written."""
    if running_loop() is not None:
        raise refuse_blocking(blocking, awaitable)


def refuse_blocking(blocking: str, awaitable: str) -> OnlyAsyncIOSupportedError:
    """The error itself, for those who have asked `running_loop` already."""
    return OnlyAsyncIOSupportedError(
        f"{blocking} blocks, and this thread runs an event loop that would stand still. Write `{awaitable}`."
    )
