"""Small words of an app's declaration: where it is found, how long a request may take, what listings link to."""

from __future__ import annotations

import dataclasses
import datetime
import re
from typing import Optional, Union

__all__ = ["Domain", "Link", "Span", "Timeouts", "app_name", "span"]

Span = Union[int, float, datetime.timedelta]
"""Seconds, or a timedelta."""

_APP_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_APP_NAME_MAX = 30  # it is one label of a host name, and clusters put words around it
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HOST_MAX = 253
_REQUEST_MAX = datetime.timedelta(hours=1)


def app_name(name: object) -> str:
    """`name` if it may name an app. Raises TypeError, ValueError."""
    if not isinstance(name, str):
        raise TypeError(f"the name of an app must be text, not {name!r}")
    if not _APP_NAME.fullmatch(name):
        raise ValueError(
            f"app name {name!r} must be lower-case letters and digits, in words joined by '-', such as 'my-app': it is a "
            f"part of host names"
        )
    if len(name) > _APP_NAME_MAX:
        raise ValueError(f"app name {name!r} has {len(name)} characters; at most {_APP_NAME_MAX} are possible")
    return name


def span(value: object, parameter: str) -> datetime.timedelta:
    """`value` as a timedelta above 0. Raises TypeError or ValueError that name `parameter`."""
    if isinstance(value, datetime.timedelta):
        found = value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            found = datetime.timedelta(seconds=value)
        except (OverflowError, ValueError):  # infinite, or no number at all
            raise ValueError(f"{parameter} must be a number of seconds that a calendar can hold, not {value!r}") from None
    else:
        raise TypeError(f"{parameter} must be a number of seconds or a timedelta, not {value!r}")
    if found <= datetime.timedelta():
        raise ValueError(f"{parameter} must be more than 0 seconds, not {value!r}")
    return found


@dataclasses.dataclass(frozen=True)
class Timeouts:
    """Bounds in time of an app.

    Parameters:
        request: seconds (int or float) or a timedelta from the arrival of a request until its response begins, the start
            of a replica included; at most one hour.

    Raises TypeError, ValueError. Example: ``Timeouts(request=20)``.
    """

    request: Span = 300

    def __post_init__(self) -> None:
        found = span(self.request, "request")
        if found > _REQUEST_MAX:
            raise ValueError(
                f"request must be at most {_REQUEST_MAX.total_seconds():g} seconds, not {self.request!r}; for longer work "
                f"start a run of a task and answer with its name"
            )
        object.__setattr__(self, "request", found)


@dataclasses.dataclass(frozen=True)
class Domain:
    """Names under which an app is found besides its own.

    Parameters:
        subdomain: first label of host names, in place of the app's name: ``"shop"`` for ``shop.example.org``.
        custom_domain: a whole host name, whose address somebody has led to a node.

    Both are kept in lower case. Raises TypeError, ValueError. Example: ``Domain(custom_domain="shop.example.org")``.
    """

    subdomain: Optional[str] = None
    custom_domain: Optional[str] = None

    def __post_init__(self) -> None:
        for word in ("subdomain", "custom_domain"):
            value = getattr(self, word)
            if value is None:
                continue
            if not isinstance(value, str):
                raise TypeError(f"{word} must be text or None, not {value!r}")
            lower = value.lower()
            labels = lower.split(".")
            if len(lower) > _HOST_MAX or not all(_LABEL.fullmatch(label) for label in labels):
                raise ValueError(
                    f"{word}={value!r} is no name of a host: use letters, digits and '-' in labels joined by '.', without "
                    f"scheme, port and path"
                )
            if word == "subdomain" and len(labels) > 1:
                raise ValueError(f"subdomain={value!r} has more than one label; write custom_domain={value!r}")
            if word == "custom_domain" and len(labels) == 1:
                raise ValueError(f"custom_domain={value!r} is a single label; write subdomain={value!r}")
            object.__setattr__(self, word, lower)

    @property
    def hosts(self) -> "list[str]":
        """Those of the two that are given."""
        return [name for name in (self.subdomain, self.custom_domain) if name]


@dataclasses.dataclass(frozen=True)
class Link:
    """A place that listings of the app may point to.

    Parameters:
        path: a path of the app (``"/docs"``), or with ``is_relative=False`` a whole address.
        title: what stands on it.
        is_relative: whether `path` is below the app's endpoint.

    Raises TypeError, ValueError. Example: ``Link("/docs", "Documentation", is_relative=True)``.
    """

    path: str
    title: str
    is_relative: bool = False

    def __post_init__(self) -> None:
        for word in ("path", "title"):
            if not isinstance(getattr(self, word), str):
                raise TypeError(f"{word} of a Link must be text, not {getattr(self, word)!r}")
        if type(self.is_relative) is not bool:
            raise TypeError(f"is_relative of a Link must be True or False, not {self.is_relative!r}")
        if self.is_relative and not self.path.startswith("/"):
            raise ValueError(f"path={self.path!r} of a Link with is_relative=True must begin with '/'")
        if not self.is_relative and "://" not in self.path:
            raise ValueError(f"path={self.path!r} of a Link must be a whole address, or add is_relative=True")
