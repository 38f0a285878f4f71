"""Checks: whether a value is what an annotation says, and where not.

`checker(annotation)` compiles an annotation once, into a function `check(value, lenient)` that returns the value, perhaps
converted, or raises `Mismatch`. Always converted: an int for a float, an integral float for an int, NumPy's scalars for
Python's; a bool is never a number. With `lenient`, values from JSON and from other languages, too: a list for a tuple or
set, a map for a dataclass or model, a text for an Enum, a path, a date and their kind.
"""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import pathlib
import sys
import typing
import uuid
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from hearth._values.files import Dir, File
from hearth.errors import RestrictedTypeError

__all__ = ["Check", "Mismatch", "checker", "plain", "plan_of", "shown", "type_name"]

Check = Callable[[Any, bool], Any]


class Mismatch(Exception):
    """A value that is not what it should be. `at` is its place inside the checked value: ``[3].x``, or empty."""

    def __init__(self, expected: str, came: Any, why: str = "") -> None:
        super().__init__(expected)
        self.at = ""
        self.text = f"expected {expected}, got {shown(came)}{why}"

    def inside(self, place: str) -> Mismatch:
        self.at = place + self.at
        return self


def shown(value: Any) -> str:
    """A value with its type, as an error shows it."""
    if value is None:
        return "None"
    try:
        text = repr(value)
    except Exception as error:  # the user's __repr__
        text = f"<repr() of it raises {type(error).__name__}>"
    return f"{type_name(type(value))} {text if len(text) <= 80 else text[:77] + '...'}"


def type_name(annotation: Any) -> str:
    """An annotation as a person writes it."""
    if annotation is None or annotation is type(None):
        return "None"
    if isinstance(annotation, type) and not hasattr(annotation, "__origin__") and not typing.get_args(annotation):
        return annotation.__qualname__
    origin = typing.get_origin(annotation)
    if origin is Union or type(annotation).__name__ == "UnionType":
        return " | ".join(map(type_name, typing.get_args(annotation)))
    if isinstance(origin, type) and origin is not None:
        return f"{origin.__qualname__}[{', '.join(map(type_name, typing.get_args(annotation)))}]"
    return "..." if annotation is Ellipsis else str(annotation).replace("typing.", "")


def plan_of(annotation: Any) -> Any:
    """What `cbor.fits` can say at once about values for `annotation`: None (anything), a type, or (type,); `False` if
    nothing."""
    annotation = plain(annotation)
    if annotation is Any:
        return None
    if annotation in _EXACT:
        return annotation
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is list or (origin is list and args and plain(args[0]) is Any):
        return list
    if annotation is dict:
        return dict
    if origin is list and args and plain(args[0]) in _EXACT:
        return (plain(args[0]),)
    return False


def plain(annotation: Any) -> Any:
    """Without what says nothing about the type."""
    while True:
        if annotation is None:
            return type(None)
        if annotation is object or annotation is typing.Any:
            return Any
        if hasattr(annotation, "__supertype__"):  # NewType
            annotation = annotation.__supertype__
        elif hasattr(annotation, "__metadata__"):  # Annotated
            annotation = annotation.__origin__
        elif isinstance(annotation, typing.TypeVar):
            if annotation.__constraints__:
                return Union[annotation.__constraints__]
            annotation = annotation.__bound__ if annotation.__bound__ is not None else Any
        elif str(typing.get_origin(annotation) or annotation) in _QUALIFIERS:
            annotation = typing.get_args(annotation)[0] if typing.get_args(annotation) else Any
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            return annotation


_QUALIFIERS = {
    f"{module}.{name}" for module in ("typing", "typing_extensions") for name in ("Required", "NotRequired", "ReadOnly", "Final")
}
_EXACT = (int, float, str, bool, bytes, type(None))
_cache: Dict[Any, Check] = {}


def checker(annotation: Any) -> Check:
    """The check for `annotation`. Raises RestrictedTypeError for one whose values cannot travel."""
    annotation = plain(annotation)
    try:
        return _cache[annotation]
    except KeyError:
        pass
    except TypeError:  # not hashable: a Literal of a list, Annotated metadata
        return _compile(annotation)
    # A class may name itself in its fields: inner uses look the finished check up.
    _cache[annotation] = lambda value, lenient: _cache[annotation](value, lenient)
    try:
        check = _cache[annotation] = _compile(annotation)
    except BaseException:
        del _cache[annotation]
        raise
    return check


def _compile(annotation: Any) -> Check:
    from hearth._values import containers, records

    if annotation is Any:
        return lambda value, lenient: value
    scalar = _SCALARS.get(annotation) if isinstance(annotation, type) else None
    if scalar is not None:
        return scalar
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Union or type(annotation).__name__ == "UnionType":
        return _union(annotation, args)
    if origin is typing.Literal or str(origin) == "typing_extensions.Literal":
        return _literal(annotation, args)
    kind = origin or annotation
    if kind in _RESTRICTED:
        raise RestrictedTypeError(
            f"a value of type {type_name(annotation)} cannot travel: it is what one process does, not data. "
            f"Use list[...] for what it yields, or a File."
        )
    found = containers.compile(annotation, kind, args) or records.compile(annotation, kind, args)
    return found or _instance(annotation, kind)


