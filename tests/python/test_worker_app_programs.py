"""Programs and server functions in real replicas: started behind the fork, asked over their port, ended with their replica."""

from __future__ import annotations

import os
from socket import SHUT_WR
from typing import Any

import pytest
from app_requests import read, request
from program_fixtures import PROGRAM, Serve, ask, command, gone, serve, whole
from scripted_node import ReplicaEnded
from worker_fixtures import python

from hearth import _frames
from hearth._codes import Code

__all__ = ["python", "serve"]


# -- commands --------------------------------------------------------------------------------------------------------


def test_a_program_answers_what_its_replica_is_asked_and_ends_with_it(serve: Serve) -> None:
    replica = serve(command()).start(concurrency=100)
    response = ask(replica, request("/a?b=c", x_forwarded_for="192.0.2.7"))
    assert (response.status, response.body) == (200, b"192.0.2.7 /a?b=c")
    pid = int(ask(replica, request("/pid")).body)
    assert pid != replica.pid
    replica.end_politely()
    gone(pid)
    assert "the program says" in replica.printed()


def test_a_program_that_does_not_heed_its_end_is_killed(serve: Serve) -> None:
    replica = serve(command("stubborn")).start(concurrency=100)
    pid = int(ask(replica, request("/pid")).body)
    replica.end_politely()
    gone(pid)


def test_variables_of_a_command_are_replaced_when_it_starts(serve: Serve) -> None:
    words = ["$WORD", "a${WORD}b", "$ABSENT", "$", "$1", "$$WORD", "--port=$PORT"]
    replica = serve(command(*words), variables={"WORD": "x y"}).start(concurrency=100)
    *found, argument, port = ask(replica, request("/variables")).body.decode().rsplit(" ", 2)
    assert found == ["x y axyb $ABSENT $ $1 $x y".replace("axyb", "ax yb")] and argument == f"--port={port}"


def test_each_replica_has_a_port_of_its_own(serve: Serve) -> None:
    zygote = serve(command())
    ports = {ask(zygote.start(concurrency=100), request("/variables")).body for _ in range(3)}
    assert len(ports) == 3 and b"18080" in ports, "the first one has what the app names"


def test_kept_connections_are_used_again_and_those_that_are_gone_are_not(serve: Serve) -> None:
    replica = serve(command()).start(concurrency=100)
    assert len({ask(replica, request("/")).field("x-connection") for _ in range(5)}) == 1
    for _ in range(3):
        assert ask(replica, request("/drop")).body == b"dropped"
        assert ask(replica, request("/", "POST", b"body")).body == b"body"


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_bodies_go_to_a_program_and_come_back(serve: Serve, size: int) -> None:
    replica = serve(command()).start(concurrency=100)
    body = os.urandom(size)
    assert ask(replica, request("/", "POST", body)).body == body


def test_a_body_goes_to_a_program_as_it_comes(serve: Serve) -> None:
    replica = serve(command()).start(concurrency=100)
    key = replica.submit(0, body=request("/", "POST"), flags=_frames.CALL_INPUT)
    replica.next(_frames.SIGNAL)  # it asks for more
    for part, last in ((b"one ", 0), (b"two", _frames.CHUNK_LAST)):
        replica.send(_frames.chunk(request=1, flags=_frames.CHUNK_OF_STREAM | last, call_hi=key[0], call_lo=key[1], body=part))
    assert read(whole(replica, key)).body == b"one two"


def test_a_response_comes_as_it_is_made(serve: Serve) -> None:
    replica = serve(command()).start(concurrency=100)
    replica.submit(0, body=request("/count"), flags=_frames.CALL_STREAMS)
    parts = []
    while True:
        frame = replica.next()
        if frame.kind == _frames.REPLY:
            break
        if frame.kind == _frames.CHUNK:
            parts.append(bytes(frame.body))
    response = read(b"".join(parts) + bytes(frame.body))
    assert response.body == b"".join(b"%02d" % number for number in range(20)) and len(parts) > 5


def test_what_is_no_response_is_a_bad_gateway_and_the_replica_goes_on(serve: Serve) -> None:
    replica = serve(command()).start(concurrency=100)
    key = replica.submit(0, body=request("/garbage?secret"))
    assert read(whole(replica, key)).status == 502
    assert ask(replica, request("/")).status == 200
    logged = replica.logs_of(key)
    assert "no response to GET /garbage: its answer begins with b'what is this?'" in logged and "secret" not in logged


def test_a_response_that_ends_too_early_fails_the_request(serve: Serve) -> None:
    replica = serve(command()).start(concurrency=100)
    assert ask(replica, request("/ends?100")).status == 502, "nothing of it was passed on"
    assert replica.reply(replica.submit(0, body=request("/ends?100000"))).code == Code.USER_ERROR
    assert ask(replica, request("/")).status == 200


def test_the_end_of_a_program_is_the_end_of_its_replica(serve: Serve) -> None:
    replica = serve(command()).start(concurrency=100)
    with pytest.raises((EOFError, ConnectionResetError)):
        replica.reply(replica.submit(0, body=request("/exit")))
    assert "the replica ends, because the command `python3 program.py` ended with status 7" in replica.printed()


def test_a_program_ends_when_its_replica_is_killed(serve: Serve) -> None:
    replica = serve(command()).start(concurrency=100)
    pid = int(ask(replica, request("/pid")).body)
    os.kill(replica.pid, 9)
    gone(pid)


