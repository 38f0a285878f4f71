"""Whose memory an encoded value is: large byte strings and arrays in it are the program's own, not copies."""

from __future__ import annotations

from typing import Any

from hearth._frames import LargeValue

__all__ = ["owned"]


def owned(body: Any) -> Any:
    """`body` such that nothing the program does to its arguments changes it: memory that can be written to is copied.

    For a body that is sent later, or perhaps again, than the code that gave the arguments goes on.
    """
    buffers = getattr(body, "buffers", None)
    if buffers is None or all(type(buffer) is bytes for buffer in buffers):
        return body
    return LargeValue(body.head, [buffer if type(buffer) is bytes else bytes(buffer) for buffer in buffers])
