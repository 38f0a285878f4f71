"""Apps in a cluster: any node takes any app's requests, and the loss of one costs seconds at most."""

from __future__ import annotations

import json
import os
import shutil
import signal
import textwrap
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from machine import Machine
from waiting import alive, wait_until
from web import Web

APP = '''
import os
import hearth, hearth.app

async def web(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError  # no lifespan
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"].endswith("/parts"):
        for number in range(3):
            await send({"type": "http.response.body", "body": b"%d " % number, "more_body": True})
    await send({"type": "http.response.body", "body": b"%d" % os.getpid()})

env = hearth.app.AppEnvironment("web", app=web, scaling=hearth.app.Scaling(replicas=(2, 4), scaledown_after=60))

if __name__ == "__main__":
    hearth.serve(env)
'''


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    (machine.home / "shop.py").write_text(textwrap.dedent(APP))
    machine.hearth("cluster", "up", "--nodes", "3")
    yield machine
    machine.hearth("cluster", "down", status=None)
    shutil.rmtree(machine.home, ignore_errors=True)


def web(machine: Machine, node: str) -> Web:
    return Web(http_socket(machine, node), "web")


def http_socket(machine: Machine, node: str) -> Path:
    return machine.cluster / f"{node}.http.sock"


def replicas(machine: Machine) -> List[Dict[str, Any]]:
    rows = json.loads(machine.hearth("get", "replicas", "-o", "json").stdout)
    return [row for row in rows if row["environment"] == "web"]


def test_any_node_answers_for_an_app_and_a_lost_node_is_not_missed(machine: Machine) -> None:
    machine.run("/usr/bin/python3", "shop.py")
    for node in ("node-1", "node-2", "node-3"):
        wait_until(lambda: web(machine, node).ask("/").status == 200, f"an answer by {node}")
        in_parts = web(machine, node).ask("/parts")
        assert in_parts.status == 200 and in_parts.body.startswith(b"0 1 2 "), node
    wait_until(lambda: len({row["node"] for row in replicas(machine)}) == 2, lambda: f"a minimum of two that spans nodes: {replicas(machine)}")
    victim = replicas(machine)[0]["node"]
    others = [node for node in ("node-1", "node-2", "node-3") if node != victim]
    pid = machine.pid(victim)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), "the node to be gone")
    began, failed = time.monotonic(), 0
    while time.monotonic() - began < 6:
        for node in others:
            failed += web(machine, node).ask("/").status != 200
    assert failed == 0, "requests after the loss"
    wait_until(lambda: len([row for row in replicas(machine) if row["node"] != victim]) >= 2, "two replicas again")


def listed(machine: Machine, node: str, path: str) -> Any:
    return json.loads(Web(http_socket(machine, node), "").ask(f"/api/v1/{path}").body)


def test_any_node_lists_the_apps_of_all_with_the_requests_that_came_to_any(machine: Machine) -> None:
    machine.run("/usr/bin/python3", "shop.py")
    nodes = ("node-1", "node-2", "node-3")
    for node in nodes:
        wait_until(lambda: web(machine, node).ask("/").status == 200, f"an answer by {node}")
    for node in nodes:
        (row,) = listed(machine, node, "apps/web")
        assert row["requests"]["success"] == len(nodes) and row["kind"] == "asgi" and row["node"] in nodes
        assert {member["name"] for member in listed(machine, node, "nodes")} == set(nodes)
        text = Web(http_socket(machine, node), "").ask("/metrics").body.decode()
        own = [line for line in text.splitlines() if line.startswith("hearth_app_requests_total") and 'status="2xx"' in line]
        assert [line.rsplit(" ", 1)[1] for line in own] == ["1"], "each node tells of what came to it"
        assert "\nhearth_node_links 2\n" in text
