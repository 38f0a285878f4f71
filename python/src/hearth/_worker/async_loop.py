"""The loop of environments with async tasks: an asyncio event loop in the main thread, sync tasks in threads beside it.

At most `concurrency` calls run; further ones wait here until the node takes them back. A call is parked while anything
in it waits for a child; the answer that ends its last wait is delivered when there is a free slot, ahead of new calls.
All state belongs to the event loop's thread; other threads post to it.
"""

from __future__ import annotations

import asyncio
import collections
import os
import sys
import threading
from typing import Any, Callable, Deque, Dict, List, Mapping, NoReturn, Optional, Sequence, Tuple

from . import interrupts
from .calls import Call
from .children import Child
from .execution import Outcome, execute, execute_async
from .interrupts import CallCancelled, Seat
from .link import Link
from .loop import RESTING_MAX, Loop, refuse_in_event_loop
from .program import Program
from .waits import Wait, post

__all__ = ["AsyncLoop"]

_EAGER = sys.version_info >= (3, 12)
_TAKES_CONTEXT = sys.version_info >= (3, 11)


class AsyncLoop(Loop):
    """Serves the node until its socket ends; with `fresh`, one call."""

    def __init__(self, link: Link, program: Program, fresh: bool, concurrency: int) -> None:
        super().__init__(link, program, fresh)
        self._concurrency = concurrency
        self._running = 0
        self._begun: Dict[Tuple[int, int], Call] = {}
        self._returning: Deque[Wait] = collections.deque()  # fired waits that need a slot, in order
        self._idle: List[Seat] = []
        self._due = False  # `_settle` is scheduled or under way
        self._over = False  # no call will come any more
        self._thread = threading.get_ident()
        self._loop = asyncio.new_event_loop()
        link.outbox.blocked = lambda: self._loop.call_soon_threadsafe(self._watch_room)

    def serve(self) -> NoReturn:
        """In the main thread; ends with the process."""
        asyncio.set_event_loop(self._loop)
        interrupts.install(self._interrupt)
        self._say_hello(self._loop.run_until_complete)
        self._loop.add_reader(self.link.socket.fileno(), self._readable)
        self.link.ended = self._node_has_ended_it
        while not self._over:
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt):  # of a task that user code made and nobody awaited
                continue
        self._program.hooks.stop(self._loop.run_until_complete)
        self.link.leave()

    def _node_has_ended_it(self) -> None:
        if self._begun or not self._program.hooks.has_stop:
            os._exit(0)  # also when calls are open: then the node is gone
        self._end()

    def _end(self) -> None:
        """Leaves the event loop, so that `serve` can run what is to run at the end in it."""
        self._over = True
        self._loop.remove_reader(self.link.socket.fileno())
        self._loop.stop()

    # -- the socket --------------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        self._due = True
        self._take(self.link.read_ready())
        self._settle()
        if self._begun and not _EAGER:
            # Right behind the first steps of what has begun, so that what ends there is answered in the same turn.
            self._settle_soon()

    def _settle(self) -> None:
        """The end of a turn of the event loop: slots are filled, frames are sent. Never inside user code."""
        self._due = True
        self._fill_slots()
        self._due = False
        if self._outbox:
            self._outbox.flush()

    def _settle_soon(self) -> None:
        if not self._due:
            self._due = True
            self._loop.call_soon(self._settle)

    def _watch_room(self) -> None:
        def room() -> None:
            self._loop.remove_writer(self.link.socket.fileno())
            self._outbox.flush()

        self._loop.add_writer(self.link.socket.fileno(), room)

    def _post(self, function: Callable[..., Any], *args: Any) -> None:
        """Runs `function` in the event loop's thread: now, if this is it."""
        if threading.get_ident() == self._thread:
            function(*args)
        else:
            self._loop.call_soon_threadsafe(function, *args)

    # -- slots -------------------------------------------------------------------------------------------------------

    def _fill_slots(self) -> None:
        """First with calls that return to theirs, then with new ones."""
        while self._running < self._concurrency:
            if self._returning:
                self._go_on(self._returning.popleft())
                continue
            call = self._queue.pop()
            if call is None:
                break
            self._begin(call)

    def _go_on(self, wait: Wait) -> None:
        """Lets `wait` go on; the call takes its slot again when that was its last one."""
        call = wait.call
        call.waits.discard(wait)  # type: ignore[attr-defined]
        if not call.waits and not call.ended:
            self._running += 1
            self.link.resumed(call)
        wait.ready = True
        wait.wake()

    def _fire(self, wait: Wait, error: Optional[BaseException]) -> None:
        if wait.fired:
            return
        wait.fired = True
        wait.error = error
        if len(wait.call.waits) > 1 or wait.call.ended:
            self._go_on(wait)
        else:
            self._returning.append(wait)
            self._settle_soon()

    # -- replies in parts --------------------------------------------------------------------------------------------

    def send_part(self, call: Call, offset: int, data: bytes) -> None:
        """Sends a part of the reply of `call` at the end of this turn. In the event loop's thread."""
        self.link.part(call, offset, data)
        self._settle_soon()

    def _taken(self, hi: int, lo: int, size: int) -> None:
        call = self._begun.get((hi, lo))
        if call is not None and call.reply_stream is not None:
            call.reply_stream.taken(size)

    # -- input -------------------------------------------------------------------------------------------------------

    def ask_for_input(self, call: Call, size: int) -> None:
        """Tells the caller of `call`, at the end of this turn, that there is room for `size` bytes more of what it has to say.
        In the event loop's thread."""
        self.link.more(call, size)
        self._settle_soon()

    def _input(self, hi: int, lo: int, data: bytes, last: bool) -> None:
        call = self._begun.get((hi, lo))
        if call is not None and call.input_stream is not None:
            call.input_stream.feed(data, last)

    # -- calls -------------------------------------------------------------------------------------------------------

    def _begin(self, call: Call) -> None:
        if not self.link.slots.start(call.slot, call.generation):
            return
        self._running += 1
        self._begun[call.hi, call.lo] = call
        if self._outbox:
            self._outbox.linger()
        if not call.task.is_async:
            self._begin_in_thread(call)
            return
        context = self._context.copy()
        if _EAGER:
            eager: Any = asyncio.Task
            eager(self._perform(call), loop=self._loop, context=context, eager_start=True)
        elif _TAKES_CONTEXT:
            self._loop.create_task(self._perform(call), context=context)  # type: ignore[call-arg]
        else:
            context.run(lambda: self._loop.create_task(self._perform(call)))

    async def _perform(self, call: Call) -> None:
        # Until here the call could be cancelled without a trace: asyncio does not begin a cancelled task.
        call.future = asyncio.current_task()
        self._finish(call, await execute_async(call))

    def _finish(self, call: Call, outcome: Outcome) -> None:
        call.ended = True
        if call.waits:  # of threads or coroutines that the function left behind; the slot is lent
            for wait in list(call.waits):
                self._fire(wait, call.over())
        else:
            self._running -= 1
        del self._begun[call.hi, call.lo]
        call.future = None
        self._children.abandon(call)
        call.close_output()
        self.link.reply(call, outcome)
        if self._fresh:
            self.link.flush_all()
            if not self._program.hooks.has_stop:
                self.link.leave()
            self._end()
        self._settle_soon()

    def _begin_in_thread(self, call: Call) -> None:
        if self._idle:
            seat = self._idle.pop()
            seat.job = call
            seat.lock.release()
        else:
            self.start_thread(self._work, call)

    def _work(self, first: Call) -> None:
        """The life of a thread for sync tasks; it ends when it is woken without one."""
        seat = Seat()
        self._seats.append(seat)
        call: Optional[Call] = first
        while call is not None:
            call.seat = seat
            outcome = self._context.copy().run(execute, call, seat)
            call.seat = None
            self._loop.call_soon_threadsafe(self._finish_in_thread, seat, call, outcome)
            seat.lock.acquire()
            call, seat.job = seat.job, None

    def _finish_in_thread(self, seat: Seat, call: Call, outcome: Outcome) -> None:
        if len(self._idle) < RESTING_MAX:
            self._idle.append(seat)
        else:
            self._seats.remove(seat)
            seat.lock.release()
        self._finish(call, outcome)

    def _stop(self, hi: int, lo: int) -> None:
        call = self._begun.get((hi, lo))
        if call is None:
            return
        call.cancelled = True
        if call.future is not None:
            call.future.cancel()
        elif not call.task.is_async:
            self._interrupt()

    def _end_waits_soon(self, call: Call) -> None:
        def end() -> None:
            for wait in list(call.waits):
                self._fire(wait, CallCancelled())

        self._loop.call_soon_threadsafe(end)

    # -- for user code -----------------------------------------------------------------------------------------------

    def call(self, call: Call, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        refuse_in_event_loop(task)
        call.check_open()
        child = self._children.prepare(call, task, args, kwargs)
        self._block(Wait(call), (child,), child)
        return child.value()

    def spawn(self, call: Call, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Child:
        call.check_open()
        child = self._children.prepare(call, task, args, kwargs)
        self._children.send(child, False)
        self._outbox.relieve()
        self._post(self._settle_soon)
        return child

    def wait_any(self, call: Call, children: Sequence[Child], timeout: Optional[float]) -> None:
        refuse_in_event_loop(children[0].task)
        self._block(Wait(call), children, None, timeout)

    def _block(
        self, wait: Wait, children: Sequence[Child], unsent: Optional[Child], timeout: Optional[float] = None
    ) -> None:
        """Parks in a thread of the user's until one of `children` has ended."""
        self._post(self._park, wait, children, unsent)
        if not wait.block(-1 if timeout is None else max(0.0, timeout)):
            self._post(self._fire, wait, None)
            wait.block()
        if wait.error is not None:
            raise wait.error

    async def call_async(self, call: Call, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        with call.guard():
            call.check_open()
            child = self._children.prepare(call, task, args, kwargs)
        return await self._await(child, child)

    async def await_child(self, child: Child, timeout: Optional[float] = None) -> Any:
        if child.finished:
            return child.value()
        return await self._await(child, None, timeout)

    async def _await(self, child: Child, unsent: Optional[Child], timeout: Optional[float] = None) -> Any:
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def wake() -> None:
            if not future.done():
                future.set_result(None)

        wait = Wait(child.parent, wake if loop is self._loop else lambda: post(loop, wake))
        child.parent.waits_in(loop)
        with child.parent.guard():
            self._post(self._park, wait, (child,), unsent)
        expiry = None if timeout is None else loop.call_later(timeout, self._post, self._fire, wait, None)
        try:
            await future
        except asyncio.CancelledError:
            child.cancel()
            while not wait.ready:
                future = loop.create_future()
                if not wait.ready:
                    await future
            raise
        finally:
            if expiry is not None:
                expiry.cancel()
        if wait.error is not None:
            raise wait.error
        if not child.finished:
            raise child.too_slow(timeout)
        return child.value()

    def _park(self, wait: Wait, children: Sequence[Child], unsent: Optional[Child]) -> None:
        """Begins `wait`, for the first answer of `children`; `unsent` is one that goes out now."""
        call = wait.call
        first = call.begin_wait(wait) and not call.ended
        for child in children:
            child.awaited_by(wait)
        if first:
            self._running -= 1
        carried = False
        if unsent is not None:
            try:
                carried = self._children.send(unsent, first)
            except BaseException as error:  # the wait has begun: it ends like any other
                unsent.error = error
        if first and not carried:
            self.link.parked(call)
        self._settle_soon()
        if call.ended:
            self._fire(wait, call.over())
        elif call.interrupted:
            self._fire(wait, CallCancelled())
        elif any(child.finished for child in children):
            self._fire(wait, None)

    def look_for(self, child: Child) -> bool:
        if threading.get_ident() == self._thread:
            self._outbox.flush()
            self._take(self.link.read_ready())
            self._settle_soon()
        return child.finished

    def cancel_child(self, child: Child) -> None:
        if self._children.cancel(child):
            self._post(self._fire_all, child)
