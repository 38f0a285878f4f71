"""The code bundle: the user's files as one content-addressed archive, and how tasks are found in it.

A program makes it (`bundle_for`), a node keeps it under its digest and unpacks it (`unpack`), an interpreter imports
from it (`search_paths`). Inside an interpreter `adopt` says which bundle its code came from; environments opened there
have the same one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple, Union

from hearth._bundle import collect as _collect
from hearth._bundle import modules as _modules
from hearth._bundle import pack as _pack
from hearth._bundle import roots as _roots
from hearth._bundle import values as _values
from hearth._bundle.origin import Origin, anchor, find, main_name, module_of, name_of_file, origin_of, reference_of
from hearth._bundle.unpack import running_python, search_paths, unpack
from hearth.errors import BundleError

if TYPE_CHECKING:
    from hearth._environment_base import Environment
    from hearth._hooks import Hook
    from hearth._task import Task
    from hearth.app._application import Served

__all__ = [
    "Bundle",
    "Origin",
    "adopt",
    "bundle_for",
    "find",
    "main_name",
    "module_of",
    "name_of_file",
    "origin_of",
    "reference_of",
    "search_paths",
    "unpack",
    "values_digest",
]


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A packed bundle.

    Attributes:
        digest: sha256 of `data` in hex: its address.
        data: an uncompressed tar; empty inside an interpreter, whose node has it.
        root: the folder it was made of.
        files: names of the user's files in it.
        has_values: it holds functions by value. They are what they were when it was packed: who wants to see variables
            that a session has changed since asks `bundle_for` again.
    """

    digest: str
    data: bytes = dataclasses.field(repr=False)
    root: str
    files: Tuple[str, ...] = dataclasses.field(repr=False)
    has_values: bool


_Signature = Tuple[object, ...]
_packed: Dict[str, Tuple[_Signature, Bundle]] = {}
_adopted: Optional[Bundle] = None


def adopt(directory: str, digest: str) -> None:
    """Says that this process is an interpreter whose code is the bundle `digest`, unpacked at `directory`."""
    global _adopted
    _adopted = Bundle(digest, b"", os.path.abspath(directory), (), False)


def bundle_for(env: Environment) -> Bundle:
    """The bundle that the tasks of `env` need.

    It is one for all environments below the same root: what they include and send by value is in it, so that a task finds
    its siblings. Files are read again only when one of them changed. Raises BundleError, ConfigurationError.
    """
    if _adopted is not None:
        _check_values_are_there(env, _adopted)
        return _adopted
    base = anchor(env)
    root = _roots.find(base)
    origins = {_values.label(part): origin_of(part) for part in _parts(env)}
    family = _family(env, root)
    entries = _collect.collect(root, _includes(env), [include for other in family for include in _includes(other)])
    _collect.check_size(root, entries)
    _modules.check_tasks(root, entries, origins)
    functions = _functions(env, family)
    paths = _modules.search_paths(root, base)
    signature: _Signature = (tuple(entries), tuple(sorted(functions.items())), tuple(paths))
    known = _packed.get(root.path)
    if known is not None and known[0] == signature:
        return known[1]
    _modules.check_uses(root, entries)
    own = {**functions, **_pack.about_of(paths, running_python() if functions else "")}
    data = _pack.pack(entries, own)
    digest = hashlib.sha256(data).hexdigest()
    bundle = Bundle(digest, data, root.path, tuple(entry.name for entry in entries), bool(functions))
    _packed[root.path] = (signature, bundle)
    return bundle


def values_digest(env: Environment) -> str:
    """Of what the bundle of `env` would have by value now; "" without any. Looks at no file, so it is for every call of
    an interactive session. Raises BundleError."""
    if _adopted is not None:
        return ""
    functions = _functions(env, _family(env, _roots.find(anchor(env))))
    if not functions:
        return ""
    digest = hashlib.sha256()
    for path, function in sorted(functions.items()):
        digest.update(f"{path} {len(function)} ".encode())
        digest.update(function)
    return digest.hexdigest()


def _family(env: Environment, root: _roots.Root) -> List[Environment]:
    """The other environments below the same root."""
    return [other for other in _relatives(env) if _roots.find(anchor(other)) == root]


def _relatives(env: Environment) -> List[Environment]:
    """The other environments of this process, the youngest of each name."""
    from hearth._environment_base import environments

    youngest = {other.name: other for other in environments()}
    return [other for name, other in sorted(youngest.items()) if other is not env and name != env.name]


def _includes(env: Environment) -> List[_collect.Include]:
    _, file = env.declared_in
    folder = os.path.dirname(file) if file else os.getcwd()
    return [_collect.Include(folder, pattern) for pattern in env.include]


def _parts(env: Environment) -> List[Union[Task[Any, Any], Hook, Served]]:
    """What of `env` has a function that travels."""
    return env.parts()


def _functions(env: Environment, family: List[Environment]) -> Dict[str, bytes]:
    """Functions by value, by their path in the bundle."""
    found: Dict[str, bytes] = {}
    for part in _parts(env):
        path = origin_of(part).pickle
        if path:
            found[path] = _values.pickled(part)
    for other in family:
        for part in _parts(other):
            path = origin_of(part).pickle
            if path and path not in found:
                try:
                    found[path] = _values.pickled(part)
                except BundleError:  # the one who opens that environment is told
                    continue
    return found


def _check_values_are_there(env: Environment, bundle: Bundle) -> None:
    for part in _parts(env):
        path = origin_of(part).pickle
        if path and not os.path.isfile(os.path.join(bundle.root, path)):
            raise BundleError(
                f"{_values.label(part)} was made inside a running task and travels by value; interpreters cannot send code. "
                f"Define it at the top level of a module, or in the program that starts the run."
            )
