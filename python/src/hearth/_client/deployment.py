"""`hearth.deploy`: environments that are open before anybody calls their tasks."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from hearth import _runtime
from hearth._client import environments, shared
from hearth._client.forms import Function
from hearth._client.refusals import refuse_in_event_loop
from hearth._environment_base import Environment

if TYPE_CHECKING:
    from hearth._client.connection import Connection

__all__ = ["Change", "Deployment", "deploy", "deploy_all"]


@dataclasses.dataclass(frozen=True)
class Deployment:
    """An environment on a node: its name, its version (15 hex digits), and whether the node had it before."""

    environment: str
    version: str
    is_new: bool
    node: str


def _deploy(*envs: Environment) -> List[Deployment]:
    """Makes the present code of `envs`, apps among them, and of what they depend on, the versions that stay warm on the node.

    The minimum of replicas that a reuse policy names starts at once. Replicas of other versions end as soon as nothing
    of them is open; programs that call those versions are still served, from a cold start.

    Returns one `Deployment` per environment, dependencies first. Raises TypeError, BundleError, and what the node
    refuses with.
    """
    _runtime.refuse_while_importing("hearth.deploy(...)")
    refuse_in_event_loop("hearth.deploy(...)", "await hearth.deploy.aio(...)")
    return deploy_all(envs)


async def _deploy_aio(*envs: Environment) -> List[Deployment]:
    return await asyncio.get_running_loop().run_in_executor(None, functools.partial(deploy_all, envs))


Change = Callable[[Environment, Dict[str, Any]], None]
"""Called with an environment and what the node will be told of it, which it may change."""


def deploy_all(envs: Any, change: Optional[Change] = None) -> List[Deployment]:
    """The same, wherever it may block."""
    ordered: List[Environment] = []
    for env in envs:
        if not isinstance(env, Environment):
            raise TypeError(f"hearth.deploy takes environments, not {env!r}")
        _add_with_dependencies(env, ordered, [])
    return [shared.on_live_connection(functools.partial(_deploy_one, env, change)) for env in ordered]


def _deploy_one(env: Environment, change: Optional[Change], connection: Connection) -> Deployment:
    opened = environments.open_environment(connection, env, deploy=True, change=change)
    return Deployment(env.name, opened.version, opened.is_new, connection.node)


def _add_with_dependencies(env: Environment, ordered: List[Environment], path: List[Environment]) -> None:
    if any(env is other for other in (*ordered, *path)):
        return
    for other in env.depends_on:
        _add_with_dependencies(other, ordered, [*path, env])
    ordered.append(env)


deploy = Function(_deploy, _deploy_aio)
deploy.__name__ = deploy.__qualname__ = "deploy"
