"""What people do with apps from a terminal and from Python: serve, look, switch off and on, take away, and find out why."""

from __future__ import annotations

import json
import textwrap
from typing import Any, Callable, Dict, List

import pytest
from conftest import Node, wait_until
from machine import Machine
from web import Answer, Web

APP = '''
import os
import hearth, hearth.app

async def web(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            print("the app says", message["type"].rpartition(".")[2], flush=True)
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % os.getpid()})

scaling = hearth.app.Scaling(replicas=(0, 2), scaledown_after=60)
env = hearth.app.AppEnvironment("web", app=web, scaling=scaling)
kept = hearth.app.AppEnvironment("kept", app=web, scaling=hearth.app.Scaling(replicas=(1, 2), scaledown_after=60))
'''

CRASHING = {
    "whose code cannot be imported": "raise RuntimeError('reads the model in vain')\n",
    "that ends while it starts": """
        import os
        async def web(scope, receive, send):
            print("reads the model", flush=True)
            os._exit(3)
    """,
    "that ends soon after it was ready": """
        import os, threading, time
        async def web(scope, receive, send):
            if scope["type"] == "lifespan":
                await receive()
                print("reads the model", flush=True)
                threading.Thread(target=lambda: (time.sleep(0.3), os._exit(3)), daemon=True).start()
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await __import__("asyncio").sleep(30)
    """,
}

DECLARED = """
import hearth.app
if __name__ == "__main__" or __import__("os").environ.get("HEARTH_APP"):
    import crashes
    serves = getattr(crashes, "web", None)
else:
    async def serves(scope, receive, send): ...
"""


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    node = make_node()
    node.start()
    node.write("shop.py", APP)
    return node


def app(node: Node, name: str = "web") -> Dict[str, Any]:
    (row,) = json.loads(node.command("get", "app", name, "-o", "json").stdout)
    return row


def states(node: Node, name: str = "web") -> str:
    row = app(node, name)
    return f"{row['status']} {row['subStatus']}"


def starts(node: Node, name: str) -> List[Dict[str, Any]]:
    """What became of replicas that were started: each is one event of these kinds."""
    events = json.loads(node.command("get", "events", name, "-o", "json").stdout)
    return [event for event in events if event["kind"] in ("ready", "unmade")]


def test_apps_of_a_file_are_served_and_shown_with_their_requests(node: Node) -> None:
    told = node.command("serve", "shop.py")
    assert [line.split()[0] for line in told.stdout.splitlines()] == ["web", "kept"]
    assert "curl --unix-socket " + str(node.home / "run" / "node.http.sock") in told.stderr
    wait_until(lambda: states(node) == "ACTIVE SCALED_TO_ZERO", "the end of the import")
    wait_until(lambda: states(node, "kept") == "ACTIVE RUNNING", "the minimum of replicas")
    assert Web(node, "web").ask("/").status == 200
    row = app(node)
    assert (row["status"], row["subStatus"], row["replicas"], row["requests"]["success"]) == ("ACTIVE", "RUNNING", 1, 1)
    assert row["version"] == told.stdout.split()[1] and row["endpoint"] == "/apps/default/development/web/"
    listed = node.command("get", "apps").stdout
    assert "SUB-STATUS" in listed and "kept" in listed and "/apps/default/development/web/" in listed
    assert "the app says" not in node.command("get", "app", "web").stdout  # nothing failed


def test_the_code_is_imported_when_it_is_served_and_no_replica_starts_for_that(node: Node) -> None:
    node.command("serve", "shop.py", "web", "--wait")
    row = app(node)
    assert (row["status"], row["subStatus"], row["replicas"], int(row["starts"])) == ("ACTIVE", "SCALED_TO_ZERO", 0, 0)
    assert not starts(node, "web") and not json.loads(node.command("get", "replicas", "-o", "json").stdout)
    timing = Web(node, "web").ask("/").headers["server-timing"]
    assert "start;dur=" in timing and "import" not in timing, "the interpreter that forked its replica had the code"


