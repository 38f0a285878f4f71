"""Files and folders as inputs and results of tasks: `File` and `Dir`."""

from __future__ import annotations

from hearth._values.files import Dir, File, HashMethod

__all__ = ["Dir", "File", "HashMethod"]
