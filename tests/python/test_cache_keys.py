"""Keys of calls: equal arguments have equal keys in every process, different ones have different keys."""

from __future__ import annotations

import hashlib
import os
import pathlib
import struct
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

import pytest
import wire
from hypothesis import given, settings
from hypothesis import strategies as st
from keyed_types import Color, Point

import hearth
from hearth import _values
from hearth._values import keys
from hearth.errors import RestrictedTypeError, RuntimeDataValidationError

# The same examples in each run, and no folder that keeps them.
settings.register_profile("hearth", database=None, deadline=None, derandomize=True)
settings.load_profile("hearth")

env = hearth.TaskEnvironment("k", cache="auto")


def key_of(annotation: Any, value: Any, mode: int = keys.USED, **more: Any) -> bytes:
    """The key item of a call of a task with one parameter of this type."""

    def f(value):  # type: ignore[no-untyped-def]
        return value

    f.__annotations__["value"] = annotation
    task = hearth.TaskEnvironment("k", cache=hearth.Cache("override", version_override="1", **more)).task(f)
    return wire.parted(bytes(_values.codec_for(task).encode_arguments(task.bind((value,), {}), mode)))[0]


def digest(value: Any) -> bytes:
    return hashlib.sha256(keys.canonical_value(value)).digest()


# -- the item --------------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.from_regex(r"[a-c]{1,3}", fullmatch=True), st.integers(0, 9), min_size=1, max_size=4))
def test_names_of_inputs_and_their_values_cannot_be_mistaken_for_one_another(given_inputs: Dict[str, int]) -> None:
    names = list(given_inputs)
    made = keys.Keys("t", names, dict.fromkeys(names, int), sorted(names)).item(list(given_inputs.values()), keys.USED)
    other = keys.Keys("t", [name + "a" for name in names], {name + "a": int for name in names}, sorted(n + "a" for n in names))
    assert made != other.item(list(given_inputs.values()), keys.USED)


def test_the_item_has_the_layout_of_its_description() -> None:
    @env.task(cache=hearth.Cache("override", version_override="1", ignored_inputs="noise"))
    def layout(b: int, a: str = "x", noise: float = 0.0) -> int:
        return b

    codec = _values.codec_for(layout)
    key, arguments = wire.parted(codec.encode_arguments(layout.bind((7,), {}), keys.OVERWRITE))
    digests = [digest("x"), digest(7)]  # sorted by name
    whole = hashlib.sha256(b"".join(struct.pack(">Q", 1) + name + each for name, each in zip((b"a", b"b"), digests)))
    assert key == bytes.fromhex("d9be1658") + bytes((2 + 32 * 3, 1, 1)) + whole.digest() + b"".join(digests)
    assert codec.decode_arguments(arguments) == {"b": 7, "a": "x", "noise": 0.0}


def test_an_item_of_many_inputs_has_a_longer_length() -> None:
    names = [f"n{i:02}" for i in range(20)]
    item = keys.Keys("t", names, dict.fromkeys(names, int), names).item(range(20), keys.USED)
    assert item[:6] == bytes.fromhex("d9be1659") + struct.pack(">H", 2 + 32 * 21) and len(item) == 6 + 2 + 32 * 21


def test_too_many_inputs_are_refused() -> None:
    names = [f"n{i}" for i in range(keys.INPUTS_MAX + 1)]
    with pytest.raises(ValueError, match="at most"):
        keys.Keys("t", names, dict.fromkeys(names, int), names)


def test_a_task_without_inputs_has_a_key() -> None:
    task = env.task(cache="auto")(lambda: 1)
    key, arguments = wire.parted(_values.codec_for(task).encode_arguments({}))
    assert len(key) == 5 + 34 and arguments == bytes.fromhex("80")


def test_large_values_keep_their_buffers_behind_the_key() -> None:
    @env.task
    def size(data: bytes) -> int:
        return len(data)

    body = _values.codec_for(size).encode_arguments({"data": b"x" * 100_000})
    assert len(body.buffers) == 1
    for arrived in (body, bytes(body)):
        assert _values.codec_for(size).decode_arguments(wire.parted(arrived)[1]) == {"data": b"x" * 100_000}


