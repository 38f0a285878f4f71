"""A user's file for tests of `hearth run`."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, Dict, List, Optional

import hearth

env = hearth.TaskEnvironment("program")


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.5


@env.task
def main(
    n: int,
    scale: float = 1.0,
    fast: bool = False,
    label: Optional[str] = None,
    numbers: List[int] = [1, 2],
    colour: Colour = Colour.RED,
    point: Optional[Point] = None,
    table: Optional[Dict[str, List[int]]] = None,
) -> List[Any]:
    """Does what it is told.

    More words.
    """
    return [n, scale, fast, label, numbers, colour.name, point and [point.x, point.y], table]


@env.task
def name_it(name: str, output: str = "x") -> str:
    return name + output


@env.task
def broken(x: int = 0) -> int:
    return helper(x)


def helper(x: int) -> int:
    raise ValueError(f"no luck with {x}")


@env.task
def shape() -> Dict[str, Any]:
    return {"point": Point(1), "colour": Colour.GREEN, "raw": b"ab", "nothing": None}


@env.task
def forever() -> None:
    raise AssertionError("the fake node never runs this")
