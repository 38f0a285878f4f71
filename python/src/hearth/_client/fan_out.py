"""Many calls of one task over the connection of a program: the engine of `hearth.map`.

`FanOut` is itself the slot of all its calls. It keeps as many open as the window allows, sends them in batches, and
sends again what a full queue refused. It never waits: whoever drives it does that in between.
"""

from __future__ import annotations

import collections
import itertools
import time
from typing import TYPE_CHECKING, Any, Deque, Dict, Iterator, List, Optional, Tuple

from hearth._client import calls, environments
from hearth._client.call_slot import lost
from hearth._client.environments import Target
from hearth._client.slots import Slot
from hearth._codes import Code
from hearth._values.memory import owned
from hearth.errors import BaseRuntimeError

if TYPE_CHECKING:
    from hearth._client.connection import Connection

__all__ = ["FanOut"]

_BATCH = 256
"""Calls sent together, and results taken together: system calls get cheap, and the node is not kept waiting."""

_REFUSED_PAUSE = 0.2
"""Seconds after which a call that a full queue refused is sent again: what a node asks refused callers to wait."""

_QUEUE_FULL = int(Code.QUEUE_FULL)


class FanOut(Slot):
    """Calls of `target` with each of `inputs` (arguments by name), at most `limit` at once; 0: what the window takes.

    Results come in the order of the inputs, or with `ordered` False as calls end.
    """

    __slots__ = (
        "_arrived", "_bodies", "_cap", "_connection", "_inputs", "_limit", "_more", "_next", "_open", "_ordered",
        "_refused", "_results", "_retry_at", "_sent", "_target",
    )  # fmt: skip

    def __init__(
        self, connection: Connection, target: Target, inputs: Iterator[Dict[str, Any]], limit: int, ordered: bool
    ) -> None:
        super().__init__()
        self._connection = connection
        self._target = target
        self._inputs = inputs
        self._ordered = ordered
        self._cap = connection.window.calls  # open calls and results that wait to be taken, together
        self._limit = min(limit or self._cap, self._cap)
        self._arrived: Deque[Any] = collections.deque()  # replies, as the reader left them
        self._open: Dict[int, int] = {}  # low word of the id -> index
        self._bodies: Dict[int, Any] = {}  # encoded arguments of open and refused calls, by index
        self._refused: Deque[int] = collections.deque()
        self._retry_at = 0.0
        self._results: Dict[int, Any] = {}  # replies to be taken, by index
        self._sent = 0  # indexes given out
        self._next = 0  # index of the next result in order
        self._more = True  # there are further inputs

    @property
    def task_name(self) -> str:
        """For those who tell about open calls."""
        return self._target.task.name

    def deliver(self, reply: Any) -> None:
        """Called for each call by whoever reads the socket."""
        self._arrived.append(reply)
        super().deliver(None)

    @property
    def finished(self) -> bool:
        """Whether every result was taken."""
        return not (self._more or self._bodies or self._results)

    @property
    def pause(self) -> Optional[float]:
        """Seconds after which refused calls are due again; None without any."""
        return max(0.001, self._retry_at - time.monotonic()) if self._refused else None

    # -- out ---------------------------------------------------------------------------------------------------------

    def fill(self) -> bool:
        """Sends what limit and window allow. False if nothing is open or waits to be taken although there is more to
        send: then the driver waits for room in the window.

        Raises what the inputs raise, and NodeUnavailableError.
        """
        while True:
            batch = self._batch()
            if not batch:
                return bool(self._open or self._results or self._refused or not self._more)
            self._send(batch)

    def _batch(self) -> List[Tuple[int, Any]]:
        room = self._room()
        batch: List[Tuple[int, Any]] = []
        if self._refused and time.monotonic() >= self._retry_at:
            while self._refused and len(batch) < room:
                index = self._refused.popleft()
                batch.append((index, self._bodies[index]))
        room -= len(batch)
        if not self._more or room <= 0 or self._refused:
            return batch
        encode, has_room = self._target.codec.encode_arguments, self._connection.window.has_room
        taken = 0
        for arguments in itertools.islice(self._inputs, room):
            taken += 1
            index = self._sent
            self._sent += 1
            try:
                body = owned(encode(arguments))  # the next input may fill the same memory, and this may be sent again
            except BaseRuntimeError as error:  # of this input alone: it takes the place of its result
                self._results[index] = error
                continue
            self._bodies[index] = body
            batch.append((index, body))
            if len(body) > 1024 and not has_room(len(body)):
                return batch
        self._more = taken == room
        return batch

    def _room(self) -> int:
        window = self._connection.window
        room = window.room()
        free = room - window.calls // 16  # the rest is left to single calls of other threads
        if not self._open and room:
            free = max(1, free)
        return min(_BATCH, free, self._limit - len(self._open), self._cap - len(self._bodies) - len(self._results))

    def _send(self, batch: List[Tuple[int, Any]]) -> None:
        connection, target = self._connection, self._target
        frames: List[Any] = []
        for index, body in batch:
            lo = connection.next_lo()
            connection.register(lo, self, len(body))
            self._open[lo] = index
            if calls.is_small(body):
                frames.append(target.frame(lo, body))
            else:
                connection.send_parts(calls.frames(connection, target, (connection.call_hi, lo), body))
        if frames:
            connection.send(b"".join(frames))

    # -- in ----------------------------------------------------------------------------------------------------------

    def take(self) -> List[Any]:
        """Up to a batch of results to hand out: replies, or exceptions in their place.

        Raises NodeUnavailableError if the connection ended.
        """
        self.ready = False  # first: what arrives from now on makes it ready again
        self._sort_arrived()
        results = self._results
        if not self._ordered:
            return [results.pop(index) for index in list(itertools.islice(results, _BATCH))]
        taken: List[Any] = []
        index = self._next
        while index in results and len(taken) < _BATCH:
            taken.append(results.pop(index))
            index += 1
        self._next = index
        return taken

    def _sort_arrived(self) -> None:
        arrived, opened, bodies, results = self._arrived, self._open, self._bodies, self._results
        while arrived:
            reply = arrived.popleft()
            if isinstance(reply, BaseException):
                raise lost(reply, self.task_name)
            index = opened.pop(reply.call_lo, -1)
            if index < 0:
                continue
            if reply.code == _QUEUE_FULL:
                self._refused.append(index)
                self._retry_at = time.monotonic() + _REFUSED_PAUSE
                continue
            del bodies[index]
            if reply.code and environments.is_closed(reply):
                reply = environments.closed(self._connection, self._target)
            results[index] = reply

    def close(self) -> None:
        """Cancels what is open."""
        self._more = False
        for lo in list(self._open):
            self._connection.cancel(lo, "the map was ended")
        self._open.clear()
