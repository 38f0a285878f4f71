"""Whether the modules that tasks need are in the bundle, asked before anything is sent."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Dict, Iterable, List, Optional, Sequence

from hearth._bundle import roots
from hearth._bundle.collect import Entry, why_absent
from hearth._bundle.imports import imports_of
from hearth._bundle.origin import Origin
from hearth.errors import BundleError

__all__ = ["check_tasks", "check_uses", "search_paths"]


def check_tasks(root: roots.Root, entries: Sequence[Entry], origins: Dict[str, Origin]) -> None:
    """Raises BundleError if the module of a task or hook (`origins` by how messages name it) is not in the bundle."""
    names = {entry.name for entry in entries}
    for what, origin in origins.items():
        if origin.how in ("installed", "value") or _name(root, origin.file) in names:
            continue
        if not roots.is_below(origin.file, root.path) and roots.is_editable(origin.module, origin.file):
            continue
        raise BundleError(f"{what}: its module {origin.file} {why_absent(root, origin.file)}.")


def check_uses(root: roots.Root, entries: Sequence[Entry]) -> None:
    """Raises BundleError if a loaded module of the bundle imports a loaded module that no interpreter could import.

    Imports under ``if __name__ == "__main__":`` do not count, nor those that may fail (``except ImportError``).
    """
    names = {entry.name for entry in entries}
    loaded = {name: file for name, file in _loaded().items() if not roots.is_installed(file)}
    missing = {name: file for name, file in loaded.items() if _is_missing(root, names, name, file)}
    if not missing:
        return
    for file in sorted(file for file in set(loaded.values()) if _name(root, file) in names):
        for imported, line in imports_of(file):
            if imported in missing:
                place = missing[imported]
                raise BundleError(
                    f"{file}, line {line}, imports the module {imported!r}, but {place} {why_absent(root, place)}."
                )


def search_paths(root: roots.Root, base: str) -> List[str]:
    """The folders, relative to the root, from which the bundle's modules are imported: this process's search path as far
    as it lies in the root, then `base`, the root, and `src` in it."""
    own = os.path.dirname(roots.sdk_folder())
    always = [base, root.path, os.path.join(root.path, "src")]
    found: List[str] = []
    for path in [os.path.abspath(entry) for entry in sys.path if isinstance(entry, str)] + always:
        if not roots.is_below(path, root.path) or not os.path.isdir(path) or roots.is_installed(path):
            continue
        if path == own and path not in always:
            continue
        relative = os.path.relpath(path, root.path).replace(os.sep, "/")
        if any(part.startswith(".") and part != "." for part in relative.split("/")):
            continue
        if relative not in found:
            found.append(relative)
    return found


def _loaded() -> Dict[str, str]:
    """Files of the loaded modules, without the SDK's own."""
    own = roots.sdk_folder()
    found = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) if isinstance(module, ModuleType) else None
        if isinstance(file, str) and not roots.is_below(os.path.abspath(file), own):
            found[name] = os.path.abspath(file)
    return found


def _is_missing(root: roots.Root, names: Iterable[str], module: str, file: str) -> bool:
    if module in ("__main__", "__mp_main__") or _name(root, file) in names:
        return False
    return not roots.is_editable(module, file)


def _name(root: roots.Root, file: str) -> Optional[str]:
    """The name that `file` has in a bundle of `root`; None outside of it."""
    return os.path.relpath(file, root.path).replace(os.sep, "/") if roots.is_below(file, root.path) else None
