"""The examples below examples/apps do what they say, with a shorter SCALEDOWN_AFTER: by the journal, and by who answered."""

from __future__ import annotations

import http.client
import importlib.util
import json
import math
import os
import re
import shutil
import signal
import socket
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Set, Tuple

import pytest
from conftest import ROOT, Node, alive, wait_until
from machine import Machine
from web import Answer, Web, all_at_once, socket_of

EXAMPLES = ROOT / "examples" / "apps"
FILES = sorted(path.name for path in EXAMPLES.glob("*.py"))
NODES = ("node-1", "node-2", "node-3")

pytestmark = pytest.mark.skipif(
    not all(importlib.util.find_spec(module) for module in ("fastapi", "sklearn")),
    reason="the examples need python3-fastapi and python3-sklearn",
)


class Example:
    """One of the examples, served; what `hearth` (Node.command or Machine.hearth) tells of it."""

    def __init__(self, hearth: Callable[..., Any], file: str) -> None:
        self._hearth = hearth
        (served,) = json.loads(hearth("serve", file, "--wait", "-o", "json").stdout)
        self.name: str = served["name"]
        self.version: str = served["version"]

    def _rows(self, *words: str) -> List[Dict[str, Any]]:
        return json.loads(self._hearth("get", *words, "-o", "json").stdout)

    def row(self) -> Dict[str, Any]:
        (row,) = self._rows("app", self.name)
        return row

    def status(self) -> str:
        row = self.row()
        return f"{row['status']} {row['subStatus']}"

    def replicas(self) -> List[Dict[str, Any]]:
        """Those that serve."""
        return [row for row in self._rows("replicas") if row["environment"] == self.name and row["state"] in ("idle", "busy")]

    def pids(self) -> Set[int]:
        return {int(row["pid"]) for row in self.replicas()}

    def events(self, *kinds: str) -> List[Dict[str, Any]]:
        return [event for event in self._rows("events", self.name) if event["kind"] in kinds]

    def counts(self) -> List[int]:
        """How many replicas there were after each entry of the journal that says of one that it is there or gone."""
        there: Set[str] = set()
        found = []
        for event in self.events("ready", "adopted", "ended", "lost"):
            (there.add if event["kind"] in ("ready", "adopted") else there.discard)(str(event["replica"]))
            found.append(len(there))
        return found

    def decisions(self) -> List[Dict[str, Any]]:
        return [event["decision"] for event in self.events("decided")]


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    """With the examples in its user's project, who wants replicas to end soon."""
    node = make_node()
    node.start()
    shutil.copytree(EXAMPLES, node.project, dirs_exist_ok=True)
    node.environment["SCALEDOWN_AFTER"] = "1.5"
    return node


def ask(node: Node, name: str, path: str = "/") -> Dict[str, Any]:
    answer = Web(node, name).ask(path)
    assert answer.status == 200, answer
    return json.loads(answer.body)


@pytest.mark.parametrize("file", FILES)
def test_an_example_is_served_by_the_command_and_by_itself_and_answers_what_its_docstring_asks(node: Node, file: str) -> None:
    example = Example(node.command, file)
    assert node.python(file).stdout == f"/apps/default/development/{example.name}/\n"
    assert example.row()["version"] == example.version, "the same, however it is served"
    docstring = (EXAMPLES / file).read_text().split('"""')[1]
    assert f"hearth serve examples/apps/{file}" in docstring.replace("--wait ", "")
    asked = re.findall(rf"curl .*http://{example.name}(/\S*)", docstring)
    paths = [path for path in asked if path != "/read"]  # that one has a body; a test of its own sends it
    assert paths
    for path in paths:
        assert Web(node, "").ask(path, Host=example.name).status == 200


def test_the_basic_app_has_no_replica_until_the_first_request_and_none_after_some_time_without_any(node: Node) -> None:
    example = Example(node.command, "basic.py")
    assert example.status() == "ACTIVE SCALED_TO_ZERO" and not example.replicas() and not example.events("ready", "decided")
    pid = ask(node, "basic")["pid"]
    assert example.pids() == {pid}
    wait_until(lambda: example.status() == "ACTIVE SCALED_TO_ZERO", lambda: f"that it has none again: {example.row()}")
    wait_until(lambda: example.counts() == [1, 0], lambda: f"a start and an end in the journal: {example.counts()}")
    assert not example.replicas() and not alive(pid)
    first, last = example.decisions()[0], example.decisions()[-1]
    assert (first["start"], first["max"], last["end"]) == (1, 1, 1) and last["rule"] in ("scaledown_ttl", "idle_ttl")
    assert ask(node, "basic")["pid"] != pid


