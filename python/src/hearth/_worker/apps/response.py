"""The response of a program that speaks HTTP/1.1, taken apart as it comes. Strict: what two readers might read differently is refused.

Nothing here knows a socket: bytes are fed, and what they say is there to be taken.
"""

from __future__ import annotations

import re
from typing import List, Optional

from .text import SWITCHING, Field, has_no_body

__all__ = ["HEAD_BYTES_MAX", "BadResponse", "ResponseReader"]

HEAD_BYTES_MAX = 64 * 1024
"""What a node takes of a response's head (`defaults::http_response_header_bytes_max`)."""

_FIELDS_MAX = 256
_CHUNK_LINE_MAX = 4096  # bytes of the line before a chunk, extensions included
_TRAILER_BYTES_MAX = 16 * 1024

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: ([^\x00\r\n]*))?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00\r\n]*?)[ \t]*")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\x00\r\n]*)?")
_LENGTH = re.compile(rb"[0-9]{1,18}")


class BadResponse(Exception):
    """The program sent what is no response. The text is for its log."""


class ResponseReader:
    """One response to a request of `method`; `opens_socket`: 101 is an answer. Interim responses (1xx) are passed over.

    `hear`, `feed` and `end` raise BadResponse.
    """

    def __init__(self, method: str, opens_socket: bool = False) -> None:
        self.status = 0
        """Of the final response; 0 as long as its head is not here."""
        self.reason = b""
        self.fields: List[Field] = []  # names in lower case
        self.length: Optional[int] = None
        """Bytes of the body, where the head says so."""
        self.begun = False  # a byte has come
        self.complete = False
        self._method = method
        self._opens_socket = opens_socket
        self._buffer = bytearray()
        self._pieces: List[bytes] = []
        self._left: Optional[int] = None  # bytes of the body, or of its chunk, that are to come; None: up to the end
        self._state = _HEAD
        self._stays = False  # the connection is good for another request

    @property
    def reusable(self) -> bool:
        """Whether the connection may carry another request: nothing came behind this response, and the program keeps it."""
        return self.complete and self._stays and not self._buffer

    @property
    def rest(self) -> bytes:
        """What came behind the response: behind that of status 101, the beginning of what is said then."""
        return bytes(self._buffer)

    def first(self, name: bytes) -> Optional[bytes]:
        """The value of the first field of this name; None without one."""
        return next((value for found, value in self.fields if found == name), None)

    def take(self) -> bytes:
        """What of the body has come and not been taken."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)

    def hear(self, data: bytes) -> None:
        """What a read of the connection has given: empty is its end."""
        if data:
            self.feed(data)
        else:
            self.end()

    def feed(self, data: bytes) -> None:
        """More bytes of the connection."""
        self.begun = self.begun or bool(data)
        self._buffer += data
        while not self.complete and self._step():
            pass

    def end(self) -> None:
        """The program has ended the connection."""
        if self.complete:
            return
        if self._state is not _BODY or self._left is not None:
            where = "within its body" if self.status else "within its head" if self.begun else "without an answer"
            raise BadResponse(f"it ended the connection {where}")
        self.complete = True

    # -- states: each takes something of the buffer, or waits for more ------------------------------------------------

    def _step(self) -> bool:
        return self._state(self)

    def _head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX)
        if end < 0:
            if len(self._buffer) >= HEAD_BYTES_MAX:
                raise BadResponse(f"its head is longer than {HEAD_BYTES_MAX // 1024} KiB")
            if not b"HTTP/1.".startswith(bytes(self._buffer[:7])):
                raise BadResponse(f"it does not speak HTTP/1.1: its answer begins with {bytes(self._buffer[:40])!r}")
            return False
        first, *lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        found = _STATUS_LINE.fullmatch(first)
        if found is None:
            raise BadResponse(f"its answer begins with {first[:40]!r}, which is no status of HTTP/1.1")
        status = int(found[2])
        fields = _fields_of(lines)
        if status < 200 and not (status == SWITCHING and self._opens_socket):
            if status == SWITCHING:
                raise BadResponse("it changed the protocol (101), which nobody had asked for")
            return True
        self.status, self.reason, self.fields = status, found[3] or b"", fields
        self._frame(found[1] == b"0")
        return True

    def _frame(self, is_old: bool) -> None:
        """Finds where the body ends. `is_old`: HTTP/1.0."""
        codings = [value.lower() for name, value in self.fields if name == b"transfer-encoding"]
        lengths = {value for name, value in self.fields if name == b"content-length"}
        said = b",".join(value for name, value in self.fields if name == b"connection").lower()
        words = [word.strip() for word in said.split(b",")]
        self._stays = b"keep-alive" in words if is_old else b"close" not in words
        if codings and (codings != [b"chunked"] or is_old):
            raise BadResponse(f"its body is in the coding {b', '.join(codings)!r}; only chunked of HTTP/1.1 is read")
        if codings and lengths:
            raise BadResponse("it says a length (content-length) and sends chunks (transfer-encoding)")
        if len(lengths) > 1 or not all(_LENGTH.fullmatch(length) for length in lengths):
            raise BadResponse(f"its content-length {b', '.join(sorted(lengths))!r} is no length, or not the only one")
        if self.status == SWITCHING or self._method == "HEAD" or has_no_body(self.status):
            self.complete = True
        elif codings:
            self._state = _CHUNK_SIZE
        elif lengths:
            self._left = self.length = int(lengths.pop())
            self._state = _BODY
            self.complete = self._left == 0
        else:
            self._stays = False
            self._state = _BODY

    def _body(self) -> bool:
        if self._left is None:
            return self._take_up_to(len(self._buffer))
        took = self._take_up_to(self._left)
        self.complete = self._left == 0
        return took

    def _take_up_to(self, size: int) -> bool:
        if not self._buffer:
            return False
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._pieces.append(piece)
        if self._left is not None:
            self._left -= len(piece)
        return True

    def _line(self, limit: int, what: str) -> Optional[bytes]:
        """The next line, without its end; None: it is not all here."""
        end = self._buffer.find(b"\r\n", 0, limit + 2)
        if end < 0:
            if len(self._buffer) > limit:
                raise BadResponse(f"{what} is longer than {limit} bytes")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _chunk_size(self) -> bool:
        line = self._line(_CHUNK_LINE_MAX, "the line before a chunk")
        if line is None:
            return False
        found = _SIZE.fullmatch(line)
        if found is None:
            raise BadResponse(f"{line[:40]!r} is no size of a chunk")
        self._left = int(found[1], 16)
        self._state = _CHUNK if self._left else _TRAILER
        if not self._left:
            self._left = _TRAILER_BYTES_MAX
        return True

    def _chunk(self) -> bool:
        assert self._left is not None
        if self._left:
            return self._take_up_to(self._left)
        if len(self._buffer) < 2:
            return False
        if self._buffer[:2] != b"\r\n":
            raise BadResponse("a chunk is longer than it says")
        del self._buffer[:2]
        self._state = _CHUNK_SIZE
        return True

    def _trailer(self) -> bool:
        """Fields behind the body are read and left out."""
        assert self._left is not None
        line = self._line(self._left, "what is behind the last chunk")
        if line is None:
            return False
        self._left -= len(line)
        if line and _FIELD.fullmatch(line) is None:
            raise BadResponse(f"behind the last chunk is {line[:40]!r}, which is no field")
        self.complete = not line
        return True


_HEAD = ResponseReader._head
_BODY = ResponseReader._body
_CHUNK_SIZE = ResponseReader._chunk_size
_CHUNK = ResponseReader._chunk
_TRAILER = ResponseReader._trailer


def _fields_of(lines: List[bytes]) -> List[Field]:
    if len(lines) > _FIELDS_MAX:
        raise BadResponse(f"its head has more than {_FIELDS_MAX} fields")
    fields: List[Field] = []
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise BadResponse(f"{line[:40]!r} is no field of a head")
        fields.append((found[1].lower(), found[2]))
    return fields
