"""What `hearth check FILE` asks nodes about a program: ``python -m hearth._client.program_check FILE`` prints it as JSON
(`Inspection` of schema/inspection.capnp). Nothing runs but the import of the file.

Exit status: 0, or 2 with a sentence when there is no such program.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set

from hearth._bundle.imports import imports_of
from hearth._bundle import roots
from hearth._client import task_source, troubles
from hearth._client.environments import interpreter_of
from hearth._client.task_source import UsageError
from hearth._environment_base import Environment, environments
from hearth.errors import ConfigurationError

__all__ = ["inspection", "main", "paths_in"]

# What people write for a place on a disk; "/" alone and what looks like a route of HTTP with parameters is none.
_PATH = re.compile(r"/[\w.+@-]+(/[\w.+@-]+)*/?")

_NO_FILES = ("/proc/", "/sys/", "/dev/")  # no mount shows these


def main(words: Optional[List[str]] = None) -> int:
    """Prints the question about the file that `words` (default: the command line) names."""
    words = sys.argv[1:] if words is None else words
    try:
        print(json.dumps(inspection(words[0])))
    except (UsageError, ConfigurationError) as error:
        print(error, file=sys.stderr)
        return 2
    except Exception as error:  # the user's module
        print(troubles.shown(error), file=sys.stderr)
        return 2
    return 0


def inspection(source: str) -> Dict[str, Any]:
    """The question about the file or module `source`. Raises UsageError, ConfigurationError and what its import raises."""
    task_source.load(source)
    return {"environments": [_asked(env) for env in environments()]}


def _asked(env: Environment) -> Dict[str, Any]:
    files = sorted(_own_files(env))
    imported = {name.partition(".")[0] for file in files for name, _ in imports_of(file)} - _own_names(files)
    modules = [name for name in imported if not task_source.is_of_the_standard_library(name)]
    return {
        "name": env.name,
        "python": interpreter_of(env),
        "isolation": env.isolation or "",
        "mounts": list(env.mounts),
        "modules": sorted({*modules, *(name.partition(".")[0] for name in env.preload)}),
        "paths": sorted({path for file in files for path in paths_in(file)}),
    }


def paths_in(file: str) -> Iterator[str]:
    """The absolute paths that the texts of a source file are. A file that cannot be parsed has none."""
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    mounts = {id(leaf) for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg in ("mounts", "python")
              for leaf in ast.walk(node)}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation | mounts:
            if _PATH.fullmatch(node.value) and not node.value.startswith(_NO_FILES):
                yield os.path.normpath(node.value)


def _own_files(env: Environment) -> Set[str]:
    """Files of the loaded modules that would travel with `env`."""
    own, declared_in = roots.sdk_folder(), env.declared_in[1]
    if declared_in is None:
        return set()
    root = roots.find(os.path.dirname(declared_in)).path
    files = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py") and not roots.is_below(os.path.abspath(file), own):
            if roots.is_below(os.path.abspath(file), root) and not roots.is_installed(file):
                files.add(os.path.abspath(file))
    return files


def _own_names(files: Iterable[str]) -> Set[str]:
    """Modules that need no looking for: those of the program, and Hearth."""
    own = {"hearth", "flyte", "flytekit"}
    wanted = set(files)
    for name, module in list(sys.modules.items()):
        if os.path.abspath(getattr(module, "__file__", None) or "") in wanted:
            own.add(name.partition(".")[0])
    return own


if __name__ == "__main__":
    sys.exit(main())
