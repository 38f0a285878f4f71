"""The user's modules as their files say: which statements give a name of a module its value.

Files are read, not the loaded modules: what a program computed when it imported them (a time, what a shell exported) may
differ from process to process, their text does not. Nothing is imported here.
"""

from __future__ import annotations

import ast
import importlib.machinery
import os
import sys
import threading
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from hearth._bundle import main_name
from hearth._bundle.imports import is_for_others
from hearth._bundle.roots import is_below, is_installed, sdk_folder
from hearth.errors import BundleError

__all__ = ["Binding", "Imported", "Module", "imports_in", "module_named"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = ("body", "orelse", "finalbody")


class Imported(NamedTuple):
    """What an import statement gives a name: a module, or something of a module."""

    module: str  # dotted, absolute
    name: str  # in that module; "" is the module itself


class Binding(NamedTuple):
    """One statement that gives a name its value, or changes it."""

    what: Union[ast.stmt, Imported]
    when: Tuple[ast.expr, ...]  # conditions, loops and contexts around it


class Module:
    """A module of the user's, by its file.

    Attributes: `name`; `tree`; `package`, where its relative imports begin; `bindings`: the statements that count for each
    name, in their order; `stars`: modules whose names are imported all; `parts`: room for what is made of the bindings.
    """

    @property
    def is_current(self) -> bool:
        """Whether its file is as it was read."""
        try:
            return _stamp(self.file) == self.stamp
        except OSError:
            return False

    def __init__(self, name: str, file: str, stamp: Tuple[int, ...]) -> None:
        self.name = name
        self.file = file
        self.stamp = stamp  # of the file, as it was read
        self.package = name if os.path.basename(file) == "__init__.py" else name.rpartition(".")[0]
        with open(file, "rb") as opened:
            self.tree = ast.parse(opened.read(), file)
        self.bindings: Dict[str, List[Binding]] = {}
        self.stars: List[str] = []
        self.parts: Dict[str, Any] = {}
        self._read(self.tree.body, ())

    def _read(self, body: Sequence[ast.stmt], when: Tuple[ast.expr, ...]) -> None:
        for statement in body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                self._read_import(statement, when)
            elif isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
                self._bind(statement.name, statement, when)
                self._read_globals(statement, when)
            elif any(hasattr(statement, block) for block in _BLOCKS) or hasattr(statement, "cases"):
                self._read_block(statement, when)
            else:
                for name in _changed_by(statement):
                    self._bind(name, statement, when)

    def _read_block(self, statement: Any, when: Tuple[ast.expr, ...]) -> None:
        if isinstance(statement, ast.If) and is_for_others(statement.test):
            self._read(statement.orelse, when)
            return
        heads = [value for name, value in ast.iter_fields(statement) if isinstance(value, ast.expr)]
        heads += [item.context_expr for item in getattr(statement, "items", ())]
        inside = (*when, *heads)
        targets: List[Any] = [getattr(statement, "target", None), *[item.optional_vars for item in getattr(statement, "items", ())]]
        for target in (each for each in targets if each is not None):
            for name in _roots_of(target):
                self._bind(name, ast.copy_location(ast.Expr(target), statement), inside)
        for head in heads:
            for name in _walrus_targets(head):
                self._bind(name, ast.copy_location(ast.Expr(head), statement), when)
        for block in _BLOCKS:
            self._read(getattr(statement, block, ()), inside)
        for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            self._read(part.body, inside)

    def _read_import(self, statement: Union[ast.Import, ast.ImportFrom], when: Tuple[ast.expr, ...]) -> None:
        for name, imported in imports_in(statement, self.package):
            if name == "*":
                self.stars.append(imported.module)
            else:
                self.bindings.setdefault(name, []).append(Binding(imported, when))

    def _read_globals(self, definition: ast.stmt, when: Tuple[ast.expr, ...]) -> None:
        """Functions that give a name of the module a value (``global model``) count for that name."""
        for node in ast.walk(definition):
            for name in node.names if isinstance(node, ast.Global) else ():
                self._bind(name, definition, when)

    def _bind(self, name: str, statement: ast.stmt, when: Tuple[ast.expr, ...]) -> None:
        self.bindings.setdefault(name, []).append(Binding(statement, when))


def imports_in(statement: ast.AST, package: str) -> Iterator[Tuple[str, Imported]]:
    """The names that an import statement of a module in `package` binds, and what to; ("*", module) for all of a module."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            if alias.asname:
                yield alias.asname, Imported(alias.name, "")
            else:
                yield alias.name.partition(".")[0], Imported(alias.name.partition(".")[0], "")
    elif isinstance(statement, ast.ImportFrom):
        module = statement.module or ""
        if statement.level:
            above = package.split(".")[: len(package.split(".")) - statement.level + 1]
            module = ".".join(filter(None, [*above, module]))
        for alias in statement.names:
            yield alias.asname or alias.name, Imported(module, "" if alias.name == "*" else alias.name)


def _changed_by(statement: ast.stmt) -> Iterator[str]:
    """Names that a simple statement binds, or whose values it changes: ``X = 1``, ``X[0] = 1``, ``X.append(1)``."""
    targets: List[Any] = list(getattr(statement, "targets", ()))
    if isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        targets.append(statement.target)
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        if isinstance(statement.value.func, ast.Attribute):
            targets.append(statement.value.func)
    elif hasattr(statement, "type_params") and hasattr(statement, "name"):  # type X = ...
        targets.append(statement.name)
    found = dict.fromkeys(name for target in targets for name in _roots_of(target))
    found.update(dict.fromkeys(_walrus_targets(statement)))
    return iter(found)


def _roots_of(target: ast.expr) -> Iterator[str]:
    if isinstance(target, (ast.Tuple, ast.List)):
        for item in target.elts:
            yield from _roots_of(item)
        return
    at: Any = target
    while isinstance(at, (ast.Attribute, ast.Subscript, ast.Starred)):
        at = at.value
    if isinstance(at, ast.Name):
        yield at.id


def _walrus_targets(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.NamedExpr):
            yield from _roots_of(inner.target)


# -- which modules are the user's ------------------------------------------------------------------------------------

_read: Dict[str, Module] = {}  # by file
_reading = threading.RLock()
_MODULES_MAX = 4096


def module_named(name: str, also: str = "") -> Optional[Module]:
    """The module `name`, if it is the user's own code or in the package `also`; None for what else is installed, built in,
    or not there.

    Its file is read again when it has changed, as the bundle is made again then.
    """
    file = _file_of(name)
    if file is None or not file.endswith(".py") or is_below(file, sdk_folder()):
        return None
    if is_installed(file) and name.partition(".")[0] != also:
        return None
    try:
        stamp = _stamp(file)
        with _reading:
            known = _read.get(file)
            if known is None or (known.name, known.stamp) != (name, stamp):
                if len(_read) >= _MODULES_MAX:
                    _read.clear()
                known = _read[file] = Module(name, file, stamp)
            return known
    except (OSError, SyntaxError, ValueError):  # its own import tells, better than this could
        return None


def _stamp(file: str) -> Tuple[int, ...]:
    found = os.stat(file)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _file_of(name: str) -> Optional[str]:
    """The file of a module, loaded or not."""
    loaded = sys.modules.get("__main__" if name == _main_name() else name)
    file = getattr(loaded, "__file__", None)
    if file is None and loaded is None:
        file = _looked_up(name)
    return os.path.abspath(file) if file else None


def _main_name() -> Optional[str]:
    try:
        return main_name()
    except BundleError:  # another module has its name
        return None


def _looked_up(name: str) -> Optional[str]:
    """Without importing anything, the packages above included."""
    path: Any = None
    spec: Any = None
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        try:
            spec = importlib.machinery.PathFinder.find_spec(".".join(parts[:count]), path)
        except (ImportError, ValueError, OSError):
            return None
        if spec is None:
            return None
        path = spec.submodule_search_locations
        if path is None and count < len(parts):
            return None
    return spec.origin if spec is not None else None
