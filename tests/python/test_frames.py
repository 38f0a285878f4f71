"""Frames: the same bytes as the Cap'n Proto compiler's, in both halves of the wire code; and reading them back."""

from __future__ import annotations

import os
import random
import shutil
import socket
import struct
import subprocess
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from hearth import _frames
from hearth._frames_py import LAYOUTS
from wire_halves import HALVES

SCHEMA = Path(__file__).resolve().parents[2] / "schema" / "frame.capnp"
WIDTHS = {"H": 16, "I": 32, "Q": 64}

DEADLINE_S = 20
CALL = {"call_hi": 7, "call_lo": 9}


@pytest.fixture(params=HALVES, ids=lambda half: half.name)
def half(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def pair() -> Iterator[Any]:
    ours, theirs = socket.socketpair()
    # A read that waits in vain ends with BlockingIOError; the socket itself stays blocking.
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", DEADLINE_S, 0))
    with ours, theirs:
        yield ours, theirs


def fields_of(kind: int) -> Dict[str, int]:
    """Every field of a kind with its bits."""
    layout = LAYOUTS[kind]
    codes = "".join(code * int(count or 1) for count, code in _formats(layout.struct.format))
    return dict(zip(layout.fields, [WIDTHS[code] for code in codes[4:-1]]))


def _formats(text: str) -> Iterator[Any]:
    count = ""
    for character in text[1:]:
        if character.isdigit():
            count += character
        else:
            yield count, character
            count = ""


def writer(half: Any, kind: int) -> Any:
    return getattr(half, LAYOUTS[kind].make.__name__.lower())


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def read_all(half: Any, sock: socket.socket, count: int) -> List[Any]:
    """`count` frames from `sock`, which must not end before."""
    reader, frames = half.Reader(sock), []
    while len(frames) < count:
        assert reader.read(frames)
    return frames


def value_frames(half: Any, make: str, body: Any, **fields: int) -> List[bytes]:
    """The frame that `make` makes of a value, and its chunks."""
    first, rest = _frames.parts(body)
    frames = [getattr(half, make)(size=len(body), body=first, **fields)]
    of = _frames.CHUNK_OF_REPLY if make == "reply" else 0
    for offset, part, last in rest:
        frames.append(half.chunk(flags=of | (_frames.CHUNK_LAST if last else 0), offset=offset, body=part, **fields))
    return frames


# -- writing ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("capnp"), reason="the Cap'n Proto compiler is not installed")
@pytest.mark.parametrize("kind", LAYOUTS)
def test_frames_have_the_bytes_that_the_capnp_compiler_gives_them(half: Any, kind: int) -> None:
    chance = random.Random(kind)
    for length in (1, 7, 8, 9, 300):
        fields = {name: chance.getrandbits(bits) for name, bits in fields_of(kind).items()}
        body = chance.randbytes(length)
        text = ", ".join(f"{camel(name)} = {value}" for name, value in {"kind": kind, **fields}.items())
        struct_name = LAYOUTS[kind].make.__name__
        encoded = subprocess.run(
            ["capnp", "encode", str(SCHEMA), struct_name],
            input=f'({text}, body = 0x"{body.hex()}")'.encode(),
            capture_output=True,
            check=True,
        ).stdout
        assert writer(half, kind)(**fields, body=body) == encoded


@pytest.mark.parametrize("kind", LAYOUTS)
def test_fields_left_out_are_zero_and_the_size_is_the_bodys(half: Any, kind: int, pair: Any) -> None:
    given = {"request": 1} if kind == _frames.CHUNK else {}  # without, it would continue a value
    pair[0].sendall(writer(half, kind)(**given, body=b"twelve bytes"))
    (frame,) = read_all(half, pair[1], 1)
    for name in fields_of(kind):
        assert getattr(frame, name) == (12 if name == "size" else given.get(name, 0))
    assert frame.kind == kind and frame.body == b"twelve bytes"


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_body_can_be_any_bytes_like_object_or_a_list_of_them(half: Any, kind: int) -> None:
    write = writer(half, kind)
    wanted = write(body=b"abcdef")
    for body in (bytearray(b"abcdef"), memoryview(b"xabcdef")[1:], [b"ab", memoryview(b"cd"), bytearray(b"ef")]):
        assert write(body=body) == wanted
    assert write() == write(body=b"") == write(body=[])


def test_a_template_is_filled_with_a_call_id_and_a_body(half: Any) -> None:
    fields = {name: 3 for name in fields_of(_frames.CALL) if name != "size"}
    template = half.call(**fields)
    for body in (b"", b"123", b"12345678", [b"1", b"2"]):
        assert half.fill(template, 2**64 - 1, body) == half.call(**{**fields, "call_lo": 2**64 - 1}, body=body)
    with pytest.raises(ValueError):
        half.fill(half.reply(), 1, b"")


def test_a_field_that_does_not_fit_is_refused(half: Any) -> None:
    with pytest.raises(OverflowError):
        half.call(depth=65536)
    with pytest.raises(OverflowError):
        half.call(call_lo=-1)
    with pytest.raises(TypeError, match="dept"):
        half.call(dept=1)
    with pytest.raises(ValueError, match="1048577"):
        half.call(body=bytes(_frames.BODY_BYTES_MAX + 1))


# -- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_frames_arrive_in_order_however_the_stream_is_cut(half: Any, pair: Any, seed: int) -> None:
    chance = random.Random(seed)
    sent = []
    for _ in range(60):
        kind = chance.choice(list(LAYOUTS))
        fields = {name: chance.getrandbits(bits) for name, bits in fields_of(kind).items() if name != "size"}
        if kind == _frames.CHUNK:
            fields["request"] = 1 + fields["request"] // 2  # of an upload: others belong to values
        length = chance.choice([0, 1, 5, 8, 100, 70_000, 300_000])
        sent.append((kind, fields, chance.randbytes(length)))
    stream = b"".join(writer(half, kind)(**fields, body=body) for kind, fields, body in sent)

    def send() -> None:
        at = 0
        while at < len(stream):
            size = chance.choice([1, 7, 100, 5000, 200_000])
            pair[0].sendall(stream[at : at + size])
            at += size

    sender = threading.Thread(target=send)
    sender.start()
    frames = read_all(half, pair[1], len(sent))
    sender.join()
    for frame, (kind, fields, body) in zip(frames, sent):
        assert frame.kind == kind and frame.body == body
        assert {name: getattr(frame, name) for name in fields} == fields


def test_a_value_larger_than_a_frame_arrives_as_one(half: Any, pair: Any) -> None:
    body = random.Random(1).randbytes(3 * _frames.BODY_BYTES_MAX + 5)
    stream = value_frames(half, "reply", body, **CALL) + [half.signal(what=1)]
    threading.Thread(target=pair[0].sendall, args=(b"".join(stream),)).start()
    reply, signal = read_all(half, pair[1], 2)
    assert reply.body == body and reply.size == len(body) and type(reply.body) is bytes
    assert signal.kind == _frames.SIGNAL


def test_values_of_different_calls_may_come_interleaved(half: Any, pair: Any) -> None:
    bodies = [random.Random(n).randbytes(2_500_000 + n) for n in range(3)]
    streams = [value_frames(half, make, body, call_hi=1, call_lo=lo) for make, lo, body in zip(("reply", "call", "reply"), (1, 1, 2), bodies)]
    mixed = b"".join(frame for group in zip(*streams) for frame in group)
    threading.Thread(target=pair[0].sendall, args=(mixed,)).start()
    found = {(frame.kind, frame.call_lo): frame.body for frame in read_all(half, pair[1], 3)}
    assert found == {(_frames.REPLY, 1): bodies[0], (_frames.CALL, 1): bodies[1], (_frames.REPLY, 2): bodies[2]}


@pytest.mark.parametrize("size", [70_000, 2_000_000])
def test_buffers_of_a_large_value_are_received_into_memory_of_their_own(half: Any, pair: Any, size: int) -> None:
    sent = half.encode([bytes(size), bytearray(b"x" * size), "text"], lambda value: None)
    threading.Thread(target=pair[0].sendall, args=(b"".join(value_frames(half, "call", sent, **CALL)),)).start()
    (frame,) = read_all(half, pair[1], 1)
    assert [type(buffer) for buffer in frame.body.buffers] == [bytes, bytearray]
    first, second, text = half.decode(frame.body, lambda tag, content: None)
    assert first is frame.body.buffers[0] and second is frame.body.buffers[1]
    assert first == bytes(size) and second == b"x" * size and text == "text"
    assert len(frame.body) == frame.size == len(sent)


def test_a_forgotten_value_is_dropped_with_its_chunks(half: Any, pair: Any) -> None:
    begin, chunk, last = value_frames(half, "reply", bytes(3_000_000), **CALL)
    reader: Any = half.Reader(pair[1])
    frames: List[Any] = []
    sender = threading.Thread(target=pair[0].sendall, args=(begin + chunk + half.signal(),))
    sender.start()
    while not frames:
        reader.read(frames)
    sender.join()
    reader.forget(7, 9)
    threading.Thread(target=pair[0].sendall, args=(last + half.control(body=b"after"),)).start()
    while len(frames) < 2:
        reader.read(frames)
    assert [frame.kind for frame in frames] == [_frames.SIGNAL, _frames.CONTROL]


def test_another_reply_takes_the_place_of_a_value_that_was_never_finished(half: Any, pair: Any) -> None:
    begin = value_frames(half, "reply", bytes(3_000_000), **CALL)[0]
    failure = half.reply(flags=_frames.REPLY_FAILED, body=b"lost", **CALL)
    threading.Thread(target=pair[0].sendall, args=(begin + failure,)).start()
    (frame,) = read_all(half, pair[1], 1)
    assert frame.body == b"lost"


def test_a_reader_with_patience_reads_what_comes_soon_and_late_and_the_end(half: Any, pair: Any) -> None:
    reader: Any = half.Reader(pair[1], 20)
    frames: List[Any] = []
    for count in range(1, 101):  # each is there already: the reader learns that waits are short
        pair[0].sendall(half.signal())
        assert reader.read(frames) and len(frames) == count
    asked = threading.Event()

    def answer_late() -> None:
        asked.wait()
        pair[0].sendall(half.control(body=b"late"))
        pair[0].close()

    sender = threading.Thread(target=answer_late)
    sender.start()
    threading.Timer(0.05, asked.set).start()  # the reader sleeps by then
    assert reader.read(frames) and frames[-1].body == b"late"
    assert reader.read(frames) is False
    sender.join()


def test_the_end_of_the_stream_reads_as_false_and_an_empty_socket_raises(half: Any, pair: Any) -> None:
    reader = half.Reader(pair[1])
    with pytest.raises(BlockingIOError):
        reader.read([], socket.MSG_DONTWAIT)
    pair[0].sendall(half.signal()[:20])
    assert reader.read([]) is True
    pair[0].close()
    assert reader.read([]) is False
    pair[1].close()
    with pytest.raises(OSError):
        reader.read([])


def broken_frames(half: Any) -> Dict[str, bytes]:
    good = half.reply(call_lo=1, body=b"12345")
    chunks = value_frames(half, "reply", bytes(3_000_000), **CALL)
    wrong_offset = half.chunk(flags=2, offset=5, body=b"x", **CALL)
    too_long = half.chunk(flags=2, offset=_frames.BODY_BYTES_MAX, body=bytes(2), **CALL)
    table = half.encode(bytes(100_000), lambda value: None)
    return {
        "two segments": b"\1" + good[1:],
        "no size": bytes(8) + good[8:],
        "endless": good[:4] + b"\xff\xff\xff\xff" + good[8:],
        "unknown kind": good[:16] + b"\x63\0" + good[18:],
        "another struct": good[:12] + b"\2" + good[13:],
        "a body of words": half.reply(body=b"x")[:96] + struct.pack("<Q", 1 | 5 << 32 | 1 << 35) + bytes(8),
        "a longer body": half.reply()[:96] + struct.pack("<Q", 1 | 2 << 32 | 100 << 35) + bytes(8),
        "a size below the body": half.reply(size=3, body=b"12345"),
        "an impossible size": half.reply(size=2**63, body=b"12345"),
        "a chunk out of order": chunks[0] + wrong_offset,
        "a chunk too long": half.reply(size=_frames.BODY_BYTES_MAX + 1, body=bytes(_frames.BODY_BYTES_MAX), **CALL) + too_long,
        "a table that does not add up": half.reply(size=len(table) + 1, body=[table.head, *table.buffers, b"x"]),
    }


@pytest.mark.parametrize("what", broken_frames(HALVES[0]))
def test_what_is_no_frame_is_refused(half: Any, pair: Any, what: str) -> None:
    stream = broken_frames(half)[what]
    sender = threading.Thread(target=lambda: (pair[0].sendall(stream), pair[0].shutdown(socket.SHUT_WR)))
    sender.start()
    reader, frames = half.Reader(pair[1]), []
    with pytest.raises(ValueError):
        while reader.read(frames):
            pass
    assert not frames
    pair[1].close()
    sender.join()


def test_random_damage_never_does_more_than_raise(half: Any) -> None:
    chance = random.Random(5)
    table = half.encode([bytes(70_000), 1], lambda value: None)
    good = b"".join([half.call(body=b"abc"), *value_frames(half, "reply", table, **CALL), half.log(body=b"x" * 50)])
    outcomes = set()
    for _ in range(120):
        damaged = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(200)] = chance.choice([0, 1, 0x7F, 0xFF, chance.randrange(256)])
        ours, theirs = socket.socketpair()
        with ours, theirs:
            sender = threading.Thread(target=_send_and_end, args=(ours, bytes(damaged)))
            sender.start()
            reader, frames = half.Reader(theirs), []
            try:
                while reader.read(frames):
                    pass
                outcomes.add("read")
            except ValueError:
                outcomes.add("refused")
            theirs.close()
            sender.join()
    assert outcomes == {"read", "refused"}


