"""A node in this process for tests of the client: real frames on a real socket, scripted behaviour behind them."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from typing import Any, Callable, Dict, List, Optional

import wire

from hearth import _frames, _values

PROTOCOL = 1


class FakeCall:
    """One Call that arrived; `answer`, `fail` and `refuse` may be used from any thread, once."""

    def __init__(self, session: "FakeSession", frame: Any, task: Any) -> None:
        self.session = session
        self.frame = frame
        self.task = task
        self.cancelled = threading.Event()
        key, self.body = wire.parted(frame.body)
        session.node.keys.append(key)
        session.node.flags.append(frame.flags)

    @property
    def codec(self) -> Any:
        return _values.codec_of(self.task.name, self.task.func, 0)

    @property
    def arguments(self) -> Dict[str, Any]:
        found: Dict[str, Any] = self.codec.decode_arguments(self.body)
        return found

    def answer(self, value: Any) -> None:
        self._end_run("SUCCEEDED")
        self._reply(self.codec.encode_result(value))

    def fail(self, code: int, text: str) -> None:
        self._end_run("ABORTED" if code == 13 else "FAILED")
        self._reply(text.encode(), flags=_frames.REPLY_FAILED | _frames.REPLY_TEXT, code=code)

    def raise_in_task(self, error: BaseException) -> None:
        """The answer of an interpreter whose task raised `error`."""
        self._end_run("FAILED")
        body = _values.encode_failure(error, self.task)
        self._reply(body, flags=_frames.REPLY_FAILED, code=1)

    def print(self, text: str, stream: int = 1) -> None:
        """What the task writes, as the client hears it."""
        ids = {"call_hi": self.frame.call_hi, "call_lo": self.frame.call_lo}
        self.session.put(_frames.log(flags=stream, **ids, unix_ns=time.time_ns(), replica=1, body=text.encode()))

    def _end_run(self, phase: str) -> None:
        name = self.session.run_of.get(self.frame.call_lo)
        if name is not None:
            self.session.node.runs[name]["phase"] = phase

    def _reply(self, body: Any, **fields: int) -> None:
        first, rest = _frames.parts(body)
        fields["flags"] = fields.get("flags", 0) | self.session.node.reply_flags
        ids = {"call_hi": self.frame.call_hi, "call_lo": self.frame.call_lo}
        frames = [_frames.reply(**fields, **ids, attempt=1, size=len(body), body=first)]
        for offset, part, last in rest:
            flags = _frames.CHUNK_OF_REPLY | (_frames.CHUNK_LAST if last else 0)
            frames.append(_frames.chunk(flags=flags, **ids, offset=offset, body=part))
        self.session.put(b"".join(frames))


class FakeSession:
    """One client connection."""

    def __init__(self, node: "FakeNode", sock: socket.socket) -> None:
        self.node = node
        self.sock = sock
        self.open: Dict[int, FakeCall] = {}
        self.uploads: Dict[int, Any] = {}
        self.run_of: Dict[int, str] = {}  # low word of a root call -> name
        self._write = threading.Lock()
        self._out: Optional[List[bytes]] = None
        self._reading = 0

    def put(self, data: bytes) -> None:
        if self._out is not None and threading.get_ident() == self._reading:
            self._out.append(data)
        else:
            self.send(data)

    def send(self, data: bytes) -> None:
        try:
            with self._write:
                self.sock.sendall(data)
        except OSError:
            pass  # the client is gone; tests look at that from the other side

    def run(self) -> None:
        reader = _frames.Reader(self.sock)
        self._reading = threading.get_ident()
        try:
            while True:
                frames: List[Any] = []
                if not reader.read(frames):
                    return
                self._out = []
                for frame in frames:
                    self._take(frame)
                out, self._out = self._out, None
                if out:
                    self.send(b"".join(out))
        except OSError:
            return
        finally:
            self.node.gone.append(self)

    def _take(self, frame: Any) -> None:
        if frame.kind == _frames.CALL:
            task = self.node.tasks[self.node.opened[frame.environment - 1]["tasks"][frame.task]["name"]]
            call = FakeCall(self, frame, task)
            self.node.calls += 1
            self.open[frame.call_lo] = call
            self.node.most_open = max(self.node.most_open, len(self.open))
            behaviour = self.node.behaviour.get(task.name, self.node.execute)
            behaviour(call)
        elif frame.kind == _frames.SIGNAL:
            self.node.signals.append(frame)
            call_of = self.open.get(frame.call_lo)
            if frame.what == _frames.CANCEL and call_of is not None:
                call_of.cancelled.set()
                self.node.on_cancel(call_of, bytes(frame.body).decode())
        elif frame.kind == _frames.CHUNK:
            self._upload(frame)
        elif frame.kind == _frames.CONTROL:
            (name, value), *_ = json.loads(bytes(frame.body)).items()
            self.node.requests.append((name, value))
            handler = getattr(self, "on_" + name, None)
            response = handler(frame.request, value) if handler else self.node.responses[name]
            if response is not None:
                self.respond(frame.request, response)

    def respond(self, request: int, response: Any, more: bool = False) -> None:
        flags = _frames.CONTROL_RESPONSE | (_frames.CONTROL_MORE if more else 0)
        self.put(_frames.control(flags=flags, request=request, body=json.dumps(response).encode()))

    def finished(self, call: FakeCall) -> None:
        self.open.pop(call.frame.call_lo, None)

    def on_hello(self, request: int, value: Any) -> Any:
        node = self.node
        return {
            "hello": {
                "protocol": PROTOCOL,
                "node": "fake",
                "version": "test",
                "windowCalls": node.window_calls,
                "windowBytes": str(node.window_bytes),
                "valueBytesMax": str(node.value_bytes_max),
                "private": True,
            }
        }

    def on_putBundle(self, request: int, value: Any) -> Any:
        if value["digest"] in self.node.bundles:
            return {"bundle": {"digest": value["digest"], "stored": True}}
        self.uploads[request] = (value["digest"], int(value["size"]), bytearray())
        needed = {"bundle": {"digest": value["digest"], "stored": False}}
        self.respond(request, needed, more=self.node.more_after_needed)
        return None

    def _upload(self, frame: Any) -> None:
        digest, size, data = self.uploads[frame.request]
        data += frame.body
        if len(data) == size:
            del self.uploads[frame.request]
            self.node.bundles[digest] = bytes(data)
            self.respond(frame.request, {"bundle": {"digest": digest, "stored": True}})

    def on_startRun(self, request: int, value: Any) -> Any:
        root = (int(value["callHi"]), int(value["callLo"]))
        known = self.node.roots.get(root)
        name = known or value["name"] or f"r{len(self.node.runs):012}"
        if name in self.node.runs and not known:
            return {"error": {"code": 40, "name": "name_taken", "message": f"A run {name} exists."}}
        self.node.roots[root] = name
        ids = {"callHi": value["callHi"], "callLo": value["callLo"]}
        row = {"name": name, "phase": "RUNNING", "actions": "1", "durationMs": "5", **ids, **_place(value)}
        self.node.runs[name] = row
        self.run_of[int(value["callLo"])] = name
        return None if self.node.never_accepts else {"run": self.node.runs[name]}

    def on_rerun(self, request: int, value: Any) -> Any:
        row = {**self.node.runs[value["name"]], "name": value["newName"], "callHi": value["callHi"], "callLo": value["callLo"]}
        self.node.runs[value["newName"]] = row
        return {"run": row}

    def on_result(self, request: int, value: Any) -> Any:
        if value not in self.node.results:
            return {"error": {"code": 33, "name": "unknown_run", "message": f"There is no result of {value}."}}
        row = self.node.runs[value]
        body = wire.result(self.node.results[value])
        self.put(_frames.reply(call_hi=int(row["callHi"]), call_lo=int(row["callLo"]), attempt=1, body=body))
        return {"done": {"detail": ""}}

    def on_wait(self, request: int, value: Any) -> Any:
        return {"run": self.node.runs[value]}

    def on_get(self, request: int, value: Any) -> Any:
        if value["what"] == "runs":
            return {"runs": [row for name, row in self.node.runs.items() if value["name"] in ("", name)]}
        if value["what"] in self.node.listings:
            return {value["what"]: self.node.listings[value["what"]](value["name"])}
        return {"actions": self.node.actions}

    def on_abort(self, request: int, value: Any) -> Any:
        row = self.node.runs[value["run"]]
        for lo, name in self.run_of.items():
            if name == value["run"] and lo in self.open:
                self.node.on_cancel(self.open[lo], value["reason"])
        return {"run": row}

    def on_logs(self, request: int, value: Any) -> Any:
        for frame in self.node.logs:
            self.put(frame)
        return {"done": {"detail": ""}}

    def on_openEnvironment(self, request: int, value: Any) -> Any:
        refusal = self.node.refuse_open
        if refusal is not None and self.node.refuse_open_times > 0:
            self.node.refuse_open_times -= 1
            return {"error": refusal}
        self.node.opened.append(value)
        return {"environment": {"handle": len(self.node.opened), "version": "0123456789abcde", "isNew": True}}

    on_deploy = on_openEnvironment


def _place(value: Any) -> Dict[str, Any]:
    return {"detached": value["detach"], **{word: value[word] for word in ("project", "domain", "inputs")}}


class FakeNode:
    """Listens at `path`; serves `tasks` by running their functions in its own threads."""

    def __init__(self, path: str, *tasks: Any) -> None:
        self.path = path
        self.tasks = {task.name: task for task in tasks}
        self.behaviour: Dict[str, Callable[[FakeCall], None]] = {}
        self.responses: Dict[str, Any] = {}
        self.refuse_open: Any = None
        self.refuse_open_times = 1 << 30
        self.more_after_needed = True
        self.never_accepts = False  # leaves `startRun` unanswered
        self.window_calls = 4096
        self.window_bytes = 64 * 1024 * 1024
        self.value_bytes_max = 2 * 1024**3
        self.bundles: Dict[str, bytes] = {}
        self.opened: List[Any] = []
        self.requests: List[Any] = []
        self.signals: List[Any] = []
        self.sessions: List[FakeSession] = []
        self.gone: List[FakeSession] = []
        self.runs: Dict[str, Any] = {}
        self.roots: Dict[Any, str] = {}  # id of a root call -> name of its run
        self.results: Dict[str, Any] = {}  # what the request `result` of a run is answered with
        self.actions: List[Any] = []
        self.listings: Dict[str, Callable[[str], List[Any]]] = {}  # by what is asked for: rows of these names
        self.logs: List[bytes] = []  # Log frames that a `logs` request gets
        self.keys: List[bytes] = []  # what each call had before its arguments
        self.flags: List[int] = []  # of each call
        self.reply_flags = 0  # of each reply
        self.calls = 0
        self.most_open = 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            session = FakeSession(self, sock)
            self.sessions.append(session)
            threading.Thread(target=session.run, daemon=True).start()

    def execute(self, call: FakeCall) -> None:
        """What happens to a call unless `behaviour` says otherwise: its function runs."""
        call.session.finished(call)
        try:
            value = call.task.func(**call.arguments)
        except Exception as error:
            call.fail(1, f"{type(error).__name__}: {error}")
            return
        call.answer(value)

    def on_cancel(self, call: FakeCall, reason: str) -> None:
        call.session.finished(call)
        call.fail(13, f"The call was aborted: {reason}.")

    def names(self, request: str) -> List[Any]:
        """Contents of the requests of this kind that arrived."""
        return [value for name, value in self.requests if name == request]

    def drop(self) -> None:
        """Ends all connections, as a node that dies does."""
        for session in list(self.sessions):  # not those that come while this goes on
            try:
                session.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        self._listener.close()
        self.drop()
        if os.path.exists(self.path):
            os.unlink(self.path)


def until(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> None:
    """Waits for a condition; fails the test naming it when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.001)
