"""`hearth.serve` and `hearth.deploy` of apps: what reaches the node, and what a program gets back."""

from __future__ import annotations

import asyncio
from typing import Any

import client_tasks as tasks
import pytest
from client_fixtures import node  # noqa: F401

import hearth
from hearth import errors
from hearth._client import settings
from hearth.app import AppEnvironment


async def api(scope: Any, receive: Any, send: Any) -> None: ...


def test_an_app_that_is_served_is_deployed_and_its_handle_says_where_it_is(node, monkeypatch):
    monkeypatch.setattr(settings, "_place", ("shop", "staging"))
    app = hearth.serve(AppEnvironment("web", app=api))
    assert (app.name, app.version, app.is_new, app.node) == ("web", "0123456789abcde", True, "fake")
    assert app.endpoint == "/apps/shop/staging/web/"
    (told,) = node.names("deploy")
    assert (told["name"], told["project"], told["app"]["kind"], told["app"]["attribute"]) == ("web", "shop", "asgi", "api")
    assert told["bundle"] in node.bundles


def test_several_apps_are_served_behind_what_they_depend_on(node):
    back = AppEnvironment("back", app=api)
    base = hearth.TaskEnvironment("base")
    base.task(tasks.square.func)
    one, two = asyncio.run(hearth.serve.aio(AppEnvironment("front", app=api, depends_on=[back, base]), back))
    assert (one.name, two.name) == ("front", "back")
    assert [told["name"] for told in node.names("deploy")] == ["back", "base", "front"]


def test_deploy_takes_apps_and_environments_of_tasks(node):
    rows = hearth.deploy(AppEnvironment("web", app=api), tasks.square.env)
    assert [row.environment for row in rows] == ["web", tasks.square.env.name]


def test_what_is_no_app_is_not_served(node):
    with pytest.raises(TypeError, match="for tasks there is hearth.deploy"):
        hearth.serve(tasks.square.env)
    with pytest.raises(TypeError, match="at least one"):
        hearth.serve()
    with pytest.raises(ValueError, match="has nothing that serves"):
        hearth.serve(AppEnvironment("web"))
    assert not node.names("deploy")


def test_apps_are_not_served_where_it_would_block_or_by_a_node(node):
    from hearth import _runtime

    async def inside() -> None:
        hearth.serve(AppEnvironment("web", app=api))

    with pytest.raises(errors.OnlyAsyncIOSupportedError, match="await hearth.serve.aio"):
        asyncio.run(inside())
    with _runtime.importing("web"), pytest.raises(errors.RuntimeUserError, match="__main__"):
        hearth.serve(AppEnvironment("web", app=api))
