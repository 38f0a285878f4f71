"""Apps on a real node: replicas come with requests, go without them, and nothing that was asked is lost meanwhile."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from typing import Any, Callable, Dict, List

import pytest
from conftest import Node, wait_until
from web import Web, all_at_once, raw, socket_of

APP = '''
"""An app of ASGI alone, so that no framework has to be installed."""
import asyncio, os, time
import hearth, hearth.app

VERSION = 1

async def web(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            print(message["type"], flush=True)
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    path = scope["path"].rsplit("/", 1)[-1]
    if path == "fail":
        raise ValueError("a secret of the app")
    if path == "exit":
        os._exit(3)
    if path == "slow":
        await asyncio.sleep(0.2)
    if path == "count":  # a line every 50 ms
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for number in range(int(scope["query_string"] or b"20")):
            await send({"type": "http.response.body", "body": b"data: %d\\n\\n" % number, "more_body": True})
            await asyncio.sleep(0.05)
        return await send({"type": "http.response.body", "body": b"data: end\\n\\n"})
    if path == "flood":  # more than anybody reads at once
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(64):
            await send({"type": "http.response.body", "body": bytes([number]) * 1_000_000, "more_body": True})
        return await send({"type": "http.response.body", "body": b""})
    if path == "big":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        return await send({"type": "http.response.body", "body": bytes(3_000_000)})
    if path == "breaks":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"some", "more_body": True})
        raise ValueError("in the middle")
    text = {"pid": str(os.getpid()), "version": str(VERSION)}.get(path, f"{scope['method']} {len(body)}")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body if path == "echo" else text.encode()})

def classic(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["REQUEST_METHOD"].encode(), b" ", environ["wsgi.input"].read()]

scaling = hearth.app.Scaling(replicas=(0, 2), scaledown_after=2)
env = hearth.app.AppEnvironment("web", app=web, scaling=scaling)
old = hearth.app.AppEnvironment("old", app=classic, scaling=scaling)

if __name__ == "__main__":
    for app in hearth.serve(env, old):
        print(app.name, app.version)
'''


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    node = make_node()
    node.start()
    node.write("shop.py", APP)
    return node


def serve(node: Node, file: str = "shop.py") -> Dict[str, str]:
    """The versions of the apps."""
    return dict(line.split() for line in node.python(file).stdout.splitlines())


def replicas(node: Node, app: str = "web") -> int:
    return sum(row["replicas"] for row in node.rows("environments") if row["name"] == app)


def test_an_app_has_no_replica_before_its_first_request_and_none_some_time_after_its_last(node: Node) -> None:
    serve(node)
    assert replicas(node) == 0
    web = Web(node, "web")
    first, second = web.ask("/a"), web.ask("/a")
    assert (first.status, first.body, second.body) == (200, b"GET 0", b"GET 0")
    assert "start;dur=" in first.headers["server-timing"] and "start" not in second.headers["server-timing"]
    assert replicas(node) == 1
    wait_until(lambda: replicas(node) == 0, "no replica after the last request")
    kinds = [event["kind"] for event in json.loads(node.command("get", "events", "web", "-o", "json").stdout)]
    assert kinds.count("ready") == 1 and kinds[-1] == "ended"
    assert web.ask("/a").status == 200


def test_many_requests_to_an_app_without_replicas_are_all_answered(node: Node) -> None:
    serve(node)
    answers = all_at_once(200, lambda index: Web(node, "web").ask("/echo", "POST", b"%d" % index))
    assert [answer.body for answer in answers] == [b"%d" % index for index in range(200)]
    assert {answer.status for answer in answers} == {200}
    assert 1 <= replicas(node) <= 2


def test_bodies_of_any_size_that_is_allowed_reach_the_app_and_come_back(node: Node) -> None:
    serve(node)
    web = Web(node, "web")
    for size in (0, 1, 70_000, 3_000_000):
        body = bytes(index % 251 for index in range(size))
        assert web.ask("/echo", "POST", body).body == (body or b"")
    large = Web(node, "old").ask("/", "POST", bytes(9 * 1024 * 1024))  # WSGI gets bodies whole
    assert large.status == 413 and b"larger" in large.body


def test_an_app_of_wsgi_is_served(node: Node) -> None:
    serve(node)
    assert Web(node, "old").ask("/", "POST", b"body").body == b"POST body"


def test_an_app_that_fails_is_an_error_of_the_server_that_tells_clients_nothing_of_it(node: Node) -> None:
    serve(node)
    web = Web(node, "web")
    failed = web.ask("/fail")
    assert failed.status == 500 and b"secret" not in failed.body
    assert web.ask("/").status == 200
    replica = next(row for row in node.rows("replicas") if row["environment"] == "web")
    assert "lifespan.startup" in node.command("logs", f"replica/{replica['id']}").stdout


def test_a_lost_replica_costs_the_requests_that_it_had_and_no_others(node: Node) -> None:
    serve(node)
    web = Web(node, "web")
    assert web.ask("/exit", "POST", b"").status == 502  # may have taken effect: not asked again
    assert web.ask("/").status == 200


def test_another_version_takes_over_without_a_failed_request(node: Node) -> None:
    before = serve(node)
    stop, statuses, versions = threading.Event(), [], []

    def ask() -> None:
        web = Web(node, "web")
        while not stop.is_set():
            answer = web.ask("/version")
            statuses.append(answer.status)
            versions.append(answer.body)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: versions.count(b"1") > 20, "answers of the first version")
    node.write("shop.py", APP.replace("VERSION = 1", "VERSION = 2"))
    after = serve(node)
    wait_until(lambda: versions[-4:] == [b"2"] * 4, "answers of the second version alone")
    stop.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200} and before["web"] != after["web"]
    assert versions == sorted(versions) or versions.index(b"2") > 0


def test_an_app_is_there_again_after_a_restart_of_its_node(node: Node) -> None:
    serve(node)
    node.stop()
    node.start()
    wait_until(lambda: Web(node, "web").ask("/").status == 200, "an answer")


def test_a_response_that_is_made_in_parts_comes_in_parts(node: Node) -> None:
    serve(node)
    web = Web(node, "web")
    assert web.ask("/").status == 200
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(socket_of(node)))
        client.sendall(b"GET /apps/default/development/web/count?40 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        reads = []
        while part := client.recv(65536):
            reads.append(part)
    answer = b"".join(reads)
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"0\r\n\r\n")
    assert [b"data: %d\n" % number in answer for number in range(40)] == [True] * 40
    assert len(reads) > 5, "it came as it was made"


def test_a_stream_is_traffic_and_keeps_its_replica(node: Node) -> None:
    serve(node)
    with_stream = Web(node, "web").ask("/count?80")  # longer than scaledown_after
    assert with_stream.body.endswith(b"data: end\n\n")
    kinds = [event["kind"] for event in json.loads(node.command("get", "events", "web", "-o", "json").stdout)]
    assert kinds.count("ready") == 1


def test_a_client_that_reads_slowly_holds_the_app_up_and_costs_no_memory(node: Node) -> None:
    serve(node)
    assert Web(node, "web").ask("/").status == 200
    before = node.status()["residentBytes"]
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(socket_of(node)))
        client.sendall(b"GET /apps/default/development/web/flood HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        first = client.recv(65536)
        assert Web(node, "web").ask("/").status == 200  # others are served meanwhile
        assert int(node.status()["residentBytes"]) - int(before) < 16 * 1024 * 1024
        size = len(first)
        while part := client.recv(1 << 20):
            size += len(part)
    assert size > 64_000_000


def test_a_client_that_asks_and_does_not_read_gets_no_further_answers(node: Node) -> None:
    serve(node)
    assert Web(node, "web").ask("/").status == 200
    before = node.status()["residentBytes"]
    one = b"GET /apps/default/development/web/big HTTP/1.1\r\nHost: a\r\n%s\r\n"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(socket_of(node)))
        client.sendall(one % b"" * 39 + one % b"Connection: close\r\n")
        wait_until(lambda: sum(row["done"] for row in node.rows("environments") if row["name"] == "web") > 1, "an answer")
        assert Web(node, "web").ask("/").status == 200
        assert int(node.status()["residentBytes"]) - int(before) < 32 * 1024 * 1024
        size = 0
        while part := client.recv(1 << 20):
            size += len(part)
    assert size > 40 * 3_000_000


def test_a_response_that_breaks_off_is_seen_to_break_off(node: Node) -> None:
    serve(node)
    with pytest.raises(http.client.IncompleteRead):
        Web(node, "web").ask("/breaks")
    assert Web(node, "web").ask("/").status == 200


def test_what_is_no_request_ends_its_connection_and_nothing_else(node: Node) -> None:
    serve(node)
    web = Web(node, "web")
    assert web.ask("/").status == 200
    head = b"POST /apps/default/development/web/echo HTTP/1.1\r\nHost: a\r\n"
    attacks: List[Any] = [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (head + b"Content-Length: -1\r\n\r\n", 400),
        (head + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
        (head + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (head + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
        (head.replace(b"/web/", b"/old/") + b"Content-Length: 99999999999999\r\n\r\n", 413),
        (head + b"A: b\0c\r\n\r\n", 400),
        (head + b"A: b\rc\r\n\r\n", 400),
        (head + b"a:b\r\n" * 100_000 + b"\r\n", 431),
    ]
    for data, status in attacks:
        assert raw(node, data).split(b" ", 2)[1] == b"%d" % status, data[:80]
    assert web.ask("/").status == 200


def test_requests_that_come_together_are_answered_in_their_order(node: Node) -> None:
    serve(node)
    one = b"POST /apps/default/development/web/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n%s\r\n%s"
    answer = raw(node, b"".join(one % (b"Connection: close\r\n" if n == 9 else b"", b"%d" % n) for n in range(10)))
    bodies = [part.split(b"\r\n\r\n")[1][:1] for part in answer.split(b"HTTP/1.1 200")[1:]]
    assert b"".join(bodies) == b"0123456789"


def test_who_sends_a_header_too_slowly_is_sent_away(node: Node) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(socket_of(node)))
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 408")


def test_a_client_that_goes_takes_its_request_along(node: Node) -> None:
    serve(node)
    assert Web(node, "web").ask("/").status == 200
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(socket_of(node)))
        client.sendall(b"GET /apps/default/development/web/slow HTTP/1.1\r\nHost: a\r\n\r\n")
    running: Callable[[], int] = lambda: sum(row["running"] for row in node.rows("environments"))  # noqa: E731
    wait_until(lambda: running() == 0, "nothing that runs")
    assert Web(node, "web").ask("/").status == 200