def test_without_a_cache_and_with_a_disabled_one_there_is_no_key() -> None:
    @env.task
    def f(x: int) -> int:
        return x

    plain = _values.codec_for(f.override(cache="disable")).encode_arguments({"x": 1})
    assert plain == _values.codec_for(f).encode_arguments({"x": 1}, keys.DISABLED)
    assert wire.parted(plain) == (b"", plain) == (b"", wire.parted(_values.codec_for(f).encode_arguments({"x": 1}))[1])


def test_ignored_inputs_and_the_order_of_parameters_do_not_count() -> None:
    def one(a: int, b: int, c: int = 0) -> int:
        return a

    def two(c: int, b: int, a: int) -> int:
        return a

    cache = hearth.Cache("override", version_override="1", ignored_inputs=("c",))
    first, second = (hearth.TaskEnvironment("k", cache=cache).task(f) for f in (one, two))
    key = wire.parted(_values.codec_for(first).encode_arguments(first.bind((1, 2), {})))[0]
    assert key == wire.parted(_values.codec_for(second).encode_arguments(second.bind((9, 2, 1), {})))[0]


# -- what the annotation says ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "one", "two"),
    [
        (float, 1, 1.0),
        (int, 1.0, 1),
        (List[float], [1, 2], [1.0, 2.0]),
        (Dict[str, float], {"a": 1, "b": 2}, {"b": 2.0, "a": 1.0}),
        (Point, Point(1, 2), Point(1.0, 2.0)),
        (float, float("nan"), -float("nan")),
        (Set[int], {1, 2, 3}, {3, 2, 1}),
    ],
)
def test_equal_arguments_have_one_key(annotation: Any, one: Any, two: Any) -> None:
    assert key_of(annotation, one) == key_of(annotation, two)


@pytest.mark.parametrize(
    ("annotation", "one", "two"),
    [
        (Any, 1, 1.0),
        (Any, 1, True),
        (Any, "1", b"1"),
        (float, 0.0, -0.0),
        (Any, [1], (1,)),
        (str, unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")),
        (Optional[str], None, ""),
        (Any, Color.RED, Color.BLUE),
        (Any, pathlib.Path("a"), "a"),
        (Sequence[int], [1, 2], [2, 1]),
    ],
)
def test_arguments_that_differ_have_two_keys(annotation: Any, one: Any, two: Any) -> None:
    assert key_of(annotation, one) != key_of(annotation, two)


def test_arrays_count_by_type_shape_order_and_bytes() -> None:
    np = pytest.importorskip("numpy")
    ones = np.ones((2, 3))
    different = [ones, ones.astype("f4"), ones.reshape(3, 2), np.asfortranarray(ones), 2 * ones, np.ones(100_000), np.zeros(100_000)]
    assert len({key_of(Any, value) for value in different}) == len(different)
    assert key_of(Any, np.arange(6).reshape(2, 3)[:, ::2]) == key_of(Any, np.array([[0, 2], [3, 5]]))
    assert key_of(float, np.float64(1.5)) == key_of(float, 1.5)


def test_a_pickled_value_counts_with_the_python_that_pickled_it(monkeypatch: pytest.MonkeyPatch) -> None:
    value = bytearray  # a class travels as a pickle
    before = key_of(Any, value)
    assert before == key_of(Any, value)
    monkeypatch.setattr(keys, "_PICKLED_BY", "cpython 3.99")
    assert key_of(Any, value) != before


def test_what_cannot_travel_is_named_by_its_parameter() -> None:
    with pytest.raises(RuntimeDataValidationError, match="value"):
        key_of(Any, (x for x in ()))


# -- values by reference ---------------------------------------------------------------------------------------------


def test_a_file_counts_by_its_content_wherever_it_is(tmp_path: Path) -> None:
    for name, text in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).write_text(text)
    a, b, c = (key_of(hearth.File, hearth.File(tmp_path / name)) for name in "abc")
    assert a == b != c
    (tmp_path / "a").write_text("2")
    assert key_of(hearth.File, hearth.File(tmp_path / "a")) == c


