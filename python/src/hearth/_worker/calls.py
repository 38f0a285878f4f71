"""The call that runs: what the worker knows of it, and what the code inside it may ask for."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, Awaitable, ContextManager, Dict, Mapping, Optional, Sequence, Set, Tuple

from .. import _runtime
from .interrupts import CallCancelled, Seat
from .output import CallOutput
from .waits import Wait

if TYPE_CHECKING:
    from .children import Child
    from .program import LoadedTask

__all__ = ["Call"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_UNGUARDED: ContextManager[Any] = contextlib.nullcontext()


class Call:
    """One call in this interpreter. The first part is the `CallRunner` of `hearth._runtime`, for any thread of the
    user's code; the rest belongs to the loop.
    """

    __slots__ = (
        "attempt", "body", "cancelled", "children", "deadline", "depth", "ended", "future", "generation", "hi",
        "interrupted", "lo", "loop", "output", "parent", "root", "seat", "slot", "task", "trace", "waits",
    )  # fmt: skip

    def __init__(self, loop: Any, task: LoadedTask, frame: Any) -> None:
        self.loop = loop
        self.task = task
        self.body = frame.body  # encoded arguments; dropped when they are decoded
        self.hi = frame.call_hi
        self.lo = frame.call_lo
        self.root = (frame.root_hi, frame.root_lo)
        self.parent = (frame.parent_hi, frame.parent_lo)
        self.depth = frame.depth
        self.attempt = frame.attempt
        self.slot = frame.slot
        self.generation = frame.generation
        self.trace = (frame.trace_hi, frame.trace_lo, frame.span)
        self.deadline = time.monotonic() + frame.deadline_ms / 1000 if frame.deadline_ms else None
        self.cancelled = False  # somebody asked for its end
        self.interrupted = False  # and its code has been told
        self.ended = False  # its function has returned
        self.seat: Optional[Seat] = None  # the thread that runs it, when it is sync
        self.future: Any = None  # its asyncio task, when it is async
        self.waits: Set[Wait] = set()  # parked while there are any
        self.children: Optional[Dict[Tuple[int, int], Child]] = None  # unfinished ones; made by the first
        self.output: Optional[CallOutput] = None  # made by the first line it prints

    # -- for the code of the call ------------------------------------------------------------------------------------

    def call(self, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        with self.guard():
            return self.loop.call(self, task, args, kwargs)

    def call_async(self, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Awaitable[Any]:
        return self.loop.call_async(self, task, args, kwargs)

    def spawn(self, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Child:
        with self.guard():
            return self.loop.spawn(self, task, args, kwargs)

    def wait_any(self, children: Sequence[Child], timeout: Optional[float] = None) -> None:
        with self.guard():
            self.loop.wait_any(self, children, timeout)

    @property
    def run_name(self) -> str:
        """The name that the node derives from the root's id (core/ids.cpp)."""
        bits = self.root[1]
        return "r" + "".join(_ALPHABET[bits >> 5 * i & 31] for i in range(12))

    @property
    def call_id(self) -> str:
        """32 hex digits."""
        return f"{self.hi:016x}{self.lo:016x}"

    @property
    def task_name(self) -> str:
        return self.task.name

    @property
    def project(self) -> str:
        return self.loop.settings.project

    @property
    def domain(self) -> str:
        return self.loop.settings.domain

    @property
    def version(self) -> str:
        return self.loop.settings.version

    def remaining_ms(self) -> int:
        """Time left until the deadline, at least 1; 0 without one."""
        return 0 if self.deadline is None else max(1, int((self.deadline - time.monotonic()) * 1000))

    # -- output ------------------------------------------------------------------------------------------------------

    def print(self, stream: int, data: bytes) -> None:
        """Takes output of the call; sent with its other frames, at the latest some milliseconds later."""
        with self.guard():
            if self.output is None:
                self.output = self.loop.link.output_of(self)
            if self.output.write(stream, data):
                self.loop.link.flush_later(self.output.flush_lines)
            self.loop.link.outbox.relieve()

    def flush_output(self) -> None:
        """Sends unfinished lines too."""
        with self.guard():
            if self.output is not None:
                self.output.flush()
                self.loop.link.outbox.linger()

    def close_output(self) -> None:
        if self.output is not None:
            self.output.close()

    def labels(self) -> Tuple[str, str, str]:
        """Run, call and task, as log records name them."""
        return self.run_name, self.call_id, self.task.name

    # -- for the loop ------------------------------------------------------------------------------------------------

    def guard(self) -> ContextManager[Any]:
        """Keeps a cancellation out of runtime code in the thread that runs the call."""
        seat = self.seat
        return seat if seat is not None and seat.thread == threading.get_ident() else _UNGUARDED

    def check_open(self) -> None:
        """Raises RuntimeError if the call has ended, CallCancelled if it was told to end."""
        if self.ended:
            raise self.over()
        if self.interrupted:
            raise CallCancelled

    def over(self) -> RuntimeError:
        return RuntimeError(f"The call of {self.task.name!r} has ended: what it left running can call no tasks.")
