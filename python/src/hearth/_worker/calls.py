"""The call that runs: what the worker knows of it, and what the code inside it may ask for."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import (
    TYPE_CHECKING,
    AbstractSet,
    Any,
    Awaitable,
    ContextManager,
    Dict,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from .. import _frames
from .interrupts import CallCancelled, Seat
from .output import CallOutput
from .waits import Wait

if TYPE_CHECKING:
    from .apps.input_stream import InputStream
    from .apps.reply_stream import ReplyStream
    from .children import Child
    from .loop import Loop
    from .program import LoadedTask

__all__ = ["Call"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_KEPT_BYTES = 64 * 1024  # of arguments, for as long as their call runs
_UNGUARDED: ContextManager[Any] = contextlib.nullcontext()


class _Origin(NamedTuple):
    """What of a Call frame its children need; kept instead of a frame with large arguments."""

    root_hi: int
    root_lo: int
    trace_hi: int
    trace_lo: int
    span: int


class Call:
    """One call in this interpreter. The first part is the `CallRunner` of `hearth._runtime`, for any thread of the
    user's code; the rest belongs to the loop.
    """

    # What most calls never set.
    cancelled = False  # somebody asked for its end
    interrupted = False  # and its code has been told
    ended = False  # its function has returned
    deadline: Optional[float] = None  # of time.monotonic
    seat: Optional[Seat] = None  # the thread that runs it, when it is sync
    future: Any = None  # its asyncio task, when it is async
    waits: AbstractSet[Wait] = frozenset()  # parked while there are any
    children: Optional[Dict[Tuple[int, int], Child]] = None  # unfinished ones
    cache_mode = 0  # how its run uses the cache; its children do the same
    made: Optional[Dict[bytes, int]] = None  # in a run: how many children of each kind it has made (see `names`)
    output: Optional[CallOutput] = None
    streams = False  # its caller takes the reply in parts
    reply_stream: Optional[ReplyStream] = None  # once there is a part
    has_input = False  # its caller says more when it is asked to
    input_stream: Optional[InputStream] = None  # where that arrives

    def __init__(self, loop: Loop, task: LoadedTask, frame: Any) -> None:
        self.loop = loop
        self.task = task
        self.body = frame.body  # encoded arguments; dropped when they are decoded
        self.hi = frame.call_hi
        self.lo = frame.call_lo
        self.depth = frame.depth
        self.attempt = frame.attempt
        self.slot = frame.slot
        self.generation = frame.generation
        if frame.flags:
            self.cache_mode = frame.flags >> _frames.CALL_CACHE_SHIFT & 3
            if frame.flags & _frames.CALL_IN_RUN:
                self.made = {}
            self.streams = bool(frame.flags & _frames.CALL_STREAMS)
            self.has_input = bool(frame.flags & _frames.CALL_INPUT)
        if frame.deadline_ms:
            self.deadline = time.monotonic() + frame.deadline_ms / 1000
        small = len(frame.body) <= _KEPT_BYTES
        self.origin = frame if small else _Origin(*[getattr(frame, name) for name in _Origin._fields])

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
        bits = self.origin.root_lo
        return "r" + "".join(_ALPHABET[bits >> 5 * i & 31] for i in range(12))

    @property
    def call_id(self) -> str:
        """32 hex digits."""
        return f"{self.hi:016x}{self.lo:016x}"

    @property
    def task_name(self) -> str:
        return self.task.name

    @property
    def replica(self) -> str:
        """As the command line writes it: behind the seat of its owner, where that has one."""
        seat, number = divmod(self.loop.link.replica, 1 << 32)
        return f"{seat}.{number}" if seat else str(number)

    @property
    def environment(self) -> str:
        return self.loop.settings.environment

    @property
    def settings(self) -> Any:
        """What the interpreter was configured with."""
        return self.loop.settings

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

    def waits_in(self, loop: Any) -> None:
        """Notes the event loop of the calling thread: if user code of the call runs it, a cancellation goes there."""
        seat = self.seat
        if seat is not None and seat.thread == threading.get_ident():
            seat.loop = loop

    def begin_wait(self, wait: Wait) -> bool:
        """Notes `wait`; whether it is the only one, so that the call parks."""
        if self.waits:
            self.waits.add(wait)  # type: ignore[attr-defined]
            return False
        self.waits = {wait}
        return True

    def check_open(self) -> None:
        """Raises RuntimeError if the call has ended, CallCancelled if it was told to end."""
        if self.ended:
            raise self.over()
        if self.interrupted:
            raise CallCancelled

    def over(self) -> RuntimeError:
        return RuntimeError(f"The call of {self.task.name!r} has ended: what it left running can call no tasks.")
