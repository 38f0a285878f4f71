"""Requests and responses as text, in the one form that a node and an interpreter exchange (schema/environment.capnp, App).

    METHOD SP target SP "HTTP/1.1" CRLF *(name ": " value CRLF) CRLF body
    "HTTP/1.1" SP status SP reason CRLF *(name ": " value CRLF) CRLF body

Names are in lower case, values in ISO 8859-1; a field has one line; nothing of a single connection is in it.
"""

from __future__ import annotations

import http
import re
from typing import Collection, Dict, Iterable, List, NamedTuple, Optional, Tuple

__all__ = ["OF_CONNECTION", "SWITCHING", "Field", "RequestHead", "has_no_body", "read_request", "write_head", "write_request"]

SWITCHING = 101
"""The status with which a WebSocket is open."""

Field = Tuple[bytes, bytes]

OF_CONNECTION = (b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade")
"""Fields between two neighbours only: the node has its own connection to the client, a program of an app its own to the replica."""

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_FORBIDDEN = re.compile(rb"[\x00\r\n]")
_REASONS: Dict[int, bytes] = {int(status): status.phrase.encode() for status in http.HTTPStatus}


class RequestHead(NamedTuple):
    """The head of a request: its method, its target as the client sent it, its fields in their order."""

    method: str
    path: bytes  # percent-encoded
    query: bytes  # without "?"
    fields: List[Field]

    def first(self, name: bytes) -> Optional[bytes]:
        """The value of the first field of this name; None without one."""
        for found, value in self.fields:
            if found == name:
                return value
        return None

    @property
    def label(self) -> str:
        """How logs name the request: without its query, which may hold what nobody should read there."""
        return f"{self.method} {self.path.decode('latin-1')}"

    @property
    def scheme(self) -> str:
        """ "http" or "https", as the client came to the node."""
        return (self.first(b"x-forwarded-proto") or b"http").decode("latin-1")

    @property
    def client(self) -> Optional[str]:
        """The client's address; None for one that came over the node's own socket."""
        found = (self.first(b"x-forwarded-for") or b"unix").decode("latin-1")
        return None if found == "unix" else found

    @property
    def server(self) -> Optional[Tuple[str, int]]:
        """Host and port as the client named them; None if it did not."""
        host = (self.first(b"host") or b"").decode("latin-1")
        if not host:
            return None
        name, colon, port = host.rpartition(":")
        if colon and port.isdecimal():  # a colon may be within the brackets of an IPv6 address
            return name, int(port)
        return host, 443 if self.scheme == "https" else 80

    @property
    def opens_socket(self) -> bool:
        """Whether it asks for a WebSocket. No client can say so but by the handshake, which the node has checked."""
        return self.first(b"upgrade") == b"websocket"

    @property
    def subprotocols(self) -> List[str]:
        """What the client of a WebSocket offers to speak on it, what it likes best first."""
        offered = b",".join(value for name, value in self.fields if name == b"sec-websocket-protocol")
        return [each.strip() for each in offered.decode("latin-1").split(",") if each.strip()]

    @property
    def prefix(self) -> bytes:
        """What of the path the node has taken away, because it named the app; empty or with a leading slash."""
        return (self.first(b"x-forwarded-prefix") or b"").rstrip(b"/")


def read_request(data: bytes) -> Tuple[RequestHead, bytes]:
    """Head and body. Raises ValueError for what no node sends."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise ValueError("the node sent a request without the end of its head")
    first, *lines = data[:end].split(b"\r\n")
    words = first.split(b" ")
    if len(words) != 3:
        raise ValueError(f"the node sent the request line {first!r}")
    path, _, query = words[1].partition(b"?")
    fields: List[Field] = []
    for line in lines:
        name, colon, value = line.partition(b": ")
        if not colon:
            raise ValueError(f"the node sent the field {line!r}")
        fields.append((name, value))
    return RequestHead(words[0].decode("latin-1"), path, query, fields), data[end + 4 :]


def has_no_body(status: int) -> bool:
    """Whether a response of this status never has one."""
    return status in (204, 304)


def write_head(status: int, fields: Iterable[Field], reason: bytes = b"") -> Tuple[bytes, Optional[int]]:
    """The head of a response, its empty line included, and the length that it announces.

    Fields of a connection are left out. Raises ValueError for what would be read as something else.
    """
    if not isinstance(status, int) or not (200 <= status <= 599 or status == SWITCHING):
        raise ValueError(f"the status of a response must be an int from 200 to 599, not {status!r}")
    reason = reason or _REASONS.get(status, b"")
    if _FORBIDDEN.search(reason):
        raise ValueError(f"the reason {reason!r} of a response has a line break in it")
    lines = [b"HTTP/1.1 %d %s" % (status, reason)]
    length: Optional[int] = None
    for name, value in fields:
        if not (isinstance(name, bytes) and isinstance(value, bytes)):
            raise ValueError(f"the header field {name!r}: {value!r} of a response must be two byte strings; encode them")
        name, value = name.lower(), value.strip()
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header field")
        if _FORBIDDEN.search(value):
            raise ValueError(f"the value {value!r} of the header field {name.decode()} has a line break in it")
        if name in OF_CONNECTION or name.startswith(b"proxy-"):
            continue
        if name == b"content-length":
            if not value.isdigit() or length not in (None, int(value)):
                raise ValueError(f"content-length {value!r} of a response is no length, or not the only one")
            if length is not None:
                continue
            length = int(value)
        lines.append(name + b": " + value)
    return b"\r\n".join(lines) + b"\r\n\r\n", length


def write_request(head: RequestHead, left_out: Collection[bytes], more: Iterable[bytes]) -> bytes:
    """The head of the request for a server of another connection: without the fields `left_out`, with the lines `more`."""
    target = head.path + (b"?" + head.query if head.query else b"")
    lines = [b"%b %b HTTP/1.1" % (head.method.encode("latin-1"), target)]
    lines += [name + b": " + value for name, value in head.fields if name not in left_out]
    return b"\r\n".join((*lines, *more, b"", b""))
