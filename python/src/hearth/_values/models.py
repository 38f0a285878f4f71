"""pydantic models of versions 1 and 2 on the wire: fields, what was set, extra and private attributes."""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, Optional, Tuple

from hearth._values import tags
from hearth._values.classes import class_named, name_of

__all__ = ["decode", "encoder_for", "is_model", "validated"]


def is_model(cls: Any) -> bool:
    """Whether `cls` is a pydantic model."""
    if not isinstance(cls, type):
        return False
    for name in ("pydantic", "pydantic.v1"):  # pydantic 2 brings version 1 along under the second name
        module = sys.modules.get(name)
        base = getattr(module, "BaseModel", None)
        if base is not None and issubclass(cls, base):
            return True
    return False


def _is_version_2(cls: Any) -> bool:
    return hasattr(cls, "__pydantic_fields_set__") or hasattr(cls, "model_fields")


def encoder_for(cls: type, canonical: bool) -> Callable[[Any], Optional[Tuple[int, Any]]]:
    """How models of `cls` are written. The canonical form has the values only, not which were set or are private."""

    def encode(value: Any) -> Optional[Tuple[int, Any]]:
        name = name_of(cls)
        if name is None:
            return None
        state = value.__getstate__()
        fields = dict(state["__dict__"])
        extra = state.get("__pydantic_extra__")
        if canonical:
            return tags.MODEL, [name, fields, extra]
        was_set = state.get("__pydantic_fields_set__", state.get("__fields_set__"))
        private = state.get("__pydantic_private__", state.get("__private_attribute_values__"))
        return tags.MODEL, [name, fields, extra, sorted(was_set or ()), private or None]

    return encode


def decode(content: Any) -> Any:
    name, fields, extra, was_set, private = content
    cls = class_named(name)
    if not is_model(cls):
        raise ValueError(f"{name!r} is no pydantic model here")
    state: Dict[str, Any] = {"__dict__": fields}
    if _is_version_2(cls):
        state.update(__pydantic_extra__=extra, __pydantic_fields_set__=set(was_set), __pydantic_private__=private)
    else:
        state.update(__fields_set__=set(was_set), __private_attribute_values__=private or {})
    model = cls.__new__(cls)
    model.__setstate__(state)
    return model


def validated(cls: Any, fields: Dict[str, Any]) -> Any:
    """A model made from `fields` with all its validation. Raises ValueError."""
    return cls.model_validate(fields) if _is_version_2(cls) else cls.parse_obj(fields)
