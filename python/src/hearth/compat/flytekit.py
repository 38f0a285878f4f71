"""What ``import flytekit`` gives when `hearth.compat` is installed."""

from __future__ import annotations

import logging
from typing import Any, Callable, Optional

from hearth._resources import Resources
from hearth._values.hashing import HashMethod
from hearth.compat.cache import Cache
from hearth.compat.context import ExecutionParameters, current_context
from hearth.compat.mapping import map_task
from hearth.compat.tasks import FlyteTask, environment_of
from hearth.compat.unsupported import unsupported
from hearth.compat.workflows import workflow

__all__ = [
    "Cache",
    "ExecutionParameters",
    "FlyteTask",
    "HashMethod",
    "ImageSpec",
    "LaunchPlan",
    "Resources",
    "current_context",
    "dynamic",
    "logger",
    "map_task",
    "task",
    "workflow",
]

logger = logging.getLogger("flytekit")


def task(_task_function: Optional[Callable[..., Any]] = None, **words: Any) -> Any:
    """Makes a function a task, as ``@task`` or ``@task(cache=True, cache_version="1.0")``.

    Parameters: cache (a bool or `Cache`), cache_version, cache_serialize, cache_ignore_input_vars, retries, timeout, docs,
    interruptible. Other words of flytekit are accepted with a line in the log if they cannot change a result. Raises
    ValueError and TypeError where flytekit does, and for words that change what a task computes.
    """
    if _task_function is None:
        return lambda function: task(function, **words)
    return environment_of(_task_function).declare(_task_function, words)


dynamic = task
"""As `task`: every task may call others, in loops and branches of Python."""

ImageSpec = unsupported(
    "flytekit.ImageSpec", "no containers are built; tasks run with an interpreter that has the packages (HEARTH_PYTHON, or python= of an "
    "environment)"
)  # fmt: skip
LaunchPlan = unsupported(
    "flytekit.LaunchPlan", "the node starts nothing by itself; let cron or a timer of the system call `hearth run`"
)  # fmt: skip
