"""`flyte.app.extras`."""

from __future__ import annotations

from hearth.compat.flyte.app.environments import FastAPIAppEnvironment
from hearth.compat.unsupported import unsupported

__all__ = ["FastAPIAppEnvironment", "FastAPIPassthroughAuthMiddleware"]

FastAPIPassthroughAuthMiddleware = unsupported(
    "flyte.app.extras.FastAPIPassthroughAuthMiddleware", "the front door of the node checks tokens; what an app calls with it is "
    "its own affair"
)  # fmt: skip
