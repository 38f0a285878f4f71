"""Writing frames in plain Python, as `hearth._frames` says: for interpreters without the extension, and what tests compare
it with. Reading is in `_frames_reader`."""

from __future__ import annotations

import struct
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

__all__ = ["LargeValue", "Slots", "apart", "call", "chunk", "control", "fill", "log", "parts", "reply", "signal"]

CALL, REPLY, CHUNK, SIGNAL, CONTROL, LOG = 1, 2, 3, 4, 5, 6
CALL_RUN, CALL_PARKS, CALL_IN_RUN, CALL_OVERWRITES, CALL_UNCACHED, CALL_STREAMS, CALL_INPUT = 1, 2, 4, 8, 16, 32, 64
CALL_CACHE_SHIFT = 3  # CALL_OVERWRITES and CALL_UNCACHED, as a mode of `hearth._values.keys`, are `flags >> 3 & 3`
REPLY_FAILED, REPLY_TEXT, REPLY_COLD, REPLY_UNSTARTED, REPLY_HIT = 1, 2, 4, 8, 16
CHUNK_LAST, CHUNK_OF_REPLY, CHUNK_OF_STREAM = 1, 2, 4
CONTROL_RESPONSE, CONTROL_MORE = 1, 2
STREAM_OUT, STREAM_ERR, STREAM_SYSTEM = 1, 2, 3
CANCEL, PARKED, RESUMED, PROGRESS, RECALLED, MORE = 1, 2, 3, 4, 5, 6

BODY_BYTES_MAX = 1024 * 1024
"""Bytes of a value in one frame."""
FRAME_BYTES_MAX = BODY_BYTES_MAX + 4096
VALUE_BYTES_MAX = 2 * 1024 * 1024 * 1024
BUFFERS_MAX = 4096
"""Buffers of a LargeValue: their table then always fits into the first frame."""

_PREFIX = struct.Struct("<II")
_POINTER = struct.Struct("<Q")
_BYTES_POINTER = 1 | 2 << 32  # a Cap'n Proto list pointer: offset 0, elements of one byte; the count goes to bit 35

Body = Any  # bytes-like, or a list of bytes-like objects


class Call(NamedTuple):
    kind: int
    flags: int
    depth: int
    attempt: int
    environment: int
    task: int
    slot: int
    generation: int
    call_hi: int
    call_lo: int
    root_hi: int
    root_lo: int
    parent_hi: int
    parent_lo: int
    deadline_ms: int
    trace_hi: int
    trace_lo: int
    span: int
    size: int
    body: Any


class Reply(NamedTuple):
    kind: int
    flags: int
    code: int
    attempt: int
    slot: int
    generation: int
    call_hi: int
    call_lo: int
    size: int
    run_ns: int
    queued_ns: int
    start_ns: int
    fork_ns: int
    import_ns: int
    body: Any


class Chunk(NamedTuple):
    kind: int
    flags: int
    request: int
    call_hi: int
    call_lo: int
    offset: int
    body: Any


class Signal(NamedTuple):
    kind: int
    flags: int
    what: int
    code: int
    slot: int
    generation: int
    call_hi: int
    call_lo: int
    value: int
    body: Any


class Control(NamedTuple):
    kind: int
    flags: int
    request: int
    body: Any


class Log(NamedTuple):
    kind: int
    flags: int
    dropped: int
    call_hi: int
    call_lo: int
    unix_ns: int
    replica: int
    body: Any


class _Layout:
    """Where the fields of one kind are: prefix, root pointer, data section, body pointer."""

    def __init__(self, make: Any, kind: int, data: str) -> None:
        self.make = make
        self.kind = kind
        self.struct = struct.Struct("<IIQ" + data + "Q")
        self.fields: Tuple[str, ...] = make._fields[1:-1]
        self.root = (self.struct.size - 24) // 8 << 32 | 1 << 48

    def write(self, fields: Dict[str, int], body: Body) -> bytes:
        pieces = body if isinstance(body, list) else [body]
        length = sum(map(len, pieces))
        if length > BODY_BYTES_MAX:
            raise ValueError(f"the body of a frame has {length} bytes; at most {BODY_BYTES_MAX} fit")
        if "size" in self.fields:
            fields.setdefault("size", length)
        values = [fields.pop(name, 0) for name in self.fields]
        if fields:
            raise TypeError(f"{self.make.__name__.lower()}() got an unexpected keyword argument {next(iter(fields))!r}")
        padding = -length % 8
        words = (self.struct.size - 8 + length + padding) // 8
        try:
            head = self.struct.pack(0, words, self.root, self.kind, *values, _BYTES_POINTER | length << 35)
        except struct.error as error:
            raise OverflowError(f"a field does not fit: {error}") from None
        return b"".join([head, *pieces, bytes(padding)])

    def read(self, frame: memoryview) -> Any:
        """The frame with its body as a view. Raises ValueError."""
        head = self.struct.size
        if len(frame) < head:
            raise ValueError(f"a frame of {len(frame)} bytes is too short for its kind {self.kind}")
        _, _, root, *values, pointer = self.struct.unpack_from(frame)
        length = pointer >> 35
        if root != self.root or (pointer and pointer != _BYTES_POINTER | length << 35):
            raise ValueError(f"a frame of kind {self.kind} with a wrong pointer")
        if head + length + -length % 8 != len(frame):
            raise ValueError(f"a frame of {len(frame)} bytes with a body of {length}")
        return self.make(*values, frame[head : head + length])


