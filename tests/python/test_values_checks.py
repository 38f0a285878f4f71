"""Arguments and results against their annotations: what is taken, what is converted, and what errors say."""

from __future__ import annotations

import collections
import collections.abc as abc
import dataclasses
import datetime as dt
import decimal
import pathlib
import sys
import typing
import uuid
from typing import Any, Callable, Dict, FrozenSet, List, NewType, Optional, Sequence, Set, Tuple, TypeVar, Union

import pytest
from golden_types import Color, Node, Point
from hearth import Dir, File, _values, errors
from hearth._frames_py import Reply
from hearth._values.checks import Mismatch, checker

UserId = NewType("UserId", int)
T = TypeVar("T")
N = TypeVar("N", bound=float)


class Options(typing.TypedDict, total=False):
    depth: int
    names: List[str]


class Required(typing.TypedDict):
    key: str


@dataclasses.dataclass
class Line:
    x: float
    next: Optional[Line] = None


def codec(annotation: Any, result: Any = Any) -> Any:
    """The codec of a task with the one parameter `value`."""

    def function(value: Any) -> Any:
        return value

    function.__annotations__ = {"value": annotation, "return": result}
    return _values.codec_of("demo.f", function)


def passed(annotation: Any, value: Any) -> Any:
    """What the task gets when it is called with `value`."""
    return codec(annotation).decode_arguments(codec(annotation).encode_arguments({"value": value}))["value"]


def refusal(annotation: Any, value: Any) -> str:
    with pytest.raises(errors.RuntimeDataValidationError) as caught:
        codec(annotation).encode_arguments({"value": value})
    return str(caught.value)


NOW = dt.datetime(2024, 1, 2, 3, 4, 5)

TAKEN = [
    (Any, object), (object, 5), (int, 3), (float, 1.5), (bool, True), (str, "a"), (bytes, b"a"), (bytearray, bytearray(b"a")),
    (None, None), (complex, 1j), (list, [1, "a"]), (List[int], [1, 2]), (Sequence[int], (1, 2)), (Sequence[int], [1]),
    (abc.Iterable, [1]), (Tuple[int, str], (1, "a")), (Tuple[int, ...], (1, 2, 3)), (Tuple[()], ()), (tuple, (1, "a")),
    (Set[int], {1}), (FrozenSet[str], frozenset("a")), (abc.Set, frozenset("a")), (Dict[str, List[int]], {"a": [1]}),
    (dict, {1: 2}), (abc.Mapping, {1: 2}), (typing.Deque[int], collections.deque([1], 5)),
    (typing.DefaultDict[str, int], collections.defaultdict(int, a=1)), (typing.Counter[str], collections.Counter("aa")),
    (Optional[int], None), (Union[int, str], "a"), (Union[int, List[str]], ["a"]), (typing.Literal["a", 3], 3),
    (Color, Color.RED), (Point, Point(1.0, 2.0)), (Node, Node("a", [Node("b")])), (Options, {"depth": 3}), (Options, {}),
    (Required, {"key": "x"}), (UserId, 7), (T, "anything"), (N, 2.5), (dt.datetime, NOW), (dt.date, NOW.date()),
    (dt.time, NOW.time()), (dt.timedelta, dt.timedelta(1)), (decimal.Decimal, decimal.Decimal("1.5")),
    (uuid.UUID, uuid.UUID(int=5)), (pathlib.Path, pathlib.Path("a")), (File, File("/a")), (Dir, Dir("/a")),
    (type, int), (abc.Callable, len), (Exception, ValueError("a")), (range, range(3)), (Line, Line(1.0, Line(2.0))),
]  # fmt: skip


@pytest.mark.parametrize("annotation, value", TAKEN, ids=lambda part: str(part)[:40])
def test_a_value_of_the_annotated_type_arrives_as_it_is(annotation: Any, value: Any) -> None:
    arrived = passed(annotation, value)
    assert type(arrived) is type(value) and (repr(arrived) == repr(value))


