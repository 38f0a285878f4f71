"""`flyte.remote`: what was started before, by name."""

from __future__ import annotations

from typing import Any

import hearth
from hearth import App
from hearth._client.forms import Function
from hearth.compat.flyte.runs import Run as _Run
from hearth.compat.unsupported import unsupported

__all__ = ["Action", "App", "Project", "Run", "Secret", "Task"]


def _get(name: str) -> _Run:
    """The run of this name. Raises ActionNotFoundError."""
    return _Run(hearth.Run.get(name))


async def _get_aio(name: str) -> _Run:
    return _Run(await hearth.Run.get.aio(name))


class Run(_Run):
    """Runs by name."""

    get: Any = Function(_get, _get_aio)


Task = unsupported("flyte.remote.Task", "import the module that has the task, and call it; `hearth run FILE TASK` does so in a terminal")
Action = unsupported("flyte.remote.Action", "hearth.Run.get(name).actions() lists the calls of a run")
Project = unsupported("flyte.remote.Project", "a project is there when something is run in it")
Secret = unsupported("flyte.remote.Secret", "there is no store of secrets; values reach tasks by files or variables of the node")
