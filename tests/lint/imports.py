"""The SDK runs with the standard library alone; what it can use besides is imported where it is used, if it is there."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Iterator, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from tree import files  # noqa: E402

WHEN_PRESENT = {"numpy", "packaging", "pydantic", "cloudpickle", "rich", "yaml"}


def imports(node: ast.AST, guarded: bool = False) -> Iterator[Tuple[ast.stmt, bool]]:
    """Import statements that ever run (not those for type checkers), and whether a function or a `try` guards them."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    guarded = guarded or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Try))
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, guarded
        else:
            yield from imports(child, guarded)


def packages(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        yield from (alias.name.split(".")[0] for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom) and statement.level == 0 and statement.module:
        yield statement.module.split(".")[0]


def findings(root: Path) -> Iterator[str]:
    for path in files(root / "python" / "src", ".py"):
        for node, guarded in imports(ast.parse(path.read_text(), str(path))):
            for package in packages(node):
                if package in sys.stdlib_module_names or package == "hearth":
                    continue
                where = f"{path.relative_to(root)}:{node.lineno}: import {package}"
                if package not in WHEN_PRESENT:
                    yield f"{where}: the SDK needs nothing but the standard library"
                elif not guarded:
                    yield f"{where}: import it inside the function that uses it; it may be missing"


def main() -> int:
    found = list(findings(Path(sys.argv[1])))
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
