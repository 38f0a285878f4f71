"""Connections to a program on this machine, kept for further requests."""

from __future__ import annotations

import asyncio
import time
from typing import List, Optional

__all__ = ["Connection", "Connections"]

_READ_BYTES = 64 * 1024
_ADDRESSES = ("127.0.0.1", "::1")
_KEPT_MAX = 100
_KEPT_S = 30.0
# A server that ends idle connections does so after seconds: one that was in use a moment ago is still there.
_SURE_S = 1.0


class Connection:
    """One of them. In the event loop's thread."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.is_reused = False
        self.idle_since = 0.0  # of time.monotonic
        self._reader = reader
        self._writer = writer

    @property
    def is_open(self) -> bool:
        """Whether the program has neither ended it nor said anything unasked, as far as is known."""
        return not (self._reader.at_eof() or self._reader._buffer or self._writer.is_closing())  # type: ignore[attr-defined]

    async def read(self) -> bytes:
        """What comes next; empty at the end. Raises OSError."""
        return await self._reader.read(_READ_BYTES)

    async def write(self, data: bytes) -> None:
        """Returns when there is room for more. Raises OSError."""
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        """At once: what is not sent is lost."""
        self._writer.transport.abort()


class Connections:
    """All to one port. In the event loop's thread."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._address = ""  # the one at which the program answers; empty: not known yet
        self._idle: List[Connection] = []  # the last one used is the last

    async def take(self, is_safe: bool) -> Connection:
        """A connection. `is_safe`: the request may be sent again if it turns out to be gone; else only one that is there for
        sure is reused. Raises OSError when the program does not accept."""
        now = time.monotonic()
        while self._idle:
            found = self._idle.pop()
            age = now - found.idle_since
            if found.is_open and age < (_KEPT_S if is_safe else _SURE_S):
                found.is_reused = True
                return found
            found.close()
        return await self.open()

    async def open(self) -> Connection:
        """A new one. Raises OSError."""
        failure: Optional[OSError] = None
        for address in (self._address,) if self._address else _ADDRESSES:
            try:
                reader, writer = await asyncio.open_connection(address, self._port, limit=_READ_BYTES)
            except OSError as error:
                failure = failure or error
                continue
            self._address = address
            return Connection(reader, writer)
        assert failure is not None
        raise failure

    def give_back(self, connection: Connection) -> None:
        """It is good for another request."""
        connection.idle_since = time.monotonic()
        if len(self._idle) >= _KEPT_MAX:
            self._idle.pop(0).close()
        self._idle.append(connection)

    def close(self) -> None:
        """Ends those that nobody uses."""
        idle, self._idle = self._idle, []
        for each in idle:
            each.close()
