"""Ids of calls: UUIDv7 as two 64-bit words."""

from __future__ import annotations

import os
import time
from typing import Tuple

__all__ = ["from_text", "new_id", "run_name", "text"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id() -> Tuple[int, int]:
    """(hi, lo) of a new id. A few million more follow it by counting `lo` up: its top random bit is clear."""
    random = int.from_bytes(os.urandom(10), "big")
    hi = (time.time_ns() // 1_000_000) << 16 | 0x7000 | random >> 64 & 0xFFF
    return hi, 1 << 63 | random & (1 << 61) - 1


def text(hi: int, lo: int) -> str:
    """32 hex digits."""
    return f"{hi:016x}{lo:016x}"


def from_text(digits: str) -> Tuple[int, int]:
    """The id that `text` shows. Raises ValueError."""
    if len(digits) != 32:
        raise ValueError(f"{digits!r} is no id of 32 hex digits")
    return int(digits[:16], 16), int(digits[16:], 16)


def run_name(lo: int) -> str:
    """The name that a node derives for a run from the low word of its root's id."""
    return "r" + "".join(_ALPHABET[lo >> 5 * i & 31] for i in range(12))