def _send_and_end(sock: socket.socket, data: bytes) -> None:
    try:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    except OSError:  # the reader has refused it and gone
        pass


# -- values in parts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20])
def test_parts_cover_a_value_without_gaps(half: Any, size: int) -> None:
    body = random.Random(size).randbytes(size)
    values = [body, bytearray(body), half.LargeValue(body[:10], [body[10:20], memoryview(body)[20:]])]
    for value in values:
        first, rest = _frames.parts(value)
        whole = b"".join(first) if isinstance(first, list) else bytes(first)
        last = len(whole) == size
        for offset, part, last in rest:
            assert offset == len(whole)
            whole += b"".join(part)
        assert whole == body and last
        assert bytes(value) == body and len(value) == size


def test_the_staged_sdk_has_the_extension() -> None:
    if os.environ.get("HEARTH_SDK_DIR"):
        assert _frames.NATIVE and _frames.HAS_SLOT_TABLE
    assert _frames.HAS_SLOT_TABLE == _frames.NATIVE


@pytest.mark.parametrize("size", [1, 7, 8, 100_003])
def test_a_frame_in_pieces_is_the_frame(half: Any, size: int) -> None:
    body = [memoryview(bytes(size)), memoryview(b"tail")]
    fields = {"flags": _frames.CHUNK_LAST, "call_hi": 1, "call_lo": 2, "offset": 3}
    assert b"".join(_frames.apart(half.chunk(**fields), body)) == half.chunk(**fields, body=body)