def test_the_app_that_is_always_on_keeps_one_replica_while_others_go_and_replaces_it_when_it_is_lost(node: Node) -> None:
    example, clock = Example(node.command, "always_on.py"), Example(node.command, "basic.py")
    (pid,) = wait_until(example.pids, "a replica before any request")
    for number in (1, 2):  # the other app has the same time without requests: when it is at zero, so might be this one
        ask(node, "basic")
        wait_until(lambda: clock.counts() == [1, 0] * number, "the end of the other app's replica")
        assert ask(node, "always-on") == {"pid": pid, "number": number}
    assert example.counts() == [1] and example.status() == "ACTIVE RUNNING"
    assert [one["rule"] for one in example.decisions() if one["start"] or one["end"]] == ["minimum"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: example.pids() - {pid}, "another replica without any request")
    assert len(example.pids()) == 1 and {ask(node, "always-on")["pid"]} == example.pids()
    assert example.counts() == [1, 0, 1]


def test_the_app_that_scales_to_zero_holds_requests_until_its_replica_is_there_and_begins_anew_each_time(node: Node) -> None:
    example = Example(node.command, "scale_to_zero.py")
    pids = set()
    for turn in (1, 2):
        answers = all_at_once(20, lambda _: Web(node, "scale-to-zero").ask("/"))
        assert [answer.status for answer in answers] == [200] * 20
        told = [json.loads(answer.body) for answer in answers]
        assert {one["number"] for one in told} == set(range(1, 21)), "one replica, which begins to count at 1"
        assert example.pids() == {one["pid"] for one in told}
        pids |= example.pids()
        wait_until(lambda: example.counts() == [1, 0] * turn, lambda: f"one start and one end more: {example.counts()}")
        assert example.status() == "ACTIVE SCALED_TO_ZERO"
    assert len(pids) == 2
    printed = re.findall(r"begins to count|forgets its count; .*", node.command("logs", "scale-to-zero").stdout)
    assert printed == ["begins to count", "forgets its count; the next number would be 21"] * 2
    assert "coldRequests" in example.row() and int(example.row()["coldRequests"]) > 1


class Burst:
    """Requests that stay open until they are given up."""

    def __init__(self, node: Node) -> None:
        self._door = str(socket_of(node))
        self._open: List[socket.socket] = []

    def grow(self, count: int) -> None:
        while len(self._open) < count:
            client = socket.socket(socket.AF_UNIX)
            client.connect(self._door)
            client.sendall(b"GET /takes/250 HTTP/1.1\r\nHost: burstable\r\n\r\n")
            self._open.append(client)

    def give_up(self) -> None:
        while self._open:
            self._open.pop().close()


@pytest.fixture
def burst(node: Node) -> Iterator[Burst]:
    burst = Burst(node)
    yield burst
    burst.give_up()


def test_the_burstable_app_has_as_many_replicas_as_open_requests_ask_for_and_never_more_than_ten(node: Node, burst: Burst) -> None:
    example = Example(node.command, "burstable.py")
    for count in (5, 25, 64, 150):
        burst.grow(count)
        wait_until(lambda: int(example.row()["inFlight"]) == count, "that all of them are open")
        wanted = min(10, math.ceil(count / 10))
        wait_until(lambda: len(example.replicas()) == wanted, lambda: f"{wanted} for {count}: {example.row()}")
        assert example.counts() == list(range(1, wanted + 1)), "one by one, and no further"
    answers = all_at_once(60, lambda _: Web(node, "burstable").ask("/takes/0.1"))
    assert [answer.status for answer in answers] == [200] * 60
    assert {json.loads(answer.body)["pid"] for answer in answers} <= example.pids() and len(example.pids()) == 10
    burst.give_up()
    wait_until(lambda: example.counts()[-1] == 0, lambda: f"that none is left: {example.row()}")
    assert not example.replicas() and example.status() == "ACTIVE SCALED_TO_ZERO"
    assert max(example.counts()) == 10
    for one in example.decisions():
        there = one["ready"] + one["starting"] + one["lent"]
        assert one["reproduced"] and (one["metric"], one["target"], one["max"]) == ("concurrency", 10, 10)
        if one["start"]:
            assert there + one["start"] == min(10, math.ceil(one["observed"] / 10)), one
        if one["end"] and one["rule"] == "scaledown_ttl":
            assert there - one["end"] >= min(10, math.ceil(one["observed"] / 10)), one


def test_a_burst_of_requests_to_the_burstable_app_without_replicas_is_answered_whole(node: Node) -> None:
    example = Example(node.command, "burstable.py")
    answers = all_at_once(45, lambda _: Web(node, "burstable").ask("/takes/1"))
    assert [answer.status for answer in answers] == [200] * 45
    assert len({json.loads(answer.body)["pid"] for answer in answers}) <= max(example.counts()) <= 5
    wait_until(lambda: example.counts()[-1] == 0, "that none is left")


