"""Small words of an app's declaration: how many replicas, how long, under which names; and what they cannot mean."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import hearth
from hearth.app import AppEndpoint, Domain, Link, Parameter, Scaling, Timeouts

# -- scaling ---------------------------------------------------------------------------------------------------------


def test_an_app_has_no_replica_while_nobody_asks_and_else_one() -> None:
    assert Scaling().replicas == (0, 1) and Scaling(replicas=3).replicas == (3, 3)
    assert Scaling(scaledown_after=1.5).scaledown_after == timedelta(seconds=1.5)


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"replicas": 0}, ValueError, "the maximum must be at least 1"),
        ({"replicas": (0, 0)}, ValueError, "the maximum must be at least 1"),
        ({"replicas": -1}, ValueError, "at least 0"),
        ({"replicas": (-1, 2)}, ValueError, "at least 0"),
        ({"replicas": (3, 2)}, ValueError, "greater than the maximum"),
        ({"replicas": (0, 65_536)}, ValueError, "at most 65535"),
        ({"replicas": (1, 2, 3)}, TypeError, "tuple of two ints"),
        ({"replicas": (1.5, 2)}, TypeError, "tuple of two ints"),
        ({"replicas": True}, TypeError, "tuple of two ints"),
        ({"replicas": "2"}, TypeError, "tuple of two ints"),
        ({"replicas": None}, TypeError, "tuple of two ints"),
        ({"metric": 10}, TypeError, "write Scaling.Concurrency"),
        ({"metric": Scaling.Concurrency}, TypeError, "metric must be"),
        ({"scaledown_after": 0}, ValueError, "more than 0 seconds"),
        ({"scaledown_after": -5}, ValueError, "more than 0 seconds"),
        ({"scaledown_after": timedelta()}, ValueError, "more than 0 seconds"),
        ({"scaledown_after": float("nan")}, ValueError, "a number of seconds"),
        ({"scaledown_after": float("inf")}, ValueError, "a number of seconds"),
        ({"scaledown_after": True}, TypeError, "seconds or a timedelta"),
        ({"scaledown_after": "5m"}, TypeError, "seconds or a timedelta"),
    ],
)
def test_what_scaling_cannot_mean_is_refused(words: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        Scaling(**words)


@pytest.mark.parametrize("metric", [Scaling.Concurrency, Scaling.RequestRate])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "3", None])
def test_a_metric_aims_at_a_whole_number_of_at_least_one(metric: Any, value: Any) -> None:
    with pytest.raises(ValueError, match=f"val of Scaling.{metric.__name__}"):
        metric(value)


# -- others ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Timeouts(request=3601), ValueError, "at most 3600 seconds"),
        (lambda: Timeouts(request=0), ValueError, "more than 0"),
        (lambda: Timeouts(request="1h"), TypeError, "seconds or a timedelta"),
        (lambda: Domain(subdomain="a.b"), ValueError, "write custom_domain="),
        (lambda: Domain(custom_domain="shop"), ValueError, "write subdomain="),
        (lambda: Domain(custom_domain="https://shop.org"), ValueError, "without scheme"),
        (lambda: Domain(subdomain="-a"), ValueError, "no name of a host"),
        (lambda: Domain(subdomain=3), TypeError, "must be text"),
        (lambda: Link("docs", "Docs", True), ValueError, "must begin with '/'"),
        (lambda: Link("/docs", "Docs"), ValueError, "add is_relative=True"),
        (lambda: Link("/docs", 1, True), TypeError, "title of a Link"),
        (lambda: Parameter("", "x"), ValueError, "name of a Parameter"),
        (lambda: Parameter("a", 3), TypeError, "value of Parameter 'a'"),
        (lambda: Parameter("a", "x", env_var="A-B"), ValueError, "no name of an environment variable"),
        (lambda: Parameter("a", "x", mount="/x"), ValueError, "Leave mount out"),
        (lambda: Parameter("a", hearth.File("/a/b"), mount="/c"), ValueError, "Leave mount out"),
        (lambda: AppEndpoint("My"), ValueError, "part of host names"),
    ],
)
def test_what_smaller_words_cannot_mean_is_refused(make: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make()
