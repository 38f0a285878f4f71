"""The console script ``hearth`` of a Python environment: it becomes the command of the installed Hearth."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Iterator, List, Optional

__all__ = ["main"]


def main(words: Optional[List[str]] = None) -> int:
    """Replaces this process by the ``hearth`` program with these words (default: this process's). Returns an exit status
    only if there is none."""
    words = sys.argv[1:] if words is None else words
    for program in _programs():
        if _is_binary(program):
            os.execve(program, [program, *words], _environment())
    if words[:1] == ["run"]:
        from hearth._client import run_command

        return run_command.main(words[1:])
    if words[:1] in (["serve"], ["deploy"]):
        from hearth._client import serve_command

        return serve_command.main(words)
    print(
        "hearth: The program `hearth` of the runtime is not installed: it is neither beside $HEARTHD nor on PATH. "
        "Build it with `./tools/quickstart` in a checkout and put build/release/bin on PATH.",
        file=sys.stderr,
    )
    return 3


def _programs() -> Iterator[str]:
    """Where the program may be. Scripts like this one, of other Python environments, may have the same name."""
    daemon = os.environ.get("HEARTHD")
    if daemon:
        yield os.path.join(os.path.dirname(os.path.abspath(daemon)), "hearth")
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        yield os.path.join(folder, "hearth")
    beside = shutil.which("hearthd")
    if beside:
        yield os.path.join(os.path.dirname(beside), "hearth")


def _is_binary(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF" and os.access(path, os.X_OK)
    except OSError:
        return False


def _environment() -> "dict[str, str]":
    """Python code is run by the interpreter that this script belongs to, unless somebody said otherwise."""
    environment = dict(os.environ)
    environment.setdefault("HEARTH_PYTHON", sys.executable)
    return environment


if __name__ == "__main__":
    sys.exit(main())
