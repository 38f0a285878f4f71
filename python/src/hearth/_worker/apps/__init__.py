"""Serves the requests of an app: each is a call whose value is an HTTP request as text, and whose result is the response.

The node parses and checks HTTP; what arrives here is in one canonical form (see `text`). `load` is for the zygote, once;
`start`, `request` and `stop` are what an app's definition names as its first hook, its tasks and its last hook.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Protocol

from ..loading import LoadFailure, find_object
from ..settings import AppEntry, Settings

__all__ = ["CODEC", "load", "request", "start", "stop"]


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
    """Finds the application; from now on this process serves it. Raises LoadFailure."""
    global _host
    if entry.kind not in ("asgi", "wsgi"):
        raise LoadFailure(
            f"App {entry.name!r} runs a server of its own ({entry.kind}), which this node does not start yet. Give "
            f"AppEnvironment(app=...) an ASGI or WSGI application."
        )
    application = find_object(entry, settings)
    if not callable(application):
        raise LoadFailure(
            f"{entry.function!r} of module {entry.module!r}, {entry.label}, is a {type(application).__name__}, which cannot "
            f"be called; rename one of the two."
        )
    if entry.kind == "asgi":
        from .asgi import AsgiHost

        _host = AsgiHost(entry.name, application)
    else:
        from .wsgi import WsgiHost

        _host = WsgiHost(application, settings.concurrency > 1)


def start() -> Any:
    """The first hook."""
    return _served().start()


def stop() -> Any:
    """The last hook."""
    return _served().stop()


def request(data: bytes) -> Any:
    """The function of both tasks."""
    return _served().request(data)


def _served() -> Host:
    if _host is None:
        raise LoadFailure("This interpreter serves no app: its environment names none.")
    return _host