def test_code_that_cannot_be_imported_is_known_before_anybody_asks(node: Node) -> None:
    node.write("crashes.py", CRASHING["whose code cannot be imported"])
    node.write("bad.py", DECLARED + "env = hearth.app.AppEnvironment('bad', app=serves)\n")
    refused = node.command("serve", "bad.py", "--wait", status=1).stderr
    assert "is FAILED CRASH_LOOP" in refused and "reads the model in vain" in refused
    assert states(node, "bad") == "FAILED CRASH_LOOP"
    assert len(starts(node, "bad")) == 1, "which failed; nothing is tried again before somebody asks"


def test_serving_the_same_again_changes_nothing(node: Node) -> None:
    first = json.loads(node.command("serve", "shop.py", "web", "-o", "json").stdout)
    pid = Web(node, "web").ask("/").body
    again = json.loads(node.command("serve", "shop.py", "web", "-o", "json").stdout)
    assert [(row["version"], row["new"]) for row in first + again] == [(first[0]["version"], True), (first[0]["version"], False)]
    assert Web(node, "web").ask("/").body == pid


def test_a_deactivated_app_refuses_says_how_to_activate_it_and_stays_so_over_a_restart(node: Node) -> None:
    node.command("serve", "shop.py", "kept", "--wait")
    assert Web(node, "kept").ask("/").status == 200
    assert "is deactivated" in node.command("deactivate", "app", "kept", "--wait").stdout
    assert states(node, "kept") == "STOPPED "
    refused = Web(node, "kept").ask("/")
    assert refused.status == 503 and b"`hearth activate app kept`" in refused.body
    node.stop()
    node.start()
    wait_until(lambda: Web(node, "kept").ask("/").status == 503, "an answer of the node")
    assert states(node, "kept") == "STOPPED " and not node.rows("replicas")
    assert "hearth activate app kept" in node.command("explain", "app", "kept").stdout
    node.command("activate", "app", "kept", "--wait")
    assert states(node, "kept") == "ACTIVE RUNNING"
    assert Web(node, "kept").ask("/").status == 200


def test_a_deleted_app_is_gone_until_it_is_served_again(node: Node) -> None:
    node.command("serve", "shop.py", "kept", "--wait")
    node.command("delete", "app", "kept")
    assert Web(node, "kept").ask("/").status == 404
    wait_until(lambda: not node.rows("replicas"), "the end of its replicas")
    for words in (("get", "app", "kept"), ("activate", "app", "kept"), ("delete", "app", "kept")):
        assert "no app" in node.command(*words, status=1).stderr
    node.stop()
    node.start()
    assert Web(node, "kept").ask("/").status == 404
    node.command("serve", "shop.py", "kept", "--wait")
    assert Web(node, "kept").ask("/").status == 200


def test_logs_of_an_app_are_its_scaling_and_what_its_replicas_print(node: Node) -> None:
    node.command("serve", "shop.py")
    assert Web(node, "web").ask("/").status == 200
    printed = node.command("logs", "web").stdout
    lines = printed.splitlines()
    assert any(line.startswith("[scaling] ") and "is ready" in line for line in lines)
    assert any(line.endswith("] the app says startup") and not line.startswith("[scaling]") for line in lines)
    node.command("deactivate", "app", "web", "--wait")
    assert "the app says shutdown" in node.command("logs", "app/web").stdout
    assert "There is no app" in node.command("logs", "app/shop", status=1).stderr


def test_an_explanation_says_how_an_app_scales(node: Node) -> None:
    node.command("serve", "shop.py", "web")
    assert Web(node, "web").ask("/").status == 200
    told = node.command("explain", "app", "web").stdout
    assert "App web is ACTIVE (RUNNING)." in told and "Decisions, the newest last:" in told
    assert json.loads(node.command("explain", "app", "web", "-o", "json").stdout)[0]["decisions"]


