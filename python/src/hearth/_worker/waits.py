"""Waiting for children, and calls that wait to begin."""

from __future__ import annotations

import collections
import threading
from typing import TYPE_CHECKING, Any, Callable, Deque, List, Optional

if TYPE_CHECKING:
    from .calls import Call

__all__ = ["CallQueue", "Wait", "post"]


class Wait:
    """One wait of one thread, or coroutine, of `call`. It fires once: by an answer, a time-out or a cancellation.

    `wake` is called when the waiter may go on: at once while others of its call wait (the call stays parked), else when
    the call has its slot again.
    """

    __slots__ = ("_lock", "call", "deadline", "error", "fired", "ready", "wake")

    def __init__(self, call: Call, wake: Optional[Callable[[], Any]] = None) -> None:
        self.call = call
        self.deadline: Optional[float] = None  # of time.monotonic
        self.error: Optional[BaseException] = None  # instead of an answer
        self.fired = False  # has a reason to go on
        self.ready = False  # may go on
        self._lock = threading.Lock() if wake is None else None
        if self._lock is not None:
            self._lock.acquire()
            wake = self._lock.release
        self.wake: Callable[[], Any] = wake  # type: ignore[assignment]

    def block(self, timeout: float = -1) -> bool:
        """Until `wake`, at most `timeout` seconds (-1: for ever); whether it was called."""
        assert self._lock is not None
        return self._lock.acquire(True, timeout)


def post(loop: Any, wake: Callable[[], None]) -> None:
    """Has the event loop of another thread call `wake`; nothing if that loop is closed, for then nobody waits."""
    try:
        loop.call_soon_threadsafe(wake)
    except RuntimeError:
        if not loop.is_closed():
            raise


class CallQueue:
    """Calls that have not begun: deeper ones first, within a depth in order of arrival."""

    def __init__(self) -> None:
        self._calls: Deque[Call] = collections.deque()

    def __len__(self) -> int:
        return len(self._calls)

    def push(self, call: Call) -> None:
        calls = self._calls
        if not calls or calls[-1].depth >= call.depth:
            calls.append(call)
            return
        shallower: List[Call] = []
        while calls and calls[-1].depth < call.depth:
            shallower.append(calls.pop())
        calls.append(call)
        calls.extend(reversed(shallower))

    def pop(self) -> Optional[Call]:
        """The next call to begin; None if there is none."""
        return self._calls.popleft() if self._calls else None

    def take(self, hi: int, lo: int) -> Optional[Call]:
        """Removes the call of this id and returns it; None if it is not here."""
        for call in self._calls:
            if call.lo == lo and call.hi == hi:
                self._calls.remove(call)
                return call
        return None
