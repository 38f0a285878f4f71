"""Tasks of flytekit: one environment for those of a module, and what a direct call does."""

from __future__ import annotations

import ast
import re
import typing
from typing import Any, Callable, Dict, Mapping, cast

from hearth import _runtime
from hearth._bundle import main_name
from hearth._environment import TaskEnvironment
from hearth._reuse import ReusePolicy
from hearth._task import Task
from hearth.compat import local
from hearth.compat.cache import Cache
from hearth.compat.unsupported import without_effect

__all__ = ["FlyteEnvironment", "FlyteTask", "environment_of"]

_REPLICAS = (0, 4)
"""Warm interpreters of a module's tasks: none until one is called."""

# Words of flytekit that change what a task computes, and have no meaning here.
_REFUSED = {
    "environment": "set the variables with hearth.TaskEnvironment(env_vars=...)",
    "secret_requests": "nodes deliver no secrets",
    "task_config": "there are no task plugins; call the library inside the task",
    "pod_template": "there are no pods",
    "task_resolver": "tasks are found by module and name",
}
# Those that arrange where and how flytekit runs it.
_WITHOUT_EFFECT = (
    "accelerator", "annotations", "container_image", "deck_fields", "deprecated", "disable_deck", "enable_deck",
    "execution_mode", "labels", "limits", "node_dependency_hints", "pickle_untyped", "pod_template_name", "requests",
    "resources", "shared_memory",
)  # fmt: skip
_TAKEN = ("cache", "cache_version", "cache_serialize", "cache_ignore_input_vars", "retries", "timeout", "docs", "interruptible")


class FlyteTask(Task[Any, Any]):
    """A task whose direct call is answered from the local cache where it is cached, as flytekit's is."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _runtime.current() is not None:
            return super().__call__(*args, **kwargs)
        if not self.cache.is_on or _runtime.is_importing() or not local.is_enabled():
            return self.func(*args, **kwargs)
        return local.call_aio(self, args, kwargs) if self.is_async else local.call(self, args, kwargs)


class FlyteEnvironment(TaskEnvironment):
    """The tasks of one module."""

    kind_of_task = FlyteTask

    def declare(self, function: Callable[..., Any], words: Mapping[str, Any]) -> FlyteTask:
        """Makes `function` a task with what ``@task(...)`` says. Raises ValueError, TypeError."""
        _respell_outputs(function)
        return cast(FlyteTask, self.task(**_settings_of(words))(function))


_environments: Dict[str, FlyteEnvironment] = {}


def environment_of(function: Callable[..., Any]) -> FlyteEnvironment:
    """The environment of the module of `function`."""
    module = function.__module__
    name = (main_name() if module == "__main__" else module) or "main"
    word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "main"
    found = _environments.get(word)
    if found is None:
        # Interpreters need the alias before they import the module.
        found = _environments[word] = FlyteEnvironment(
            word, reusable=ReusePolicy(replicas=_REPLICAS), preload=("hearth.compat.installed",)
        )
    return found


def _settings_of(words: Mapping[str, Any]) -> Dict[str, Any]:
    """The words of ``@task`` in those of ``@env.task``. Raises ValueError, TypeError."""
    found = {}
    for word, value in words.items():
        if word in _TAKEN:
            found[word] = value
        elif word not in _REFUSED and word not in _WITHOUT_EFFECT:
            raise TypeError(f"@task has no parameter {word!r}; it takes {', '.join(_TAKEN)}")
        elif value not in (None, False, (), [], {}, ""):
            if word in _REFUSED:
                raise ValueError(f"@task({word}=...) is not supported: {_REFUSED[word]}.")
            without_effect("@task", {word: value})
    found.setdefault("cache", False)
    if not found.get("timeout"):
        found.pop("timeout", None)
    cache = found["cache"]
    if isinstance(cache, Cache):
        found["cache"] = cache.settings()
    return found


def _respell_outputs(function: Callable[..., Any]) -> None:
    """flytekit takes ``-> (int, int)``; everybody else says ``Tuple[int, int]``."""
    annotations = getattr(function, "__annotations__", {})
    result = annotations.get("return")
    if isinstance(result, tuple) and result:
        annotations["return"] = typing.Tuple[result]
    elif isinstance(result, str):
        try:
            written = ast.parse(result, mode="eval").body
        except SyntaxError:  # who resolves annotations says what is wrong with it
            return
        if isinstance(written, ast.Tuple) and written.elts:
            annotations["return"] = f"tuple[{', '.join(map(ast.unparse, written.elts))}]"
