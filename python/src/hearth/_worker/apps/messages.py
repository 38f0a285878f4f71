"""Messages of a WebSocket as a client writes and reads them (RFC 6455). Nothing here knows a socket."""

from __future__ import annotations

import os
import struct
from typing import List, Optional, Tuple

__all__ = ["BINARY", "CLOSE", "PING", "PONG", "TEXT", "BadMessage", "MessageReader", "frame"]

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_CONTINUATION = 0

_FINAL, _RESERVED, _OPCODE = 0x80, 0x70, 0x0F
_MASKED, _SIZE = 0x80, 0x7F
_CONTROL_MAX = 125
_MESSAGE_BYTES_MAX = 8 * 1024 * 1024  # what a node takes of one (`defaults::http_body_bytes_max`)

_PROTOCOL_ERROR, _TOO_LARGE = 1002, 1009


class BadMessage(Exception):
    """The other side breaks the rules; `code` is what to close with."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def frame(opcode: int, content: bytes) -> bytes:
    """One message, masked, in one frame."""
    size = len(content)
    if size <= _CONTROL_MAX:
        length = bytes((_MASKED | size,))
    elif size < 1 << 16:
        length = struct.pack(">BH", _MASKED | 126, size)
    else:
        length = struct.pack(">BQ", _MASKED | 127, size)
    mask = os.urandom(4)
    return bytes((_FINAL | opcode,)) + length + mask + _masked(content, mask)


def _masked(content: bytes, mask: bytes) -> bytes:
    size = len(content)
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(content, "little") ^ int.from_bytes(repeated, "little")).to_bytes(size, "little")


class MessageReader:
    """What a server sends. `feed` raises BadMessage."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._opcode = _CONTINUATION  # of the message whose frames come
        self._parts = bytearray()

    def feed(self, data: bytes) -> List[Tuple[int, bytes]]:
        """The messages that are whole now, pings and the like among them: (opcode, content)."""
        self._buffer += data
        whole: List[Tuple[int, bytes]] = []
        while True:
            found = self._take()
            if found is None:
                return whole
            message = self._part(*found)
            if message is not None:
                whole.append(message)

    def _take(self) -> Optional[Tuple[int, bytes]]:
        """The first byte and the content of the next frame, if it is here."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first, size, start = buffer[0], buffer[1], 2
        if first & _RESERVED or size & _MASKED:
            raise BadMessage(_PROTOCOL_ERROR, "a frame has bits that nobody has agreed on, or is masked")
        if size in (126, 127):
            form = ">H" if size == 126 else ">Q"
            start += struct.calcsize(form)
            if len(buffer) < start:
                return None
            (size,) = struct.unpack_from(form, buffer, 2)
        if first & _OPCODE >= CLOSE and (size > _CONTROL_MAX or not first & _FINAL):
            raise BadMessage(_PROTOCOL_ERROR, "a control frame is longer than 125 bytes, or not whole")
        if size + len(self._parts) > _MESSAGE_BYTES_MAX:
            raise BadMessage(_TOO_LARGE, f"a message is larger than {_MESSAGE_BYTES_MAX >> 20} MiB")
        if len(buffer) < start + size:
            return None
        content = bytes(buffer[start : start + size])
        del buffer[: start + size]
        return first, content

    def _part(self, first: int, content: bytes) -> Optional[Tuple[int, bytes]]:
        """The message that this frame completes."""
        opcode = first & _OPCODE
        if opcode in (CLOSE, PING, PONG):
            return opcode, content
        if opcode not in (_CONTINUATION, TEXT, BINARY) or (opcode == _CONTINUATION) != (self._opcode != _CONTINUATION):
            raise BadMessage(_PROTOCOL_ERROR, f"a frame {opcode} is not what may come next")
        self._opcode = self._opcode or opcode
        self._parts += content
        if not first & _FINAL:
            return None
        message = self._opcode, bytes(self._parts)
        self._opcode = _CONTINUATION
        self._parts.clear()
        return message
