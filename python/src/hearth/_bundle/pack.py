"""The archive: the same files make the same bytes, so that the digest is an address."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Dict, Iterable, Sequence

from hearth._bundle.collect import META, Entry
from hearth.errors import BundleError

__all__ = ["about_of", "pack"]


def pack(entries: Iterable[Entry], own: Dict[str, bytes]) -> bytes:
    """An uncompressed tar of `entries` and of `own` (name -> content), sorted by name, without times and owners.

    Raises BundleError if a file changes or vanishes meanwhile.
    """
    contents: Dict[str, "tuple[bytes, bool]"] = {name: (content, False) for name, content in own.items()}
    for entry in entries:
        contents[entry.name] = (_read(entry), entry.executable)
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8") as archive:
        for name in sorted(contents):
            content, executable = contents[name]
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o755 if executable else 0o644
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def about_of(paths: Sequence[str], python: str) -> Dict[str, bytes]:
    """The file in which a bundle tells its search paths and, with functions by value, the Python that made them."""
    text = json.dumps({"paths": list(paths), "python": python}, sort_keys=True, separators=(",", ":"))
    return {f"{META}/bundle.json": text.encode()}


def _read(entry: Entry) -> bytes:
    try:
        with open(entry.path, "rb") as file:
            return file.read()
    except OSError as error:
        raise BundleError(f"{entry.path} cannot be read for the code bundle: {error.strerror}") from error
