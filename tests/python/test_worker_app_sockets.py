"""WebSockets of programs: the node's messages become frames of a client, and frames of the program messages."""

from __future__ import annotations

from typing import Any

import pytest
from app_requests import Response, read, request
from program_fixtures import Serve, command, serve
from scripted_node import Replica
from worker_fixtures import python

from hearth import _frames
from hearth._codes import Code

__all__ = ["python", "serve"]


class Socket:
    """The node's side of a WebSocket of a call."""

    def __init__(self, replica: Replica, path: str = "/socket") -> None:
        flags = _frames.CALL_INPUT | _frames.CALL_STREAMS
        self.replica = replica
        self.key = replica.submit(0, body=request(path, upgrade="websocket"), flags=flags)
        self._buffer = b""
        self.reply: Any = None

    def hear(self) -> bytes:
        """The next part; what the reply has is the last one."""
        while True:
            frame = self.replica.next()
            if frame.kind == _frames.REPLY:
                self.reply = frame
                return bytes(frame.body)
            if frame.kind == _frames.CHUNK:
                return bytes(frame.body)

    def head(self) -> Response:
        while b"\r\n\r\n" not in self._buffer and self.reply is None:
            self._buffer += self.hear()
        head, end, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return read(head + end + (self._buffer if self.reply else b""))

    def message(self) -> Any:
        """Kind and content."""
        while len(self._buffer) < 5 or len(self._buffer) < 5 + int.from_bytes(self._buffer[1:5], "big"):
            assert self.reply is None
            self._buffer += self.hear()
        end = 5 + int.from_bytes(self._buffer[1:5], "big")
        kind, content, self._buffer = self._buffer[:1], self._buffer[5:end], self._buffer[end:]
        return kind, content

    def say(self, kind: bytes, content: bytes) -> None:
        hi, lo = self.key
        body = kind + len(content).to_bytes(4, "big") + content
        self.replica.send(_frames.chunk(request=1, flags=_frames.CHUNK_OF_STREAM, call_hi=hi, call_lo=lo, body=body))


@pytest.fixture
def socket(serve: Serve) -> Socket:
    made = Socket(serve(command()).start(concurrency=100))
    response = made.head()
    assert (response.status, response.field("x-own")) == (101, "1")
    return made


def test_messages_go_to_a_program_and_come_back_as_they_are(socket: Socket) -> None:
    for kind, content in ((b"T", "grün".encode()), (b"B", bytes(300)), (b"T", b"")):
        socket.say(kind, content)
        assert socket.message() == (kind, content)


def test_the_client_hears_how_a_program_closed(socket: Socket) -> None:
    socket.say(b"T", b"close")
    assert socket.message() == (b"C", b"\x0b\xb9asked")
    while socket.reply is None:
        socket.hear()
    assert socket.reply.code == 0


def test_a_program_hears_how_the_client_closed(socket: Socket) -> None:
    socket.say(b"C", b"\x0f\xa0bye")
    while socket.reply is None:
        socket.hear()
    assert socket.reply.code == 0 and "closed 0fa0 bye" in socket.replica.printed()


def test_a_program_that_breaks_the_rules_fails_the_socket(socket: Socket) -> None:
    socket.say(b"T", b"break")
    while socket.reply is None:
        socket.hear()
    assert socket.reply.code == Code.USER_ERROR and b"broke its WebSocket" in bytes(socket.reply.body)


def test_a_program_may_answer_with_something_else(serve: Serve) -> None:
    refused = Socket(serve(command()).start(concurrency=100), "/nothing").head()
    assert (refused.status, refused.body) == (200, b"192.0.2.7 /nothing")
