"""The signature of a task as a text that is part of the key: names and types of inputs and outputs.

The same types have the same text, however they are written and whatever Python reads them: ``Optional[int]`` is
``None | int``, ``List[int]`` is ``list[int]``. Records are spelled out, because a kept result is read by their fields:
``shapes:Point{x: float, y: float}``. Inputs come sorted by name, so their order does not count.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
import typing
from typing import Any, Dict, Iterable, Mapping, Tuple, Union

from hearth._values.checks import plain
from hearth._values.classes import name_of
from hearth._values.models import is_model

__all__ = ["signature_of", "type_text"]


def signature_of(hints: Mapping[str, Any]) -> str:
    """``(a: int, b: list[float]) -> None | str`` for resolved annotations by name, "return" among them."""
    inputs = ", ".join(f"{name}: {type_text(hint)}" for name, hint in sorted(hints.items()) if name != "return")
    return f"({inputs}) -> {type_text(hints.get('return', Any))}"


def type_text(annotation: Any, around: Tuple[Any, ...] = ()) -> str:
    """The text of one type; `around` are the records that it is inside of, which are named and not spelled out again."""
    annotation = plain(annotation)
    if annotation is Any:
        return "Any"
    if annotation is type(None):
        return "None"
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Union or type(annotation).__name__ == "UnionType":
        return " | ".join(sorted({type_text(arg, around) for arg in args}))
    if origin is typing.Literal or str(origin) == "typing_extensions.Literal":
        return f"Literal[{', '.join(sorted({f'{type(arg).__name__} {arg!r}' for arg in args}))}]"
    if annotation is Ellipsis:
        return "..."
    if isinstance(annotation, (tuple, list)):  # (int, int), and the parameters of a Callable
        return f"({', '.join(type_text(arg, around) for arg in annotation)})"
    kind = origin or annotation
    if not isinstance(kind, type):
        return str(kind).replace("typing.", "")
    if _is_array(kind):
        return _name(kind) + _item_type(args)
    if not args:
        empty = "[()]" if _is_empty_tuple(annotation) else ""
        return _name(kind) + empty + _fields(kind, around)
    if kind is tuple and args == ((),):  # before Python 3.11
        return "tuple[()]"
    return f"{_name(kind)}[{', '.join(type_text(arg, around) for arg in args)}]{_fields(kind, around)}"


def _name(cls: type) -> str:
    """The name of a class as every process and version has it: public modules of the standard library, ours included."""
    module = cls.__module__
    if module == "builtins":
        return cls.__qualname__
    if module == "typing":
        return cls.__qualname__
    found = name_of(cls)
    if found is not None:
        module = found.partition(":")[0]
    top = module.partition(".")[0]
    if top in _standard_names() or top == "hearth":
        module = ".".join(part for part in module.split(".") if not part.startswith("_"))
    return f"{module}:{cls.__qualname__}"


def _standard_names() -> Iterable[str]:
    # Python 3.9 has no list; these are the modules whose classes moved between public and private ones.
    return getattr(sys, "stdlib_module_names", ("pathlib", "zoneinfo", "datetime", "decimal", "collections"))


def _is_array(kind: type) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and issubclass(kind, numpy.ndarray)


def _item_type(args: Tuple[Any, ...]) -> str:
    """Of ``NDArray[float64]`` the item's type; NumPy's versions write the shape in different ways."""
    found = next((inner[0] for inner in map(typing.get_args, args[1:2]) if inner), None)
    return f"[{found.__name__}]" if isinstance(found, type) else ""


def _is_empty_tuple(annotation: Any) -> bool:
    return typing.get_origin(annotation) is tuple and annotation is not typing.Tuple


def _fields(kind: Any, around: Tuple[Any, ...]) -> str:
    """``{name: type, ...}`` of a record, the members of an Enum; nothing for other classes."""
    if kind in around:
        return ""
    if issubclass(kind, enum.Enum):
        return "{" + ", ".join(sorted(kind.__members__)) + "}"
    if not (dataclasses.is_dataclass(kind) or is_model(kind) or hasattr(kind, "_fields") or hasattr(kind, "__total__")):
        return ""
    hints: Dict[str, Any] = {}
    try:
        hints = typing.get_type_hints(kind, include_extras=True)
    except Exception:  # annotations are expressions of the user's; who checks values says what is wrong with them
        hints = dict.fromkeys(getattr(kind, "__annotations__", {}), Any)
    inner = (*around, kind)
    if dataclasses.is_dataclass(kind):
        hints = {field.name: hints.get(field.name, Any) for field in dataclasses.fields(kind)}
    elif hasattr(kind, "_fields"):
        hints = {name: hints.get(name, Any) for name in kind._fields}
    elif is_model(kind):
        known = getattr(kind, "model_fields", None) or getattr(kind, "__fields__", {})
        hints = {name: hints.get(name, Any) for name in known}
    return "{" + ", ".join(f"{name}: {type_text(hint, inner)}" for name, hint in sorted(hints.items())) + "}"
