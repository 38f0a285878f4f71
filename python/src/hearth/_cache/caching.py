"""The part of a task's definition that a node looks its calls up by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

from hearth._cache.policies import version_of
from hearth._cache.signature import signature_of
from hearth._checks import milliseconds

if TYPE_CHECKING:
    from hearth._task import Task

__all__ = ["definition_of"]


def definition_of(task: Task[Any, Any]) -> Dict[str, Any]:
    """`Caching` of schema/environment.capnp for a cached task.

    Raises ValueError without a version, RestrictedTypeError for annotations that cannot be resolved.
    """
    cache = task.cache
    return {
        "version": version_of(task),
        "signature": signature_of(task.hints),
        "inputs": cache.inputs_of(task.interface.names),
        "serialize": cache.serialize,
        "ttlMs": milliseconds(cache.ttl),  # type: ignore[arg-type]  # a timedelta by now
    }
