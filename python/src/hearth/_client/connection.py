"""The connection of this process to a node: one socket for all threads and event loops.

Reading is a role, not a thread. Whoever waits for a reply reads the socket itself if nobody else does, hands replies of
others to their slots, and passes the role on when its own reply is there: a sequential call costs no hand-over between
threads. A thread reads blocking; an event loop reads when its selector says so. Sending is serialized by a lock.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
import json
import select
import socket
import threading
import time
import weakref
from typing import Any, Deque, Dict, Iterable, List, Optional, Union

from hearth import _frames
from hearth._client.greeting import HELLO_TIMEOUT, await_welcome, greet
from hearth._client.ids import new_id
from hearth._client.incoming import Incoming
from hearth._client.loops import LoopPort
from hearth._client.remote import FrameReader, TlsSocket
from hearth._client.role import ReaderRole
from hearth._client.slots import LastWords, Request, Slot, Waiters
from hearth._client.window import Window
from hearth.errors import NodeUnavailableError

__all__ = ["Connection"]

# Replies that come sooner than this, in microseconds, are looked for before a thread sleeps: what the cache answers, and no
# call that executes. Looking for the latter would take the core that its replica needs.
_PATIENCE_US = 20
_AT_ONCE = (socket.MSG_DONTWAIT,)
_CUT_OFF = "a frame was cut off when this program was interrupted"
_NO_FRAME = "it sent what is not a frame; client and node may be of different versions"


class Connection:
    """Made by `open`; its methods are for every thread. A broken one stays broken: the next call makes another."""

    def __init__(self, sock: Union[socket.socket, TlsSocket], path: str) -> None:
        self.path = path
        self.cluster = ""  # of which it is a node, where a cluster was asked for
        self.broken = ""  # why nothing more can be sent
        self.ended = False  # nothing more arrives, and what was open is failed
        self.given_up = False  # it was closed here, so what was open is not wanted any more
        self.welcome: Dict[str, Any] = {}
        self.value_bytes_max = 0  # largest value that the node accepts; 0: it does not say
        self.environments: Any = None  # what is open here; of the module `environments`
        self.call_hi, first_lo = new_id()
        self.feeds: List[Any] = []  # slots with `log(frame)`, which get the Log frames
        self._los = itertools.count(first_lo)
        self._numbers = itertools.count(1)
        self._sock = sock
        self._reader: Any = FrameReader(sock) if isinstance(sock, TlsSocket) else _frames.Reader(sock, _PATIENCE_US)
        self._write = threading.RLock()
        self._arrived: Deque[Any] = collections.deque()
        self._waiters = Waiters()
        self.role = ReaderRole(self._waiters)
        self._open: Dict[int, Slot] = {}
        self._requests: Dict[int, Request] = {}
        self.window = Window(self._open, self._waiters)
        self._last_words = LastWords()
        self._incoming = Incoming(self._open, self._requests, self._waiters, self.window, self.feeds)
        self._ports: weakref.WeakKeyDictionary[Any, LoopPort] = weakref.WeakKeyDictionary()

    @classmethod
    def open(cls, sock: Union[socket.socket, TlsSocket], path: str, patience: Optional[float] = None) -> Connection:
        """Greets the node at the other end of `sock`. Blocks, at most for `patience` seconds (HELLO_TIMEOUT).

        Raises NodeUnavailableError, and what it means when the cluster refuses the client's token.
        """
        connection = cls(sock, path)
        patience = HELLO_TIMEOUT if patience is None else patience
        try:
            if isinstance(sock, TlsSocket):
                await_welcome(connection, patience)
            connection._requests[0] = connection._last_words
            greet(connection, patience)
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def node(self) -> str:
        """Name of the node."""
        return str(self.welcome.get("node", ""))

    @property
    def open_calls(self) -> List[Slot]:
        """Slots of the calls that have no reply yet."""
        return list(self._open.values())

    def fileno(self) -> int:
        return self._sock.fileno()

    def port(self) -> LoopPort:
        """The running event loop's side of this connection."""
        loop = asyncio.get_running_loop()
        port = self._ports.get(loop)
        if port is None:
            port = self._ports[loop] = LoopPort(self, loop)
        return port

    # -- calls -------------------------------------------------------------------------------------------------------

    def next_lo(self) -> int:
        """Low word of a new call id."""
        return next(self._los)

    def admit(self, size: int) -> None:
        """Blocks until the window takes a call of `size` bytes."""
        window = self.window
        while not window.has_room(size) and not self.broken:
            slot = window.queue()
            if window.has_room(size):
                return
            try:
                self.wait(slot)
            except BaseException:
                window.wake()  # somebody else takes the room that this one was offered
                raise

    async def admit_aio(self, port: LoopPort, size: int) -> None:
        """Awaits the same."""
        window = self.window
        while not window.has_room(size) and not self.broken:
            slot = window.queue()
            if window.has_room(size):
                return
            try:
                await port.wait(slot)
            except BaseException:
                window.wake()
                raise

    def register(self, lo: int, slot: Slot, size: int) -> None:
        """`slot` receives the reply of call `lo`. Before the call is sent."""
        self._open[lo] = slot
        self.window.take(lo, size)

    def forget(self, lo: int) -> None:
        """Undoes `register` for a call that was not sent."""
        self._open.pop(lo, None)
        self.window.give_back(lo)
        self.window.wake()

    def finish(self, lo: int, reply: Any) -> None:
        """Ends call `lo` with `reply`, which comes another way than as its Reply frame."""
        slot = self._open.get(lo)
        if slot is not None:
            slot.deliver(reply)
            self._waiters.wake(slot)
            self.forget(lo)

    def cancel(self, lo: int, reason: str, hi: Optional[int] = None) -> None:
        """Asks the node to stop call `lo`, whose reply then says so. Nothing if it has ended. `hi`: of a call whose id was
        made by another connection."""
        if lo in self._open and not self.broken:
            hi = self.call_hi if hi is None else hi
            try:
                self.send(_frames.signal(what=_frames.CANCEL, call_hi=hi, call_lo=lo, body=reason.encode()))
            except NodeUnavailableError:
                pass  # the end of the connection ends the call too

    def request(self, name: str, value: Any = None, slot: Optional[Request] = None) -> Request:
        """Sends a control request. The slot is ready with the last response; `Request.answer` reads it."""
        slot = slot or Request()
        number = next(self._numbers) & 0xFFFFFFFF
        self._requests[number] = slot
        slot.number = number
        try:
            self.send(_frames.control(request=number, body=json.dumps({name: value}).encode()))
        except NodeUnavailableError:
            self._requests.pop(number, None)
            raise
        return slot

    def expect(self, number: int) -> Request:
        """A slot for a further response to request `number`. Before the node is told what makes it answer."""
        slot = self._requests[number] = Request()
        slot.number = number
        return slot

    def ask(self, name: str, value: Any = None) -> Any:
        """Sends a control request, blocks for the response and returns its content. Raises what the node's error
        means, or NodeUnavailableError."""
        slot = self.request(name, value)
        self.wait(slot)
        return slot.answer()

    def rows(self, what: str, name: str = "", limit: int = 0) -> List[Any]:
        """A listing of the node (schema/control.capnp: Get). Raises like `ask`."""
        slot = self.request("get", {"what": what, "name": name, "limit": limit})
        self.wait(slot)
        return slot.rows()

    # -- sending -----------------------------------------------------------------------------------------------------

    def send(self, *pieces: Any, out: Optional[List[int]] = None) -> None:
        """Sends whole frames, which may be in pieces. Blocks while the socket is full. Raises NodeUnavailableError.

        `out` takes the bytes of each step: empty when this is interrupted (Ctrl-C), the node has heard nothing.
        """
        if self.broken:
            raise NodeUnavailableError(self.gone())
        taken: List[int] = [] if out is None else out
        start = sum(taken)
        while self._write._is_owned():  # type: ignore[attr-defined]
            self._write.release()  # this thread was interrupted (Ctrl-C) where Python enters or leaves the block below
        with self._write:
            try:
                for data in pieces:
                    try:
                        # Sent and noted in one step of the interpreter: no signal handler runs in between.
                        taken.extend(map(self._sock.send, (data,), _AT_ONCE))
                        sent = taken[-1]
                    except BlockingIOError:
                        sent = 0
                    if sent < len(data):
                        self._send_slowly(memoryview(data)[sent:], taken)
            except OSError as e:
                self._break(e.strerror or str(e))
                raise NodeUnavailableError(self.gone()) from None
            except BaseException:
                if sum(taken) != start + sum(map(len, pieces)) and (sum(taken) != start or isinstance(self._sock, TlsSocket)):
                    self._break(_CUT_OFF)  # part of the frame is out, or may be with the encryption
                raise

    def _send_slowly(self, rest: memoryview, taken: List[int]) -> None:
        """Sends as the socket takes it. Replies are read meanwhile: a node may have to get rid of them first."""
        poll = select.poll()
        while rest:
            # When another thread reads, only room to send is waited for; it may stop reading, so look again.
            reads = not self.role.is_taken
            poll.register(self._sock, select.POLLOUT | (select.POLLIN if reads else 0))
            ready = poll.poll(50)
            if reads and ready and not ready[0][1] & select.POLLOUT:
                self.poll()
                continue
            try:
                taken.extend(map(self._sock.send, (rest,), _AT_ONCE))
            except BlockingIOError:
                continue
            rest = rest[taken[-1] :]

    def send_parts(self, frames: Iterable[Any], out: Optional[List[int]] = None) -> None:
        """Sends frames (bytes, or a list of pieces) one by one, so that those of other calls go between them. See `send`."""
        for frame in frames:
            self.send(*(frame if isinstance(frame, list) else (frame,)), out=out)

    def _break(self, reason: str) -> None:
        """Nothing more is sent. What is on its way here is still read; then the end is found and open calls fail."""
        self.leave(reason)
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it is down already

    def leave(self, reason: str) -> None:
        """Nothing more is sent, because the node is about to end. What was sent is still answered as long as it is there."""
        self.broken = self.broken or reason

    def gone(self) -> str:
        """The sentence for those whose call is lost with the connection."""
        return f"The connection to the node at {self.path} is gone: {self.broken.rstrip('.')}."

    # -- reading -----------------------------------------------------------------------------------------------------

    def wait(self, slot: Slot, timeout: Optional[float] = None) -> bool:
        """Blocks until `slot` is ready, at most `timeout` seconds; whether it is.

        Reads the socket meanwhile, or lets another thread do it.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not slot.ready:
            if self.ended:
                slot.deliver(NodeUnavailableError(self.gone()))
            elif not self.role.during(lambda: self._read_until(slot, deadline)):
                self.role.wait(slot, deadline)
            if deadline is not None and time.monotonic() >= deadline:
                break
        return slot.ready

    def _read_until(self, slot: Slot, deadline: Optional[float]) -> None:
        while not slot.ready and not self.ended and (deadline is None or self._readable_before(deadline)):
            self._read(0)

    def _readable_before(self, deadline: float) -> bool:
        if self._arrived:
            return True
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))

    def poll(self) -> None:
        """Takes in what has arrived, without waiting."""
        if not self.ended:
            self.role.during(self.read_now)

    def is_live(self) -> bool:
        """Takes in all that has arrived, without waiting; whether the node has not ended the connection. Its last words come
        before the end, and are no end yet."""
        if not self.ended:
            self.role.during(self._read_all)
        return not self.broken

    def _read_all(self) -> None:
        while not self.ended and self._readable_before(0.0):
            self.read_now()

    def read_now(self) -> None:
        """With the role: takes in what is there, without waiting."""
        if not self.ended:
            self._read(socket.MSG_DONTWAIT)

    def _read(self, flags: int) -> None:
        arrived = self._arrived
        try:
            if not arrived and not self._reader.read(arrived, flags):
                return self._end("the node closed it")
        except BlockingIOError:
            return None
        except OSError as e:
            return self._end(e.strerror or str(e))
        except ValueError:
            return self._end(_NO_FRAME)
        try:
            self._incoming.take(arrived)
        except KeyboardInterrupt:
            self._incoming.take(arrived)  # a frame taken twice does no harm, one that is lost would
            raise
        except ValueError:
            return self._end(_NO_FRAME)
        self.window.wake()
        return None

    # -- the end -----------------------------------------------------------------------------------------------------

    def _end(self, reason: str) -> None:
        """With the role: fails all that is open."""
        self.broken = self._last_words.text or self.broken or reason
        self.ended = True
        for table in (self._open, self._requests):
            while table:
                _, slot = table.popitem()  # type: ignore[attr-defined]
                slot.deliver(NodeUnavailableError(self.gone()))
                self._waiters.wake(slot)
        self.window.wake(everybody=True)
        self._sock.close()

    def close(self) -> None:
        """Ends the connection; the node aborts what is open. Whoever waits is told."""
        if self.ended:
            return
        self.given_up = True
        self._break("it was closed here")
        try:
            self._sock.shutdown(socket.SHUT_RDWR)  # the reader, wherever it is, finds the end
        except OSError:
            pass
        self.role.during(lambda: None if self.ended else self._end("it was closed here"))

    def abandon(self) -> None:
        """In a forked child: the connection stays the parent's; only this process's descriptor of it is closed."""
        self.broken = "it belongs to the process that this one was forked from"
        self.ended = self.given_up = True
        self._sock.close()
