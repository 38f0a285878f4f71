"""Which files make a bundle."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from hearth._bundle import ignore
from hearth._bundle.roots import Root, is_below
from hearth.errors import BundleError, ConfigurationError

__all__ = ["META", "Entry", "Include", "check_size", "collect", "why_absent"]

# What the bundle says about itself, and functions by value. Hidden, so no file of the user's is there.
META = ".hearth"

_SKIPPED_FOLDERS = ("__pycache__", "node_modules")

# A folder that holds one of these is an interpreter's (virtual environments, conda) or a node's state, whose unpacked
# bundles would otherwise become part of the next one.
_NO_SOURCE_MARKS = ("pyvenv.cfg", "conda-meta", "node-id")
_MIB = 1024 * 1024
_BYTES_MAX = 32 * _MIB  # source code; data belongs into files that tasks open
_BYTES_VARIABLE = "HEARTH_BUNDLE_BYTES_MAX"
_FILES_MAX = 20_000  # beyond it the root is no project but a disk
_NAMED = 5  # files that an error lists


class Entry(NamedTuple):
    """One file: its name in the bundle (with "/"), where it is, and what tells a change."""

    name: str
    path: str
    size: int
    mtime_ns: int
    executable: bool


class Include(NamedTuple):
    """A path or glob of `TaskEnvironment(include=)`, and the folder it is relative to."""

    folder: str
    pattern: str


def collect(root: Root, includes: Iterable[Include], of_others: Iterable[Include] = ()) -> List[Entry]:
    """The files of the bundle in the order of their names: every `*.py` below `root` that no ignore file names, and
    what `includes` and `of_others` name, ignored or not.

    Raises BundleError if there are too many, or one of `includes` names nothing or leaves the root. The same mistake in
    one of `of_others` is passed over: who opens that environment is told.
    """
    found: Dict[str, Entry] = {}
    for entry in _sources(root):
        found[entry.name] = entry
        if len(found) > _FILES_MAX:
            raise BundleError(
                f"more than {_FILES_MAX} Python files are below {root.path}. If that is not the root of your project, "
                f"put a pyproject.toml into the folder that is; else name folders to leave out in .hearthignore."
            )
    paths = [path for include in includes for path in _included(root, include)]
    for include in of_others:
        with contextlib.suppress(BundleError):
            paths.extend(_included(root, include))
    for path in paths:
        added = _entry(root, path)
        if added is not None:
            found[added.name] = added
    return [found[name] for name in sorted(found)]


def check_size(root: Root, entries: Sequence[Entry]) -> None:
    """Raises BundleError naming the biggest files if `entries` exceed the limit."""
    limit = _limit()
    total = sum(entry.size for entry in entries)
    if total <= limit:
        return
    biggest = sorted(entries, key=lambda entry: (-entry.size, entry.name))[:_NAMED]
    lines = "".join(f"\n  {_mib(entry.size):>10}  {entry.name}" for entry in biggest)
    raise BundleError(
        f"the code bundle of {root.path} has {_mib(total)}, more than {_mib(limit)}. The biggest files:{lines}\n"
        f"Name what tasks do not import in .hearthignore, or raise {_BYTES_VARIABLE} (bytes)."
    )


def why_absent(root: Root, path: str) -> str:
    """Why the file `path` is not in the bundle of `root`, and how to add it: the rest of a sentence that names it."""
    if not is_below(path, root.path):
        return (
            f"is outside of the bundle's root {root.path}. Move it there, put a pyproject.toml into the folder that "
            f"holds both, or install it in the interpreter of the tasks"
        )
    rule = _ignoring_rule(root, path)
    reason = f"is left out by {rule.text!r} in {rule.source}" if rule else "is in a folder that bundles leave out"
    return f"{reason} (the bundle's root is {root.path}). Name it in TaskEnvironment(include=...)"


# -- sources ---------------------------------------------------------------------------------------------------------


def _sources(root: Root) -> Iterator[Entry]:
    return _walk(root, root.path, "", _levels_above(root), (_identity(root.path),))


def _walk(
    root: Root, directory: str, folder: str, above: Tuple[ignore.Level, ...], entered: Tuple[Tuple[int, int], ...]
) -> Iterator[Entry]:
    own = ignore.read(directory, folder)
    levels = above if own is None else (*above, own)
    for item in _listing(directory):
        if item.name.startswith("."):
            continue
        name = f"{folder}/{item.name}" if folder else item.name
        if item.name.endswith(".py"):
            entry = None if ignore.match(levels, name, False) else _entry(root, item.path)
            if entry is not None:
                yield entry
                continue
        if root.deep and _is_source_folder(item) and ignore.match(levels, name, True) is None:
            identity = _identity(item.path)
            if identity not in entered:  # a link to a folder around it would never end
                yield from _walk(root, item.path, name, levels, (*entered, identity))


def _listing(directory: str) -> List[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as items:
            return sorted(items, key=lambda item: item.name)
    except (PermissionError, FileNotFoundError):  # nothing that the user's own program could import either
        return []


def _is_source_folder(item: os.DirEntry[str]) -> bool:
    if item.name in _SKIPPED_FOLDERS or not _is_folder(item):
        return False
    return not any(os.path.exists(os.path.join(item.path, mark)) for mark in _NO_SOURCE_MARKS)


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link that leads back to itself, or into a folder of somebody else
        return False


def _levels_above(root: Root) -> Tuple[ignore.Level, ...]:
    """Ignore files between the repository that holds the root and the root; git would respect them."""
    if not root.deep or os.path.exists(os.path.join(root.path, ".git")):
        return ()
    levels: List[ignore.Level] = []
    at = root.path
    while os.path.dirname(at) != at:
        at = os.path.dirname(at)
        level = ignore.read(at, "up:" + os.path.relpath(root.path, at).replace(os.sep, "/"))
        if level is not None:
            levels.append(level)
        if os.path.exists(os.path.join(at, ".git")):
            return tuple(reversed(levels))
    return ()


def _ignoring_rule(root: Root, path: str) -> Optional[ignore.Rule]:
    levels = _levels_above(root)
    parts = os.path.relpath(path, root.path).split(os.sep)
    directory, folder = root.path, ""
    for index, part in enumerate(parts):
        own = ignore.read(directory, folder)
        levels = levels if own is None else (*levels, own)
        directory, folder = os.path.join(directory, part), f"{folder}/{part}" if folder else part
        rule = ignore.match(levels, folder, is_folder=index < len(parts) - 1)
        if rule is not None:
            return rule
    return None


# -- files -----------------------------------------------------------------------------------------------------------


def _included(root: Root, include: Include) -> List[str]:
    """The files that an include names, a folder standing for all files below it."""
    exact = os.path.join(include.folder, include.pattern)
    pattern = os.path.join(glob.escape(include.folder), include.pattern)
    # A file may have a glob's characters in its name: the exact path comes first.
    paths = [exact] if os.path.exists(exact) else sorted(glob.glob(pattern, recursive=True))
    files: List[str] = []
    for path in (os.path.normpath(path) for path in paths if os.path.exists(path)):
        if not is_below(path, root.path):
            raise BundleError(
                f"include={include.pattern!r} names {path}, which {why_absent(root, path)}. "
                f"Data outside of the project is better opened by its absolute path."
            )
        files.extend(_files_below(path) if os.path.isdir(path) else [path])
    if not files:
        raise BundleError(f"include={include.pattern!r} names no file (relative to {include.folder})")
    return files


def _files_below(folder: str) -> List[str]:
    found = []
    for directory, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in (*_SKIPPED_FOLDERS, ".git"))
        found.extend(os.path.join(directory, name) for name in sorted(files))
    return found


def _entry(root: Root, path: str) -> Optional[Entry]:
    """The entry of a regular file, followed through links; None for anything else."""
    try:
        status = os.stat(path)
    except OSError:  # a link to nothing, to itself, or into a folder of somebody else
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    name = os.path.relpath(path, root.path).replace(os.sep, "/")
    return Entry(name, path, status.st_size, status.st_mtime_ns, bool(status.st_mode & stat.S_IXUSR))


def _identity(path: str) -> Tuple[int, int]:
    status = os.stat(path)
    return (status.st_dev, status.st_ino)


def _limit() -> int:
    text = os.environ.get(_BYTES_VARIABLE)
    if not text:
        return _BYTES_MAX
    if not text.isdecimal() or int(text) == 0:
        raise ConfigurationError(f"{_BYTES_VARIABLE}={text!r} is no number of bytes. Unset it, or write one.")
    return int(text)


def _mib(size: int) -> str:
    return f"{size / _MIB:.1f} MiB"
