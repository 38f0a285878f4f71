"""Where the build is, and how tests wait."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Callable, Union

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("HEARTH_BUILD_DIR") or ROOT / "build" / "release")
PATIENCE = 60.0  # seconds; far beyond what anything here takes


def wait_until(condition: Callable[[], Any], what: Union[str, Callable[[], str]], seconds: float = PATIENCE) -> Any:
    """The first truthy answer of `condition`; fails the test when there is none in time. `what` is what was waited for: a function
    looks how things are then.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s in vain for: {what() if callable(what) else what}")
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
