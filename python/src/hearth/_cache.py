"""What may be answered from a cache."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Optional, Sequence, Tuple, Union

__all__ = ["Cache", "CacheRequest"]

_BEHAVIORS = ("auto", "override", "disable")
_ALIASES = {
    "enable": "auto",
    "on": "auto",
    "true": "auto",
    "yes": "auto",
    "off": "disable",
    "false": "disable",
    "no": "disable",
    "none": "disable",
}


@dataclasses.dataclass(frozen=True)
class Cache:
    """The cache settings of a task.

    They are checked here and stored with the task on the node. Lookups are disabled as long as the node has no cache:
    every call executes.

    Parameters:
        behavior: "auto" (the version follows the code), "override" (the version is `version_override`) or "disable".
            Also "enable", "on", "true", "yes" for "auto" and "off", "false", "no", "none" for "disable".
        version_override: the version; needed with "override".
        serialize: of equal calls at the same time one executes, the others get its result.
        ignored_inputs: a parameter name, or several, that do not distinguish calls. They must exist.
        salt: text that makes versions differ.
        policies: objects with ``get_version(salt, params) -> str`` that make the version.

    Raises ValueError.
    """

    behavior: str = "auto"
    version_override: Optional[str] = None
    serialize: bool = False
    ignored_inputs: Union[str, Tuple[str, ...]] = ()
    salt: str = ""
    policies: Union[Any, Sequence[Any], None] = None

    def __post_init__(self) -> None:
        keep = object.__setattr__
        keep(self, "behavior", _behavior(self.behavior))
        if self.version_override is not None and not (isinstance(self.version_override, str) and self.version_override):
            raise ValueError(f"version_override must be a text that is not empty, not {self.version_override!r}")
        if self.behavior == "override" and self.version_override is None:
            raise ValueError('Cache(behavior="override") needs version_override, the version to use')
        if not isinstance(self.serialize, bool):
            raise ValueError(f"serialize must be True or False, not {self.serialize!r}")
        keep(self, "ignored_inputs", _names(self.ignored_inputs))
        if not isinstance(self.salt, str):
            raise ValueError(f"salt must be text, not {self.salt!r}")
        keep(self, "policies", _policies(self.policies))

    @classmethod
    def of(cls, request: object) -> Cache:
        """`request` itself, or the settings that a word stands for. Raises ValueError for anything else."""
        if isinstance(request, cls):
            return request
        if not isinstance(request, str):
            raise ValueError(f"cache must be a word such as 'auto' or a hearth.Cache, not {request!r}")
        if _behavior(request) == "override":
            raise ValueError('cache="override" needs the version to use: Cache("override", version_override="1")')
        return cls(request)

    def check_inputs(self, task: str, parameters: Sequence[str]) -> None:
        """Raises ValueError if an ignored input is no parameter of `task`."""
        for name in self.ignored_inputs:
            if name not in parameters:
                raise ValueError(
                    f"task {task!r}: ignored_inputs names {name!r}, which is none of its parameters "
                    f"({', '.join(parameters) or 'it has none'})"
                )

    def definition(self) -> str:
        """The settings as canonical JSON, the form in which they are stored with a task."""
        import json  # only who opens an environment needs it

        settings: Dict[str, Any] = {
            "behavior": self.behavior,
            "ignoredInputs": list(self.ignored_inputs),
            "policies": [f"{type(p).__module__}.{type(p).__qualname__}" for p in self.policies],  # type: ignore[union-attr]
            "salt": self.salt,
            "serialize": self.serialize,
            "versionOverride": self.version_override,
        }
        return json.dumps(settings, sort_keys=True, separators=(",", ":"))


CacheRequest = Union[str, Cache]


def _behavior(word: object) -> str:
    lowered = word.lower() if isinstance(word, str) else ""
    behavior = _ALIASES.get(lowered, lowered)
    if behavior not in _BEHAVIORS:
        raise ValueError(f"Invalid cache behavior: {word!r}. Use 'auto', 'override' or 'disable'.")
    return behavior


def _names(names: object) -> Tuple[str, ...]:
    several = (names,) if isinstance(names, str) else names
    if not isinstance(several, (tuple, list)) or not all(isinstance(name, str) for name in several):
        raise ValueError(f"ignored_inputs must be a parameter name or a tuple of them, not {names!r}")
    return tuple(several)


def _policies(policies: Any) -> Tuple[Any, ...]:
    several = () if policies is None else tuple(policies) if isinstance(policies, (tuple, list)) else (policies,)
    for policy in several:
        if not callable(getattr(policy, "get_version", None)):
            raise ValueError(f"a cache policy must have get_version(salt, params); {policy!r} has not")
    return several
