"""What a task's declaration may say about it: the values, their checks, and what is refused with its reason."""

from __future__ import annotations

import dataclasses
from typing import Any, Mapping, Optional

from hearth._cache import Cache
from hearth._checks import whole_number
from hearth._retry import RetryStrategy
from hearth._timeout import Timeout

__all__ = ["TaskSettings", "refuse"]

_INLINE_IO_BYTES_MAX = 2**63 - 1

# Words of Flyte that have no meaning here. They are refused, not ignored: a program that relies on one must hear it.
_REFUSED = {
    "pod_template": "there are no pods; say what the tasks need with resources=, env_vars= and mounts=",
    "report": "there are no reports; return what the report would show, or write it to a File",
    "triggers": "the node starts nothing by itself; let cron or a timer of the system call `hearth run`",
    "links": "there is no console that could show them; put the address into docs=",
    "task_resolver": "tasks are found by module and name, or travel by value",
    "produces_artifacts": "there is no registry of artifacts; return the value, or a File",
    "plugin_config": "there are no task plugins; call the library inside the task",
}


@dataclasses.dataclass(frozen=True)
class TaskSettings:
    """The settings of one task, in normal form. Raises ValueError naming the parameter."""

    short_name: Optional[str] = None
    cache: Optional[Cache] = None  # None: the environment's
    retries: RetryStrategy = RetryStrategy()
    timeout: Timeout = Timeout()
    docs: Optional[str] = None
    max_inline_io_bytes: Optional[int] = None
    interruptible: Optional[bool] = None  # None: the environment's
    entrypoint: bool = False

    def __post_init__(self) -> None:
        keep = object.__setattr__
        if self.short_name is not None and not (isinstance(self.short_name, str) and self.short_name):
            raise ValueError(f"short_name must be a text that is not empty, not {self.short_name!r}")
        if self.cache is not None:
            keep(self, "cache", Cache.of(self.cache))
        keep(self, "retries", RetryStrategy.of(self.retries))
        keep(self, "timeout", Timeout.of(self.timeout))
        docs = getattr(self.docs, "description", self.docs)  # Flyte's Documentation has its text there
        if docs is not None and not isinstance(docs, str):
            raise ValueError(f"docs must be text, not {docs!r}")
        keep(self, "docs", docs)
        if self.max_inline_io_bytes is not None:
            whole_number(self.max_inline_io_bytes, "max_inline_io_bytes", 1, _INLINE_IO_BYTES_MAX)
        if self.interruptible not in (None, True, False):
            raise ValueError(f"interruptible must be True or False, not {self.interruptible!r}")


def refuse(words: Mapping[str, Any], reusable: bool) -> None:
    """Raises ValueError for the first of `words` that is set (not None, False or empty) and has no meaning here."""
    for word, value in words.items():
        if word not in _REFUSED or value is None or value is False or value == () or value == []:
            continue
        if reusable and word in ("plugin_config", "pod_template"):
            raise ValueError(f"Cannot set {word} when environment is reusable.")
        raise ValueError(f"{word} is not supported: {_REFUSED[word]}.")


def known(word: str) -> bool:
    """Whether `word` is one of Flyte's that `refuse` answers for."""
    return word in _REFUSED
