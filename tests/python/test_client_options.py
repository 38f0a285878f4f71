"""Options of a command line: what their text means for each kind of annotation."""

from __future__ import annotations

import argparse
import collections.abc
import dataclasses
import datetime
import enum
import pathlib
from typing import Any, Dict, FrozenSet, List, Literal, NamedTuple, Optional, Set, Tuple, TypedDict, Union

import pytest

from hearth._client import options


class Colour(enum.Enum):
    RED = "r"
    GREEN = 2


@dataclasses.dataclass
class Point:
    x: int
    colour: Colour = Colour.RED


class Pair(NamedTuple):
    left: int
    right: float


class Row(TypedDict):
    name: str
    points: List[Point]


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("12", int, 12),
        ("1e3", float, 1000.0),
        ("12", str, "12"),
        ("12", Any, 12),
        ("twelve", Any, "twelve"),
        ("äh", bytes, "äh".encode()),
        ("yes", bool, True),
        ("RED", Colour, Colour.RED),
        ("r", Colour, Colour.RED),
        ("2", Colour, Colour.GREEN),
        ("b", Literal["a", "b", 3], "b"),
        ("3", Literal["a", "b", 3], 3),
        ("none", Optional[int], None),
        ("5", Optional[int], 5),
        ("5", Union[str, int], 5),
        ("five", Union[str, int], "five"),
        ("2024-05-06", datetime.date, datetime.date(2024, 5, 6)),
        ("2024-05-06T07:08:09Z", datetime.datetime, datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)),
        ("90", datetime.timedelta, datetime.timedelta(seconds=90)),
        ("1.5h", datetime.timedelta, datetime.timedelta(minutes=90)),
        ("250ms", datetime.timedelta, datetime.timedelta(milliseconds=250)),
        ("[1, 2]", List[int], [1, 2]),
        ("[1, 2.5]", List[float], [1.0, 2.5]),
        ("[1, 1]", Set[int], {1}),
        ("[1]", FrozenSet[int], frozenset([1])),
        ('[1, "a"]', Tuple[int, str], (1, "a")),
        ("[1, 2, 3]", Tuple[int, ...], (1, 2, 3)),
        ("[1, 2]", collections.abc.Sequence, [1, 2]),
        ('{"a": [1]}', Dict[str, List[int]], {"a": [1]}),
        ('{"1": "RED"}', Dict[int, Colour], {1: Colour.RED}),
        ('{"x": 1, "colour": "GREEN"}', Point, Point(1, Colour.GREEN)),
        ("[1, 2]", Pair, Pair(1, 2.0)),
        ('{"left": 1, "right": 2}', Pair, Pair(1, 2.0)),
        ('{"name": "a", "points": [{"x": 1}]}', Row, {"name": "a", "points": [Point(1)]}),
        ("/tmp/x", pathlib.Path, pathlib.Path("/tmp/x")),
    ],
)
def test_text_means_a_value_of_the_annotation(text, annotation, value):
    found = options.from_text(text, annotation)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "annotation", "said"),
    [
        ("1.5", int, "invalid literal"),
        ("maybe", bool, "true or false"),
        ("BLUE", Colour, "choose from RED, GREEN"),
        ("c", Literal["a", "b"], "choose from a, b"),
        ("[1", List[int], "not JSON"),
        ('["a"]', List[int], "is no int"),
        ("[1, 2, 3]", Tuple[int, str], "3 items where 2 belong"),
        ('{"y": 1}', Point, "unexpected keyword"),
        ("true", List[int], "true is no list"),
        ("3", Union[List[int], Dict[str, int]], "3 is no list.*3 is no dict"),
    ],
)
def test_text_that_means_nothing_says_why(text, annotation, said):
    with pytest.raises((ValueError, TypeError), match=said):
        options.from_text(text, annotation)


def test_a_file_must_exist(tmp_path):
    from hearth import Dir, File

    (tmp_path / "data").write_text("x")
    assert options.from_text(str(tmp_path / "data"), File).path == str(tmp_path / "data")
    assert options.from_text(str(tmp_path), Dir).path == str(tmp_path)
    with pytest.raises(ValueError, match="no such file"):
        options.from_text(str(tmp_path / "absent"), File)


def test_options_not_given_are_left_to_the_function():
    def function(a: int, long_name: str = "x", flag: bool = True) -> None: ...

    parser = argparse.ArgumentParser()
    options.add_options(parser, function)
    assert options.values(parser.parse_args(["--a", "1"]), function) == {"a": 1}
    given = parser.parse_args(["--a", "1", "--long-name", "y", "--no-flag"])
    assert options.values(given, function) == {"a": 1, "long_name": "y", "flag": False}
    assert options.values(parser.parse_args(["--a", "1", "--long_name", "z"]), function)["long_name"] == "z"


def test_parameters_without_names_cannot_be_options():
    def function(*numbers: int) -> None: ...

    with pytest.raises(ValueError, match=r"takes \*numbers"):
        options.add_options(argparse.ArgumentParser(), function)
