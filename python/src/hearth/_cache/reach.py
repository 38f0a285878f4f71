"""The code that a function reaches: itself, and what the names it uses stand for, as far as that is the user's own.

Names are followed through the files of the user's modules (`sources`): functions, classes, and the statements that assign
or change a constant, each with what they use in turn. Of another package that is installed only the name counts. What no file says,
because the function was typed into a session or made by another function, travels by value and counts by value.
"""

from __future__ import annotations

import ast
import hashlib
import weakref
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from hearth._bundle import module_of
from hearth._cache.names import Chain, Uses, uses_of
from hearth._cache.sources import Binding, Imported, Module, module_named
from hearth._cache.syntax import canonical, prefixed

__all__ = ["Reach", "body_digest"]

# Digests of functions of files, with the modules that they depend on.
_known: weakref.WeakKeyDictionary[Any, Tuple[List[Module], str]] = weakref.WeakKeyDictionary()

_WHOLE = ""  # stands for all of a module


def body_digest(func: Callable[..., Any]) -> str:
    """SHA-256, in hex, of all that `func` reaches: the same in every process and every version of Python.

    Raises ValueError for a function whose source is not to be had.
    """
    known = _known.get(func)
    if known is not None and all(module.is_current for module in known[0]):
        return known[1]
    name, how = module_of(func)
    found = Reach(name.partition(".")[0] if how == "installed" else "")
    first = func.__qualname__.partition(".")[0]
    module = None if how == "value" else found.module(name)
    if module is not None and first in module.bindings:
        found.follow(module, (first,))
    else:
        from hearth._cache.by_value import follow

        name = ""
        follow(func, found)
    found.finish()
    digest = found.digest((name, func.__qualname__))
    if name:  # else values count, which may change
        _known[func] = (found.modules, digest)
    return digest


class _Part(NamedTuple):
    """What stands for one name of a module."""

    content: bytes
    uses: Uses
    imports: Tuple[Imported, ...]


class Reach:
    """A set of named parts that grows as names are followed. The package `own` is the user's, also where it is installed."""

    def __init__(self, own: str = "") -> None:
        self._own = own
        self._modules: Dict[str, Optional[Module]] = {}
        self._contents: Dict[Tuple[str, str], bytes] = {}
        self._waiting: List[Tuple[Module, Chain]] = []
        self._seen: Set[Tuple[str, Chain]] = set()

    def module(self, name: str) -> Optional[Module]:
        """The module of this name, if it is the user's."""
        if name not in self._modules:
            self._modules[name] = module_named(name, self._own)
        return self._modules[name]

    @property
    def modules(self) -> List[Module]:
        """The user's modules that were asked for."""
        return [module for module in self._modules.values() if module is not None]

    def add(self, place: str, name: str, content: bytes) -> bool:
        """Adds a part; False if it is there already."""
        if (place, name) in self._contents:
            return False
        self._contents[place, name] = content
        return True

    def digest(self, root: Tuple[str, str]) -> str:
        """Of all parts, and of the name that they were followed from."""
        made = hashlib.sha256()
        for (place, name), content in [(root, b""), *sorted(self._contents.items())]:
            made.update(prefixed(place.encode()) + prefixed(name.encode()) + prefixed(content))
        return made.hexdigest()

    def follow(self, module: Module, chain: Chain) -> None:
        """Adds what `chain` stands for in `module`, when `finish` comes to it."""
        if (module.name, chain) not in self._seen:
            self._seen.add((module.name, chain))
            self._waiting.append((module, chain))

    def finish(self) -> None:
        """Follows names until there are no new ones."""
        while self._waiting:
            module, chain = self._waiting.pop()
            name = chain[0]
            if name == _WHOLE:
                part = _whole(module)
            elif name in module.bindings:
                part = _part(module, name)
            else:
                self._follow_stars(module, chain)
                continue
            if self.add(module.name, name, part.content):
                self.follow_uses(part.uses, module)
            for imported in part.imports:
                self.follow_import(imported, chain[1:])

    def follow_uses(self, uses: Uses, module: Module) -> None:
        """Follows what a piece of code in `module` uses."""
        for chain in uses.chains:
            imported = uses.imports.get(chain[0])
            if imported is None:
                self.follow(module, chain)
            else:
                self.add("import", f"{chain[0]} {imported.module} {imported.name}", b"")
                self.follow_import(imported, chain[1:])

    def follow_import(self, imported: Imported, rest: Chain) -> None:
        """Follows what was imported, and the names that are asked of it."""
        self.follow_module(imported.module, (*filter(None, [imported.name]), *rest))

    def follow_module(self, name: str, rest: Chain) -> None:
        """Enters the user's module that is meant, as deep as the names of modules go, with the rest of the names."""
        words: Chain = (*name.split("."), *rest)
        for count in range(1, len(words) + 1):
            module = self.module(".".join(words[:count]))
            if module is None:
                continue
            left = words[count:]
            if left and left[0] not in module.bindings and self.module(".".join(words[: count + 1])) is not None:
                continue  # a module in this package
            self.follow(module, left or (_WHOLE,))
            return

    def _follow_stars(self, module: Module, chain: Chain) -> None:
        for star in module.stars:
            found = self.module(star)
            if found is None:
                self.add(module.name, f"* {star}", b"")
            elif chain[0] in found.bindings or found.stars:
                self.follow(found, chain)


def _part(module: Module, name: str) -> _Part:
    known: Optional[_Part] = module.parts.get(name)
    if known is None:
        known = module.parts[name] = _made_of(module.bindings[name], module)
    return known


def _whole(module: Module) -> _Part:
    known: Optional[_Part] = module.parts.get(_WHOLE)
    if known is None:
        uses = uses_of([module.tree], module.package)
        known = module.parts[_WHOLE] = _Part(canonical(module.tree), uses, ())
    return known


def _made_of(bindings: List[Binding], module: Module) -> _Part:
    pieces: List[bytes] = []
    code: List[ast.AST] = []
    imports: List[Imported] = []
    for what, when in bindings:
        if isinstance(what, Imported):
            pieces.append(b"import" + prefixed(what.module.encode()) + prefixed(what.name.encode()))
            imports.append(what)
        else:
            pieces.append(b"code" + prefixed(canonical(what)))
            code.append(what)
        pieces.extend(b"when" + prefixed(canonical(each)) for each in when)
        code.extend(when)
    return _Part(b"".join(map(prefixed, pieces)), uses_of(code, module.package), tuple(imports))
