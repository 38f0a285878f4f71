"""What `hearth.init` sets: the project and domain of this process's calls and runs."""

from __future__ import annotations

import contextlib
import contextvars
import os
import re
from typing import Iterator, Optional, Tuple

from hearth.errors import ConfigurationError

__all__ = ["at", "place", "run_name", "set_place"]

_NAME = re.compile(r"[a-z0-9]+([_.-][a-z0-9]+)*")
_RUN_NAME = re.compile(r"\w[\w.-]*")
_RUN_NAME_MAX = 100  # characters; it is a cell of listings and a word of commands

_place: Optional[Tuple[str, str]] = None
_here: contextvars.ContextVar[Optional[Tuple[str, str]]] = contextvars.ContextVar("hearth place", default=None)


def place() -> Tuple[str, str]:
    """(project, domain): what `at` says, else `set_place`, else $HEARTH_PROJECT and $HEARTH_DOMAIN, else
    "default" and "development". Raises ConfigurationError."""
    global _place
    here = _here.get()
    if here is not None:
        return here
    if _place is None:
        project, domain = os.environ.get("HEARTH_PROJECT"), os.environ.get("HEARTH_DOMAIN")
        _place = _checked(project or "default", domain or "development")
    return _place


def set_place(project: Optional[str] = None, domain: Optional[str] = None) -> None:
    """Sets what is given, for the whole process. Raises ConfigurationError for a word that cannot be a name."""
    global _place
    before = place()
    _place = _checked(project or before[0], domain or before[1])


@contextlib.contextmanager
def at(project: Optional[str] = None, domain: Optional[str] = None) -> Iterator[None]:
    """The same for the block."""
    before = place()
    token = _here.set(_checked(project or before[0], domain or before[1]))
    try:
        yield
    finally:
        _here.reset(token)


def run_name(name: object) -> str:
    """`name` if it may name a run, which commands are told as one word. Raises ValueError."""
    if not isinstance(name, str) or not _RUN_NAME.fullmatch(name) or len(name) > _RUN_NAME_MAX:
        shown = repr(name) if len(repr(name)) <= _RUN_NAME_MAX else repr(name)[:_RUN_NAME_MAX] + "..."
        raise ValueError(
            f"name={shown} cannot be the name of a run: use letters, digits, '-', '_' and '.', at most "
            f"{_RUN_NAME_MAX}, and a letter, digit or '_' first."
        )
    return name


def _checked(project: str, domain: str) -> Tuple[str, str]:
    for what, word in (("project", project), ("domain", domain)):
        if not _NAME.fullmatch(word):
            raise ConfigurationError(
                f"{what}={word!r} is no name: use lower-case words joined by '-', '_' or '.', such as 'default'."
            )
    return project, domain
