"""The signature of a cached task: the same for the same names and types, another one for others."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import os
import pathlib
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Literal, Mapping, NamedTuple, NewType, Optional, Sequence, Set, Tuple, TypedDict, TypeVar, Union

import pytest
from test_interpreters import interpreters

import hearth
from hearth._cache.signature import signature_of, type_text

SDK = Path(hearth.__file__).resolve().parents[1]
HERE = __name__
T = TypeVar("T", bound=int)
UserId = NewType("UserId", int)


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Node:
    value: float
    after: Optional[Node] = None


class Pair(NamedTuple):
    left: int
    right: List[str]


class Row(TypedDict):
    name: str


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (None, "None"),
        (Any, "Any"),
        (object, "Any"),
        (Optional[int], "None | int"),
        (Union[str, int, None], "None | int | str"),
        (Union[None, str, int], "None | int | str"),
        (List[int], "list[int]"),
        (list[int], "list[int]"),
        (Dict[str, List[float]], "dict[str, list[float]]"),
        (Tuple[int, ...], "tuple[int, ...]"),
        (Tuple[()], "tuple[()]"),
        (tuple, "tuple"),
        (Tuple[int, int], "tuple[int, int]"),
        (Set[bytes], "set[bytes]"),
        (Sequence[int], "collections.abc:Sequence[int]"),
        (collections.abc.Sequence[int], "collections.abc:Sequence[int]"),
        (Mapping[str, int], "collections.abc:Mapping[str, int]"),
        (Literal["b", "a", 1], "Literal[int 1, str 'a', str 'b']"),
        (UserId, "int"),
        (T, "int"),
        (pathlib.Path, "pathlib:Path"),
        (datetime.datetime, "datetime:datetime"),
        (hearth.File, "hearth.files:File"),
        (Color, f"{HERE}:Color{{BLUE, RED}}"),
        (Node, f"{HERE}:Node{{after: None | {HERE}:Node, value: float}}"),
        (Pair, f"{HERE}:Pair{{left: int, right: list[str]}}"),
        (Row, f"{HERE}:Row{{name: str}}"),
    ],
)
def test_a_type_has_one_text(annotation: Any, text: str) -> None:
    assert type_text(annotation) == text


def test_an_array_is_told_by_the_type_of_its_items() -> None:
    np = pytest.importorskip("numpy")
    typing = pytest.importorskip("numpy.typing")
    assert type_text(np.ndarray) == "numpy:ndarray"
    assert type_text(typing.NDArray[np.float64]) == "numpy:ndarray[float64]"


def signature(function: Any) -> str:
    return signature_of(hearth.TaskEnvironment("s").task(function).hints)


def test_a_signature_names_inputs_and_types_and_not_their_order_or_defaults() -> None:
    def one(n: int, scale: float = 1.0) -> int: ...
    def two(scale: float = 2.0, *, n: int) -> int: ...

    assert signature(one) == signature(two) == "(n: int, scale: float) -> int"


def test_each_change_of_names_or_types_is_another_signature() -> None:
    def base(n: int) -> int: ...
    def renamed(m: int) -> int: ...
    def retyped(n: float) -> int: ...
    def more(n: int, m: int) -> int: ...
    def other_result(n: int) -> Tuple[int, int]: ...
    def no_result(n: int) -> None: ...
    def anything(n): ...  # type: ignore[no-untyped-def]

    made = [signature(f) for f in (base, renamed, retyped, more, other_result, no_result, anything)]
    assert len(set(made)) == len(made)


PROGRAM = """
import dataclasses, pathlib, zoneinfo, uuid, decimal
from typing import *
import hearth

@dataclasses.dataclass
class Point:
    x: float
    where: Optional[pathlib.Path] = None

env = hearth.TaskEnvironment("s")

@env.task
def f(a: List[int], b: Union[str, None], c: "Dict[str, Point]", d: Tuple[()], e: uuid.UUID, g: float = None,
      h: Callable[[int], str] = len, i: Type[int] = int, j: zoneinfo.ZoneInfo = None) -> Point: ...

from hearth._cache.signature import signature_of
print(signature_of(f.hints))
"""


def test_every_python_makes_the_same_signature(tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text(PROGRAM)
    (tmp_path / "pyproject.toml").write_text("")
    made = {}
    for interpreter in dict.fromkeys([*interpreters(), sys.executable]):
        done = subprocess.run(
            [interpreter, "-B", "prog.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(SDK)},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        made[interpreter] = done.stdout
    assert len(set(made.values())) == 1, made
    assert "prog:Point{where: None | pathlib:Path, x: float}" in next(iter(made.values()))


@pytest.mark.skipif(sys.version_info < (3, 10), reason="X | Y is an annotation from Python 3.10 on")
def test_a_bar_is_a_union() -> None:
    assert type_text(eval("int | None")) == type_text(Optional[int])
