"""The arrows between the rooms, held by their #include lines.

A room includes its own headers, those of the rooms it points to, the standard library, and the outside libraries it is
given; nothing includes tests/. The rooms that decide (core, cluster, actors) also read no clock and detach no actor: time
and threads come from node.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, Set, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from tree import files  # noqa: E402

SYSTEM = "the operating system"
ANY = "anything"

# room -> (folders of the project it may include besides its own, outside libraries)
ARROWS: Dict[str, Tuple[Tuple[str, ...], FrozenSet[str]]] = {
    "core": ((), frozenset()),
    "cluster": (("core",), frozenset()),
    "actors": (("core", "cluster"), frozenset({"caf"})),
    "node": (("core", "actors", "cluster", "schema"), frozenset({ANY})),
    "tools": (("core", "schema"), frozenset({"CLI", "nlohmann", "capnp", "kj", "openssl", SYSTEM})),
    "tools/replay": (("core", "actors"), frozenset({"CLI", "nlohmann"})),
    "python": ((), frozenset({"Python.h", SYSTEM})),
    "examples": ((), frozenset({ANY})),
    "tests": (("core", "actors", "cluster", "node", "schema", "tools"), frozenset({ANY})),
}
# Decisions that stay free of CAF, in all that they include.
PURE = ("actors/pool.hpp", "actors/pool.cpp", "actors/pool_dispatch.cpp", "actors/pool_moves.cpp",
        "actors/pool_time.cpp",
        "actors/fair_queue.hpp")
DECIDING = {"core", "cluster", "actors"}
LIBRARIES = {"caf", "kj", "capnp", "CLI", "nlohmann", "spdlog", "fmt", "boost", "openssl", "toml++"}
NOT_SYSTEM = {"Python.h", "archive.h", "archive_entry.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
REAL_TIME = re.compile(r"\b(?:steady|system|high_resolution)_clock::now\b|\b(?:clock_gettime|gettimeofday|sleep_for)\b")
DETACHED = re.compile(r"\bcaf::detached\b|\bspawn<\s*detached\b")


def origin(header: str) -> str:
    """The library an angle-bracket header belongs to; "std" for the standard library's own."""
    first = header.split("/")[0]
    if first in LIBRARIES:
        return first
    if header in NOT_SYSTEM:
        return header
    return SYSTEM if "/" in header or header.endswith(".h") else "std"


def includes(text: str) -> Iterator[Tuple[int, str, str]]:
    for match in INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match[1], match[2]


def wrong_include(root: Path, path: Path, room: str, bracket: str, header: str) -> str:
    """What is wrong with one line, or nothing."""
    folders, libraries = ARROWS[room]
    if bracket == "<":
        library = origin(header)
        allowed = library == "std" or ANY in libraries or library in libraries
        return "" if allowed else f"<{header}>: {room} does not see {library}"
    if (path.parent / header).exists() and "/" not in header and room in ("python", "examples"):
        return ""
    generated = header.startswith("schema/") and header.endswith(".capnp.h")
    written = root / (header[: -len(".h")] if generated else header)
    if not written.exists():
        return f'"{header}" is no file of this project; give the path from its root'
    allowed = any(header.startswith(f"{folder}/") for folder in (room, *folders))
    return "" if allowed else f'"{header}": there is no arrow from {room} to {header.rsplit("/", 1)[0]}'


def reaches_caf(root: Path, header: str, seen: Set[str]) -> List[str]:
    """The chain of includes from `header` to CAF; empty when there is none."""
    seen.add(header)
    for _, bracket, name in includes((root / header).read_text()):
        if bracket == "<" and origin(name) == "caf":
            return [header, f"<{name}>"]
        if bracket == '"' and name not in seen and (root / name).exists():
            chain = reaches_caf(root, name, seen)
            if chain:
                return [header, *chain]
    return []


def findings(root: Path) -> Iterator[str]:
    for room in ARROWS:
        inner = [root / other for other in ARROWS if other.startswith(f"{room}/")]
        for path in files(root / room, ".cpp", ".hpp", ".c", ".h"):
            if any(place in path.parents for place in inner):
                continue
            text, shown = path.read_text(), path.relative_to(root)
            for line, bracket, header in includes(text):
                wrong = wrong_include(root, path, room, bracket, header)
                if wrong:
                    yield f"{shown}:{line}: {wrong}"
            for pattern, said in ((REAL_TIME, "reads real time"), (DETACHED, "detaches an actor")):
                for match in pattern.finditer(text) if room in DECIDING else ():
                    yield f"{shown}:{text.count(chr(10), 0, match.start()) + 1}: {room} {said}; only node does"
    for path in PURE:
        if (root / path).exists():
            chain = reaches_caf(root, path, set())
            if chain:
                yield f"{path}: a pure decision reaches CAF: {' -> '.join(chain)}"


def main() -> int:
    found = list(findings(Path(sys.argv[1])))
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
