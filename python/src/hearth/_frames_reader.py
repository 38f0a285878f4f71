"""Reading frames in plain Python, as `hearth._frames` says."""

from __future__ import annotations

import struct
from typing import Any, Dict, List, Optional, Tuple

from hearth._frames_py import (
    BUFFERS_MAX,
    CALL,
    CHUNK,
    CHUNK_OF_REPLY,
    FRAME_BYTES_MAX,
    LAYOUTS,
    REPLY,
    VALUE_BYTES_MAX,
    LargeValue,
)

__all__ = ["Reader", "table_of"]

_RECEIVE_BYTES = 256 * 1024
_PREFIX = struct.Struct("<II")


def table_of(value: memoryview) -> Optional[Tuple[int, List[int]]]:
    """Where the document begins, and the lengths in the table of a value with buffers; None if `value`, which may be
    the beginning of one, has no complete table. Raises ValueError."""
    if value[:3] != b"\xd9\xbe\x00":
        return None
    lengths: List[int] = []
    at, count = 3, -1
    while count < 0 or len(lengths) < count:
        if at >= len(value):
            return None
        major, info = value[at] >> 5, value[at] & 31
        width = 0 if info < 24 else 1 << info - 24
        if width > 8 or at + 1 + width > len(value):
            if width > 8:
                raise ValueError("a table of buffers with an impossible length")
            return None
        number = int.from_bytes(value[at + 1 : at + 1 + width], "big") if width else info
        at += 1 + width
        if count < 0:
            if major != 4 or not 1 <= number <= BUFFERS_MAX + 1:
                raise ValueError("a table of buffers that is no array, or too long")
            count = number
        elif major > 1 or number > VALUE_BYTES_MAX or (major and not lengths):
            raise ValueError("a table of buffers with an impossible length")
        else:
            lengths.append(-1 - number if major else number)
    return at, lengths


class _Value:
    """A value on its way in: memory for all of it, filled from the beginning."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame
        self.filled = 0
        table = table_of(frame.body)
        if table is None:
            self.kinds: List[Any] = [bytes]
            lengths = [frame.size]
        else:
            start, entries = table
            self.kinds = [bytes] + [bytes if entry >= 0 else bytearray for entry in entries[1:]]
            lengths = [entry if entry >= 0 else -1 - entry for entry in entries]
            lengths[0] += start
            if sum(lengths) != frame.size:
                raise ValueError("a value whose buffers have not the length that its table says")
        self._memory = [bytearray(length) for length in lengths]
        self._views = [memoryview(memory) for memory in self._memory]

    def add(self, body: memoryview) -> bool:
        """Takes the next part; whether it was the last. Raises ValueError."""
        if len(body) > self.frame.size - self.filled:
            raise ValueError("a value that is longer than it says")
        self.filled += len(body)
        while len(body):
            while not len(self._views[0]):
                self._views.pop(0)
            view = self._views[0]
            count = min(len(view), len(body))
            view[:count] = body[:count]
            self._views[0], body = view[count:], body[count:]
        return bool(self.filled == self.frame.size)

    def finish(self) -> Any:
        self._views.clear()
        made = [kind(memory) if kind is bytes else memory for kind, memory in zip(self.kinds, self._memory)]
        body = made[0] if len(made) == 1 else LargeValue(made[0], made[1:])
        return self.frame._replace(body=body)


class Reader:
    """See `hearth._frames`."""

    def __init__(self, sock: Any, patience_us: int = 0) -> None:
        self._sock = sock
        self._buffer = bytearray()
        self._values: Dict[Tuple[int, int, int], _Value] = {}

    def read(self, into: Any, flags: int = 0) -> bool:
        data = self._sock.recv(_RECEIVE_BYTES, flags)
        if data:
            self.feed(data, into)
        return bool(data)

    def feed(self, data: bytes, into: Any) -> None:
        buffer = self._buffer
        buffer += data
        view = memoryview(buffer)
        at = 0
        try:
            while len(view) - at >= 8:
                end = at + self._length(view[at : at + 8])
                if end > len(view):
                    break
                frame = self._whole(self._frame(view[at:end]))
                if frame is not None:
                    into.append(frame)
                at = end
        finally:
            view.release()
        del buffer[:at]

    def forget(self, call_hi: int, call_lo: int) -> None:
        for of in (CALL, REPLY):
            self._values.pop((call_hi, call_lo, of), None)

    @staticmethod
    def _length(prefix: memoryview) -> int:
        segments, words = _PREFIX.unpack(prefix)
        if segments:
            raise ValueError(f"bytes that do not begin a frame: {prefix.hex()}")
        if not 3 <= words <= (FRAME_BYTES_MAX - 8) // 8:
            raise ValueError(f"a frame of {8 + 8 * words} bytes; {32} to {FRAME_BYTES_MAX} are possible")
        return int(8 + 8 * words)

    @staticmethod
    def _frame(frame: memoryview) -> Any:
        kind = frame[16] | frame[17] << 8
        layout = LAYOUTS.get(kind)
        if layout is None:
            raise ValueError(f"a frame of the unknown kind {kind}")
        return layout.read(frame)

    def _whole(self, frame: Any) -> Any:
        """The frame, with the value that it begins or completes; None while chunks are missing."""
        kind = frame.kind
        if kind == CHUNK and not frame.request:
            key = (frame.call_hi, frame.call_lo, REPLY if frame.flags & CHUNK_OF_REPLY else CALL)
            value = self._values.get(key)
            if value is None:
                return None
            if frame.offset != value.filled:
                raise ValueError(f"a chunk at {frame.offset} of a value of which {value.filled} bytes are here")
        elif kind in (CALL, REPLY):
            if not len(frame.body) <= frame.size <= VALUE_BYTES_MAX:
                raise ValueError(f"a value of {frame.size} bytes in a frame with a body of {len(frame.body)}")
            key = (frame.call_hi, frame.call_lo, kind)
            if self._values:
                self._values.pop(key, None)
            value = _Value(frame)
        else:
            return frame._replace(body=bytes(frame.body))
        if value.add(frame.body):
            self._values.pop(key, None)
            return value.finish()
        value.frame = value.frame._replace(body=None)
        self._values[key] = value
        return None
