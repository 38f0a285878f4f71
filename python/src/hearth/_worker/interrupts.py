"""Stopping a sync call: an exception raised in the thread that runs it, in user code only.

A thread that runs sync calls has a `Seat`. The node sets the slot's word to cancelled and sends SIGUSR1; the handler
runs in the main thread and interrupts the seats whose call is to stop. Runtime code that user code enters (printing,
calling a child) is guarded: there the exception waits until the guard ends. Where user code runs an event loop, its
asyncio tasks are cancelled instead: an exception in the middle of the loop would be taken for one of a callback, and
what that callback had to wake would wait for ever.
"""

from __future__ import annotations

import ctypes
import faulthandler
import signal
import sys
import threading
from types import TracebackType
from typing import Any, Callable, Optional, Type

__all__ = ["CallCancelled", "Seat", "install", "poke", "running_loop"]


class CallCancelled(BaseException):
    """Ends a sync call from outside. Derived from BaseException, so that `except Exception` does not keep the call."""


_raise_in_thread = ctypes.pythonapi.PyThreadState_SetAsyncExc
_raise_in_thread.argtypes = (ctypes.c_ulong, ctypes.py_object)
_NOTHING: Any = ctypes.py_object()  # NULL: takes back an exception that has not been raised yet


class Seat:
    """A thread that runs sync calls, one at a time. Also a context manager: the guard around runtime code.

    `enter`, `leave` and the guard belong to the seat's own thread, `interrupt` to the signal handler.
    """

    __slots__ = ("_depth", "_is_main", "_mutex", "_pending", "_sent", "call", "job", "lock", "loop", "thread")

    def __init__(self) -> None:
        self.call: Any = None  # whose user code runs here
        self.job: Any = None  # the call to run when the thread is woken
        self.loop: Any = None  # the event loop of user code in which `call` was last seen to wait
        self.thread = threading.get_ident()
        self.lock = threading.Lock()  # where the thread rests while it has nothing to run
        self.lock.acquire()
        self._is_main = threading.current_thread() is threading.main_thread()
        self._mutex = threading.Lock()  # not used in the main thread, where the handler could find it taken
        self._depth = 0
        self._pending = False
        self._sent = False

    def enter(self, call: Any) -> None:
        """User code of `call` begins. From now on CallCancelled may be raised here, once."""
        self._pending = False
        self._depth = 0
        self.loop = None
        self.call = call

    def leave(self) -> None:
        """User code has ended: nothing is raised any more. May itself be hit by the exception; then call it again."""
        if self._is_main:
            self.call = None
            return
        with self._mutex:
            self.call = None
            self._take_back()

    def interrupt(self, call: Any) -> None:
        """Raises CallCancelled in the user code of `call`, or as soon as its guard ends; nothing if it is not here."""
        if self._is_main:  # the handler runs in this very thread
            if self.call is call and not _cancel_tasks(running_loop()):
                if self._depth == 0:
                    raise CallCancelled
                self._pending = True
            return
        with self._mutex:
            if self.call is call and not _cancel_tasks(self.loop):
                if self._depth == 0:
                    _raise_in_thread(self.thread, CallCancelled)
                    self._sent = True
                else:
                    self._pending = True

    def _take_back(self) -> None:
        if self._sent:
            _raise_in_thread(self.thread, _NOTHING)
            self._sent = False
            self._pending = True

    def __enter__(self) -> Seat:
        if self._is_main:
            self._depth += 1
            return self
        before = self._depth
        try:
            with self._mutex:
                self._depth += 1
                self._take_back()
        except CallCancelled:
            self._depth = before
            self._sent = False
            raise
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._depth -= 1
        if self._pending and self._depth == 0:
            self._pending = False
            raise CallCancelled


def running_loop() -> Any:
    """The event loop that runs in this thread, or None."""
    asyncio = sys.modules.get("asyncio")
    return None if asyncio is None else asyncio._get_running_loop()


def _cancel_tasks(loop: Any) -> bool:
    """Has `loop` cancel its tasks; false if it is None or does not run. Called in any thread."""
    if loop is None or not loop.is_running():
        return False
    try:
        loop.call_soon_threadsafe(_cancel_all, loop)
    except RuntimeError:  # closed since
        return False
    return True


def _cancel_all(loop: Any) -> None:
    for task in sys.modules["asyncio"].all_tasks(loop):
        task.cancel()


def install(interrupt: Callable[[], None]) -> None:
    """Makes SIGUSR1 call `interrupt` in the main thread, and SIGUSR2 print the stacks of all threads on stderr."""
    signal.signal(signal.SIGUSR1, lambda signum, frame: interrupt())
    faulthandler.register(signal.SIGUSR2, file=2, all_threads=True, chain=False)


def poke() -> None:
    """Has the main thread run the handler soon: any thread that learns of a cancellation may call this."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
