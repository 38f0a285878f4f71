"""`map_task`, of flytekit and of texts about Flyte."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, Callable, Dict, List, Mapping, Optional

from hearth import _runtime
from hearth._task import Task
from hearth.compat.unsupported import refusal, without_effect

__all__ = ["map_task"]


def map_task(
    task: Any,
    concurrency: Optional[int] = None,
    min_success_ratio: float = 1.0,
    metadata: Any = None,
    min_successes: Optional[int] = None,
) -> Callable[..., Any]:
    """``map_task(task)(x=[1, 2, 3])`` calls `task` once for each element, all at once in a run. Arguments are lists of one length.

    The result is a list for a task that is a plain function, and is to be awaited for one that is ``async``. Raises TypeError for
    what is no task, ConfigurationError for a share of calls that may fail; at the call TypeError and ValueError.
    """
    if not isinstance(task, Task):
        raise TypeError(f"map_task takes a task, not {task!r}")
    if min_success_ratio != 1.0 or min_successes is not None:
        raise refusal(
            "map_task(min_success_ratio=...)", "call hearth.map(task, values), which gives the exceptions of calls that failed among "
            "the results"
        )  # fmt: skip
    without_effect("map_task", {"concurrency": concurrency, "metadata": metadata})

    def mapped(**columns: List[Any]) -> Any:
        rows = _rows(task, columns)
        if task.is_async:
            return _gathered(task, rows)
        if _runtime.current() is None:
            return [task(**row) for row in rows]
        handles = [task.spawn(**row) for row in rows]
        return [handle.result() for handle in handles]

    return mapped


async def _gathered(task: Any, rows: List[Dict[str, Any]]) -> List[Any]:
    return list(await asyncio.gather(*(task(**row) for row in rows)))


def _rows(task: Any, columns: Mapping[str, List[Any]]) -> List[Dict[str, Any]]:
    there_are = inspect.signature(task.func).parameters
    for name in columns:
        if name not in there_are:
            raise TypeError(f"{task.name} has no input {name!r}; there are {', '.join(there_are)}")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"map_task({task.name}) needs lists of one length, not {lengths}")
    return [dict(zip(columns, row)) for row in zip(*columns.values())]
