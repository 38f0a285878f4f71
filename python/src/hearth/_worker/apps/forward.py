"""Applications that are servers of their own: each request is sent on to their port, and the response comes back as it is made."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Optional

from ... import _runtime
from ..settings import AppEntry
from . import text
from .connections import Connection, Connections
from .exchange import Exchange
from .input_stream import InputStream
from .listener import Launch, Listener
from .reply_stream import ReplyStream
from .response import BadResponse, ResponseReader
from .text import RequestHead

__all__ = ["ForwardHost"]

# Requests that may be made twice (RFC 9110, 9.2.2): if a kept connection was gone, nobody knows how far the first one came.
_IDEMPOTENT = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE")
# A response of a known length up to this goes on when it is whole: it is there in a moment, and one message is less than three.
_HELD_BYTES_MAX = 64 * 1024
_NOT_PASSED_ON = (*text.OF_CONNECTION, b"expect")


class ForwardHost:
    """One program, which `launch` starts."""

    def __init__(self, entry: AppEntry, launch: Launch) -> None:
        self.launch = launch
        self._listener = Listener(entry, launch)
        self._connections: Connections

    async def start(self) -> None:
        self._connections = await self._listener.start()

    async def stop(self) -> None:
        self._connections.close()
        await self._listener.stop()

    async def request(self, data: bytes) -> bytes:
        exchange = Exchange(data)
        call: Any = _runtime.current()
        try:
            if exchange.head.opens_socket:
                from .socket_pass import pass_socket  # most programs have none

                return await pass_socket(exchange, call, self._connections)
            await self._forward(exchange, call)
        except (BadResponse, OSError, ValueError) as error:
            await self._listener.end_if_gone()
            _tell(error, exchange.head)
            if exchange.begun:
                raise RuntimeError("The program of the app ended its response before it was whole.") from None
            return _bad_gateway()
        except RuntimeError as error:  # of an open socket
            await self._listener.end_if_gone()
            _tell(error, exchange.head)
            raise
        return exchange.take()

    async def _forward(self, exchange: Exchange, call: Any) -> None:
        has_input = call is not None and call.has_input
        body = exchange.read() or b""
        again = exchange.head.method in _IDEMPOTENT and not has_input
        connection = await self._connections.take(again)
        while True:
            passage = _Passage(exchange, call, connection)
            try:
                await passage.run(body)
            except (BadResponse, OSError):
                connection.close()
                if not (again and connection.is_reused and not passage.response.begun):
                    raise
                connection = await self._connections.open()
                continue
            except BaseException:
                connection.close()
                raise
            break
        if passage.reusable:
            self._connections.give_back(connection)
        else:
            connection.close()


class _Passage:
    """One request over one connection."""

    def __init__(self, exchange: Exchange, call: Any, connection: Connection) -> None:
        self.response = ResponseReader(exchange.head.method)
        self._exchange = exchange
        self._call = call
        self._connection = connection
        self._input = InputStream(call) if call is not None and call.has_input else None
        self._stream: Optional[ReplyStream] = None
        self._is_said = False  # the request, all of it

    @property
    def reusable(self) -> bool:
        return self._is_said and self.response.reusable

    async def run(self, body: bytes) -> None:
        """`body`: what of it is here. Raises BadResponse, OSError; ValueError for a response that cannot be passed on."""
        sending = asyncio.ensure_future(self._send(body))
        try:
            await self._hear()
        finally:
            if not sending.done():
                sending.cancel()
                if self._input is not None:
                    self._input.close()
                await asyncio.wait([sending])

    async def _send(self, body: bytes) -> None:
        """The request, its body as it comes: the response may begin before its end."""
        is_chunked = self._input is not None and self._exchange.head.first(b"content-length") is None
        try:
            framing = [b"transfer-encoding: chunked"] if is_chunked else []
            await self._connection.write(text.write_request(self._exchange.head, _NOT_PASSED_ON, framing) + body)
            while self._input is not None and not self._input.at_end:
                piece = await self._input.read()
                if piece:
                    await self._connection.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
            if is_chunked:
                await self._connection.write(b"0\r\n\r\n")
            self._is_said = True
        except OSError:  # what the program has answered is there to be read, or the connection is at its end
            pass

    async def _hear(self) -> None:
        """The response, as it comes."""
        response, exchange = self.response, self._exchange
        while not response.complete:
            response.hear(await self._connection.read())
            is_short = response.length is not None and response.length <= _HELD_BYTES_MAX
            if not response.status or (is_short and not response.complete):
                continue
            if not exchange.begun:
                exchange.begin(response.status, response.fields, response.reason)
            exchange.write(response.take())
            if not response.complete:
                await self._pass_on()
        exchange.finish()

    async def _pass_on(self) -> None:
        """Sends what there is, to a caller who takes responses in parts."""
        if self._call is None or not self._call.streams:
            return
        if self._stream is None:
            self._stream = ReplyStream(self._call)
        await self._stream.write(self._exchange.take())


def _bad_gateway() -> bytes:
    body = b"The program of the app answered with something that is no response, or not at all.\n"
    fields = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    return text.write_head(502, fields)[0] + body


def _tell(error: Exception, head: RequestHead) -> None:
    """For the log of the replica."""
    sys.stderr.write(f"hearth: the app's program gave no response to {head.label}: {error}\n")
