"""Reuse, resources, retries, timeouts, caches and secrets are checked where they are written."""

from __future__ import annotations

import dataclasses
import json
import logging
import pickle
from typing import Callable
from datetime import timedelta

import pytest

import hearth
from hearth import _runtime
from hearth.errors import ConfigurationError

# -- ReusePolicy -----------------------------------------------------------------------------------------------------


def test_a_policy_without_words_is_two_fixed_replicas_for_thirty_seconds() -> None:
    policy = hearth.ReusePolicy()
    assert (policy.min_replicas, policy.max_replicas, policy.concurrency, policy.capacity) == (2, 2, 1, 2)
    assert policy.idle_ttl == policy.get_scaledown_ttl() == timedelta(seconds=30)
    assert policy.scope == "global"


def test_a_range_grows_from_minimum_to_maximum_and_may_begin_at_zero() -> None:
    policy = hearth.ReusePolicy(replicas=(0, 4), concurrency=10, idle_ttl=timedelta(minutes=5))
    assert (policy.min_replicas, policy.max_replicas, policy.capacity) == (0, 4, 40)


def test_a_policy_cannot_be_changed_and_compares_by_value() -> None:
    policy = hearth.ReusePolicy(replicas=3)
    assert policy == hearth.ReusePolicy(replicas=(3, 3)) == pickle.loads(pickle.dumps(policy))
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.replicas = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"replicas": None}, "replicas cannot be None"),
        ({"replicas": [1, 2]}, "replicas must be an int or a tuple of two ints"),
        ({"replicas": (1, 2, 3)}, "replicas must be an int or a tuple of two ints"),
        ({"replicas": 2.0}, "replicas must be an int or a tuple of two ints"),
        ({"replicas": True}, "replicas must be an int or a tuple of two ints"),
        ({"replicas": (False, 1)}, "replicas must be an int or a tuple of two ints"),
        ({"replicas": ("a", "b")}, "replicas must be an int or a tuple of two ints"),
        ({"replicas": (5, 1)}, "minimum is greater"),
        ({"replicas": 0}, "maximum must be at least 1"),
        ({"replicas": (0, 0)}, "maximum must be at least 1"),
        ({"replicas": -3}, "minimum must be at least 0"),
        ({"replicas": (-1, 2)}, "minimum must be at least 0"),
        ({"replicas": 10**6}, "at most 65535"),
        ({"concurrency": 0}, "concurrency must be at least 1"),
        ({"concurrency": True}, "concurrency must be an int"),
        ({"concurrency": 1.5}, "concurrency must be an int"),
        ({"concurrency": 5000}, "concurrency must be at most 4096"),
        ({"idle_ttl": 30.0}, "idle_ttl must be an int"),
        ({"idle_ttl": None}, "idle_ttl must be an int"),
        ({"idle_ttl": True}, "idle_ttl must be an int"),
        ({"idle_ttl": 29}, "idle_ttl must be at least 30 seconds"),
        ({"idle_ttl": timedelta(seconds=29.9)}, "idle_ttl must be at least 30 seconds"),
        ({"scaledown_ttl": 29}, "scaledown_ttl must be at least 30 seconds"),
        ({"scaledown_ttl": "30"}, "scaledown_ttl must be an int"),
        ({"idle_ttl": 10**20}, "idle_ttl must be at most"),
        ({"scope": "project"}, 'scope must be "global" or "run"'),
    ],
)
def test_a_policy_without_meaning_is_refused_by_name(words: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hearth.ReusePolicy(**words)


def test_an_operator_may_lower_the_floor_of_idle_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_TEST_TTL_FLOOR_S", "0.2")
    assert hearth.ReusePolicy(idle_ttl=1).idle_ttl == timedelta(seconds=1)
    with pytest.raises(ValueError, match="at least 0.2 seconds"):
        hearth.ReusePolicy(idle_ttl=timedelta(milliseconds=100))


@pytest.mark.parametrize("text", ["soon", "-1", "0", "nan", "60"])
def test_a_floor_that_is_none_is_an_error_of_configuration(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HEARTH_TEST_TTL_FLOOR_S", text)
    with pytest.raises(ConfigurationError, match="HEARTH_TEST_TTL_FLOOR_S"):
        hearth.ReusePolicy()


def test_a_node_that_imports_a_policy_takes_the_programs_word(caplog: pytest.LogCaptureFixture) -> None:
    with _runtime.importing("program"), caplog.at_level(logging.WARNING, logger="hearth"):
        assert hearth.ReusePolicy(replicas=1, idle_ttl=1).idle_ttl == timedelta(seconds=1)
        with pytest.raises(ValueError, match="at least 0 seconds"):
            hearth.ReusePolicy(idle_ttl=-1)
    assert not caplog.records


def test_one_replica_for_one_call_warns_that_nothing_is_parallel(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="hearth"):
        hearth.ReusePolicy(replicas=1, concurrency=2)
        assert not caplog.records
        hearth.ReusePolicy(replicas=1)
    assert "one at a time" in caplog.text


# -- Resources -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cpu", "millis"),
    [
        (None, (0, 0)),
        (1, (1000, 1000)),
        (0.1, (100, 100)),
        (1e-05, (1, 1)),
        ("500m", (500, 500)),
        ("2", (2000, 2000)),
        ("1.5", (1500, 1500)),
        ((1, "1500m"), (1000, 1500)),
    ],
)
def test_cpu_is_read_in_thousandths_of_a_core(cpu: object, millis: tuple) -> None:
    assert hearth.Resources(cpu=cpu).cpu_millis == millis  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("memory", "size"),
    [
        ("500Mi", 500 * 1024**2),
        ("1.5Gi", 3 * 1024**3 // 2),
        ("1G", 10**9),
        ("2k", 2000),
        ("1e3", 1000),
        ("123", 123),
    ],
)
def test_memory_is_read_in_bytes(memory: str, size: int) -> None:
    assert hearth.Resources(memory=memory).memory_bytes == (size, size)


def test_memory_may_have_a_request_and_a_limit() -> None:
    assert hearth.Resources(memory=("1Ki", "2Ki")).memory_bytes == (1024, 2048)


@pytest.mark.parametrize(
    "gpu",
    [
        1, "1", "T4:1", "A100 80G:1", "Trn1:1", "MI300X:1", "Gaudi1:1", hearth.GPU("T4", 1), hearth.GPU("A100", 1, "1g.5gb"),
        hearth.TPU("V5P"), hearth.Neuron("Inf2"), hearth.AMD_GPU("MI100"), hearth.HABANA_GAUDI("Gaudi1"), hearth.Device(1),
        hearth.Device(1, "GPU", "of the next decade"),
    ],
)  # fmt: skip
def test_one_accelerator_has_many_spellings(gpu: object) -> None:
    assert hearth.Resources(gpu=gpu).gpu_count == 1  # type: ignore[arg-type]


def test_a_device_says_how_many_of_which_class_before_its_model() -> None:
    device = hearth.Device(2, "GPU", "A100", "1g.5gb")
    assert device == hearth.GPU("A100", 2, "1g.5gb")
    assert (device.quantity, device.device_class, device.device, device.partition) == (2, "GPU", "A100", "1g.5gb")
    assert hearth.Resources(gpu="T4:8").gpu_count == 8


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: hearth.GPU("NOPE", 99), "GPU names the model 'NOPE', which is not known"),
        (lambda: hearth.GPU("t4", 1), "names the model 't4', which is not known; there are A2, .*, T4, V100"),
        (lambda: hearth.GPU("T4", 0), "quantity of GPU must be at least 1"),
        (lambda: hearth.GPU("A100", 1, "1g.10gb"), "A100 has no partition '1g.10gb'"),
        (lambda: hearth.TPU("T4"), "there are V5E, V5P, V6E"),
        (lambda: hearth.Neuron("Trn9"), "NEURON names the model 'Trn9'"),
        (lambda: hearth.Device(1, "T4"), "device_class must be one of GPU, TPU"),
        (lambda: hearth.Resources(gpu="Foo:1"), "gpu='Foo:1' names the model 'Foo'"),
        (lambda: hearth.Resources(gpu="T4:9"), "gpu='T4:9' must be at most 8"),
        (lambda: hearth.Resources(gpu="V5P:1"), "names the model 'V5P'"),
    ],
)
def test_accelerators_that_nobody_has_are_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


