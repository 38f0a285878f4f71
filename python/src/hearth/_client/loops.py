"""Event loops on the shared connection.

Each loop watches the socket by a descriptor of its own (so that closing one side never pulls a descriptor from under a
selector) while it waits for something. It reads whenever nobody else does; what another thread read for it arrives in
batches, by one wake-up.
"""

from __future__ import annotations

import asyncio
import collections
import os
import weakref
from typing import TYPE_CHECKING, Any, Deque, List, Optional

from hearth.errors import NodeUnavailableError

if TYPE_CHECKING:
    from hearth._client.connection import Connection
    from hearth._client.slots import Slot

__all__ = ["LoopPort"]


class LoopPort:
    """One event loop's side of a connection. Its methods belong to the loop's thread, except `wake`."""

    def __init__(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)  # the connection must not keep ended loops alive
        self._connection = connection
        self._descriptor = -1  # made by the first wait
        self._watching = False
        self._waiting = 0
        self._reading = False  # this loop has the reader's role at this moment
        self._woken: Deque[asyncio.Future[None]] = collections.deque()
        self._scheduled = False
        self._outbox: List[Any] = []

    # -- waiting -----------------------------------------------------------------------------------------------------

    async def wait(self, slot: Slot, timeout: Optional[float] = None) -> None:
        """Until `slot` is ready, at most `timeout` seconds. Cancelling gives up the wait only."""
        if slot.ready:
            return
        if self._connection.ended:
            slot.deliver(NodeUnavailableError(self._connection.gone()))
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        slot.listen(lambda: self.wake(future))
        if slot.ready:
            return
        self._waiting += 1
        if not self._watching:
            self._watch(loop)
        timer = None if timeout is None else loop.call_later(timeout, _complete, future)
        try:
            await future
        finally:
            self._waiting -= 1
            if timer is not None:
                timer.cancel()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._descriptor < 0:
            try:
                self._descriptor = os.dup(self._connection.fileno())
            except OSError:  # another thread found the end of the connection just now, and wakes whoever waits
                return
            weakref.finalize(self, os.close, self._descriptor)
        loop.add_reader(self._descriptor, self._readable)
        self._watching = True

    def _readable(self) -> None:
        connection = self._connection
        if self._waiting == 0 or connection.ended:
            asyncio.get_running_loop().remove_reader(self._descriptor)  # the next wait watches again
            self._watching = False
        if not connection.role.take():
            return  # a thread reads for all
        self._reading = True
        try:
            connection.read_now()
        finally:
            self._reading = False
            connection.role.leave()

    def wake(self, future: asyncio.Future[None]) -> None:
        """Completes `future`, from any thread that has the reader's role."""
        if self._reading:
            _complete(future)
            return
        self._woken.append(future)
        if self._scheduled:
            return
        self._scheduled = True
        loop = self._loop()
        try:
            if loop is not None:
                loop.call_soon_threadsafe(self._complete_all)
        except RuntimeError:  # the loop is closed, and whoever waited there is gone with it
            self._woken.clear()

    def _complete_all(self) -> None:
        self._scheduled = False  # first: whoever appends from now on schedules again
        while self._woken:
            _complete(self._woken.popleft())

    # -- sending -----------------------------------------------------------------------------------------------------

    def send(self, frame: Any) -> None:
        """At once when this loop waits for nothing else; otherwise together with all that this turn of it sends."""
        if self._waiting == 0 and not self._outbox:
            self._connection.send(frame)
            return
        if not self._outbox:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outbox.append(frame)

    def _flush(self) -> None:
        frames, self._outbox = self._outbox, []
        try:
            self._connection.send(frames[0] if len(frames) == 1 else b"".join(frames))
        except NodeUnavailableError:
            pass  # whoever reads the socket next finds its end and fails these calls with it


def _complete(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
