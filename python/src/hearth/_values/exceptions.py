"""Exceptions on the wire: an exception arrives as itself where its class is found, with what of it can travel."""

from __future__ import annotations

import builtins
from typing import Any, Dict, List, Optional, Tuple

from hearth import errors
from hearth._values import cbor, tags
from hearth._values.classes import ClassNotFound, class_named, name_of

__all__ = ["decode", "encode", "text_of"]


def encode(error: BaseException) -> Optional[Tuple[int, Any]]:
    """[class, args, attributes, text, cause]. Attributes that cannot travel are left out, arguments become text."""
    name = name_of(type(error))
    if name is None:
        return None
    # What the built-in base would be pickled as: OSError keeps its file name apart from `args`, ImportError its module.
    _, given, *state = _native(type(error)).__reduce__(error)
    args = [_portable(arg, repr) for arg in given]
    attributes: Dict[str, Any] = {}
    for key, value in (state[0] if state else {}).items():
        kept = _portable(value, None)
        if kept is not None or value is None:
            attributes[key] = kept
    cause = error.__cause__
    return tags.EXCEPTION, [name, args, attributes, text_of(error), cause if cause is not error else None]


def _native(cls: type) -> Any:
    """The first built-in class among the bases of an exception."""
    return next(base for base in cls.__mro__ if vars(builtins).get(base.__name__) is base)


def _portable(value: Any, otherwise: Any) -> Any:
    """`value` if it can travel."""
    from hearth._values.objects import encode_hook

    try:
        cbor.encode(value, encode_hook)
    except Exception:  # encoding runs code of the value's class
        return None if otherwise is None else otherwise(value)
    return value


def text_of(error: BaseException) -> str:
    """`str(error)` in a form that UTF-8 has, whatever the class does."""
    try:
        text = str(error)
    except Exception as broken:  # the user's __str__
        text = f"<str() of it raises {type(broken).__name__}>"
    return text.encode(errors="backslashreplace").decode()


def decode(content: Any) -> BaseException:
    """The exception, or a `CustomError` that says the same where it cannot be made."""
    name, args, attributes, text, cause = content
    error = _rebuilt(name, args, attributes) or errors.CustomError(str(name or "Exception").rpartition(":")[2], text)
    if isinstance(cause, BaseException):
        error.__cause__ = cause
    return error


def _rebuilt(name: Optional[str], args: List[Any], attributes: Dict[str, Any]) -> Optional[BaseException]:
    """Made like pickle would, but without the constructor: its parameters need not be the exception's `args`."""
    try:
        cls = class_named(name)
        if not issubclass(cls, BaseException):
            return None
        error: BaseException = cls.__new__(cls, *args)
        _native(cls).__init__(error, *args)
        for key, value in attributes.items():
            setattr(error, key, value)
    except ClassNotFound:
        return None
    except Exception:  # a class that insists on its constructor; the text is what remains
        return None
    return error
