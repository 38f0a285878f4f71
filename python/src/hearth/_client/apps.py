"""Handles of apps that are deployed: how they are, and what may be done with them."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import functools
import os
import time
from typing import Any, Collection, List, Mapping, Optional

from hearth._client import log_stream, rows, settings, shared
from hearth._client.forms import Function, Method
from hearth._client.refusals import refuse_in_event_loop
from hearth.app._parameters import endpoint_path
from hearth.errors import InterpreterStartError, RemoteTaskNotFoundError

__all__ = ["App", "http_socket"]

ACTIVATE_TIMEOUT = 60.0
"""Seconds that `activate(wait=True)` and `deactivate(wait=True)` wait when nothing else is said."""

_LOOK_AGAIN = 0.1  # seconds; nobody tells clients of a change


async def _in_thread(function: Any, *args: Any, **kwargs: Any) -> Any:
    here = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(None, functools.partial(here.run, function, *args, **kwargs))


def http_socket(path: str) -> str:
    """Where the node whose socket is at `path` takes requests over HTTP; "" for a node of another machine."""
    if not path.startswith("/"):
        return ""
    folder, name = os.path.split(path)
    return os.path.join(folder, os.path.splitext(name)[0] + ".http.sock")


def _app_rows(name: str) -> List[Mapping[str, Any]]:
    return shared.on_live_connection(lambda connection: connection.rows("apps", name))


def _get(name: str, project: Optional[str] = None, domain: Optional[str] = None) -> App:
    """The app `name` of the project and domain, by default those of this process. Blocks.

    Raises RemoteTaskNotFoundError when it is not deployed, NodeUnavailableError.
    """
    refuse_in_event_loop("hearth.App.get(...)", "await hearth.App.get.aio(...)")
    return _found(name, project, domain)


def _found(name: str, project: Optional[str] = None, domain: Optional[str] = None) -> App:
    with settings.at(project, domain):
        place = settings.place()
    return _handle(_row(name, *place))


def _row(name: str, project: str, domain: str) -> Mapping[str, Any]:
    for row in _app_rows(f"{project}/{domain}/{name}"):
        return row
    raise RemoteTaskNotFoundError(
        f"There is no app {name} in project {project}, domain {domain}; `hearth get apps` lists those that are deployed."
    )


def _listall(in_status: Collection[str] = ()) -> List[App]:
    """All apps that are deployed, of every project, by their names; with `in_status` those in one of these, such as
    ``("ACTIVE", "FAILED")``. Blocks."""
    refuse_in_event_loop("hearth.App.listall()", "await hearth.App.listall.aio()")
    return _all(in_status)


def _all(in_status: Collection[str]) -> List[App]:
    wanted = (in_status,) if isinstance(in_status, str) else tuple(in_status)
    return [_handle(row) for row in _app_rows("") if not wanted or row.get("status") in wanted]


def _handle(row: Mapping[str, Any]) -> App:
    return App(row.get("name", ""), row.get("version", ""), row.get("project", ""), row.get("domain", ""), False,
               row.get("node", ""))  # fmt: skip


@dataclasses.dataclass(frozen=True)
class App:
    """An app that is deployed: from `hearth.serve`, or found with `App.get`. Blocking methods have an ``.aio`` form.

    Attributes: ``name``, ``version`` (15 hex digits) and whether it ``is_new`` (the node did not have it before), ``project``
    and ``domain``, ``node``.
    """

    name: str
    version: str
    project: str
    domain: str
    is_new: bool
    node: str

    get = Function(_get, lambda *args, **kwargs: _in_thread(_found, *args, **kwargs))
    listall = Function(_listall, lambda in_status=(): _in_thread(_all, in_status))

    @property
    def endpoint(self) -> str:
        """Where it is found below the HTTP address of its node: a path that ends with "/"."""
        return endpoint_path(self.project, self.domain, self.name)

    @property
    def url(self) -> str:
        """The command that shows it."""
        place = "" if (self.project, self.domain) == ("default", "development") else f"{self.project}/{self.domain}/"
        return f"hearth get app {place}{self.name}"

    # -- how it is ---------------------------------------------------------------------------------------------------

    @property
    def status(self) -> str:
        """ACTIVE, SCALING_UP, SCALING_DOWN, DEPLOYING, PENDING, FAILED or STOPPED. Asks the node; `details` says more."""
        refuse_in_event_loop("app.status", "(await app.details.aio()).status")
        return self._details().status

    def _details(self) -> rows.AppDetails:
        """How it is now. Raises RemoteTaskNotFoundError when it was deleted."""
        return rows.app_details(_row(self.name, self.project, self.domain))

    def _replicas(self) -> List[rows.ReplicaDetails]:
        """The replicas that there are, of all versions."""
        return [rows.replica_details(row) for row in self._replica_rows()]

    def _replica_rows(self) -> List[Mapping[str, Any]]:
        versions = {row.get("version") for row in shared.on_live_connection(lambda c: c.rows("environments", self._key))}
        found = shared.on_live_connection(lambda c: c.rows("replicas", self.name))
        return [row for row in found if row.get("version") in versions]

    @property
    def _key(self) -> str:
        return f"{self.project}/{self.domain}/{self.name}"

    def _logs(self, limit: int = 0) -> List[log_stream.Line]:
        """What happened to it and what its replicas printed, in the order of time: sentences about its scaling have the stream
        "system". `limit`: the last so many lines; 0: all that is kept."""
        connection = shared.live_connection()
        events = connection.rows("events", self._key)
        lines = [
            log_stream.Line(row.get("text", ""), "system", "", int(row.get("unixMs", 0)) * 1_000_000, int(row.get("replica", 0)))
            for row in events
        ]
        numbers = {int(row.get("replica", 0)) for row in events} | {int(row.get("id", 0)) for row in self._replica_rows()}
        for number in sorted(numbers - {0}):
            lines += log_stream.LogStream(connection.path, f"replica/{number}", follow=False)
        lines.sort(key=lambda line: line.unix_ns)
        return lines[-limit:] if limit > 0 else lines

    # -- what may be done with it ------------------------------------------------------------------------------------

    def _activate(self, wait: bool = False, timeout: float = ACTIVATE_TIMEOUT) -> App:
        """Lets it serve, also after `deactivate`. With `wait` it returns when its minimum of replicas is ready.

        Raises InterpreterStartError when it fails meanwhile, TimeoutError after `timeout` seconds.
        """
        self._change("activate")
        if wait:
            self.await_status("ACTIVE", timeout)
        return self

    def _deactivate(self, wait: bool = False, timeout: float = ACTIVATE_TIMEOUT) -> App:
        """Refuses its requests and ends its replicas, which answer before what they have; it stays so over restarts, until
        `activate`, or until it is served again. With `wait` it returns when no replica is left."""
        self._change("deactivate")
        if wait:
            self.await_status("STOPPED", timeout)
        return self

    def _delete(self) -> None:
        """Takes it away. Its replicas end when they have answered what they have."""
        self._change("delete")

    def await_status(self, status: str, timeout: float) -> None:
        """Blocks until it has this status; one that serves while another version answers what it has is ACTIVE here. Raises
        TimeoutError, and InterpreterStartError when it has FAILED."""
        deadline = time.monotonic() + timeout
        while True:
            now = self._details()
            # What another version has still to answer may take as long as a stream does; this one serves.
            serves = (now.status, now.sub_status) == ("DEPLOYING", "RUNNING")
            if now.status == status or (serves and status == "ACTIVE"):
                return
            if now.status == "FAILED":
                raise InterpreterStartError(f"App {self.name} is FAILED {now.sub_status}: {now.why}")
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"App {self.name} is {now.status} and not {status} after {timeout:g} s; `hearth explain app {self.name}` "
                    "says why."
                )
            time.sleep(_LOOK_AGAIN)

    def _change(self, what: str) -> None:
        refuse_in_event_loop(f"app.{what}()", f"await app.{what}.aio()")
        order = {"project": self.project, "domain": self.domain, "name": self.name, "what": what}
        shared.on_live_connection(lambda connection: connection.ask("changeApp", order))

    details = Method(_details, lambda self: _in_thread(self._details))
    replicas = Method(_replicas, lambda self: _in_thread(self._replicas))
    logs = Method(_logs, lambda self, *args, **kwargs: _in_thread(self._logs, *args, **kwargs))
    activate = Method(_activate, lambda self, *args, **kwargs: _in_thread(self._activate, *args, **kwargs))
    deactivate = Method(_deactivate, lambda self, *args, **kwargs: _in_thread(self._deactivate, *args, **kwargs))
    delete = Method(_delete, lambda self: _in_thread(self._delete))

