"""Apps as they are declared: what the words mean, what is refused, and what a node is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bundle_project import Project, needs_cloudpickle

import hearth
from hearth.app import AppEndpoint, AppEnvironment, Domain, FastAPIAppEnvironment, Link, Parameter, Scaling, Timeouts

Scope = Any


async def api(scope: Scope, receive: Any, send: Any) -> None: ...


def site(environ: Any, start_response: Any) -> Any:
    return []


# -- words of the constructor ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "my-app", "0-1", "a" * 30])
def test_names_that_can_be_a_part_of_host_names_are_taken(name: str) -> None:
    assert AppEnvironment(name, app=api).name == name


@pytest.mark.parametrize("name", ["", "My", "my_app", "-a", "a-", "a--b", "a b", "a.b", "ä"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="part of host names"):
        AppEnvironment(name, app=api)


def test_a_name_of_more_than_thirty_characters_is_refused() -> None:
    with pytest.raises(ValueError, match="has 31 characters; at most 30"):
        AppEnvironment("a" * 31, app=api)


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        *[({"port": port}, ValueError, "reserved") for port in (8012, 8022, 8112, 9090, 9091)],
        ({"port": 0}, ValueError, "port must be at least 1"),
        ({"port": 65_536}, ValueError, "port must be at most"),
        ({"port": "8080"}, ValueError, "port must be an int"),
        ({"scaling": (0, 1)}, TypeError, "hearth.app.Scaling"),
        ({"requires_auth": None}, TypeError, "True or False"),
        ({"domain": "shop"}, TypeError, "hearth.app.Domain"),
        ({"timeouts": 300}, TypeError, "hearth.app.Timeouts"),
        ({"links": ["/docs"]}, TypeError, "hearth.app.Link"),
        ({"parameters": ["a"]}, TypeError, "hearth.app.Parameter"),
        ({"parameters": Parameter("a", "b")}, TypeError, "tuple or list"),
        ({"parameters": [Parameter("a", "b"), Parameter("a", "c")]}, ValueError, "the name 'a'"),
        ({"parameters": [Parameter("a", "b", "V"), Parameter("c", "d", "V")]}, ValueError, "the env_var 'V'"),
        ({"parameters": [Parameter("a", "b", "V")], "env_vars": {"V": "1"}}, ValueError, "both set the variable V"),
        ({"parameters": [Parameter("a", "b", "PORT")]}, ValueError, "PORT with port="),
        ({"env_vars": {"HEARTH_APP": "x"}}, ValueError, "HEARTH_APP to its name"),
        ({"concurrency": 0}, ValueError, "concurrency must be at least 1"),
        ({"concurrency": 4097}, ValueError, "concurrency must be at most"),
        ({"health": "health"}, ValueError, "a path such as '/health'"),
        ({"health": "/a b"}, ValueError, "a path such as '/health'"),
        ({"command": "sh -c 'x"}, ValueError, "write a list of texts"),
        ({"command": [1]}, TypeError, "command must be"),
        ({"image": "python:3.12"}, ValueError, "choose an interpreter"),
        ({"scalings": Scaling()}, TypeError, "did you mean scaling="),
        ({"depends_on": ["x"]}, TypeError, "depends_on of app 'web'"),
        ({"app": 3}, TypeError, "cannot be called"),
        ({"app": type("Old", (), {"__init__": lambda self, scope: None})}, TypeError, "is a class"),
        ({"app": lambda scope: None}, TypeError, "old form of ASGI"),
        ({"app": lambda: None}, TypeError, "neither exactly the three arguments"),
        ({"app": lambda *args: None}, TypeError, "neither exactly the three arguments"),
    ],
)
def test_what_an_app_cannot_mean_is_refused_by_name(words: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        AppEnvironment("web", **words)


# -- what serves -----------------------------------------------------------------------------------------------------


class Callable3:
    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None: ...


class Callable2:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...


@pytest.mark.parametrize(
    ("app", "kind"), [(api, "asgi"), (Callable3(), "asgi"), (lambda a, b, c: api(a, b, c), "asgi"), (site, "wsgi"), (Callable2(), "wsgi")]
)
def test_what_an_application_speaks_is_seen_from_its_parameters(app: Any, kind: str) -> None:
    assert AppEnvironment("web", app=app).kind == kind


async def two(environ: Any, start_response: Any) -> None: ...


def test_an_async_function_with_two_parameters_is_neither() -> None:
    with pytest.raises(TypeError, match="three arguments of ASGI"):
        AppEnvironment("web", app=two)


def test_exactly_one_thing_serves() -> None:
    with pytest.raises(ValueError, match=r"has nothing that serves its requests; give it exactly one of app=, @web.server, command="):
        AppEnvironment("web").definition()
    with pytest.raises(ValueError, match="has app= and command="):
        AppEnvironment("web", app=api, command="serve").definition()
    with pytest.raises(ValueError, match="args= belong to a command"):
        AppEnvironment("web", app=api, args="--fast").definition()


async def serving() -> None: ...


def test_a_function_may_serve_and_a_second_one_is_refused() -> None:
    env = AppEnvironment("web", port=9000, health="/health")
    assert env.server(serving) is serving and env.server(serving) is serving
    said = env.definition()["app"]
    assert (said["kind"], said["module"], said["attribute"], said["isAsync"]) == ("server", __name__, "serving", True)
    assert (said["port"], said["health"]) == (9000, "/health")
    with pytest.raises(ValueError, match="has a server function already"):
        env.server(lambda: None)
    with pytest.raises(TypeError, match="@web.server: .* has the parameter 'port'"):
        AppEnvironment("web").server(lambda port: None)
    with pytest.raises(TypeError, match="@web.server needs a function"):
        AppEnvironment("web").server(Callable3())


def test_a_command_is_read_as_a_shell_reads_it_and_its_variables_are_left_to_the_replica() -> None:
    env = AppEnvironment("web", command="vllm serve '$MODEL'", args=["--port", "$PORT"])
    assert env.definition()["app"]["command"] == ["vllm", "serve", "$MODEL", "--port", "$PORT"]


# -- the wire --------------------------------------------------------------------------------------------------------


def load() -> None: ...


async def close() -> None: ...


web = AppEnvironment(
    "web",
    app=api,
    scaling=Scaling(replicas=(1, 4), metric=Scaling.RequestRate(50), scaledown_after=180),
    requires_auth=False,
    domain=Domain("Shop", "shop.example.org"),
    env_vars={"MODE": "fast"},
    parameters=[Parameter("color", "red", "COLOR"), Parameter("data", hearth.File("/data/x")), Parameter("other", AppEndpoint("api"))],
    timeouts=Timeouts(request=20),
    mounts=("/scratch:rw",),
)
web.on_startup(load)
web.on_shutdown(close)


def task(name: str, lost: int) -> Any:
    return {
        "name": f"web.{name}",
        "shortName": name,
        "module": "hearth._worker.apps",
        "function": "request",
        "pickle": "",
        "isAsync": True,
        "retries": {"count": 0, "lost": lost, "backoffBaseMs": 0, "backoffFactor": 1.0, "backoffCapMs": 0},
        "timeout": {"maxRuntimeMs": 0, "maxQueuedMs": 0, "deadlineMs": 0},
        "maxInlineIoBytes": 0,
        "cache": hearth.Cache.of("disable").definition(),
        "docs": "",
        "signature": "(data: bytes) -> bytes",
    }


def hook(module: str, function: str, is_async: bool, is_stop: bool) -> Any:
    return {"module": module, "function": function, "pickle": "", "isAsync": is_async, "isStop": is_stop}


def test_a_node_is_told_of_an_app_in_these_words() -> None:
    told = json.loads(json.dumps(web.definition(project="p", domain="d", bundle="00", python="/bin/python")))
    variables = {row["name"]: row["value"] for row in told.pop("variables")}
    assert json.loads(variables.pop("HEARTH_APP_PARAMETERS")) == {"color": "red", "data": "/data/x", "other": "/apps/p/d/api/"}
    assert variables == {"COLOR": "red", "HEARTH_APP": "web", "MODE": "fast", "PORT": "8080"}
    assert told.pop("resources") == hearth.Resources().definition()
    assert told == {
        "project": "p",
        "domain": "d",
        "name": "web",
        "description": "",
        "bundle": "00",
        "python": "/bin/python",
        "tasks": [task("request", 0), task("idempotent_request", 1)],
        "reuse": {
            "enabled": True,
            "minReplicas": 1,
            "maxReplicas": 4,
            "concurrency": 100,
            "idleTtlMs": 0,
            "scaledownTtlMs": 180_000,
            "scope": "global",
            "prewarm": False,
            "hygiene": "keep",
            "recycleCalls": 0,
            "recycleAgeMs": 0,
            "recycleGrowthBytes": 0,
            "placement": "spread",
        },
        "preload": [],
        "mounts": ["/scratch:rw", "/data/x"],
        "dependsOn": [],
        "hooks": [
            hook("hearth._worker.apps", "start", True, False),
            hook("hearth._worker.apps", "stop", True, True),
            hook(__name__, "load", False, False),
            hook(__name__, "close", True, True),
        ],
        "app": {
            "kind": "asgi",
            "module": __name__,
            "attribute": "api",
            "pickle": "",
            "isAsync": False,
            "command": [],
            "port": 8080,
            "health": "",
            "requiresAuth": False,
            "hosts": ["shop", "shop.example.org"],
            "requestTimeoutMs": 20_000,
            "metric": "rate",
            "target": 50,
            "inactive": False,
        },
    }


def test_an_app_that_may_have_no_replica_ends_its_last_one_when_it_was_idle() -> None:
    told = AppEnvironment("idle", app=api).definition()["reuse"]
    assert (told["minReplicas"], told["maxReplicas"], told["idleTtlMs"], told["scaledownTtlMs"]) == (0, 1, 300_000, 300_000)


@pytest.mark.parametrize(
    ("words", "concurrency", "task_is_async", "hook_is_async"),
    [
        ({"app": site}, 1, False, False),
        ({"app": site, "concurrency": 8}, 8, False, True),
        ({"app": api}, 100, True, True),
        ({"app": api, "concurrency": 3}, 3, True, True),
        ({"app": api, "scaling": Scaling(metric=Scaling.Concurrency(250))}, 250, True, True),
        ({"command": "serve"}, 100, True, True),
    ],
)
def test_a_replica_gets_as_many_requests_at_once_as_its_application_can_take(
    words: Any, concurrency: int, task_is_async: bool, hook_is_async: bool
) -> None:
    told = AppEnvironment("sized", **words).definition()
    assert told["reuse"]["concurrency"] == concurrency
    assert {row["isAsync"] for row in told["tasks"]} == {task_is_async}
    assert {row["isAsync"] for row in told["hooks"]} == {hook_is_async}


def test_hooks_run_around_a_command_and_inside_of_what_serves_an_application() -> None:
    def order(env: AppEnvironment) -> Any:
        env.on_startup(load)
        env.on_shutdown(close)
        return [(row["function"], row["isStop"]) for row in env.definition()["hooks"]]

    own, declared = [("start", False), ("stop", True)], [("load", False), ("close", True)]
    assert order(AppEnvironment("around", command="serve")) == declared + own
    assert order(AppEnvironment("inside", app=api)) == own + declared


def test_an_application_that_no_variable_holds_is_found_through_its_environment() -> None:
    global held
    held = AppEnvironment("held", app=Callable3())
    assert held.definition()["app"]["attribute"] == "held.app"


def test_parameters_are_read_in_the_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_APP_PARAMETERS", '{"color": "red"}')
    assert hearth.app.get_parameter("color") == "red"
    with pytest.raises(hearth.errors.ConfigurationError, match="it has color. Add a hearth.app.Parameter"):
        hearth.app.get_parameter("size")


# -- beside task environments ----------------------------------------------------------------------------------------

clashing_tasks = hearth.TaskEnvironment("clash")
clashing_app = AppEnvironment("clash", app=api)


def test_an_app_and_a_task_environment_of_one_name_are_refused_both() -> None:
    for env, other in ((clashing_app, "another environment"), (clashing_tasks, "another app")):
        with pytest.raises(ValueError, match=f"has the name of {other} .*: rename one"):
            env.definition()


def test_tasks_may_depend_on_an_app() -> None:
    assert hearth.TaskEnvironment("e", depends_on=[web]).definition()["dependsOn"] == ["web"]


def test_hooks_of_an_app_are_named_as_it_declares_them() -> None:
    with pytest.raises(TypeError, match=r"@web.on_startup: .* put what follows it into another function with @web.on_shutdown"):
        AppEnvironment("web", app=api).on_startup((lambda: (yield)))
    with pytest.raises(TypeError, match="@web.on_shutdown needs a function"):
        AppEnvironment("web", app=api).on_shutdown(3)  # type: ignore[type-var]


PROGRAM = """
import hearth.app

