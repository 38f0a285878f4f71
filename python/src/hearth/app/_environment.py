"""An app: an environment whose calls are HTTP requests."""

from __future__ import annotations

import inspect
import os
import shlex
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, TypeVar, Union

from hearth import _declaration as checked
from hearth._cache import Cache
from hearth._checks import milliseconds, whole_number
from hearth._environment_base import Environment
from hearth._resources import Resources
from hearth.app._application import AppHook, Served, protocol_of, server_function
from hearth.app._changes import change
from hearth.app._parameters import Parameter, checked_parameters, variables_of
from hearth.app._scaling import Scaling
from hearth.app._words import Domain, Link, Timeouts, app_name

if TYPE_CHECKING:
    from hearth._secret import SecretRequest

__all__ = ["AppEnvironment"]

H = TypeVar("H", bound=Callable[[], Any])

# Those that Knative takes for itself; a program that moves between both keeps its port.
_RESERVED_PORTS = (8012, 8022, 8112, 9090, 9091)
_PORT_MAX = 65_535
_CONCURRENCY_MAX = 4096  # the node's limit
_CONCURRENCY = {"wsgi": 1}  # requests that a replica gets at once, unless the app says otherwise ...
_CONCURRENCY_ELSE = 100  # ... and where they share an event loop, or a server of their own
_HOST = "hearth._worker.apps"  # the module in an interpreter that serves
_OWN_VARIABLES = ("HEARTH_APP", "PORT")

_WORDS = ("port", "args", "command", "scaling", "requires_auth", "domain", "env_vars", "secrets", "resources", "parameters",
          "timeouts", "include", "depends_on", "description", "image", "links", "python", "preload", "mounts", "isolation",
          "concurrency", "app", "health")  # fmt: skip


