"""How ``import flyte.app`` comes to give `hearth.compat.flyte.app`."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
from types import ModuleType
from typing import Any, Mapping, Optional

__all__ = ["ALIASES", "AliasFinder"]

ALIASES: Mapping[str, str] = {
    "flyte": "hearth.compat.flyte",
    "flytekit": "hearth.compat.flytekit",
    "flyteplugins": "hearth.compat.flyteplugins",
}

# Modules that have no counterpart, and what there is instead.
_MISSING = {
    "flyte.ai": "agents are libraries of their own; call the one you use inside of a task",
    "flyte.artifacts": "there is no registry of artifacts; return the value, or a File",
    "flyte.clustered": "nothing starts a set of processes that wait for each other; one task may start them on its node",
    "flyte.connectors": "nothing outside of the nodes runs tasks; call the service inside of a task",
    "flyte.notify": "nothing is notified; let the program that waits for the run do it",
    "flyte.prefetch": "models are not fetched; put them where nodes can read them, and name the folder in mounts=",
    "flyte.report": "there are no reports; return what the report would show, or write it to a File",
    "flyte.sandbox": "code is not run by others; a task runs it, with isolation=\"sandbox\"",
    "flyte.storage": "there is no object store; File and Dir are paths that nodes can read",
    "flytekit.deck": "there are no decks; return what the deck would show, or write it to a File",
}


class AliasFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of `ALIASES` and what is below them; each is the very module that Hearth has under its own name."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Optional[importlib.machinery.ModuleSpec]:
        top, _, below = fullname.partition(".")
        if top not in ALIASES:
            return None
        own = f"{ALIASES[top]}.{below}" if below else ALIASES[top]
        try:
            is_there = importlib.util.find_spec(own) is not None
        except ModuleNotFoundError:  # not even what it would be below
            is_there = False
        if not is_there:
            raise ModuleNotFoundError(_sentence(fullname), name=fullname)
        spec = importlib.machinery.ModuleSpec(fullname, self)
        spec.loader_state = own
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(spec.loader_state)
        spec.loader_state = (module, module.__spec__)
        return module

    def exec_module(self, module: ModuleType) -> None:
        _, own = module.__spec__.loader_state  # type: ignore[union-attr]
        module.__spec__ = own  # the import system has put the alias's there; the module is what it was


def _sentence(name: str) -> str:
    for missing, instead in _MISSING.items():
        if name == missing or name.startswith(missing + "."):
            return f"{missing} is not supported: {instead}."
    return f"Hearth has no module {name}: what it stands for is in docs/coming-from-flyte.md."
