"""How many warm replicas an environment may use, and for how long."""

from __future__ import annotations

import dataclasses
import datetime
import os
from typing import Any, Dict, Literal, Optional, Tuple, Union

from hearth import _runtime
from hearth._checks import Duration, duration, milliseconds, whole_number
from hearth._recycle import Recycle
from hearth.errors import ConfigurationError

__all__ = ["SCALEDOWN_TTL_DEFAULT", "ReusePolicy"]

SCALEDOWN_TTL_DEFAULT = datetime.timedelta(seconds=30)

# Shorter idle times make a pool that is always starting.
_TTL_FLOOR_S = 30.0
# An operator's setting for tests of scaling, which cannot wait half a minute: seconds, a decimal number. It is read in
# the program that declares a policy; a node that imports the same code takes the program's word.
_TTL_FLOOR_VARIABLE = "HEARTH_TEST_TTL_FLOOR_S"
# More calls at once than one event loop serves to any good (the node's limit).
_CONCURRENCY_MAX = 4096
# Each replica is a process; no machine of ours has more process ids to give.
_REPLICAS_MAX = 65_535


@dataclasses.dataclass(frozen=True, init=False)
class ReusePolicy:
    """Keep the interpreters of a `TaskEnvironment` warm between calls.

    Parameters:
        replicas: an int for a fixed count, or ``(minimum, maximum)``. The minimum may be 0: then the first call starts
            a replica. Also a fixed count ends when the whole environment was idle for `idle_ttl`.
        idle_ttl: seconds or timedelta without any call after which all replicas of the environment end.
        concurrency: calls that one replica executes at a time. More than 1 needs async tasks.
        scaledown_ttl: seconds or timedelta that a single replica above the minimum must have been idle before it ends;
            each has a clock of its own.
        scope: ``"global"``: one pool for all runs; ``"run"``: each run has a pool of its own, and so has each
            program that calls without a run.
        prewarm: have a replica ready when the next call is likely, by the pauses between calls so far; it needs eight of
            them. False: a replica starts with its call.
        hygiene: ``"keep"``: a replica serves many calls, which see what earlier ones left in its process; ``"fork"``: each
            call runs in a fresh fork of a warm parent, which has imported the code and run `TaskEnvironment.on_start`, so
            nothing that a call does to its process outlives it. Needs concurrency 1.
        recycle: a `hearth.Recycle`: when a replica has served long enough and is replaced. None: never.
        placement: in a cluster, ``"spread"``: replicas go where the environment has the fewest, so calls have the cores of all
            nodes and the loss of one node costs few of them; ``"pack"``: they go where it has the most, so other nodes stay
            free for replicas that need a whole one.

    Both times, and the age in `recycle`, are at least 30 seconds. Raises ValueError for every value that has no meaning, TypeError for a `recycle` that
    is none.

    Example::

        hearth.ReusePolicy(replicas=(1, 4), concurrency=10, idle_ttl=300)  # up to 40 calls at a time
    """

    replicas: Union[int, Tuple[int, int]] = 2
    idle_ttl: Duration = 30
    concurrency: int = 1
    scaledown_ttl: Duration = 30
    scope: str = "global"
    prewarm: bool = False
    hygiene: Literal["keep", "fork"] = "keep"
    recycle: Optional[Recycle] = None
    placement: Literal["spread", "pack"] = "spread"

    # Written out, because before CPython 3.10 dataclasses have no parameters that are given by keyword only.
    def __init__(
        self,
        replicas: Union[int, Tuple[int, int]] = 2,
        idle_ttl: Duration = 30,
        concurrency: int = 1,
        scaledown_ttl: Duration = 30,
        scope: str = "global",
        *,
        prewarm: bool = False,
        hygiene: Literal["keep", "fork"] = "keep",
        recycle: Optional[Recycle] = None,
        placement: Literal["spread", "pack"] = "spread",
    ) -> None:
        keep = object.__setattr__  # the class is frozen; what is kept is the normal form
        keep(self, "replicas", _range(replicas))
        keep(self, "idle_ttl", _ttl(idle_ttl, "idle_ttl"))
        keep(self, "scaledown_ttl", _ttl(scaledown_ttl, "scaledown_ttl"))
        keep(self, "concurrency", whole_number(concurrency, "concurrency", 1, _CONCURRENCY_MAX))
        if scope not in ("global", "run"):
            raise ValueError('scope must be "global" or "run"')
        keep(self, "scope", scope)
        if type(prewarm) is not bool:
            raise ValueError(f"prewarm must be True or False, not {prewarm!r}")
        keep(self, "prewarm", prewarm)
        keep(self, "hygiene", _hygiene(hygiene, concurrency))
        if recycle is not None and not isinstance(recycle, Recycle):
            raise TypeError(f"recycle must be a hearth.Recycle or None, not {recycle!r}; write Recycle(calls=1000)")
        if recycle is not None and recycle.age is not None:
            _ttl(recycle.age, "recycle.age")
        keep(self, "recycle", recycle)
        if placement not in ("spread", "pack"):
            raise ValueError(f'placement must be "spread" or "pack", not {placement!r}')
        keep(self, "placement", placement)
        if self.capacity == 1 and not _runtime.is_importing():
            self._warn_of_no_parallelism()

    @property
    def min_replicas(self) -> int:
        """Replicas that are kept while the environment is in use."""
        return self.replicas[0]  # type: ignore[index]

    @property
    def max_replicas(self) -> int:
        """Replicas that demand may grow to."""
        return self.replicas[1]  # type: ignore[index]

    @property
    def capacity(self) -> int:
        """Calls that can execute at a time: max_replicas * concurrency."""
        return self.max_replicas * self.concurrency

    def get_scaledown_ttl(self) -> datetime.timedelta:
        """`scaledown_ttl` as a timedelta."""
        return self.scaledown_ttl  # type: ignore[return-value]

    def definition(self) -> Dict[str, Any]:
        """The wire form (`Reuse` of schema/environment.capnp)."""
        recycle = self.recycle
        return {
            "enabled": True,
            "minReplicas": self.min_replicas,
            "maxReplicas": self.max_replicas,
            "concurrency": self.concurrency,
            "idleTtlMs": milliseconds(self.idle_ttl),  # type: ignore[arg-type]
            "scaledownTtlMs": milliseconds(self.get_scaledown_ttl()),
            "scope": self.scope,
            "prewarm": self.prewarm,
            "hygiene": self.hygiene,
            "recycleCalls": (recycle and recycle.calls) or 0,
            "recycleAgeMs": recycle.age_ms if recycle else 0,
            "recycleGrowthBytes": (recycle and recycle.memory_growth) or 0,
            "placement": self.placement,
        }

    def _warn_of_no_parallelism(self) -> None:
        import logging  # costs more than the rest of this module, and few programs come here

        logging.getLogger("hearth").warning(
            "ReusePolicy with one replica and concurrency 1: tasks of this environment run one at a time. "
            "A task that waits for its children lends them its slot, so nested calls finish, but never in parallel; "
            "for that raise replicas or concurrency, or take the parent out of the pool with clone_with(reusable=None)."
        )


