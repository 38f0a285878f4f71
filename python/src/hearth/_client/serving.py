"""`hearth.serve` and `hearth.with_servecontext`: apps that are found under their names."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from hearth import _declaration as checked
from hearth import _runtime
from hearth._client import settings
from hearth._client.apps import App
from hearth._client.deployment import deploy_all
from hearth._client.forms import Function, Method
from hearth._client.refusals import refuse_in_event_loop
from hearth._environment_base import Environment
from hearth.app import AppEnvironment

__all__ = ["App", "ServeContext", "serve", "with_servecontext"]


class ServeContext:
    """How apps are served: made by `with_servecontext`, used by its `serve`."""

    def __init__(
        self,
        mode: Optional[str] = None,
        *,
        project: Optional[str] = None,
        domain: Optional[str] = None,
        env_vars: Optional[Mapping[str, str]] = None,
        parameter_values: Optional[Mapping[str, Mapping[str, Any]]] = None,
        activate_timeout: Optional[float] = None,
    ) -> None:
        if mode not in (None, "remote"):
            raise ValueError(
                f"mode={mode!r} is not supported: an app is served by a node, and this user's own node is on this machine. "
                f"Leave it out."
            )
        if activate_timeout is not None and not (isinstance(activate_timeout, (int, float)) and activate_timeout > 0):
            raise ValueError(f"activate_timeout must be a number of seconds above 0, or None, not {activate_timeout!r}")
        self._place = (project, domain)
        self._env_vars = checked.variables(env_vars)
        self._values: Dict[str, Mapping[str, Any]] = dict(parameter_values or {})
        self._timeout = activate_timeout

    def _serve(self, *envs: AppEnvironment) -> Union[App, List[App]]:
        """Deploys apps, and what they depend on: their present code is the version that answers requests from now on.

        Requests that older versions have begun to answer are finished. An app that was deactivated is active again. Returns
        the `App` of one environment, a list of them for several. Raises TypeError, ValueError, BundleError, and what the node
        refuses with.
        """
        _runtime.refuse_while_importing("hearth.serve(...)")
        refuse_in_event_loop("hearth.serve(...)", "await hearth.serve.aio(...)")
        return self._serve_all(envs)

    async def _serve_aio(self, *envs: AppEnvironment) -> Union[App, List[App]]:
        here = contextvars.copy_context()  # the place that this coroutine belongs to
        return await asyncio.get_running_loop().run_in_executor(None, functools.partial(here.run, self._serve_all, envs))

    serve = Method(_serve, _serve_aio)

    def _serve_all(self, envs: Tuple[Any, ...]) -> Union[App, List[App]]:
        self._refuse(envs)
        with settings.at(*self._place):
            project, domain = settings.place()
            rows = {row.environment: row for row in deploy_all(envs, self._change)}
        apps = []
        for env in envs:
            row = rows[env.name]
            apps.append(App(env.name, row.version, project, domain, row.is_new, row.node))
        if self._timeout is not None:
            for app in apps:
                app.await_status("ACTIVE", self._timeout)
        return apps[0] if len(apps) == 1 else apps

    def _refuse(self, envs: Tuple[Any, ...]) -> None:
        if not envs:
            raise TypeError("hearth.serve takes at least one hearth.app.AppEnvironment")
        for env in envs:
            if not isinstance(env, AppEnvironment):
                raise TypeError(f"hearth.serve takes a hearth.app.AppEnvironment, not {env!r}; for tasks there is hearth.deploy")
        names = [env.name for env in envs]
        for name in self._values:
            if name not in names:
                raise ValueError(f"parameter_values names the app {name!r}, which is not served here; served are {', '.join(names)}")

    def _change(self, env: Environment, definition: Dict[str, Any]) -> None:
        """Of an app that another one depends on nothing is said here but the variables."""
        if isinstance(env, AppEnvironment) and (self._env_vars or env.name in self._values):
            env.change(definition, self._env_vars, self._values.get(env.name, {}))


def with_servecontext(
    mode: Optional[str] = None,
    *,
    project: Optional[str] = None,
    domain: Optional[str] = None,
    env_vars: Optional[Mapping[str, str]] = None,
    parameter_values: Optional[Mapping[str, Mapping[str, Any]]] = None,
    activate_timeout: Optional[float] = None,
) -> ServeContext:
    """`hearth.serve` with more to say: ``hearth.with_servecontext(env_vars={"LEVEL": "debug"}).serve(env)``.

    Parameters:
        mode: "remote", or nothing: the node, or the cluster, in use.
        project, domain: where the apps belong; default: as of this process.
        env_vars: environment variables of the apps, besides those they declare, and in place of them.
        parameter_values: by app, and by the name of a `hearth.app.Parameter`, another value: ``{"web": {"level": "2"}}``.
        activate_timeout: seconds to wait until the apps serve: their code is imported, and their minimum of replicas is ready;
            None: none.

    Other variables or values are another version. Raises TypeError, ValueError; with `activate_timeout` also TimeoutError, and
    InterpreterStartError when an app does not start.
    """
    return ServeContext(
        mode, project=project, domain=domain, env_vars=env_vars, parameter_values=parameter_values,
        activate_timeout=activate_timeout,
    )  # fmt: skip


def _serve(*envs: AppEnvironment) -> Union[App, List[App]]:
    return ServeContext()._serve(*envs)


async def _serve_aio(*envs: AppEnvironment) -> Union[App, List[App]]:
    return await ServeContext()._serve_aio(*envs)


_serve.__doc__ = ServeContext._serve.__doc__
serve = Function(_serve, _serve_aio)
serve.__name__ = serve.__qualname__ = "serve"
