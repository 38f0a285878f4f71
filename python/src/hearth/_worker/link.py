"""The socket between a replica and its node: frames in, frames out, the slot table beside it."""

from __future__ import annotations

import itertools
import json
import os
import select
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, List, Mapping, NoReturn, Optional, Tuple

from .. import _frames, _runtime
from .outbox import Outbox
from .output import CallOutput

if TYPE_CHECKING:
    from .calls import Call
    from .children import Child
    from .execution import Outcome
    from .settings import Settings, Start

__all__ = ["Link"]

PROTOCOL = 1

# Values up to this are one frame and one piece, without a look at them.
_SMALL_BYTES = 4096

# Characters of a reason not to serve: it travels in one frame, and a person reads it.
_FAILURE_MAX = 10_000


class Link:
    """Reads and writes whole frames. Ends the process when the node is gone.

    `read` belongs to one thread at a time, everything else to any.
    """

    def __init__(self, sock: socket.socket, slots: Any, start: Start, settings: Settings) -> None:
        self.slots = slots
        self.socket = sock
        self.outbox = Outbox(sock)
        self._settings = settings
        self.replica = start.replica
        self._reader = _frames.Reader(sock)
        self._reading = threading.Lock()
        self._poked, self._poke = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._poll.register(self._poked, select.POLLIN)
        # Children share the time-ordered half of their ids; the random half counts on from a random number.
        unix_ms = time.time_ns() // 1_000_000
        random = int.from_bytes(os.urandom(10), "big")
        # The node has closed the socket: in the thread that reads, which may return.
        self.ended: Callable[[], None] = lambda: os._exit(0)
        self._id_hi = unix_ms << 16 | 0x7000 | random >> 64 & 0xFFF
        self._id_lo = itertools.count(1 << 63 | random & (1 << 61) - 1)

    # -- in ----------------------------------------------------------------------------------------------------------

    def read(self, pokable: bool, timeout: Optional[float] = None) -> List[Any]:
        """Waits for frames. With `pokable`, also until `poke` or for `timeout` seconds; then there may be none."""
        with self._reading:
            if pokable:
                ready = dict(self._poll.poll(None if timeout is None else timeout * 1000))
                if self._poked in ready:
                    os.read(self._poked, 4096)
                if self.socket.fileno() not in ready:
                    return []
            arrived = self._receive(0)
        return self._until_end(arrived)

    def read_ready(self) -> List[Any]:
        """The frames that are here already; none if another thread reads."""
        if not self._reading.acquire(False):
            return []
        try:
            arrived = self._receive(socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        finally:
            self._reading.release()
        return self._until_end(arrived)

    def _until_end(self, arrived: Optional[List[Any]]) -> List[Any]:
        if arrived is None:
            self.ended()
            return []
        return arrived

    def _receive(self, flags: int) -> Optional[List[Any]]:
        """None at the end of the socket."""
        arrived: List[Any] = []
        try:
            if not self._reader.read(arrived, flags):
                return None
        except (ConnectionResetError, BrokenPipeError):
            os._exit(0)
        except ValueError as error:
            self.broken(error)
        return arrived

    def broken(self, error: Exception) -> NoReturn:
        """The node sent what it never should: nothing that follows can be trusted."""
        self.give_up(f"its node sent what cannot be understood: {error}")

    @staticmethod
    def give_up(why: str) -> NoReturn:
        """Ends the process; the reason goes to its own stderr, which the node keeps."""
        os.write(2, f"hearth: the replica ends, because {why}\n".encode())
        os._exit(1)

    def poke(self) -> None:
        """Ends a `read` that is `pokable`, or the next one. Also from a signal handler."""
        try:
            os.write(self._poke, b"!")
        except BlockingIOError:  # enough pokes are waiting already
            pass

    @staticmethod
    def response(frame: Any) -> Tuple[int, Mapping[str, Any]]:
        """Request number and content of a Control response."""
        return frame.request, json.loads(bytes(frame.body))

    # -- out: kept for the next flush --------------------------------------------------------------------------------

    def hello(self, failure: str = "") -> None:
        """Says that the replica is ready; or that it cannot serve, and why."""
        version = ".".join(map(str, sys.version_info[:3]))
        hello = {"protocol": PROTOCOL, "program": "replica", "pid": os.getpid(), "version": version}
        if failure:
            hello["failure"] = failure[:_FAILURE_MAX]
        self.request(0, {"hello": hello})
        self.outbox.flush()

    def request(self, number: int, content: Mapping[str, Any]) -> None:
        self.outbox.put(_frames.control(request=number, body=json.dumps(content).encode()))

    def reply(self, call: Call, outcome: Outcome, unstarted: bool = False) -> None:
        """Answers `call`: its slot is done first, so that the node never sees a Reply of a call that still runs."""
        self.slots.finish(call.slot, call.generation)
        flags, code, body, run_ns = outcome
        rest: Any = ()
        size = len(body)
        if size > _SMALL_BYTES:
            body, rest = _frames.parts(body)
        put = self.outbox.put
        put(
            _frames.reply(
                flags=flags | _frames.REPLY_UNSTARTED if unstarted else flags,
                code=code,
                attempt=call.attempt,
                slot=call.slot,
                generation=call.generation,
                call_hi=call.hi,
                call_lo=call.lo,
                size=size,
                run_ns=run_ns,
                body=body,
            )
        )
        for offset, part, last in rest:
            flags = _frames.CHUNK_OF_REPLY | (_frames.CHUNK_LAST if last else 0)
            put(_frames.chunk(flags=flags, call_hi=call.hi, call_lo=call.lo, offset=offset, body=part))
            self.outbox.relieve()
        if size > _SMALL_BYTES:
            self.outbox.relieve()

    def part(self, call: Call, offset: int, data: bytes) -> None:
        """A part of the reply of `call`, whose parts before it have `offset` bytes."""
        self.outbox.put(
            _frames.chunk(
                flags=_frames.CHUNK_OF_STREAM,
                request=call.slot + 1,
                call_hi=call.hi,
                call_lo=call.lo,
                offset=offset,
                body=data,
            )
        )

    def new_id(self) -> Tuple[int, int]:
        return self._id_hi, next(self._id_lo)

    def call(self, child: Child, handle: int, index: int, parks: bool) -> None:
        parent = child.parent
        origin = parent.origin
        body, child.body = child.body, b""
        first, rest = _frames.parts(body)
        put = self.outbox.put
        put(
            _frames.call(
                flags=parent.cache_mode << _frames.CALL_CACHE_SHIFT | (_frames.CALL_PARKS if parks else 0),
                depth=parent.depth + 1,
                environment=handle,
                task=index,
                call_hi=child.hi,
                call_lo=child.lo,
                root_hi=origin.root_hi,
                root_lo=origin.root_lo,
                parent_hi=parent.hi,
                parent_lo=parent.lo,
                deadline_ms=parent.remaining_ms(),
                trace_hi=origin.trace_hi,
                trace_lo=origin.trace_lo,
                span=origin.span,
                size=len(body),
                body=first,
            )
        )
        for offset, part, last in rest:
            flags = _frames.CHUNK_LAST if last else 0
            put(_frames.chunk(flags=flags, call_hi=child.hi, call_lo=child.lo, offset=offset, body=part))
            self.outbox.relieve()

    def parked(self, call: Call) -> None:
        self._signal(_frames.PARKED, call)

    def resumed(self, call: Call) -> None:
        self._signal(_frames.RESUMED, call)

    def more(self, call: Call, size: int) -> None:
        """There is room for `size` bytes more of the input of `call`."""
        self._signal(_frames.MORE, call, size)

    def _signal(self, what: int, call: Call, value: int = 0) -> None:
        self.outbox.put(
            _frames.signal(
                what=what, slot=call.slot, generation=call.generation, call_hi=call.hi, call_lo=call.lo, value=value
            )
        )

    def cancel(self, child: Child) -> None:
        self.outbox.put(_frames.signal(what=_frames.CANCEL, call_hi=child.hi, call_lo=child.lo))
        self.outbox.linger()

    def output_of(self, call: Call) -> CallOutput:
        """Where `call` prints."""
        put, hi, lo, replica = self.outbox.put, call.hi, call.lo, self.replica

        def send(stream: int, dropped: int, unix_ns: int, text: bytes) -> None:
            put(
                _frames.log(
                    flags=stream, dropped=dropped, call_hi=hi, call_lo=lo, unix_ns=unix_ns, replica=replica, body=text
                )
            )

        return CallOutput(self._settings.output_bytes_max, send)

    def flush_later(self, produce: Callable[[], None]) -> None:
        """Has the next flush, within some milliseconds, call `produce` first."""
        self.outbox.before_flush(produce)
        self.outbox.linger()

    def disown(self) -> None:
        """In a process that user code forked: the node belongs to its parent, and it is no part of any call.

        What it prints goes to the interpreter's own streams. It ends where it would go on as a replica.
        """
        self.socket.close()
        self.outbox.close()
        _runtime.enter(None)  # type: ignore[arg-type]
        self.reply = lambda *_: os._exit(0)  # type: ignore[assignment]

    def flush_all(self) -> None:
        """Sends what waits, and waits until it is sent."""
        self.outbox.blocked = None
        self.outbox.flush()

    @staticmethod
    def leave() -> NoReturn:
        """Ends the process."""
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
