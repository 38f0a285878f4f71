"""Output of calls: what user code prints is sent as Log frames of the call that printed it.

`sys.stdout` and `sys.stderr` become streams that ask the current context for its call. Outside of a call they write
where they always did; the raw descriptors 1 and 2 are never touched, the node reads them by itself.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, TextIO, Tuple

from .. import _frames, _runtime

if TYPE_CHECKING:
    from .calls import Call

__all__ = ["CallOutput", "install"]

# Text of one Log frame; small enough to share a send with replies, large enough for a page of text.
_FRAME_BYTES = 32 * 1024

_DROPPED_MAX = 0xFFFFFFFF


class CallOutput:
    """What one call has printed and not yet sent. Any thread of the call may write; lines of two threads do not mix.

    `send(stream, dropped, unix_ns, text)` takes one Log frame. Beyond `limit` bytes (0: none) output is counted only.
    """

    __slots__ = ("_dropped", "_left", "_lock", "_partial", "_send", "_stream", "_text", "_waits")

    def __init__(self, limit: int, send: Callable[[int, int, int, bytes], None]) -> None:
        self._lock = threading.Lock()
        self._left = limit if limit > 0 else sys.maxsize
        self._send = send
        self._stream = _frames.STREAM_OUT  # of `_text`
        self._text = bytearray()  # whole lines
        self._partial: Dict[Tuple[int, int], bytes] = {}  # the unfinished line of each thread and stream
        self._dropped = 0
        self._waits = False  # for a flush by the outbox

    def write(self, stream: int, data: bytes) -> bool:
        """Takes `data`; true when the caller must see to a later `flush_lines`, because none was asked for yet."""
        with self._lock:
            if len(data) > self._left:
                self._dropped = min(self._dropped + len(data) - self._left, _DROPPED_MAX)
                data = data[: self._left]
            self._left -= len(data)
            place = (threading.get_ident(), stream)
            if self._partial:
                data = self._partial.pop(place, b"") + data
            end = len(data) if len(data) >= _FRAME_BYTES else data.rfind(b"\n") + 1
            if end < len(data):
                self._partial[place] = data[end:]
            if end:
                self._add(stream, data[:end])
            first = not self._waits
            self._waits = True
            return first

    def flush_lines(self) -> None:
        """Sends the lines that are complete."""
        with self._lock:
            self._waits = False
            self._emit()

    def flush(self) -> None:
        """Sends everything, also unfinished lines."""
        with self._lock:
            self._finish_lines()
            self._emit()

    def close(self) -> None:
        """Sends the rest and, when a limit was reached, how many bytes were dropped. Later output is dropped."""
        with self._lock:
            self._finish_lines()
            self._emit()
            if self._dropped:
                self._send(_frames.STREAM_SYSTEM, self._dropped, time.time_ns(), b"")
            self._left = 0

    def _finish_lines(self) -> None:
        for (_, stream), text in self._partial.items():
            self._add(stream, text)
        self._partial.clear()

    def _add(self, stream: int, text: bytes) -> None:
        if stream != self._stream:
            self._emit()
            self._stream = stream
        self._text += text
        if len(self._text) >= _FRAME_BYTES:
            self._emit()

    def _emit(self) -> None:
        for start in range(0, len(self._text), _FRAME_BYTES):
            self._send(self._stream, 0, time.time_ns(), bytes(self._text[start : start + _FRAME_BYTES]))
        self._text.clear()


def _current() -> Optional[Call]:
    return _runtime.current()  # type: ignore[return-value]  # in an interpreter there are no other runners


class _Bytes(io.BufferedIOBase):
    """The binary side (`sys.stdout.buffer`) of a stream."""

    def __init__(self, stream: int, raw: Any) -> None:
        self._stream = stream
        self._raw = raw

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        call = _current()
        if call is None:
            return int(self._raw.write(data))
        view = bytes(data)
        call.print(self._stream, view)
        return len(view)

    def flush(self) -> None:
        call = _current()
        if call is not None:
            call.flush_output()
        else:
            self._raw.flush()

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def close(self) -> None:
        """Does nothing: the stream serves later calls too."""


class _Text(io.TextIOWrapper):
    """`sys.stdout` or `sys.stderr` of an interpreter."""

    def __init__(self, stream: int, original: TextIO) -> None:
        super().__init__(
            _Bytes(stream, original.buffer),  # type: ignore[arg-type]  # binary enough for what is used of it
            encoding="utf-8",
            errors="backslashreplace",
            newline="\n",
            write_through=True,
        )
        vars(self)["mode"] = "w"
        self._number = stream
        self._original = original

    @property
    def name(self) -> str:
        return str(self._original.name)

    def write(self, text: str) -> int:
        call = _current()
        if call is None:
            return self._original.write(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        call.print(self._number, text.encode("utf-8", "backslashreplace"))
        return len(text)

    def flush(self) -> None:
        if _current() is None:
            self._original.flush()
        else:
            self.buffer.flush()

    def close(self) -> None:
        """Does nothing: the stream serves later calls too."""


def _records(make: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    """Gives each log record `run`, `call` and `task` (empty outside of a call), for formats that name them."""

    def make_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        call = _current()
        record.run, record.call, record.task = ("", "", "") if call is None else call.labels()
        return record

    return make_record


def install() -> None:
    """Replaces the interpreter's streams. Before the user's code is imported: its log handlers keep what they find."""
    for number, name in ((_frames.STREAM_OUT, "stdout"), (_frames.STREAM_ERR, "stderr")):
        original: Any = getattr(sys, name)
        if original is not None:
            original.reconfigure(line_buffering=True, encoding="utf-8", errors="backslashreplace")
            setattr(sys, name, _Text(number, original))
    logging.setLogRecordFactory(_records(logging.getLogRecordFactory()))
