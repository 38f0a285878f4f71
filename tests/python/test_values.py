"""Values on the wire: bytes that never change, and values that come back as they went, in both halves of the code."""

from __future__ import annotations

import collections
import datetime as dt
import hashlib
import math
import os
import pathlib
import random
import subprocess
import threading
from typing import Any, List

import golden_types
import hearth
import pytest
from golden_types import Color, Node, Permission, Point
from hearth._values import ClassNotFound, objects, tags
from scripted_node import interpreters
from values_golden import CANONICAL, GOLDEN, same
from wire_halves import HALVES

HERE = pathlib.Path(__file__).resolve().parent
SDK = pathlib.Path(hearth.__file__).resolve().parents[1]


@pytest.fixture(params=HALVES, ids=lambda half: half.name)
def half(request: pytest.FixtureRequest) -> Any:
    return request.param


def there_and_back(half: Any, value: Any) -> Any:
    """`value` after a way over the wire, where buffers are joined and cut again."""
    return half.decode(bytes(half.encode(value, objects.encode_hook)), objects.decode_hook)


# -- bytes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make, golden", [row[1:] for row in GOLDEN], ids=[row[0] for row in GOLDEN])
def test_a_value_has_its_bytes_and_comes_back(half: Any, make: Any, golden: str) -> None:
    encoded = half.encode(make(), objects.encode_hook)
    assert encoded.hex() == golden
    assert same(make(), half.decode(encoded, objects.decode_hook))


@pytest.mark.parametrize("make, golden", [row[1:] for row in CANONICAL], ids=[row[0] for row in CANONICAL])
def test_the_canonical_form_is_one_for_equal_values(half: Any, make: Any, golden: str) -> None:
    assert half.encode_canonical(make(), objects.canonical_hook).hex() == golden


@pytest.mark.parametrize("python", interpreters())
def test_every_interpreter_has_the_same_bytes(python: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(SDK)}
    ran = subprocess.run([python, str(HERE / "values_golden.py")], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout.split()[0]) == (len(GOLDEN) + len(CANONICAL)) * (len(ran.stdout.split()) - 2)


def test_a_dicts_order_does_not_change_its_digest_but_its_bytes(half: Any) -> None:
    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert half.encode(one, objects.encode_hook) != half.encode(other, objects.encode_hook)
    assert list(there_and_back(half, other)) == ["b", "a"]
    assert half.encode_canonical(one, objects.canonical_hook) == half.encode_canonical(other, objects.canonical_hook)


# -- round trips -----------------------------------------------------------------------------------------------------


def random_value(chance: random.Random, depth: int = 3) -> Any:
    scalars: List[Any] = [
        lambda: None,
        lambda: chance.random() < 0.5,
        lambda: chance.getrandbits(chance.choice([3, 8, 33, 63, 64, 65, 200])) * chance.choice([1, -1]),
        lambda: chance.choice([chance.gauss(0, 1e300), 0.0, -0.0, math.inf, 5e-324]),
        lambda: "".join(chr(chance.choice([65, 0xE9, 0x20AC, 0x1F600])) for _ in range(chance.choice([0, 3, 30, 300]))),
        lambda: chance.randbytes(chance.choice([0, 5, 300, 70_000])),
        lambda: bytearray(chance.randbytes(chance.choice([0, 300, 70_000]))),
        lambda: dt.datetime.fromtimestamp(chance.randrange(2**32), dt.timezone.utc),
        lambda: dt.timedelta(microseconds=chance.randrange(-(2**50), 2**50)),
        lambda: chance.choice([Color.RED, Color.GREEN, Permission.READ, Permission.READ | Permission.WRITE]),
        lambda: Point(chance.random(), chance.random()),
        lambda: frozenset([chance.randrange(1000)]),
    ]
    if depth == 0 or chance.random() < 0.4:
        return chance.choice(scalars)()
    size = chance.choice([0, 1, 3, 10])
    items = [random_value(chance, depth - 1) for _ in range(size)]
    made = chance.randrange(4)
    if made == 0:
        return items
    if made == 1:
        return tuple(items)
    if made == 2:
        return Node(str(size), items)
    return {chance.choice([index, str(index), (index,), index / 3]): item for index, item in enumerate(items)}


