"""Where a task's function comes from, and so how an interpreter gets it: by the name of its module, or by value."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional, Tuple, Union

from hearth._bundle import roots
from hearth.errors import BundleError

if TYPE_CHECKING:
    from hearth._environment_base import Environment
    from hearth._hooks import Hook
    from hearth._task import Task
    from hearth.app._application import Served

__all__ = ["Origin", "anchor", "find", "main_name", "module_of", "name_of_file", "origin_of", "origin_of_variable",
           "reference_of", "value_path"]  # fmt: skip


class Origin(NamedTuple):
    """How an interpreter finds a function."""

    module: str  # dotted name under which it is imported there; "" for a function by value
    function: str  # qualified name in the module
    pickle: str  # path in the bundle of a function by value, else ""
    how: str  # "module" | "main" (the program's own file) | "installed" | "value"
    file: str  # where it is here, "" when nowhere


def origin_of(task: Union[Task[Any, Any], Hook, Served]) -> Origin:
    """The origin of `task`, which may be a hook or an application. Raises BundleError if its module cannot be imported
    under its name elsewhere, or has another function made of the task there."""
    own: Optional[Callable[[], Origin]] = getattr(task, "origin", None)
    if own is not None:
        return own()
    _refuse_wrapped(task)
    module, how = module_of(task.func)
    file = _file_of(sys.modules.get(task.func.__module__)) or ""
    if how == "value":
        # Unpickled or imported again, the function has another module; what a node is told must not depend on that.
        return Origin("", task.func.__qualname__, value_path(task.name), how, file)
    return Origin(module, task.func.__qualname__, "", how, file)


def origin_of_variable(module: str, expression: str) -> Optional[Origin]:
    """The origin of what `module` has as `expression`, such as "api" or "env.app"; None if it cannot be imported elsewhere.

    Raises BundleError if the program's file has a name under which something else is imported.
    """
    file = _file_of(sys.modules.get(module))
    if file is None:
        return None
    name, how = _imported_as(module, file)
    return None if how == "value" else Origin(name, expression, "", how, file)


def _refuse_wrapped(task: Any) -> None:
    """A decorator that was given the task left a plain function under its name, which an interpreter would run."""
    func = task.func
    module = sys.modules.get(func.__module__)
    inner = found = None if module is None else _at(module, func.__qualname__)
    while inner is not None and not isinstance(inner, type(task)):
        inner = getattr(inner, "__wrapped__", None)
    if inner is not None and inner is not found and inner.func is func:
        line = func.__code__.co_firstlineno
        raise BundleError(
            f"task {task.name!r}: a decorator wraps {func.__qualname__} after it became a task "
            f"({func.__code__.co_filename}, line {line}). Put @env.task outermost, above the other decorators."
        )


def module_of(func: Callable[..., Any]) -> Tuple[str, str]:
    """The name under which an interpreter imports the module of `func`, and how (see `Origin.how`).

    ``__main__`` has the name of its file, or of its module with ``python -m``. Lambdas, functions inside functions and
    functions of an interactive session have no place that can be imported: they go by value.

    Raises BundleError if the program's file has a name under which something else is imported.
    """
    name = func.__module__
    module = sys.modules.get(name)
    file = _file_of(module)
    if module is None or file is None or not _is_at_its_name(func, module) or _is_interactive(func):
        return (name or "", "value")
    return _imported_as(name, file)


def _imported_as(name: str, file: str) -> Tuple[str, str]:
    """The same for a module of this name and file."""
    if name == "__main__":
        imported = main_name()
        return (imported, "main") if imported else (name, "value")
    if roots.base_of(name, file) is None:
        # Loaded under a name that its file does not have. Compiled and other modules of packages are fine.
        return (name, "installed") if roots.is_installed(file) else (name, "value")
    return (name, "installed" if roots.is_installed(file) else "module")


def main_name() -> Optional[str]:
    """The name under which the program's own file is imported elsewhere; None if it has no such name.

    Raises BundleError if something else is imported under that name.
    """
    word = _main_word()
    main = sys.modules["__main__"]
    if word is None or getattr(main, "__spec__", None) is not None:
        return word
    file, other = _file_of(main), sys.modules.get(word)
    if word in sys.builtin_module_names or (other is not None and _file_of(other) != file):
        where = _file_of(other) or "built into Python"
        raise BundleError(
            f"the program {file} cannot be imported by an interpreter: the module {word!r} is another one ({where}). "
            f"Rename the file."
        )
    return word


def name_of_file(path: str) -> Tuple[str, str]:
    """(module name, folder it is imported from) of a Python file, its packages (folders with `__init__.py`) included.

    With that folder on the search path, `import <name>` runs the file so that its relative imports work.
    Raises BundleError if the file has no name that can be imported.
    """
    path = os.path.abspath(path)
    folder, file = os.path.split(path)
    stem, suffix = os.path.splitext(file)
    if suffix != ".py" or "." in stem:
        raise BundleError(f"{path} cannot be imported: its name must end with .py and have no other dot. Rename it.")
    parts = [] if stem == "__init__" else [stem]
    while os.path.isfile(os.path.join(folder, "__init__.py")) and os.path.basename(folder).isidentifier():
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    return ".".join(parts), folder


def anchor(env: Environment) -> str:
    """The folder from which the modules of `env` are imported; the search for the project's root begins there."""
    module, file = env.declared_in
    base = _base(module, file)
    return base or _base("__main__", _file_of(sys.modules.get("__main__"))) or os.getcwd()


