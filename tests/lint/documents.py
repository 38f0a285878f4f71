"""What the documents point at exists: links to files, and the files and functions that docs/journey.md and docs/cache.md name.

They write `path/to/file.cpp:name`; `name` is a word of that file. A path alone, `node/loop`, is a file or folder.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Iterator

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from tree import files  # noqa: E402

LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
STEP = re.compile(r"`([\w.\-]+(?:/[\w.\-]+)+):([\w.:~]+)`")
PLACE = re.compile(r"`((?:core|schema|actors|node|tools|python|tests|examples|docs)/[\w./\-]+)`")
STEPS_MIN = 10  # a way from the client to the interpreter and back has at least as many


def broken_links(root: Path) -> Iterator[str]:
    for path in files(root, ".md"):
        for target in LINK.findall(path.read_text()):
            if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists():
                yield f"{path.relative_to(root)}: the link to {target} leads nowhere"


def broken_steps(root: Path, document: Path) -> Iterator[str]:
    name_of, text = document.relative_to(root), document.read_text()
    steps = STEP.findall(text)
    if len(steps) < STEPS_MIN:
        yield f"{name_of} names {len(steps)} places of the form `file:name`; a way through the program passes at least {STEPS_MIN}"
    for file, name in steps:
        if not (root / file).is_file():
            yield f"{name_of}: there is no file {file}"
        elif not all(re.search(rf"\b{re.escape(part)}\b", (root / file).read_text()) for part in re.split(r"::|\.", name) if part):
            yield f"{name_of}: {file} has no {name}"
    for place in PLACE.findall(text):
        if not (root / place).exists():
            yield f"{name_of}: there is no {place}"


def main() -> int:
    root = Path(sys.argv[1])
    found = list(broken_links(root))
    for document in (root / "docs" / "journey.md", root / "docs" / "cache.md"):
        if document.exists():
            found += broken_steps(root, document)
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
