"""Frames on their way to the node, sent together: one system call per turn of the loop."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import Callable, Optional

__all__ = ["Outbox"]

# Frames that wait while user code runs are sent after one to two of these (seconds): a caller hardly notices, and a
# stream of calls of some microseconds still shares its sends.
_LINGER = 0.001

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
        self._frames: list[bytes] = []
        self._bytes = 0
        self._rest = b""  # of a send that the socket took in part
        self._turn = threading.Lock()  # one sender at a time, so that frames do not mix
        self._before: list[Callable[[], None]] = []  # called once by the next flush
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
            before, self._before = self._before, []
            for produce in before:
                produce()
        with self._turn:
            frames, self._frames = self._frames, []
            self._bytes = 0
            self._flushes += 1
            data = frames[0] if len(frames) == 1 else b"".join(frames)
            if self._rest:
                data = self._rest + data
                self._rest = b""
            if data:
                self._send(data)

    def _send(self, data: bytes) -> None:
        try:
            if self.blocked is None:
                self._sock.sendall(data)
                return
            sent = self._sock.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        except (BrokenPipeError, ConnectionResetError):
            os._exit(0)
        if sent < len(data):
            self._rest = data[sent:]
            self.blocked()

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