def value_path(task: str) -> str:
    """Where the function of `task` is in the bundle when it travels by value."""
    return f".hearth/values/{task}.pkl"


def reference_of(task: Task[Any, Any]) -> Optional[Tuple[str, str]]:
    """(module, qualified name) under which `task` itself is found in every process of the program, or None."""
    module, how = module_of(task.func)
    if how == "value":
        return None
    found = _at(sys.modules[task.func.__module__], task.func.__qualname__)
    return (module, task.func.__qualname__) if found is task else None


def find(module: str, name: str) -> Any:
    """What `reference_of` referred to. Raises ImportError, AttributeError."""
    is_main = module not in sys.modules and module == _main_word()
    found: Any = sys.modules["__main__"] if is_main else importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _main_word() -> Optional[str]:
    """What the program's file is called as a module, whether or not that name is free."""
    main = sys.modules.get("__main__")
    file = _file_of(main)
    if main is None or file is None:
        return None
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    stem, suffix = os.path.splitext(os.path.basename(file))
    return stem if suffix == ".py" and "." not in stem else None


def _base(module: str, file: Optional[str]) -> Optional[str]:
    """The folder from which `module` is imported; None without a file, or if it is installed."""
    if file is None or roots.is_installed(file):
        return None
    name = module
    if module == "__main__":
        spec = getattr(sys.modules.get("__main__"), "__spec__", None)
        name = spec.name if spec is not None else ""
    return (roots.base_of(name, file) if name else None) or os.path.dirname(file)


def _file_of(module: Optional[ModuleType]) -> Optional[str]:
    file = getattr(module, "__file__", None)
    return os.path.abspath(file) if file else None


def _at(module: ModuleType, qualname: str) -> Any:
    found: Any = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def _is_at_its_name(func: Callable[..., Any], module: ModuleType) -> bool:
    """Whether `func`, or the task or wrapper made of it, is what its module has under its qualified name."""
    found = _at(module, func.__qualname__)
    while found is not None and found is not func:
        found = getattr(found, "__wrapped__", None)
    return found is func


def _is_interactive(func: Callable[..., Any]) -> bool:
    """Whether `func` was typed into a session that also has a file (`python -i program.py`)."""
    code = getattr(inspect.unwrap(func), "__code__", None)
    return code is not None and code.co_filename.startswith("<")
