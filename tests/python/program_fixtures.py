"""A program that listens on a port, and zygotes of apps that have it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from app_requests import Response, read
from scripted_node import Replica, Zygote

from hearth._codes import Code

__all__ = ["PROGRAM", "Serve", "ask", "command", "gone", "serve", "whole"]

HOST = "hearth._worker.apps"
PATIENCE = 30.0  # seconds
Serve = Callable[..., Zygote]

# A server of few lines, which does what its paths say.
PROGRAM = r"""
import base64, hashlib, http.server, os, signal, socketserver, sys, threading, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        parts = []
        while True:
            size = int(self.rfile.readline(), 16)
            parts.append(self.rfile.read(size + 2)[:size])
            if not size:
                return b"".join(parts)

    def respond(self, body, status=200):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-connection", str(self.client_address[1]))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/pid":
            self.respond(str(os.getpid()).encode())
        elif path == "/variables":
            self.respond(" ".join([*sys.argv[1:], os.environ["PORT"]]).encode())
        elif path == "/garbage":
            self.wfile.write(b"what is this?\r\n\r\n")
            self.close_connection = True
        elif path == "/ends":
            self.send_response(200)
            self.send_header("content-length", self.path.partition("?")[2] or "100")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
        elif path == "/drop":  # the connection ends behind the answer, unsaid
            self.respond(b"dropped")
            self.close_connection = True
        elif path == "/count":
            self.send_response(200)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for number in range(20):
                self.wfile.write(b"2\r\n%02d\r\n" % number)
                time.sleep(0.02)
            self.wfile.write(b"0\r\n\r\n")
        elif path == "/exit":
            os._exit(7)
        elif path == "/socket":
            self.socket()
        else:
            self.respond(self.headers.get("x-forwarded-for", "").encode() + b" " + self.path.encode())

    def do_POST(self):
        if self.path == "/early":
            self.respond(b"no", 403)
            self.close_connection = True
            return
        self.respond(self.body())

    def socket(self):
        accept = base64.b64encode(hashlib.sha1(self.headers["sec-websocket-key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        head = ["HTTP/1.1 101 Switching Protocols", "upgrade: websocket", "connection: Upgrade", "x-own: 1",
                f"sec-websocket-accept: {accept.decode()}"]
        self.wfile.write(("\r\n".join(head) + "\r\n\r\n").encode())
        self.close_connection = True
        while True:
            first, size = self.rfile.read(2)
            size &= 127
            if size == 126:
                size = int.from_bytes(self.rfile.read(2), "big")
            mask = self.rfile.read(4)
            content = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(size)))
            if first & 15 == 8:
                print("closed", content[:2].hex(), content[2:].decode(), flush=True)
                return self.wfile.write(bytes([0x88, len(content)]) + content)
            if content == b"close":
                return self.wfile.write(b"\x88\x07\x0b\xb9asked")
            if content == b"break":
                return self.wfile.write(b"\xff\x00")
            length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
            self.wfile.write(b"\x89\x01p" + bytes([first]) + length + content)

    def log_message(self, *args):
        pass

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 100

def run():
    Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()

if __name__ == "__main__":
    print("the program says", *sys.argv[1:], flush=True)
    if "fails" in sys.argv:
        sys.exit(3)
    if "stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    run()
"""


@pytest.fixture
def serve(tmp_path: Path, python: str) -> Iterator[Serve]:
    """serve(app, code): a zygote for an app, whose rows are `app`; the program above is beside the code, as program.py."""
    made: List[Zygote] = []

    def zygote(app: Any, code: str = "", hooks: Any = (), **configure: Any) -> Zygote:
        own = [f"async start {HOST}:start", f"async stop {HOST}:stop"]
        made.append(
            Zygote(
                tmp_path / f"code{len(made)}",
                {"m.py": code, "program.py": PROGRAM},
                [f"{HOST}:request:async"] * 2,
                python=python,
                hooks=[*hooks, *own] if app["kind"] == "command" else [*own, *hooks],
                app={"port": 18080, **app},
                reuse={"enabled": True, "concurrency": 100},
                **configure,
            )
        )
        return made[-1]

    yield zygote
    for one in made:
        one.close()


def command(*words: str, **more: Any) -> Any:
    return {"kind": "command", "command": ["python3", "program.py", *words], **more}


def ask(replica: Replica, data: bytes) -> Response:
    return read(whole(replica, replica.submit(0, body=data)))


def whole(replica: Replica, key: Any) -> bytes:
    reply = replica.reply(key)
    if reply.code:
        raise AssertionError(f"{Code(reply.code)}: {replica.printed()}")
    return bytes(reply.body)


def gone(pid: int) -> None:
    """Waits until no process has this number."""
    deadline = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "the program still runs"
        time.sleep(0.01)
