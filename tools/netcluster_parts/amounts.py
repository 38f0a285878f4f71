"""Amounts as people write them: 20%, 50ms±20ms, 64kbit, +1h, 32M."""

from __future__ import annotations

import argparse
import re

__all__ = ["WrongAmount", "delay", "duration_s", "percent", "rate_bits", "shift_s", "size_bytes"]

_TIMES = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_RATES = {"bit": 1, "kbit": 1_000, "mbit": 1_000_000, "gbit": 1_000_000_000}
_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([a-zµ]*)", re.I)


class WrongAmount(argparse.ArgumentTypeError, ValueError):
    """A sentence that says what was expected; argparse shows it."""


def _amount(text: str, units: dict[str, float], example: str) -> float:
    match = _AMOUNT.fullmatch(text.strip())
    unit = match[2].lower() if match else None
    if match is None or unit not in units:
        raise WrongAmount(f"'{text}' is no amount such as {example}.")
    return float(match[1]) * units[unit]


def percent(text: str) -> float:
    """A share from 0 to 1: "20%" is 0.2."""
    share = _amount(text.strip().removesuffix("%"), {"": 1.0}, "20%") / 100
    if share > 1:
        raise WrongAmount(f"'{text}' is more than 100%.")
    return share


def duration_s(text: str) -> float:
    """Seconds of a length of time: "50ms" is 0.05."""
    return _amount(text, _TIMES, "50ms, 2s or 10m")


def delay(text: str) -> tuple[float, float]:
    """Seconds of a delay, and by how much it varies: "50ms±20ms" (or "50ms+-20ms") is (0.05, 0.02)."""
    middle, _, spread = text.replace("+-", "±").partition("±")
    mean, around = duration_s(middle), duration_s(spread) if spread else 0.0
    if around > mean:
        raise WrongAmount(f"'{text}' varies by more than the delay itself; no packet arrives before it is sent.")
    return mean, around


def rate_bits(text: str) -> int:
    """Bits per second: "64kbit" is 64000."""
    rate = int(_amount(text, dict(_RATES), "64kbit or 10mbit"))
    if rate < 1_000:
        raise WrongAmount(f"'{text}' is less than 1kbit, at which one packet takes {1500 * 8 / max(rate, 1):.0f} s.")
    return rate


def shift_s(text: str) -> float:
    """Seconds that a clock is moved by: "+1h" is 3600, "-10m" is -600, "0" puts it right."""
    if text.strip() in ("0", "+0", "-0"):
        return 0.0
    sign, rest = text.strip()[:1], text.strip()[1:]
    if sign not in ("+", "-"):
        raise WrongAmount(f"'{text}' is no shift such as +1h or -10m.")
    return duration_s(rest) * (1 if sign == "+" else -1)


def size_bytes(text: str) -> int:
    """Bytes: "32M" is 33554432."""
    return int(_amount(text.strip().removesuffix("iB").removesuffix("B"), dict(_SIZES), "32M"))
