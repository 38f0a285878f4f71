"""The end of a run on the command line: its value as Python or JSON, or what went wrong."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import enum
import json
import sys
from typing import Any, Dict, Mapping

from hearth._client import troubles

__all__ = ["as_json", "show_failure", "show_value"]


def show_value(value: Any, json_wanted: bool) -> None:
    """Prints `value` to standard output."""
    sys.stderr.flush()
    print(json.dumps(as_json(value), indent=2, ensure_ascii=False) if json_wanted else repr(value), flush=True)


def show_failure(about: Mapping[str, Any], error: BaseException, json_wanted: bool) -> None:
    """Prints why a run has no value: a screen of text to standard error, with JSON an object to standard output too."""
    text = troubles.shown(error)
    print(f"run {about['run']} {about['phase'].lower()}:\n{text}", file=sys.stderr, flush=True)
    if json_wanted:
        failure = {"type": type(error).__name__, "message": str(error), "text": text}
        print(json.dumps({**about, "error": failure}, indent=2, ensure_ascii=False), flush=True)


def as_json(value: Any) -> Any:
    """`value` in the terms of JSON: objects by their fields, enums by name, bytes in base64, the rest by its repr."""
    if value is None or isinstance(value, (bool, str)) or type(value) is int:
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else repr(value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return _object(value)
    if hasattr(value, "_asdict"):
        return _object(value._asdict())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_json(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    for method in ("model_dump", "tolist"):  # pydantic models; arrays and numbers of NumPy
        convert = getattr(value, method, None)
        if convert is not None:
            return as_json(convert())
    return getattr(value, "path", None) or repr(value)


def _object(value: Mapping[Any, Any]) -> Dict[str, Any]:
    return {key if isinstance(key, str) else repr(key): as_json(item) for key, item in value.items()}
