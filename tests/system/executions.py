"""What tasks write down when they execute, outside of what any node keeps."""

from __future__ import annotations

from pathlib import Path
from typing import List

__all__ = ["Executions"]


class Executions:
    """A file to which each execution adds a word."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "executions"
        self.path.touch()
        self._seen = 0

    def new(self) -> List[str]:
        """The words since somebody looked last, in order."""
        words = self.path.read_text().split()
        found, self._seen = words[self._seen :], len(words)
        return sorted(found)
