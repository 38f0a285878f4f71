"""An override is the same function with other settings; what warm replicas cannot change is guarded."""

from __future__ import annotations

import pickle
from datetime import timedelta

import pytest

import hearth

pooled = hearth.TaskEnvironment("pooled", reusable=hearth.ReusePolicy(replicas=2), env_vars={"A": "1"})
fresh = hearth.TaskEnvironment("fresh")


@pooled.task(retries=3, timeout=60)
def work(x: int) -> int:
    return x + 1


@fresh.task
def alone(x: int) -> int:
    return x


def test_an_override_replaces_settings_and_leaves_the_task_alone() -> None:
    other = work.override(retries=0, timeout=timedelta(seconds=5), short_name="w", cache="auto", max_inline_io_bytes=10)
    assert (other.retries.count, other.timeout.max_runtime, other.short_name) == (0, timedelta(seconds=5), "w")
    assert (other.cache.behavior, other.max_inline_io_bytes) == ("auto", 10)
    assert (other.name, other.func, other(1)) == (work.name, work.func, 2)
    assert (work.retries.count, work.timeout.max_runtime, work.short_name) == (3, timedelta(seconds=60), "work")


def test_settings_that_are_not_named_stay() -> None:
    other = work.override(retries=1).override(timeout=5, resources=None)
    assert (other.retries.count, other.timeout.max_runtime) == (1, timedelta(seconds=5))
    assert other.env.reusable == pooled.reusable


@pytest.mark.parametrize(
    "words", [{"resources": hearth.Resources(cpu=1)}, {"env_vars": {"A": "2"}}, {"secrets": "key"}]
)
def test_what_warm_replicas_were_started_with_cannot_differ_by_call(words: dict) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(words))}.*reusable='off'"):
        work.override(**words)
    with pytest.raises(ValueError, match="reusable='off'"):
        alone.override(reusable=hearth.ReusePolicy(), **words)
    assert work.override(reusable="off", **words).env.reusable is None
    assert alone.override(**words).env.reusable is None


def test_off_runs_calls_in_fresh_interpreters_with_what_they_need() -> None:
    other = work.override(reusable="off", resources=hearth.Resources(memory="8Gi"), env_vars={"B": "2"})
    definition = other.env.definition()
    assert definition["reuse"]["enabled"] is False
    assert definition["resources"]["memoryLimitBytes"] == 8 * 1024**3
    assert definition["variables"] == [{"name": "B", "value": "2"}]  # replaced, not merged
    assert pooled.definition()["reuse"]["enabled"] is True


def test_the_environment_of_an_override_has_its_name_and_that_task_only() -> None:
    other = work.override(retries=1)
    assert (other.env.name, list(other.env.tasks.values())) == ("pooled", [other])
    assert other.env.definition()["tasks"][0]["retries"]["count"] == 1
    assert list(pooled.tasks.values()) == [work]


def test_equal_overrides_have_equal_definitions() -> None:
    assert work.override(retries=1).env.definition() == work.override(retries=1).env.definition()


def test_an_override_may_bring_a_pool_of_its_own() -> None:
    policy = hearth.ReusePolicy(replicas=5)
    assert work.override(reusable=policy).env.reusable is policy
    with pytest.raises(ValueError, match="only supported for async tasks"):
        work.override(reusable=hearth.ReusePolicy(concurrency=2))


@pytest.mark.parametrize("word", ["name", "image", "docs", "interface"])
def test_what_belongs_to_the_task_cannot_be_overridden(word: str) -> None:
    with pytest.raises(ValueError, match=f"{word} belongs to the task"):
        work.override(**{word: "x"})


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"retry": 1}, TypeError, "did you mean 'retries'"),
        ({"retries": -1}, ValueError, "retries"),
        ({"reusable": "on"}, TypeError, "'off'"),
        ({"pod_template": "t"}, ValueError, "Cannot set pod_template when environment is reusable"),
        ({"links": (1,)}, ValueError, "links is not supported"),
    ],
)
def test_overrides_without_meaning_are_refused(words: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        work.override(**words)


def test_tasks_and_their_overrides_survive_pickling() -> None:
    assert pickle.loads(pickle.dumps(work)) is work
    again = pickle.loads(pickle.dumps(work.override(reusable="off", env_vars={"B": "2"}).override(retries=0)))
    assert (again.func, again.retries.count, again.env.env_vars, again.env.reusable) == (work.func, 0, {"B": "2"}, None)
