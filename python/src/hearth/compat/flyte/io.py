"""`flyte.io`: `File` and `Dir`, which are paths that nodes can read."""

from __future__ import annotations

from hearth._values.files import Dir, File
from hearth._values.hashing import HashFunction
from hearth.compat.unsupported import unsupported

__all__ = ["DataFrame", "Dir", "File", "HashFunction"]

DataFrame = unsupported(
    "flyte.io.DataFrame", "annotate inputs and results with the frame's own class, such as pandas.DataFrame, or write a File"
)
