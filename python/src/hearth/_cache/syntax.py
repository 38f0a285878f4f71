"""Syntax trees as bytes that are the same in every version of Python, and the names that they use.

`ast.dump` and the trees themselves differ between versions in what does not change the meaning: fields that are new,
empty or None, how the pieces of an f-string are cut. Left out is what does not act: comments and formatting (which no tree
has), docstrings, the markers of type checkers, and the decorators with which a function is declared as a task.
"""

from __future__ import annotations

import ast
import struct
from typing import Any, Iterator, List, Tuple

__all__ = ["canonical", "is_declaration", "prefixed"]

# What no version of Python acts on, or says again what the place of a node says.
_SKIPPED = {"ctx", "kind", "type_comment", "type_ignores", "lineno", "col_offset", "end_lineno", "end_col_offset"}
_WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

# Decorators by which an environment, or flytekit, takes a function: their last name.
_DECLARATIONS = {"task", "workflow", "dynamic", "eager", "on_start", "on_stop"}


def prefixed(data: bytes) -> bytes:
    """`data` after its length (u64), so that no boundary between parts can move."""
    return struct.pack(">Q", len(data)) + data


def canonical(root: ast.AST) -> bytes:
    """`root` and all below it. Two trees have the same bytes only if they mean the same."""
    out: List[bytes] = []
    waiting: List[Any] = [root]
    while waiting:  # not by recursion: a long chain of operators is as deep as it is long
        at = waiting.pop()
        if isinstance(at, _Label):
            out.append(at.data)
        elif isinstance(at, ast.AST):
            fields = list(_fields(at))
            out.append(b"N" + prefixed(type(at).__name__.encode()) + struct.pack(">Q", len(fields)))
            for name, value in reversed(fields):
                waiting += (value, _Label(prefixed(name.encode())))
        elif isinstance(at, list):
            out.append(b"L" + struct.pack(">Q", len(at)))
            waiting.extend(reversed(at))
        else:
            out.append(_constant(at))
    return b"".join(out)


class _Label:
    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


def _fields(node: ast.AST) -> Iterator[Tuple[str, Any]]:
    """What counts of `node`, by name. What is None or empty says the same as a field that a version does not have."""
    if isinstance(node, ast.Constant):
        yield "value", node.value  # which may be None
        return
    for name in sorted(node._fields):
        value = getattr(node, name, None)
        if name in _SKIPPED or value is None:
            continue
        if name == "body" and isinstance(node, _WITH_DOCSTRING):
            value = without_docstring(value)
        elif name == "decorator_list":
            value = [decorator for decorator in value if not is_declaration(decorator)]
        elif name == "values" and isinstance(node, ast.JoinedStr):
            value = _pieces(value)
        elif isinstance(value, ast.JoinedStr) and not value.values:
            continue  # the empty format of f"{x:}"
        if value != []:
            yield name, value


def without_docstring(body: List[ast.stmt]) -> List[ast.stmt]:
    """The statements of a function, class or module after its docstring."""
    first = body[0] if body else None
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return body[1:] if is_docstring else body


def is_declaration(decorator: ast.expr) -> bool:
    """Whether `decorator` declares a task (``@env.task(retries=2)``, ``@task``) and does nothing to the function."""
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    return getattr(named, "attr", getattr(named, "id", "")) in _DECLARATIONS


def _pieces(values: List[ast.expr]) -> List[ast.expr]:
    """The pieces of an f-string, texts that follow one another as one."""
    made: List[ast.expr] = []
    for value in values:
        before = made[-1] if made else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            if not value.value:
                continue
            if isinstance(before, ast.Constant) and isinstance(before.value, str):
                made[-1] = ast.Constant(before.value + value.value)
                continue
        made.append(value)
    return made


def _constant(value: Any) -> bytes:
    """A constant with its type: 1, 1.0, True and "1" differ."""
    if value is None or value is Ellipsis or isinstance(value, bool):
        return b"C" + prefixed(repr(value).encode())
    if isinstance(value, str):
        return b"S" + prefixed(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, bytes):
        return b"B" + prefixed(value)
    if isinstance(value, int):
        return b"I" + prefixed(b"%x" % value)
    return type(value).__name__[:1].upper().encode() + b"R" + prefixed(repr(value).encode())  # float, complex
