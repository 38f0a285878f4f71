"""What the caller of a call says after its arguments, as it is asked for it."""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, Any, Deque, List

if TYPE_CHECKING:
    from ..calls import Call

__all__ = ["InputStream"]

# Bytes that are here and not read, or asked for: `defaults::reply_window_bytes` of the node, which ends who asks for more.
_WINDOW = 256 * 1024


class InputStream:
    """Of one call, whose loop is an `AsyncLoop`. In the event loop's thread.

    Nothing comes before it is first read: then it is still for another replica to run the call.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._loop: Any = call.loop
        self._pieces: Deque[bytes] = collections.deque()
        self._held = 0  # bytes of them
        self._coming = 0  # bytes that were asked for and are not here
        self._complete = False  # nothing comes any more
        self._waiting: List[asyncio.Future[None]] = []
        call.input_stream = self

    @property
    def at_end(self) -> bool:
        """Whether everything has been read."""
        return self._complete and not self._pieces

    async def read(self) -> bytes:
        """The next piece; waits for one. Empty at the end."""
        while not self._pieces and not self._complete:
            self._ask()
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting
        if not self._pieces:
            return b""
        piece = self._pieces.popleft()
        self._held -= len(piece)
        if not self._complete:
            self._ask()
        return piece

    def _ask(self) -> None:
        room = _WINDOW - self._held - self._coming
        if 2 * room >= _WINDOW:  # one message for many pieces
            self._coming += room
            self._loop.ask_for_input(self._call, room)

    def feed(self, data: bytes, last: bool) -> None:
        """The next part; `last`: there is no other."""
        if data:
            self._pieces.append(data)
            self._held += len(data)
            self._coming -= len(data)
        if last:
            self._complete = True
        self._wake()

    def close(self) -> None:
        """Nothing is wanted any more; whoever reads is at the end."""
        self._pieces.clear()
        self._held = 0
        self._complete = True
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)
