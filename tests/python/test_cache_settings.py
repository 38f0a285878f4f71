"""What a declaration says about the cache: whose word counts, and what is refused where it is written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Dict

import pytest

import hearth


def declared(env_cache: Any = None, **words: Any) -> hearth.Task:
    env = hearth.TaskEnvironment("e", **({} if env_cache is None else {"cache": env_cache}))

    def f(x: int, noise: float = 0.0) -> int:
        return x

    return env.task(**words)(f)


def caching(task: hearth.Task) -> Dict[str, Any]:
    return task.env.definition()["tasks"][0].get("caching", {})


def test_nothing_is_cached_unless_somebody_says_so() -> None:
    assert caching(declared()) == {}
    assert caching(declared("disable")) == {}


def test_the_decorator_wins_over_the_environment_and_an_override_over_both() -> None:
    one = hearth.Cache("override", version_override="1")
    assert caching(declared(one))["version"] == "1"
    assert caching(declared(one, cache=hearth.Cache("override", version_override="2")))["version"] == "2"
    assert caching(declared(one, cache="disable")) == {}
    task = declared(one, cache="disable")
    other = task.override(cache=hearth.Cache("override", version_override="3"))
    assert caching(other)["version"] == "3" and caching(task) == {}


def test_a_definition_says_what_a_node_looks_calls_up_by() -> None:
    cache = hearth.Cache("override", version_override="1", serialize=True, ignored_inputs="noise", ttl=timedelta(seconds=1.5))
    assert caching(declared(cache)) == {
        "version": "1",
        "signature": "(noise: float, x: int) -> int",
        "inputs": ["x"],
        "serialize": True,
        "ttlMs": 1500,
    }
    assert caching(declared(hearth.Cache("override", version_override="1", ttl=60)))["ttlMs"] == 60_000


def test_the_words_of_flytekit_mean_the_same() -> None:
    task = declared(cache=True, cache_version="1.0", cache_serialize=True, cache_ignore_input_vars=("noise",))
    assert task.cache == hearth.Cache("override", version_override="1.0", serialize=True, ignored_inputs=("noise",))
    assert declared("auto", cache=False, cache_version="1.0").cache.behavior == "disable"
    assert declared().override(cache=True, cache_version="2").cache.version_override == "2"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"cache": True}, "cache=True needs cache_version"),
        ({"cache": True, "cache_version": 1}, "cache_version must be text, not 1"),
        ({"cache_version": "1"}, "cache_version is given, but cache is not enabled"),
        ({"cache_serialize": True}, "cache_serialize is given, but cache is not enabled"),
        ({"cache": False, "cache_serialize": True}, "cache_serialize is given, but cache is not enabled"),
        ({"cache": False, "cache_ignore_input_vars": ("x",)}, "cache_ignore_input_vars is given, but cache is not"),
        ({"cache": "auto", "cache_version": "1"}, "cache_version cannot stand beside cache='auto'"),
        ({"cache": hearth.Cache(), "cache_serialize": True}, "cannot stand beside a Cache"),
        ({"cache": "sometimes"}, "Invalid cache behavior"),
        ({"cache": "override"}, "needs the version to use"),
        ({"cache": hearth.Cache(ignored_inputs="nose")}, "'nose', which is none of its parameters"),
        ({"cache": True, "cache_version": "1", "cache_ignore_input_vars": ("nose",)}, "'nose'"),
        ({"cache": 1}, "cache must be a word"),
    ],
)
def test_what_has_no_meaning_is_refused_where_it_is_written(words: Dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        declared(**words)
