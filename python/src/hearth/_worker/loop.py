"""What both loops share: frames of the node become calls to run, answers of children and requests to stop."""

from __future__ import annotations

import contextvars
import threading
from typing import Any, Callable, Coroutine, Iterable, List, Mapping, NoReturn, Optional, Sequence, Tuple

from .. import _codes, _frames, errors
from .calls import Call
from .children import Child, Children
from .execution import text_failure
from .hooks import Runner
from .interrupts import Seat, running_loop
from .link import Link
from .loading import LoadFailure
from .program import Program
from .waits import CallQueue, Wait

__all__ = ["RESTING_MAX", "Loop", "refuse_in_event_loop"]


# Threads that rest until they are needed. Deep recursion needs many at once, and then none of them for long.
RESTING_MAX = 8


class Loop:
    """Base of `SyncLoop` and `AsyncLoop`."""

    def __init__(self, link: Link, program: Program, fresh: bool) -> None:
        self.link = link
        self.settings = program.settings
        self._program = program
        self._outbox = link.outbox
        self._fresh = fresh
        self._children = Children(link, program)
        self._queue = CallQueue()  # calls that have not begun
        self._context = contextvars.copy_context()  # what the user's code left that ran before the first call
        self._seats: List[Seat] = []  # threads that run sync calls
        self._asked = False  # to interrupt
        self._interrupting = False

    def serve(self) -> NoReturn:
        """Runs calls until the node's socket ends, and the process with it. In the main thread."""
        raise NotImplementedError

    def _say_hello(self, run: Runner) -> None:
        """Runs what comes before the first call, and tells the node; ends the process if that fails."""
        try:
            self._program.hooks.start(run)
        except LoadFailure as failure:
            self.link.outbox.blocked = None
            self.link.hello(str(failure))
            self.link.leave()
        self._context = contextvars.copy_context()
        self.link.hello()

    def start_thread(self, work: Callable[[Call], None], call: Optional[Call]) -> None:
        """A thread of the loop, without the context of whoever needs it. Ends the process when there can be none."""
        thread = threading.Thread(target=work, args=(call,), name="hearth-call", daemon=True)
        try:
            contextvars.Context().run(thread.start)
        except RuntimeError as error:
            self.link.give_up(f"it needs one more thread for a call that runs while its parent waits, and {error}")

    # -- frames of the node ------------------------------------------------------------------------------------------

    def _take(self, frames: Iterable[Any]) -> None:
        """Sorts what arrived. Ends the process for what no node sends."""
        try:
            self._sort(frames)
        except (ValueError, KeyError) as error:
            self.link.broken(error)

    def _sort(self, frames: Iterable[Any]) -> None:
        for frame in frames:
            kind = frame.kind
            if kind == _frames.CALL:
                self._queue.push(Call(self, self._program.task(frame.task), frame))
            elif kind == _frames.REPLY:
                child = self._children.answered(frame)
                if child is not None:
                    self._fire_all(child)
            elif kind == _frames.SIGNAL:
                self._signal(frame)
            elif kind == _frames.CONTROL:
                for child in self._children.opened(*self.link.response(frame)):
                    self._fire_all(child)
            elif kind == _frames.CHUNK and frame.flags & _frames.CHUNK_OF_STREAM:
                self._input(frame.call_hi, frame.call_lo, bytes(frame.body), bool(frame.flags & _frames.CHUNK_LAST))
            else:
                raise ValueError(f"frame of kind {kind}, which no node sends to an interpreter")

    def _signal(self, frame: Any) -> None:
        waiting = self._queue.take(frame.call_hi, frame.call_lo)
        if frame.what == _frames.RECALLED or waiting is not None:
            if waiting is not None and frame.what == _frames.CANCEL:
                self._refuse(waiting)
        elif frame.what == _frames.CANCEL:
            self._stop(frame.call_hi, frame.call_lo)
        elif frame.what == _frames.MORE:
            self._taken(frame.call_hi, frame.call_lo, frame.value)

    def _refuse(self, call: Call) -> None:
        """Answers a call that has not begun, unless the node took it back through the slot table."""
        if self.link.slots.start(call.slot, call.generation):
            self.link.reply(call, text_failure(_codes.Code.ABORTED, "The call was aborted before it began."), True)

    def _fire_all(self, child: Child) -> None:
        """`child` has ended: whoever waits for it may go on."""
        for wait in child.waits:
            self._fire(wait, None)

    def _fire(self, wait: Wait, error: Optional[BaseException]) -> None:
        """Gives `wait` its reason to go on; the first one counts."""
        raise NotImplementedError

    def _taken(self, hi: int, lo: int, size: int) -> None:
        """The caller has taken `size` bytes of the parts of this call's reply."""

    def _input(self, hi: int, lo: int, data: bytes, last: bool) -> None:
        """More of what the caller of this call has to say."""

    def _stop(self, hi: int, lo: int) -> None:
        """Stops the call of this id, which has begun; nothing if it has ended."""
        raise NotImplementedError

    # -- for user code, in any of its threads: see `CallRunner` and `Child` of `hearth._runtime` -----------------------

    def call(self, call: Call, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        raise NotImplementedError

    def call_async(
        self, call: Call, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        raise NotImplementedError

    def spawn(self, call: Call, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Child:
        raise NotImplementedError

    def wait_any(self, call: Call, children: Sequence[Child], timeout: Optional[float]) -> None:
        raise NotImplementedError

    def await_child(self, child: Child, timeout: Optional[float] = None) -> Coroutine[Any, Any, Any]:
        raise NotImplementedError

    def look_for(self, child: Child) -> bool:
        """Takes what has arrived, without waiting; whether `child` has ended."""
        raise NotImplementedError

    def cancel_child(self, child: Child) -> None:
        raise NotImplementedError

    # -- stopping sync calls -----------------------------------------------------------------------------------------

    def _interrupt(self) -> None:
        """Handler of SIGUSR1, in the main thread at any moment: takes no lock that this thread could hold."""
        self._asked = True
        if self._interrupting:  # the signal came while this runs
            return
        self._interrupting = True
        own: Optional[Seat] = None
        while self._asked:
            self._asked = False
            for seat in list(self._seats):
                call = seat.call
                if call is None or call.interrupted:
                    continue
                if self._must_stop(call):
                    call.interrupted = True
                    self._end_waits_soon(call)
                    if seat.thread == threading.get_ident():
                        own = seat
                    else:
                        seat.interrupt(call)
        self._interrupting = False
        if own is not None:
            own.interrupt(own.call)

    def _must_stop(self, call: Call) -> bool:
        if call.cancelled or self.link.slots.is_cancelled(call.slot, call.generation):
            return True
        # Without a slot table nobody says which call is meant; when there is one, that is it.
        return not self._program.has_slot_table and sum(seat.call is not None for seat in list(self._seats)) == 1

    def _end_waits_soon(self, call: Call) -> None:
        """What threads of `call` wait for ends with CallCancelled. Called by the signal handler."""
        raise NotImplementedError


def refuse_in_event_loop(task: Any) -> None:
    """Raises SyncTaskCallInAsyncContextError where blocking would stop the event loop of this thread."""
    if running_loop() is not None:
        raise errors.SyncTaskCallInAsyncContextError(
            f"{task.name} was called in its blocking form inside a running event loop; "
            f"write `await {task.name.partition('.')[2]}.aio(...)`."
        )
