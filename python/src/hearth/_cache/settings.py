"""What a declaration says about the cache, in Flyte's words and in those of flytekit."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from hearth._checks import Duration, duration, milliseconds

__all__ = ["Cache", "CacheRequest", "without_older_words"]

_TTL_MAX = datetime.timedelta(days=36500)

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
    """The cache settings of a task. A call is answered with a kept result when project, domain, task, version, signature
    and inputs are those of the call that made it.

    Parameters:
        behavior: "auto" (the version follows the code), "override" (the version is `version_override`) or "disable".
            Also "enable", "on", "true", "yes" for "auto" and "off", "false", "no", "none" for "disable".
        version_override: the version; needed with "override", and used with "auto", too.
        serialize: of equal calls at the same time one executes, the others get its result.
        ignored_inputs: a parameter name, or several, that do not distinguish calls. They must exist.
        salt: text that makes versions differ; it does nothing to a `version_override`.
        policies: objects with ``get_version(salt, params) -> str`` that together make the version; none:
            `hearth.FunctionBodyPolicy`.
        ttl: how long a result is kept, seconds or a timedelta; None: as the project has it.

    Raises ValueError. Example::

        @env.task(cache=hearth.Cache("auto", ignored_inputs="verbose", ttl=3600))
        def features(text: str, verbose: bool = False) -> list[float]: ...
    """

    behavior: str = "auto"
    version_override: Optional[str] = None
    serialize: bool = False
    ignored_inputs: Union[str, Tuple[str, ...]] = ()
    salt: str = ""
    policies: Union[Any, Sequence[Any], None] = None
    ttl: Optional[Duration] = None

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
        keep(self, "ttl", _ttl(self.ttl))

    @property
    def is_on(self) -> bool:
        """Whether calls are looked up at all."""
        return self.behavior != "disable"

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
                    f"task {task!r}: the cache is to ignore the input {name!r}, which is none of its parameters "
                    f"({', '.join(parameters) or 'it has none'})"
                )

    def inputs_of(self, parameters: Sequence[str]) -> List[str]:
        """The names among `parameters` that distinguish calls, in the order of the key: sorted, so that the order of the
        parameters is none of its parts."""
        return sorted(name for name in parameters if name not in self.ignored_inputs)

    def definition(self) -> str:
        """The settings as canonical JSON, the form in which they are stored with a task."""
        import json  # only who opens an environment needs it

        settings: Dict[str, Any] = {
            "behavior": self.behavior,
            "ignoredInputs": list(self.ignored_inputs),
            "policies": [f"{type(p).__module__}.{type(p).__qualname__}" for p in self.policies],  # type: ignore[union-attr]
            "salt": self.salt,
            "serialize": self.serialize,
            "ttlMs": milliseconds(self.ttl),  # type: ignore[arg-type]  # a timedelta by now
            "versionOverride": self.version_override,
        }
        return json.dumps(settings, sort_keys=True, separators=(",", ":"))


CacheRequest = Union[str, Cache]


_OLDER = ("cache_version", "cache_serialize", "cache_ignore_input_vars")


def without_older_words(words: Mapping[str, Any]) -> Dict[str, Any]:
    """`words` of a declaration with one word ``cache`` in place of flytekit's ``cache=True``, ``cache_version``,
    ``cache_serialize`` and ``cache_ignore_input_vars``. Raises ValueError where flytekit does."""
    found = dict(words)
    older = {word: found.pop(word) for word in _OLDER if word in found}
    given = {word: value for word, value in older.items() if value not in (None, "", False, (), [])}
    cache = found.get("cache")
    if isinstance(cache, (str, Cache)):
        if given:
            beside = f"cache={cache!r}" if isinstance(cache, str) else "a Cache"
            raise ValueError(f"{', '.join(given)} cannot stand beside {beside}; say all of it in a Cache, or beside cache=True")
    elif cache is True:
        found["cache"] = _of_older_words(given)
    elif cache is None or cache is False:
        # flytekit lets cache=False turn off what has a version.
        useless = [word for word in given if word != "cache_version" or cache is None]
        if useless:
            raise ValueError(f"{useless[0]} is given, but cache is not enabled; add cache=True")
        if cache is False:
            found["cache"] = Cache("disable")
    return found


def _of_older_words(given: Mapping[str, Any]) -> Cache:
    version = given.get("cache_version")
    if version is None:
        raise ValueError('cache=True needs cache_version, the version to use; cache="auto" makes one from the code')
    if not isinstance(version, str):
        raise ValueError(f"cache_version must be text, not {version!r}")
    return Cache(
        "override",
        version_override=version,
        serialize=given.get("cache_serialize", False),
        ignored_inputs=given.get("cache_ignore_input_vars", ()),
    )


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


def _ttl(ttl: Optional[Duration]) -> Optional[datetime.timedelta]:
    if ttl is None:
        return None
    found = duration(ttl, "ttl")
    if not datetime.timedelta(0) < found <= _TTL_MAX:
        raise ValueError(f"ttl must be longer than 0 and at most {_TTL_MAX.days} days, not {ttl!r}; None leaves it to the project")
    return found
