"""Inputs whose place in the key is a text that the user's function makes of them.

Example::

    Frame = Annotated[pandas.DataFrame, hearth.HashFunction(lambda frame: str(pandas.util.hash_pandas_object(frame).sum()))]

    @env.task(cache="auto")
    def mean(frame: Frame) -> float: ...
"""

from __future__ import annotations

import collections.abc
import typing
from typing import Any, Callable, Generic, List, Optional, TypeVar

from hearth._values.checks import plain
from hearth.errors import RestrictedTypeError

__all__ = ["Conversion", "HashFunction", "HashMethod", "Hashed", "conversion_of"]

T = TypeVar("T")

Conversion = Callable[[Any], Any]
"""Makes of a value the one that is digested in its stead."""


class HashFunction(Generic[T]):
    """Says in ``Annotated[T, HashFunction(f)]`` that values count in the key by the text ``f(value)``.

    It works for a parameter, and inside of ``list``, ``tuple``, ``dict`` and ``Optional``. Raises TypeError for what cannot
    be called.
    """

    def __init__(self, function: Callable[[T], str]) -> None:
        if not callable(function):
            raise TypeError(f"HashFunction takes a function that makes a text of a value, not {function!r}")
        self._function = function

    @classmethod
    def from_fn(cls, function: Callable[[T], str]) -> HashFunction[T]:
        """The same; Flyte's spelling."""
        return cls(function)

    def calculate(self, value: T) -> str:
        """The text that stands for `value`. Raises ValueError if the function makes none."""
        text = self._function(value)
        if not isinstance(text, str):
            raise ValueError(f"its hash function made a {type(text).__name__} of it, not a text")
        return text

    def __repr__(self) -> str:
        return f"HashFunction({self._function!r})"


HashMethod = HashFunction
"""flytekit's name for it."""


class Hashed:
    """Stands for a value that counts by `text`."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def conversion_of(annotation: Any) -> Optional[Conversion]:
    """What the hash functions in `annotation` make of its values; None without any.

    Raises RestrictedTypeError for one in a place where it would not be asked.
    """
    function = next((each for each in getattr(annotation, "__metadata__", ()) if isinstance(each, HashFunction)), None)
    if function is not None:
        calculate = function.calculate
        return lambda value: Hashed(calculate(value))
    annotation = plain(annotation)
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if not args or origin is typing.Literal:
        return None
    found: List[Optional[Conversion]] = [None if arg is Ellipsis else conversion_of(arg) for arg in _types(args)]
    if not any(found):
        return None
    made = _inside(annotation, origin, found)
    if made is None:
        raise RestrictedTypeError(
            f"a HashFunction inside of {annotation} would never be asked: it works for a parameter, and inside of list, "
            f"tuple, dict and Optional"
        )
    return made


def _types(args: Any) -> List[Any]:
    return [arg for arg in args if not isinstance(arg, list)]


def _inside(annotation: Any, origin: Any, found: List[Optional[Conversion]]) -> Optional[Conversion]:
    first, last = found[0], found[-1]
    if origin is typing.Union or type(annotation).__name__ == "UnionType":
        given = [one for one in found if one is not None]
        if len(found) != 2 or type(None) not in typing.get_args(annotation):
            return None
        return lambda value: None if value is None else given[0](value)
    if origin is tuple and typing.get_args(annotation)[-1] is not Ellipsis:
        return lambda value: tuple(one(item) if one else item for one, item in zip(found, value))
    if origin in (list, tuple, collections.abc.Sequence) and first is not None:
        each: Conversion = first
        kind = tuple if origin is tuple else list
        return lambda value: kind(each(item) for item in value)
    if origin in (dict, collections.abc.Mapping) and found[0] is None and last is not None:
        of_item: Conversion = last
        return lambda value: {key: of_item(item) for key, item in value.items()}
    return None
