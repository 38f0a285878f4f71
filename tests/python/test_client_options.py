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

from hearth._client import flags, options


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
    flags.add_options(parser, function)
    assert flags.values(parser.parse_args(["--a", "1"]), function) == {"a": 1}
    given = parser.parse_args(["--a", "1", "--long-name", "y", "--no-flag"])
    assert flags.values(given, function) == {"a": 1, "long_name": "y", "flag": False}
    assert flags.values(parser.parse_args(["--a", "1", "--long_name", "z"]), function)["long_name"] == "z"


def test_parameters_without_names_cannot_be_options():
    def function(*numbers: int) -> None: ...

    with pytest.raises(ValueError, match=r"takes \*numbers"):
        flags.add_options(argparse.ArgumentParser(), function)


def parsed(function, *words: str):
    """What `words` give to the parameters of `function`."""
    parser = argparse.ArgumentParser()
    flags.add_options(parser, function)
    return flags.values(parser.parse_args(flags.joined(words, parser)), function)


def test_a_value_may_begin_with_a_minus():
    def function(f: float, s: str = "") -> None: ...

    assert parsed(function, "--f", "-inf") == {"f": float("-inf")}
    assert parsed(function, "--f", "-1e5", "--s", "-abc") == {"f": -1e5, "s": "-abc"}
    assert parsed(function, "--f", "-1", "--s=-1") == {"f": -1.0, "s": "-1"}


def test_a_flag_may_be_written_with_its_value():
    def function(b: bool = True, maybe: Optional[bool] = True) -> None: ...

    assert parsed(function, "--b", "false") == {"b": False}
    assert parsed(function, "--b", "--no-maybe") == {"b": True, "maybe": False}
    assert parsed(function, "--b=true", "--maybe", "none") == {"b": True, "maybe": None}


def test_a_flag_with_a_word_that_is_no_bool_is_refused(capsys):
    def function(b: bool = True) -> None: ...

    for words, said in ((("--b", "x"), "say true or false"), (("--no-b", "true"), "write --b or --no-b, without a value")):
        with pytest.raises(SystemExit):
            parsed(function, *words)
        assert said in capsys.readouterr().err


def test_parameters_whose_options_would_be_the_same_have_two():
    def function(help: int, b: bool = True, no_b: bool = False, a_c: bool = True, no_a_c: int = 1) -> None: ...

    assert parsed(function, "--input-help", "3", "--no-b") == {"help": 3, "no_b": True}
    assert parsed(function, "--input-help", "3", "--b", "false", "--no-no-b") == {"help": 3, "b": False, "no_b": False}
    assert parsed(function, "--input-help", "3", "--no-a-c", "7", "--a_c", "no") == {"help": 3, "no_a_c": 7, "a_c": False}


def test_a_parameter_without_an_option_of_its_own_is_named():
    def function(help: int, input_help: int) -> None: ...

    with pytest.raises(ValueError, match="The parameter input_help of function has no option of its own"):
        flags.add_options(argparse.ArgumentParser(), function)


@pytest.mark.parametrize("text", ['{"1": [2.5], "01": [3]}', '{"1": [2.5], "1": [3]}'])
def test_a_json_object_that_names_an_entry_twice_is_refused(text):
    with pytest.raises(ValueError, match="the key '0?1' names an entry that is there already"):
        options.from_text(text, Dict[int, List[float]])
