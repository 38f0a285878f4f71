"""CBOR by the C extension where it can be imported, else in Python; see `cbor_py` for the interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hearth._frames import NATIVE

if TYPE_CHECKING or not NATIVE:
    from hearth._values.cbor_py import all_exact, decode, encode, encode_canonical, fits
else:
    from hearth._wire import all_exact, decode, encode, encode_canonical, fits

__all__ = ["all_exact", "decode", "encode", "encode_canonical", "fits"]
