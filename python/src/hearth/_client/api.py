"""The names that `hearth` offers to programs and tasks; each is documented where it is defined."""

from __future__ import annotations

from hearth._client.context import Action, Context, ctx, group, trace
from hearth._client.deployment import Deployment, deploy
from hearth._client.handles import Handle
from hearth._client.init import (
    current_domain,
    current_project,
    init,
    init_from_api_key,
    init_from_config,
    init_in_cluster,
)
from hearth._client.mapping import map
from hearth._client.run_context import run, with_runcontext
from hearth._client.runs import Run
from hearth._client.apps import App
from hearth._client.serving import serve, with_servecontext
from hearth._client.shared import disconnect

__all__ = [
    "Action",
    "App",
    "Context",
    "Deployment",
    "Handle",
    "Run",
    "ctx",
    "current_domain",
    "current_project",
    "deploy",
    "disconnect",
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
]
