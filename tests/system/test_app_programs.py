"""Apps that are programs of their own, or functions that serve a port: on a real node they come, answer and go like other apps."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path
from typing import Any, Callable, Dict, List, Set

import pytest
from conftest import Node, alive, wait_until
from sandboxes import why_no_sandbox
from web import Client, Web, all_at_once, asking, go_on, socket_of
from web_socket import BINARY, TEXT, WebSocket

NO_SANDBOX = why_no_sandbox([])

PROGRAM = r'''
"""A server that does what its paths say, and journals its processes."""
import base64, hashlib, http.server, os, socketserver, sys, threading, time

def frame(rfile):
    first, size = rfile.read(2)
    size &= 127
    if size > 125:
        size = int.from_bytes(rfile.read(2 if size == 126 else 8), "big")
    mask = rfile.read(4)
    return first & 15, bytes(byte ^ mask[at % 4] for at, byte in enumerate(rfile.read(size)))

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def respond(self, body, status=200):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/socket":
            return self.socket()
        if path == "/garbage":
            self.close_connection = True
            return self.wfile.write(b"\x15\x03\x01 this is another protocol")
        if path == "/count":
            self.send_response(200)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for number in range(20):
                line = b"data: %d\n\n" % number
                self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
                time.sleep(0.05)
            return self.wfile.write(b"0\r\n\r\n")
        if path == "/wait":
            time.sleep(1)
        word = {"/arguments": " ".join(sys.argv[1:]), "/port": os.environ["PORT"]}
        self.respond(word.get(path, str(os.getpid())).encode())

    def do_POST(self):
        digest, size = hashlib.sha256(), 0
        for piece in self.body():
            digest.update(piece)
            size += len(piece)
        self.respond(f"{digest.hexdigest()} {size}".encode())

    def body(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return (yield self.rfile.read(int(self.headers.get("content-length", 0))))
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def socket(self):
        key = self.headers["sec-websocket-key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("upgrade", "websocket")
        self.send_header("connection", "Upgrade")
        self.send_header("sec-websocket-accept", base64.b64encode(hashlib.sha1(key).digest()).decode())
        self.end_headers()
        self.close_connection = True
        while True:
            opcode, content = frame(self.rfile)
            size = len(content)
            length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")
            self.wfile.write(bytes([0x80 | opcode]) + length + content)
            if opcode == 8:
                return

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 200

def run():
    Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()

if __name__ == "__main__":
    print("the program begins", flush=True)
    run()
'''

APP = '''
import asyncio, os, sys
import hearth, hearth.app
import program

scaling = hearth.app.Scaling(replicas=(0, 2), scaledown_after=1)
env = hearth.app.AppEnvironment("web", command=["python3", "program.py", "$WORD"], env_vars={"WORD": "it's $PORT"}, scaling=scaling,
                                port=18090, include=["program.py"])
boxed = hearth.app.AppEnvironment("boxed", command="python3 program.py", scaling=scaling, isolation="sandbox")
two = hearth.app.AppEnvironment("two", command="python3 program.py", scaling=hearth.app.Scaling(replicas=(2, 2)), health="/")
ends = hearth.app.AppEnvironment("ends", command=["sh", "-c", "echo no weights there; exit 3"])
absent = hearth.app.AppEnvironment("absent", command="no-such-program --port $PORT")
sync = hearth.app.AppEnvironment("sync", scaling=scaling)
aio = hearth.app.AppEnvironment("aio", scaling=scaling)

state = []

@sync.on_startup
@aio.on_startup
def load():
    state.append("loaded")

@aio.on_startup
async def load_more():
    state.append(str(asyncio.get_running_loop() is not None))

@sync.on_shutdown
@aio.on_shutdown
def unload():
    print("unloaded", state, flush=True)

@sync.server
def serve():
    program.Handler.do_PUT = lambda self: self.respond(" ".join(state).encode())
    program.run()

@aio.server
async def serve_async():
    async def answer(reader, writer):
        await reader.readuntil(b"\\r\\n\\r\\n")
        body = " ".join(state).encode()
        writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\nconnection: close\\r\\n\\r\\n%b" % (len(body), body))
        await writer.drain()
        writer.close()
    async with await asyncio.start_server(answer, "127.0.0.1", int(os.environ["PORT"])) as server:
        await server.serve_forever()

if __name__ == "__main__":
    hearth.serve(globals()[sys.argv[1]])
'''


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    node = make_node()
    node.start()
    node.write("shop.py", APP)
    node.write("program.py", PROGRAM)
    return node


def served(node: Node, variable: str = "env", app: str = "web") -> Web:
    node.python("shop.py", variable)
    return Web(node, app)


def replicas(node: Node, app: str = "web") -> List[Dict[str, Any]]:
    return [row for row in node.rows("replicas") if row["environment"] == app and row["state"] in ("idle", "busy")]


def row_of(node: Node, app: str) -> Dict[str, Any]:
    (row,) = json.loads(node.command("get", "app", app, "-o", "json").stdout)
    return row


def processes_of(pid: int) -> Set[int]:
    """It, and all below it."""
    found = {pid}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            found |= processes_of(int(child))
    return found


def processes_of_replicas(node: Node, app: str = "web") -> Set[int]:
    return {pid for row in replicas(node, app) for pid in processes_of(int(row["pid"]))}


# -- requests --------------------------------------------------------------------------------------------------------


def test_a_program_is_started_by_the_first_request_and_ended_when_there_are_none(node: Node) -> None:
    web = served(node)
    assert not replicas(node)
    pid = int(web.ask("/").body)
    assert alive(pid)
    assert pid in processes_of_replicas(node)
    wait_until(lambda: not replicas(node), "no replica after the last request")
    wait_until(lambda: not alive(pid), "the end of the program")
    assert int(web.ask("/").body) != pid


def test_words_of_a_command_and_its_port_come_from_variables(node: Node) -> None:
    web = served(node)
    port = web.ask("/port").body.decode()
    assert web.ask("/arguments").body.decode() == "it's $PORT", "what a variable says is not replaced once more"
    assert int(port) > 0


def test_many_requests_at_once_to_an_app_without_replicas_are_all_answered(node: Node) -> None:
    served(node)
    answers = all_at_once(50, lambda index: Web(node, "web").ask("/", "POST", b"%d" % index))
    assert [answer.body for answer in answers] == [
        f"{hashlib.sha256(b'%d' % index).hexdigest()} {len(b'%d' % index)}".encode() for index in range(50)
    ]


def test_a_response_comes_as_the_program_makes_it(node: Node) -> None:
    web = served(node)
    assert web.ask("/").status == 200
    seen: List[bytes] = []
    for line in web.lines("/count"):
        if not seen:
            assert replicas(node), "it still runs while its first line is here"
        seen.append(line)
    assert [line for line in seen if line.strip()] == [b"data: %d\n" % number for number in range(20)]


def test_bodies_of_some_mib_reach_the_program(node: Node) -> None:
    web = served(node)
    for size in (0, 70_000, 5_000_000):
        body = os.urandom(size)
        assert web.ask("/", "POST", body).body.decode() == f"{hashlib.sha256(body).hexdigest()} {size}"


def test_what_is_no_response_is_a_bad_gateway_and_the_replica_goes_on(node: Node) -> None:
    web = served(node)
    pid = web.ask("/").body
    assert web.ask("/garbage").status == 502
    assert web.ask("/").body == pid


# -- programs that end -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("app", "sentence"),
    [
        ("ends", "the command `sh -c 'echo no weights there; exit 3'` ended with status 3 before it was ready"),
        ("absent", "'no-such-program' is no program that can be executed on this node"),
    ],
)
def test_a_program_that_cannot_serve_is_told_where_other_apps_are(node: Node, app: str, sentence: str) -> None:
    web = served(node, app, app)
    answers: List[Any] = []

    def asked_until_paused() -> bool:
        answers.append(web.ask("/"))
        return answers[-1].status == 503 and b"not started for now" in answers[-1].body

    wait_until(asked_until_paused, lambda: f"a pause between starts; the last answer was {answers[-1]}")
    assert {answer.status for answer in answers} == {503}
    row = row_of(node, app)
    assert (row["status"], row["subStatus"]) == ("FAILED", "CRASH_LOOP")
    told = node.command("get", "app", app).stdout
    assert sentence in row["why"] + row["lastOutput"] and sentence in told.replace("\n", " ")
    if app == "ends":
        assert "no weights there" in row["why"] + row["lastOutput"] and "no weights there" in told


def test_a_program_that_is_killed_under_traffic_is_replaced_and_requests_that_may_run_twice_are_answered(node: Node) -> None:
    served(node)
    clients = [Client(Web(node, "web"), lambda web, number: web.ask("/")) for _ in range(4)]
    with asking(*clients):
        go_on(clients, 10)
        killed = int(clients[0].answers[-1].body)
        assert killed in processes_of_replicas(node)
        os.kill(killed, signal.SIGKILL)
        go_on(clients, 20)
    for client in clients:
        assert {answer.status for answer in client.answers} == {200}
        assert int(client.answers[-1].body) != killed


@pytest.mark.parametrize("app", ["web", pytest.param("boxed", marks=pytest.mark.skipif(bool(NO_SANDBOX), reason=NO_SANDBOX))])
def test_nothing_of_a_program_survives_its_replica(node: Node, app: str) -> None:
    web = served(node, "env" if app == "web" else app, app)
    assert web.ask("/").status == 200
    (replica,) = replicas(node, app)
    below = processes_of(int(replica["pid"]))
    assert len(below) == 2
    os.kill(int(replica["pid"]), signal.SIGKILL)
    wait_until(lambda: not any(map(alive, below)), "the end of the program")
    assert web.ask("/").status == 200


def test_a_program_that_takes_its_port_from_the_variable_has_several_replicas_on_a_node(node: Node) -> None:
    served(node, "two", "two")
    wait_until(lambda: len(replicas(node, "two")) == 2, "two replicas")
    answers = all_at_once(40, lambda index: Web(node, "two").ask("/wait" if index % 2 else "/port"))
    assert {answer.status for answer in answers} == {200}


# -- server functions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("app", "state"), [("sync", b"loaded"), ("aio", b"loaded True")])
def test_a_server_function_shares_its_variables_with_what_runs_before_and_after_it(node: Node, app: str, state: bytes) -> None:
    web = served(node, app, app)
    assert web.ask("/", "PUT", b"").body == state
    (replica,) = replicas(node, app)
    below = processes_of(int(replica["pid"]))
    assert len(below) == 2
    wait_until(lambda: not replicas(node, app), "no replica after the last request")
    wait_until(lambda: not any(map(alive, below)), "the end of the server's process")
    logged = node.command("logs", f"app/{app}").stdout
    assert "unloaded ['loaded'" in logged


# -- what clients send as it comes -----------------------------------------------------------------------------------

def test_messages_of_any_size_come_back_over_a_web_socket(node: Node) -> None:
    served(node)
    socket = WebSocket(socket_of(node), "web", "/socket")
    for content, opcode in ((b"hello", TEXT), (os.urandom(1000), BINARY), (b"x" * 100_000, TEXT), (b"", TEXT)):
        socket.send(content, opcode)
        assert socket.message() == content
    assert socket.close(4000)[0] == 4000


def test_a_body_of_any_length_goes_to_the_program_as_it_comes(node: Node) -> None:
    web = served(node)
    body = os.urandom(1 << 20) * 20
    assert web.ask("/", "POST", body).body.decode() == f"{hashlib.sha256(body).hexdigest()} {len(body)}"
