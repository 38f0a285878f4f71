"""A WebSocket client (RFC 6455) over a node's Unix socket, or one that is connected, which sends what it is told, also what it should not."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path
from typing import Dict, Optional, Tuple, Union

from waiting import PATIENCE

__all__ = ["BINARY", "CLOSE", "PING", "PONG", "TEXT", "Refused", "WebSocket"]

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Refused(Exception):
    """Another status than 101."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class WebSocket:
    """Open when it is made. Raises Refused."""

    def __init__(self, where: Union[Path, socket.socket], app: str, path: str = "/", **headers: str) -> None:
        self.socket = where if isinstance(where, socket.socket) else socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        if isinstance(where, Path):
            self.socket.connect(str(where))
        fields = {
            "Host": "a",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        lines = [f"GET /apps/default/development/{app}{path} HTTP/1.1", *(f"{name}: {text}" for name, text in fields.items())]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self._buffer = b""
        head = self._until(b"\r\n\r\n").decode("latin-1")
        first, *rest = head.strip().split("\r\n")
        self.headers: Dict[str, str] = {}
        for line in rest:
            name, _, text = line.partition(": ")
            self.headers[name.lower()] = text
        status = int(first.split(" ")[1])
        if status != 101:
            raise Refused(status, head)

    def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            self._receive()
        found, _, self._buffer = self._buffer.partition(end)
        return found + end

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the connection has ended")
        self._buffer += data

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._receive()
        found, self._buffer = self._buffer[:count], self._buffer[count:]
        return found

    def send(self, content: bytes, opcode: int = TEXT, final: bool = True) -> None:
        size = len(content)
        if size < 126:
            length = bytes([0x80 | size])
        else:
            length = b"\xfe" + struct.pack(">H", size) if size < 65536 else b"\xff" + struct.pack(">Q", size)
        mask = os.urandom(4)
        repeated = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(content, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big") if size else b""
        self.socket.sendall(bytes([(0x80 if final else 0) | opcode]) + length + mask + masked)

    def frame(self) -> Tuple[int, bytes]:
        """Opcode and content of the next frame."""
        first, size = self._exactly(2)
        if size == 126:
            (size,) = struct.unpack(">H", self._exactly(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self._exactly(8))
        return first & 15, self._exactly(size)

    def message(self) -> bytes:
        """The next message; pings are answered."""
        while True:
            opcode, content = self.frame()
            if opcode == PING:
                self.send(content, PONG)
            elif opcode in (TEXT, BINARY):
                return content
            else:
                raise AssertionError(f"a frame {opcode} with {content!r}")

    def close(self, code: Optional[int] = 1000) -> Tuple[Optional[int], bytes]:
        """Closes; the code and reason of the other side."""
        self.send(b"" if code is None else struct.pack(">H", code), CLOSE)
        return self.closed()

    def closed(self) -> Tuple[Optional[int], bytes]:
        """Waits for the close of the other side, and the end of the connection behind it."""
        opcode, content = self.frame()
        while opcode != CLOSE:
            opcode, content = self.frame()
        try:
            while True:
                self._receive()
        except (EOFError, ConnectionResetError):
            pass
        self.socket.close()
        return (struct.unpack(">H", content[:2])[0] if content else None), content[2:]
