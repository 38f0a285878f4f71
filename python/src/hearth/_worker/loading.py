"""Imports the environment's code and finds its tasks; what goes wrong is told as a person needs it.

No traceback of the runtime appears in a message: only the place in the user's code and what to do next.
"""

from __future__ import annotations

import importlib
import linecache
import os
import pickle
import sys
import traceback
from types import TracebackType
from typing import Any, Optional, Union

from .._codes import Code
from . import sandbox
from .settings import AppEntry, HookEntry, Settings, TaskEntry

__all__ = ["LoadFailure", "failure_of", "find_object", "import_module", "interpreter"]


class LoadFailure(Exception):
    """The environment cannot serve. The text is what a person reads; `code` is of `hearth._codes`."""

    def __init__(self, message: str, code: Code = Code.MODULE_LOAD) -> None:
        super().__init__(message)
        self.code = code


def interpreter() -> str:
    """The running interpreter as messages name it: `/usr/bin/python3 (3.11.2)`."""
    return f"{sys.executable} ({'.'.join(map(str, sys.version_info[:3]))})"


def import_module(name: str, settings: Settings, wanted_by: str) -> Any:
    """The module `name`. Raises LoadFailure; `wanted_by` says in the message what it is needed for."""
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        raise failure_of(f"Cannot import {name!r} ({wanted_by})", error, name, settings) from None


def failure_of(what: str, error: BaseException, wanted: str, settings: Settings) -> LoadFailure:
    """`what` failed with `error` while the module `wanted`, or code of it, ran: with the place and what to do."""
    lines = [f"{what}: {_headline(error)}"]
    place = _place(error, settings.code_directory)
    if place:
        lines.append(place)
    advice = _advice(error, wanted, settings) or sandbox.hint(error, settings)
    if advice:
        lines.append(advice)
    return LoadFailure("\n".join(lines))


def find_object(entry: Union[TaskEntry, HookEntry, AppEntry], settings: Settings) -> Any:
    """What `entry` names: a function, a task object or an application. Raises LoadFailure."""
    if entry.pickle:
        return _unpickle(entry, settings)
    module = import_module(entry.module, settings, f"the module of {entry.label}")
    found = module
    for part in entry.function.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            where = getattr(module, "__file__", None) or entry.module
            raise LoadFailure(
                f"{_capital(entry.label)} is not there: {where} defines no {entry.function!r} when it is imported. "
                f"Define it at the top level of its module, outside of `if __name__ == \"__main__\"`."
            ) from None
    return found


def _unpickle(entry: Union[TaskEntry, HookEntry, AppEntry], settings: Settings) -> Any:
    path = os.path.join(settings.code_directory, entry.pickle)
    try:
        with open(path, "rb") as file:
            return pickle.load(file)
    except FileNotFoundError:
        missing = f"{entry.pickle!r} is missing in the code bundle {settings.code_directory}"
        raise LoadFailure(f"{_capital(entry.label)}: {missing}. Run the program again to send it.") from None
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        lines = [f"Cannot load {entry.label}, which was sent by value: {_headline(error)}"]
        place = _place(error, settings.code_directory)
        if place:
            lines.append(place)
        lines.append(
            _advice(error, entry.module, settings)
            or f"It runs in {interpreter()}; a function by value needs cloudpickle and the Python it was made with."
        )
        raise LoadFailure("\n".join(lines)) from None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _headline(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it calls exit({error.code!r})"
    return "".join(traceback.format_exception_only(type(error), error)[-1:]).strip()


def _place(error: BaseException, root: str) -> str:
    """`  File "...", line 3: import torch` for the innermost line in the user's code, else for the innermost one."""
    if isinstance(error, SyntaxError) and error.filename:
        return f'  File "{error.filename}", line {error.lineno}: {(error.text or "").strip()}'
    innermost: Optional[tuple[str, int]] = None
    inside: Optional[tuple[str, int]] = None
    step: Optional[TracebackType] = error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if not file.startswith("<frozen") and not _of_runtime(file):
            innermost = (file, step.tb_lineno)
            if os.path.abspath(file).startswith(os.path.join(root, "")):
                inside = innermost
        step = step.tb_next
    chosen = inside or innermost
    if chosen is None:
        return ""
    return f'  File "{chosen[0]}", line {chosen[1]}: {linecache.getline(*chosen).strip()}'


def _of_runtime(file: str) -> bool:
    own = os.path.dirname(os.path.abspath(__file__))
    return file.startswith((own, os.path.dirname(importlib.__file__ or own)))


def _advice(error: BaseException, wanted: str, settings: Settings) -> str:
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    missing, root = error.name, settings.code_directory
    top = missing.partition(".")[0]
    if missing == wanted or wanted.startswith(missing + ".") or _in_bundle(top, root):
        return (
            f"  {missing!r} is missing in the code bundle (its root on the node: {root}). Put it under the project's "
            f"root (the folder with pyproject.toml or .git), or name it with TaskEnvironment(include=...)."
        )
    return (
        f"  {missing!r} is not installed in {interpreter()}. Install it there, or choose another interpreter with "
        f"TaskEnvironment(python=...) or HEARTH_PYTHON. If it is a file of yours, add it with include=."
    )


def _in_bundle(top: str, root: str) -> bool:
    path = os.path.join(root, top)
    return os.path.isdir(path) or os.path.isfile(path + ".py")
