"""The project's files, for the lint tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator

BUILT = {"build", "dist", "venv", "__pycache__"}


def files(root: Path, *suffixes: str) -> Iterator[Path]:
    """Files below `root` that people wrote, sorted; only those with one of the suffixes (".cpp"), if any are given."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name for name in folders
            if name not in BUILT and not name.endswith(".egg-info") and (name == ".ci" or not name.startswith("."))
        )
        for name in sorted(names):
            path = Path(folder, name)
            if (not suffixes or path.suffix in suffixes) and path.suffix not in {".pyc", ".so"}:
                yield path
