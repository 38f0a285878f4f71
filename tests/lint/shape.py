"""The shape of what people wrote: short files and functions, names that say something, nothing left open."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Iterator, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from tree import files  # noqa: E402

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
CODE = {".cpp", ".hpp", ".c", ".h", ".py", ".capnp", ".cmake", ".sh", ""}
EXEMPT = {"LICENSE"}
EMPTY_NAMES = re.compile(r"(?:^|[_\-.])(?:manager|helpers?|utils?|utilities|misc|common|stuff)(?:[_\-.]|$)", re.I)
# Written in two parts, so that this file does not find itself.
LEFT_OPEN = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.}~])/(?:ro" + r"ot|wo" + r"rk|far" + r"m)/[\w.]")
# The head of a C or C++ function, test case or lambda that fills a block: `...) {` or `... -> type {`.
BLOCK = re.compile(r"^( {0,4})(?!(?:namespace|struct|class|union|enum|extern)\b)[^\s#/}:].*\{$")
CLASS_BLOCK = re.compile(r"^\s*(?:template\s*<.*>\s*)?(?:namespace|struct|class|union|enum|extern)\b")


def cpp_functions(text: str) -> Iterator[Tuple[int, int]]:
    """(first line, number of lines) of blocks: they end with a brace at, or left of, the column where they began."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        head = BLOCK.match(line)
        if not head or CLASS_BLOCK.match(line):
            continue
        end = re.compile(f"^ {{0,{len(head[1])}}}\\}}")
        for last in range(number + 1, len(lines)):
            if end.match(lines[last]):
                yield number + 1, last - number + 1
                break


def python_functions(text: str) -> Iterator[Tuple[int, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


def findings(root: Path) -> Iterator[str]:
    for path in files(root):
        shown = path.relative_to(root)
        if path.name in EXEMPT:
            continue
        if EMPTY_NAMES.search(path.stem):
            yield f"{shown}: a file is named after what it is about"
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # data of a test
        lines = text.split("\n")
        if path.suffix in CODE and len(lines) - 1 > FILE_LINES_MAX:
            yield f"{shown}: {len(lines) - 1} lines, more than {FILE_LINES_MAX}: it holds more than one thing"
        if text and not text.endswith("\n"):
            yield f"{shown}:{len(lines)}: no newline at the end"
        functions = python_functions if path.suffix == ".py" else cpp_functions
        if path.suffix in {".py", ".cpp", ".hpp", ".c", ".h"}:
            for line, length in functions(text):
                if length > FUNCTION_LINES_MAX:
                    yield f"{shown}:{line}: a function of {length} lines, more than {FUNCTION_LINES_MAX}"
        for number, line in enumerate(lines, 1):
            if line != line.rstrip():
                yield f"{shown}:{number}: spaces at the end of the line"
            if LEFT_OPEN.search(line):
                yield f"{shown}:{number}: something is left open: {line.strip()}"
            if MACHINE_PATH.search(line):
                yield f"{shown}:{number}: a path of one machine: {line.strip()}"


def main() -> int:
    found = list(findings(Path(sys.argv[1])))
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
