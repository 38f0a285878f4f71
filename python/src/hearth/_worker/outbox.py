"""Frames on their way to the node, sent together: one system call per turn of the loop."""

from __future__ import annotations

import collections
import os
import socket
import threading
import time
from typing import Any, Callable, Deque, List, Optional

__all__ = ["Outbox"]

# Frames that wait while user code runs are sent after one to two of these (seconds): a caller hardly notices, and a
# stream of calls of some microseconds still shares its sends.
_LINGER = 0.001

# Frames from this size on are sent as they are, without being copied together with others.
_ALONE = 64 * 1024

# Unsent bytes beyond which a frame is sent at once.
_BYTES_MAX = 256 * 1024


class Outbox:
    """Collects frames of any thread. `flush` sends them all; `linger` promises that somebody will.

    With `blocked` set, nothing waits for a full socket: `blocked` is called, and `flush` must be called again when
    there is room. The process ends when the node is gone.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.blocked: Optional[Callable[[], object]] = None
        # Never exchanged for another, only emptied from the left: a thread may be about to append.
        self._frames: Deque[bytes] = collections.deque()
        self._before: Deque[Callable[[], None]] = collections.deque()  # called once by the next flush
        self._bytes = 0  # in `_frames`, roughly
        self._pieces: Deque[Any] = collections.deque()  # taken from `_frames` and not yet taken by the socket
        self._turn = threading.Lock()  # one sender at a time, so that frames do not mix
        self._flushes = 0
        self._closed = False
        self._watching = False
        self._wake: Optional[threading.Semaphore] = None

    def __bool__(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._frames or self._before)

    def put(self, frame: bytes) -> None:
        """Keeps `frame` for the next flush, which the caller sees to. Never blocks."""
        self._frames.append(frame)
        self._bytes += len(frame)

    def relieve(self) -> None:
        """Flushes if much waits."""
        if self._bytes > _BYTES_MAX:
            self.flush()

    def before_flush(self, produce: Callable[[], None]) -> None:
        """Calls `produce`, which may put frames, at the next flush."""
        self._before.append(produce)

    def flush(self) -> None:
        """Sends what waits. Blocks while the socket is full, unless `blocked` was given."""
        if self._closed:
            return
        while self._before:  # outside of the turn: these take locks of their own
            try:
                produce = self._before.popleft()
            except IndexError:  # another thread was faster
                break
            produce()
        with self._turn:
            self._bytes = 0
            self._flushes += 1
            self._gather()
            try:
                self._send()
            except (BrokenPipeError, ConnectionResetError):
                os._exit(0)

    def _gather(self) -> None:
        """Moves the frames to what is being sent; small ones in one piece."""
        take = self._frames.popleft
        small: List[bytes] = []
        for _ in range(len(self._frames)):
            frame = take()
            if len(frame) < _ALONE:
                small.append(frame)
                continue
            self._pieces.extend((b"".join(small), frame) if small else (frame,))
            small = []
        if small:
            self._pieces.append(small[0] if len(small) == 1 else b"".join(small))

    def _send(self) -> None:
        pieces = self._pieces
        while pieces:
            if self.blocked is None:
                self._sock.sendall(pieces[0])
                pieces.popleft()
                continue
            try:
                sent = self._sock.send(pieces[0], socket.MSG_DONTWAIT)
            except BlockingIOError:
                self.blocked()
                return
            if sent == len(pieces[0]):
                pieces.popleft()
            else:
                pieces[0] = memoryview(pieces[0])[sent:]

    def close(self) -> None:
        """Nothing is sent any more."""
        self._closed = True

    def linger(self) -> None:
        """What waits is sent within some milliseconds, also while user code keeps the calling thread."""
        if self._watching or self._closed:
            return
        self._watching = True
        if self._wake is None:
            self._wake = threading.Semaphore(0)
            threading.Thread(target=self._watch, name="hearth-flush", daemon=True).start()
        self._wake.release()

    def _watch(self) -> None:
        assert self._wake is not None
        while True:
            self._wake.acquire()
            quiet = False
            while not quiet:  # goes on through a stream of flushes: to be woken for each would cost more
                seen = self._flushes
                time.sleep(_LINGER)
                quiet = self._flushes == seen
                if quiet and self:
                    self.flush()
            self._watching = False
            if self:  # put between the last look and the line above
                self.linger()
