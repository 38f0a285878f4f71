"""When a warm replica has served long enough and is replaced by a new one."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Optional, Union

from hearth._checks import Duration, duration, milliseconds, whole_number
from hearth._resources import bytes_of

__all__ = ["Recycle"]


@dataclasses.dataclass(frozen=True)
class Recycle:
    """Replace a replica that has served long enough: a remedy for code that leaks memory, handles or state.

    When a replica has reached any of the bounds, another one takes its place: it starts first, and when it is ready the old
    one takes no new call and ends with its last. So a few more calls may run there than `calls` says, and no call waits.

    Parameters:
        calls: executions that one replica serves, at least 1.
        age: seconds or timedelta since the replica was ready; a `ReusePolicy` takes 30 seconds or more.
        memory_growth: bytes, or text with a unit such as ``"200Mi"``, by which the replica's memory (with that of the
            processes it started; pages it shares with others count in part) has grown since it was ready. More than 0.

    At least one must be given; raises ValueError otherwise, and for every value that has no meaning. What is kept is the
    normal form: `age` as a timedelta, `memory_growth` in bytes.

    Example::

        hearth.ReusePolicy(replicas=4, recycle=hearth.Recycle(calls=10_000, memory_growth="200Mi"))
    """

    calls: Optional[int] = None
    age: Optional[Duration] = None
    memory_growth: Union[str, int, None] = None

    def __post_init__(self) -> None:
        if self.calls is None and self.age is None and self.memory_growth is None:
            raise ValueError(
                "Recycle() says no bound; give at least one, such as Recycle(calls=1000), Recycle(age=3600) or "
                'Recycle(memory_growth="200Mi")'
            )
        keep = object.__setattr__  # the class is frozen; what is kept is the normal form
        if self.calls is not None:
            whole_number(self.calls, "calls", 1)
        if self.age is not None:
            keep(self, "age", _age(self.age))
        if self.memory_growth is not None:
            keep(self, "memory_growth", _growth(self.memory_growth))

    @property
    def age_ms(self) -> int:
        """`age` in milliseconds; 0: not said."""
        return milliseconds(self.age)  # type: ignore[arg-type]


def _age(value: object) -> datetime.timedelta:
    age = duration(value, "age")
    if age <= datetime.timedelta():
        raise ValueError(f"age must be more than 0 seconds, not {value!r}")
    return age


def _growth(value: object) -> int:
    size = value if type(value) is int else bytes_of(value, "memory_growth")
    if size <= 0:
        raise ValueError(f'memory_growth must be more than 0 bytes, such as "200Mi", not {value!r}')
    return bytes_of(str(size), "memory_growth")
