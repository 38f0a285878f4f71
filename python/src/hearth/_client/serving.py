"""`hearth.serve`: apps that are found under their names, and handles of them."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from typing import Any, List, Union

from hearth import _runtime
from hearth._client import settings
from hearth._client.deployment import deploy_all
from hearth._client.forms import Function
from hearth._client.refusals import refuse_in_event_loop
from hearth.app import AppEnvironment
from hearth.app._parameters import endpoint_path

__all__ = ["App", "serve"]


@dataclasses.dataclass(frozen=True)
class App:
    """An app on a node.

    Attributes: ``name``, ``version`` (15 hex digits), ``project`` and ``domain``, ``is_new`` (whether the node did not have
    this version before), ``node``.
    """

    name: str
    version: str
    project: str
    domain: str
    is_new: bool
    node: str

    @property
    def endpoint(self) -> str:
        """Where it is found below the HTTP address of its node: a path that ends with "/"."""
        return endpoint_path(self.project, self.domain, self.name)


def _serve(*envs: AppEnvironment) -> Union[App, List[App]]:
    """Deploys apps, and what they depend on: their present code is the version that answers requests from now on.

    Requests that older versions have begun to answer are finished. Returns the `App` of one environment, a list of them for
    several. Raises TypeError, ValueError, BundleError, and what the node refuses with.
    """
    _runtime.refuse_while_importing("hearth.serve(...)")
    refuse_in_event_loop("hearth.serve(...)", "await hearth.serve.aio(...)")
    return _serve_all(envs)


async def _serve_aio(*envs: AppEnvironment) -> Union[App, List[App]]:
    return await asyncio.get_running_loop().run_in_executor(None, functools.partial(_serve_all, envs))


def _serve_all(envs: Any) -> Union[App, List[App]]:
    if not envs:
        raise TypeError("hearth.serve takes at least one hearth.app.AppEnvironment")
    for env in envs:
        if not isinstance(env, AppEnvironment):
            raise TypeError(f"hearth.serve takes a hearth.app.AppEnvironment, not {env!r}; for tasks there is hearth.deploy")
    project, domain = settings.place()
    rows = {row.environment: row for row in deploy_all(envs)}
    apps = []
    for env in envs:
        row = rows[env.name]
        apps.append(App(env.name, row.version, project, domain, row.is_new, row.node))
    return apps[0] if len(apps) == 1 else apps


serve = Function(_serve, _serve_aio)
serve.__name__ = serve.__qualname__ = "serve"
