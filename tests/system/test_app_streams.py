"""Requests that go to an app as they come, and WebSockets: on one node, and from any node of a cluster."""

from __future__ import annotations

import json
import os
import shutil
import socket
import textwrap
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from conftest import Node, wait_until
from machine import Machine
from web import Web, raw, socket_of
from web_socket import BINARY, CLOSE, PING, PONG, TEXT, Refused, WebSocket

APP = '''
import asyncio, hashlib, os
import hearth, hearth.app

async def web(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    path = scope["path"].rsplit("/", 1)[-1]
    await (over_socket if scope["type"] == "websocket" else over_http)(path, scope, receive, send)

async def over_http(path, scope, receive, send):
    async def begin(status=200):
        await send({"type": "http.response.start", "status": status, "headers": []})
    if path == "early":  # answers before the body is there
        await begin(403)
        return await send({"type": "http.response.body", "body": b"no"})
    if path == "echo":
        await begin()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return print("the client left", flush=True)
            more = message["more_body"]
            await send({"type": "http.response.body", "body": message["body"], "more_body": True})
        return await send({"type": "http.response.body", "body": b""})
    digest, pieces, largest, more = hashlib.sha256(), 0, 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return print("the client left", flush=True)
        digest.update(message["body"])
        pieces, largest, more = pieces + 1, max(largest, len(message["body"])), message["more_body"]
        if path == "slow":
            await asyncio.sleep(0.005)
    await begin()
    await send({"type": "http.response.body", "body": f"{digest.hexdigest()} {pieces} {largest}".encode()})

MARK = []  # of this process, which is a fork: numbers of processes may be the same in each sandbox

def mark():
    if not MARK:
        MARK.append(os.urandom(8).hex().encode())
    return MARK[0]

async def over_socket(path, scope, receive, send):
    assert (await receive())["type"] == "websocket.connect"
    if path == "refuse":
        return await send({"type": "websocket.close"})
    if path == "nothing":
        return
    chosen = scope["subprotocols"][0] if scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": chosen, "headers": [(b"x-mark", mark())]})
    if path == "raises":
        raise ValueError("in the middle")
    if path == "returns":
        return
    if path == "count":
        for number in range(100_000):
            await send({"type": "websocket.send", "bytes": number.to_bytes(4, "big") * 250})
        return await send({"type": "websocket.close", "code": 4000, "reason": "counted"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return print("disconnected", message["code"], message.get("reason"), flush=True)
        if message.get("text") == "close":
            return await send({"type": "websocket.close", "code": 3001, "reason": "asked to"})
        if message.get("text") == "rest":
            await asyncio.sleep(3)
            continue
        await send({"type": "websocket.send", **{key: message[key] for key in ("text", "bytes") if message.get(key) is not None}})

env = hearth.app.AppEnvironment("web", app=web, scaling=hearth.app.Scaling(replicas=(0, 2), scaledown_after=1))
spread = hearth.app.AppEnvironment("spread", app=web, scaling=hearth.app.Scaling(replicas=(3, 3)))

if __name__ == "__main__":
    import sys
    hearth.serve(globals()[sys.argv[1]])
'''


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    node = make_node()
    node.start()
    node.write("shop.py", APP)
    node.python("shop.py", "env")
    return node


def opened(node: Node, path: str = "/", **headers: str) -> WebSocket:
    return WebSocket(socket_of(node), "web", path, **headers)


def output(node: Node) -> str:
    """What the replicas of the app have printed."""
    return "".join(node.command("logs", f"replica/{row['id']}").stdout for row in node.rows("replicas") if row["environment"] == "web")


