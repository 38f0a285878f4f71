"""`workflow`, of flytekit and of texts about Flyte."""

from __future__ import annotations

from typing import Any, Callable, Optional

from hearth.compat.tasks import environment_of
from hearth.compat.unsupported import without_effect

__all__ = ["workflow"]


def workflow(_workflow_function: Optional[Callable[..., Any]] = None, **words: Any) -> Any:
    """A workflow is a task of its module's environment, which calls others as it runs; called directly it is the plain function.

    Words about how Flyte compiles or schedules it (failure_policy, interruptible, docs, ...) are a line in the log. Raises what
    ``@task`` raises.
    """
    if _workflow_function is None:
        return lambda function: workflow(function, **words)
    without_effect("@workflow", words)
    return environment_of(_workflow_function).declare(_workflow_function, {})
