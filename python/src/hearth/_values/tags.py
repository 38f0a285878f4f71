"""Numbers of the format; the table in `hearth._values` explains them. `python/ext/wire.h` repeats those it handles."""

from __future__ import annotations

__all__ = ["DEPTH_MAX", "LARGE_BYTES"]

DATETIME_TEXT = 0
BIGNUM = 2
NEGATIVE_BIGNUM = 3
UUID = 37
SET = 258
DATE = 1004

TABLE = 0xBE00
TUPLE = 0xBE01
FROZENSET = 0xBE02
BYTEARRAY = 0xBE03
DATETIME = 0xBE04
TIME = 0xBE05
TIMEDELTA = 0xBE06
DECIMAL = 0xBE07
COMPLEX = 0xBE08
PATH = 0xBE09
ENUM = 0xBE0A
DATACLASS = 0xBE0B
NAMEDTUPLE = 0xBE0C
MODEL = 0xBE0D
ARRAY = 0xBE0E
SCALAR = 0xBE0F
FILE = 0xBE10
DIR = 0xBE11
EXCEPTION = 0xBE12
PICKLE = 0xBE13
BUFFER = 0xBE14
DIGEST = 0xBE15
KEY = 0xBE16
HASHED = 0xBE17

LARGE_BYTES = 64 * 1024
"""Byte strings from here on are out of band: below, copying them costs less than a further piece of a system call."""

DEPTH_MAX = 1000
"""Nesting of containers, tags included; beyond it a value most likely contains itself."""