@pytest.mark.parametrize(
    ("words", "health", "sentence"),
    [
        (["python3", "program.py", "fails"], "", "the command `python3 program.py fails` ended with status 3 before it was ready"),
        (["no-such-program", "a b"], "", "the command `no-such-program 'a b'` cannot be started: 'no-such-program' is no program"),
        (["sh", "-c", "kill -9 $$"], "", "was ended by signal 9 (SIGKILL) before it was ready"),
    ],
)
def test_a_command_that_does_not_become_ready_is_told_with_its_end(serve: Serve, words: Any, health: str, sentence: str) -> None:
    with pytest.raises(ReplicaEnded) as caught:
        serve({"kind": "command", "command": words, "health": health}).start(concurrency=100)
    assert "App 'demo' cannot serve" in str(caught.value) and sentence in str(caught.value)


def test_a_program_that_ignores_the_port_it_is_told_is_on_a_machine_once(serve: Serve) -> None:
    zygote = serve({"kind": "command", "command": ["python3", "-m", "http.server", "18081"], "port": 18081})
    assert ask(zygote.start(concurrency=100), request("/program.py")).status == 200
    with pytest.raises(ReplicaEnded, match="Port 18081 is taken on this machine, so the variable PORT says"):
        zygote.start(concurrency=100)


def test_a_program_is_ready_when_its_health_says_so(serve: Serve) -> None:
    code = PROGRAM.replace('path == "/pid"', 'path == "/health"').replace(
        "self.respond(str(os.getpid()).encode())", "self.respond(b'', 503 if time.time() - BORN < 0.5 else 404)"
    ).replace("class Handler", "BORN = time.time()\nclass Handler")  # fmt: skip
    app = {"kind": "command", "command": ["python3", "-c", code], "health": "/health"}
    assert ask(serve(app).start(concurrency=100), request("/health")).status == 404


# -- server functions ------------------------------------------------------------------------------------------------

FUNCTIONS = """
import asyncio, os, sys
sys.path.insert(0, os.path.dirname(__file__))
import program

loaded_in = os.getpid()
state = []

def load():
    state.append("loaded")

async def load_async():
    state.append("and ready")

def unload():
    print("unloaded", state, flush=True)

def serve():
    program.Handler.do_PUT = lambda self: self.respond(f"{state} {os.getpid()} {loaded_in == os.getpid()}".encode())
    program.run()

async def serve_streams():
    async def answer(reader, writer):
        await reader.readuntil(b"\\r\\n\\r\\n")
        body = f"{state} {os.getpid()} {loaded_in == os.getpid()}".encode()
        writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\nconnection: close\\r\\n\\r\\n%b" % (len(body), body))
        await writer.drain()
        writer.close()
    server = await asyncio.start_server(answer, "127.0.0.1", int(os.environ["PORT"]))
    try:
        await server.serve_forever()
    finally:
        print("cancelled", flush=True)

def fails():
    raise ValueError("no weights")

def returns():
    pass
"""
HOOKS = ["start load", "async start load_async", "stop unload"]


@pytest.mark.parametrize("function", ["serve", "serve_streams"])
@pytest.mark.parametrize("order", ["fork", "become"])
def test_a_server_function_shares_a_process_with_its_hooks_and_ends_before_the_last_one(
    serve: Serve, function: str, order: str
) -> None:
    app = {"kind": "server", "module": "m", "attribute": function}
    zygote = serve(app, FUNCTIONS, HOOKS, forceSpawn=order == "become")
    replica = zygote.start(concurrency=100, order=order)
    body = ask(replica, request("/", "PUT")).body.decode()
    state, pid, is_new = body.rsplit(" ", 2)
    assert state == "['loaded', 'and ready']" and (is_new == "True") == (order == "become")
    assert int(pid) != replica.pid
    if order == "fork":
        replica.end_politely()
    else:
        replica.socket.shutdown(SHUT_WR)
    gone(int(pid))
    printed = replica.printed() if order == "fork" else zygote.stdout()
    assert "unloaded ['loaded', 'and ready']" in printed and ("cancelled" in printed) == (function == "serve_streams")


@pytest.mark.parametrize(
    ("function", "hooks", "sentence"),
    [
        ("fails", (), "the server function 'fails' ended with status 1 before it was ready"),
        ("returns", (), "the server function 'returns' ended with status 0 before it was ready"),
        ("serve", ["start fails"], "@demo.on_startup 'fails' failed, so no call can be served: ValueError: no weights"),
    ],
)
@pytest.mark.parametrize("order", ["fork", "become"])
def test_a_server_function_that_does_not_begin_is_told(
    serve: Serve, function: str, hooks: Any, sentence: str, order: str
) -> None:
    zygote = serve({"kind": "server", "module": "m", "attribute": function}, FUNCTIONS, hooks, forceSpawn=order == "become")
    with pytest.raises(ReplicaEnded) as caught:
        zygote.start(concurrency=100, order=order)
    assert sentence in str(caught.value)
    if function == "fails" and order == "fork":
        printed = zygote.replicas[-1].printed()
        assert "ValueError: no weights" in printed and "hearth/_worker" not in printed


def test_a_server_function_that_is_not_there_is_told_before_any_replica_starts(serve: Serve) -> None:
    zygote = serve({"kind": "server", "module": "m", "attribute": "absent"}, FUNCTIONS)
    assert zygote.event["failed"]["code"] == Code.MODULE_LOAD and "The server function of app 'demo' is not there" in zygote.failure