def _hygiene(value: object, concurrency: int) -> str:
    if value not in ("keep", "fork"):
        raise ValueError(f'hygiene must be "keep" or "fork", not {value!r}')
    if value == "fork" and concurrency > 1:
        raise ValueError(
            f'hygiene="fork" gives each call a process of its own, so concurrency={concurrency} has no meaning with it; '
            f"leave concurrency at 1 and raise replicas"
        )
    return str(value)


def _range(replicas: object) -> Tuple[int, int]:
    if replicas is None:
        raise ValueError("replicas cannot be None")
    bounds = replicas if isinstance(replicas, tuple) else (replicas, replicas)
    if len(bounds) != 2 or any(type(bound) is not int for bound in bounds):
        raise ValueError("replicas must be an int or a tuple of two ints")
    least, most = bounds
    if least < 0:
        raise ValueError(f"replicas={replicas!r}: the minimum must be at least 0")
    if most < 1:
        raise ValueError(f"replicas={replicas!r}: the maximum must be at least 1, else no call could ever run")
    if least > most:
        raise ValueError(f"replicas={replicas!r}: the minimum is greater than the maximum")
    if most > _REPLICAS_MAX:
        raise ValueError(f"replicas={replicas!r}: the maximum must be at most {_REPLICAS_MAX}")
    return (least, most)


def _ttl(value: object, parameter: str) -> datetime.timedelta:
    ttl = duration(value, parameter)
    floor = 0.0 if _runtime.is_importing() else _floor_seconds()
    if ttl.total_seconds() < floor:
        raise ValueError(f"{parameter} must be at least {floor:g} seconds")
    return ttl


def _floor_seconds() -> float:
    text = os.environ.get(_TTL_FLOOR_VARIABLE)
    if not text:
        return _TTL_FLOOR_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.0 < seconds <= _TTL_FLOOR_S:
        raise ConfigurationError(
            f"{_TTL_FLOOR_VARIABLE}={text!r} is no number of seconds above 0 and up to {_TTL_FLOOR_S:g}. "
            "It only lowers the floor of idle_ttl and scaledown_ttl for tests; unset it."
        )
    return seconds