{app}

if __name__ == '__main__':
    from tell import tell
    tell(env)
"""
FUNCTION = "async def api(scope, receive, send): ...\n"


def test_the_application_travels_with_the_bundle_by_its_name(tmp_path: Path) -> None:
    files = {"pyproject.toml": "", "api.py": FUNCTION, "program.py": PROGRAM.format(
        app="from api import api as served\nenv = hearth.app.AppEnvironment('web', app=served)")}  # fmt: skip
    told = Project(tmp_path, files).run("program.py")
    assert (told["definition"]["app"]["module"], told["definition"]["app"]["attribute"]) == ("program", "served")
    assert told["files"] == ["api.py", "program.py"] and not told["values"]


@needs_cloudpickle
def test_an_application_without_a_place_travels_by_value(tmp_path: Path) -> None:
    app = "def make(k):\n    async def app(scope, receive, send): print(k)\n    return [hearth.app.AppEnvironment('web', app=app)]"
    program = PROGRAM.format(app=f"{app}\nenvs = make(1)").replace("tell(env)", "tell(envs[0])")
    told = Project(tmp_path, {"program.py": program}).run("program.py")
    assert told["definition"]["app"]["pickle"] == ".hearth/values/web.app.pkl" and told["values"]


def test_programs_without_apps_do_not_load_them() -> None:
    code = "import sys, hearth; assert 'hearth.app' not in sys.modules; hearth.app.Scaling; assert 'hearth.app' in sys.modules"
    sdk = str(Path(hearth.__file__).parents[1])
    subprocess.run([sys.executable, "-B", "-c", f"import sys; sys.path.insert(0, {sdk!r}); {code}"], check=True, timeout=60)


# -- FastAPI ---------------------------------------------------------------------------------------------------------


def test_an_app_of_fastapi_must_be_one() -> None:
    with pytest.raises(TypeError, match="must be a fastapi.FastAPI, not a function"):
        FastAPIAppEnvironment("web", app=api)


def test_an_app_of_fastapi_links_to_its_documentation() -> None:
    fastapi = pytest.importorskip("fastapi")
    own = Link("https://example.org", "More")
    env = FastAPIAppEnvironment("fast", app=fastapi.FastAPI(), links=[own], description="d")
    assert env.links == (Link("/docs", "FastAPI OpenAPI Docs", True), own) and (env.kind, env.description) == ("asgi", "d")
    assert FastAPIAppEnvironment("fast", app=fastapi.FastAPI(docs_url=None)).links == ()
