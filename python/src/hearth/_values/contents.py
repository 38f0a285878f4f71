"""What a `File` or `Dir` holds, as a digest: equal content is equal input, wherever it is."""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import threading
import time
from typing import Any, Dict, Tuple

from hearth._values import tags
from hearth._values.files import Dir, Reference

__all__ = ["written"]

_READ_BYTES = 1024 * 1024
_KNOWN_MAX = 10_000

_SETTLED_NS = 2_000_000_000
"""A file that was changed less than so long ago may change again without a new time of change."""

_known: Dict[Tuple[int, ...], bytes] = {}  # digests of files by what the file system says of them
_knowing = threading.Lock()


def written(value: Reference) -> Tuple[int, Any]:
    """Tag and content for the canonical form: the digest that `value` brings, else the one of its content.

    Raises ValueError for what is not there or cannot be read.
    """
    is_folder = isinstance(value, Dir)
    tag = tags.DIR if is_folder else tags.FILE
    if value.digest is not None:
        return tag, value.digest
    try:
        return tag, _of_folder(value.path) if is_folder else _of_file(value.path)
    except OSError as error:
        raise ValueError(
            f"its content counts, and {error.filename or value.path} cannot be read here ({error.strerror}); "
            f"make it with from_local(..., {'dir_cache_key' if is_folder else 'hash_method'}=) where it can"
        ) from error


def _of_file(path: str) -> bytes:
    with open(path, "rb") as opened:
        found = os.fstat(opened.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is no ordinary file", path)
        mark = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        known = _known.get(mark)
        if known is not None:
            return known
        began = time.time_ns()
        made = hashlib.sha256()
        for data in iter(lambda: opened.read(_READ_BYTES), b""):
            made.update(data)
    digest = made.digest()
    if began - max(found.st_mtime_ns, found.st_ctime_ns) > _SETTLED_NS:
        with _knowing:
            if len(_known) >= _KNOWN_MAX:
                _known.clear()
            _known[mark] = digest
    return digest


def _of_folder(path: str) -> bytes:
    """Of the relative paths of all files and folders below, sorted, and the content of the files. Links are followed to
    files, and not to folders."""
    made = hashlib.sha256()
    for folder, folders, names in os.walk(path, onerror=_raise):
        folders.sort()
        for name in sorted([*names, *folders]):
            place = os.path.join(folder, name)
            is_file = name in names
            text = os.fsencode(os.path.relpath(place, path))
            made.update((b"f" if is_file else b"d") + struct.pack(">Q", len(text)) + text)
            if is_file:
                made.update(_of_file(place))
    return made.digest()


def _raise(error: OSError) -> None:
    raise error
