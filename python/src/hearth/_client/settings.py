"""What `hearth.init` sets: the project and domain of this process's calls and runs."""

from __future__ import annotations

import os
import re
from typing import Tuple

from hearth.errors import ConfigurationError

__all__ = ["place", "set_place"]

_NAME = re.compile(r"[a-z0-9]+([_.-][a-z0-9]+)*")

_place: Tuple[str, str] = ("default", "development")


def place() -> Tuple[str, str]:
    """(project, domain) of this process."""
    return _place


def set_place(project: str = "", domain: str = "") -> None:
    """Sets what is given. Raises ConfigurationError for a word that cannot be a name."""
    global _place
    for what, word in (("project", project), ("domain", domain)):
        if word and not _NAME.fullmatch(word):
            raise ConfigurationError(
                f"{what}={word!r} is no name: use lower-case words joined by '-', '_' or '.', such as 'default'."
            )
    _place = (project or _place[0], domain or _place[1])


set_place(os.environ.get("HEARTH_PROJECT", ""), os.environ.get("HEARTH_DOMAIN", ""))
