"""Messages of WebSockets as a client of a program writes and reads them."""

from __future__ import annotations

import struct
from typing import Any, List, Tuple

import pytest

from hearth._worker.apps.messages import BINARY, CLOSE, PING, TEXT, BadMessage, MessageReader, frame


def said(first: int, content: bytes) -> bytes:
    """A frame of a server."""
    size = len(content)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size) if size < 65536 else b"\x7f" + struct.pack(">Q", size)
    return bytes([first]) + length + content


def heard(data: bytes) -> List[Tuple[int, bytes]]:
    """The messages of `data`; the same whole and byte by byte."""
    single = MessageReader()
    found = [message for at in range(len(data)) for message in single.feed(data[at : at + 1])]
    assert MessageReader().feed(data) == found
    return found


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_a_message_of_any_size_is_one_masked_frame(size: int) -> None:
    content = bytes(at % 251 for at in range(size))
    data = frame(BINARY, content)
    start = {True: 2, size > 125: 4, size > 65535: 10}[True]
    assert data[0] == 0x82 and data[1] & 0x80
    mask, masked = data[start : start + 4], data[start + 4 :]
    assert bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked)) == content


def test_messages_are_whole_when_their_last_fragment_is_here() -> None:
    data = said(0x01, b"a") + said(0x89, b"ping") + said(0x00, b"b") + said(0x80, b"c") + said(0x82, b"x" * 300) + said(0x88, b"\x03\xe8")
    assert heard(data) == [(PING, b"ping"), (TEXT, b"abc"), (BINARY, b"x" * 300), (CLOSE, b"\x03\xe8")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (said(0xC1, b"a"), 1002),
        (b"\x81\x81\0\0\0\0a", 1002),
        (said(0x09, b"a"), 1002),
        (said(0x89, b"a" * 126), 1002),
        (said(0x80, b"a"), 1002),
        (said(0x01, b"a") + said(0x81, b"b"), 1002),
        (said(0x83, b"a"), 1002),
        (b"\x82\x7f" + struct.pack(">Q", (8 << 20) + 1), 1009),
        (b"\x82\x7f" + struct.pack(">Q", 1 << 63), 1009),
    ],
)
def test_a_server_that_breaks_the_rules_is_refused_with_the_code_that_says_how(data: bytes, code: int) -> None:
    with pytest.raises(BadMessage) as caught:
        MessageReader().feed(data)
    assert caught.value.code == code


def test_fragments_are_no_way_around_the_limit() -> None:
    reader: Any = MessageReader()
    part = bytes(1 << 20)
    reader.feed(said(0x02, part))
    with pytest.raises(BadMessage, match="larger than 8 MiB"):
        for _ in range(8):
            reader.feed(said(0x00, part))
