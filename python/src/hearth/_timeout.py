"""How long a task may run and wait."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Optional

from hearth._checks import Duration, duration

__all__ = ["Timeout"]


@dataclasses.dataclass(frozen=True)
class Timeout:
    """Bounds in time. Each is an int, of seconds, or a timedelta; None or 0 means unlimited.

    Parameters:
        max_runtime: of one execution. Beyond it an async task is cancelled, a sync task interrupted; a replica whose
            task does not stop is replaced. The call fails with `MaxRuntimeExceededError`.
        max_queued_time: of one wait for a slot; then `MaxQueuedTimeExceededError`.
        deadline: of all executions and waits together; then `DeadlineExceededError`.

    Where a `Timeout` is expected an int or a timedelta means its `max_runtime`. Raises ValueError.
    """

    max_runtime: Optional[Duration] = None
    max_queued_time: Optional[Duration] = None
    deadline: Optional[Duration] = None

    def __post_init__(self) -> None:
        for field in ("max_runtime", "max_queued_time", "deadline"):
            object.__setattr__(self, field, _bound(getattr(self, field), field))

    @classmethod
    def of(cls, value: object) -> Timeout:
        """`value` itself, or what an int, a timedelta or None stands for. Raises ValueError for anything else."""
        if isinstance(value, cls):
            return value
        if value is not None and type(value) is not int and not isinstance(value, datetime.timedelta):
            raise ValueError(f"timeout must be an int (seconds), a timedelta or a hearth.Timeout, not {value!r}")
        return cls(max_runtime=value)


def _bound(value: object, parameter: str) -> Optional[datetime.timedelta]:
    if value is None:
        return None
    span = duration(value, parameter)
    if span < datetime.timedelta(0):
        raise ValueError(f"{parameter} must not be negative, not {value!r}")
    return span or None