@pytest.mark.parametrize(
    "annotation, value, wanted",
    [
        (float, 3, 3.0),
        (int, 3.0, 3),
        (complex, 2, 2 + 0j),
        (List[float], [1, 2.5], [1.0, 2.5]),
        (Tuple[float, int], (1, 2), (1.0, 2)),
        (Dict[str, float], {"a": 1}, {"a": 1.0}),
        (Set[float], {1}, {1.0}),
        (Line, Line(1), Line(1.0)),
        (Point, Point(1, 2), Point(1.0, 2.0)),
        (Optional[float], 1, 1.0),
        (Union[str, float], 1, 1.0),
        (Union[float, int], 1, 1),
    ],
    ids=str,
)
def test_numbers_are_converted_where_nothing_is_lost(annotation: Any, value: Any, wanted: Any) -> None:
    assert repr(passed(annotation, value)) == repr(checker(annotation)(value, False)) == repr(wanted)


def test_numpys_scalars_are_taken_for_pythons() -> None:
    numpy = pytest.importorskip("numpy")
    for annotation, value, wanted in (
        (int, numpy.int32(3), 3), (float, numpy.float32(0.5), 0.5), (float, numpy.int8(2), 2.0), (bool, numpy.bool_(True), True),
        (List[int], [numpy.int64(1), 2], [1, 2]),
    ):  # fmt: skip
        assert repr(passed(annotation, value)) == repr(wanted)
    assert "expected int, got float64" in refusal(int, numpy.float64(1.5))


def test_annotations_of_arrays_name_the_type_of_items() -> None:
    numpy = pytest.importorskip("numpy")
    typed = pytest.importorskip("numpy.typing").NDArray[numpy.float64]
    assert passed(typed, numpy.ones(3)).tolist() == [1.0, 1.0, 1.0]
    assert passed(numpy.ndarray, numpy.ones(3, "i4")).dtype == "i4"
    assert "expected array of float64" in refusal(typed, numpy.ones(3, "i4"))
    assert "expected ndarray, got list" in refusal(numpy.ndarray, [1.0])


@pytest.mark.parametrize(
    "annotation, value, text",
    [
        (int, True, "'value': expected int, got bool True"),
        (int, 3.5, "'value': expected int, got float 3.5"),
        (int, "3", "'value': expected int, got str '3'"),
        (int, None, "'value': expected int, got None"),
        (float, True, "expected float, got bool True"),
        (float, 10**400, "too large for one"),
        (bool, 1, "expected bool, got int 1"),
        (str, b"a", "expected str, got bytes b'a'"),
        (bytes, "a", "expected bytes, got str 'a'"),
        (List[int], (1, 2), "expected list[int], got tuple (1, 2)"),
        (List[int], [1, "x"], "'value[1]': expected int, got str 'x'"),
        (List[str], ["a"] * 5 + [None], "'value[5]': expected str, got None"),
        (Sequence[str], "abc", "expected Sequence[str], got str 'abc'"),
        (Tuple[int, str], (1,), "expected tuple[int, str], got tuple (1,), which has 1 items"),
        (Tuple[int, str], (1, 2), "'value[1]': expected str, got int 2"),
        (Tuple[int, ...], (1, None), "'value[1]': expected int, got None"),
        (Set[int], {"a"}, "value{'a'}"),
        (Dict[str, int], {1: 1}, "'value(key 1)': expected str, got int 1"),
        (Dict[str, List[int]], {"a": [1, None]}, "\"value['a'][1]\": expected int, got None"),
        (Optional[int], "a", "expected int | None, got str 'a'"),
        (Union[int, List[int]], ["a"], "'value[0]': expected int, got str 'a'"),
        (typing.Literal["a", "b"], "c", "expected one of 'a', 'b', got str 'c'"),
        (Color, "r", "expected Color (RED, GREEN), got str 'r'"),
        (Point, (1.0, 2.0), "expected Point, got tuple"),
        (Line, {"x": 1.0}, "expected Line, got dict"),
        (List[Line], [Line(1.0), Line(2.0, Line("x"))], "'value[1].next.x': expected float, got str 'x'"),  # type: ignore[arg-type]
        (Options, {"depth": "x"}, "\"value['depth']\": expected int, got str 'x'"),
        (Options, {"deep": 1}, "which has the unknown key 'deep'"),
        (Required, {}, "which misses the key 'key'"),
        (UserId, "x", "expected int, got str 'x'"),
        (N, "x", "expected float, got str 'x'"),
        (dt.date, NOW, "expected date, got datetime"),
        (dt.datetime, NOW.date(), "expected datetime, got date"),
        (dt.timedelta, 5, "expected timedelta, got int 5"),
        (File, "/a", "expected File, got str '/a'"),
        (pathlib.Path, "/a", "expected Path, got str '/a'"),
        (type, 3, "expected type, got int 3"),
        (int, "x" * 500, "..."),
    ],
    ids=lambda part: str(part)[:40],
)
def test_another_value_is_refused_with_its_place_before_anything_is_sent(annotation: Any, value: Any, text: str) -> None:
    message = refusal(annotation, value)
    assert text in message and message.startswith("task 'demo.f'") and len(message) < 300