@pytest.mark.parametrize("seed", range(40))
def test_any_value_comes_back_as_it_went_in_both_halves_alike(seed: int) -> None:
    value = random_value(random.Random(seed))
    encodings = {bytes(half.encode(value, objects.encode_hook)) for half in HALVES}
    canonical = {half.encode_canonical(value, objects.canonical_hook) for half in HALVES}
    assert len(encodings) == len(canonical) == 1
    for half in HALVES:
        assert same(value, there_and_back(half, value))
        whole = half.encode(value, objects.encode_hook)
        assert same(value, half.decode(whole, objects.decode_hook))


@pytest.mark.parametrize(
    "value",
    [
        collections.OrderedDict(b=1, a=2),
        collections.Counter("hello"),
        collections.deque([1, 2], maxlen=3),
        range(3, 9, 2),
        dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1), "CET")),
        slice(1, 2),
        int,
        math.sqrt,
    ],
    ids=repr,
)
def test_what_has_no_form_of_its_own_is_pickled(half: Any, value: Any) -> None:
    assert same(value, there_and_back(half, value))


def test_functions_and_local_classes_go_by_value(half: Any) -> None:
    pytest.importorskip("cloudpickle")

    class Local:
        def __init__(self, n: int) -> None:
            self.n = n

    made = there_and_back(half, [lambda x: x + 1, Local(5)])
    assert made[0](2) == 3 and made[1].n == 5


def test_a_class_that_says_how_it_is_pickled_is_pickled_that_way(half: Any) -> None:
    sent = golden_types.Connection("db")
    sent.handle = open(os.devnull)  # which cannot travel, and need not
    with sent.handle:
        arrived = there_and_back(half, sent)
    assert arrived == golden_types.Connection("db") and arrived.handle is None


# -- large -----------------------------------------------------------------------------------------------------------


def test_large_byte_strings_are_out_of_band_and_not_copied(half: Any) -> None:
    big, written = bytes(tags.LARGE_BYTES), bytearray(tags.LARGE_BYTES)
    value = half.encode({"small": b"x" * (tags.LARGE_BYTES - 1), "big": big, "written": written}, objects.encode_hook)
    assert value.buffers[0] is big and value.buffers[1].obj is written and len(value.buffers) == 2
    arrived = half.decode(value, objects.decode_hook)
    assert arrived["big"] is big and arrived["written"] == written


def test_a_bytearray_keeps_its_size_until_it_is_sent(half: Any) -> None:
    written = bytearray(tags.LARGE_BYTES)
    value = half.encode(written, objects.encode_hook)
    with pytest.raises(BufferError):
        written.append(1)
    del value
    written.append(1)


def test_a_value_with_more_buffers_than_a_table_has_keeps_the_rest_in_the_document(half: Any) -> None:
    big = bytes(tags.LARGE_BYTES)
    value = half.encode([big] * 4100, objects.encode_hook)
    assert len(value.buffers) == 4096
    assert half.decode(value, objects.decode_hook) == [big] * 4100


@pytest.mark.parametrize("size", [10, tags.LARGE_BYTES])
def test_numpy_arrays_keep_dtype_shape_and_order(half: Any, size: int) -> None:
    numpy = pytest.importorskip("numpy")
    base = numpy.arange(size * 6, dtype="<i4").reshape(2, 3, size)
    arrays = [
        base, numpy.asfortranarray(base), base.T, base[:, ::2], base.astype(">f8"), base > 3, base.astype("M8[s]"),
        numpy.array(["a", "bcd"] * size), numpy.zeros((0, 3)), numpy.array(7.5), base.astype(complex),
        numpy.zeros(size, dtype=[("x", "<f4"), ("y", "<i8", (2,))]),
    ]  # fmt: skip
    for sent, arrived in zip(arrays, there_and_back(half, arrays)):
        assert (arrived.dtype, arrived.shape) == (sent.dtype, sent.shape)
        assert numpy.array_equal(arrived, sent)
        assert arrived.flags.writeable
        assert arrived.flags.c_contiguous == sent.flags.c_contiguous or not sent.flags.f_contiguous


