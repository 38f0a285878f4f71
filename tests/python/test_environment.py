"""An environment names tasks and says how they run; what it cannot mean is refused where it is written."""

from __future__ import annotations

import functools
import json
import logging
import pickle
import types
from datetime import timedelta
from pathlib import Path
from typing import Callable

import pytest

import hearth
from hearth.errors import BaseRuntimeError

POOL = hearth.ReusePolicy(replicas=(1, 4), concurrency=10, idle_ttl=300)


def module_of(path: Path, source: str) -> types.ModuleType:
    """A module that `source` at `path` makes, loaded by its path."""
    path.write_text(source)
    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


# -- names and words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "digits", "my-env", "my_env_2", "0-1_a"])
def test_names_in_snake_or_kebab_case_are_taken(name: str) -> None:
    assert hearth.TaskEnvironment(name).name == name


@pytest.mark.parametrize("name", ["", "Digits", "a--b", "-a", "a_", "a b", "a\n", "ä", "a.b", None, 3])
def test_other_names_are_refused(name: object) -> None:
    with pytest.raises(ValueError, match="snake_case or kebab-case"):
        hearth.TaskEnvironment(name)  # type: ignore[arg-type]


def test_a_name_that_is_no_path_component_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 100"):
        hearth.TaskEnvironment("a" * 101)


