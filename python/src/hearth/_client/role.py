"""The reader's role of a connection: whichever thread has it reads the socket for all."""

from __future__ import annotations

import threading
import time
from typing import Callable, List, Optional

from hearth._client.slots import Slot, Waiters

__all__ = ["ReaderRole"]

_LOOK_AGAIN_S = 1.0  # a reader that was interrupted as it left may have woken nobody
_NOT_BLOCKING = (False,)


class ReaderRole:
    """Held by one thread at most; passed on to one that waits."""

    def __init__(self, waiters: Waiters) -> None:
        self._lock = threading.Lock()
        self._waiters = waiters

    @property
    def is_taken(self) -> bool:
        return self._lock.locked()

    def take(self) -> bool:
        """Makes the caller the reader, if there is none."""
        return self._lock.acquire(False)

    def leave(self) -> None:
        """Passes the role on to a thread that waits."""
        self._lock.release()
        self._waiters.wake_one()

    def during(self, work: Callable[[], None]) -> bool:
        """Does `work` as the reader, if there is none; whether that was so. Leaves the role also when it is interrupted
        (Ctrl-C) between two steps of its own."""
        took: List[bool] = []
        try:
            took.extend(map(self._lock.acquire, _NOT_BLOCKING))  # taken and noted in one step of the interpreter
            if took[0]:
                work()
            return took[0]
        finally:
            if True in took:  # not by `leave`: a handler may run as a function is entered
                self._lock.release()
                self._waiters.wake_one()

    def wait(self, slot: Slot, deadline: Optional[float]) -> None:
        """Sleeps until `slot` is ready, the role may be free or `deadline` (time.monotonic) has come. Look at all three."""
        lock = self._waiters.add(slot)
        try:
            if not slot.ready and self.is_taken:
                left = _LOOK_AGAIN_S if deadline is None else max(0.0, deadline - time.monotonic())
                lock.acquire(True, min(left, _LOOK_AGAIN_S))
        finally:
            self._waiters.remove(slot, lock)
            if not self.is_taken:
                self._waiters.wake_one()  # it may have been this thread that was asked to read
