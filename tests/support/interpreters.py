"""Prints the CPythons that the tests run on: their paths, with ":" between them, one for each version, Debian's first.

They are those that HEARTH_TEST_PYTHONS names; else those that start, of `python3.9` to `python3.13` on PATH and of the
installations below $PYENV_ROOT/versions.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, Optional, Tuple

OLDEST, NEWEST = (3, 9), (3, 13)
SYSTEM = "/usr/bin/python3"
IDENTIFY = "import sys; print(sys.implementation.name, *sys.version_info[:2], sys.executable)"


def identify(command: str) -> Optional[Tuple[Tuple[int, int], str]]:
    """The version and the true path of an interpreter, or None when it does not start or is no CPython that we serve."""
    try:
        done = subprocess.run([command, "-I", "-c", IDENTIFY], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    name, major, minor, path = done.stdout.rstrip("\n").split(" ", 3)
    version = (int(major), int(minor))
    return (version, path) if name == "cpython" and OLDEST <= version <= NEWEST else None


def candidates() -> Iterator[str]:
    yield SYSTEM
    for minor in range(OLDEST[1], NEWEST[1] + 1):
        on_path = shutil.which(f"python3.{minor}")
        if on_path:
            yield on_path
    if os.environ.get("PYENV_ROOT"):
        yield from map(str, sorted(Path(os.environ["PYENV_ROOT"]).glob("versions/*/bin/python3")))


def main() -> int:
    named = [path for path in os.environ.get("HEARTH_TEST_PYTHONS", "").split(os.pathsep) if path]
    found: Dict[Tuple[int, int], str] = {}
    for command in named or candidates():
        known = identify(command)
        if known is None and named:
            print(f"HEARTH_TEST_PYTHONS names {command}, which is no CPython from 3.9 to 3.13 that starts.", file=sys.stderr)
            return 1
        if known is not None:
            found.setdefault(*known)
    first, *others = found
    print(os.pathsep.join(found[version] for version in [first, *sorted(others)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
