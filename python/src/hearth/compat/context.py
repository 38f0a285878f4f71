"""What flytekit says about the running execution, as far as it has a meaning here."""

from __future__ import annotations

import dataclasses
import logging
import os

from hearth._client.context import ctx
from hearth._client.init import current_domain, current_project

__all__ = ["ExecutionParameters", "Identifier", "current_context"]


@dataclasses.dataclass(frozen=True)
class Identifier:
    """Names an execution or a task."""

    project: str
    domain: str
    name: str
    version: str = ""


@dataclasses.dataclass(frozen=True)
class ExecutionParameters:
    """The running call.

    Attributes:
        execution_id: of the run; its name is "local" outside of tasks.
        task_id: of the task; its name is "" outside of tasks.
        working_directory: the current folder.
        logging: the logger of flytekit.
    """

    execution_id: Identifier
    task_id: Identifier
    working_directory: str
    logging: logging.Logger


def current_context() -> ExecutionParameters:
    """The call that runs here, or the program outside of tasks."""
    here = ctx()
    project, domain = current_project(), current_domain()
    return ExecutionParameters(
        execution_id=Identifier(project, domain, here.run_name if here else "local"),
        task_id=Identifier(project, domain, here.task if here else "", here.version if here else ""),
        working_directory=os.getcwd(),
        logging=logging.getLogger("flytekit"),
    )
