"""What a function reaches that travels by value: lambdas, functions inside functions, those of sessions and notebooks.

Their code is read where Python keeps the text of what it runs (the file, the cell of a notebook). Variables of the functions
around them, defaults, and globals that are in no file count by value, because their values travel along.
"""

from __future__ import annotations

import ast
import inspect
from types import FunctionType, ModuleType
from typing import Any, Callable, Dict, Iterator, List

from hearth._bundle import module_of
from hearth._cache.names import Chain, Uses, uses_of
from hearth._cache.reach import Reach
from hearth._cache.syntax import canonical, prefixed

__all__ = ["follow"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def follow(func: Callable[..., Any], found: Reach) -> None:
    """Adds `func`, which travels by value, and what it reaches. Raises ValueError without its source, or for a value that
    has no canonical form."""
    func = inspect.unwrap(func)
    nodes = _nodes_of(func)
    defaults = {"": getattr(func, "__defaults__", None), **(getattr(func, "__kwdefaults__", None) or {})}
    content = b"".join(prefixed(canonical(node)) for node in nodes) + _value(defaults, f"a default of {func.__qualname__}")
    if not found.add("value", f"{func.__qualname__} {func.__code__.co_firstlineno}", content):
        return
    uses = uses_of(nodes, (func.__module__ or "").rpartition(".")[0])
    enclosed = _enclosed(func)
    module = found.module(func.__module__ or "")
    for chain in sorted(uses.chains):
        name = chain[0]
        if name in uses.imports:
            _follow_import(chain, uses, found)
        elif name in enclosed:
            _follow_value(chain, enclosed[name], found)
        elif module is not None and name in module.bindings:
            found.follow(module, chain)
        elif name in func.__globals__:
            _follow_value(chain, func.__globals__[name], found)


def _follow_import(chain: Chain, uses: Uses, found: Reach) -> None:
    imported = uses.imports[chain[0]]
    found.add("import", f"{chain[0]} {imported.module} {imported.name}", b"")
    found.follow_import(imported, chain[1:])


def _nodes_of(func: Any) -> List[ast.AST]:
    """The definition of `func` in the text that it was compiled from; of several lambdas in its line, all."""
    try:
        lines, _ = inspect.findsource(func)
        tree = ast.parse("".join(lines))
    except (OSError, TypeError, SyntaxError, IndexError):
        raise ValueError(_without_source(func)) from None
    code = func.__code__
    nodes = [node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS) and _begins_at(node) == code.co_firstlineno]
    named = [node for node in nodes if getattr(node, "name", "<lambda>") == code.co_name]
    if not named:
        raise ValueError(_without_source(func))
    return named  # type: ignore[return-value]


def _without_source(func: Any) -> str:
    return (
        f"the source of function {func.__qualname__!r} is not to be had, so no version follows from it. Say one: "
        f'cache=hearth.Cache("override", version_override="1"), or put the function into a file'
    )


def _begins_at(node: Any) -> int:
    decorators = getattr(node, "decorator_list", ())
    return int(decorators[0].lineno if decorators else node.lineno)


def _enclosed(func: Any) -> Dict[str, Any]:
    """Variables of the functions around `func` that it uses."""
    made = {}
    for name, cell in zip(func.__code__.co_freevars, func.__closure__ or ()):
        try:
            made[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return made


def _follow_value(chain: Chain, value: Any, found: Reach) -> None:
    """Adds what the name chain[0] has for a value."""
    from hearth._environment import TaskEnvironment
    from hearth._task import Task

    name = chain[0]
    if isinstance(value, Task):
        value = value.func
    if isinstance(value, ModuleType):
        found.add("import", f"{name} {value.__name__}", b"")
        found.follow_module(value.__name__, chain[1:])
    elif isinstance(value, FunctionType):
        _follow_function(value, found)
    elif isinstance(value, type):
        _follow_class(value, chain, found)
    elif isinstance(value, TaskEnvironment) or inspect.isbuiltin(value):
        found.add("value", name, b"one of a kind")
    else:
        found.add("value", name, _value(value, f"the variable {name!r}"))


def _follow_function(func: Any, found: Reach) -> None:
    module, how = module_of(func)
    if how == "value":
        follow(func, found)
    else:
        found.add("import", f"{module} {func.__qualname__}", b"")
        found.follow_module(module, tuple(func.__qualname__.split(".")))


def _follow_class(cls: type, chain: Chain, found: Reach) -> None:
    """A class of a file by its statement; one of a session by its bases, its functions and its data."""
    place = cls.__module__ or ""
    words = tuple(cls.__qualname__.split("."))
    module = found.module(place)
    if module is not None and words[0] in module.bindings:
        found.follow(module, words)
        return
    if not found.add("value", f"class {place} {cls.__qualname__}", b"") or cls.__module__ not in ("__main__", None):
        return
    for base in cls.__bases__:
        _follow_class(base, chain, found)
    for name, value in sorted(vars(cls).items()):
        for function in _functions_in(value):
            _follow_function(function, found)
        if isinstance(value, (bool, int, float, str, bytes, tuple, list, dict)) and not name.startswith("__"):
            found.add("value", f"{cls.__qualname__}.{name}", _value(value, f"{cls.__qualname__}.{name}"))


def _functions_in(value: Any) -> Iterator[FunctionType]:
    parts = (value, *(getattr(value, word, None) for word in ("__func__", "fget", "fset", "fdel")))
    return (part for part in parts if isinstance(part, FunctionType) and part.__module__ == "__main__")


def _value(value: Any, what: str) -> bytes:
    from hearth._values.keys import canonical_value

    try:
        return canonical_value(value)
    except Exception as error:  # encoding runs code of the value's class
        raise ValueError(
            f"{what} cannot be part of the version that follows from the code: {error}. Make it an argument, or say a "
            f"version: version_override="
        ) from error