@pytest.mark.skipif(sys.version_info < (3, 10), reason="X | Y is of Python 3.10")
def test_unions_can_be_written_with_a_bar() -> None:
    annotation = eval("int | list[str] | None")
    for value in (1, ["a"], None):
        assert passed(annotation, value) == value
    assert "expected int | list[str] | None, got float 1.5" in refusal(annotation, 1.5)


def test_annotated_and_qualified_annotations_mean_what_they_qualify() -> None:
    assert passed(typing.Annotated[int, "count"], 3) == 3
    assert "expected int" in refusal(typing.Annotated[int, {"not": "hashable"}], "x")


def test_pydantic_models_are_checked_as_a_whole() -> None:
    pytest.importorskip("pydantic")
    from golden_models import Line as Item
    from golden_models import Order

    order = Order(id=1, lines=[Item(item="tea")])
    assert passed(Order, order) == order
    assert "expected Order, got dict" in refusal(Order, {"id": 1})
    assert checker(Order)({"id": "1", "lines": [{"item": "tea"}]}, True) == order
    with pytest.raises(Mismatch):
        checker(Order)({"id": "x"}, True)


@pytest.mark.parametrize("annotation", [typing.Iterator[int], typing.Generator[int, None, None], typing.Awaitable[int], typing.TextIO])
def test_annotations_of_what_cannot_travel_are_refused_when_the_task_is_declared(annotation: Any) -> None:
    with pytest.raises(errors.RestrictedTypeError, match="cannot travel"):
        codec(annotation)


def test_a_value_that_cannot_be_written_is_refused_by_its_parameters_name() -> None:
    def function(first: Any, second: Any) -> None: ...

    made = _values.codec_of("demo.f", function)
    with pytest.raises(errors.RuntimeDataValidationError, match="'second': the text has a lone surrogate"):
        made.encode_arguments({"first": 1, "second": ["\udc80"]})
    loop: List[Any] = []
    loop.append(loop)
    with pytest.raises(errors.RuntimeDataValidationError, match="'first': .*contains itself"):
        made.encode_arguments({"first": loop, "second": 1})


# -- forms of JSON and of other languages ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "annotation, plain, wanted",
    [
        (Line, {"x": 1, "next": {"x": 2}}, Line(1.0, Line(2.0))),
        (Point, [1, 2], Point(1.0, 2.0)),
        (Point, {"x": 1}, Point(1.0)),
        (Color, "RED", Color.RED),
        (Color, "r", Color.RED),
        (Tuple[int, str], [1, "a"], (1, "a")),
        (Set[int], [1, 2], {1, 2}),
        (FrozenSet[int], [1, 2], frozenset({1, 2})),
        (abc.Set, [1], frozenset({1})),
        (typing.Deque[int], [1], collections.deque([1])),
        (dt.datetime, "2024-01-02T03:04:05Z", NOW.replace(tzinfo=dt.timezone.utc)),
        (dt.date, "2024-01-02", NOW.date()),
        (dt.timedelta, 1.5, dt.timedelta(seconds=1.5)),
        (decimal.Decimal, 1.1, decimal.Decimal("1.1")),
        (uuid.UUID, str(uuid.UUID(int=5)), uuid.UUID(int=5)),
        (pathlib.Path, "/a", pathlib.Path("/a")),
        (File, "/a", File("/a")),
        (List[Line], [{"x": 1}], [Line(1.0)]),
        (Optional[Line], {"x": 1}, Line(1.0)),
        (Union[Color, int], "RED", Color.RED),
    ],
    ids=lambda part: str(part)[:40],
)
def test_plain_values_become_what_the_annotation_names_where_the_task_runs(annotation: Any, plain: Any, wanted: Any) -> None:
    sent = codec(Any).encode_arguments({"value": plain})
    assert codec(annotation).decode_arguments(sent) == {"value": wanted}
    assert codec(annotation).check("value", plain, lenient=True) == wanted


