"""Apps under load whose replicas are killed, whose code changes, whose nodes are drained: what may fail is counted exactly."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import signal
import textwrap
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from conftest import Node, wait_until
from machine import Machine
from web import Answer, Client, Web, asking, go_on, socket_of

REPLICAS, PLACES = 3, 2  # of the app, and requests that each of them gets at once

APP = '''
import asyncio, os
import hearth, hearth.app

VERSION = 1
JOURNAL, GO = "the journal", "the sign"

async def web(scope, receive, send):
    """Notes each request that it begins; one for `hold` waits for the sign."""
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await receive()
    kind, name = scope["path"].rsplit("/", 2)[-2:]
    if JOURNAL:
        with open(JOURNAL, "a") as journal:  # one write, so that lines of several processes do not mix
            journal.write(f"{scope['method']} {name}\\n")
    await asyncio.sleep(0.2 if kind == "long" else 0.02)
    while kind == "hold" and not os.path.exists(GO):
        await asyncio.sleep(0.01)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{VERSION} {scope['method']} {name}".encode()})

scaling = hearth.app.Scaling(replicas=(REPLICAS, REPLICAS + 1), scaledown_after=60)
env = hearth.app.AppEnvironment("web", app=web, scaling=scaling, concurrency=PLACES)
'''


def app(version: int = 1, journal: str = "", go: str = "") -> str:
    """Its code."""
    text = APP.replace("VERSION = 1", f"VERSION = {version}").replace('"the journal", "the sign"', f"{journal!r}, {go!r}")
    return text.replace("REPLICAS", str(REPLICAS)).replace("PLACES", str(PLACES))


class Shop:
    """A node, and what the app on it writes."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._journal, self._go = node.home / "journal", node.home / "go"

    def serve(self, version: int) -> None:
        self.node.write("shop.py", app(version, str(self._journal), str(self._go)))
        self.node.command("serve", "shop.py", "web", "--wait")

    def let_go(self) -> None:
        self._go.touch()

    def journal(self) -> List[str]:
        """"GET name" of each request that was begun."""
        return self._journal.read_text().splitlines() if self._journal.exists() else []

    def replicas(self) -> List[Dict[str, Any]]:
        """Those that serve."""
        return [row for row in self.node.rows("replicas") if row["environment"] == "web" and row["state"] in ("idle", "busy")]


@pytest.fixture
def shop(make_node: Callable[..., Node]) -> Shop:
    node = make_node()
    node.start()
    shop = Shop(node)
    shop.serve(1)
    wait_until(lambda: len(shop.replicas()) == REPLICAS, "the minimum of replicas")
    return shop


def client(where: Path, method: str, name: str, kind: str = "short") -> Client:
    """Each of its requests has a name of its own, `name`-n."""

    def ask(web: Web, number: int) -> Answer:
        return web.ask(f"/{kind}/{name}-{number}", method, b"body" if method == "POST" else None)

    return Client(Web(where, "web"), ask)


def clients_at(where: Path, each: int) -> Dict[str, Client]:
    """So many that only read, and as many that change something, by the beginning of the names of their requests."""
    return {f"{method} {index}": client(where, method, str(index)) for method in ("GET", "POST") for index in range(each)}


def by_name(clients: Dict[str, Client]) -> Dict[str, Answer]:
    """All answers by the names of their requests, as the journal of the app has them."""
    return {f"{name}-{number}": answer for name, each in clients.items() for number, answer in enumerate(each.answers)}


# -- kill -9 -------------------------------------------------------------------------------------------------------------


def kill_one(shop: Shop, dice: random.Random, killed: List[int]) -> None:
    """One that has requests, and waits until another one serves in its place."""

    def busy() -> List[int]:
        return [int(row["pid"]) for row in shop.replicas() if int(row["running"]) > 0 and int(row["pid"]) not in killed]

    killed.append(dice.choice(wait_until(busy, "a replica with requests")))
    os.kill(killed[-1], signal.SIGKILL)
    wait_until(lambda: len({int(row["pid"]) for row in shop.replicas()} - set(killed)) >= REPLICAS, "another one in its place")


def test_of_killed_replicas_only_the_requests_fail_that_they_had_and_none_that_can_be_asked_again(shop: Shop) -> None:
    seed = int(os.environ.get("HEARTH_SEED") or random.SystemRandom().randrange(1, 1_000_000))
    print(f"HEARTH_SEED={seed}")
    dice, killed, daemon = random.Random(seed), [], shop.node.pid  # type: ignore[var-annotated]
    clients = clients_at(socket_of(shop.node), 4)  # more than there are places: no replica is ever without requests
    everybody = list(clients.values())
    with asking(*everybody):
        go_on(everybody, 5)
        for _ in range(10):
            kill_one(shop, dice, killed)
            # About a second of requests. Whatever the killed one had is answered long before the next is killed, so that no
            # request is lost twice: once is what a GET is asked again for.
            go_on(everybody, 30)
    check_losses(by_name(clients), shop.journal(), len(killed))
    assert [each.web.connections for each in everybody] == [1] * len(everybody), "a failure of the app ended a connection"
    (row,) = json.loads(shop.node.command("get", "app", "web", "-o", "json").stdout)
    counted = {what: int(count) for what, count in row["requests"].items() if int(count) > 0}
    statuses = collections.Counter(answer.status for answer in by_name(clients).values())
    assert counted == {"success": statuses[200], "failed": statuses[502]}
    assert shop.node.pid == daemon, "the daemon is another one"
    assert Web(shop.node, "web").ask("/short/afterwards", "POST", b"").status == 200


