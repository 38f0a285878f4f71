"""The names that code uses and does not bind itself."""

from __future__ import annotations

import ast
from typing import Any, Dict, FrozenSet, Iterator, List, Sequence, Set, Tuple

from hearth._cache.sources import Imported, imports_in
from hearth._cache.syntax import is_declaration

__all__ = ["Chain", "Uses", "uses_of"]

Chain = Tuple[str, ...]
"""A name and the attributes that are asked of it: ``np.linalg.norm`` is ("np", "linalg", "norm")."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

_Waiting = List[Tuple[ast.AST, FrozenSet[str]]]


class Uses:
    """What a piece of code uses.

    Attributes: `chains`: names that are bound elsewhere; `imports`: names that it imports itself, wherever it does.
    """

    def __init__(self) -> None:
        self.chains: Set[Chain] = set()
        self.imports: Dict[str, Imported] = {}


def uses_of(roots: Sequence[ast.AST], package: str) -> Uses:
    """What the statements or expressions `roots` of a module in `package` use."""
    found = Uses()
    waiting: _Waiting = [(root, frozenset()) for root in roots]
    while waiting:
        node, bound = waiting.pop()
        if isinstance(node, _FUNCTIONS):
            _enter_function(node, bound, waiting)
        elif isinstance(node, _COMPREHENSIONS):
            inner = bound | {name for generator in node.generators for name in _stored(generator.target)}
            waiting.extend((child, inner) for child in ast.iter_child_nodes(node))
        elif isinstance(node, (ast.Name, ast.Attribute)):
            _take_chain(node, bound, found, waiting)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for name, imported in imports_in(node, package):
                found.imports[name] = imported
        else:
            if isinstance(node, (ast.ClassDef, ast.arg, ast.AnnAssign)):
                _read_annotations(node, bound, waiting)
            waiting.extend((child, bound) for child in ast.iter_child_nodes(node))
    return found


def _take_chain(node: Any, bound: FrozenSet[str], found: Uses, waiting: _Waiting) -> None:
    words: List[str] = []
    at = node
    while isinstance(at, ast.Attribute):
        words.append(at.attr)
        at = at.value
    if not isinstance(at, ast.Name):
        waiting.append((at, bound))
    elif at.id not in bound:
        found.chains.add((at.id, *reversed(words)))


def _enter_function(node: Any, bound: FrozenSet[str], waiting: _Waiting) -> None:
    arguments = node.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    parameters += [extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None]
    # What belongs to the place where it is defined: defaults, annotations, decorators.
    outside = [*arguments.defaults, *arguments.kw_defaults, *parameters, getattr(node, "returns", None)]
    outside += [each for each in getattr(node, "decorator_list", ()) if not is_declaration(each)]
    waiting.extend((part, bound) for part in outside if part is not None)
    if isinstance(getattr(node, "returns", None), ast.Constant):
        waiting.extend((part, bound) for part in _annotation(node.returns))
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    inner = (bound | {parameter.arg for parameter in parameters} | set(_bound_in(body))) - set(_globals_of(body))
    waiting.extend((statement, inner) for statement in body)


def _read_annotations(node: Any, bound: FrozenSet[str], waiting: _Waiting) -> None:
    """Annotations that are written as text are code all the same."""
    annotation = getattr(node, "annotation", None)
    if isinstance(annotation, ast.Constant):
        waiting.extend((part, bound) for part in _annotation(annotation))


def _annotation(annotation: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(annotation.value, str):
        try:
            yield ast.parse(annotation.value, mode="eval")
        except SyntaxError:  # no code after all
            return


def _own(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of one scope: not those inside of functions, classes and comprehensions in it, but these themselves."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))


def _bound_in(body: Sequence[ast.AST]) -> Iterator[str]:
    for node in _own(body):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
        elif type(node).__name__ in ("MatchAs", "MatchStar", "MatchMapping"):  # not in every version
            for field in ("name", "rest"):
                name = getattr(node, field, None)
                if name:
                    yield name


def _globals_of(body: Sequence[ast.AST]) -> Iterator[str]:
    for node in _own(body):
        if isinstance(node, ast.Global):
            yield from node.names


def _stored(target: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
