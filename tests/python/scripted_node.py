"""A node for tests of interpreters: real processes and sockets, and a pool of one replica that answers child calls.

Everything that waits has a deadline; nothing sleeps.
"""

from __future__ import annotations

import collections
import contextlib
import json
import mmap
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

import hearth
import wire
from hearth import _frames

Key = Tuple[int, int]  # id of a call

DEADLINE_S = 60.0
SENT, STARTED, RECALLED, CANCELLED, DONE = 1, 2, 3, 4, 5

BOOT = os.path.join(os.path.dirname(os.path.abspath(hearth.__file__)), "_worker", "boot.py")


def interpreters() -> List[str]:
    """The interpreters that tests run on: those of HEARTH_TEST_PYTHONS (colons between them), else the running one."""
    named = [path for path in os.environ.get("HEARTH_TEST_PYTHONS", "").split(os.pathsep) if path]
    return named or [sys.executable]


class ReplicaEnded(Exception):
    """It never came to be; the text is the zygote's reason."""


class Zygote:
    """An interpreter with `code` (file name -> text) imported.

    `tasks` are "module:function", "module:function:async" or "module:function:pickle:path"; `hooks` are functions, of the
    module `m` if they name none: "start f", "stop f", "async start f", "async stop module:f".
    """

    def __init__(
        self, folder: Path, code: Dict[str, str], tasks: List[str], python: str = "", **configure: Any
    ) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        for name, text in code.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.rows = [_row(task) for task in tasks]
        variables = configure.pop("variables", {})
        self.environment = {
            "name": "demo",
            "bundle": "ab" * 32,
            "python": python or sys.executable,
            "tasks": self.rows,
            "variables": [{"name": name, "value": value} for name, value in variables.items()],
            "preload": configure.pop("preload", []),
            "hooks": [_hook(hook) for hook in configure.pop("hooks", [])],
            **{word: configure.pop(word, {}) for word in ("reuse", "app")},
        }
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(DEADLINE_S)
        self.errors = tempfile.TemporaryFile()
        self.output = tempfile.TemporaryFile()
        command = [python or sys.executable, "-E", "-s", "-B", BOOT]
        clean = {"PATH": os.environ.get("PATH", "/usr/bin"), "HOME": str(folder)}
        self.pid = os.posix_spawn(
            command[0],
            command,
            clean,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, theirs.fileno(), 3),
                (os.POSIX_SPAWN_DUP2, self.output.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, self.errors.fileno(), 2),
            ],
        )
        theirs.close()
        order = {
            "environment": self.environment,
            "codeDirectory": str(folder),
            "project": "default",
            "domain": "development",
            "version": "v1",
            "threads": 1,
            "frameBytesMax": 1 << 20,
            "outputBytesMax": str(1 << 24),
            **configure,
        }
        self.control.send(json.dumps({"configure": order}).encode())
        self.event = self.next_event()
        self.replicas: List[Replica] = []
        self.ended = False  # and reaped

    def next_event(self) -> Dict[str, Any]:
        data, self.descriptors, _, _ = socket.recv_fds(self.control, 1 << 20, 4)
        if not data:
            raise EOFError(self.stderr())
        return json.loads(data)

    @property
    def has_slot_table(self) -> bool:
        return bool(self.event["ready"]["hasSlotTable"])

    @property
    def failure(self) -> str:
        return self.event["failed"]["message"]

    def start(self, concurrency: int = 1, fresh: bool = False, slots: int = 512, order: str = "fork") -> Replica:
        """A new replica, which has said hello. Raises ReplicaEnded if it says that it cannot serve."""
        number = len(self.replicas) + 1
        ours, theirs = socket.socketpair()
        table = os.memfd_create("slots")
        os.ftruncate(table, slots * 8)
        start = {"replica": str(number), "concurrency": concurrency, "slots": slots, "fresh": fresh}
        output = tempfile.TemporaryFile()
        descriptors = [theirs.fileno(), table, output.fileno()]
        order_text = json.dumps({order: start}).encode()
        socket.send_fds(self.control, [order_text], descriptors if order == "fork" else descriptors[:2])
        theirs.close()
        pid, pidfd = self.pid, -1
        if order == "fork":
            event = self.next_event()
            if "exited" in event:
                raise ReplicaEnded(event["exited"]["reason"])
            pid, (pidfd,) = event["forked"]["pid"], self.descriptors
        replica = Replica(self, ours, table, slots, pid, pidfd, concurrency, output)
        self.replicas.append(replica)
        hello = json.loads(bytes(replica.next(_frames.CONTROL).body))["hello"]
        assert hello["program"] == "replica"
        if hello.get("failure"):
            raise ReplicaEnded(hello["failure"])
        return replica

    def wait_for_end(self) -> int:
        """The wait status of the zygote, which has a reason to end."""
        self.ended = True
        return os.waitpid(self.pid, 0)[1]

    def stderr(self) -> str:
        self.errors.seek(0)
        return self.errors.read().decode()

    def stdout(self) -> str:
        self.output.seek(0)
        return self.output.read().decode()

    def close(self) -> None:
        self.control.close()
        for replica in self.replicas:
            replica.socket.close()
            replica.output.close()
            os.close(replica.table)
            if replica.pidfd >= 0:
                os.close(replica.pidfd)
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.errors.close()
        self.output.close()


