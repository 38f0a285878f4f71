"""The loop of environments whose tasks are all plain functions: one call at a time, without asyncio.

Exactly one thread holds the baton: it runs user code or it reads the socket. Calls run inline in the thread that read
them, so a leaf call costs no hand-over. A call that waits for a child lends its slot; its thread goes on reading, and
a call that arrives meanwhile is run by another thread that takes the baton: never on the stack of a waiting parent.
A call is parked while any of its threads waits; the reply that ends its last wait needs the slot again.
"""

from __future__ import annotations

import collections
import os
import threading
import time
from typing import Any, Deque, List, Mapping, NoReturn, Optional, Sequence, Tuple

from . import hooks, interrupts
from .calls import Call
from .children import Child
from .execution import execute
from .interrupts import CallCancelled, Seat
from .link import Link
from .loop import RESTING_MAX, Loop, refuse_in_event_loop
from .program import Program
from .waits import Wait, post

__all__ = ["SyncLoop"]

# A call that ran longer than this is answered before the next one begins, whatever else waits.
_REPLY_AT_ONCE_NS = 200_000

# How often a thread that waits for an environment looks whether another one has read the answer (seconds).
_OPENING_S = 0.01


class SyncLoop(Loop):
    """Serves the node until its socket ends; with `fresh`, one call."""

    def __init__(self, link: Link, program: Program, fresh: bool) -> None:
        super().__init__(link, program, fresh)
        self._mutex = threading.Lock()  # guards what follows, the queue, and `waits` and `ended` of calls
        self._active: Optional[Call] = None  # has the slot: its threads have the baton
        self._returning: Deque[Wait] = collections.deque()  # fired waits, in order
        self._parked = 0
        self._idle: List[Seat] = []
        self._to_cancel: Deque[Call] = collections.deque()  # appended by the signal handler

    def serve(self) -> NoReturn:
        """In the main thread; ends with the process."""
        interrupts.install(self._interrupt)
        self._say_hello(hooks.alone)
        self.link.ended = self._node_has_ended_it
        self._work(None)
        raise AssertionError("the main thread always rests, so its work never ends")

    def _node_has_ended_it(self) -> None:
        """The thread with the baton has read the end of the socket. What is to run then runs in the main thread."""
        if self._active is not None or self._parked or not self._program.hooks.has_stop:
            os._exit(0)  # also when calls are open: then the node is gone
        if threading.current_thread() is not threading.main_thread():
            self._hire(None)  # the main thread rests; it reads the end once more
            threading.Event().wait()
        self._program.hooks.stop(hooks.alone)
        self.link.leave()

    # -- threads -----------------------------------------------------------------------------------------------------

    def _work(self, first: Optional[Call]) -> None:
        """The life of a thread: with the baton, then resting until it is hired with it again, unless many rest."""
        seat = Seat()
        seat.job = first
        self._seats.append(seat)
        while True:
            call, seat.job = seat.job, None
            if call is not None:
                self._run(seat, call)
            if not self._drive(seat):
                return
            seat.lock.acquire()

    def _hire(self, call: Optional[Call]) -> None:
        """Gives the baton, and perhaps a call, to a resting thread or a new one."""
        main = self._seats[0]
        if main in self._idle:  # first of all, because only there signals end a sleep
            self._idle.remove(main)
            seat = main
        elif self._idle:
            seat = self._idle.pop()
        else:
            self.start_thread(self._work, call)
            return
        seat.job = call
        seat.lock.release()

    # -- the baton ---------------------------------------------------------------------------------------------------

    def _drive(self, seat: Seat) -> bool:
        """With the baton and nothing running: runs what is there, reads what comes. Returns when it is given away;
        whether the thread then rests."""
        while True:
            granted = self._next_return() if self._parked else None
            if granted is not None:
                rests = len(self._idle) < RESTING_MAX or seat is self._seats[0]
                if rests:
                    self._idle.append(seat)
                else:
                    self._seats.remove(seat)
                granted.wake()
                return rests
            with self._mutex:
                call = self._queue.pop()
            if call is not None:
                self._run(seat, call)
            else:
                self._read(None)

    def _drive_for(self, wait: Wait) -> None:
        """The same by a thread that waits itself: calls go to other threads. Returns when `wait` may go on."""
        while True:
            granted = self._next_return()
            if granted is wait:
                return
            if granted is not None:
                granted.wake()
                return self._rest(wait)
            if wait.ready:  # others of its call still wait, so it goes on without the slot and the baton
                return self._hire(None)
            with self._mutex:
                call = self._queue.pop()
            if call is not None:
                self._hire(call)
                return self._rest(wait)
            self._read(wait.deadline)
            self._expire(wait)

    def _rest(self, wait: Wait) -> None:
        """Until another thread lets `wait` go on."""
        if wait.deadline is None or wait.block(max(0.0, wait.deadline - time.monotonic())):
            if wait.deadline is None:
                wait.block()
            return
        self._end_wait(wait)
        wait.block()

    def _expire(self, wait: Wait) -> None:
        if wait.deadline is not None and time.monotonic() >= wait.deadline:
            with self._mutex:
                self._fire(wait, None)

    def _read(self, deadline: Optional[float]) -> None:
        self._outbox.flush()
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        frames = self.link.read(self._parked > 0, timeout)
        with self._mutex:
            self._take(frames)

    def _next_return(self) -> Optional[Wait]:
        """Lets fired waits go on until one needs the slot: that one is returned, and its call has it."""
        while self._returning or self._to_cancel:
            with self._mutex:
                while self._to_cancel:
                    for wait in self._to_cancel.popleft().waits:
                        self._fire(wait, CallCancelled())
                if not self._returning:
                    break
                wait = self._returning.popleft()
                call = wait.call
                call.waits.discard(wait)  # type: ignore[attr-defined]
                wait.ready = True
                if call.waits:
                    wait.wake()
                    continue
                self._active = call
                self._parked -= 1
                self.link.resumed(call)  # in here, for as soon as the mutex is free another thread may park the call
            return wait
        return None

    def _fire(self, wait: Wait, error: Optional[BaseException]) -> None:
        if not wait.fired:
            wait.fired = True
            wait.error = error
            self._returning.append(wait)

    # -- calls -------------------------------------------------------------------------------------------------------

    def _run(self, seat: Seat, call: Call) -> None:
        """Runs `call` in this thread from beginning to reply."""
        if not self.link.slots.start(call.slot, call.generation):
            return
        call.seat = seat
        self._active = call
        if self._outbox:
            self._outbox.linger()
        outcome = self._context.copy().run(execute, call, seat)
        self._end(call)
        self.link.reply(call, outcome)
        self._active = None
        if self._fresh:
            self.link.flush_all()
            self._program.hooks.stop(hooks.alone)
            self.link.leave()
        if outcome[3] > _REPLY_AT_ONCE_NS:
            self._outbox.flush()

    def _end(self, call: Call) -> None:
        """Its function has returned: other threads of it wait in vain, and it takes the slot again if it was lent."""
        last = None
        with self._mutex:
            call.ended = True
            if call.waits:
                for wait in call.waits:
                    self._fire(wait, call.over())
                last = Wait(call)
                call.begin_wait(last)
                self._fire(last, None)
        if last is not None:
            self.link.poke()
            last.block()
        call.seat = None
        self._children.abandon(call)
        call.close_output()

    def _stop(self, hi: int, lo: int) -> None:
        for seat in list(self._seats):
            call = seat.call
            if call is not None and call.lo == lo and call.hi == hi:
                call.cancelled = True
                interrupts.poke()

    def _end_waits_soon(self, call: Call) -> None:
        self._to_cancel.append(call)
        self.link.poke()

    # -- for user code -----------------------------------------------------------------------------------------------

    def call(self, call: Call, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        refuse_in_event_loop(task)
        child = self._children.prepare(call, task, args, kwargs)
        wait = Wait(call)
        child.awaited_by(wait)
        first = bool(self._park(wait))
        self._send_waited(child, first)
        self._sit_out(wait, first)
        return child.value()

    def spawn(self, call: Call, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Child:
        call.check_open()
        child = self._children.prepare(call, task, args, kwargs)
        self._children.send(child, False)
        while not child.sent and not child.finished:  # nobody reads while user code runs: its environment opens now
            self._outbox.flush()
            frames = self.link.read(True, _OPENING_S)
            with self._mutex:
                self._take(frames)
        self._outbox.linger()
        self._outbox.relieve()
        return child

    def wait_any(self, call: Call, children: Sequence[Child], timeout: Optional[float]) -> None:
        refuse_in_event_loop(children[0].task)
        wait = Wait(call)
        if timeout is not None:
            wait.deadline = time.monotonic() + timeout
        first = self._park(wait, children)
        if first is not None:
            if first:
                self.link.parked(call)
            self._sit_out(wait, first)

    async def call_async(self, call: Call, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        with call.guard():
            child = self._children.prepare(call, task, args, kwargs)
            self._children.send(child, False)
        return await self.await_child(child)

    async def await_child(self, child: Child, timeout: Optional[float] = None) -> Any:
        """In an event loop that user code runs: another thread drives meanwhile."""
        import asyncio

        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        wait = Wait(child.parent, lambda: post(loop, ended.set))
        child.parent.waits_in(loop)
        with child.parent.guard():
            first = self._park(wait, (child,))
            if first is None:
                return child.value()
            if first:
                self.link.parked(child.parent)
                self._hire(None)
            else:
                self._outbox.flush()
        expiry = None if timeout is None else loop.call_later(timeout, self._end_wait, wait)
        try:
            await ended.wait()
        except asyncio.CancelledError:
            child.cancel()
            await ended.wait()
            raise
        finally:
            if expiry is not None:
                expiry.cancel()
        if wait.error is not None:
            raise wait.error
        if not child.finished:
            raise child.too_slow(timeout)
        return child.value()

    def _end_wait(self, wait: Wait) -> None:
        with wait.call.guard():
            with self._mutex:
                self._fire(wait, None)
            self.link.poke()

    def look_for(self, child: Child) -> bool:
        self._outbox.flush()
        frames = self.link.read_ready()
        if frames:
            with self._mutex:
                self._take(frames)
        if self._outbox:
            self._outbox.linger()
        return child.finished

    def cancel_child(self, child: Child) -> None:
        if self._children.cancel(child) and child.waits:
            with self._mutex:
                self._fire_all(child)
            self.link.poke()

    def _park(self, wait: Wait, children: Sequence[Child] = ()) -> Optional[bool]:
        """Begins `wait`, for the first answer of `children`: true if that lent the slot, so that this thread has the
        baton; false if it was lent; None if an answer is here. Raises RuntimeError if the call has ended.
        """
        call = wait.call
        with self._mutex:
            call.check_open()
            for child in children:
                if child.finished:
                    return None
            for child in children:
                child.awaited_by(wait)
            if not call.begin_wait(wait):
                return False
            self._active = None
            self._parked += 1
            return True

    def _send_waited(self, child: Child, first: bool) -> None:
        try:
            carried = self._children.send(child, first)
        except BaseException as error:  # the wait has begun: it ends like any other
            child.error = error
            carried = False
        if first and not carried:
            self.link.parked(child.parent)
        if child.finished:
            with self._mutex:
                self._fire_all(child)
            self.link.poke()

    def _sit_out(self, wait: Wait, first: bool) -> None:
        """Until `wait` may go on. Raises what it was fired with."""
        if first:
            self._drive_for(wait)
        else:
            self._outbox.flush()
            self._rest(wait)
        if wait.error is not None:
            raise wait.error
