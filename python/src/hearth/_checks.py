"""Checks shared by the classes of a definition: whole numbers and durations, with messages that name the parameter."""

from __future__ import annotations

import datetime
from typing import Iterable, Optional, Union

__all__ = ["COUNT_MAX", "Duration", "closest", "duration", "milliseconds", "whole_number"]

# Seconds as an int, or a timedelta.
Duration = Union[int, datetime.timedelta]

# Counts travel as 32-bit unsigned integers.
COUNT_MAX = 2**32 - 1


def whole_number(value: object, parameter: str, least: int, most: int = COUNT_MAX) -> int:
    """`value` if it is an int (no bool) from `least` to `most`. Raises ValueError naming `parameter`."""
    if type(value) is not int:
        raise ValueError(f"{parameter} must be an int, not {value!r}")
    if not least <= value <= most:
        bounds = f"at least {least}" if value < least else f"at most {most}"
        raise ValueError(f"{parameter} must be {bounds}, not {value}")
    return value


def duration(value: object, parameter: str) -> datetime.timedelta:
    """`value` as a timedelta. Raises ValueError naming `parameter` for anything but an int (seconds) or a timedelta."""
    if isinstance(value, datetime.timedelta):
        return value
    if type(value) is not int:
        raise ValueError(f"{parameter} must be an int (seconds) or a timedelta")
    try:
        return datetime.timedelta(seconds=value)
    except OverflowError:
        raise ValueError(f"{parameter} must be at most {datetime.timedelta.max.days} days") from None


def milliseconds(span: Optional[datetime.timedelta]) -> int:
    """`span` in whole milliseconds, rounded up so that a positive span never becomes 0; None is 0."""
    if span is None:
        return 0
    return (span // datetime.timedelta(microseconds=1) + 999) // 1000


def closest(word: str, words: Iterable[str]) -> Optional[str]:
    """The one of `words` that `word` is most likely a misspelling of, or None."""
    import difflib  # only messages need it

    return next(iter(difflib.get_close_matches(word, list(words), 1)), None)