def test_the_model_reads_digits_right_and_is_loaded_once_per_replica(node: Node) -> None:
    from sklearn.datasets import load_digits

    images, truth = load_digits(return_X_y=True)
    example = Example(node.command, "model.py")

    def read(index: int) -> Tuple[int, Dict[str, Any]]:
        answer = Web(node, "model").ask("/read", "POST", json.dumps(list(images[index])).encode(), Content_Type="application/json")
        return answer.status, json.loads(answer.body)

    def loaded() -> int:
        return node.command("logs", "model").stdout.count("the model is loaded")

    pids: Set[int] = set()
    for turn in (1, 2):
        answers = all_at_once(60, lambda index: read(1000 + index))
        assert [status for status, _ in answers] == [200] * 60
        right = sum(told["digit"] == truth[1000 + index] for index, (_, told) in enumerate(answers))
        assert right >= 57, f"{right} of 60 images read right"
        assert {told["pid"] for _, told in answers} == example.pids() and len(example.pids()) == 1
        pids |= example.pids()
        assert loaded() == turn
        wait_until(lambda: example.counts() == [1, 0] * turn, lambda: f"one start and one end more: {example.counts()}")
    assert len(pids) == 2 and loaded() == 2
    assert ask(node, "model", "/images/1234") == list(images[1234])
    assert Web(node, "model").ask("/read", "POST", b"[1, 2]", Content_Type="application/json").status == 422
    assert Web(node, "model").ask("/images/5000").status == 404


class Askers:
    """A client at each of some nodes of a cluster, asking one request after the other until they are told to stop."""

    def __init__(self, doors: List[Path], name: str) -> None:
        self._stop = threading.Event()
        self.is_killed = threading.Event()
        self.before: List[str] = []  # what those saw whose request was under way, or over, when the node was killed
        self.after: List[str] = []  # and those that began later
        self._threads = [threading.Thread(target=self._ask, args=(door, name)) for door in doors]
        for thread in self._threads:
            thread.start()

    def _ask(self, door: Path, name: str) -> None:
        while not self._stop.is_set():
            seen = self.after if self.is_killed.is_set() else self.before
            seen.append(instance_at(door, name))

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def instance_at(door: Path, name: str) -> str:
    """Which instance answers there; else how it failed."""
    client = Web(door, name)
    try:
        answer: Answer = client.ask("/")
    except (OSError, http.client.HTTPException) as error:
        return f"failed: {error!r}"
    finally:
        client.close()
    return json.loads(answer.body)["instance"] if answer.status == 200 else f"failed: {answer.status} {answer.body!r}"


@pytest.mark.parametrize("victim_owns_it", [False, True], ids=["that_only_has_a_replica", "that_owns_the_app_as_well"])
def test_the_highly_available_app_spans_two_nodes_and_no_new_request_fails_when_one_is_killed(
    three: Machine, victim_owns_it: bool
) -> None:
    shutil.copy(EXAMPLES / "high_availability.py", three.home)
    doors = {node: three.cluster / f"{node}.http.sock" for node in NODES}
    example = Example(three.hearth, "high_availability.py")

    def nodes() -> List[str]:
        return [row["node"] for row in example.replicas()]

    def instances() -> Dict[str, str]:
        """Of each instance that runs, by what it has printed, the id of its replica."""
        return {three.hearth("logs", f"replica/{row['id']}").stdout.split()[-1]: row["id"] for row in example.replicas()}

    wait_until(lambda: len(set(nodes())) == 2, lambda: f"a minimum of two that spans nodes: {example.replicas()}")
    first = instances()
    seen: Set[str] = set()

    def both_have_answered() -> bool:
        seen.update(all_at_once(12, lambda number: instance_at(doors[NODES[number % 3]], example.name)))
        return set(first) <= seen

    wait_until(both_have_answered, lambda: f"answers of both: {seen}")
    assert seen == set(first), "any node knows them"
    owner = example.row()["node"]
    victim = next(node for node in nodes() if (node == owner) == victim_owns_it)
    (spared,) = [row["id"] for row in example.replicas() if row["node"] != victim]
    others = [node for node in NODES if node != victim]
    askers = Askers([doors[node] for node in others], example.name)
    try:
        wait_until(lambda: len(askers.before) > 20, "requests that are under way")
        pid = three.pid(victim)
        os.kill(pid, signal.SIGKILL)
        askers.is_killed.set()
        wait_until(lambda: not alive(pid), "the node to be gone")
        wait_until(lambda: set(nodes()) == set(others), lambda: f"two replicas on the nodes that are left: {example.replicas()}")
        enough = len(askers.after) + 100
        wait_until(lambda: len(askers.after) > enough, "some more answers")
    finally:
        askers.stop()
    assert [seen for seen in askers.after if seen.startswith("failed")] == []
    second = instances()
    assert set(askers.after[-50:]) <= set(second) and spared in second.values(), "who was not hit goes on, warm"
    row, counts = example.row(), example.counts()
    assert (row["status"], row["minReplicas"], row["replicas"]) == ("ACTIVE", 2, len(second))
    assert counts[-1] == len(second) and (counts == [1, 2, 1, 2] or victim_owns_it), "a lost owner's journal is lost with it"
