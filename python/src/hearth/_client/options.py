"""The values that the texts of a command line mean: a name for an Enum or Literal, a path for File and Dir, and JSON
(or ``@file.json``) for lists, dicts, tuples, dataclasses and models.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import inspect
import json
import typing
from typing import Any, Callable, Dict, List, Tuple

__all__ = ["from_json", "from_text", "hints", "show_default", "show_type", "without_none"]

_NONE_TYPE = type(None)


def hints(function: Callable[..., Any]) -> Dict[str, Any]:
    """Resolved annotations of `function`; those that do not resolve count as absent, as for a call."""
    try:
        return typing.get_type_hints(function)
    except Exception:  # a forward reference to what exists only for a type checker
        return {n: a for n, a in getattr(function, "__annotations__", {}).items() if not isinstance(a, str)}


# -- text to value ----------------------------------------------------------------------------------------------------


def from_text(text: str, annotation: Any) -> Any:
    """The value that `text` means for `annotation`. Raises ValueError, TypeError or OSError (of ``@file``)."""
    annotation = _plain(annotation)
    if _takes_none(annotation) and text in ("none", "None", "null", ""):
        return None
    origin = typing.get_origin(annotation)
    if _is_union(origin):
        return _first_that_fits(text, _members(annotation), from_text)
    if annotation in _SCALARS:
        return _SCALARS[annotation](text)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _enum_member(text, annotation)
    if origin is typing.Literal:
        return _literal(text, annotation)
    if _from_path(annotation):
        return _path_value(text, annotation)
    if text.startswith("@"):
        with open(text[1:], encoding="utf-8") as file:
            text = file.read()
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as e:
        if annotation in (Any, object, inspect.Parameter.empty):
            return text
        raise ValueError(f"not JSON ({e})") from None
    return from_json(value, annotation)


def from_json(value: Any, annotation: Any) -> Any:
    """`value`, as JSON gives it, as an object of `annotation`; unknown annotations take it as it is."""
    annotation = _plain(annotation)
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if _is_union(origin):
        if value is None and _takes_none(annotation):
            return None
        return _first_that_fits(value, _members(annotation), from_json)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _enum_member(value, annotation)
    if annotation in _FROM_STRING and isinstance(value, str):
        return _SCALARS[annotation](value)
    if _from_path(annotation) and isinstance(value, str):
        return _path_value(value, annotation)
    if annotation in _JSON_TYPES:
        return _json_scalar(value, annotation)
    if isinstance(value, list):
        return _from_list(value, annotation, origin, args)
    if isinstance(value, dict):
        return _from_dict(value, annotation, origin, args)
    if _holds_others(origin or annotation):
        raise TypeError(f"{json.dumps(value)} is no {show_type(annotation)}")
    return value


def _from_list(value: List[Any], annotation: Any, origin: Any, args: Tuple[Any, ...]) -> Any:
    if hasattr(annotation, "_fields"):  # a NamedTuple
        kinds = hints_of_class(annotation)
        return annotation(*(from_json(v, kinds.get(f, Any)) for f, v in zip(annotation._fields, value)))
    whole = origin or annotation
    if whole is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(from_json(v, args[0]) for v in value)
        if args and len(args) != len(value):
            raise ValueError(f"{len(value)} items where {len(args)} belong")
        return tuple(from_json(v, a) for v, a in zip(value, args)) if args else tuple(value)
    item = args[0] if args else Any
    items = [from_json(v, item) for v in value]
    if whole in (set, frozenset):
        return whole(items)
    if isinstance(whole, type) and whole.__module__ == "numpy" and whole.__name__ == "ndarray":
        import numpy

        return numpy.array(value)
    if whole in (list, Any, object, inspect.Parameter.empty) or _abstract_over(whole, list):
        return items
    raise TypeError("a JSON list does not fit")


def _from_dict(value: Dict[str, Any], annotation: Any, origin: Any, args: Tuple[Any, ...]) -> Any:
    whole = origin or annotation
    if dataclasses.is_dataclass(whole) or hasattr(whole, "_fields"):
        kinds = hints_of_class(whole)
        return whole(**{k: from_json(v, kinds.get(k, Any)) for k, v in value.items()})
    validate = getattr(whole, "model_validate", None) or getattr(whole, "parse_obj", None)
    if validate is not None:  # a pydantic model
        return validate(value)
    if hasattr(whole, "__total__"):  # a TypedDict
        kinds = hints_of_class(whole)
        return {k: from_json(v, kinds.get(k, Any)) for k, v in value.items()}
    if whole in (dict, Any, object, inspect.Parameter.empty) or _abstract_over(whole, dict):
        key, item = args if len(args) == 2 else (Any, Any)
        read_key = from_text if key not in (Any, str) else (lambda k, _: k)
        return _distinct([(k, read_key(k, key), from_json(v, item)) for k, v in value.items()])
    raise TypeError("a JSON object does not fit")


def _object(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    return _distinct([(name, name, value) for name, value in pairs])


def _distinct(entries: List[Tuple[str, Any, Any]]) -> Dict[Any, Any]:
    """A dict of (key as written, key, value). Raises ValueError for a key that is there twice."""
    made: Dict[Any, Any] = {}
    for written, key, value in entries:
        if key in made:
            raise ValueError(f"the key {written!r} names an entry that is there already, {key!r}; leave one of the two out")
        made[key] = value
    return made


def hints_of_class(cls: Any) -> Dict[str, Any]:
    """Resolved annotations of a dataclass, NamedTuple or TypedDict."""
    try:
        return typing.get_type_hints(cls)
    except Exception:
        return {}


def _json_scalar(value: Any, annotation: Any) -> Any:
    if annotation is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not annotation:
        raise TypeError(f"{json.dumps(value)} is no {annotation.__name__}")
    return value


def _first_that_fits(value: Any, members: List[Any], read: Callable[[Any, Any], Any]) -> Any:
    problems = []
    for member in members:
        try:
            return read(value, member)
        except (ValueError, TypeError, KeyError) as e:
            problems.append(str(e))
    raise ValueError("; ".join(problems))


def _enum_member(value: Any, cls: Any) -> Any:
    if isinstance(value, str) and value in cls.__members__:
        return cls[value]
    for member in cls:
        if member.value == value or str(member.value) == value:
            return member
    raise ValueError("choose from " + ", ".join(cls.__members__))


def _literal(text: str, annotation: Any) -> Any:
    choices = typing.get_args(annotation)
    for choice in choices:
        if str(choice) == text:
            return choice
    raise ValueError("choose from " + ", ".join(map(str, choices)))


def _bool(text: str) -> bool:
    if text.lower() in ("true", "1", "yes", "on"):
        return True
    if text.lower() in ("false", "0", "no", "off"):
        return False
    raise ValueError("say true or false")


def _moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)


def _span(text: str) -> datetime.timedelta:
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    for unit in ("ms", "s", "m", "h", "d"):
        if text.endswith(unit):
            return datetime.timedelta(seconds=float(text[: -len(unit)]) * units[unit])
    return datetime.timedelta(seconds=float(text))


_SCALARS: Dict[Any, Callable[[str], Any]] = {
    bool: _bool,
    int: int,
    float: float,
    str: str,
    bytes: str.encode,
    datetime.datetime: _moment,
    datetime.date: datetime.date.fromisoformat,
    datetime.timedelta: _span,
    inspect.Parameter.empty: lambda text: from_text(text, Any),
}
_FROM_STRING = (bytes, datetime.datetime, datetime.date, datetime.timedelta)
_JSON_TYPES = (bool, int, float, str)


# -- annotations ------------------------------------------------------------------------------------------------------


def show_type(annotation: Any) -> str:
    """Short name of an annotation for help and messages: ``list[int]``, ``int | None``."""
    annotation = _plain(annotation)
    if annotation in (Any, inspect.Parameter.empty):
        return "value"
    if annotation is _NONE_TYPE:
        return "none"
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if _is_union(origin):
        return " | ".join(show_type(a) for a in args)
    if origin is typing.Literal:
        return "|".join(map(str, args))
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return "|".join(annotation.__members__)
    name = getattr(origin or annotation, "__name__", None) or str(annotation).replace("typing.", "")
    shown = ", ".join("..." if a is Ellipsis else show_type(a) for a in args)
    return f"{name}[{shown}]" if args else name


def show_default(value: Any) -> str:
    """A default as help shows it."""
    text = value.name if isinstance(value, enum.Enum) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _plain(annotation: Any) -> Any:
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    return annotation


def _is_union(origin: Any) -> bool:
    return origin is typing.Union or getattr(origin, "__name__", "") == "UnionType"


def _members(annotation: Any) -> List[Any]:
    found = [a for a in typing.get_args(annotation) if a is not _NONE_TYPE]
    return sorted(found, key=lambda a: a is str)  # any text is a str: the others are asked first


def _takes_none(annotation: Any) -> bool:
    return annotation is _NONE_TYPE or (
        _is_union(typing.get_origin(annotation)) and _NONE_TYPE in typing.get_args(annotation)
    )


def without_none(annotation: Any) -> Any:
    """The annotation that is left of ``Optional[X]``; any other as it is."""
    annotation = _plain(annotation)
    if _is_union(typing.get_origin(annotation)):
        found = _members(annotation)
        return found[0] if len(found) == 1 else annotation
    return annotation


def _holds_others(whole: Any) -> bool:
    """Whether values of this type are lists or objects in JSON."""
    if whole in (list, tuple, set, frozenset, dict) or hasattr(whole, "__total__"):
        return True
    return dataclasses.is_dataclass(whole) or _abstract_over(whole, list) or _abstract_over(whole, dict)


def _abstract_over(whole: Any, concrete: type) -> bool:
    return isinstance(whole, type) and whole.__module__ == collections.abc.__name__ and issubclass(concrete, whole)


def _from_path(annotation: Any) -> bool:
    whole = typing.get_origin(annotation) or annotation
    return getattr(whole, "__name__", "") in ("File", "Dir", "Path") and isinstance(whole, type)


def _path_value(text: str, annotation: Any) -> Any:
    whole = typing.get_origin(annotation) or annotation
    if whole.__name__ == "Path":
        return whole(text)
    import os

    path = os.path.abspath(os.path.expanduser(text))
    if not os.path.exists(path):
        raise ValueError("there is no such file" if whole.__name__ == "File" else "there is no such folder")
    return whole(path)