@pytest.mark.parametrize(
    "annotation, plain, text",
    [
        (Line, {"y": 1}, "unknown field 'y'"),
        (Line, {}, "missing 1 required"),
        (Line, {"x": "a"}, "'value.x': expected float"),
        (Color, "BLUE", "expected Color"),
        (dt.date, "yesterday", "expected date"),
        (Point, [1, 2, 3], "expected Point"),
        (Dict[dt.datetime, int], {"2026-01-01T00:00Z": 1, "2026-01-01T00:00+00:00": 2}, "expected keys that differ"),
    ],
    ids=str,
)
def test_plain_values_that_fit_nothing_are_refused_where_the_task_runs(annotation: Any, plain: Any, text: str) -> None:
    with pytest.raises(errors.RuntimeDataValidationError, match=text):
        codec(annotation).decode_arguments(codec(Any).encode_arguments({"value": plain}))


# -- codecs ----------------------------------------------------------------------------------------------------------


def test_arguments_are_an_array_in_the_order_of_the_signature() -> None:
    def function(a: int, b: str = "x", *, c: float = 1.0) -> None: ...

    made = _values.codec_of("demo.f", function)
    body = made.encode_arguments({"a": 1, "b": "x", "c": 2})
    assert bytes(body).hex() == "83016178fb4000000000000000"
    assert made.decode_arguments(body) == {"a": 1, "b": "x", "c": 2.0}


@pytest.mark.parametrize("body", [b"", b"\x01", b"\x80", b"\x82\x01\x02", b"\xff"], ids=bytes.hex)
def test_arguments_that_are_none_are_refused(body: bytes) -> None:
    with pytest.raises(errors.RuntimeDataValidationError, match="arguments"):
        codec(int).decode_arguments(body)


def test_a_result_is_checked_on_both_sides() -> None:
    made = codec(Any, List[Point])
    assert made.decode_result(made.encode_result([Point(1, 2)])) == [Point(1.0, 2.0)]
    with pytest.raises(errors.RuntimeDataValidationError, match=r"task 'demo.f', 'result\[0\].x': expected float, got str 'a'"):
        made.encode_result([Point("a")])  # type: ignore[arg-type]
    with pytest.raises(errors.RuntimeDataValidationError, match="result"):
        made.decode_result(codec(Any).encode_result(5))
    with pytest.raises(errors.RuntimeDataValidationError, match="expected None, got int 5"):
        codec(Any, None).encode_result(5)


def test_the_value_of_a_reply_is_its_result() -> None:
    made = codec(Any, int)
    body = made.encode_result(7)
    assert made.value_of(Reply(2, 0, 0, 1, 0, 0, 0, 0, len(body), 0, 0, 0, 0, 0, body)) == 7


def test_the_limit_of_inline_data_counts_buffers_too() -> None:
    def function(data: Any) -> Any: ...

    made = _values.codec_of("demo.f", function, 100_000)
    assert len(made.encode_arguments({"data": bytes(90_000)})) < 100_000
    with pytest.raises(errors.InlineIOMaxBytesBreached, match="arguments of task 'demo.f' take 120,0.*100,000"):
        made.encode_arguments({"data": bytes(120_000)})
    with pytest.raises(errors.InlineIOMaxBytesBreached, match="result of task"):
        made.encode_result(bytes(120_000))


def test_equal_arguments_have_equal_digests_and_ignored_ones_do_not_count() -> None:
    def function(a: float, b: Any = None) -> None: ...

    digest = _values.codec_of("demo.f", function).digest
    one = digest({"a": 1, "b": {"x": {1, 2, 300}, "y": 2}})
    assert len(one) == 32
    assert one == digest({"a": 1.0, "b": {"y": 2, "x": {300, 2, 1}}})
    assert one != digest({"a": 2.0, "b": {"y": 2, "x": {300, 2, 1}}})
    assert digest({"a": 1, "b": 5}, ("b",)) == digest({"a": 1.0, "b": 6}, ("b",)) != digest({"a": 1, "b": 5})
    assert digest({"a": 1, "b": (1,)}) != digest({"a": 1, "b": [1]})


def test_names_of_annotations_read_like_source() -> None:
    from hearth._values.checks import type_name

    shown: Dict[Any, str] = {
        Optional[int]: "int | None",
        List[Node]: "list[Node]",
        Dict[str, List[Optional[Line]]]: "dict[str, list[Line | None]]",
        Tuple[int, ...]: "tuple[int, ...]",
        Any: "Any",
        Callable[[int], str]: "Callable",
    }
    for annotation, text in shown.items():
        assert text in type_name(annotation)
