"""The tasks of a file or module that a command line names."""

from __future__ import annotations

import difflib
import importlib
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
from types import ModuleType
from typing import Any, Dict, List, Tuple

from hearth import _runtime
from hearth._bundle import name_of_file
from hearth._environment import environments
from hearth._environment_base import Environment
from hearth._task import Task
from hearth.errors import BundleError

__all__ = ["UsageError", "find", "is_of_the_standard_library", "listing", "load", "load_environments", "parted"]


class UsageError(Exception):
    """What the user typed cannot be done; the text says what to type."""


def parted(words: List[str]) -> Tuple[str, str, List[str]]:
    """(source, task, rest) of ``FILE TASK ...``, ``FILE:TASK ...`` or ``module:task ...``; task "" when not said."""
    if not words:
        raise UsageError("Say which file: `hearth run FILE TASK`.")
    source, rest = words[0], words[1:]
    if ":" in source and not os.path.exists(source):
        source, _, task = source.rpartition(":")
        return source, task, rest
    if rest and not rest[0].startswith("-"):
        return source, rest[0], rest[1:]
    return source, "", rest


def load(source: str) -> Dict[str, Task[Any, Any]]:
    """Imports the file or module `source` as interpreters do, and returns its tasks by full name, in their order.

    Raises UsageError for what is not there or has no tasks, and whatever the import raises.
    """
    name, module = _imported(source)
    found: Dict[str, Task[Any, Any]] = {}
    for env in environments():
        for task in env.tasks.values():
            if task.func.__module__ == name:
                found.setdefault(task.name, task)
    for value in vars(module).values():  # what it imports from elsewhere can be run too
        if isinstance(value, Task):
            found.setdefault(value.name, value)
    if not found:
        raise UsageError(f"{source} has no tasks. Mark a function with @env.task of a hearth.TaskEnvironment.")
    return found


def load_environments(source: str) -> Dict[str, Environment]:
    """The same of its environments, apps among them, by name; empty when it has none. Raises UsageError for what is not there,
    and for two of one name."""
    name, module = _imported(source)
    here = [env for env in environments() if env.declared_in[0] == name]
    here += [value for value in vars(module).values() if isinstance(value, Environment) and value not in here]
    found: Dict[str, Environment] = {}
    for env in here:
        if found.setdefault(env.name, env) is not env:
            raise UsageError(f"{source} has two environments named {env.name}; rename one.")
    return found


def _imported(source: str) -> Tuple[str, ModuleType]:
    name = _importable(source)
    with _runtime.importing(name):
        return name, importlib.import_module(name)


def _importable(source: str) -> str:
    is_path = source.endswith(".py") or os.sep in source
    if not is_path and not os.path.exists(source):
        sys.path.insert(0, os.getcwd())
        try:
            if importlib.util.find_spec(source) is not None:
                return source
        except (ImportError, ValueError):
            pass
        raise UsageError(f"There is no file and no module {source!r} here.")
    path = os.path.abspath(source)
    if os.path.isdir(path):
        raise UsageError(f"{source} is a folder; name a Python file in it.")
    if not os.path.isfile(path):
        near = difflib.get_close_matches(os.path.basename(path), _python_files(os.path.dirname(path)), 1)
        hint = f" Did you mean {os.path.join(os.path.dirname(source), near[0])}?" if near else ""
        raise UsageError(f"There is no file {source}.{hint}")
    try:
        name, folder = name_of_file(path)
    except BundleError as error:
        raise UsageError(str(error)) from None
    _refuse_clash(source, name, path)
    sys.path.insert(0, folder)
    return name


def _refuse_clash(source: str, name: str, path: str) -> None:
    """An import of `name` would give another module than the file at `path`."""
    top = name.partition(".")[0]
    if is_of_the_standard_library(top):
        raise UsageError(f"The name of {source} clashes with the module {top} of the standard library; rename the file.")
    loaded = getattr(sys.modules.get(name), "__file__", None)
    if name in sys.modules and (loaded is None or os.path.realpath(loaded) != os.path.realpath(path)):
        where = f" ({loaded})" if loaded else ""
        raise UsageError(f"The name of {source} clashes with the module {name}{where} that Hearth uses; rename the file.")


def is_of_the_standard_library(name: str) -> bool:
    """Whether Python itself has a top-level module of this name."""
    known = getattr(sys, "stdlib_module_names", None)
    if known is not None:
        return name in known
    folder = sysconfig.get_path("stdlib")  # Python 3.9
    folders = [folder, os.path.join(folder, "lib-dynload")]
    return name in sys.builtin_module_names or importlib.machinery.PathFinder.find_spec(name, folders) is not None


def _python_files(folder: str) -> List[str]:
    try:
        return [name for name in os.listdir(folder) if name.endswith(".py")]
    except OSError:
        return []


def find(tasks: Dict[str, Task[Any, Any]], word: str, source: str) -> Task[Any, Any]:
    """The task that `word` names: the function's name, or "<environment>.<function>". Raises UsageError."""
    if word in tasks:
        return tasks[word]
    matches = [task for task in tasks.values() if word in (task.func.__name__, task.short_name)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(task.name for task in matches)
        raise UsageError(f"{word} means several tasks of {source}: {names}. Say one in full.")
    words = [task.func.__name__ for task in tasks.values()]
    near = difflib.get_close_matches(word, words, 1) or difflib.get_close_matches(word, list(tasks), 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(f"{source} has no task {word}.{hint} It has:\n{listing(tasks)}")


def listing(tasks: Dict[str, Task[Any, Any]]) -> str:
    """The tasks with their signatures and the first line of their descriptions."""
    lines = []
    for task in tasks.values():
        lines.append(f"  {task.func.__name__}{task.interface.text}")
        first = task.docs.strip().partition("\n")[0]
        if first:
            lines.append(f"      {first}")
    return "\n".join(lines)
