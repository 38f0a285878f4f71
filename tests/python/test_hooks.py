"""What replicas run once, when they are recycled, and how clean each call finds them: as it is declared."""

from __future__ import annotations

import dataclasses
import json
import pickle
from datetime import timedelta
from pathlib import Path
from typing import Any, Callable

import pytest

from bundle_project import ENV, MAIN, Project, needs_cloudpickle

import hearth

# -- hygiene, prewarm, recycling -------------------------------------------------------------------------------------


def test_a_policy_keeps_its_replicas_unless_it_says_otherwise() -> None:
    policy = hearth.ReusePolicy()
    assert (policy.prewarm, policy.hygiene, policy.recycle) == (False, "keep", None)
    said = hearth.ReusePolicy(replicas=3, prewarm=True, hygiene="fork").definition()
    assert (said["minReplicas"], said["prewarm"], said["hygiene"]) == (3, True, "fork")


def test_a_policy_with_them_compares_travels_and_is_replaced_by_value() -> None:
    policy = hearth.ReusePolicy(2, 60, 1, 30, "run", prewarm=True, recycle=hearth.Recycle(calls=5))
    assert pickle.loads(pickle.dumps(policy)) == policy != dataclasses.replace(policy, prewarm=False)
    with pytest.raises(TypeError):
        hearth.ReusePolicy(2, 60, 1, 30, "run", True)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"prewarm": 1}, ValueError, "prewarm must be True or False"),
        ({"placement": "near"}, ValueError, 'placement must be "spread" or "pack"'),
        ({"hygiene": "clean"}, ValueError, 'hygiene must be "keep" or "fork"'),
        ({"hygiene": "fork", "concurrency": 2}, ValueError, "leave concurrency at 1 and raise replicas"),
        ({"recycle": 5}, TypeError, "hearth.Recycle or None, not 5"),
    ],
)
def test_what_a_policy_cannot_mean_is_refused(words: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        hearth.ReusePolicy(**words)


def test_recycling_says_its_bounds_in_one_form() -> None:
    recycle = hearth.Recycle(calls=1000, age=timedelta(hours=1), memory_growth="200Mi")
    assert recycle == hearth.Recycle(calls=1000, age=3600, memory_growth=200 * 2**20)
    said = hearth.ReusePolicy(recycle=recycle).definition()
    assert (said["recycleCalls"], said["recycleAgeMs"], said["recycleGrowthBytes"]) == (1000, 3_600_000, 200 * 2**20)
    said = hearth.ReusePolicy(recycle=hearth.Recycle(age=30)).definition()
    assert (said["recycleCalls"], said["recycleAgeMs"], said["recycleGrowthBytes"]) == (0, 30_000, 0)


def test_a_replica_is_not_recycled_at_an_age_at_which_a_pool_would_always_be_starting() -> None:
    with pytest.raises(ValueError, match="recycle.age must be at least 30 seconds"):
        hearth.ReusePolicy(recycle=hearth.Recycle(age=timedelta(seconds=29.9)))


def test_the_longest_times_have_a_wire_form() -> None:
    policy = hearth.ReusePolicy(idle_ttl=timedelta.max, scaledown_ttl=timedelta.max)
    assert policy.definition()["idleTtlMs"] == 1_000_000_000 * 86_400_000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "give at least one"),
        ({"calls": 0}, "calls must be at least 1"),
        ({"calls": True}, "calls must be an int"),
        ({"calls": 1.5}, "calls must be an int"),
        ({"age": 0}, "age must be more than 0 seconds"),
        ({"age": timedelta(seconds=-1)}, "age must be more than 0 seconds"),
        ({"age": True}, "age must be an int"),
        ({"age": "1h"}, "age must be an int"),
        ({"memory_growth": 0}, "memory_growth must be more than 0 bytes"),
        ({"memory_growth": -1}, "memory_growth must be more than 0 bytes"),
        ({"memory_growth": "0"}, "memory_growth must be more than 0 bytes"),
        ({"memory_growth": True}, "memory_growth must be text with a unit"),
        ({"memory_growth": 1.5}, "memory_growth must be text with a unit"),
        ({"memory_growth": "lots"}, "memory_growth must be text with a unit"),
        ({"memory_growth": 2**64}, "more than any machine has"),
    ],
)
def test_bounds_that_mean_nothing_are_refused(words: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hearth.Recycle(**words)


# -- functions that replicas run once --------------------------------------------------------------------------------


def load() -> None: ...


async def connect(retries: int = 3) -> None: ...


def test_hooks_are_declared_in_order_and_stay_the_functions_they_are() -> None:
    env = hearth.TaskEnvironment("e")
    before = env.revision
    assert env.on_start(load) is load and env.on_stop(connect) is connect and env.on_start(connect) is connect
    assert env.revision > before
    said = json.loads(json.dumps(env.definition()))["hooks"]
    assert [(hook["function"], hook["isAsync"], hook["isStop"]) for hook in said] == [
        ("load", False, False),
        ("connect", True, True),
        ("connect", True, False),
    ]
    assert {hook["module"] for hook in said} == {__name__} and {hook["pickle"] for hook in said} == {""}


def test_a_clone_and_an_override_have_the_hooks_of_their_environment() -> None:
    env = hearth.TaskEnvironment("e", reusable=hearth.ReusePolicy(replicas=1))
    env.on_start(load)
    task = env.task(lambda: None)
    clone = env.clone_with("f")
    clone.on_stop(load)
    assert [hook.name for hook in clone.hooks] == ["f.on_start.load", "f.on_stop.load"]
    assert [hook.name for hook in env.hooks] == ["e.on_start.load"]
    assert task.override(reusable="off").env.hooks == env.hooks


def test_a_function_that_is_declared_again_takes_its_own_place() -> None:
    env = hearth.TaskEnvironment("e")
    for _ in range(2):
        env.on_start(load)
        env.on_start(connect)
    assert [hook.func for hook in env.hooks] == [load, connect]


def _generator() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("func", "message"),
    [
        (lambda model: None, "has the parameter 'model', and nobody gives it a value"),
        (_generator, "is a generator"),
        (3, "needs a function made with `def`"),
        (hearth.TaskEnvironment("other").task(lambda: None), "is a task"),
    ],
)
def test_what_cannot_be_a_hook_is_refused(func: Any, message: str) -> None:
    env = hearth.TaskEnvironment("e")
    for decorate in (env.on_start, env.on_stop):
        with pytest.raises(TypeError, match=message):
            decorate(func)


def test_two_functions_of_a_name_are_refused() -> None:
    env = hearth.TaskEnvironment("e")
    env.on_start(load)

    def make() -> Callable[[], None]:
        def load() -> None: ...

        return load

    with pytest.raises(ValueError, match="rename one of the two"):
        env.on_start(make())


@needs_cloudpickle
def test_a_hook_that_no_module_has_travels_by_value_with_the_bundle(tmp_path: Path) -> None:
    source = ENV + "def make(k):\n    @env.on_start\n    def fill(): print(k)\nmake(1)\n@env.task\ndef f(): return 1\n"
    told = Project(tmp_path, {"pyproject.toml": "", "program.py": source + MAIN}).run("program.py")
    assert told["values"]


@needs_cloudpickle
def test_a_hook_that_cannot_travel_is_named(tmp_path: Path) -> None:
    source = "import threading\n" + ENV + "def make(k):\n    @env.on_start\n    def fill(): print(k)\nmake(threading.Lock())\n"
    told = Project(tmp_path, {"program.py": source + "@env.task\ndef f(): return 1\n" + MAIN}).run("program.py")
    assert told["type"] == "BundleError" and "hook 'e.on_start.fill'" in told["error"]