def test_disk_and_shared_memory_are_sizes() -> None:
    both = hearth.Resources(disk="1Gi", shm="64Mi")
    assert (both.disk_bytes, both.shm_bytes) == (1024**3, 64 * 1024**2)
    assert hearth.Resources(shm="auto").shm_bytes == 0


@pytest.mark.parametrize(
    "words",
    [
        {"cpu": -1},
        {"cpu": True},
        {"cpu": "a lot"},
        {"cpu": float("nan")},
        {"cpu": (1, 2, 3)},
        {"cpu": (2, 1)},
        {"cpu": 10**9},
        {"memory": 500},
        {"memory": "500 MB"},
        {"memory": ""},
        {"memory": ("1Gi",)},
        {"memory": ("2Gi", "1Gi")},
        {"memory": ["1Gi", "2Gi"]},
        {"memory": "99999999Ei"},
        {"gpu": -1},
        {"gpu": True},
        {"gpu": 1.0},
        {"gpu": "T4"},
        {"gpu": "T4:0"},
        {"gpu": "0"},
        {"gpu": ":1"},
        {"disk": 5},
        {"shm": "big"},
    ],
)
def test_resources_without_meaning_are_refused_by_name(words: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(words))):
        hearth.Resources(**words)


# -- retries, timeouts -----------------------------------------------------------------------------------------------


