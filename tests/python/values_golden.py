"""Values and the bytes that stand for them. They never change: programs and stores of different versions meet.

Run as a program, it checks the interpreter it runs on and prints how many values were right; the tests do that with every
interpreter of the machine.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import os
import pathlib
import sys
import uuid
import zoneinfo
from typing import Any, Callable, List, Tuple

from golden_types import BadInput, Color, Frozen, Node, Permission, Point
from hearth import Dir, File
from hearth._values import objects

__all__ = ["CANONICAL", "GOLDEN", "same"]

# fmt: off
GOLDEN: List[Tuple[str, Callable[[], Any], str]] = [
    ("none", lambda: None, "f6"),
    ("true", lambda: True, "f5"),
    ("false", lambda: False, "f4"),
    ("int 0", lambda: 0, "00"),
    ("int 23", lambda: 23, "17"),
    ("int 24", lambda: 24, "1818"),
    ("int 256", lambda: 256, "190100"),
    ("int 65536", lambda: 65536, "1a00010000"),
    ("int 2**32", lambda: 2**32, "1b0000000100000000"),
    ("int 2**64-1", lambda: 2**64 - 1, "1bffffffffffffffff"),
    ("int 2**64", lambda: 2**64, "c249010000000000000000"),
    ("int -1", lambda: -1, "20"),
    ("int -2**63-1", lambda: -(2**63) - 1, "3b8000000000000000"),
    ("int -2**64", lambda: -(2**64), "3bffffffffffffffff"),
    ("int -2**64-1", lambda: -(2**64) - 1, "c349010000000000000000"),
    ("float", lambda: 1.5, "fb3ff8000000000000"),
    ("float -0.0", lambda: -0.0, "fb8000000000000000"),
    ("float inf", lambda: math.inf, "fb7ff0000000000000"),
    ("float nan", lambda: math.nan, "fb7ff8000000000000"),
    ("str", lambda: "héarth €", "6b68c3a96172746820e282ac"),
    ("str empty", lambda: "", "60"),
    ("bytes", lambda: b"\x00\xff", "4200ff"),
    ("list", lambda: [1, [2, []]], "8201820280"),
    ("dict", lambda: {"b": 1, "a": [None], 3: (), (1, 2): b""}, "a4616201616181f603d9be0180d9be0182010240"),
    ("tuple", lambda: (1, "a"), "d9be0182016161"),
    ("set", lambda: {3}, "d901028103"),
    ("frozenset", lambda: frozenset({"x"}), "d9be02816178"),
    ("bytearray", lambda: bytearray(b"abc"), "d9be0343616263"),
    ("memoryview", lambda: memoryview(b"abc"), "d9be0343616263"),
    ("datetime utc", lambda: dt.datetime(2024, 2, 29, 12, 30, 5, 123456, dt.timezone.utc), "c07820323032342d30322d32395431323a33303a30352e3132333435362b30303a3030"),
    ("datetime offset", lambda: dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.timezone(dt.timedelta(hours=-5, minutes=-30))), "c07819323032342d30322d32395431323a33303a30302d30353a3330"),
    ("datetime naive", lambda: dt.datetime(2024, 2, 29, 12, 30), "d9be048373323032342d30322d32395431323a33303a3030f600"),
    ("datetime fold", lambda: dt.datetime(2024, 10, 27, 2, 30, fold=1), "d9be048373323032342d31302d32375430323a33303a3030f601"),
    ("datetime seconds offset", lambda: dt.datetime(1900, 1, 1, tzinfo=dt.timezone(dt.timedelta(seconds=1172))), "d9be048373313930302d30312d30315430303a30303a30301a45db4d0000"),
    ("datetime zone", lambda: dt.datetime(2024, 10, 27, 2, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"), fold=1), "d9be048373323032342d31302d32375430323a33303a30306d4575726f70652f4265726c696e01"),
    ("date", lambda: dt.date(2024, 2, 29), "d903ec6a323032342d30322d3239"),
    ("time", lambda: dt.time(23, 59, 59, 999999), "d9be05836f32333a35393a35392e393939393939f600"),
    ("time utc", lambda: dt.time(1, 2, tzinfo=dt.timezone.utc), "d9be05836830313a30323a30300000"),
    ("timedelta", lambda: dt.timedelta(days=-1, seconds=5, microseconds=7), "d9be0683200507"),
    ("Decimal", lambda: decimal.Decimal("-1.20E+5"), "d9be07682d312e3230452b35"),
    ("Decimal nan", lambda: decimal.Decimal("sNaN12"), "d9be0766734e614e3132"),
    ("complex", lambda: complex(1.0, -2.0), "d9be0882fb3ff0000000000000fbc000000000000000"),
    ("UUID", lambda: uuid.UUID("12345678-1234-5678-1234-567812345678"), "d8255012345678123456781234567812345678"),
    ("Path", lambda: pathlib.Path("/tmp/a b"), "d9be09826450617468682f746d702f612062"),
    ("PureWindowsPath", lambda: pathlib.PureWindowsPath("C:/x"), "d9be09826f5075726557696e646f77735061746864433a5c78"),
    ("Path not UTF-8", lambda: pathlib.Path(os.fsdecode(b"/tmp/\xff")), "d9be09826450617468462f746d702fff"),
    ("Enum", lambda: Color.RED, "d9be0a8272676f6c64656e5f74797065733a436f6c6f7263524544"),
    ("Flag", lambda: Permission.READ | Permission.WRITE, "d9be0a8377676f6c64656e5f74797065733a5065726d697373696f6ef603"),
    ("NamedTuple", lambda: Point(1.0), "d9be0c8272676f6c64656e5f74797065733a506f696e7482fb3ff0000000000000fb0000000000000000"),
    ("dataclass", lambda: Node("root", [Node("leaf")], Point(1.0, 2.0)),
        "d9be0b8271676f6c64656e5f74797065733a4e6f6465a3646e616d6564726f6f74686368696c6472656e81d9be0b8271"
        "676f6c64656e5f74797065733a4e6f6465a3646e616d65646c656166686368696c6472656e80626174f6626174d9be0c"
        "8272676f6c64656e5f74797065733a506f696e7482fb3ff0000000000000fb4000000000000000"),
    ("dataclass frozen as key", lambda: {Frozen(1): 2}, "a1d9be0b8273676f6c64656e5f74797065733a46726f7a656ea1636b65790102"),
    ("File", lambda: File("/data/words.txt", 12, "abc"), "d9be10836f2f646174612f776f7264732e7478740c63616263"),
    ("Dir", lambda: Dir("/data"), "d9be1183652f64617461f6f6"),
    ("exception", lambda: ValueError("no", 3), "d9be1285736275696c74696e733a56616c75654572726f7282626e6f03a06928276e6f272c203329f6"),
    ("exception of the user", lambda: BadInput(3, column=4),
        "d9be128575676f6c64656e5f74797065733a426164496e70757481666c696e652033a166636f6c756d6e04666c696e65"
        "2033f6"),
    ("OSError", lambda: FileNotFoundError(2, "No such file", "/x"),
        "d9be1285781a6275696c74696e733a46696c654e6f74466f756e644572726f7283026c4e6f20737563682066696c6562"
        "2f78a0781c5b4572726e6f20325d204e6f20737563682066696c653a20272f7827f6"),
]

# Where the canonical form is another one.
CANONICAL: List[Tuple[str, Callable[[], Any], str]] = [
    ("keys are sorted by their bytes", lambda: {"b": 1, "a": [None], 3: (), (1, 2): b""},
        "a403d9be0180616181f6616201d9be0182010240"),
    ("members are sorted by their bytes", lambda: {"b", 300, 2, "aa"}, "d901028402" "19012c" "6162" "626161"),
    ("there is one nan", lambda: float.fromhex("nan") * -1, "fb7ff8000000000000"),
    ("a large byte string is its digest", lambda: bytes(65536),
        "d9be155820de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31"),
]
# fmt: on


def same(value: Any, other: Any) -> bool:
    """Whether what arrived is what was sent: also where equality says less, or more."""
    if isinstance(value, memoryview):
        return type(other) is bytearray and bytes(other) == bytes(value)
    if isinstance(value, BaseException):
        return type(value) is type(other) and value.args == other.args and vars(value) == vars(other) and str(value) == str(other)
    return type(value) is type(other) and repr(value) == repr(other)


def main() -> None:
    from wire_halves import HALVES

    right = 0
    for half in HALVES:
        for name, make, golden in GOLDEN:
            encoded = half.encode(make(), objects.encode_hook)
            assert encoded.hex() == golden, (half.name, name, encoded.hex())
            assert same(make(), half.decode(encoded, objects.decode_hook)), (half.name, name)
            right += 1
        for name, make, golden in CANONICAL:
            assert half.encode_canonical(make(), objects.canonical_hook).hex() == golden, (half.name, name)
            right += 1
    print(right, *(half.name for half in HALVES), sys.version.split()[0])


if __name__ == "__main__":
    main()
