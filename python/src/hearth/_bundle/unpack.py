"""From bundle to folder, where its tasks run. Needs the standard library only and trusts nothing in the archive."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
import tempfile
from typing import Dict, List, Optional

from hearth.errors import BundleError

__all__ = ["about", "search_paths", "unpack"]

_ABOUT = ".hearth/bundle.json"


def unpack(data: bytes, directory: str, digest: Optional[str] = None) -> None:
    """Writes the files of the bundle `data` to `directory`, which appears complete or not at all.

    A directory that exists stays as it is: its name says what is in it, and somebody else was faster.

    Parameters:
        digest: the sha256 that `data` must have, in hex; None: not checked.

    Raises BundleError for data that is no bundle (damaged, absolute names, "..", links, devices), OSError.
    """
    if digest is not None and hashlib.sha256(data).hexdigest() != digest:
        raise BundleError(f"the code bundle {digest} arrived damaged; run the program again to send it once more")
    if os.path.isdir(directory):
        return
    parent, name = os.path.split(os.path.abspath(directory))
    os.makedirs(parent, exist_ok=True)
    unfinished = tempfile.mkdtemp(prefix=f".{name}.", dir=parent)
    try:
        _write(data, unfinished)
        os.chmod(unfinished, 0o755)
        os.rename(unfinished, directory)
    except OSError:
        if not os.path.isdir(directory):
            raise
    finally:
        with contextlib.suppress(FileNotFoundError):  # it has its final name
            shutil.rmtree(unfinished)


def about(directory: str) -> Dict[str, object]:
    """What the bundle unpacked at `directory` says of itself: "paths", "python". Raises BundleError, OSError."""
    with open(os.path.join(directory, _ABOUT), encoding="utf-8") as file:
        try:
            found = json.load(file)
        except ValueError as error:
            raise BundleError(f"{file.name} is damaged: {error}") from None
    if not isinstance(found, dict):
        raise BundleError(f"{file.name} is damaged: it holds no object")
    return found


def search_paths(directory: str) -> List[str]:
    """The absolute folders below `directory` from which its modules are imported, the first one first.

    They are what the client's search path has inside its project, so that an import finds the same module. They belong
    in front of the interpreter's own. Raises BundleError, OSError.
    """
    folders = []
    for path in about(directory).get("paths", []):  # type: ignore[attr-defined]
        _check_name(str(path), "search path")
        folders.append(os.path.normpath(os.path.join(directory, str(path))))
    return folders


def _write(data: bytes, directory: str) -> None:
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                _check_name(member.name, "file")
                if not member.isreg():
                    raise BundleError(f"the code bundle holds {member.name!r}, which is no regular file")
                path = os.path.join(directory, member.name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                source = archive.extractfile(member)
                assert source is not None  # of a regular file there is one
                with source, open(path, "xb") as target:
                    shutil.copyfileobj(source, target)
                os.chmod(path, 0o755 if member.mode & 0o100 else 0o644)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BundleError(f"the code bundle is damaged: {error}") from None
    except FileExistsError as error:
        raise BundleError(f"the code bundle holds {os.path.relpath(error.filename, directory)!r} twice") from None


def _check_name(name: str, what: str) -> None:
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "\0" in name or (what == "file" and parts[-1] in ("", ".")):
        raise BundleError(f"the code bundle names the {what} {name!r}, which leaves its folder")


def python_of(directory: str) -> str:
    """The Python ("3.11") that pickled the functions in the bundle; "" when there are none."""
    return str(about(directory).get("python", ""))


def running_python() -> str:
    """The running Python as `python_of` writes it."""
    return ".".join(map(str, sys.version_info[:2]))
