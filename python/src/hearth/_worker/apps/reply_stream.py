"""A reply that goes out in parts while it is made, no faster than its caller takes them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from ..calls import Call

__all__ = ["ReplyStream"]

# Bytes on their way that the caller has not taken: `defaults::reply_window_bytes` of the node, which ends who sends more.
_WINDOW = 256 * 1024


class ReplyStream:
    """Of one call, whose loop is an `AsyncLoop`. In the event loop's thread."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._loop: Any = call.loop
        self._sent = 0
        self._taken = 0
        self._room: Optional[asyncio.Future[None]] = None
        call.reply_stream = self

    async def write(self, data: bytes) -> None:
        """Sends `data`; waits while the caller has too much that it has not taken."""
        view = memoryview(data)
        while view:
            room = _WINDOW - (self._sent - self._taken)
            if room <= 0:
                self._room = asyncio.get_running_loop().create_future()
                await self._room
                continue
            part, view = bytes(view[:room]), view[room:]
            self._loop.send_part(self._call, self._sent, part)
            self._sent += len(part)

    def taken(self, size: int) -> None:
        """The caller has taken `size` bytes more."""
        self._taken += size
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)
