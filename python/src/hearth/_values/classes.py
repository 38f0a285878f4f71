"""Names of classes on the wire, and classes by their names."""

from __future__ import annotations

import sys
from typing import Any, Dict, Optional

from hearth import _bundle
from hearth.errors import BundleError

__all__ = ["ClassNotFound", "class_named", "name_of"]

_found: Dict[str, Any] = {}
_names: Dict[type, Optional[str]] = {}
_NAMES_MAX = 10_000  # classes can be made in loops


class ClassNotFound(ValueError):
    """A value belongs to a class that this process does not have."""


def name_of(cls: type) -> Optional[str]:
    """"module:qualified name" under which every process of the program finds `cls`; None if there is no such name."""
    try:
        return _names[cls]
    except KeyError:
        pass
    name = _look_up(cls)
    if len(_names) >= _NAMES_MAX:
        _names.clear()
    _names[cls] = name
    return name


def _look_up(cls: type) -> Optional[str]:
    module: Optional[str] = cls.__module__
    if module == "__main__":
        try:
            module = _bundle.main_name()
        except BundleError:  # its name is taken by another module: nobody would find the class there
            return None
    if not isinstance(module, str) or "<locals>" in cls.__qualname__:
        return None
    found: Any = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return f"{module}:{cls.__qualname__}" if found is cls else None


def class_named(name: Any) -> Any:
    """The class of this name; imports its module. Raises ClassNotFound, which says why."""
    try:
        return _found[name]
    except (KeyError, TypeError):
        pass
    module, colon, qualname = name.partition(":") if isinstance(name, str) else ("", "", "")
    if not colon:
        raise ValueError(f"{name!r} is not the name of a class")
    try:
        found = _bundle.find(module, qualname)
    except Exception as error:  # importing runs the user's code
        raise ClassNotFound(
            f"the class {qualname!r} of module {module!r}, to which a value belongs, is not found here "
            f"({type(error).__name__}: {error})"
        ) from None
    if not isinstance(found, type):
        raise ClassNotFound(f"{qualname!r} of module {module!r}, to which a value belongs, is no class here")
    if "<" not in name:
        _found[name] = found
    return found
