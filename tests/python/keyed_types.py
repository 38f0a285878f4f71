"""Types of inputs, for every Python that keys are compared on: no import that an interpreter may not have."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import pathlib
import uuid
from typing import Any, Dict, List, NamedTuple, Optional

__all__ = ["Box", "Color", "Level", "Name", "Perm", "Point", "made", "source_of"]


class Color(enum.Enum):
    RED = 1
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Perm(enum.Flag):
    READ = 1
    WRITE = 2


class Name(NamedTuple):
    first: str
    last: str


@dataclasses.dataclass
class Point:
    x: float
    y: float


@dataclasses.dataclass(frozen=True)
class Box:
    corner: Point
    sizes: Dict[str, List[float]]
    label: Optional[Name] = None


def source_of(value: Any) -> str:
    """An expression that makes an equal value, its dicts and sets in their present order, where this module's names are."""
    if isinstance(value, enum.Flag):
        return f"Perm({value.value})"
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if type(value) in (Point, Box):
        fields = ", ".join(source_of(getattr(value, field.name)) for field in dataclasses.fields(value))
        return f"{type(value).__name__}({fields})"
    if type(value) is Name:
        return f"Name({', '.join(map(source_of, value))})"
    if type(value) is list:
        return f"[{', '.join(map(source_of, value))}]"
    if type(value) is tuple:
        return f"({''.join(source_of(item) + ', ' for item in value)})"
    if type(value) in (set, frozenset):
        return f"{type(value).__name__}([{', '.join(map(source_of, value))}])"
    if type(value) is dict:
        return f"{{{', '.join(f'{source_of(key)}: {source_of(item)}' for key, item in value.items())}}}"
    if type(value) is float:
        return f"float({str(value)!r})"
    if type(value) is complex:
        return f"complex({source_of(value.real)}, {source_of(value.imag)})"
    return repr(value)


def made(source: str) -> Any:
    """The value of an expression."""
    names = {"datetime": datetime, "Decimal": decimal.Decimal, "UUID": uuid.UUID}
    paths = {name: getattr(pathlib, name) for name in ("PurePosixPath", "PureWindowsPath", "PosixPath")}
    return eval(source, {**globals(), **names, **paths})


