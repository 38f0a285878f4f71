"""Classes of the values in `values_golden`."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, Dict, List, NamedTuple, Optional

__all__ = ["BadInput", "Color", "Connection", "Frozen", "Node", "Permission", "Point"]


class Color(enum.Enum):
    RED = "r"
    GREEN = "g"


class Permission(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: float
    y: float = 0.0


@dataclasses.dataclass
class Node:
    name: str
    children: List[Node] = dataclasses.field(default_factory=list)
    at: Optional[Point] = None


@dataclasses.dataclass(frozen=True)
class Frozen:
    key: int


class BadInput(ValueError):
    def __init__(self, line: int, *, column: int) -> None:
        super().__init__(f"line {line}")
        self.column = column


@dataclasses.dataclass
class Connection:
    """A dataclass with something that cannot travel."""

    name: str
    handle: Any = None

    def __getstate__(self) -> Dict[str, Any]:
        return {"name": self.name, "handle": None}
