"""Requests and responses of apps as a node writes and reads them."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Tuple

__all__ = ["Response", "read", "request"]


class Response(NamedTuple):
    status: int
    reason: str
    fields: List[Tuple[str, str]]
    body: bytes

    def field(self, name: str) -> str:
        (value,) = [value for found, value in self.fields if found == name]
        return value


def request(target: str = "/", method: str = "GET", body: bytes = b"", fields: Any = (), **more: str) -> bytes:
    """What a node sends: `fields` of the client, then those that the node adds; `more` replaces these ("_" for "-")."""
    added: Dict[str, str] = {
        "host": "squares.example.org",
        "x-forwarded-for": "192.0.2.7",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "squares.example.org",
        "x-request-id": "0123456789abcdef0123456789abcdef",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    if body:
        added["content-length"] = str(len(body))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in (*fields, *added.items()))]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def read(data: bytes) -> Response:
    """The response, which must be in the one form that a node takes."""
    head, end, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    version, status, reason = first.split(" ", 2)
    assert end and version == "HTTP/1.1"
    fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    assert all(name == name.lower() and value == value.strip() for name, value in fields)
    return Response(int(status), reason, fields, body)
