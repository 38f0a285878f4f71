"""Errors on one screen: what happened and the user's own code around it, never a stack trace of the runtime."""

from __future__ import annotations

import os
import re
import traceback
from typing import Any, List, Optional

from hearth._values.failures import RemoteTraceback
from hearth.errors import BaseRuntimeError

__all__ = ["shown"]

_LINES_MAX = 30
_UNPACKED = re.compile(r"/[^\s\"]*/bundles/[0-9a-f]{64}/tree/")  # where a node unpacked the user's project
_SDK = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def shown(error: BaseException) -> str:
    """`error` as a person should see it, at most a screen."""
    remote = _remote(error)
    if remote is not None and remote.text:
        return _clipped(_UNPACKED.sub("", str(remote)))
    if isinstance(error, SyntaxError):
        return _clipped("".join(traceback.format_exception_only(type(error), error)))
    here = [] if isinstance(error, BaseRuntimeError) else _own_frames(error)
    headline = str(error) if isinstance(error, BaseRuntimeError) else _headline(error)
    return _clipped("\n".join([*here, headline]))


def _headline(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(type(error), error)).rstrip()


def _own_frames(error: BaseException) -> List[str]:
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((_SDK, "<frozen ")) and os.sep + "importlib" + os.sep not in frame.filename
    ]
    return "".join(traceback.format_list(frames)).rstrip().split("\n") if frames else []


def _remote(error: Optional[BaseException]) -> Optional[RemoteTraceback]:
    seen: List[Any] = []
    while error is not None and error not in seen:
        if isinstance(error, RemoteTraceback):
            return error
        seen.append(error)
        error = error.__cause__
    return None


def _clipped(text: str) -> str:
    lines = text.rstrip().split("\n")
    if len(lines) <= _LINES_MAX:
        return "\n".join(lines)
    left = _LINES_MAX // 2
    dropped = len(lines) - 2 * left
    return "\n".join([*lines[:left], f"  ... {dropped} lines left out ...", *lines[-left:]])