class AppEnvironment(Environment):
    """A named HTTP service. A node takes the requests, and warm interpreters answer them.

    Exactly one of these serves: `app`, an ASGI or WSGI application; a function with ``@env.server`` or a `command`, which
    listen on `port` themselves.

    Parameters:
        name: lower-case letters and digits, in words joined by "-", at most 30 characters. A task environment of the same
            name is the same to a node: it is refused.
        port: where a server function or command listens, if no other replica does so on the machine; else a replica gets
            another one. The variable ``PORT`` says which: what takes its port from there can have several replicas on a node.
        args, command: a program and its arguments, each a text as for a shell or a list of texts; ``$NAME`` and ``${NAME}``
            in it are replaced by variables when a replica starts, and stay where there is no such variable. Programs beside
            the interpreter come before those of ``PATH``. It listens on 127.0.0.1, and ends when it gets SIGTERM.
        scaling: a `Scaling`: how many replicas there may be; default: none while nobody asks, else one.
        requires_auth: whether a request needs a token.
        domain: a `Domain`: further names under which it is found.
        env_vars: environment variables. ``HEARTH_APP`` is the app's name.
        secrets, resources, include, depends_on, description, image, python, preload, mounts, isolation: as of a
            `hearth.TaskEnvironment`.
        parameters: what replicas are told, each a `Parameter`.
        timeouts: a `Timeouts`.
        links: what listings point to, each a `Link`.
        concurrency: requests that one replica gets at once, at most; None: 1 for a WSGI application, which has a thread for
            each, else 100, or what `Scaling.Concurrency` aims at if that is more.
        app: the application: an object that is called with (scope, receive, send) or with (environ, start_response).
        health: path that answers below 500 when a server function or command is ready; None: as soon as it listens.

    Raises ValueError, TypeError. Example::

        async def app(scope, receive, send): ...

        env = AppEnvironment("hello", app=app, scaling=Scaling(replicas=(0, 4), scaledown_after=300))
    """

    _kind = "app"

    def __init__(
        self,
        name: str,
        *,
        port: int = 8080,
        args: Union[str, Sequence[str], None] = None,
        command: Union[str, Sequence[str], None] = None,
        scaling: Optional[Scaling] = None,
        requires_auth: bool = True,
        domain: Optional[Domain] = None,
        env_vars: Optional[Mapping[str, str]] = None,
        secrets: Optional[SecretRequest] = None,
        resources: Optional[Resources] = None,
        parameters: Sequence[Parameter] = (),
        timeouts: Optional[Timeouts] = None,
        include: Sequence[str] = (),
        depends_on: Sequence[Environment] = (),
        description: Optional[str] = None,
        image: Optional[str] = "auto",
        links: Sequence[Link] = (),
        python: Union[str, os.PathLike[str], None] = None,
        preload: Sequence[str] = (),
        mounts: Sequence[str] = (),
        isolation: Optional[str] = None,
        concurrency: Optional[int] = None,
        app: Any = None,
        health: Optional[str] = None,
        **other: Any,
    ) -> None:
        self._refuse_words(app_name(name), other, True, _WORDS)
        super().__init__(
            name, depends_on, resources, env_vars, secrets, description, include, image, python, preload, mounts, isolation
        )
        self.port = _port(port, name)
        self.command = _argv(command, "command")
        self.args = _argv(args, "args")
        self.scaling = Scaling() if scaling is None else _instance(scaling, Scaling, "scaling")
        if type(requires_auth) is not bool:
            raise TypeError(f"requires_auth must be True or False, not {requires_auth!r}")
        self.requires_auth = requires_auth
        self.domain = Domain() if domain is None else _instance(domain, Domain, "domain")
        self.parameters = checked_parameters(parameters)
        self.timeouts = Timeouts() if timeouts is None else _instance(timeouts, Timeouts, "timeouts")
        self.links = tuple(_instance(link, Link, "each of links") for link in links)
        self.concurrency = None if concurrency is None else whole_number(concurrency, "concurrency", 1, _CONCURRENCY_MAX)
        self._protocol = "" if app is None else protocol_of(app, name)
        self.app = app
        self.health = _health(health)
        self._server: Optional[Callable[..., Any]] = None
        self._refuse_variables()

    def _refuse_variables(self) -> None:
        taken = {one.env_var: f"Parameter {one.name!r}" for one in self.parameters if one.env_var is not None}
        for name in (*self.env_vars, *taken):
            if name in _OWN_VARIABLES:
                raise ValueError(f"app {self.name!r}: the variable {name} is set for it: PORT with port=, HEARTH_APP to its name")
            if name in self.env_vars and name in taken:
                raise ValueError(f"app {self.name!r}: {taken[name]} and env_vars both set the variable {name}; rename one")

    # -- decorators --------------------------------------------------------------------------------------------------

    def server(self, func: H, /) -> H:
        """Has each replica run `func`, which serves HTTP at the port that the variable ``PORT`` says, until it is told to end.

        It has no parameters and may be async: then it is cancelled, else SIGTERM ends it, where the server that it runs has no
        handler of its own. It runs in a process below the replica, in which the functions of `on_startup` run before it and those
        of `on_shutdown` after it, so that they share its global variables. When it returns, the replica is over, and another one
        takes its place. There is one; a second one is refused with ValueError.
        """
        server_function(func, self.name)
        if self._server is not None and not checked.same_place(self._server, func):
            raise ValueError(f"app {self.name!r} has a server function already, {self._server.__qualname__!r}; take one away")
        self._server = func
        self.revision += 1
        return func

    def on_startup(self, func: H, /) -> H:
        """Has each replica run `func` once, before its first request; as `hearth.TaskEnvironment.on_start`.

        Before a command starts, in another process than that; before the function of `server`, in the same process.
        """
        self._take_hook(AppHook(self.name, func, False))
        return func

    def on_shutdown(self, func: H, /) -> H:
        """Has each replica run `func` once, when it ends politely; as `hearth.TaskEnvironment.on_stop`.

        Behind the end of a command, or of the function of `server`, where `on_startup` has run.
        """
        self._take_hook(AppHook(self.name, func, True))
        return func

    # -- what serves -------------------------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """ "asgi", "wsgi", "server" or "command". Raises ValueError unless exactly one of them is there."""
        given = {"app=": bool(self._protocol), f"@{self.name}.server": self._server is not None, "command=": bool(self.command)}
        there = [word for word, is_there in given.items() if is_there]
        if len(there) != 1:
            what = f"has {' and '.join(there)}" if there else "has nothing that serves its requests"
            raise ValueError(f"app {self.name!r} {what}; give it exactly one of {', '.join(given)}")
        if self.args and not self.command:
            raise ValueError(f"app {self.name!r}: args= belong to a command; add command=, or leave them out")
        return self._protocol or ("command" if self.command else "server")

    def parts(self) -> List[Any]:
        served = self.app if self._protocol else self._server
        return super().parts() if served is None else [*super().parts(), Served(self, served)]

    # -- the wire ----------------------------------------------------------------------------------------------------

    def definition(
        self, *, project: str = "default", domain: str = "development", bundle: str = "", python: str = ""
    ) -> Dict[str, Any]:
        """As of `TaskEnvironment`, with what an app has more (`App` of schema/environment.capnp)."""
        found = super().definition(project=project, domain=domain, bundle=bundle, python=python)
        variables = {
            **self.env_vars,
            **variables_of(self.parameters, project, domain),
            "HEARTH_APP": self.name,
            "PORT": str(self.port),
        }
        found["variables"] = [{"name": name, "value": value} for name, value in sorted(variables.items())]
        files = [one.value.path for one in self.parameters if hasattr(one.value, "path")]
        found["mounts"] += [path for path in dict.fromkeys(files) if path not in self.mounts]
        # The host's own come first, so that what is declared starts behind them, and stops before; around a command it is the
        # other way.
        own, declared = [self._host_hook("start", False), self._host_hook("stop", True)], found["hooks"]
        found["hooks"] = [*declared, *own] if self.kind == "command" else [*own, *declared]
        found["app"] = self._app_row()
        return found

    def change(self, definition: Dict[str, Any], env_vars: Mapping[str, str], values: Mapping[str, Any]) -> None:
        """Puts other variables, and other values of parameters, into what `definition` gave. Raises TypeError, ValueError."""
        change(definition, self, checked.variables(env_vars), values, _OWN_VARIABLES)

    def _app_row(self) -> Dict[str, Any]:
        metric, target = self.scaling.metric_definition()
        served = next((part for part in self.parts() if isinstance(part, Served)), None)
        origin = None if served is None else served.origin()
        return {
            "kind": self.kind,
            "module": origin.module if origin else "",
            "attribute": origin.function if origin else "",
            "pickle": origin.pickle if origin else "",
            "isAsync": inspect.iscoroutinefunction(self._server),
            "command": [*self.command, *self.args],
            "port": self.port,
            "health": self.health,
            "requiresAuth": self.requires_auth,
            "hosts": self.domain.hosts,
            "requestTimeoutMs": self._timeout_ms(),
            "metric": metric,
            "target": target,
            "inactive": False,
        }

    def _timeout_ms(self) -> int:
        return milliseconds(self.timeouts.request)

    def _concurrency(self) -> int:
        if self.concurrency is not None:
            return self.concurrency
        if self.kind in _CONCURRENCY:
            return _CONCURRENCY[self.kind]
        metric, target = self.scaling.metric_definition()
        return min(max(_CONCURRENCY_ELSE, target if metric == "concurrency" else 0), _CONCURRENCY_MAX)

    def _reuse_row(self) -> Dict[str, Any]:
        return self.scaling.definition(self._concurrency())

    def _host_hook(self, function: str, is_stop: bool) -> Dict[str, Any]:
        # What is async runs in the event loop of the requests, which a WSGI application with several threads has as well.
        is_async = self.kind != "wsgi" or self._concurrency() > 1
        return {"module": _HOST, "function": function, "pickle": "", "isAsync": is_async, "isStop": is_stop}

    def _task_rows(self) -> List[Dict[str, Any]]:
        """One function under two names: a request whose method is idempotent may run again when its interpreter is lost."""
        return [self._task_row("request", 0), self._task_row("idempotent_request", 1)]

    def _task_row(self, word: str, lost: int) -> Dict[str, Any]:
        return {
            "name": f"{self.name}.{word}",
            "shortName": word,
            "module": _HOST,
            "function": "request",
            "pickle": "",
            "isAsync": self.kind != "wsgi",
            "retries": {"count": 0, "lost": lost, "backoffBaseMs": 0, "backoffFactor": 1.0, "backoffCapMs": 0},
            "timeout": {"maxRuntimeMs": 0, "maxQueuedMs": 0, "deadlineMs": 0},  # the front door watches the time
            "maxInlineIoBytes": 0,
            "cache": Cache.of("disable").definition(),
            "docs": "",
            "signature": "(data: bytes) -> bytes",
        }

    def __repr__(self) -> str:
        return f"<app {self.name}>"


def _instance(value: Any, cls: type, word: str) -> Any:
    if not isinstance(value, cls):
        raise TypeError(f"{word} must be a hearth.app.{cls.__name__}, not {value!r}")
    return value


def _port(value: object, name: str) -> int:
    found = whole_number(value, "port", 1, _PORT_MAX)
    if found in _RESERVED_PORTS:
        raise ValueError(
            f"app {name!r}: port {found} is reserved, as are {', '.join(map(str, _RESERVED_PORTS))}; take another, such as 8080"
        )
    return found


def _argv(value: Any, word: str) -> Tuple[str, ...]:
    """The words of a command, which a text has as a shell reads them."""
    if value is None:
        return ()
    if not isinstance(value, str):
        return checked.texts(value, word)
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise ValueError(f"{word}={value!r} cannot be read as a shell reads it: {error}; write a list of texts") from None


def _health(value: Optional[str]) -> str:
    found = checked.text(value, "health")
    if found and not (found.startswith("/") and found.isascii() and found.isprintable() and " " not in found):
        raise ValueError(f"health must be a path such as '/health', not {value!r}")
    return found