_RESTRICTED = (
    collections.abc.Iterator, collections.abc.Generator, collections.abc.AsyncIterator, collections.abc.AsyncIterable,
    collections.abc.AsyncGenerator, collections.abc.Awaitable, collections.abc.Coroutine,
    typing.IO, typing.TextIO, typing.BinaryIO,
)  # fmt: skip


def _instance(annotation: Any, kind: Any) -> Check:
    name = type_name(annotation)
    if not isinstance(kind, type) or getattr(kind, "_is_protocol", False):
        return lambda value, lenient: value  # nothing that could be asked at run time

    def check(value: Any, lenient: bool) -> Any:
        if isinstance(value, kind):
            return value
        raise Mismatch(name, value)

    return check


# -- scalars ---------------------------------------------------------------------------------------------------------


def _numpy_item(value: Any, *kinds: str) -> Any:
    """The Python value of a NumPy scalar of these kinds of dtype, else None."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic) and value.dtype.kind in kinds:
        return value.item()
    return None


def _int(value: Any, lenient: bool) -> Any:
    if type(value) is int or (isinstance(value, int) and type(value) is not bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    item = _numpy_item(value, "i", "u")
    if item is not None:
        return item
    raise Mismatch("int", value)


def _float(value: Any, lenient: bool) -> Any:
    if type(value) is float:
        return value
    if isinstance(value, int) and type(value) is not bool:
        try:
            return float(value)
        except OverflowError:
            raise Mismatch("float", value, ", which is too large for one") from None
    item = _numpy_item(value, "f", "i", "u")
    if item is not None:
        return float(item)
    if isinstance(value, float):
        return value
    raise Mismatch("float", value)


def _bool(value: Any, lenient: bool) -> Any:
    if value is True or value is False:
        return value
    item = _numpy_item(value, "b")
    if item is not None:
        return item
    raise Mismatch("bool", value)


def _complex(value: Any, lenient: bool) -> Any:
    if isinstance(value, complex):
        return value
    try:
        return complex(_float(value, lenient))
    except Mismatch:
        raise Mismatch("complex", value) from None


def _none(value: Any, lenient: bool) -> Any:
    if value is None:
        return None
    raise Mismatch("None", value)


def _of(cls: Any, convert: Optional[Callable[[Any], Any]] = None, not_a: Tuple[type, ...] = (), source: Any = str) -> Check:
    """Instances of `cls`; leniently also what `convert` makes of a `source`."""
    name = cls.__name__

    def check(value: Any, lenient: bool) -> Any:
        if isinstance(value, cls) and not (not_a and isinstance(value, not_a)):
            return value
        if lenient and convert is not None and isinstance(value, source) and not isinstance(value, bool):
            try:
                return convert(value)
            except (ValueError, TypeError, ArithmeticError) as error:
                raise Mismatch(name, value, f" ({error})") from None
        raise Mismatch(name, value)

    return check


def _datetime(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in "Zz" else text)


_SCALARS: Dict[type, Check] = {
    int: _int,
    float: _float,
    bool: _bool,
    complex: _complex,
    type(None): _none,
    str: _of(str),
    bytes: _of(bytes),
    bytearray: _of(bytearray, bytearray, source=bytes),
    datetime.datetime: _of(datetime.datetime, _datetime),
    datetime.date: _of(datetime.date, datetime.date.fromisoformat, not_a=(datetime.datetime,)),
    datetime.time: _of(datetime.time, datetime.time.fromisoformat),
    datetime.timedelta: _of(datetime.timedelta, lambda s: datetime.timedelta(seconds=s), source=(int, float)),
    decimal.Decimal: _of(decimal.Decimal, lambda v: decimal.Decimal(str(v)), source=(str, int, float)),
    uuid.UUID: _of(uuid.UUID, uuid.UUID),
    pathlib.Path: _of(pathlib.Path, pathlib.Path),
    pathlib.PurePath: _of(pathlib.PurePath, pathlib.PurePath),
    File: _of(File, File, source=(str, pathlib.PurePath)),
    Dir: _of(Dir, Dir, source=(str, pathlib.PurePath)),
}


# -- choices ---------------------------------------------------------------------------------------------------------


def _literal(annotation: Any, choices: Tuple[Any, ...]) -> Check:
    name = "one of " + ", ".join(map(repr, choices))

    def check(value: Any, lenient: bool) -> Any:
        for choice in choices:
            if type(choice) is type(value) and choice == value:
                return value
        raise Mismatch(name, value)

    return check


def _union(annotation: Any, members: Tuple[Any, ...]) -> Check:
    """The first member that takes the value as it is, else the first that takes it converted."""
    name = type_name(annotation)
    checks = [checker(member) for member in members]
    exact = [plain(member) for member in members]

    def check(value: Any, lenient: bool) -> Any:
        cls = type(value)
        for kind, one in zip(exact, checks):
            if kind is cls:
                return one(value, lenient)
        converted: List[Any] = []
        mismatches: List[Mismatch] = []
        for one in checks:
            try:
                made = one(value, lenient)
            except Mismatch as mismatch:
                mismatches.append(mismatch)
                continue
            if made is value:
                return value
            converted.append(made)
        if converted:
            return converted[0]
        deep = [mismatch for mismatch in mismatches if mismatch.at]
        raise deep[0] if len(deep) == 1 else Mismatch(name, value)

    return check
