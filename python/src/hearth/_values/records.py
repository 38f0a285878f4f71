"""Checks of what has named parts: dataclasses, NamedTuples, TypedDicts, Enums, pydantic models; and of NumPy's types."""

from __future__ import annotations

import dataclasses
import enum
import sys
import typing
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Tuple

from hearth._values import models
from hearth._values.checks import Check, Mismatch, checker, type_name
from hearth.errors import RestrictedTypeError

__all__ = ["compile"]


def compile(annotation: Any, kind: Any, args: Tuple[Any, ...]) -> Optional[Check]:
    """The check for a record; None if `kind` is none."""
    if not isinstance(kind, type):
        return None
    if issubclass(kind, enum.Enum):
        return _enum(kind)
    if issubclass(kind, dict) and hasattr(kind, "__total__") and hasattr(kind, "__required_keys__"):
        return _typed_dict(kind)
    if issubclass(kind, tuple) and hasattr(kind, "_make") and hasattr(kind, "_fields"):
        return _named_tuple(kind)
    if models.is_model(kind):
        return _model(kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    numpy = sys.modules.get("numpy")
    if numpy is not None and issubclass(kind, numpy.ndarray):
        return _array(kind, args)
    if numpy is not None and issubclass(kind, numpy.generic):
        return _numpy_scalar(kind)
    return None


def _hints(cls: Any) -> Dict[str, Any]:
    """Resolved annotations of the parts of `cls`."""
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except Exception as error:  # annotations are expressions of the user's
        raise RestrictedTypeError(
            f"the annotations of {cls.__module__}.{cls.__qualname__} cannot be resolved: {type(error).__name__}: {error}. "
            f"Import or define its names at the top level of the module."
        ) from error


def _lazily(make: Callable[[], Check]) -> Check:
    """A check that is compiled when it is first used: the class may name itself, or one that is defined later."""
    made: List[Check] = []

    def check(value: Any, lenient: bool) -> Any:
        if not made:
            made.append(make())
        return made[0](value, lenient)

    return check


def _enum(cls: Any) -> Check:
    name = cls.__qualname__
    members = ", ".join(list(cls.__members__)[:20])

    def check(value: Any, lenient: bool) -> Any:
        if isinstance(value, cls):
            return value
        if lenient:
            if isinstance(value, str) and value in cls.__members__:
                return cls[value]
            try:
                return cls(value)
            except ValueError:
                pass
        raise Mismatch(f"{name} ({members})", value)

    return check


def _part(check: Check, value: Any, lenient: bool, place: str) -> Any:
    try:
        return check(value, lenient)
    except Mismatch as mismatch:
        raise mismatch.inside(place) from None


def _dataclass(cls: Any) -> Check:
    name = cls.__qualname__

    def make() -> Check:
        hints = _hints(cls)
        checks = {field.name: checker(hints.get(field.name, Any)) for field in dataclasses.fields(cls)}
        given = frozenset(field.name for field in dataclasses.fields(cls) if field.init)
        return _fields_check(cls, checks, given)

    fields = _lazily(make)

    def check(value: Any, lenient: bool) -> Any:
        if isinstance(value, cls) or (lenient and isinstance(value, dict)):
            return fields(value, lenient)
        raise Mismatch(name, value)

    return check


def _fields_check(cls: Any, checks: Dict[str, Check], given: FrozenSet[str]) -> Check:
    def check(value: Any, lenient: bool) -> Any:
        if isinstance(value, dict):
            return _from_map(cls, value, checks, given)
        changed = {}
        for name, one in checks.items():
            old = getattr(value, name)
            new = _part(one, old, lenient, f".{name}")
            if new is not old:
                changed[name] = new
        return _with(value, changed) if changed else value

    return check


def _with(value: Any, changed: Dict[str, Any]) -> Any:
    """A copy of the dataclass with some fields changed; like a pickle, it does not run the constructor."""
    import copy

    made = copy.copy(value)
    for name, new in changed.items():
        object.__setattr__(made, name, new)
    return made


def _from_map(cls: Any, value: Dict[Any, Any], checks: Dict[str, Check], given: FrozenSet[str]) -> Any:
    unknown = [key for key in value if key not in given]
    if unknown:
        raise Mismatch(cls.__qualname__, value, f", which has the unknown field {unknown[0]!r}")
    fields = {key: _part(checks[key], item, True, f".{key}") for key, item in value.items()}
    try:
        return cls(**fields)
    except (TypeError, ValueError) as error:
        raise Mismatch(cls.__qualname__, value, f" ({error})") from None


def _named_tuple(cls: Any) -> Check:
    name = cls.__qualname__
    fields = cls._fields

    def make() -> Check:
        hints = _hints(cls) if getattr(cls, "__annotations__", None) else {}
        checks = [checker(hints.get(field, Any)) for field in fields]

        def check(value: Any, lenient: bool) -> Any:
            made = [_part(one, item, lenient, f".{field}") for one, item, field in zip(checks, value, fields)]
            return value if all(new is old for new, old in zip(made, value)) else cls._make(made)

        return check

    parts = _lazily(make)

    def check(value: Any, lenient: bool) -> Any:
        if lenient and isinstance(value, dict) and set(value) <= set(fields):
            try:
                value = cls(**value)
            except TypeError as error:
                raise Mismatch(name, value, f" ({error})") from None
        elif lenient and type(value) in (list, tuple) and len(value) == len(fields):
            value = cls._make(value)
        if not isinstance(value, cls):
            raise Mismatch(name, value)
        return parts(value, lenient)

    return check


def _typed_dict(cls: Any) -> Check:
    name = cls.__qualname__

    def make() -> Check:
        checks = {key: checker(hint) for key, hint in _hints(cls).items()}
        required = _required(cls)

        def check(value: Any, lenient: bool) -> Any:
            missing = [key for key in checks if key in required and key not in value]
            if missing:
                raise Mismatch(name, value, f", which misses the key {missing[0]!r}")
            unknown = [key for key in value if key not in checks]
            if unknown:
                raise Mismatch(name, value, f", which has the unknown key {unknown[0]!r}")
            made = {key: _part(checks[key], item, lenient, f"[{key!r}]") for key, item in value.items()}
            return value if all(made[key] is value[key] for key in value) else made

        return check

    entries = _lazily(make)

    def check(value: Any, lenient: bool) -> Any:
        if not isinstance(value, dict):
            raise Mismatch(name, value)
        return entries(value, lenient)

    return check


def _required(cls: Any) -> FrozenSet[str]:
    """Keys that must be there. With annotations as text, Python before 3.11 does not see NotRequired by itself."""
    required = set(cls.__required_keys__)
    for base in reversed([cls, *getattr(cls, "__orig_bases__", ())]):
        if hasattr(base, "__required_keys__"):
            for key, hint in _hints(base).items():
                marker = str(typing.get_origin(hint))
                if marker.endswith(".NotRequired"):
                    required.discard(key)
                elif marker.endswith(".Required"):
                    required.add(key)
    return frozenset(required)


def _model(cls: Any) -> Check:
    name = cls.__qualname__

    def check(value: Any, lenient: bool) -> Any:
        if isinstance(value, cls):
            return value
        if lenient and isinstance(value, dict):
            try:
                return models.validated(cls, value)
            except ValueError as error:
                raise Mismatch(name, value, f" ({error})") from None
        raise Mismatch(name, value)

    return check


# -- NumPy -----------------------------------------------------------------------------------------------------------


def _array(cls: Any, args: Tuple[Any, ...]) -> Check:
    """Of ``NDArray[float64]`` the item type counts too; a list becomes an array leniently."""
    wanted = next((found[0] for found in map(typing.get_args, args[1:2]) if found), None)
    scalar = wanted if isinstance(wanted, type) else None
    name = type_name(cls) if scalar is None else f"array of {scalar.__name__}"

    def check(value: Any, lenient: bool) -> Any:
        if lenient and isinstance(value, list) and cls is sys.modules["numpy"].ndarray:
            try:
                value = sys.modules["numpy"].array(value, scalar)
            except (ValueError, TypeError) as error:
                raise Mismatch(name, value, f" ({error})") from None
        if not isinstance(value, cls):
            raise Mismatch(name, value)
        if scalar is not None and not issubclass(value.dtype.type, scalar):
            raise Mismatch(name, value, f", an array of {value.dtype}")
        return value

    return check


def _numpy_scalar(cls: Any) -> Check:
    name = cls.__name__

    def check(value: Any, lenient: bool) -> Any:
        if isinstance(value, cls):
            return value
        concrete = cls.__subclasses__() == []
        if concrete and isinstance(value, (int, float)) and (not isinstance(value, bool) or issubclass(cls, sys.modules["numpy"].bool_)):
            try:
                made = cls(value)
            except (OverflowError, ValueError):
                raise Mismatch(name, value) from None
            if made == value:
                return made
        raise Mismatch(name, value)

    return check
