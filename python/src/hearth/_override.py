"""A task with other settings for some of its calls."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Mapping, Optional

from hearth._cache import without_older_words
from hearth._checks import closest
from hearth._reuse import ReusePolicy
from hearth._settings import known, refuse
from hearth._task import Task

__all__ = ["overridden"]

_OF_THE_TASK = ("short_name", "cache", "retries", "timeout", "max_inline_io_bytes", "interruptible", "entrypoint")
_OF_THE_ENVIRONMENT = ("resources", "env_vars", "secrets", "queue")
# What replicas were started with: it cannot differ from call to call on the same replica.
_OF_THE_REPLICA = ("resources", "env_vars", "secrets")
_FIXED = ("name", "image", "docs", "interface")


def overridden(task: Task[Any, Any], changes: Mapping[str, Any]) -> Task[Any, Any]:
    """`task` with `changes`; None leaves a setting as it is. Raises ValueError, TypeError."""
    changes = without_older_words({word: value for word, value in changes.items() if value is not None})
    _check_words(task, changes)
    reusable = _reuse(task, changes.get("reusable"))
    refuse(changes, reusable is not None)
    if reusable is not None:
        for word in _OF_THE_REPLICA:
            if word in changes:
                raise ValueError(
                    f"override of task {task.name!r}: cannot set {word} while its environment is reusable, because warm "
                    f"replicas have theirs already. Add reusable='off' to run these calls in fresh interpreters, or "
                    f"make another environment with clone_with({word}=...)."
                )
    env = task.env.derived(reusable=reusable, **_only(changes, _OF_THE_ENVIRONMENT))
    settings = dataclasses.replace(task._settings, **_only(changes, _OF_THE_TASK))
    result = env.take(type(task)(env, task.func, settings))
    result._override_of = (task, changes)
    return result


def _check_words(task: Task[Any, Any], changes: Mapping[str, Any]) -> None:
    for word in changes:
        if word in _FIXED:
            raise ValueError(
                f"override of task {task.name!r}: {word} belongs to the task and cannot be overridden; "
                f"declare another task for it"
            )
        if word in _OF_THE_TASK or word in _OF_THE_ENVIRONMENT or word == "reusable" or known(word):
            continue
        words = (*_OF_THE_TASK, *_OF_THE_ENVIRONMENT, "reusable")
        near = closest(word, words)
        hint = f"; did you mean {near!r}?" if near else f"; it takes {', '.join(words)}"
        raise TypeError(f"override of task {task.name!r} has no parameter {word!r}{hint}")


def _reuse(task: Task[Any, Any], wanted: object) -> Optional[ReusePolicy]:
    if wanted is None:
        return task.env.reusable
    if wanted == "off":
        return None
    if not isinstance(wanted, ReusePolicy):
        raise TypeError(f"reusable must be a hearth.ReusePolicy or 'off', not {wanted!r}")
    return wanted


def _only(changes: Mapping[str, Any], words: Any) -> Dict[str, Any]:
    return {word: changes[word] for word in words if word in changes}
