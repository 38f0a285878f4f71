"""Where things are: the root of a project, and what is installed with an interpreter."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from typing import List, NamedTuple, Optional, Tuple

__all__ = ["Root", "base_of", "find", "is_below", "is_editable", "is_installed", "sdk_folder"]

_MARKS = ("pyproject.toml", ".git")


class Root(NamedTuple):
    """The folder that a bundle is made of."""

    path: str
    deep: bool  # False: only the files in the folder itself, because what lies below has nothing to do with them


def find(folder: str) -> Root:
    """The nearest folder from `folder` upwards that holds pyproject.toml or .git, else `folder` itself.

    Home, the temporary folder and "/" are shared by everything a user does: they are no project, whatever they hold.
    """
    folder = os.path.abspath(folder)
    shared = _shared_folders()
    at = folder
    while True:
        if at not in shared and any(os.path.exists(os.path.join(at, mark)) for mark in _MARKS):
            return Root(at, True)
        above = os.path.dirname(at)
        if above == at:
            return Root(folder, folder not in shared)
        at = above


def _shared_folders() -> Tuple[str, ...]:
    return (os.path.abspath(os.path.expanduser("~")), os.path.abspath(tempfile.gettempdir()), os.path.abspath(os.sep))


def base_of(module: str, file: str) -> Optional[str]:
    """The folder from which `import <module>` finds `file`; None if it would not be found under that name."""
    parts = module.split(".")
    stem, suffix = os.path.splitext(os.path.basename(file))
    if suffix != ".py":
        return None
    if stem == "__init__" and parts[-1] != "__init__":
        file = os.path.dirname(file)
    else:
        file = os.path.join(os.path.dirname(file), stem)
    for part in reversed(parts):
        file, name = os.path.split(file)
        if name != part:
            return None
    return file


def is_below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or inside it. Both absolute."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def is_installed(file: str) -> bool:
    """Whether `file` belongs to the standard library or to a package installed in this interpreter."""
    return any(is_below(file, folder) for folder in _installed_folders())


def is_editable(module: str, file: str) -> bool:
    """Whether `module` is found through this interpreter's site folders although `file` lies elsewhere."""
    if any(is_below(file, folder) for folder in _path_file_folders()):
        return True
    top = module.partition(".")[0]
    # setuptools registers a finder class per editable package, with a table of its top-level names.
    for finder in sys.meta_path:
        module_of_finder = sys.modules.get(getattr(finder, "__module__", ""))
        if "__editable__" in getattr(finder, "__module__", "") and top in getattr(module_of_finder, "MAPPING", {}):
            return True
    return False


def sdk_folder() -> str:
    """The folder of this package's own code."""
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@functools.lru_cache(maxsize=1)
def _installed_folders() -> Tuple[str, ...]:
    import sysconfig

    found = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found.update(_site_folders())
    return tuple(sorted(os.path.abspath(path) for path in found if path))


def _site_folders() -> List[str]:
    import site

    return [*site.getsitepackages(), site.getusersitepackages()]


@functools.lru_cache(maxsize=1)
def _path_file_folders() -> Tuple[str, ...]:
    """Folders that `.pth` files of the site folders add to the search path."""
    found = []
    for site_folder in _site_folders():
        try:
            names = sorted(os.listdir(site_folder))
        except OSError:  # not every site folder exists
            continue
        for name in names:
            if name.endswith(".pth"):
                found.extend(_path_lines(os.path.join(site_folder, name)))
    return tuple(found)


def _path_lines(path: str) -> List[str]:
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = [line.strip() for line in file]
    folders = (os.path.join(os.path.dirname(path), line) for line in lines if line and not line.startswith(("#", "import")))
    return [os.path.abspath(folder) for folder in folders if os.path.isdir(folder)]
