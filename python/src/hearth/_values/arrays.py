"""NumPy arrays and scalars on the wire: dtype, shape, order and the bytes themselves. NumPy is imported only when the
program or a value has it."""

from __future__ import annotations

import math
import sys
from typing import Any, Callable, Dict, Optional, Tuple

from hearth._values import tags
from hearth._values.tags import LARGE_BYTES

__all__ = ["DECODERS", "encoder_for"]


def encoder_for(cls: type) -> Optional[Callable[[Any], Optional[Tuple[int, Any]]]]:
    """How values of `cls` are written, if it is one of NumPy's."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if cls is numpy.ndarray or cls is numpy.memmap:
        return _array
    if issubclass(cls, numpy.generic):
        return _scalar
    return None


def _array(value: Any) -> Optional[Tuple[int, Any]]:
    if value.dtype.hasobject:
        return None  # its items are any Python objects
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    return tags.ARRAY, [_written(value.dtype), list(value.shape), order, _bytes(value, order)]


def _scalar(value: Any) -> Optional[Tuple[int, Any]]:
    if value.dtype.hasobject:
        return None
    return tags.SCALAR, [_written(value.dtype), value.tobytes()]


def _bytes(value: Any, order: str) -> Any:
    if value.nbytes < LARGE_BYTES:
        return value.tobytes(order)
    numpy = sys.modules["numpy"]
    flat = numpy.asarray(value.T if order == "F" else value)
    return memoryview(numpy.ascontiguousarray(flat).reshape(-1).view(numpy.uint8))


def _written(dtype: Any) -> Any:
    """The dtype as text, or as what `numpy.lib.format` makes of a structured one."""
    return dtype.str if dtype.names is None and dtype.subdtype is None else sys.modules["numpy"].lib.format.dtype_to_descr(dtype)


def _dtype(written: Any) -> Any:
    numpy = _numpy()
    dtype = numpy.dtype(written) if isinstance(written, str) else numpy.lib.format.descr_to_dtype(written)
    if dtype.hasobject:
        raise ValueError("an array of Python objects as bytes")
    return dtype


def _decode_array(content: Any) -> Any:
    written, shape, order, data = content
    numpy, dtype = _numpy(), _dtype(written)
    if order not in ("C", "F") or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError("an array of impossible shape")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"an array of shape {shape} and {dtype} with {len(data)} bytes")
    if not len(data):
        return numpy.empty(shape, dtype, order)
    # Small arrays come as bytes, which nobody may write to.
    memory = bytearray(data) if type(data) is bytes else data
    return numpy.frombuffer(memory, dtype).reshape(shape, order=order)


def _decode_scalar(content: Any) -> Any:
    written, data = content
    return _numpy().frombuffer(data, _dtype(written), 1)[0]


def _numpy() -> Any:
    try:
        import numpy
    except ImportError:
        raise ValueError("the value has a NumPy array, and NumPy cannot be imported here; install it") from None
    return numpy


DECODERS: Dict[int, Callable[[Any], Any]] = {tags.ARRAY: _decode_array, tags.SCALAR: _decode_scalar}
