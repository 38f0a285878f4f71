"""When a task that failed runs again."""

from __future__ import annotations

import dataclasses
import datetime
import math
from typing import Optional, Union

from hearth._checks import whole_number

__all__ = ["Backoff", "RetryStrategy"]

Span = Union[int, float, datetime.timedelta]


@dataclasses.dataclass(frozen=True)
class Backoff:
    """Waiting time between two executions: ``min(base * factor ** n, cap)`` before the (n + 1)-th retry.

    Parameters:
        base: seconds or timedelta, at least 0.
        factor: at least 1 and finite.
        cap: seconds or timedelta; needed when `factor` is greater than 1.

    Raises ValueError. Example: ``Backoff(base=0.5, factor=2, cap=30)`` waits 0.5 s, 1 s, 2 s, ... 30 s.
    """

    base: Span
    factor: float = 1.0
    cap: Optional[Span] = None

    def __post_init__(self) -> None:
        keep = object.__setattr__
        keep(self, "base", _span(self.base, "base"))
        if isinstance(self.factor, bool) or not isinstance(self.factor, (int, float)):
            raise ValueError(f"factor must be a number, not {self.factor!r}")
        if not (math.isfinite(self.factor) and self.factor >= 1):
            raise ValueError(f"factor must be finite and at least 1, not {self.factor}")
        if self.cap is not None:
            keep(self, "cap", _span(self.cap, "cap"))
        elif self.factor > 1:
            raise ValueError("cap is needed when factor is greater than 1, else the waiting time grows without end")

    def delay(self, n: int) -> datetime.timedelta:
        """Waiting time before retry `n` (0 is the first one)."""
        whole_number(n, "n", 0)
        base: datetime.timedelta = self.base  # type: ignore[assignment]
        cap: Optional[datetime.timedelta] = self.cap  # type: ignore[assignment]
        try:
            grown = base * self.factor**n
        except OverflowError:
            grown = datetime.timedelta.max if base else base
        return grown if cap is None else min(grown, cap)


def _span(value: object, parameter: str) -> datetime.timedelta:
    if isinstance(value, datetime.timedelta):
        span = value
    elif isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{parameter} must be a number of seconds or a timedelta, not {value!r}")
    else:
        try:
            span = datetime.timedelta(seconds=value)
        except OverflowError:
            raise ValueError(f"{parameter} must be at most {datetime.timedelta.max.days} days") from None
    if span < datetime.timedelta(0):
        raise ValueError(f"{parameter} must not be negative, not {value!r}")
    return span


@dataclasses.dataclass(frozen=True)
class RetryStrategy:
    """How often a task runs again. The two counts are apart, because the two reasons are.

    Parameters:
        count: further executions after the task raised. `hearth.errors.NonRecoverableError` skips them.
        lost: further executions after an interpreter or a node was lost while the task ran. 0 means at most once: a
            task that had begun when its interpreter was lost is not run again and fails with `MaybeExecutedError`.
        backoff: waiting time before each retry after a user error; None: at once.

    Where a `RetryStrategy` is expected an int means its `count`. Raises ValueError.
    """

    count: int = 0
    lost: int = 3
    backoff: Optional[Backoff] = None

    def __post_init__(self) -> None:
        whole_number(self.count, "retries", 0)
        whole_number(self.lost, "lost", 0)
        if self.backoff is not None and not isinstance(self.backoff, Backoff):
            raise ValueError(f"backoff must be a hearth.Backoff, not {self.backoff!r}")

    @classmethod
    def of(cls, value: object) -> RetryStrategy:
        """`value` itself, or the strategy that an int stands for. Raises ValueError for anything else."""
        if isinstance(value, cls):
            return value
        if type(value) is not int:
            raise ValueError(f"retries must be an int or a hearth.RetryStrategy, not {value!r}")
        return cls(count=value)
