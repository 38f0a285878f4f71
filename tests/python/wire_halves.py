"""Both halves of the wire code, by one interface: plain Python, and the extension where it is staged."""

from __future__ import annotations

import types
from typing import Any, List

from hearth import _frames, _frames_py, _frames_reader
from hearth._values import cbor_py

__all__ = ["HALVES"]

_FRAMES = ("LargeValue", "Slots", "call", "chunk", "control", "fill", "log", "reply", "signal")
_VALUES = ("all_exact", "decode", "encode", "encode_canonical", "fits")

_python = types.SimpleNamespace(
    name="python",
    Reader=_frames_reader.Reader,
    **{name: getattr(_frames_py, name) for name in _FRAMES},
    **{name: getattr(cbor_py, name) for name in _VALUES},
)

HALVES: List[Any] = [_python]

if _frames.NATIVE:
    from hearth import _wire

    HALVES.append(
        types.SimpleNamespace(
            name="extension", Reader=_wire.Reader, **{name: getattr(_wire, name) for name in (*_FRAMES, *_VALUES)}
        )
    )
