"""The window of a connection: how many calls, and how many bytes of their arguments, may be open at once."""

from __future__ import annotations

import collections
from typing import Deque, Dict

from hearth._client.slots import Slot, Waiters

__all__ = ["Window"]

_SMALL = 1024
"""Bytes of arguments that are not counted: a full window of them is a sixteenth of the bytes a node grants."""


class Window:
    """Counts open calls; those who find no room queue for it. `calls` and `bytes` are what the node grants."""

    __slots__ = ("_open", "_queue", "_sizes", "_used", "_waiters", "bytes", "calls")

    def __init__(self, open_calls: Dict[int, Slot], waiters: Waiters) -> None:
        self.calls = 1
        self.bytes = 0
        self._open = open_calls
        self._waiters = waiters
        self._sizes: Dict[int, int] = {}
        self._used = 0
        self._queue: Deque[Slot] = collections.deque()

    def has_room(self, size: int = 0) -> bool:
        """Whether one more call with `size` bytes of arguments fits. One value may exceed the window alone."""
        return len(self._open) < self.calls and (not self._used or self._used + size <= self.bytes)

    def room(self) -> int:
        """Number of further small calls that fit."""
        return 0 if self._used >= self.bytes > 0 else max(0, self.calls - len(self._open))

    def take(self, lo: int, size: int) -> None:
        """Call `lo` is open with `size` bytes of arguments."""
        if size > _SMALL:
            self._sizes[lo] = size
            self._used += size

    def give_back(self, lo: int) -> None:
        """Call `lo` is open no more."""
        if self._sizes:
            self._used -= self._sizes.pop(lo, 0)

    def queue(self) -> Slot:
        """A slot that becomes ready when there may be room. Look again after this, and `wake` if you give up."""
        slot = Slot()
        self._queue.append(slot)
        return slot

    def wake(self, everybody: bool = False) -> None:
        """Lets as many of the queue look again as there is room for."""
        queue = self._queue
        if not queue:
            return
        count = len(queue) if everybody else min(len(queue), self.room())
        for _ in range(count):
            try:
                slot = queue.popleft()
            except IndexError:  # another thread let it look
                return
            slot.deliver(None)
            self._waiters.wake(slot)