def test_a_misspelled_parameter_is_answered_with_the_right_one() -> None:
    with pytest.raises(TypeError, match="did you mean reusable="):
        hearth.TaskEnvironment("e", reuse_policy=POOL)
    with pytest.raises(TypeError, match="did you mean resources="):
        hearth.TaskEnvironment("e", resource=hearth.Resources())
    with pytest.raises(TypeError, match="there are depends_on, resources"):
        hearth.TaskEnvironment("e", zzz=1)


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"reusable": (1, 4)}, TypeError, "reusable must be a hearth.ReusePolicy"),
        ({"resources": {"cpu": 1}}, TypeError, "resources must be a hearth.Resources"),
        ({"cache": "sometimes"}, ValueError, "Invalid cache behavior"),
        ({"include": "data/*.json"}, TypeError, "include must be a tuple or list"),
        ({"include": (3,)}, TypeError, "include"),
        ({"preload": ("not a module",)}, ValueError, "preload"),
        ({"mounts": ("data",)}, ValueError, "absolute"),
        ({"mounts": ("/data:wr",)}, ValueError, '":rw"'),
        ({"mounts": ("/proc/1",)}, ValueError, "has its own /proc"),
        ({"mounts": ("/a/..",)}, ValueError, "name the folders"),
        ({"isolation": "container"}, ValueError, "isolation must be 'process' or 'sandbox'"),
        ({"env_vars": {"A-B": "1"}}, ValueError, "'A-B'"),
        ({"env_vars": {"A": 1}}, ValueError, "'A' must be text"),
        ({"env_vars": [("A", "1")]}, TypeError, "env_vars"),
        ({"depends_on": ["other"]}, TypeError, "depends_on"),
        ({"description": 5}, TypeError, "description"),
        ({"image": "python:3.12"}, ValueError, "python="),
        ({"plugin_config": object()}, ValueError, "no task plugins"),
        ({"plugin_config": object(), "reusable": POOL}, ValueError, "Cannot set plugin_config when environment is reusable"),
        ({"pod_template": "t"}, ValueError, "no pods"),
        ({"secrets": [3]}, TypeError, "secrets"),
    ],
)
def test_words_without_meaning_are_refused_by_name(words: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        hearth.TaskEnvironment("e", **words)


def test_the_value_of_a_variable_is_not_shown_when_it_is_refused() -> None:
    with pytest.raises(ValueError) as caught:
        hearth.TaskEnvironment("e", env_vars={"TOKEN": b"hush"})  # type: ignore[dict-item]
    assert "hush" not in str(caught.value)


def test_a_long_description_is_cut() -> None:
    assert len(hearth.TaskEnvironment("e", description="x" * 300).description) == 255


# -- tasks -----------------------------------------------------------------------------------------------------------


def test_a_task_is_made_with_and_without_parentheses() -> None:
    env = hearth.TaskEnvironment("e")

    @env.task
    def one(x: int) -> int:
        """Doc."""
        return x

    @env.task(short_name="Two", retries=2, timeout=5, docs="Text", max_inline_io_bytes=100, cache="auto")
    async def two(x: int) -> int:
        return x

    assert list(env.tasks.values()) == [one, two]
    assert (one.name, one.short_name, one.is_async, one.docs, one.cache.behavior) == ("e.one", "one", False, "Doc.", "disable")
    assert (two.name, two.short_name, two.is_async, two.docs, two.cache.behavior) == ("e.two", "Two", True, "Text", "auto")
    assert (two.retries.count, two.timeout.max_runtime, two.max_inline_io_bytes) == (2, timedelta(seconds=5), 100)
    assert (one.__name__, one.__doc__, one.__wrapped__) == ("one", "Doc.", one.func)
    assert env.index_of(two) == 1


def test_the_settings_of_the_environment_are_defaults_of_its_tasks() -> None:
    env = hearth.TaskEnvironment("e", cache="auto", interruptible=True)
    own = env.task(cache="disable", interruptible=False)(lambda x: x)
    inherited = env.task(hearth.version)
    assert (own.cache.behavior, own.interruptible) == ("disable", False)
    assert (inherited.cache.behavior, inherited.interruptible) == ("auto", True)


def test_a_plain_function_in_a_concurrent_pool_is_refused_where_it_is_decorated() -> None:
    env = hearth.TaskEnvironment("e", reusable=POOL)
    with pytest.raises(ValueError, match="concurrency greater than 1 are only supported for async tasks"):

        @env.task
        def one() -> None: ...

    @env.task
    async def two() -> None: ...

    assert list(env.tasks) == ["e.two"]


class Called:
    def __call__(self) -> None: ...


def generator():  # type: ignore[no-untyped-def]
    yield 1


@pytest.mark.parametrize(
    "thing", [Called(), Called, functools.partial(print), len, generator, 3], ids=lambda thing: str(type(thing))
)
def test_what_is_no_function_with_one_result_is_no_task(thing: Callable[..., object]) -> None:
    with pytest.raises(TypeError):
        hearth.TaskEnvironment("e").task(thing)


def test_a_task_cannot_be_made_a_task_again() -> None:
    task = hearth.TaskEnvironment("e").task(hearth.version)
    with pytest.raises(TypeError, match="'e.version' is a task already"):
        hearth.TaskEnvironment("f").task(task)  # type: ignore[arg-type]


def test_inputs_that_have_no_name_are_refused() -> None:
    env = hearth.TaskEnvironment("e")
    with pytest.raises(TypeError, match=r"\*xs"):
        env.task(lambda *xs: xs)
    with pytest.raises(TypeError, match=r"\*\*words"):
        env.task(lambda **words: words)
    with pytest.raises(TypeError, match="positional-only parameter 'x'"):
        env.task(lambda x, /: x)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"report": True}, "no reports"),
        ({"pod_template": "t"}, "no pods"),
        ({"triggers": (1,)}, "cron"),
        ({"links": (1,)}, "console"),
        ({"task_resolver": object()}, "module and name"),
        ({"retries": -1}, "retries"),
        ({"retries": "3"}, "retries"),
        ({"timeout": 1.5}, "timeout"),
        ({"max_inline_io_bytes": 0}, "max_inline_io_bytes"),
        ({"short_name": ""}, "short_name"),
        ({"docs": 3}, "docs"),
        ({"interruptible": "yes"}, "interruptible"),
        ({"cache": hearth.Cache(ignored_inputs="seed")}, "'seed'"),
    ],
)
def test_settings_of_a_task_without_meaning_are_refused(words: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hearth.TaskEnvironment("e").task(**words)(hearth.version)


def test_words_that_switch_something_off_that_is_not_there_are_taken() -> None:
    task = hearth.TaskEnvironment("e").task(report=False, pod_template=None, triggers=(), queue="q", entrypoint=True)(
        hearth.version
    )
    assert task.name == "e.version"


def test_an_unknown_setting_of_a_task_is_answered_with_the_right_one() -> None:
    with pytest.raises(TypeError, match="did you mean retries="):
        hearth.TaskEnvironment("e").task(retry=1)(hearth.version)


def test_a_second_function_of_the_same_name_is_refused_with_the_place_of_the_first(tmp_path: Path) -> None:
    source = (
        "import hearth\n"
        "env = hearth.TaskEnvironment('e')\n"
        "@env.task\ndef f(): ...\n"
        "@env.task\ndef f(): ...\n"
    )
    with pytest.raises(ValueError, match=r"'e.f' already .*twice.py, line 3"):
        module_of(tmp_path / "twice.py", source)


def test_a_cell_that_is_run_again_replaces_its_task() -> None:
    session: dict = {"__name__": "__main__", "env": hearth.TaskEnvironment("e")}
    for number in (1, 2):
        exec(compile(f"@env.task\ndef f(): return {number}\n", f"<cell {number}>", "exec"), session)
    env = session["env"]
    assert (list(env.tasks), env.tasks["e.f"](), env.revision) == (["e.f"], 2, 2)


# -- relatives -------------------------------------------------------------------------------------------------------


def test_a_clone_has_what_is_not_changed_and_no_tasks() -> None:
    env = hearth.TaskEnvironment("e", reusable=POOL, env_vars={"A": "1"}, resources=hearth.Resources(cpu=1), preload=("json",))
    env.task(generator_free)
    clone = env.clone_with("parent", reusable=None, depends_on=[env], env_vars={"B": "2"})
    assert (clone.name, clone.reusable, clone.resources, clone.preload) == ("parent", None, env.resources, ("json",))
    assert (clone.env_vars, clone.depends_on, clone.tasks) == ({"B": "2"}, [env], {})
    assert env.reusable is POOL and list(env.tasks) == ["e.generator_free"]
    assert clone.clone_with("again").depends_on == [env]


async def generator_free() -> None: ...


def test_a_clone_is_checked_like_any_environment() -> None:
    env = hearth.TaskEnvironment("e")
    with pytest.raises(ValueError, match="snake_case"):
        env.clone_with("Not A Name")
    with pytest.raises(TypeError, match="did you mean reusable="):
        env.clone_with("f", reuse_policy=POOL)


def test_dependencies_are_added_once_and_never_to_oneself() -> None:
    one, two = hearth.TaskEnvironment("one"), hearth.TaskEnvironment("two")
    one.add_dependency(two, two)
    assert one.depends_on == [two]
    with pytest.raises(ValueError, match="itself"):
        one.add_dependency(one)


# -- the wire --------------------------------------------------------------------------------------------------------


def fields_of_schema(struct: str) -> set:
    text = (Path(__file__).resolve().parents[2] / "schema" / "environment.capnp").read_text()
    body = text[text.index(f"struct {struct} {{") :]
    return {line.split()[0] for line in body[: body.index("\n}")].splitlines()[1:] if "@" in line.partition("#")[0]}


def test_a_definition_has_exactly_the_fields_of_the_schema() -> None:
    env = hearth.TaskEnvironment("e", reusable=POOL, env_vars={"A": "1"}, isolation="sandbox")
    env.task(retries=1, cache="auto")(generator_free)
    definition = env.definition(bundle="00", python="/bin/python")
    assert set(definition) == fields_of_schema("Environment") - {"app"}
    assert set(definition["tasks"][0]) == fields_of_schema("Task")
    assert set(definition["tasks"][0]["caching"]) == fields_of_schema("Caching")
    assert set(definition["tasks"][0]["retries"]) == fields_of_schema("Retries")
    assert set(definition["tasks"][0]["timeout"]) == fields_of_schema("Timeout")
    assert set(definition["reuse"]) == fields_of_schema("Reuse")
    assert set(definition["resources"]) == fields_of_schema("Resources")
    assert set(definition["variables"][0]) == fields_of_schema("Variable")


def test_a_definition_says_what_was_declared() -> None:
    other = hearth.TaskEnvironment("other")
    env = hearth.TaskEnvironment(
        "e",
        reusable=POOL,
        resources=hearth.Resources(cpu=("500m", 1), memory="1Gi"),
        env_vars={"B": "2", "A": "1"},
        preload=["json"],
        mounts=["/data/", "/scratch:rw", "/a/../b:ro"],
        isolation="sandbox",
        depends_on=[other],
        description="text",
    )
    backoff = hearth.Backoff(base=0.0001, factor=2, cap=30)
    env.task(retries=hearth.RetryStrategy(2, lost=0, backoff=backoff), timeout=hearth.Timeout(5, 6, 7))(generator_free)
    said = json.loads(json.dumps(env.definition(project="p", domain="d", bundle="00", python="/bin/python")))
    assert (said["project"], said["domain"], said["name"], said["description"]) == ("p", "d", "e", "text")
    assert (said["bundle"], said["python"], said["preload"]) == ("00", "/bin/python", ["json"])
    assert (said["mounts"], said["isolation"]) == (["/data", "/scratch:rw", "/b"], "sandbox")
    assert said["dependsOn"] == ["other"]
    assert said["variables"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    assert said["reuse"] == {
        "enabled": True,
        "minReplicas": 1,
        "maxReplicas": 4,
        "concurrency": 10,
        "idleTtlMs": 300_000,
        "scaledownTtlMs": 30_000,
        "scope": "global",
        "prewarm": False,
        "hygiene": "keep",
        "recycleCalls": 0,
        "recycleAgeMs": 0,
        "recycleGrowthBytes": 0,
        "placement": "spread",
    }
    assert said["hooks"] == []
    assert (said["resources"]["cpuMillis"], said["resources"]["cpuLimitMillis"]) == (500, 1000)
    task = said["tasks"][0]
    assert (task["name"], task["isAsync"], task["signature"]) == ("e.generator_free", True, "() -> None")
    assert task["retries"] == {
        "count": 2,
        "lost": 0,
        "backoffBaseMs": 1,  # rounded up: 0 would mean at once
        "backoffFactor": 2.0,
        "backoffCapMs": 30_000,
    }
    assert task["timeout"] == {"maxRuntimeMs": 5000, "maxQueuedMs": 6000, "deadlineMs": 7000}


def test_without_reuse_the_definition_says_so() -> None:
    reuse = hearth.TaskEnvironment("e").definition()["reuse"]
    assert (reuse["enabled"], reuse["maxReplicas"], reuse["concurrency"]) == (False, 0, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"secrets": ["api-key", hearth.Secret("b")]}, "deliver no secrets; its tasks have to find api-key, b"),
        ({"queue": "fast"}, "queue='fast' has no effect"),
        ({"mounts": ("/data",), "isolation": "process"}, "mounts=['/data'] has no effect with isolation"),
        ({"resources": hearth.Resources(disk="1Gi", shm="auto")}, "Resources(disk, shm) has no effect"),
    ],
)
def test_what_has_no_effect_is_said_once(words: dict, said: str, caplog: pytest.LogCaptureFixture) -> None:
    env = hearth.TaskEnvironment("e", **words)

    def one() -> int:
        return 1

    task = env.task(one)
    with caplog.at_level(logging.WARNING, logger="hearth"):
        env.definition()
        env.definition()
        task.override(retries=2).env.definition()
    assert [record.getMessage() for record in caplog.records if said in record.getMessage()]
    assert len(caplog.records) == 1


