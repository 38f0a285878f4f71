"""The command of an app: its words, and how the program is started."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import sys
from typing import Mapping, Sequence

from ..loading import LoadFailure
from ..settings import AppEntry
from . import exec_program

__all__ = ["Command", "expanded"]

_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_LABEL_MAX = 200  # characters


def expanded(words: Sequence[str], variables: Mapping[str, str]) -> "list[str]":
    """`words` with each $NAME and ${NAME} replaced; those that are no variable stay as they are, for a shell that runs."""
    return [_VARIABLE.sub(lambda found: variables.get(found[1] or found[2], found[0]), word) for word in words]


class Command:
    """A `Launch`: the program and its arguments as the app has them."""

    def __init__(self, entry: AppEntry) -> None:
        self._app = entry.name
        self._words = entry.command
        text = " ".join(shlex.quote(word) for word in entry.command)
        self.label = f"the command `{text if len(text) <= _LABEL_MAX else text[:_LABEL_MAX] + '...'}`"

    def start(self) -> int:
        variables = dict(os.environ)
        # Programs that are installed beside the interpreter (of a virtual environment) are found without a path.
        variables["PATH"] = os.pathsep.join((os.path.dirname(sys.executable), variables.get("PATH", os.defpath)))
        words = expanded(self._words, variables)
        program = shutil.which(words[0], path=variables["PATH"])
        if program is None:
            raise LoadFailure(
                f"App {self._app!r} cannot serve: {self.label} cannot be started: {words[0]!r} is no program that can be "
                f"executed on this node. It was looked for in {variables['PATH']}."
            )
        launcher = [sys.executable, "-I", "-S", "-B", exec_program.__file__, str(os.getpid()), program, *words]
        defaults = (signal.SIGPIPE, signal.SIGXFSZ)  # which Python ignores, and programs do not expect to be ignored
        return os.posix_spawn(sys.executable, launcher, variables, setsigdef=defaults)

    def failure(self) -> str:
        return ""