def test_the_two_retry_counts_are_apart() -> None:
    strategy = hearth.RetryStrategy(2)
    assert (strategy.count, strategy.lost, strategy.backoff) == (2, 3, None)


def test_backoff_grows_up_to_its_cap() -> None:
    backoff = hearth.Backoff(base=0.5, factor=2, cap=timedelta(seconds=3))
    assert [backoff.delay(n).total_seconds() for n in (0, 1, 2, 3, 5000)] == [0.5, 1, 2, 3, 3]


def test_backoff_without_factor_stays_what_it_is() -> None:
    assert hearth.Backoff(base=2).delay(100) == timedelta(seconds=2)


@pytest.mark.parametrize(
    "make",
    [
        lambda: hearth.RetryStrategy(-1),
        lambda: hearth.RetryStrategy(True),
        lambda: hearth.RetryStrategy(lost=-1),
        lambda: hearth.RetryStrategy(lost=2.0),
        lambda: hearth.RetryStrategy(backoff=3),
        lambda: hearth.Backoff(base=-1),
        lambda: hearth.Backoff(base="1"),
        lambda: hearth.Backoff(base=1, factor=0.5, cap=2),
        lambda: hearth.Backoff(base=1, factor=float("inf"), cap=2),
        lambda: hearth.Backoff(base=1, factor=2),
        lambda: hearth.Backoff(base=float("nan")),
    ],
)
def test_retries_without_meaning_are_refused(make: object) -> None:
    with pytest.raises(ValueError):
        make()  # type: ignore[operator]


def test_a_timeout_reads_seconds_and_timedeltas_and_zero_is_unlimited() -> None:
    timeout = hearth.Timeout(max_runtime=5, max_queued_time=timedelta(minutes=1), deadline=0)
    assert (timeout.max_runtime, timeout.deadline) == (timedelta(seconds=5), None)
    assert timeout.max_queued_time == timedelta(minutes=1)


@pytest.mark.parametrize("words", [{"max_runtime": -1}, {"deadline": 1.5}, {"max_queued_time": True}])
def test_a_timeout_without_meaning_is_refused_by_name(words: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(words))):
        hearth.Timeout(**words)


# -- cache, secrets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "behavior"),
    [("auto", "auto"), ("enable", "auto"), ("TRUE", "auto"), ("off", "disable"), ("none", "disable"), ("disable", "disable")],
)
def test_a_cache_word_has_aliases(word: str, behavior: str) -> None:
    assert hearth.Cache(word).behavior == behavior


def test_cache_settings_are_carried_as_canonical_json() -> None:
    class Policy:
        def get_version(self, salt: str, params: object) -> str:
            return "1"

    cache = hearth.Cache("override", version_override="7", ignored_inputs="seed", policies=Policy())
    carried = json.loads(cache.definition())
    assert (carried["behavior"], carried["versionOverride"], carried["ignoredInputs"]) == ("override", "7", ["seed"])
    assert carried["policies"][0].endswith("Policy")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"behavior": "sometimes"}, "Invalid cache behavior"),
        ({"behavior": "override"}, "version_override"),
        ({"version_override": ""}, "version_override"),
        ({"serialize": 1}, "serialize"),
        ({"ignored_inputs": 3}, "ignored_inputs"),
        ({"salt": None}, "salt"),
        ({"policies": "x"}, "get_version"),
        ({"ttl": 0}, "ttl must be longer than 0"),
        ({"ttl": -1}, "ttl"),
        ({"ttl": "1h"}, "ttl"),
    ],
)
def test_cache_settings_without_meaning_are_refused_by_name(words: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hearth.Cache(**words)


def test_a_secret_is_expected_in_the_variable_of_its_name() -> None:
    assert hearth.Secret("api-key", group="open-ai").as_env_var == "OPEN_AI_API_KEY"
    assert hearth.Secret("k", mount="/etc/flyte/secrets").as_env_var is None


@pytest.mark.parametrize("words", [{"key": ""}, {"key": "k", "mount": "/tmp"}, {"key": "k", "as_env_var": "lower"}])
def test_a_secret_without_meaning_is_refused(words: dict) -> None:
    with pytest.raises(ValueError):
        hearth.Secret(**words)
