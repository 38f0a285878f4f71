"""How many replicas an app has, and what their number follows."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any, ClassVar, Dict, Optional, Tuple, Type, Union

from hearth._checks import milliseconds, whole_number
from hearth.app._words import span

__all__ = ["Scaling"]

# Each replica is a process; no machine of ours has more process ids to give.
_REPLICAS_MAX = 65_535
# Of an app that does not say: long enough for a person who reads a page and comes back.
_SCALEDOWN_DEFAULT = datetime.timedelta(seconds=300)


@dataclasses.dataclass(frozen=True)
class Concurrency:
    """`Scaling.Concurrency(val)`: requests under way per replica that the number of replicas aims at, at least 1."""

    val: int

    def __post_init__(self) -> None:
        whole_number(self.val, "val of Scaling.Concurrency", 1)


@dataclasses.dataclass(frozen=True)
class RequestRate:
    """`Scaling.RequestRate(val)`: requests per second and replica that the number of replicas aims at, at least 1."""

    val: int

    def __post_init__(self) -> None:
        whole_number(self.val, "val of Scaling.RequestRate", 1)


@dataclasses.dataclass(frozen=True)
class Scaling:
    """Bounds for the replicas of an `AppEnvironment`, and what moves their number between them.

    Parameters:
        replicas: ``(minimum, maximum)``; an int is a fixed number. With minimum 0 the first request starts a replica and
            waits for it.
        metric: what one replica should have: ``Scaling.Concurrency(10)``, at most ten requests under way, or
            ``Scaling.RequestRate(50)``, at most fifty a second; there are as many replicas as that takes. None: another
            one starts when requests wait.
        scaledown_after: seconds (int or float) or a timedelta that a replica above the minimum has no request before it
            ends; None: 300 seconds. It never takes the app below the minimum.

    All fields are kept in normal form: a pair, and a timedelta or None. Raises TypeError for what has the wrong type,
    ValueError for what has no meaning. Example::

        Scaling(replicas=(1, 10), metric=Scaling.RequestRate(50), scaledown_after=180)
    """

    replicas: Union[int, Tuple[int, int]] = (0, 1)
    metric: Union[Concurrency, RequestRate, None] = None
    scaledown_after: Union[int, float, datetime.timedelta, None] = None

    Concurrency: ClassVar[Type[Concurrency]] = Concurrency
    RequestRate: ClassVar[Type[RequestRate]] = RequestRate

    def __post_init__(self) -> None:
        keep = object.__setattr__  # the class is frozen; what is kept is the normal form
        keep(self, "replicas", _bounds(self.replicas))
        if self.metric is not None and not isinstance(self.metric, (Concurrency, RequestRate)):
            raise TypeError(
                f"metric must be a Scaling.Concurrency, a Scaling.RequestRate or None, not {self.metric!r}; "
                f"write Scaling.Concurrency(10)"
            )
        if self.scaledown_after is not None:
            keep(self, "scaledown_after", span(self.scaledown_after, "scaledown_after"))

    @property
    def min_replicas(self) -> int:
        """Replicas that are there without any request."""
        return self.replicas[0]  # type: ignore[index]

    @property
    def max_replicas(self) -> int:
        """Replicas that requests may lead to."""
        return self.replicas[1]  # type: ignore[index]

    def metric_definition(self) -> Tuple[str, int]:
        """The wire form of the metric (`App` of schema/environment.capnp): its word and the number to aim at."""
        if self.metric is None:
            return "", 0
        return ("concurrency" if isinstance(self.metric, Concurrency) else "rate"), self.metric.val

    def definition(self, concurrency: int) -> Dict[str, Any]:
        """The wire form (`Reuse` of schema/environment.capnp); `concurrency`: requests that a replica gets at once."""
        after = milliseconds(self.scaledown_after or _SCALEDOWN_DEFAULT)  # type: ignore[arg-type]
        return {
            "enabled": True,
            "minReplicas": self.min_replicas,
            "maxReplicas": self.max_replicas,
            "concurrency": concurrency,
            "idleTtlMs": 0 if self.min_replicas else after,  # 0: those that are always there never end for being idle
            "scaledownTtlMs": after,
            "scope": "global",
            "prewarm": False,
            "hygiene": "keep",
            "recycleCalls": 0,
            "recycleAgeMs": 0,
            "recycleGrowthBytes": 0,
            "placement": "spread",
        }


def _bounds(replicas: object) -> Tuple[int, int]:
    bounds = replicas if isinstance(replicas, tuple) else (replicas, replicas)
    if len(bounds) != 2 or any(type(bound) is not int for bound in bounds):
        raise TypeError(f"replicas must be an int or a tuple of two ints, such as (0, 1), not {replicas!r}")
    least, most = bounds
    if least < 0:
        raise ValueError(f"replicas={replicas!r}: the minimum must be at least 0")
    if most < 1:
        raise ValueError(
            f"replicas={replicas!r}: the maximum must be at least 1, else no request could ever be answered; "
            f"write (0, 1) for an app that has none while nobody asks"
        )
    if least > most:
        raise ValueError(f"replicas={replicas!r}: the minimum is greater than the maximum")
    if most > _REPLICAS_MAX:
        raise ValueError(f"replicas={replicas!r}: the maximum must be at most {_REPLICAS_MAX}")
    return (least, most)
