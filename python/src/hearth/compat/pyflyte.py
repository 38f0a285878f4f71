"""``python -m hearth.compat pyflyte local-cache clear``: what flytekit's command says about the local cache.

There is no program of that name: of two distributions that install one, the later wins, and a flytekit beside Hearth is to
keep its own. Who has none may say ``alias pyflyte='python -m hearth.compat pyflyte'``.
"""

from __future__ import annotations

import sys
from typing import List

from hearth._client import command

__all__ = ["main"]


def main(words: List[str]) -> int:
    """Becomes ``hearth local-cache clear``. Returns an exit status where that cannot be, or something else was said."""
    if words == ["local-cache", "clear"]:
        return command.main(words)
    is_help = words in (["-h"], ["--help"])
    print(
        "Usage: python -m hearth.compat pyflyte local-cache clear\n"
        "It removes what direct calls of tasks have kept. `hearth run --flyte FILE TASK` runs a task; the other commands of "
        "pyflyte have no place here.",
        file=sys.stdout if is_help else sys.stderr,
    )
    return 0 if is_help else 2