@pytest.mark.parametrize("least", [0, 1])
@pytest.mark.parametrize("how", list(CRASHING))
def test_an_app(node: Node, how: str, least: int) -> None:
    """... that crashes is shown as a crash loop with its last output, says so in each 503, and costs no busy restarts."""
    node.write("crashes.py", CRASHING[how])
    scaling = f"hearth.app.Scaling(replicas=({least}, 2))"
    node.write("bad.py", DECLARED + f"env = hearth.app.AppEnvironment('bad', app=serves, scaling={scaling})\n")
    node.command("serve", "bad.py")
    answers: List[Answer] = []

    def asked_until_paused() -> bool:
        answers.append(Web(node, "bad").ask("/"))
        return answers[-1].status == 503 and b"not started for now" in answers[-1].body

    wait_until(asked_until_paused, "a pause between starts")
    row = app(node, "bad")
    assert (row["status"], row["subStatus"]) == ("FAILED", "CRASH_LOOP")
    assert "reads the model" in row["lastOutput"] + row["why"]
    assert "reads the model" in node.command("get", "app", "bad").stdout
    assert "hearth logs app/bad" in node.command("explain", "app", "bad").stdout
    assert {answer.status for answer in answers} <= {502, 503}
    before = len(starts(node, "bad"))
    assert before <= 10, "five in a row, and those that shared their fate"
    for _ in range(50):
        assert Web(node, "bad").ask("/").status == 503
    assert len(starts(node, "bad")) == before
    assert "is FAILED CRASH_LOOP" in node.command("activate", "app", "bad", "--wait", status=1).stderr
    node.write("crashes.py", APP)
    node.command("serve", "bad.py")
    wait_until(lambda: Web(node, "bad").ask("/").status == 200, "an answer of the mended version")
    wait_until(lambda: states(node, "bad") == "ACTIVE RUNNING", "that it is well")


def test_a_program_has_a_handle_of_its_app(node: Node) -> None:
    node.write("use.py", textwrap.dedent('''
        import hearth, shop

        app = hearth.with_servecontext(activate_timeout=60).serve(shop.kept)
        assert app.status == "ACTIVE" and app.details().sub_status == "RUNNING"
        (replica,) = app.replicas()
        assert replica.pid > 0 and replica.state == "idle"
        assert any(line.stream == "out" and line.text == "the app says startup" for line in app.logs())
        assert [one.name for one in hearth.App.listall()] == ["kept"] and hearth.App.get("kept").version == app.version
        app.deactivate(wait=True)
        assert app.status == "STOPPED" and not app.replicas()
        app.activate(wait=True)
        assert app.status == "ACTIVE"
        app.delete()
        try:
            app.details()
        except hearth.errors.RemoteTaskNotFoundError as error:
            print(error)
    '''))  # fmt: skip
    assert "There is no app kept" in node.python("use.py").stdout


def test_any_node_of_a_cluster_shows_and_changes_an_app(three: Machine) -> None:
    (three.home / "shop.py").write_text(APP)
    nodes = ("node-1", "node-2", "node-3")
    doors = {name: three.cluster / f"{name}.http.sock" for name in nodes}

    def at(name: str, *words: str) -> str:
        return three.hearth("--socket", str(three.cluster / f"{name}.sock"), *words).stdout

    at("node-1", "serve", "shop.py", "kept", "--wait")
    for name in nodes:
        assert Web(doors[name], "kept").ask("/").status == 200
        (row,) = json.loads(at(name, "get", "app", "kept", "-o", "json"))
        assert (row["status"], row["replicas"]) == ("ACTIVE", 1)
    assert json.loads(at("node-2", "get", "apps", "-o", "json"))[0]["requests"]["success"] == 3
    at("node-2", "deactivate", "app", "kept", "--wait")
    for name in nodes:
        wait_until(lambda name=name: Web(doors[name], "kept").ask("/").status == 503, f"that {name} has heard of it")
    assert "the app says shutdown" in at("node-3", "logs", "kept")
    at("node-3", "activate", "app", "kept", "--wait")
    for name in nodes:
        wait_until(lambda name=name: Web(doors[name], "kept").ask("/").status == 200, f"an answer of {name}")
    at("node-1", "delete", "app", "kept")
    for name in nodes:
        wait_until(lambda name=name: Web(doors[name], "kept").ask("/").status == 404, f"that {name} has heard of it")
