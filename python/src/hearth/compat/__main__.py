"""``python -m hearth.compat FILE [ARGUMENTS]``: runs a program of flytekit as ``python FILE`` runs it.

``python -m hearth.compat pyflyte ...`` is flytekit's command (`hearth.compat.pyflyte`).
"""

from __future__ import annotations

import os
import sys
import types
from typing import List

from hearth import compat

__all__ = ["main"]


def main(words: List[str]) -> int:
    """Runs the program that `words` begin with. Returns only if it cannot be run, or has come to its end."""
    if not words or words[0].startswith("-"):
        is_help = words[:1] in (["-h"], ["--help"])
        print(
            "Usage: python -m hearth.compat FILE [ARGUMENTS]\n       python -m hearth.compat pyflyte local-cache clear",
            file=sys.stdout if is_help else sys.stderr,
        )
        return 0 if is_help else 2
    if words[0] == "pyflyte":
        from hearth.compat import pyflyte

        return pyflyte.main(words[1:])
    path = os.path.abspath(words[0])
    try:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec")
    except OSError as error:
        print(f"hearth.compat: {words[0]} cannot be read: {error.strerror}.", file=sys.stderr)
        return 2
    compat.install()
    program = types.ModuleType("__main__")
    program.__file__ = path
    sys.modules["__main__"] = program  # what it is asked for, by pickles and bundles, is the program's
    sys.argv = words
    sys.path[0] = os.path.dirname(path)
    exec(code, vars(program))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
