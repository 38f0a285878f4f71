"""WebSockets of programs: the node has messages, the program frames; each is made of the other, in both directions."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import struct
from typing import Any, List, Tuple

from . import messages
from .connections import Connection, Connections
from .exchange import Exchange
from .messages import BadMessage, MessageReader
from .response import BadResponse, ResponseReader
from .text import SWITCHING, Field, RequestHead, write_request
from .web_socket import WebSocket

__all__ = ["pass_socket"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_HANDSHAKE = (b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-extensions", b"sec-websocket-accept")
_OF_CONNECTION = (b"connection", b"upgrade", b"content-length", *_HANDSHAKE)
_ANSWER_BYTES_MAX = 1 << 20  # of a response that refuses the socket
_CLOSE_S = 2.0  # for the program's own close behind the client's
_CODE = struct.Struct(">H")
_NO_CODE, _LOST, _NO_TEXT = 1005, 1006, 1007


async def pass_socket(exchange: Exchange, call: Any, connections: Connections) -> bytes:
    """From the handshake to the end; what is still to be said to the client. Raises BadResponse and OSError before the socket is
    open, RuntimeError after."""
    connection = await connections.open()
    try:
        response = await _shake_hands(connection, exchange.head)
        if response.status != SWITCHING:
            exchange.begin(response.status, response.fields, response.reason)
            exchange.write(response.take())
            exchange.finish()
            return exchange.take()
        socket = WebSocket(exchange.head, call)
        await socket.receive()  # the wish to connect
        await socket.send({"type": "websocket.accept", **_accepted(response)})
        try:
            await _Passage(socket, connection).run(response.rest)
        except (BadMessage, OSError) as error:
            raise RuntimeError(f"the program of the app broke its WebSocket: {error}") from None
        return await socket.finish()
    finally:
        connection.close()


async def _shake_hands(connection: Connection, head: RequestHead) -> ResponseReader:
    key = base64.b64encode(os.urandom(16))
    wish = [b"connection: Upgrade", b"upgrade: websocket", b"sec-websocket-version: 13", b"sec-websocket-key: " + key]
    await connection.write(write_request(head, _OF_CONNECTION, wish))
    response = ResponseReader("GET", opens_socket=True)
    size = 0
    while not response.complete:
        data = await connection.read()
        size += len(data)
        if size > _ANSWER_BYTES_MAX:
            raise BadResponse(f"its answer to a WebSocket is longer than {_ANSWER_BYTES_MAX >> 20} MiB")
        response.hear(data)
    if response.status == SWITCHING:
        expected = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        if response.first(b"sec-websocket-accept") != expected or response.first(b"sec-websocket-extensions") is not None:
            raise BadResponse("it accepted a WebSocket that nobody had asked for")
        chosen = response.first(b"sec-websocket-protocol")
        if chosen is not None and chosen.decode("latin-1") not in head.subprotocols:
            raise BadResponse("it chose a subprotocol of the WebSocket that the client does not offer")
    return response


def _accepted(response: ResponseReader) -> "dict[str, Any]":
    fields: List[Field] = []
    chosen = None
    for name, value in response.fields:
        if name == b"sec-websocket-protocol":
            chosen = value.decode("latin-1")
        elif name not in _OF_CONNECTION:
            fields.append((name, value))
    return {"subprotocol": chosen, "headers": fields}


class _Passage:
    """An open socket."""

    def __init__(self, socket: WebSocket, connection: Connection) -> None:
        self._socket = socket
        self._connection = connection

    async def run(self, rest: bytes) -> None:
        """Until one side closes. `rest`: what the program has said already. Raises BadMessage, OSError."""
        hearing = asyncio.ensure_future(self._from_program(rest))
        saying = asyncio.ensure_future(self._from_client())
        try:
            await asyncio.wait([hearing, saying], return_when=asyncio.FIRST_COMPLETED)
            if not hearing.done() and saying.exception() is None:
                await asyncio.wait([hearing], timeout=_CLOSE_S)  # what it says to the client's close, nobody hears
                return
            for each in (hearing, saying):
                if each.done():
                    each.result()
        finally:
            for each in (hearing, saying):
                each.cancel()
            await asyncio.wait([hearing, saying])
            for each in (hearing, saying):
                if not each.cancelled():
                    each.exception()

    async def _from_client(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                break
            said = message.get("text")
            opcode, content = (messages.BINARY, message["bytes"]) if said is None else (messages.TEXT, said.encode())
            await self._connection.write(messages.frame(opcode, content))
        code = message["code"]
        if code == _LOST:
            return self._connection.close()
        await self._say_close(b"" if code == _NO_CODE else _CODE.pack(code) + message["reason"].encode())

    async def _say_close(self, content: bytes) -> None:
        """To a program that may be gone."""
        with contextlib.suppress(OSError):
            await self._connection.write(messages.frame(messages.CLOSE, content))

    async def _from_program(self, rest: bytes) -> None:
        reader = MessageReader()
        data = rest
        try:
            while True:
                for opcode, content in reader.feed(data):
                    if await self._pass(opcode, content):
                        return
                data = await self._connection.read()
                if not data:
                    raise ConnectionResetError("it ended the connection without a close")
        except BadMessage as error:
            await self._say_close(_CODE.pack(error.code))
            raise

    async def _pass(self, opcode: int, content: bytes) -> bool:
        """One message of the program; whether it was the last one."""
        if opcode == messages.PING:
            await self._connection.write(messages.frame(messages.PONG, content))
        elif opcode == messages.BINARY:
            await self._socket.send({"type": "websocket.send", "bytes": content})
        elif opcode == messages.TEXT:
            await self._socket.send({"type": "websocket.send", "text": _text(content)})
        elif opcode == messages.CLOSE:
            code, reason = _close_of(content)
            await self._socket.send({"type": "websocket.close", "code": code, "reason": reason})
            await self._say_close(content[: _CODE.size])
            return True
        return False


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise BadMessage(_NO_TEXT, "a text is no UTF-8") from None


def _close_of(content: bytes) -> Tuple[int, str]:
    if not content:
        return 1000, ""
    if len(content) < _CODE.size:
        raise BadMessage(1002, "a close has half a code")
    return _CODE.unpack_from(content)[0], _text(content[_CODE.size :])
