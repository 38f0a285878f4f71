"""What an application raises goes to the log of its replica; whoever asked only hears that it failed."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from .text import RequestHead

__all__ = ["printed", "tell"]

_SDK_FRAMES = "hearth._worker"


def printed(error: BaseException, *around: str) -> str:
    """The traceback of `error` from where the user's code begins: without frames of the runtime, and of modules whose names
    begin with one of `around`, that are outside of it."""
    step: Any = error.__traceback__
    while step is not None and str(step.tb_frame.f_globals.get("__name__", "")).startswith((_SDK_FRAMES, *around)):
        step = step.tb_next
    return "".join(traceback.format_exception(type(error), error, step))


def tell(error: BaseException, head: RequestHead, answered: bool) -> None:
    """Prints where `error` was raised. `answered`: the response was complete before."""
    after = " after it had answered" if answered else ""
    sys.stderr.write(f"hearth: the application failed{after}: {head.label}\n{printed(error)}")
