"""Where blocking would stop an event loop, it is refused."""

from __future__ import annotations

import sys

from hearth.errors import OnlyAsyncIOSupportedError

__all__ = ["refuse_in_event_loop"]


def refuse_in_event_loop(blocking: str, awaitable: str) -> None:
    """Raises OnlyAsyncIOSupportedError if the calling thread runs an event loop; both arguments are code as written."""
    loops = sys.modules.get("asyncio")
    if loops is not None and loops._get_running_loop() is not None:  # asyncio's own quick form of the question
        raise OnlyAsyncIOSupportedError(
            f"{blocking} blocks, and this thread runs an event loop that would stand still. Write `{awaitable}`."
        )
