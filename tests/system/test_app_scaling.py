"""Apps that say what the number of their replicas follows: on a real node it is what the formula says."""

from __future__ import annotations

import json
import threading
from typing import Any, Callable, Dict, List

import pytest
from conftest import Node, wait_until
from web import Answer, Web

# The target is an argument of the program, so that another one is no other code.
APP = '''
import asyncio, os, sys
import hearth, hearth.app

GO = {go!r}
target = int(sys.argv[1]) if __name__ == "__main__" else 1

async def web(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({{"type": message["type"] + ".complete"}})
            if message["type"] == "lifespan.shutdown":
                return
    while scope["path"].endswith("hold") and not os.path.exists(GO):
        await asyncio.sleep(0.01)
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b"%d" % os.getpid()}})

scaling = hearth.app.Scaling(replicas={replicas}, metric=hearth.app.Scaling.{metric}(target), scaledown_after=2)
env = hearth.app.AppEnvironment("web", app=web, scaling=scaling{more})

if __name__ == "__main__":
    print(hearth.serve(env).version)
'''


class Served:
    """The app on a node, and requests to it that stay open until they are let go."""

    def __init__(self, node: Node, metric: str, replicas: str, more: str = "") -> None:
        self.node = node
        self._go = node.home / "go"
        node.write("shop.py", APP.format(go=str(self._go), metric=metric, replicas=replicas, more=more))
        self._threads: List[threading.Thread] = []
        self.answers: List[Answer] = []

    def serve(self, target: int) -> str:
        program = self.node.start_python("shop.py", str(target))
        out, err = program.communicate(timeout=60)
        assert program.returncode == 0, err
        return out.strip()

    def hold(self, count: int) -> None:
        def ask() -> None:
            self.answers.append(Web(self.node, "web").ask("/hold"))

        started = [threading.Thread(target=ask) for _ in range(count)]
        for thread in started:
            thread.start()
        self._threads += started
        wait_until(lambda: self.count("running") + self.count("queued") == len(self._threads), "requests that are open")

    def let_go(self) -> None:
        self._go.touch()
        for thread in self._threads:
            thread.join()

    def count(self, what: str) -> int:
        return sum(int(row[what]) for row in self.node.rows("environments") if row["name"] == "web")

    def replicas(self) -> int:
        """Those that serve."""
        rows = json.loads(self.node.command("get", "replicas", "-o", "json").stdout)
        return sum(row["environment"] == "web" and row["state"] in ("idle", "busy") for row in rows)

    def events(self, kind: str) -> List[Dict[str, Any]]:
        told = json.loads(self.node.command("get", "events", "web", "-o", "json").stdout)
        return [event for event in told if event["kind"] == kind]


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    node = make_node()
    node.start()
    return node


def test_open_requests_divided_by_the_target_are_the_replicas_and_the_minimum_is_what_stays(node: Node) -> None:
    app = Served(node, "Concurrency", "(1, 5)")
    app.serve(4)
    app.hold(10)
    wait_until(lambda: app.replicas() == 3, "three replicas for ten requests")
    app.let_go()
    assert [answer.status for answer in app.answers] == [200] * 10
    wait_until(lambda: app.replicas() == 1, "the minimum alone")
    assert len(app.events("ready")) == 3, "never more than the metric asked for"
    (last,) = [event for event in app.events("decided") if event["decision"]["start"] and "is 3 replicas" in event["text"]]
    assert last["decision"]["rule"] == "metric"
    assert (last["decision"]["metric"], last["decision"]["target"]) == ("concurrency", 4)
    assert 9 <= last["decision"]["observed"] <= 10
    words = node.command("explain", "scaling", "web").stdout
    assert "at a target of 4 that is 3 replicas" in words and "[metric]" in words and "please report" not in words


def test_another_target_acts_on_the_replicas_that_run(node: Node) -> None:
    app = Served(node, "Concurrency", "(0, 5)")
    version = app.serve(10)
    app.hold(10)
    wait_until(lambda: app.replicas() == 1, "one replica for ten requests")
    assert app.serve(2) == version
    wait_until(lambda: app.replicas() == 5, "five replicas for the same requests")
    app.let_go()
    wait_until(lambda: app.replicas() == 0, "no replica without requests")
    assert "metric concurrency 10 -> concurrency 2" in app.events("policy")[0]["text"]


def test_a_stream_of_short_requests_has_the_replicas_that_its_rate_asks_for(node: Node) -> None:
    app = Served(node, "RequestRate", "(0, 3)")
    app.serve(1)
    web = Web(node, "web")

    def ask_and_count() -> int:
        for _ in range(20):
            assert web.ask("/").status == 200
        return app.replicas()

    wait_until(lambda: ask_and_count() == 3, "three replicas for many requests a second")
    wait_until(lambda: len({web.ask("/").body for _ in range(9)}) == 3, "answers of each of them")
    wait_until(lambda: app.replicas() == 0, "no replica without requests")
    assert {event["decision"]["rule"] for event in app.events("decided") if event["decision"]["start"]} == {"metric"}


def test_with_a_rate_requests_wait_for_a_place_and_start_nothing(node: Node) -> None:
    app = Served(node, "RequestRate", "(0, 3)", ", concurrency=2")
    app.serve(1000)
    app.hold(6)
    wait_until(lambda: app.count("running") == 2, "two requests in the places of the one replica")
    app.let_go()
    assert [answer.status for answer in app.answers] == [200] * 6
    assert len(app.events("ready")) == 1
