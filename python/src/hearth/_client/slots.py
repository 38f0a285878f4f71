"""Where replies go: one slot per open call, and who is woken when it fills."""

from __future__ import annotations

import os
import threading
from typing import Any, Callable, Dict, List, Optional

from hearth import _codes
from hearth.errors import from_failure

__all__ = ["LastWords", "Request", "Slot", "Waiters", "content"]

_listening = threading.Lock()  # two loops may begin to listen to one slot at the same moment


def _after_fork() -> None:
    global _listening
    _listening = threading.Lock()  # the thread that held it may not be here


os.register_at_fork(after_in_child=_after_fork)


class Slot:
    """What one waits for: the reply of a call, the response to a request, room in the window.

    `deliver` is called once, by whichever thread reads the socket; it never blocks.
    """

    __slots__ = ("_listeners", "ready", "reply")

    def __init__(self) -> None:
        self.ready = False
        self.reply: Any = None
        self._listeners: Optional[List[Callable[[], None]]] = None

    @property
    def task_name(self) -> str:
        """Of a call that ends with its program the name of the task; else empty."""
        return ""

    def farewell(self, interrupted: bool) -> str:
        """What a person has to know when the program ends before this is ready, `interrupted` by Ctrl-C or not. Most
        slots have nothing of their own to say."""
        return ""

    def leave(self) -> None:
        """The program ends before this is ready: tells the node what it would not know otherwise. Most slots have nothing
        to tell, because their calls end with the connection."""

    def deliver(self, reply: Any) -> None:
        """`reply` is a frame, or the exception that takes its place."""
        self.reply = reply
        self.ready = True  # before the listeners are read: whoever adds one looks at `ready` afterwards
        if self._listeners is not None:
            listeners, self._listeners = self._listeners, None
            for listener in listeners:
                listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """`listener` is called when the slot becomes ready; look at `ready` after this."""
        with _listening:
            if self._listeners is None:
                self._listeners = []
            self._listeners.append(listener)


    def progress(self, done: int) -> None:
        """`done` calls of the run whose root this is have ended. Most slots have no use for it."""


class Request(Slot):
    """A control request: `reply` is the last response (or the exception instead), `more` are the contents before it."""

    __slots__ = ("more", "number")

    def __init__(self) -> None:
        super().__init__()
        self.number = 0  # set when it is sent
        self.more: List[Any] = []

    def add(self, response: Any) -> None:
        """Takes a response that is not the last one; an error is always the last."""
        self.more.append(content(response))

    def rows(self) -> List[Any]:
        """The rows of a listing, which may have come in several responses. Raises like `answer`."""
        last = self.answer()
        return [row for part in (*self.more, last) for row in part]

    def answer(self) -> Any:
        """The content of the last response. Raises what the node's error means, or NodeUnavailableError."""
        if isinstance(self.reply, BaseException):
            raise self.reply
        return content(self.reply)


class LastWords(Request):
    """What the node says about the connection itself, before it ends it: `text` is why, empty if it has said nothing."""

    __slots__ = ("text",)

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def deliver(self, reply: Any) -> None:
        """Takes the response that answers no request."""
        if isinstance(reply, dict):
            self.text = str(reply.get("error", {}).get("message", ""))


def content(response: Any) -> Any:
    """What is inside a `Response` of schema/control.capnp. Raises its error."""
    name, value = next(iter(response.items()))
    if name == "error":
        code = int(value.get("code", 0))
        raise from_failure(value.get("name") or _codes.name(code), _codes.kind(code), value.get("message", ""))
    return value


class Waiters:
    """Threads that wait for slots while another thread reads the socket."""

    __slots__ = ("_locks", "_mutex")

    def __init__(self) -> None:
        self._locks: Dict[Slot, List[Any]] = {}
        self._mutex = threading.Lock()

    def add(self, slot: Slot) -> Any:
        """A lock that opens when `slot` is ready, or when its waiter should read. Look at both after adding."""
        lock = threading.Lock()
        lock.acquire()
        with self._mutex:
            self._locks.setdefault(slot, []).append(lock)
        return lock

    def remove(self, slot: Slot, lock: Any) -> None:
        """Undoes `add`, whatever happened since."""
        with self._mutex:
            locks = self._locks.get(slot)
            if locks is not None and lock in locks:
                locks.remove(lock)
                if not locks:
                    del self._locks[slot]

    def wake(self, slot: Slot) -> None:
        """Opens the locks of those who wait for `slot`."""
        if self._locks:
            with self._mutex:
                for lock in self._locks.pop(slot, ()):
                    lock.release()

    def wake_one(self) -> None:
        """Opens the lock of some waiter, who then looks for the reader's role."""
        if self._locks:
            with self._mutex:
                if self._locks:
                    for lock in self._locks.popitem()[1]:
                        lock.release()
