"""How the version of a task follows from its code."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any, Callable, Optional

from hearth._cache.reach import body_digest
from hearth._cache.syntax import prefixed

if TYPE_CHECKING:
    from hearth._task import Task

__all__ = ["FunctionBodyPolicy", "VersionParameters", "version_of"]


@dataclasses.dataclass(frozen=True)
class VersionParameters:
    """What a policy makes a version of.

    Attributes:
        func: the function of the task.
        task: its name.
        image, code_bundle, container_image: None; Flyte's policies look at them.
    """

    func: Callable[..., Any]
    task: str = ""
    image: Optional[str] = None
    code_bundle: Optional[Any] = None
    container_image: Optional[str] = None


class FunctionBodyPolicy:
    """The version follows from the function and all it reaches: functions, classes and constants of the user's modules,
    their defaults, and by value what a function by value takes along.

    Comments, formatting, docstrings and the arguments of ``@env.task`` do not count; of installed packages only the names
    do. What a function reaches in ways that no file shows (`getattr`, registration elsewhere, variables of the system, files)
    does not count either: change ``salt`` when that changes.
    """

    def get_version(self, salt: str, params: VersionParameters) -> str:
        """64 hex digits. Raises ValueError without the source of the function."""
        return hashlib.sha256(prefixed(salt.encode()) + bytes.fromhex(body_digest(params.func))).hexdigest()

    def __repr__(self) -> str:
        return "FunctionBodyPolicy()"


def version_of(task: Task[Any, Any]) -> str:
    """The version under which results of `task` are kept. Raises ValueError naming the task."""
    cache = task.cache
    if cache.version_override is not None:
        return cache.version_override
    parameters = VersionParameters(task.func, task.name)
    policies: Any = cache.policies or (FunctionBodyPolicy(),)
    made = hashlib.sha256()
    for policy in policies:
        try:
            version = policy.get_version(cache.salt, parameters)
        except ValueError as error:
            raise ValueError(f"task {task.name!r} is cached, and {error}.") from error
        if not isinstance(version, str) or not version:
            raise ValueError(f"task {task.name!r}: the cache policy {policy!r} made the version {version!r}, which is no text")
        made.update(prefixed(version.encode()))
    return made.hexdigest()
