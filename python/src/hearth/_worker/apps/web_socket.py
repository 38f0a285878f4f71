"""WebSockets of ASGI applications. The node speaks the protocol with the client; here are messages.

In both directions a message is its kind (``T`` text, ``B`` binary, ``C`` close: a letter), the length of its content (four bytes,
big-endian) and the content; that of a close is a code (two bytes, big-endian) and a reason. Towards the client the first thing is
a response: 101 opens the socket, any other is the answer instead.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple

from . import text
from .input_stream import InputStream
from .reply_stream import ReplyStream

if TYPE_CHECKING:
    from ..calls import Call

__all__ = ["WebSocket"]

_HEAD = struct.Struct(">cI")
_CODE = struct.Struct(">H")

_NORMAL = 1000
_NO_CODE = 1005  # what is said of a close without one
_LOST = 1006  # what is said of a connection that ended without a close


class WebSocket:
    """`receive` and `send` of one WebSocket. In the event loop's thread."""

    def __init__(self, head: text.RequestHead, call: Call) -> None:
        self._head = head
        self._call = call
        self._input = InputStream(call)
        self._output: Optional[ReplyStream] = None  # since it is open
        self._answer = b""  # the response that it gets instead
        self._asked = False  # the application knows that somebody wants to connect
        self._closed = False  # the application has closed it
        self._end: Optional[Dict[str, Any]] = None  # what `receive` says from now on
        self._buffer = bytearray()

    async def receive(self) -> Dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "websocket.connect"}
        while self._end is None:
            message = self._take()
            if message is not None:
                return message
            piece = await self._input.read()
            self._buffer += piece
            if not piece and self._end is None:
                self._end = _disconnect(_LOST, "")
        return self._end

    def _take(self) -> Optional[Dict[str, Any]]:
        """The message that is complete, if one is."""
        if len(self._buffer) < _HEAD.size:
            return None
        kind, size = _HEAD.unpack_from(self._buffer)
        if len(self._buffer) < _HEAD.size + size:
            return None
        content = bytes(self._buffer[_HEAD.size : _HEAD.size + size])
        del self._buffer[: _HEAD.size + size]
        if kind == b"T":
            return {"type": "websocket.receive", "text": content.decode()}
        if kind == b"B":
            return {"type": "websocket.receive", "bytes": content}
        code = _CODE.unpack_from(content)[0] if content else _NO_CODE
        self._end = _disconnect(code, content[_CODE.size :].decode())
        return self._end

    async def send(self, message: Mapping[str, Any]) -> None:
        kind = message["type"]
        if kind == "websocket.accept":
            await self._accept(message)
        elif kind == "websocket.send":
            await self._write(*_content_of(message))
        elif kind == "websocket.close":
            await self._close(message)
        else:
            raise RuntimeError(f"The ASGI application sent {kind!r}, which is no message of a WebSocket.")

    async def _accept(self, message: Mapping[str, Any]) -> None:
        if self._output is not None or self._closed:
            raise RuntimeError("The ASGI application accepted a WebSocket that it had answered before.")
        fields: List[Tuple[bytes, bytes]] = list(message.get("headers") or ())
        chosen = message.get("subprotocol")
        if chosen is not None:
            if chosen not in self._head.subprotocols:
                raise RuntimeError(f"The ASGI application chose the subprotocol {chosen!r}, which the client does not offer.")
            fields.append((b"sec-websocket-protocol", chosen.encode("latin-1")))
        answer, _ = text.write_head(text.SWITCHING, fields)
        self._output = ReplyStream(self._call)
        await self._output.write(answer)

    async def _write(self, kind: bytes, content: bytes) -> None:
        if self._end is not None and not self._closed:
            return  # as a server does when its client has left
        if self._output is None or self._closed:
            state = "that is closed" if self._closed else "before it had accepted it"
            raise RuntimeError(f"The ASGI application sent a message over a WebSocket {state}.")
        await self._output.write(_HEAD.pack(kind, len(content)) + content)

    async def _close(self, message: Mapping[str, Any]) -> None:
        if self._closed:
            raise RuntimeError("The ASGI application closed a WebSocket twice.")
        if self._output is None:
            self._answer, _ = text.write_head(403, [(b"content-length", b"0")])
        else:
            reason = (message.get("reason") or "").encode()
            await self._write(b"C", _CODE.pack(message.get("code", _NORMAL)) + reason)
        self._closed = True
        self._end = self._end or _disconnect(message.get("code", _NORMAL), message.get("reason") or "")
        self._input.close()

    async def finish(self) -> bytes:
        """The application has returned: what is still to be sent. Raises RuntimeError when it left the client without answer."""
        if self._output is None:
            if not self._answer:
                raise RuntimeError("The ASGI application returned without an answer to a client that wants a WebSocket.")
            return self._answer
        return b"" if self._closed or self._end is not None else _HEAD.pack(b"C", _CODE.size) + _CODE.pack(_NORMAL)

    def disconnect(self) -> None:
        """The client is gone, and who receives hears so."""
        self._end = self._end or _disconnect(_LOST, "")
        self._input.close()


def _disconnect(code: int, reason: str) -> Dict[str, Any]:
    return {"type": "websocket.disconnect", "code": code, "reason": reason}


def _content_of(message: Mapping[str, Any]) -> Tuple[bytes, bytes]:
    said, data = message.get("text"), message.get("bytes")
    if (said is None) == (data is None):
        raise RuntimeError("The ASGI application sent a message over a WebSocket that is not either text or bytes.")
    return (b"B", bytes(data)) if said is None else (b"T", said.encode())
