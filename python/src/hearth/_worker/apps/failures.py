"""What an application raises goes to the log of its replica; whoever asked only hears that it failed."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from .text import RequestHead

__all__ = ["tell"]

_SDK_FRAMES = "hearth._worker"


def tell(error: BaseException, head: RequestHead, answered: bool) -> None:
    """Prints where `error` was raised, without frames of the runtime. `answered`: the response was complete before."""
    step: Any = error.__traceback__
    while step is not None and str(step.tb_frame.f_globals.get("__name__", "")).startswith(_SDK_FRAMES):
        step = step.tb_next
    lines = traceback.format_exception(type(error), error, step)
    after = " after it had answered" if answered else ""
    target = head.path.decode("latin-1")  # without the query, which may hold what nobody should read in a log
    sys.stderr.write(f"hearth: the application failed{after}: {head.method} {target}\n{''.join(lines)}")