def test_an_override_says_what_it_adds_without_effect(caplog: pytest.LogCaptureFixture) -> None:
    env = hearth.TaskEnvironment("e")

    def one() -> int:
        return 1

    task = env.task(one)
    with caplog.at_level(logging.WARNING, logger="hearth"):
        env.definition()
        assert not caplog.records
        for _ in range(2):
            task.override(resources=hearth.Resources(disk="1Gi")).env.definition()
    assert [record.getMessage() for record in caplog.records] == [
        "environment 'e': Resources(disk) has no effect; nodes count cpu, memory and GPUs"
    ]


def test_what_nodes_act_on_is_not_talked_about(caplog: pytest.LogCaptureFixture) -> None:
    resources = hearth.Resources(cpu=1, memory="1Gi")
    with caplog.at_level(logging.WARNING, logger="hearth"):
        hearth.TaskEnvironment("e", reusable=POOL, resources=resources, preload=("json",), env_vars={"A": "1"}).definition()
    assert not caplog.records


def test_an_environment_survives_pickling_with_its_tasks() -> None:
    env = hearth.TaskEnvironment("e", reusable=POOL)
    env.task(generator_free)
    again = pickle.loads(pickle.dumps(env))
    assert again.definition() == env.definition()


def test_errors_of_the_runtime_are_no_errors_of_declaration() -> None:
    with pytest.raises(ValueError) as caught:
        hearth.TaskEnvironment("No")
    assert not isinstance(caught.value, BaseRuntimeError)