def test_a_file_that_is_known_is_not_read_again_and_a_changed_one_is(tmp_path: Path) -> None:
    place = tmp_path / "a"
    place.write_text("1")
    os.utime(place, (1, 1))
    first = key_of(hearth.File, hearth.File(place))
    place.write_text("2")
    os.utime(place, (1, 1))  # the system's own time of change tells
    assert key_of(hearth.File, hearth.File(place)) != first


def test_a_file_with_a_digest_counts_by_that(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    known = hearth.File.from_local_sync(tmp_path / "a", hash_method="abc")
    (tmp_path / "a").unlink()
    assert key_of(hearth.File, known) == key_of(hearth.File, hearth.File("elsewhere", digest="abc"))
    assert key_of(hearth.Dir, hearth.Dir(tmp_path, digest="abc")) == key_of(hearth.Dir, hearth.Dir("elsewhere", digest="abc"))


def test_a_folder_counts_by_names_and_contents(tmp_path: Path) -> None:
    def folder(name: str, **files: str) -> bytes:
        (tmp_path / name / "below").mkdir(parents=True)
        for file, text in files.items():
            (tmp_path / name / "below" / file).write_text(text)
        return key_of(hearth.Dir, hearth.Dir(tmp_path / name))

    assert folder("one", a="1", b="2") == folder("two", b="2", a="1")
    assert len({folder("three"), folder("four", a="12"), folder("five", a="1", b="2"), folder("six", a="2", b="1")}) == 4


def test_a_file_that_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RuntimeDataValidationError, match=r"value.*cannot be read here.*hash_method=.*ignored_inputs"):
        key_of(hearth.File, hearth.File(tmp_path / "missing"))
    with pytest.raises(RuntimeDataValidationError, match="no ordinary file"):
        key_of(hearth.File, hearth.File("/dev/null"))
    key_of(hearth.File, hearth.File(tmp_path / "missing"), ignored_inputs="value")


class Frame:
    """Not equal to anything in any encoding: it pickles differently each time."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.noise = os.urandom(8)


by_rows = Annotated[Frame, hearth.HashFunction.from_fn(lambda frame: str(frame.rows))]


@pytest.mark.parametrize(
    ("annotation", "make"),
    [
        (by_rows, lambda frame: frame),
        (Optional[by_rows], lambda frame: frame),
        (List[by_rows], lambda frame: [frame]),
        (Tuple[int, by_rows], lambda frame: (1, frame)),
        (Tuple[by_rows, ...], lambda frame: (frame, frame)),
        (Dict[str, by_rows], lambda frame: {"a": frame}),
        (Dict[str, List[by_rows]], lambda frame: {"a": [frame]}),
    ],
)
def test_a_hash_function_says_what_counts(annotation: Any, make: Any) -> None:
    assert key_of(annotation, make(Frame(1))) == key_of(annotation, make(Frame(1)))
    assert key_of(annotation, make(Frame(1))) != key_of(annotation, make(Frame(2)))


def test_an_optional_with_a_hash_function_may_be_none() -> None:
    assert key_of(Optional[by_rows], None) != key_of(Optional[by_rows], Frame(0))


def test_a_hash_function_where_it_would_not_be_asked_is_refused() -> None:
    with pytest.raises(RestrictedTypeError, match="would never be asked"):
        key_of(Mapping[by_rows, int], {})


def test_a_hash_function_that_makes_no_text_is_named_by_its_parameter() -> None:
    with pytest.raises(RuntimeDataValidationError, match="value.*made a int of it, not a text"):
        key_of(Annotated[Any, hearth.HashMethod(lambda value: 1)], "a")
    with pytest.raises(TypeError, match="takes a function"):
        hearth.HashFunction("sha256")  # type: ignore[arg-type]