def test_a_large_array_is_sent_from_its_own_memory_and_received_into_its_own(half: Any) -> None:
    numpy = pytest.importorskip("numpy")
    for sent in (numpy.arange(100_000), numpy.asfortranarray(numpy.ones((300, 400)))):
        value = half.encode(sent, objects.encode_hook)
        assert numpy.shares_memory(numpy.frombuffer(value.buffers[0], "u1"), sent)
        memory = bytearray(value.buffers[0])
        arrived = half.decode(half.LargeValue(value.head, [memory]), objects.decode_hook)
        assert numpy.shares_memory(numpy.frombuffer(memory, "u1"), arrived)
        assert numpy.array_equal(arrived, sent)


def test_numpy_scalars_and_object_arrays_come_back(half: Any) -> None:
    numpy = pytest.importorskip("numpy")
    for sent in (numpy.float32(1.5), numpy.int64(-3), numpy.bool_(True), numpy.datetime64("2024-01-01"), numpy.str_("é")):
        arrived = there_and_back(half, sent)
        assert type(arrived) is type(sent) and arrived == sent
    things = numpy.array([{"a": 1}, None], dtype=object)
    assert there_and_back(half, things).tolist() == things.tolist()


def test_pydantic_models_come_back_without_running_their_validators(half: Any) -> None:
    pytest.importorskip("pydantic")
    import golden_models

    sent = golden_models.Order(id=3, lines=[golden_models.Line(item="tea")])
    golden_models.VALIDATED.clear()
    arrived = there_and_back(half, sent)
    assert arrived == sent and type(arrived.lines[0]) is golden_models.Line
    assert not golden_models.VALIDATED
    assert golden_models.fields_set(arrived) == {"id", "lines"}


# -- refusals --------------------------------------------------------------------------------------------------------


def test_a_lone_surrogate_is_refused_with_a_way_out(half: Any) -> None:
    with pytest.raises(ValueError, match=r"ud800.* at 2.*surrogateescape"):
        half.encode(["ab\ud800"], objects.encode_hook)


def test_a_value_that_contains_itself_is_refused(half: Any) -> None:
    loop: List[Any] = []
    loop.append({"again": (loop,)})
    with pytest.raises(ValueError, match="contains itself"):
        half.encode(loop, objects.encode_hook)


@pytest.mark.parametrize("half", HALVES[1:], ids=lambda half: half.name, indirect=False)
def test_deep_values_travel_up_to_the_limit(half: Any) -> None:
    """Plain Python ends earlier, at its own recursion limit."""
    deep: Any = ()
    for _ in range(tags.DEPTH_MAX - 1):
        deep = (deep,)
    encoded = half.encode(deep, objects.encode_hook)
    assert half.encode(half.decode(encoded, objects.decode_hook), objects.encode_hook) == encoded
    with pytest.raises(ValueError, match="nested"):
        half.encode((deep,), objects.encode_hook)


def test_a_container_that_changes_while_it_is_written_is_refused(half: Any) -> None:
    for container, grow in (([object(), 1], list.append), ({1: object(), 2: 2}, lambda d, _: d.update({len(d) + 9: 1}))):
        with pytest.raises(ValueError, match="changed"):
            half.encode(container, lambda value, c=container, g=grow: (g(c, None), (tags.DECIMAL, "1"))[1])


def test_what_cannot_be_pickled_is_named(half: Any) -> None:
    with pytest.raises(ValueError, match="lock cannot travel"):
        half.encode([threading.Lock()], objects.encode_hook)


