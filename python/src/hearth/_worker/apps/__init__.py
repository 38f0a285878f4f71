"""Serves the requests of an app: each is a call whose value is an HTTP request as text, and whose result is the response.

The node parses and checks HTTP; what arrives here is in one canonical form (see `text`). `load` is for the zygote, once;
`start`, `request` and `stop` are what an app's definition names as its first hook, its tasks and its last hook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional, Protocol

from ..loading import LoadFailure, find_object
from ..settings import AppEntry, Settings

if TYPE_CHECKING:
    from .server import Server

__all__ = ["CODEC", "load", "loaded_server", "request", "start", "stop"]


class Host(Protocol):
    """What serves one application in this process. Where the app is async, the methods return awaitables."""

    def start(self) -> Any:
        """Before the first request. Raises LoadFailure."""

    def stop(self) -> Any:
        """At a polite end, behind the last request."""

    def request(self, data: bytes) -> Any:
        """The response to the request `data`, both as text. Raises what the application raises."""


class _Bytes:
    """The codec of an app's calls: bytes are what they are."""

    @staticmethod
    def decode_arguments(body: Any) -> Dict[str, Any]:
        return {"data": body if type(body) is bytes else bytes(body)}

    @staticmethod
    def encode_result(value: bytes) -> bytes:
        return value


CODEC = _Bytes()

_host: Optional[Host] = None


def load(entry: AppEntry, settings: Settings) -> None:
    """Finds what serves; from now on this process serves it. Raises LoadFailure."""
    global _host
    if entry.kind == "command":
        from .command import Command
        from .forward import ForwardHost

        _host = ForwardHost(entry, Command(entry))
        return
    served = find_object(entry, settings)
    if not callable(served):
        raise LoadFailure(
            f"{entry.function!r} of module {entry.module!r}, {entry.label}, is a {type(served).__name__}, which cannot "
            f"be called; rename one of the two."
        )
    if entry.kind == "server":
        from .forward import ForwardHost
        from .server import Server

        _host = ForwardHost(entry, Server(entry, served, settings))
    elif entry.kind == "asgi":
        from .asgi import AsgiHost

        _host = AsgiHost(entry.name, served)
    else:
        from .wsgi import WsgiHost

        _host = WsgiHost(served, settings.concurrency > 1)


def start() -> Any:
    """The first hook."""
    return _served().start()


def stop() -> Any:
    """The last hook."""
    return _served().stop()


def request(data: bytes) -> Any:
    """The function of both tasks."""
    return _served().request(data)


def loaded_server() -> Server:
    """What was loaded for an app of kind "server"; for the process of the function."""
    launch = getattr(_host, "launch", None)
    assert launch is not None
    return launch  # type: ignore[no-any-return]


def _served() -> Host:
    if _host is None:
        raise LoadFailure("This interpreter serves no app: its environment names none.")
    return _host
