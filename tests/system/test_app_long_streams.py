"""Streams and sockets that go on for much longer than a replica stays without requests: they are whole, and it stays for them."""

from __future__ import annotations

import json
import threading
from typing import Any, Callable, Dict, List

import pytest
from conftest import Node, wait_until
from web import Web, socket_of
from web_socket import WebSocket

PAUSE, SILENCE = 0.1, 5.0  # seconds between the messages of a stream: one that never rests, and one that rests for long

APP = '''
import asyncio, os
import hearth, hearth.app

MARK = []  # of this process, which is a fork: numbers of processes may be the same in each sandbox

def mark():
    if not MARK:
        MARK.append(os.urandom(8).hex())
    return MARK[0]

async def web(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    count, pause = (float(word) for word in scope["query_string"].split(b"x"))
    await (over_socket if scope["type"] == "websocket" else over_http)(int(count), pause, receive, send)

async def over_http(count, pause, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for number in range(count):
        await send({"type": "http.response.body", "body": f"data: {mark()} {number}\\n\\n".encode(), "more_body": True})
        await asyncio.sleep(pause)
    await send({"type": "http.response.body", "body": f"data: {mark()} end\\n\\n".encode()})

async def over_socket(count, pause, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return print("closed", message["code"], flush=True)
        await asyncio.sleep(pause)
        await send({"type": "websocket.send", "text": f"{mark()} {message['text']}"})

scaling = hearth.app.Scaling(replicas=(0, 2), scaledown_after=2)
env = hearth.app.AppEnvironment("web", app=web, scaling=scaling, concurrency=4)
'''


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    node = make_node()
    node.start()
    node.write("shop.py", APP)
    node.command("serve", "shop.py", "web")
    return node


def replicas(node: Node) -> int:
    return sum(int(row["replicas"]) for row in node.rows("environments") if row["name"] == "web")


def events(node: Node, kind: str) -> List[Dict[str, Any]]:
    return [event for event in json.loads(node.command("get", "events", "web", "-o", "json").stdout) if event["kind"] == kind]


def counted(node: Node) -> Dict[str, int]:
    """Requests of the app by how they ended."""
    (row,) = json.loads(node.command("get", "app", "web", "-o", "json").stdout)
    return {what: int(count) for what, count in row["requests"].items()}


class Stream(threading.Thread):
    """A long exchange with the app, and the marks of the replicas that took part in it."""

    def __init__(self, node: Node, count: int, pause: float) -> None:
        super().__init__(daemon=True)
        self.node = node
        self.count = count
        self.query = f"/?{count}x{pause}"
        self.marks: List[str] = []  # one for each message
        self.error: Any = None

    def run(self) -> None:
        try:
            self.exchange()
        except Exception as error:
            self.error = error

    def exchange(self) -> None:
        raise NotImplementedError

    def take(self, message: bytes, expected: str) -> None:
        mark, content = message.decode().split()
        assert content == expected, f"{content} in the place of {expected}: something is missing, or there twice"
        self.marks.append(mark)


class Events(Stream):
    """Events that the app sends on its own."""

    def exchange(self) -> None:
        expected = [str(number) for number in range(self.count)] + ["end"]
        for number, line in enumerate(Web(self.node, "web").lines(self.query)):
            if number % 2 == 0:
                assert line.startswith(b"data: "), line
                self.take(line[len(b"data: ") :], expected[number // 2])
        assert len(self.marks) == self.count + 1, "it ended early"


class Echo(Stream):
    """Messages that come back over a WebSocket."""

    def exchange(self) -> None:
        web = WebSocket(socket_of(self.node), "web", self.query)
        for number in range(self.count):
            web.send(str(number).encode())
            self.take(web.message(), str(number))
        assert web.close(4000)[0] == 4000


@pytest.mark.parametrize("seconds", [20, pytest.param(600, marks=pytest.mark.long)])
def test_streams_and_sockets_go_on_side_by_side_without_a_gap_and_their_replica_stays_for_them(node: Node, seconds: int) -> None:
    streams = [kind(node, int(seconds / pause), pause) for kind in (Events, Echo) for pause in (PAUSE, SILENCE)]
    for stream in streams:
        stream.start()
        # The first one starts the replica, in which all of them have room: so that none starts another, each finds it there.
        wait_until(lambda stream=stream: stream.error or stream.marks or replicas(node) == 1, "the replica")
    wait_until(lambda: all(stream.error or stream.marks for stream in streams), "a message of each")
    # There is room for no more, so this one has a replica of its own, which has nothing to do afterwards and ends meanwhile.
    other = Web(node, "web").ask("/?0x0")
    assert other.status == 200
    wait_until(lambda: len(events(node, "ended")) == 1, "the end of the replica without requests")
    assert replicas(node) == 1 and all(stream.is_alive() for stream in streams)
    for stream in streams:
        stream.join(seconds + 60)
    assert [stream.error for stream in streams] == [None] * len(streams)
    (mark,) = {mark for stream in streams for mark in stream.marks}
    assert mark.encode() not in other.body
    assert len(events(node, "ready")) == 2 and len(events(node, "ended")) == 1, "something came or went while they went on"
    wait_until(lambda: replicas(node) == 0, "no replica after the last stream")
    assert counted(node)["gone"] == counted(node)["broken"] == 0
    print(f"{sum(len(stream.marks) for stream in streams)} messages in order by {len(streams)} streams")


def test_a_stream_and_a_socket_that_end_in_order_are_counted_as_answered(node: Node) -> None:
    for kind in (Events, Echo):
        kind(node, 3, 0.01).exchange()
    wait_until(lambda: sum(counted(node).values()) == 2, "both to be counted")
    assert counted(node)["success"] == 2


def test_a_node_that_ends_when_nobody_uses_it_is_used_by_who_asks_its_apps(make_node: Callable[..., Node]) -> None:
    node = make_node(HEARTH_IDLE_EXIT="2s")
    node.start()
    node.write("shop.py", APP)
    node.command("serve", "shop.py", "web")
    Events(node, 30, PAUSE).exchange()
    for _ in range(10):
        assert Web(node, "web").ask("/?3x0.1").status == 200