def _row(task: str) -> Dict[str, Any]:
    module, function, *words = task.split(":")
    return {
        "name": f"demo.{function}",
        "module": module,
        "function": function,
        "isAsync": "async" in words,
        "pickle": words[1] if words[:1] == ["pickle"] else "",
        "maxInlineIoBytes": "0",
    }


def _hook(hook: str) -> Dict[str, Any]:
    *words, function = hook.split()
    module, _, function = function.rpartition(":")
    return {"module": module or "m", "function": function, "isAsync": "async" in words, "isStop": "stop" in words}


class Replica:
    """The node's side of one replica. `serve` plays the supervisor of a pool of one."""

    def __init__(
        self,
        zygote: Zygote,
        sock: socket.socket,
        table: int,
        slots: int,
        pid: int,
        pidfd: int,
        concurrency: int,
        output: Any,
    ) -> None:
        self.zygote, self.output = zygote, output
        self.socket, self.table = sock, table
        self.pid, self.pidfd = pid, pidfd
        self.concurrency = concurrency
        self.words = memoryview(mmap.mmap(table, slots * 8)).cast("Q")
        self._free = list(range(slots - 1, -1, -1))
        self._reader = _frames.Reader(sock)
        self._arrived: Deque[Any] = collections.deque()
        self._ids = iter(range(1, 1 << 62))
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):  # the descriptor itself stays a blocking one
            sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", int(DEADLINE_S), 0))
        # The pool of one.
        self.waiting: List[Dict[str, Any]] = []  # calls without a slot
        self.running: Dict[Key, Dict[str, Any]] = {}
        self.parked: Dict[Key, Dict[str, Any]] = {}
        self.replies: Dict[Key, Any] = {}
        self.logs: List[Any] = []
        self.opened: List[Dict[str, Any]] = []
        self.cache_keys: List[bytes] = []  # of children
        self.cancelled: List[Key] = []
        self.children: Dict[Key, Dict[str, Any]] = {}
        self.checks_slots = zygote.has_slot_table
        self.answer_open: Dict[str, Any] = {}

    def printed(self) -> str:
        """What it wrote to its own stdout and stderr, outside of calls or by descriptor."""
        self.output.seek(0)
        return self.output.read().decode()

    # -- frames ------------------------------------------------------------------------------------------------------

    def send(self, *frames: bytes) -> None:
        self.socket.sendall(b"".join(frames))

    def next(self, kind: Optional[int] = None) -> Any:
        """The next frame, of `kind` (others are dropped). Raises EOFError."""
        while True:
            while self._arrived:
                frame = self._arrived.popleft()
                if kind in (None, frame.kind):
                    return frame
            if not self._reader.read(self._arrived):
                raise EOFError(self.zygote.stderr() + self.printed())

    # -- a pool of one -----------------------------------------------------------------------------------------------

    def submit(self, task: int, arguments: Any = None, **fields: Any) -> Key:
        """A root call, sent when there is a slot."""
        return self._enqueue({"task": task, "body": wire.encode(arguments or {}), **fields})

    def call(self, task: int, arguments: Any = None, **fields: Any) -> Any:
        """A root call and its value. Raises its failure."""
        return self.value(self.submit(task, arguments, **fields))

    def value(self, key: Key) -> Any:
        return wire.value_of(self.reply(key))

    def reply(self, key: Key) -> Any:
        """The Reply of root call `key`; serves whatever comes before."""
        self.serve(lambda: key in self.replies)
        return self.replies.pop(key)

    def serve(self, until: Callable[[], bool]) -> None:
        """Plays the node until `until()`. Raises TimeoutError, EOFError."""
        deadline = time.monotonic() + DEADLINE_S
        while not until():
            if time.monotonic() > deadline:
                raise TimeoutError(f"running {self.running}, parked {self.parked}, waiting {self.waiting}")
            self._take(self.next())
            self._dispatch()

    def end_politely(self) -> None:
        """As a node ends a replica that is not needed any more; returns when the process is gone."""
        self.socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(EOFError, ConnectionResetError):
            while True:
                self.next()
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        assert poll.poll(DEADLINE_S * 1000)

    def serve_rest(self) -> None:
        """Until nothing is open: children of what was cancelled may still run."""
        self._dispatch()
        if self.running or self.parked or self.waiting:
            self.serve(lambda: not (self.running or self.parked or self.waiting))

    def logs_of(self, key: Key) -> str:
        return b"".join(bytes(log.body) for log in self.logs if (log.call_hi, log.call_lo) == key).decode()

    def send_together(self, calls: List[Dict[str, Any]]) -> List[Key]:
        """Root calls sent ahead of free slots, in one piece: the interpreter reads them at once."""
        frames: List[bytes] = []
        for call in calls:
            call.update(call_hi=7, call_lo=next(self._ids))
            self.running[call["call_hi"], call["call_lo"]] = call
            frames += self.frames_of(call)
        self.send(*frames)
        return [(call["call_hi"], call["call_lo"]) for call in calls]

    def next_child(self) -> Any:
        """The next child call, which is not put in the queue: the test answers it."""
        while True:
            frame = self.next()
            self._take(frame)
            if frame.kind == _frames.CALL:
                self.waiting.pop()
                self.children.pop((frame.call_hi, frame.call_lo))
                return frame

    def answer(self, child: Any, value: Any) -> None:
        self.send(*self.answer_frames(child, value))

    @staticmethod
    def answer_frames(child: Any, value: Any) -> List[bytes]:
        fields = {"call_hi": child.call_hi, "call_lo": child.call_lo, "attempt": 1, "body": wire.result(value)}
        return wire.frames(_frames.reply, _frames.CHUNK_OF_REPLY, fields)

    def _enqueue(self, call: Dict[str, Any]) -> Key:
        call.setdefault("call_hi", 7)
        call.setdefault("call_lo", next(self._ids))
        call.setdefault("depth", 0)
        self.waiting.append(call)
        self._dispatch()
        return call["call_hi"], call["call_lo"]

    def _dispatch(self) -> None:
        self.waiting.sort(key=lambda call: -call["depth"])  # stable
        while self.waiting and len(self.running) < self.concurrency:
            call = self.waiting.pop(0)
            self.running[call["call_hi"], call["call_lo"]] = call
            self.send(*self.frames_of(call))

    def frames_of(self, call: Dict[str, Any]) -> List[bytes]:
        """Gives `call` a slot; the frames that send it."""
        slot = call["slot"] = self._free.pop()
        call["generation"] = (self.words[slot] >> 8) + 1
        self.words[slot] = call["generation"] << 8 | SENT
        fields = {"attempt": 1, "root_hi": 7, "root_lo": 7, **call}
        return wire.frames(_frames.call, 0, fields)

    def _take(self, frame: Any) -> None:
        if frame.kind == _frames.LOG:
            self.logs.append(frame)
            return
        if frame.kind == _frames.CONTROL:
            self._open(frame)
            return
        key = (frame.call_hi, frame.call_lo)
        if frame.kind == _frames.CALL:
            parent = (frame.parent_hi, frame.parent_lo)
            if frame.flags & _frames.CALL_PARKS:
                self.parked[parent] = self.running.pop(parent)
            call = {name: getattr(frame, name) for name in ("task", "depth", "call_hi", "call_lo", "deadline_ms")}
            cache_key, body = wire.parted(bytes(frame.body))
            call.update(parent_hi=parent[0], parent_lo=parent[1], body=body, flags=frame.flags & ~_frames.CALL_PARKS)
            self.cache_keys.append(cache_key)
            self.children[key] = call
            self.waiting.append(call)
        elif frame.kind == _frames.REPLY:
            self._finish(key, frame)
        elif frame.what == _frames.PARKED:
            self.parked[key] = self.running.pop(key)
        elif frame.what == _frames.RESUMED:
            self.running[key] = self.parked.pop(key)
        elif frame.what == _frames.CANCEL:
            self.cancelled.append(key)
            self.waiting = [call for call in self.waiting if (call["call_hi"], call["call_lo"]) != key]

    def _open(self, frame: Any) -> None:
        request = json.loads(bytes(frame.body))
        self.opened.append(request["openEnvironment"])
        answer = self.answer_open or {"environment": {"handle": len(self.opened), "version": "v1", "isNew": False}}
        self.send(_frames.control(flags=1, request=frame.request, body=json.dumps(answer).encode()))

    def _finish(self, key: Key, reply: Any) -> None:
        call = self.running.pop(key, None) or self.parked.pop(key)
        if self.checks_slots:
            assert self.words[call["slot"]] & 255 == DONE, "a Reply came before its slot was done"
        self._free.append(call["slot"])
        if self.children.pop(key, None) is None:
            self.replies[key] = reply
            return
        names = ("flags", "code", "attempt", "call_hi", "call_lo", "run_ns")
        fields = {name: getattr(reply, name) for name in names}
        self.send(*wire.frames(_frames.reply, _frames.CHUNK_OF_REPLY, {**fields, "body": bytes(reply.body)}))

    def cancel(self, key: Key, by_signal: bool) -> None:
        """As a node stops a call that has begun: a sync one through its slot and a signal, an async one by a frame."""
        call = self.running.get(key) or self.parked[key]
        if by_signal:
            self.words[call["slot"]] = call["generation"] << 8 | CANCELLED
            os.kill(self.pid, signal.SIGUSR1)
        else:
            self.send(_frames.signal(what=_frames.CANCEL, call_hi=key[0], call_lo=key[1]))
