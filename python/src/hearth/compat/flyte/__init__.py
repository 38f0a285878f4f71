"""What ``import flyte`` gives when `hearth.compat` is installed: Flyte's names for what Hearth has.

Names of what there is not (pods, triggers, reports, ...) may be imported; whoever uses one gets a ConfigurationError that says why,
and what there is instead. docs/coming-from-flyte.md is the table of all of it.
"""

from __future__ import annotations

import importlib
import logging
from typing import Any

from hearth import (
    AMD_GPU,
    GPU,
    HABANA_GAUDI,
    TPU,
    Backoff,
    Cache,
    CacheRequest,
    Device,
    Neuron,
    Resources,
    RetryStrategy,
    ReusePolicy,
    Secret,
    SecretRequest,
    Timeout,
    __version__,
    ctx,
    current_domain,
    current_project,
    group,
    map,
    serve,
    trace,
    version,
)
from hearth import App as AppHandle
from hearth import Task as TaskTemplate
from hearth._environment_base import Environment
from hearth.compat.flyte.deployments import deploy, with_servecontext
from hearth.compat.flyte.environments import TaskEnvironment
from hearth.compat.flyte.image import Image
from hearth.compat.flyte.runs import run, with_runcontext
from hearth.compat.flyte.setup import init, init_from_api_key, init_from_config, init_in_cluster, init_passthrough
from hearth.compat.mapping import map_task
from hearth.compat.unsupported import unsupported
from hearth.compat.workflows import workflow

__all__ = [
    "AMD_GPU", "AppHandle", "AsyncFunctionTaskTemplate", "Backoff", "Cache", "CacheRequest", "Checkpoint", "Cron", "Device",
    "Environment", "FixedRate", "GPU", "HABANA_GAUDI", "Image", "Link", "Neuron", "OnArtifact", "PodTemplate", "Resources",
    "RetryStrategy", "ReusePolicy", "Secret", "SecretRequest", "TPU", "TaskEnvironment", "TaskTemplate", "Timeout", "Trigger",
    "TriggerTime", "TriggeredArtifact", "__version__", "build", "build_images", "ctx", "current_domain", "current_project",
    "custom_context", "deploy", "get_custom_context", "group", "init", "init_from_api_key", "init_from_config",
    "init_in_cluster", "init_passthrough", "latest_checkpoint", "logger", "map", "map_task", "new_condition", "rerun", "run",
    "run_python_script", "serve", "system_logger", "trace", "version", "with_runcontext", "with_servecontext", "workflow",
]  # fmt: skip

logger = logging.getLogger("flyte.user")
system_logger = logging.getLogger("flyte")
AsyncFunctionTaskTemplate = TaskTemplate

_TIMERS = "the node starts nothing by itself; let cron or a timer of the system call `hearth run`"
_IMAGES = "no containers are built; tasks run with an interpreter that has the packages (HEARTH_PYTHON, or python=)"
_CONTEXT = "pass it to tasks as an argument"
_CHECKPOINTS = "write a File, and return it; children of a durable run that have ended are not made again when it goes on"

Checkpoint = unsupported("flyte.Checkpoint", _CHECKPOINTS)
latest_checkpoint = unsupported("flyte.latest_checkpoint", _CHECKPOINTS)
Cron = unsupported("flyte.Cron", _TIMERS)
FixedRate = unsupported("flyte.FixedRate", _TIMERS)
Trigger = unsupported("flyte.Trigger", _TIMERS)
TriggerTime = unsupported("flyte.TriggerTime", _TIMERS)
OnArtifact = unsupported("flyte.OnArtifact", _TIMERS)
TriggeredArtifact = unsupported("flyte.TriggeredArtifact", _TIMERS)
Link = unsupported("flyte.Link", "there is no console that could show it; put the address into docs=")
PodTemplate = unsupported("flyte.PodTemplate", "there are no pods; say what tasks need with resources=, env_vars= and mounts=")
build = unsupported("flyte.build", _IMAGES)
build_images = unsupported("flyte.build_images", _IMAGES)
custom_context = unsupported("flyte.custom_context", _CONTEXT)
get_custom_context = unsupported("flyte.get_custom_context", _CONTEXT)
new_condition = unsupported("flyte.new_condition", "a run waits for nobody; let a program start the next run when it is so")
run_python_script = unsupported("flyte.run_python_script", "a program is run as a task that calls its main function")
rerun = unsupported("flyte.rerun", "`hearth rerun NAME`, or hearth.Run.get(name).rerun()")

_MODULES = ("app", "errors", "extras", "io", "models", "remote")


def __getattr__(name: str) -> Any:
    if name in _MODULES:  # `import flyte` alone makes them reachable, as Flyte's does
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'flyte' has no attribute {name!r} here; docs/coming-from-flyte.md says what stands for what")
