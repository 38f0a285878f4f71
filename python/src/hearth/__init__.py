"""Hearth keeps Python interpreters warm: tasks are plain functions, run on interpreters that are started already.

Example::

    import hearth

    env = hearth.TaskEnvironment("demo", reusable=hearth.ReusePolicy(replicas=(1, 4)))

    @env.task
    def square(x: int) -> int:
        return x * x

    if __name__ == "__main__":
        print(square.remote(3))                     # one call on a warm interpreter: 9
        print(list(hearth.map(square, range(10))))  # many, in order

Importing this package starts nothing and connects to nothing. What talks to a node is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, List

from hearth import errors
from hearth._cache import Cache, CacheRequest
from hearth._environment import TaskEnvironment
from hearth._recycle import Recycle
from hearth._resources import Resources
from hearth._retry import Backoff, RetryStrategy
from hearth._reuse import ReusePolicy
from hearth._task import Task
from hearth._timeout import Timeout
from hearth._version import __version__

if TYPE_CHECKING:
    from hearth import app
    from hearth._client.api import (
        App,
        Run,
        ctx,
        current_domain,
        current_project,
        deploy,
        group,
        init,
        init_from_api_key,
        init_from_config,
        init_in_cluster,
        map,
        run,
        serve,
        trace,
        with_runcontext,
        with_servecontext,
    )
    from hearth._cache.policies import FunctionBodyPolicy, VersionParameters
    from hearth._devices import AMD_GPU, GPU, HABANA_GAUDI, TPU, Device, Neuron
    from hearth._secret import Secret, SecretRequest
    from hearth._values.files import Dir, File
    from hearth._values.hashing import HashFunction, HashMethod

__all__ = [
    "AMD_GPU",
    "App",
    "Backoff",
    "Cache",
    "CacheRequest",
    "Device",
    "Dir",
    "File",
    "FunctionBodyPolicy",
    "GPU",
    "HABANA_GAUDI",
    "HashFunction",
    "HashMethod",
    "Neuron",
    "Recycle",
    "Resources",
    "RetryStrategy",
    "ReusePolicy",
    "Run",
    "Secret",
    "SecretRequest",
    "TPU",
    "Task",
    "TaskEnvironment",
    "Timeout",
    "VersionParameters",
    "__version__",
    "app",
    "ctx",
    "current_domain",
    "current_project",
    "deploy",
    "errors",
    "group",
    "init",
    "init_from_api_key",
    "init_from_config",
    "init_in_cluster",
    "map",
    "run",
    "serve",
    "trace",
    "version",
    "with_runcontext",
    "with_servecontext",
]

# What is loaded on first use, and from where.
_LAZY = {
    name: home
    for home, names in {
        "hearth._client.api": (
            "App",
            "Run",
            "ctx",
            "current_domain",
            "current_project",
            "deploy",
            "group",
            "init",
            "init_from_api_key",
            "init_from_config",
            "init_in_cluster",
            "map",
            "run",
            "serve",
            "trace",
            "with_runcontext",
            "with_servecontext",
        ),
        "hearth._cache.policies": ("FunctionBodyPolicy", "VersionParameters"),
        "hearth._devices": ("AMD_GPU", "Device", "GPU", "HABANA_GAUDI", "Neuron", "TPU"),
        "hearth._secret": ("Secret", "SecretRequest"),
        "hearth._values.files": ("Dir", "File"),
        "hearth._values.hashing": ("HashFunction", "HashMethod"),
    }.items()
    for name in names
}


def version() -> str:
    """The version of this package."""
    return __version__


def __getattr__(name: str) -> Any:
    if name == "app":  # a package; importing it makes it an attribute of this one
        return importlib.import_module("hearth.app")
    home = _LAZY.get(name)
    if home is None:
        raise AttributeError(f"module 'hearth' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted(__all__)
