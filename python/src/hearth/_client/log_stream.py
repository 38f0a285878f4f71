"""Output of runs, line by line, over a connection of its own: a slow reader of logs holds up nobody's calls."""

from __future__ import annotations

import codecs
import collections
import dataclasses
from typing import Any, Deque, Dict, Iterator, Tuple

from hearth._client import ids, shared
from hearth._client.slots import Request

__all__ = ["Line", "LineSplitter", "LogStream"]

_STREAMS = {1: "out", 2: "err", 3: "system"}


@dataclasses.dataclass(frozen=True)
class Line:
    """One line that a call printed.

    Attributes:
        text: without the end of the line.
        stream: "out", "err", or "system" for what node and interpreter say about the call.
        action: id of the call, "" when the text belongs to none.
        unix_ns: when it was written, in nanoseconds since 1970.
        replica: number of the replica.
    """

    text: str
    stream: str
    action: str
    unix_ns: int
    replica: int


class LineSplitter:
    """Makes lines of Log frames, whose text begins and ends anywhere; one unfinished line per call and stream."""

    def __init__(self) -> None:
        self._unfinished: Dict[Tuple[Any, ...], Tuple[Any, str, Any]] = {}

    def add(self, frame: Any) -> Iterator[Line]:
        """The lines that `frame` completes."""
        key = (frame.call_hi, frame.call_lo, frame.flags, frame.replica)
        found = self._unfinished.pop(key, None)
        decoder = found[0] if found else codecs.getincrementaldecoder("utf-8")("replace")
        before = found[1] if found else ""
        if frame.dropped:
            yield _line(frame, f"[{frame.dropped:,} bytes of output were dropped here: the limit is reached]", 3)
        *whole, rest = (before + decoder.decode(bytes(frame.body))).split("\n")
        for text in whole:
            yield _line(frame, text)
        if rest or decoder.getstate()[0]:
            self._unfinished[key] = (decoder, rest, frame)

    def rest(self) -> Iterator[Line]:
        """What is unfinished, at the end."""
        for decoder, text, frame in self._unfinished.values():
            yield _line(frame, text + decoder.decode(b"", True))
        self._unfinished.clear()


def _line(frame: Any, text: str, stream: int = 0) -> Line:
    action = ids.text(frame.call_hi, frame.call_lo) if frame.call_hi or frame.call_lo else ""
    return Line(text.rstrip("\r"), _STREAMS.get(stream or frame.flags, "system"), action, frame.unix_ns, frame.replica)


class _Feed(Request):
    """A `logs` request; ready whenever there is something to hand out."""

    __slots__ = ("arrived",)

    def __init__(self) -> None:
        super().__init__()
        self.arrived: Deque[Any] = collections.deque()

    def log(self, frame: Any) -> None:
        """Called by the reader for each Log frame."""
        self.arrived.append(frame)
        self.ready = True


class LogStream:
    """The lines of run `of` (or of "replica/<number>") at the node at `path`: iterate once, in one thread.

    Parameters:
        action: only lines of this call; "": all.
        follow: go on until the run has ended; else what is kept is all.
        limit: the last so many lines; 0: all that is kept.

    Raises what the node's error means, and NodeUnavailableError.
    """

    def __init__(self, path: str, of: str, action: str = "", follow: bool = True, limit: int = 0) -> None:
        self._connection = shared.separate_connection(path)
        self._feed = _Feed()
        self._connection.feeds.append(self._feed)
        asked = {"of": of, "action": action, "follow": follow, "lines": limit}
        self._connection.request("logs", asked, self._feed)
        self._lines = self._read()

    def __iter__(self) -> LogStream:
        return self

    def __next__(self) -> Line:
        return next(self._lines)

    def close(self) -> None:
        """Ends the stream, from any thread; one that waits for the next line gets NodeUnavailableError."""
        self._connection.close()

    def _read(self) -> Iterator[Line]:
        feed, splitter = self._feed, LineSplitter()
        try:
            while True:
                self._connection.wait(feed)
                ended = feed.reply is not None
                feed.ready = ended
                while feed.arrived:
                    yield from splitter.add(feed.arrived.popleft())
                if ended:
                    yield from splitter.rest()
                    feed.answer()
                    return
        finally:
            self._connection.close()
