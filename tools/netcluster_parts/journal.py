"""Journals of what happened when: one JSON object a line, stamped with CLOCK_MONOTONIC, which all namespaces share."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["append", "read"]


def append(path: Path, line: dict[str, Any]) -> None:
    """Adds `line` with the time `t` (nanoseconds) in one write, so that many processes may share a file."""
    stamped = {"t": time.monotonic_ns(), **line}
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, (json.dumps(stamped, sort_keys=True) + "\n").encode())
    finally:
        os.close(descriptor)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a journal; none when there is no such file. A last line that was cut off by a crash is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)