def check_losses(answers: Dict[str, Answer], journal: List[str], kills: int) -> None:
    """What was killed cost as little as it could: `journal` has how often each request was begun."""
    begun = collections.Counter(journal)
    failed = {name: answer for name, answer in answers.items() if answer.status != 200}
    for name, answer in failed.items():
        assert name.startswith("POST ") and answer.status == 502, f"{name}: {answer}"
        assert b"may have taken effect" in answer.body and b"not run again" in answer.body, answer
    again = [name for name, times in begun.items() if times == 2]
    assert all(name.startswith("GET ") for name in again), f"begun twice: {again}"
    assert max(begun.values()) <= 2
    assert all(begun[name] >= 1 for name in answers.keys() - failed.keys())
    assert all(answers[name].body == f"1 {name}".encode() for name in answers.keys() - failed.keys())
    assert len(failed) + len(again) <= kills * PLACES, "more than the killed ones can have had"
    assert failed and again, "nothing was killed with requests: this has shown nothing"
    print(f"{len(answers)} requests, {kills} replicas killed: {len(failed)} failed, {len(again)} were asked again")


# -- another version -----------------------------------------------------------------------------------------------------


def version_of(answer: Answer) -> int:
    return int(answer.body.split()[0]) if answer.status == 200 else 0


@contextlib.contextmanager
def holding(shop: Shop) -> Iterator[Client]:
    """A request that a replica has until it is let go."""
    held = client(socket_of(shop.node), "POST", "held", "hold")
    with asking(held):
        try:
            wait_until(lambda: "POST held-0" in shop.journal(), "a request that stays")
            yield held
        finally:
            shop.let_go()


def test_versions_take_over_one_after_the_other_under_load_and_no_request_fails(shop: Shop) -> None:
    clients = clients_at(socket_of(shop.node), 2)
    everybody = list(clients.values())
    with asking(*everybody):
        go_on(everybody, 5)
        with holding(shop) as held:
            for version in (2, 3):
                shop.serve(version)
                goal = version
                wait_until(lambda: all(version_of(each.answers[-1]) == goal for each in everybody), "the new version alone")
                go_on(everybody, 10)
            assert not held.answers, "it is still held"
            shop.let_go()
            go_on([held], 2)
    wait_until(lambda: len(shop.node.replica_pids()) <= REPLICAS + 1, "the end of the replicas of versions before")
    assert [version_of(answer) for answer in held.answers[:2]] == [1, 3], "what runs ends where it began"
    for name, answer in by_name(clients).items():
        assert answer.status == 200 and answer.body.decode().split(" ", 1)[1] == name, f"{name}: {answer}"
    for each in everybody:
        versions = [version_of(answer) for answer in each.answers]
        assert versions == sorted(versions) and set(versions) == {1, 2, 3}, "who has seen a version sees none before it"
        assert each.web.connections == 1
    assert max(collections.Counter(shop.journal()).values()) == 1, "a request was begun twice"


# -- a node that is drained ----------------------------------------------------------------------------------------------

NODES = ("node-1", "node-2", "node-3")


@pytest.fixture
def cluster(three: Machine) -> Iterator[Machine]:
    (three.home / "shop.py").write_text(textwrap.dedent(app()))
    three.hearth("serve", "shop.py", "web", "--wait")
    wait_until(lambda: {row["node"] for row in serving(three)} == set(NODES), "a replica on each node")
    yield three


def serving(machine: Machine) -> List[Dict[str, Any]]:
    rows = json.loads(machine.hearth("get", "replicas", "-o", "json").stdout)
    return [row for row in rows if row["environment"] == "web" and row["state"] in ("idle", "busy")]


def on_node(machine: Machine, node: str) -> List[Dict[str, Any]]:
    """All that are there, also those that end."""
    return [row for row in json.loads(machine.hearth("get", "replicas", "-o", "json").stdout) if row["node"] == node]


def test_while_a_node_is_drained_no_request_fails_that_the_others_are_asked(cluster: Machine) -> None:
    for drained in NODES:
        doors = [cluster.cluster / f"{node}.http.sock" for node in NODES if node != drained]
        clients = [
            client(door, method, f"{index}-{kind}", kind)
            for index, door in enumerate(doors)
            for method, kind in (("GET", "short"), ("POST", "short"), ("POST", "long"))
        ]
        wait_until(lambda drained=drained: any(row["node"] == drained for row in serving(cluster)), f"a replica on {drained}")
        with asking(*clients):
            go_on(clients, 2)
            cluster.hearth("node", "drain", drained)
            wait_until(lambda drained=drained: not on_node(cluster, drained), f"no replica to be left on {drained}")
            go_on(clients, 2)
        cluster.hearth("node", "undrain", drained)
        wrong = [answer for each in clients for answer in each.answers if answer.status != 200]
        assert wrong == [], f"{drained}: {wrong[:3]}\n{cluster.logs()}"
        assert {each.web.connections for each in clients} == {1}
        print(f"{drained}: {sum(len(each.answers) for each in clients)} requests")
