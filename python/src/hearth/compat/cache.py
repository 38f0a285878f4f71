"""flytekit's settings of the cache."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional, Sequence, Tuple, Union

from hearth import _cache

__all__ = ["Cache"]


@dataclasses.dataclass(frozen=True)
class Cache:
    """When a task is answered from the cache.

    Parameters:
        version: text; None: the policies make it.
        serialize: of equal calls at the same time one executes, the others get its result.
        ignored_inputs: a parameter name, or several, that do not distinguish calls.
        salt: text that makes versions of policies differ.
        policies: an object with ``get_version(salt, params) -> str``, or several.

    Raises ValueError without version and policies.
    """

    version: Optional[str] = None
    serialize: bool = False
    ignored_inputs: Union[str, Tuple[str, ...], None] = None
    salt: str = ""
    policies: Union[Any, Sequence[Any], None] = None

    def __post_init__(self) -> None:
        if self.version is None and not self.policies:
            raise ValueError(
                "If version is not defined then at least one cache policy needs to be set. Say version=..., or "
                "policies=hearth.FunctionBodyPolicy(), which makes one from the code"
            )
        self.settings()

    def settings(self) -> _cache.Cache:
        """The same in Hearth's words. Raises ValueError."""
        return _cache.Cache(
            "auto",
            version_override=self.version,
            serialize=self.serialize,
            ignored_inputs=self.ignored_inputs or (),
            salt=self.salt,
            policies=self.policies,
        )
