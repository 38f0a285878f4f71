"""Properties of keys: equal inputs have equal keys in every process and Python, others have other keys, and no part of a key
can be mistaken for a piece of its neighbour."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Dict, List, Tuple

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from keyed_types import Box, Color, Level, Name, Perm, Point, made, source_of
from test_cache_keys import digest, key_of
from test_interpreters import interpreters

import hearth
from hearth import _values
from hearth._client.cache_key import CallKey
from hearth._values import keys, objects
from wire_halves import HALVES

HERE = Path(__file__).resolve().parent
SDK = Path(hearth.__file__).resolve().parents[1]

# -- any values ------------------------------------------------------------------------------------------------------

words = st.text("abé\u0301", max_size=3)  # an accent of its own: texts that look equal and are not
numbers = st.one_of(st.integers(-3, 3), st.integers(), st.sampled_from([2**63, -(2**63), 2**64, 2**200]))
floats = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("inf")]))
zones = st.one_of(st.none(), st.timedeltas(datetime.timedelta(hours=-12), datetime.timedelta(hours=12)).map(datetime.timezone))
points = st.builds(Point, floats, floats)
scalars = st.one_of(
    st.none(), st.booleans(), numbers, floats, words, st.binary(max_size=4), st.binary(max_size=4).map(bytearray),
    st.decimals(allow_nan=False), st.complex_numbers(), st.uuids(), st.dates(), st.timedeltas(),
    st.datetimes(timezones=st.none()), st.builds(lambda at, zone: at.replace(tzinfo=zone), st.datetimes(), zones), st.times(),
    st.sampled_from(Color), st.sampled_from(Level), st.sampled_from([Perm.READ, Perm.WRITE, Perm(3)]), points, st.builds(Name, words, words),
    st.builds(Box, points, st.dictionaries(words, st.lists(floats, max_size=2), max_size=2), st.none() | st.builds(Name, words, words)),
    st.builds(pathlib.PurePosixPath, st.sampled_from(["a", "b", "a/b", "/a"])),
    st.builds(pathlib.PureWindowsPath, st.sampled_from(["a", "b"])),
)  # fmt: skip
hashable = st.one_of(st.booleans(), numbers, words, st.binary(max_size=3), st.tuples(numbers, words), st.sampled_from(Color))
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.tuples(inner, inner), st.dictionaries(hashable, inner, max_size=4),
        st.sets(hashable, max_size=4), st.frozensets(hashable, max_size=4),
    ),
    max_leaves=12,
)  # fmt: skip


def shape(value: Any) -> Any:
    """What tells two values apart, as a value of plain equality: types, signs of zeros, and every NaN the same."""
    name = type(value).__name__
    if type(value) is float:
        return name, "nan" if value != value else struct.pack(">d", value)
    if type(value) is complex:
        return name, shape(value.real), shape(value.imag)
    if type(value) in (list, tuple, Name):
        return name, tuple(map(shape, value))
    if type(value) in (set, frozenset):
        return name, frozenset(map(shape, value))
    if type(value) is dict:
        return name, frozenset((shape(key), shape(item)) for key, item in value.items())
    if dataclasses.is_dataclass(value):
        return name, tuple(shape(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, (datetime.datetime, datetime.time)):
        return name, value.isoformat(), value.fold, value.tzinfo
    return name, bytes(value) if type(value) is bytearray else str(value) if name == "Decimal" else value


def shuffled(value: Any, order: random.Random) -> Any:
    """An equal value, whose dicts and sets were made in another order."""
    if type(value) in (list, tuple):
        return type(value)(shuffled(item, order) for item in value)
    if type(value) is dict:
        items = [(key, shuffled(item, order)) for key, item in value.items()]
        order.shuffle(items)
        return dict(items)
    if type(value) in (set, frozenset):
        return type(value)(sorted(value, key=lambda _: order.random()))
    if type(value) is Box:
        return dataclasses.replace(value, sizes=shuffled(value.sizes, order))
    return value


def changed(value: Any, draw: Any) -> Any:
    """`value` with one leaf, key or length changed."""
    if type(value) in (list, tuple) and value and draw(st.booleans()):
        place = draw(st.integers(0, len(value) - 1))
        return type(value)([*value[:place], changed(value[place], draw), *value[place + 1 :]])
    if type(value) is dict and value and draw(st.booleans()):
        key = draw(st.sampled_from(list(value)))
        return {**value, key: changed(value[key], draw)}
    if dataclasses.is_dataclass(value) and draw(st.booleans()):
        field = draw(st.sampled_from([field.name for field in dataclasses.fields(value)]))
        return dataclasses.replace(value, **{field: changed(getattr(value, field), draw)})
    if type(value) is list and draw(st.booleans()):
        return draw(st.sampled_from([[*value, None], [value], tuple(value), value[:-1]]))
    return draw(scalars)


@st.composite
def neighbours(draw: Any) -> Tuple[Any, Any]:
    """A value and the same with one thing changed. Not drawn in the test's body, where Hypothesis prints what it draws: before
    CPython 3.11 it cannot print a flag of two names."""
    value = draw(anything)
    return value, changed(value, draw)


@given(anything, st.randoms(use_true_random=False))
def test_equal_values_have_equal_digests_whatever_the_order_of_their_dicts_and_sets(value: Any, order: random.Random) -> None:
    assert digest(value) == digest(shuffled(value, order))


@given(neighbours())
def test_a_value_in_which_one_thing_is_another_one_has_another_digest(pair: Tuple[Any, Any]) -> None:
    value, other = pair
    assert (digest(value) == digest(other)) == (shape(value) == shape(other))


@given(anything)
def test_both_halves_of_the_code_write_the_same(value: Any) -> None:
    assert len({half.encode_canonical(value, objects.canonical_hook) for half in HALVES}) == 1


# -- boundaries ------------------------------------------------------------------------------------------------------


def another_split(data: Any, parts: List[str]) -> List[str]:
    """The same characters, cut at other places."""
    joined = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(joined)), min_size=len(parts) - 1, max_size=len(parts) - 1)))
    others = [joined[start:end] for start, end in zip([0, *cuts], [*cuts, len(joined)])]
    assume(others != parts)
    return others


@given(st.lists(st.text("ab/:,0", max_size=4), min_size=5, max_size=5), st.data())
def test_no_boundary_between_the_parts_of_a_scope_can_be_moved(parts: List[str], data: Any) -> None:
    def id_of(texts: List[str]) -> str:
        return CallKey(*texts, inputs={}, whole=bytes(32)).id

    assert id_of(parts) != id_of(another_split(data, parts))


@given(st.lists(st.text("ab", max_size=3), min_size=2, max_size=4), st.data())
def test_no_boundary_between_items_or_containers_can_be_moved(parts: List[str], data: Any) -> None:
    others = another_split(data, parts)
    for kind in (list, tuple, lambda texts: [[text] for text in texts], lambda texts: {0: texts}, Name._make if len(parts) == 2 else tuple):
        assert digest(kind(parts)) != digest(kind(others))


@given(st.lists(st.lists(st.integers(0, 2), max_size=3), min_size=2, max_size=3), st.data())
def test_no_item_can_move_from_one_container_to_its_neighbour(lists: List[List[int]], data: Any) -> None:
    flat = [item for one in lists for item in one]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(flat)), min_size=len(lists) - 1, max_size=len(lists) - 1)))
    others = [flat[start:end] for start, end in zip([0, *cuts], [*cuts, len(flat)])]
    assume(others != lists)
    assert digest(lists) != digest(others)
    assert digest(lists) != digest(flat)


@given(st.text("ab", max_size=3), st.text("ab", max_size=3), st.text("ab", max_size=3), st.text("ab", max_size=3))
def test_no_character_can_move_between_two_inputs(a: str, b: str, c: str, d: str) -> None:
    def both(one: str, two: str) -> bytes:
        return keys.Keys("t", ["x", "y"], {"x": str, "y": str}, ["x", "y"]).item([one, two], keys.USED)

    assert (both(a, b) == both(c, d)) == ((a, b) == (c, d))


# -- what the annotation says ----------------------------------------------------------------------------------------


@given(st.integers(-(2**60), 2**60))
def test_an_integer_for_a_float_counts_as_that_float(n: int) -> None:
    assert key_of(float, n) == key_of(float, float(n))
    assert key_of(Dict[str, List[float]], {"a": [n]}) == key_of(Dict[str, List[float]], {"a": [float(n)]})
    assert key_of(Point, Point(n, n)) == key_of(Point, Point(float(n), float(n)))
    assert key_of(Any, n) != key_of(Any, float(n))


@given(st.text(max_size=4), st.text(max_size=4), anything, anything)
def test_with_a_hash_function_nothing_but_its_text_counts(one: str, two: str, this: Any, that: Any) -> None:
    by_text = Annotated[Any, hearth.HashFunction(lambda pair: pair[0])]
    assert (key_of(by_text, (one, this)) == key_of(by_text, (two, that))) == (one == two)
    assert key_of(by_text, (one, this)) != key_of(Any, one)  # nor is it a text that came as itself


@given(st.permutations(["a", "b", "c"]), st.tuples(numbers, numbers, numbers))
def test_the_order_of_keyword_arguments_does_not_count(order: List[str], given_values: Tuple[int, int, int]) -> None:
    @hearth.TaskEnvironment("k", cache=hearth.Cache("override", version_override="1")).task
    def f(a: int, b: int, c: int = 0) -> int:
        return a

    values = dict(zip("abc", given_values))
    encode = _values.codec_for(f).encode_arguments
    assert encode(f.bind((), {name: values[name] for name in order})) == encode(f.bind(given_values, {}))


@given(st.data())
def test_arrays_count_by_type_shape_order_and_every_bit(data: Any) -> None:
    np = pytest.importorskip("numpy")
    arrays = pytest.importorskip("hypothesis.extra.numpy")
    dtypes = st.one_of(arrays.scalar_dtypes(), arrays.array_dtypes(max_size=2))
    one, two = (data.draw(arrays.arrays(data.draw(dtypes), data.draw(arrays.array_shapes(max_side=3)))) for _ in range(2))
    one, two = (np.asfortranarray(array) if data.draw(st.booleans()) else array for array in (one, two))

    def tells(array: Any) -> Any:
        is_f = array.flags.f_contiguous and not array.flags.c_contiguous
        return array.dtype, array.dtype.isnative, array.shape, is_f, array.tobytes("F" if is_f else "C")

    assert digest(one) == digest(one.copy(order="K"))
    assert (digest(one) == digest(two)) == (tells(one) == tells(two))


# -- other processes -------------------------------------------------------------------------------------------------

PROGRAM = """
import hashlib, json, sys
from keyed_types import made
from hearth._values import cbor, keys
if "pure" in sys.argv:
    from hearth._values import cbor_py
    keys.cbor = cbor_py
values = [made(source) for source in json.load(sys.stdin)]
print(json.dumps([hashlib.sha256(keys.canonical_value(value)).hexdigest() for value in values]))
"""


def elsewhere(interpreter: str, sources: List[str], seed: int, *words: str) -> List[str]:
    """The digests of values that another process makes of these expressions."""
    path = os.pathsep.join((str(SDK), str(HERE)))
    done = subprocess.run(
        [interpreter, "-B", "-c", PROGRAM, *words], input=json.dumps(sources), text=True, capture_output=True,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": str(seed)}, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, f"{interpreter}: {done.stderr}"
    found: List[str] = json.loads(done.stdout)
    return found


@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(st.lists(anything, min_size=40, max_size=60))
def test_every_python_and_every_process_makes_the_same_digests(several: List[Any]) -> None:
    here = [digest(value).hex() for value in several]
    sources = list(map(source_of, several))
    assert [digest(made(source)).hex() for source in sources] == here
    for seed, interpreter in enumerate([*interpreters(), sys.executable]):
        assert elsewhere(interpreter, sources, seed + 1) == here, interpreter
        assert elsewhere(interpreter, sources, seed + 1, "pure") == here, interpreter
