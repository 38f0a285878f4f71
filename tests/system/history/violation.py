"""A rule that was broken, as a sentence."""

from __future__ import annotations

import dataclasses
from typing import Any

__all__ = ["Line", "Violation", "seconds"]

Line = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Violation:
    rule: str  # of the checker, one word or two
    sentence: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.sentence}"


def seconds(t: int) -> str:
    """A time of a history, for people who look it up there."""
    return f"{t / 1e9:.3f} s"
