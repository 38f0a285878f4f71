"""What a source file imports when a node imports it."""

from __future__ import annotations

import ast
from typing import Iterator, List, Tuple

__all__ = ["imports_of", "is_for_others"]

_MAY_FAIL = ("ImportError", "ModuleNotFoundError", "Exception")


def imports_of(path: str) -> Iterator[Tuple[str, int]]:
    """Absolute module names that the file imports, anywhere in it, each with its line; also `a.b` of ``from a import b``.

    Left out is what an interpreter does not need: imports of the program (``if __name__ == "__main__":``), of type
    checkers, and those whose failure is caught. A file that cannot be parsed imports nothing.
    """
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):  # its own import tells, better than this could
        return
    waiting: List[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, node.lineno
            yield from ((f"{node.module}.{name.name}", node.lineno) for name in node.names)
        elif isinstance(node, ast.If) and is_for_others(node.test):
            waiting.extend(node.orelse)
        elif isinstance(node, ast.Try) and any(_catches_import_errors(handler) for handler in node.handlers):
            waiting.extend([*node.handlers, *node.orelse, *node.finalbody])
        else:
            waiting.extend(ast.iter_child_nodes(node))


def is_for_others(test: ast.expr) -> bool:
    """Whether `test` is ``__name__ == "__main__"`` or ``TYPE_CHECKING``."""
    if isinstance(test, ast.Compare) and len(test.comparators) == 1 and isinstance(test.ops[0], ast.Eq):
        sides = [ast.dump(test.left), ast.dump(test.comparators[0])]
        return any("'__name__'" in side for side in sides) and any("'__main__'" in side for side in sides)
    return "TYPE_CHECKING" in (getattr(test, "id", ""), getattr(test, "attr", ""))


def _catches_import_errors(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(getattr(kind, "id", "") in _MAY_FAIL for kind in kinds)