@pytest.mark.parametrize(
    "encoded, why",
    [
        ("", "ends"),
        ("18", "ends"),
        ("6261", "ends"),
        ("4261", "ends"),
        ("8261", "more than there is|ends"),
        ("9bffffffffffffffff", "more than there is"),
        ("bbffffffffffffffff", "more than there is"),
        ("5bffffffffffffffff", "ends"),
        ("f6f6", "follow"),
        ("61ff", "UTF-8"),
        ("9f01ff", "indefinite"),
        ("1c", "indefinite or unknown"),
        ("f7", "without a meaning"),
        ("a18001", "key"),
        ("d901028180", "set|cannot be"),
        ("c201", "content"),
        ("d9be1400", "content"),
        ("d9be0101", "content"),
        ("d9be0a01", "tag 48650"),
        ("d9be7701", "no meaning here"),
        ("d9be0e84633c663463616263", "tag|ends"),
        ("d9be00", "table"),
        ("d9be008105", "table"),
    ],
)
def test_what_is_no_value_is_refused_with_its_place(half: Any, encoded: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        half.decode(bytes.fromhex(encoded), objects.decode_hook)


def test_other_encoders_widths_are_understood(half: Any) -> None:
    for encoded, value in (("1800", 0), ("1b0000000000000005", 5), ("f93c00", 1.0), ("fa3fc00000", 1.5), ("f90001", 2**-24), ("f9fc00", -math.inf)):
        assert half.decode(bytes.fromhex(encoded), objects.decode_hook) == value
    assert math.isnan(half.decode(bytes.fromhex("f97e00"), objects.decode_hook))


@pytest.mark.parametrize("seed", range(8))
def test_random_damage_to_a_value_never_does_more_than_raise(seed: int) -> None:
    chance = random.Random(seed)
    good = bytearray(bytes(HALVES[0].encode(random_value(chance), lambda value: (tags.DECIMAL, "1"))))[:5000]
    for _ in range(2000):
        damaged = bytearray(good) if chance.random() < 0.7 else bytearray(chance.randbytes(30))
        for _ in range(chance.randint(1, 5)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        results = []
        for half in HALVES:
            try:
                results.append(repr(half.decode(bytes(damaged), lambda tag, content: (tag, content))))
            except ValueError:
                results.append("refused")
        assert len(set(results)) == 1, damaged.hex()


def test_a_class_that_is_not_here_is_named(half: Any) -> None:
    encoded = half.encode(Node("x"), objects.encode_hook).replace(b"golden_types:Node", b"golden_tapes:Node")
    with pytest.raises(ClassNotFound, match="'Node' of module 'golden_tapes'"):
        half.decode(encoded, objects.decode_hook)


def test_a_dataclass_that_has_other_fields_here_is_refused(half: Any) -> None:
    encoded = half.encode(Node("x"), objects.encode_hook).replace(b"children", b"chaldren")
    with pytest.raises(ValueError, match="chaldren, children"):
        half.decode(encoded, objects.decode_hook)


def test_large_strings_in_digests_are_hashed_apart(half: Any) -> None:
    big = random.Random(3).randbytes(100_000)
    encoded = half.encode_canonical([big, bytearray(big)], objects.canonical_hook)
    assert encoded.count(hashlib.sha256(big).digest()) == 2 and len(encoded) < 100


def test_plans_and_exact_types_are_checked_exactly(half: Any) -> None:
    class Number(int):
        pass

    assert half.fits([1, "a", None], (int, str, type(None)))
    assert not half.fits((True,), (int,))
    assert not half.fits((Number(1),), (int,))
    assert half.fits(([1, 2],), ((int,),))
    assert not half.fits(([1, True],), ((int,),))
    assert not half.fits(((1, 2),), ((int,),))
    assert half.fits((object(), [1]), (None, list))
    assert not half.fits((1,), (int, int))
    assert half.all_exact([1.0, 2.0], float) and half.all_exact((), int) and not half.all_exact((1.0, 2), float)
