"""Responses of programs are read as they come, and what two readers might read differently is refused."""

from __future__ import annotations

from typing import Iterable, Tuple

import pytest

from hearth._worker.apps.response import HEAD_BYTES_MAX, BadResponse, ResponseReader


def fed(pieces: Iterable[bytes], method: str = "GET", ends: bool = False, opens_socket: bool = False) -> ResponseReader:
    reader = ResponseReader(method, opens_socket)
    for piece in pieces:
        reader.feed(piece)
    if ends:
        reader.end()
    return reader


def body_of(data: bytes, method: str = "GET", ends: bool = False) -> Tuple[int, bytes, bool]:
    """Status, body and whether the connection stays; the same whole and byte by byte."""
    whole = fed([data], method, ends)
    found = whole.status, whole.take(), whole.reusable
    single = fed((data[at : at + 1] for at in range(len(data))), method, ends)
    assert whole.complete and single.complete
    assert (single.status, single.take(), single.reusable) == found
    return found


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "method", "ends", "found"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "GET", False, (200, b"hello", True)),
        (b"HTTP/1.1 200 \r\ncontent-length:0\r\n\r\n", "GET", False, (200, b"", True)),
        (b"HTTP/1.1 200\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nab", "GET", False, (200, b"ab", True)),
        (b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\ncontent-length: 1\r\n\r\na", "GET", False, (200, b"a", False)),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na", "GET", False, (200, b"a", False)),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\na", "GET", False, (200, b"a", True)),
        (b"HTTP/1.0 200 OK\r\n\r\nall of it", "GET", True, (200, b"all of it", False)),
        (b"HTTP/1.1 200 OK\r\n\r\n", "GET", True, (200, b"", False)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "HEAD", False, (200, b"", True)),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "HEAD", False, (200, b"", True)),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", "GET", False, (304, b"", True)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "DELETE", False, (204, b"", True)),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 204 x\r\n\r\n", "PUT", False, (204, b"", True)),
        (CHUNKED + b"3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n00\r\n\r\n", "GET", False, (200, b"abc0123456789", True)),
        (CHUNKED + b"1\r\na\r\n0\r\nx-digest: 1\r\n\r\n", "GET", False, (200, b"a", True)),
    ],
)
def test_a_body_ends_where_its_head_says(data: bytes, method: str, ends: bool, found: Tuple[int, bytes, bool]) -> None:
    assert body_of(data, method, ends) == found


def test_fields_are_in_the_order_in_which_they_came() -> None:
    reader = fed([b"HTTP/1.1 200 Fine\r\nX-A:  one \r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nEmpty:\r\ncontent-length: 0\r\n\r\n"])
    assert reader.reason == b"Fine"
    assert reader.fields[:4] == [(b"x-a", b"one"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"empty", b"")]


def test_a_body_is_there_as_far_as_it_has_come() -> None:
    reader = fed([CHUNKED, b"5\r\nab"])
    assert (reader.take(), reader.complete) == (b"ab", False)
    reader.feed(b"cde\r\n")
    assert (reader.take(), reader.take(), reader.complete) == (b"cde", b"", False)
    reader.feed(b"0\r\n\r\n")
    assert reader.complete


def test_what_comes_behind_a_response_ends_the_connection() -> None:
    assert not fed([b"HTTP/1.1 204 x\r\n\r\nHTTP/1.1 200 OK\r\n"]).reusable


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"garbage", "does not speak HTTP/1.1"),
        (b"HTTP/2 200 OK\r\n\r\n", "no status of HTTP/1.1"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "no status of HTTP/1.1"),
        (b"HTTP/1.1 099 OK\r\n\r\n", "no status of HTTP/1.1"),
        (b"HTTP/1.1  200 OK\r\n\r\n", "no status of HTTP/1.1"),
        (b"HTTP/1.1 200 O\rK\r\n\r\n", "no status of HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\na b: c\r\n\r\n", "no field"),
        (b"HTTP/1.1 200 OK\r\na : c\r\n\r\n", "no field"),
        (b"HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n", "no field"),
        (b"HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n", "no field"),
        (b"HTTP/1.1 200 OK\r\na: \x00\r\n\r\n", "no field"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "is no length"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n", "is no length"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1, 1\r\n\r\n", "is no length"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "or not the only one"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999999999999\r\n\r\n", "is no length"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "sends chunks"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", "only chunked"),
        (b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "only chunked"),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n", "which nobody had asked for"),
        (CHUNKED + b"x\r\n", "no size of a chunk"),
        (CHUNKED + b"-1\r\n", "no size of a chunk"),
        (CHUNKED + b"1 \r\n", "no size of a chunk"),
        (CHUNKED + b"1000000000000000\r\n", "no size of a chunk"),
        (CHUNKED + b"1\r\nab\r\n", "longer than it says"),
        (CHUNKED + b"1\nab\r\n", "no size of a chunk"),
        (CHUNKED + b"0\r\nno field\r\n\r\n", "which is no field"),
        (CHUNKED + b"1;" + b"x" * 5000, "longer than 4096 bytes"),
        (CHUNKED + b"0\r\n" + b"a: b\r\n" * 10_000, "longer than"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 257 + b"\r\n", "more than 256 fields"),
        (b"HTTP/1.1 200 OK\r\na: " + b"b" * HEAD_BYTES_MAX + b"\r\n\r\n", "longer than 64 KiB"),
    ],
)
def test_what_is_no_response_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(BadResponse, match=words):
        fed([data], ends=True)
    with pytest.raises(BadResponse):
        fed((data[at : at + 1] for at in range(len(data))), ends=True)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "without an answer"),
        (b"HTTP/1.1 200", "within its head"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "within its head"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", "within its body"),
        (CHUNKED + b"5\r\nhel", "within its body"),
        (CHUNKED + b"5\r\nhello\r\n", "within its body"),
        (CHUNKED + b"0\r\n", "within its body"),
    ],
)
def test_a_response_whose_connection_ends_too_early_is_none(data: bytes, words: str) -> None:
    with pytest.raises(BadResponse, match=words):
        fed([data], ends=True)


def test_behind_a_changed_protocol_is_what_is_said_in_it() -> None:
    reader = fed([b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n\x81\x02hi"], opens_socket=True)
    assert (reader.status, reader.complete, reader.rest) == (101, True, b"\x81\x02hi")