def memory(node: Node) -> int:
    """Resident KiB of the daemon."""
    for line in Path(f"/proc/{node.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError("a process without memory")


# -- bodies --------------------------------------------------------------------------------------------------------------


def digest(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_a_body_of_any_length_goes_to_the_app_as_it_comes_and_the_node_does_not_hold_it(node: Node) -> None:
    body = os.urandom(1 << 20) * 64
    assert Web(node, "web").ask("/hash", "POST", b"warm").status == 200
    before = memory(node)
    for path in ("/hash", "/slow"):
        answer = Web(node, "web").ask(path, "POST", body)
        found, pieces, largest = answer.body.decode().split()
        assert (answer.status, found) == (200, digest(body))
        assert int(pieces) > 64 and int(largest) <= 256 * 1024
    assert memory(node) - before < 16 * 1024, "KiB more than before, of a body of 64 MiB"


def test_a_body_in_chunks_reaches_the_app_whole_whatever_its_pieces_are(node: Node) -> None:
    pieces = [os.urandom(size) for size in (1, 10, 100_000, 3, 300_000, 7)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    head = b"POST /apps/default/development/web/hash HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = raw(node, head + body)
    assert answer.startswith(b"HTTP/1.1 200 ") and digest(b"".join(pieces)).encode() in answer


def test_an_app_answers_while_the_body_still_comes(node: Node) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(socket_of(node)))
        client.sendall(b"POST /apps/default/development/web/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        answer = b""
        for number in range(5):
            client.sendall(b"6\r\npart %d\r\n" % number)
            while b"part %d" % number not in answer:
                answer += client.recv(65536)
        client.sendall(b"0\r\n\r\nGET /apps/default/development/web/hash HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        while part := client.recv(65536):
            answer += part
    assert answer.count(b"HTTP/1.1 200 OK") == 2, "the connection is used again"


def test_an_answer_before_the_end_of_the_body_ends_the_connection_behind_it(node: Node) -> None:
    head = b"POST /apps/default/development/web/early HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
    answer = raw(node, head + bytes(1000))
    assert answer.startswith(b"HTTP/1.1 403 ") and b"connection: close" in answer.lower()


def test_who_expects_a_word_before_a_long_body_hears_it_when_the_app_wants_the_body(node: Node) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(socket_of(node)))
        client.sendall(
            b"POST /apps/default/development/web/hash HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(bytes(100_000))
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_an_app_hears_that_a_client_left_in_the_middle_of_its_body(node: Node) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(socket_of(node)))
        client.sendall(b"POST /apps/default/development/web/hash HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + bytes(10))
        wait_until(lambda: any(row["running"] for row in node.rows("replicas")), "the app to have the request")
    wait_until(lambda: "the client left" in output(node), "the app to hear it")


def test_a_body_that_is_no_body_is_refused_and_the_app_hears_no_end_of_it(node: Node) -> None:
    head = b"POST /apps/default/development/web/hash HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert raw(node, head + b"5\r\nhello\r\nnonsense\r\n").startswith(b"HTTP/1.1 400 ")
    assert Web(node, "web").ask("/hash", "POST", b"x").status == 200


# -- sockets -------------------------------------------------------------------------------------------------------------


def test_messages_of_any_size_come_back_in_order(node: Node) -> None:
    web = opened(node)
    for content in (b"hello", "grüß".encode(), b"x" * 125, b"x" * 126, b"x" * 70_000, b"x" * 3_000_000, b""):
        web.send(content)
        assert web.message() == content
    binary = os.urandom(500_000)
    web.send(binary, BINARY)
    assert web.frame() == (BINARY, binary)
    web.send(b"one ", TEXT, final=False)
    web.send(b"?", PING)
    web.send(b"message", 0)
    assert web.frame() == (PONG, b"?")
    assert web.frame() == (TEXT, b"one message")
    assert web.close() == (1000, b"")


def test_an_app_chooses_a_subprotocol_or_refuses(node: Node) -> None:
    web = opened(node, Sec_WebSocket_Protocol="chat, superchat")
    assert web.headers["sec-websocket-protocol"] == "chat" and len(web.headers["x-mark"]) == 16
    assert web.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    web.close()
    for path, status in (("/refuse", 403), ("/nothing", 500)):
        with pytest.raises(Refused) as refused:
            opened(node, path)
        assert refused.value.status == status
    for wrong, status in (({"Sec_WebSocket_Version": "8"}, 426), ({"Sec_WebSocket_Key": "short"}, 400)):
        with pytest.raises(Refused) as refused:
            opened(node, **wrong)
        assert refused.value.status == status


def test_each_side_hears_how_the_other_one_closed(node: Node) -> None:
    web = opened(node)
    web.send(b"close")
    assert web.closed() == (3001, b"asked to")
    assert opened(node, "/returns").closed() == (1000, b"")
    assert opened(node, "/raises").closed()[0] == 1011
    assert opened(node).close(4321)[0] == 4321
    wait_until(lambda: "disconnected 4321" in output(node), "the app to hear the code")
    opened(node).socket.close()
    wait_until(lambda: "disconnected 1006" in output(node), "the app to hear that the client is gone")


def test_a_client_that_breaks_the_rules_is_told_and_the_app_is_not_bothered(node: Node) -> None:
    web = opened(node)
    web.socket.sendall(b"\x81\x01a")  # no mask
    assert web.closed()[0] == 1002
    web = opened(node)
    web.send(b"\xff\xfe")
    assert web.closed()[0] == 1007
    web = opened(node)
    web.socket.sendall(b"\x82\xff" + (9 << 20).to_bytes(8, "big") + b"\0\0\0\0" + b"a")
    assert web.closed()[0] == 1009
    assert Web(node, "web").ask("/hash", "POST", b"x").status == 200


def test_an_app_sends_no_faster_than_its_client_reads(node: Node) -> None:
    web = opened(node, "/count")
    before = memory(node)
    time.sleep(0)  # nothing is read meanwhile
    wait_until(lambda: any(row["running"] for row in node.rows("replicas")), "the app to send")
    assert memory(node) - before < 16 * 1024
    for number in range(100_000):
        assert web.message()[:4] == number.to_bytes(4, "big")
    assert web.closed() == (4000, b"counted")


def test_a_client_sends_no_faster_than_its_app_reads(node: Node) -> None:
    web = opened(node)
    web.send(b"rest")
    before = memory(node)
    web.socket.settimeout(1)
    with pytest.raises(TimeoutError):
        for _ in range(64):
            web.send(bytes(1 << 20), BINARY)
    assert memory(node) - before < 24 * 1024


def test_an_open_socket_is_traffic_and_its_replica_stays(node: Node) -> None:
    web = opened(node)
    web.send(b"a")
    assert web.message() == b"a"
    deadline = time.monotonic() + 4 * 1  # scaledown_after is 1 s
    while time.monotonic() < deadline:
        assert sum(row["replicas"] for row in node.rows("environments") if row["name"] == "web") == 1
        time.sleep(0.2)
    web.send(b"still")
    assert web.message() == b"still"
    web.close()
    wait_until(lambda: sum(row["replicas"] for row in node.rows("environments")) == 0, "no replica after the last socket")


def test_a_socket_of_a_replica_that_dies_is_closed(node: Node) -> None:
    web = opened(node)
    (row,) = [row for row in node.rows("replicas") if row["environment"] == "web"]
    os.kill(row["pid"], 9)
    assert web.closed()[0] == 1011


# -- in a cluster --------------------------------------------------------------------------------------------------------


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    (machine.home / "shop.py").write_text(textwrap.dedent(APP))
    machine.hearth("cluster", "up", "--nodes", "3")
    machine.run("/usr/bin/python3", "shop.py", "spread")
    wait_until(lambda: len({row["node"] for row in replicas(machine)}) == 3, "a replica on each node")
    yield machine
    machine.hearth("cluster", "down", status=None)
    shutil.rmtree(machine.home, ignore_errors=True)


def replicas(machine: Machine) -> List[Dict[str, Any]]:
    rows = json.loads(machine.hearth("get", "replicas", "-o", "json").stdout)
    return [row for row in rows if row["environment"] == "spread" and row["state"] != "starting"]


def test_streams_and_sockets_go_to_replicas_of_other_nodes(machine: Machine) -> None:
    body = os.urandom(1 << 20) * 8
    for name in ("node-1", "node-2", "node-3"):
        door = machine.cluster / f"{name}.http.sock"
        sockets, marks = [], set()
        for index in range(9):  # each stays open, so the next one may go elsewhere
            web = WebSocket(door, "spread")
            marks.add(web.headers["x-mark"])
            content = os.urandom(200_000)
            web.send(content, BINARY)
            assert web.message() == content
            sockets.append(web)
        for _ in range(6):
            answer = Web(door, "spread").ask("/hash", "POST", body)
            assert answer.body.decode().split()[0] == digest(body)
            part = body[:500_000]  # this client reads nothing before it has sent all
            assert Web(door, "spread").ask("/echo", "POST", part).body == part
        for web in sockets:
            assert web.close()[0] == 1000
        assert len(marks) > 1, "sockets of one node were served by one replica alone"