_CALL = _Layout(Call, CALL, "HHHHIIII11Q")
_REPLY = _Layout(Reply, REPLY, "HHHHII8Q")
_CHUNK = _Layout(Chunk, CHUNK, "HHI3Q")
_SIGNAL = _Layout(Signal, SIGNAL, "HHHHII3Q")
_CONTROL = _Layout(Control, CONTROL, "HHI")
_LOG = _Layout(Log, LOG, "HHI4Q")
LAYOUTS = {layout.kind: layout for layout in (_CALL, _REPLY, _CHUNK, _SIGNAL, _CONTROL, _LOG)}


def call(*, body: Body = b"", **fields: int) -> bytes:
    """A Call frame. Raises ValueError, OverflowError, TypeError."""
    return _CALL.write(fields, body)


def reply(*, body: Body = b"", **fields: int) -> bytes:
    """A Reply frame."""
    return _REPLY.write(fields, body)


def chunk(*, body: Body = b"", **fields: int) -> bytes:
    """A Chunk frame."""
    return _CHUNK.write(fields, body)


def signal(*, body: Body = b"", **fields: int) -> bytes:
    """A Signal frame."""
    return _SIGNAL.write(fields, body)


def control(*, body: Body = b"", **fields: int) -> bytes:
    """A Control frame."""
    return _CONTROL.write(fields, body)


def log(*, body: Body = b"", **fields: int) -> bytes:
    """A Log frame."""
    return _LOG.write(fields, body)


def fill(template: bytes, call_lo: int, body: Body) -> bytes:
    """The Call frame `template` with another call id and body. Raises ValueError if it is no Call without body."""
    frame = _CALL.read(memoryview(template))
    if frame.kind != CALL or len(frame.body):
        raise ValueError("the template is not a Call without body")
    fields = dict(zip(_CALL.fields, frame[1:-1]))
    del fields["size"]
    return _CALL.write({**fields, "call_lo": call_lo}, body)


# -- values in parts -------------------------------------------------------------------------------------------------


class LargeValue:
    """A value whose big byte strings are kept apart: `head`, then `buffers`."""

    __slots__ = ("_size", "buffers", "head")

    def __init__(self, head: bytes, buffers: Sequence[Any]) -> None:
        self.head = head
        self.buffers = tuple(buffers)
        self._size = len(head) + sum(map(len, self.buffers))

    def __len__(self) -> int:
        return self._size

    def __bytes__(self) -> bytes:
        return b"".join((self.head, *self.buffers))


def apart(frame: bytes, body: List[Any]) -> List[Any]:
    """The pieces of `frame`, which was made without a body, with `body` as its body: what to send one after another, so
    that nothing large is copied first. Raises ValueError for a body that does not fit."""
    length = sum(map(len, body))
    if length > BODY_BYTES_MAX:
        raise ValueError(f"the body of a frame has {length} bytes; at most {BODY_BYTES_MAX} fit")
    padding = -length % 8
    words = (len(frame) - 8 + length + padding) // 8
    head = _PREFIX.pack(0, words) + frame[8:-8] + _POINTER.pack(_BYTES_POINTER | length << 35)
    return [head, *body, bytes(padding)] if padding else [head, *body]


def parts(body: Any) -> Tuple[Any, Iterator[Tuple[int, Any, bool]]]:
    """What the first frame of a value carries, and (offset, part, is it the last) for each chunk that follows."""
    if len(body) <= BODY_BYTES_MAX and not hasattr(body, "buffers"):
        return body, iter(())
    pieces = [body.head, *body.buffers] if hasattr(body, "buffers") else [body]
    cut = _cut(pieces)
    return next(cut), _numbered(cut, len(body))


def _cut(pieces: List[Any]) -> Iterator[List[Any]]:
    """Full bodies, the last one shorter; each a list of views of `pieces`."""
    part: List[Any] = []
    room = BODY_BYTES_MAX
    for piece in pieces:
        view = memoryview(piece)
        while len(view):
            if not room:
                yield part
                part, room = [], BODY_BYTES_MAX
            part.append(view[:room])
            view = view[room:]
            room -= len(part[-1])
    yield part


def _numbered(cut: Iterator[List[Any]], size: int) -> Iterator[Tuple[int, Any, bool]]:
    offset = BODY_BYTES_MAX
    for part in cut:
        end = offset + sum(map(len, part))
        yield offset, part, end == size
        offset = end


class Slots:
    """See `hearth._frames`: without atomic operations every call starts, and the node knows."""

    def __init__(self, fd: int, count: int) -> None:
        self._count = count

    def start(self, slot: int, generation: int) -> bool:
        return True

    def finish(self, slot: int, generation: int) -> bool:
        return True

    def is_cancelled(self, slot: int, generation: int) -> bool:
        return False
