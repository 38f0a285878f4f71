"""Checks of what a declaration says, with messages that name the parameter; and where the declaration stands."""

from __future__ import annotations

import inspect
import os
import re
import sys
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

__all__ = [
    "caller",
    "environment_name",
    "instance",
    "is_global",
    "isolation",
    "modules",
    "mounts",
    "same_place",
    "task_function",
    "text",
    "texts",
    "variables",
    "without_arguments",
]

_NAME = r"[a-z0-9]+([_-][a-z0-9]+)*"
_NAME_MAX = 100  # names become part of paths and keys, whose limit is 255
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_ISOLATION = ("process", "sandbox")
_NEVER_MOUNTED = ("/proc/", "/sys/", "/dev/")


def environment_name(name: object) -> str:
    """`name` if it may name an environment."""
    if not isinstance(name, str) or not re.fullmatch(_NAME, name):
        raise ValueError(f"Environment name {name!r} must be in snake_case or kebab-case format.")
    if len(name) > _NAME_MAX:
        raise ValueError(f"Environment name {name!r} is longer than {_NAME_MAX} characters.")
    return name


def instance(value: Any, cls: type, word: str) -> Any:
    """`value` if it is None or a `cls`, which is a public class of this package."""
    if value is not None and not isinstance(value, cls):
        raise TypeError(f"{word} must be a hearth.{cls.__name__} or None, not {value!r}")
    return value


def text(value: Any, word: str) -> str:
    """`value` if it is text; None is the empty text."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{word} must be text, not {value!r}")
    return value


def texts(values: Any, word: str) -> Tuple[str, ...]:
    """The texts (or paths) of a tuple or list. A single text is refused: it would pass for a list of letters."""
    if isinstance(values, (str, bytes)):
        raise TypeError(f"{word} must be a tuple or list of texts, not the single text {values!r}; write ({values!r},)")
    found = tuple(os.fspath(value) if isinstance(value, os.PathLike) else value for value in values)
    for one in found:
        if not isinstance(one, str) or not one:
            raise TypeError(f"{word} must be a tuple or list of texts; {one!r} is none")
    return found


def modules(values: Any) -> Tuple[str, ...]:
    """The dotted names of `preload`."""
    found = texts(values, "preload")
    for name in found:
        if not all(part.isidentifier() for part in name.split(".")):
            raise ValueError(f"preload must list modules by their dotted names; {name!r} is none")
    return found


def mounts(values: Any) -> Tuple[str, ...]:
    """The absolute paths of `mounts` in their shortest form, ":rw" behind those where tasks may write."""
    found = []
    for text_ in texts(values, "mounts"):
        path, colon, mode = text_.rpartition(":")
        if colon and mode not in ("ro", "rw") and "/" not in mode:
            raise ValueError(f"mounts: {text_!r} ends with neither \":ro\" (the default) nor \":rw\"")
        if mode not in ("ro", "rw"):
            path, mode = text_, "ro"
        if not os.path.isabs(path) or "\0" in path:
            raise ValueError(f"mounts must list absolute paths; {text_!r} is none")
        path = "/" + os.path.normpath(path).lstrip("/")
        if path == "/" or any((path + "/").startswith(place) for place in _NEVER_MOUNTED):
            raise ValueError(
                f"mounts: {text_!r} cannot be shown in a sandbox, which has its own /proc, /sys and /dev; "
                f"name the folders that the tasks need"
            )
        found.append(path + ":rw" if mode == "rw" else path)
    return tuple(found)


def isolation(value: Any) -> Optional[str]:
    """`value` if it is a level of isolation, or None: as the node has it."""
    if value not in (None, *_ISOLATION):
        raise ValueError(f"isolation must be {' or '.join(map(repr, _ISOLATION))}, or None: as the node has it; not {value!r}")
    return value  # type: ignore[no-any-return]


def variables(values: Optional[Mapping[str, str]]) -> Dict[str, str]:
    """A copy of `env_vars`."""
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise TypeError(f"env_vars must be a dict of names and texts, not {values!r}")
    for name, value in values.items():
        if not isinstance(name, str) or not re.fullmatch(_VARIABLE, name):
            raise ValueError(f"env_vars: {name!r} is no name of an environment variable")
        if not isinstance(value, str) or "\0" in value:
            # The value may be a secret: it is not shown.
            raise ValueError(f"env_vars: the value of {name!r} must be text without NUL, not {type(value).__name__}")
    return dict(values)


def task_function(func: object, environment: str, decorator: str = "") -> None:
    """Raises TypeError if `func` is nothing that a task, or what `decorator` makes, can be made of."""
    if not inspect.isfunction(func):
        raise TypeError(
            f"{decorator or f'@{environment}.task'} needs a function made with `def` or `async def`, not {func!r}; "
            f"write a function that calls it"
        )
    if inspect.isgeneratorfunction(func) or inspect.isasyncgenfunction(func):
        raise TypeError(
            f"function {func.__qualname__!r} is a generator; a task returns one value. Return a list, "
            f"or make a task of one element and use hearth.map"
        )


def without_arguments(func: Callable[..., Any], decorator: str, advice: str = "") -> None:
    """Raises TypeError if `func` cannot be called with no arguments; `advice` ends the message."""
    for name, parameter in inspect.signature(func).parameters.items():
        variadic = parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        if parameter.default is inspect.Parameter.empty and not variadic:
            raise TypeError(
                f"{decorator}: {func.__qualname__!r} has the parameter {name!r}, and nobody gives it a value; take it "
                f"away or give it a default{advice}"
            )


def same_place(earlier: Callable[..., Any], later: Callable[..., Any]) -> bool:
    """Whether `later` is `earlier` again: a reloaded module, or a cell that was run once more."""
    one, two = earlier.__code__, later.__code__
    if (earlier.__module__, earlier.__qualname__) != (later.__module__, later.__qualname__):
        return False
    if not os.path.isfile(two.co_filename) or "ipykernel" in two.co_filename:
        return True
    return (one.co_filename, one.co_firstlineno) == (two.co_filename, two.co_firstlineno)


def is_global(value: object, place: Tuple[str, Optional[str]]) -> bool:
    """Whether the module at `place` (see `caller`) still has `value`: what a reload, a cell that was run once more or a
    function left behind is in no module, and an interactive session may redefine what it likes."""
    name, file = place
    module = sys.modules.get(name)
    if module is None or file is None:
        return False
    return any(found is value for found in list(vars(module).values()))


def caller() -> Tuple[str, Optional[str]]:
    """Name and file (None: interactive) of the module that declares an environment: the first outside the SDK."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "hearth":
        frame = frame.f_back
    file = frame.f_globals.get("__file__")
    return frame.f_globals.get("__name__", "__main__"), os.path.abspath(file) if file else None
