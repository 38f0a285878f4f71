"""Handles of apps: what is asked of the node, and what a program makes of its answers."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List

import pytest
from client_fixtures import node  # noqa: F401

import hearth
from hearth import _frames, errors
from hearth._client import apps, settings
from hearth.app import AppEndpoint, AppEnvironment, Parameter

VERSION = "0123456789abcde"


async def api(scope: Any, receive: Any, send: Any) -> None: ...


def row(name: str = "web", **more: Any) -> Dict[str, Any]:
    """An AppRow as the node writes it: 64-bit numbers are texts, and what is nothing is left out."""
    return {"name": name, "project": "default", "domain": "development", "version": VERSION, "status": "ACTIVE", **more}


@pytest.fixture
def listed(node):  # noqa: F811
    """The apps that the node tells of; tests change the list."""
    known: List[Dict[str, Any]] = [row()]
    node.listings["apps"] = lambda name: [app for app in known if not name or name.endswith("/" + app["name"])]
    node.responses["changeApp"] = {"done": {"detail": "It is so."}}
    return known


def test_an_app_is_found_by_its_name_with_all_that_is_known_of_it(node, listed):
    listed[0].update(subStatus="RUNNING", replicas=2, maxReplicas=4, running="3", waiting="1", scaledownMs="300000",
                     requests={"success": "7", "refused": "1", "failed": "2", "broken": "1", "gone": "9"}, node="n1")  # fmt: skip
    app = hearth.App.get("web")
    assert (app.name, app.version, app.endpoint) == ("web", VERSION, "/apps/default/development/web/")
    assert node.names("get")[-1]["name"] == "default/development/web"
    now = app.details()
    assert (now.status, now.sub_status, now.replicas, now.max_replicas) == ("ACTIVE", "RUNNING", 2, 4)
    assert (now.running, now.waiting, now.done, now.failed, now.scaledown_after) == (3, 1, 8, 3, 300.0)
    assert app.status == "ACTIVE"


def test_an_app_that_is_not_deployed_is_not_found(node, listed):
    with pytest.raises(errors.RemoteTaskNotFoundError, match="no app shop in project default, domain development"):
        hearth.App.get("shop")
    app = hearth.App.get("web")
    listed.clear()
    with pytest.raises(errors.RemoteTaskNotFoundError, match="hearth get apps"):
        app.details()


def test_an_app_of_another_project_is_found_there(node, listed):
    listed[0].update(project="shop", domain="staging")
    assert hearth.App.get("web", project="shop", domain="staging").endpoint == "/apps/shop/staging/web/"
    assert node.names("get")[-1]["name"] == "shop/staging/web"
    assert settings.place() == ("default", "development")


def test_all_apps_are_listed_and_chosen_by_their_status(node, listed):
    listed.append(row("old", status="STOPPED"))
    assert [app.name for app in hearth.App.listall()] == ["web", "old"]
    assert [app.name for app in hearth.App.listall(in_status=("STOPPED",))] == ["old"]
    assert [app.name for app in hearth.App.listall("ACTIVE")] == ["web"]


def test_an_app_is_activated_deactivated_and_deleted(node, listed):
    app = hearth.App.get("web")
    assert app.deactivate() is app and app.activate() is app
    app.delete()
    told = {"project": "default", "domain": "development", "name": "web"}
    assert node.names("changeApp") == [{**told, "what": word} for word in ("deactivate", "activate", "delete")]


def test_who_waits_hears_when_it_is_so(node, listed):
    states = iter(["SCALING_DOWN", "SCALING_DOWN", "STOPPED"])
    app = hearth.App.get("web")
    node.listings["apps"] = lambda name: [row(status=next(states))]
    app.deactivate(wait=True)
    assert next(states, "none") == "none"


def test_who_waits_for_an_app_that_does_not_start_hears_why(node, listed):
    listed[0].update(status="FAILED", subStatus="CRASH_LOOP", why="ModuleNotFoundError: No module named 'x'")
    with pytest.raises(errors.InterpreterStartError, match="CRASH_LOOP: ModuleNotFoundError"):
        hearth.App.get("web").activate(wait=True)
    listed[0].update(status="PENDING")
    with pytest.raises(TimeoutError, match="is PENDING and not ACTIVE after 0.2 s"):
        hearth.App.get("web").activate(wait=True, timeout=0.2)


def test_replicas_of_an_app_are_those_of_its_versions(node, listed):
    node.listings["environments"] = lambda name: [{"name": "web", "version": VERSION}] if name == "default/development/web" else []
    node.listings["replicas"] = lambda name: [
        {"id": str((3 << 32) + 1), "environment": "web", "version": VERSION, "state": "idle", "pid": 7, "ageMs": "1500", "node": "n3"},
        {"id": "2", "environment": "web", "version": "of another project", "state": "idle"},
    ]
    (replica,) = hearth.App.get("web").replicas()
    assert (replica.id, replica.state, replica.pid, replica.age, replica.node) == ("3.1", "idle", 7, 1.5, "n3")


def test_logs_of_an_app_are_its_events_and_what_its_replicas_print_in_order(node, listed):
    node.listings["environments"] = node.listings["replicas"] = lambda name: []
    node.listings["events"] = lambda name: [
        {"text": "Replica 7 is ready.", "unixMs": "1000", "replica": "7"},
        {"text": "Replica 7 ended.", "unixMs": "3000", "replica": "7"},
    ]
    node.logs = [_frames.log(flags=1, unix_ns=2_000_000_000, replica=7, body=b"hello\nthere\n")]
    app = hearth.App.get("web")
    lines = app.logs()
    assert [(line.stream, line.text) for line in lines] == [
        ("system", "Replica 7 is ready."), ("out", "hello"), ("out", "there"), ("system", "Replica 7 ended.")
    ]  # fmt: skip
    assert node.names("logs")[0]["of"] == "replica/7"
    assert [line.text for line in app.logs(limit=1)] == ["Replica 7 ended."]


def test_a_handle_blocks_no_event_loop_and_has_awaitable_forms(node, listed):
    node.listings["environments"] = node.listings["replicas"] = node.listings["events"] = lambda name: []

    async def main() -> None:
        app = await hearth.App.get.aio("web")
        assert [one.name for one in await hearth.App.listall.aio()] == ["web"]
        assert (await app.details.aio()).status == "ACTIVE"
        assert await app.replicas.aio() == [] and await app.logs.aio() == []
        await app.deactivate.aio()
        await app.activate.aio(wait=True)
        await app.delete.aio()
        for blocking in (lambda: app.status, app.activate, lambda: hearth.App.get("web"), hearth.App.listall):
            with pytest.raises(errors.OnlyAsyncIOSupportedError, match="aio"):
                blocking()

    asyncio.run(main())


# -- with_servecontext ------------------------------------------------------------------------------------------------


def test_one_deployment_may_say_variables_and_parameters_otherwise(node, listed):
    env = AppEnvironment(
        "web", app=api, env_vars={"LEVEL": "info"}, parameters=(Parameter("model", "small", env_var="MODEL"), Parameter("peer", "-"))
    )
    context = hearth.with_servecontext(
        project="shop", env_vars={"LEVEL": "debug"}, parameter_values={"web": {"model": "large", "peer": AppEndpoint("back")}}
    )
    app = context.serve(env)
    assert (app.project, app.endpoint) == ("shop", "/apps/shop/development/web/")
    told = {one["name"]: one["value"] for one in node.names("deploy")[-1]["variables"]}
    assert (told["LEVEL"], told["MODEL"], told["HEARTH_APP"]) == ("debug", "large", "web")
    assert told["HEARTH_APP_PARAMETERS"] == '{"model": "large", "peer": "/apps/shop/development/back/"}'
    hearth.serve(env)
    assert {"name": "LEVEL", "value": "info"} in node.names("deploy")[-1]["variables"]


def test_serving_can_wait_until_an_app_is_active(node, listed):
    assert hearth.with_servecontext(activate_timeout=5).serve(AppEnvironment("web", app=api)).name == "web"
    listed[0].update(status="FAILED", subStatus="OOM_KILLED", why="It used 2 GiB.")
    with pytest.raises(errors.InterpreterStartError, match="OOM_KILLED: It used"):
        hearth.with_servecontext(activate_timeout=5).serve(AppEnvironment("web", app=api))


def test_what_a_context_cannot_mean_is_refused(node, listed):
    env = AppEnvironment("web", app=api, parameters=(Parameter("model", "small"),))
    with pytest.raises(ValueError, match="this user's own node is on this machine"):
        hearth.with_servecontext("local")
    with pytest.raises(ValueError, match="activate_timeout must be"):
        hearth.with_servecontext(activate_timeout=0)
    with pytest.raises(ValueError, match="did you mean 'model'"):
        hearth.with_servecontext(parameter_values={"web": {"modle": "x"}}).serve(env)
    with pytest.raises(ValueError, match="names the app 'wbe'"):
        hearth.with_servecontext(parameter_values={"wbe": {}}).serve(env)
    with pytest.raises(ValueError, match="PORT is set for it already"):
        hearth.with_servecontext(env_vars={"PORT": "1"}).serve(env)
    assert not node.names("deploy")


def test_the_http_socket_of_a_node_lies_beside_its_own():
    assert apps.http_socket("/run/hearth/node.sock") == "/run/hearth/node.http.sock"
    assert apps.http_socket("host:7400") == ""
