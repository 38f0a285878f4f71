"""Dates and times on the wire. What is written names an instant or a local time exactly: microseconds, zone and fold."""

from __future__ import annotations

import datetime as dt
from typing import Any, Callable, Dict, Optional, Tuple, Union

from hearth._values import tags

__all__ = ["DECODERS", "ENCODERS"]

_MINUTE_US = 60_000_000
_MICROSECOND = dt.timedelta(microseconds=1)


class _OtherZone(Exception):
    """A zone that has no name of ours; then the value is pickled."""


def _zone(tz: Optional[dt.tzinfo]) -> Union[None, str, int]:
    """None, the key of a ZoneInfo, or a fixed offset in microseconds. Raises _OtherZone."""
    if tz is None:
        return None
    if type(tz) is dt.timezone:
        offset = tz.utcoffset(None)
        if tz.tzname(None) == dt.timezone(offset).tzname(None):  # else it has a name of the user's
            return offset // _MICROSECOND
    key = getattr(tz, "key", None)
    if type(tz).__module__ in ("zoneinfo", "zoneinfo._zoneinfo") and isinstance(key, str):
        return key
    raise _OtherZone


def _tzinfo(zone: Any) -> Optional[dt.tzinfo]:
    if zone is None:
        return None
    if isinstance(zone, int):
        return dt.timezone(dt.timedelta(microseconds=zone)) if zone else dt.timezone.utc
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, TypeError) as error:
        raise ValueError(f"the time zone {zone!r} of a value is not known here: {error}") from None


def _datetime(value: dt.datetime) -> Optional[Tuple[int, Any]]:
    try:
        zone = _zone(value.tzinfo)
    except _OtherZone:
        return None
    if isinstance(zone, int) and not zone % _MINUTE_US and not value.fold:
        return tags.DATETIME_TEXT, value.isoformat()
    return tags.DATETIME, [value.replace(tzinfo=None).isoformat(), zone, value.fold]


def _time(value: dt.time) -> Optional[Tuple[int, Any]]:
    try:
        zone = _zone(value.tzinfo)
    except _OtherZone:
        return None
    return tags.TIME, [value.replace(tzinfo=None).isoformat(), zone, value.fold]


def _from_text(content: Any) -> dt.datetime:
    text = str(content)
    value = dt.datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in "Zz" else text)
    if value.tzinfo is None:
        raise ValueError(f"the time {text!r} has no offset")
    return value


def _from_parts(kind: Any) -> Callable[[Any], Any]:
    def decode(content: Any) -> Any:
        text, zone, fold = content
        return kind.fromisoformat(text).replace(tzinfo=_tzinfo(zone), fold=fold)

    return decode


ENCODERS: Dict[type, Callable[[Any], Optional[Tuple[int, Any]]]] = {
    dt.datetime: _datetime,
    dt.date: lambda value: (tags.DATE, value.isoformat()),
    dt.time: _time,
    dt.timedelta: lambda value: (tags.TIMEDELTA, [value.days, value.seconds, value.microseconds]),
}

DECODERS: Dict[int, Callable[[Any], Any]] = {
    tags.DATETIME_TEXT: _from_text,
    tags.DATETIME: _from_parts(dt.datetime),
    tags.TIME: _from_parts(dt.time),
    tags.DATE: dt.date.fromisoformat,
    tags.TIMEDELTA: lambda content: dt.timedelta(*content),
}
