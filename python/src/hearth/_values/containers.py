"""Checks of lists, tuples, sets and dicts."""

from __future__ import annotations

import collections
import collections.abc as abc
import typing
from typing import Any, Dict, List, Optional, Sequence, Tuple

from hearth._values.cbor import all_exact
from hearth._values.checks import Check, Mismatch, checker, plan_of, type_name

__all__ = ["compile"]

# What an abstract container is when it comes leniently, as a list.
_SETS: Dict[Any, Any] = {set: set, frozenset: frozenset, abc.Set: frozenset, abc.MutableSet: set}
_SEQUENCES = (
    list, collections.deque, abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable, abc.Container, abc.Sized,
    abc.Reversible,
)  # fmt: skip
_MAPPINGS = (dict, collections.OrderedDict, collections.defaultdict, collections.Counter, abc.Mapping, abc.MutableMapping)


def compile(annotation: Any, kind: Any, args: Tuple[Any, ...]) -> Optional[Check]:
    """The check for a container; None if `kind` is none."""
    if kind is tuple:
        return _tuple(annotation, args)
    if kind in _SETS:
        return _set(annotation, kind, args)
    if kind in _SEQUENCES:
        return _sequence(annotation, kind, args)
    if kind in _MAPPINGS:
        return _mapping(annotation, kind, args)
    return None


def _exact(annotation: Any) -> Optional[type]:
    """The one type of items that need no further look."""
    plan = plan_of(annotation)
    return plan if isinstance(plan, type) and plan not in (list, dict) else None


def _items(values: Any, check: Check, lenient: bool) -> Optional[List[Any]]:
    """The checked items; None if none was converted."""
    made = []
    changed = False
    for index, value in enumerate(values):
        try:
            item = check(value, lenient)
        except Mismatch as mismatch:
            raise mismatch.inside(f"[{index}]") from None
        changed = changed or item is not value
        made.append(item)
    return made if changed else None


def _sequence(annotation: Any, kind: Any, args: Tuple[Any, ...]) -> Check:
    name = type_name(annotation)
    item = args[0] if args else Any
    check_item, exact = checker(item), _exact(item)

    def check(value: Any, lenient: bool) -> Any:
        cls = type(value)
        if not isinstance(value, kind) or (cls in (str, bytes) and kind is not abc.Sized):
            if not (lenient and isinstance(value, list)):
                raise Mismatch(name, value)
            if kind is collections.deque:
                value, cls = collections.deque(value), collections.deque
        if item is Any or (exact is not None and cls in (list, tuple) and all_exact(value, exact)):
            return value
        if not isinstance(value, abc.Iterable):
            return value
        made = _items(value, check_item, lenient)
        if made is None:
            return value
        return made if cls is list else (tuple(made) if cls is tuple else _rebuilt(cls, made, value))

    return check


def _rebuilt(cls: Any, made: Any, value: Any) -> Any:
    """`made` as a `cls`; the list itself where the class takes no list."""
    try:
        return cls(made, value.maxlen) if cls is collections.deque else cls(made)
    except TypeError:
        return made


def _tuple(annotation: Any, args: Tuple[Any, ...]) -> Check:
    name = type_name(annotation)
    if len(args) == 2 and args[1] is Ellipsis:
        check_item, exact = checker(args[0]), _exact(args[0])

        def check_many(value: Any, lenient: bool) -> Any:
            value = _as_tuple(value, lenient, name)
            if exact is not None and all_exact(value, exact):
                return value
            made = _items(value, check_item, lenient)
            return value if made is None else tuple(made)

        return check_many
    # tuple[()] has the one argument () before Python 3.11, and no argument from then on.
    is_bare = annotation is tuple or annotation is typing.Tuple
    checks = [checker(arg) for arg in args if arg != ()]

    def check(value: Any, lenient: bool) -> Any:
        value = _as_tuple(value, lenient, name)
        if is_bare:
            return value
        if len(value) != len(checks):
            raise Mismatch(name, value, f", which has {len(value)} items")
        return _each(value, checks, lenient)

    return check


def _as_tuple(value: Any, lenient: bool, name: str) -> Any:
    if isinstance(value, tuple):
        return value
    if lenient and isinstance(value, list):
        return tuple(value)
    raise Mismatch(name, value)


def _each(value: Any, checks: Sequence[Check], lenient: bool) -> Any:
    made = []
    for index, (item, check) in enumerate(zip(value, checks)):
        try:
            made.append(check(item, lenient))
        except Mismatch as mismatch:
            raise mismatch.inside(f"[{index}]") from None
    return value if all(new is old for new, old in zip(made, value)) else tuple(made)


def _set(annotation: Any, kind: Any, args: Tuple[Any, ...]) -> Check:
    name = type_name(annotation)
    check_item = checker(args[0]) if args else None

    def check(value: Any, lenient: bool) -> Any:
        if not isinstance(value, kind):
            if not (lenient and isinstance(value, list)):
                raise Mismatch(name, value)
            value = _SETS[kind](value)
        if check_item is None:
            return value
        made = []
        for item in value:
            try:
                made.append(check_item(item, lenient))
            except Mismatch as mismatch:
                raise mismatch.inside(f"{{{item!r}}}") from None
        return value if all(new is old for new, old in zip(made, value)) else type(value)(made)

    return check


def _mapping(annotation: Any, kind: Any, args: Tuple[Any, ...]) -> Check:
    name = type_name(annotation)
    if kind is collections.Counter and args:
        args = (args[0], int)
    checks = (checker(args[0]), checker(args[1])) if args else None

    def check(value: Any, lenient: bool) -> Any:
        if not isinstance(value, kind):
            if not (lenient and isinstance(value, dict)):
                raise Mismatch(name, value)
            value = collections.defaultdict(None, value) if kind is collections.defaultdict else kind(value)
        return value if checks is None else _entries(value, checks, lenient)

    return check


def _entries(value: Any, checks: Tuple[Check, Check], lenient: bool) -> Any:
    check_key, check_value = checks
    made = {}
    changed = False
    for key, item in value.items():
        try:
            new_key = check_key(key, lenient)
        except Mismatch as mismatch:
            raise mismatch.inside(f"(key {key!r})") from None
        try:
            new_item = check_value(item, lenient)
        except Mismatch as mismatch:
            raise mismatch.inside(f"[{key!r}]") from None
        changed = changed or new_key is not key or new_item is not item
        if new_key in made:  # texts that differ may mean the same date, path, or member of an Enum
            raise Mismatch("keys that differ", key, f", which is the key {new_key!r} again").inside(f"(key {key!r})")
        made[new_key] = new_item
    if not changed:
        return value
    if isinstance(value, collections.defaultdict):
        return collections.defaultdict(value.default_factory, made)
    return made if type(value) is dict else type(value)(made)
