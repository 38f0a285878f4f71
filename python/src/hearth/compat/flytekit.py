"""What ``import flytekit`` gives when `hearth.compat` is installed."""

from __future__ import annotations

import logging
from typing import Any, Callable, Optional

from hearth._values.hashing import HashMethod
from hearth.compat.cache import Cache
from hearth.compat.context import ExecutionParameters, current_context
from hearth.compat.tasks import FlyteTask, environment_of

__all__ = ["Cache", "ExecutionParameters", "FlyteTask", "HashMethod", "current_context", "logger", "task", "workflow"]

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


def workflow(_workflow_function: Optional[Callable[..., Any]] = None, **words: Any) -> Any:
    """A workflow is the plain function: its tasks are called as it runs."""
    if _workflow_function is None:
        return lambda function: function
    return _workflow_function
