"""pydantic models of the tests; for version 1 and 2."""

from __future__ import annotations

from typing import Any, List, Set

import pydantic

__all__ = ["Line", "Order", "VALIDATED", "fields_set"]

VALIDATED: List[str] = []
"""What the validator has seen."""

_is_version_2 = pydantic.VERSION.startswith("2")
_validator: Any = pydantic.field_validator if _is_version_2 else pydantic.validator


class Line(pydantic.BaseModel):
    item: str
    count: int = 1

    @_validator("item")
    def check_item(cls, value: str) -> str:
        VALIDATED.append(value)
        if not value:
            raise ValueError("an item needs a name")
        return value


class Order(pydantic.BaseModel):
    id: int
    lines: List[Line] = []
    note: str = ""


def fields_set(model: Any) -> Set[str]:
    return set(model.model_fields_set if _is_version_2 else model.__fields_set__)
