"""Applications that speak WSGI (PEP 3333), called in a thread for each request."""

from __future__ import annotations

import io
import sys
import urllib.parse
import wsgiref.util
from typing import Any, Callable, Dict, List, Optional, Tuple

from .exchange import Exchange
from .failures import tell
from .text import RequestHead

__all__ = ["WsgiHost"]

# Fields with names of their own in the environment.
_OWN_NAMES = (b"content-type", b"content-length")


class WsgiHost:
    """One application; `threads`: several requests are under way at once."""

    def __init__(self, application: Callable[..., Any], threads: bool) -> None:
        self._application = application
        self._threads = threads

    def start(self) -> None:
        """WSGI has no word for it."""

    def stop(self) -> None:
        """WSGI has no word for it."""

    def request(self, data: bytes) -> bytes:
        exchange = Exchange(data)
        try:
            self._answer(exchange)
        except Exception as error:
            tell(error, exchange.head, exchange.finished)
            if not exchange.finished:
                raise
        return exchange.take()

    def _answer(self, exchange: Exchange) -> None:
        response = _Response(exchange)
        pieces = self._application(self._environ(exchange), response.start)
        try:
            for piece in pieces:
                response.write(piece)
            if not exchange.begun:
                raise RuntimeError("The WSGI application returned without a call of start_response.")
            exchange.finish()
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()

    def _environ(self, exchange: Exchange) -> Dict[str, Any]:
        head = exchange.head
        name, port = head.server or ("localhost", 80)
        environ: Dict[str, Any] = {
            "REQUEST_METHOD": head.method,
            "SCRIPT_NAME": _native(head.prefix),
            "PATH_INFO": _native(head.path),
            "QUERY_STRING": head.query.decode("latin-1"),
            "SERVER_NAME": name,
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": head.client or "",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": head.scheme,
            "wsgi.input": io.BytesIO(exchange.read() or b""),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": self._threads,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": wsgiref.util.FileWrapper,
        }
        environ.update(_variables(head))
        return environ


def _native(path: bytes) -> str:
    """A path as WSGI has it: percent-decoded bytes, each of them a character."""
    return urllib.parse.unquote_to_bytes(path).decode("latin-1")


def _variables(head: RequestHead) -> Dict[str, str]:
    """The fields. Those that would pass for another one are left out: a name with "_", which becomes the same variable as
    that with "-", and Proxy, which programs take for the address of a proxy."""
    found: Dict[str, str] = {}
    for name, value in head.fields:
        if b"_" in name or name == b"proxy":
            continue
        word = name.decode("latin-1").upper().replace("-", "_")
        variable = word if name in _OWN_NAMES else f"HTTP_{word}"
        text = value.decode("latin-1")
        if variable in found:
            text = f"{found[variable]}{'; ' if name == b'cookie' else ','}{text}"
        found[variable] = text
    return found


class _Response:
    """`start_response` and `write` of one request."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def start(self, status: str, headers: List[Tuple[str, str]], exc_info: Optional[Any] = None) -> Callable[[bytes], None]:
        if exc_info is not None:
            try:
                if self._exchange.sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # no cycle through the frame
        elif self._exchange.begun:
            raise RuntimeError("The WSGI application called start_response twice; only exc_info allows that.")
        number, _, reason = status.partition(" ")
        if not (len(number) == 3 and number.isdecimal()):
            raise ValueError(f"the status of a response must be a text such as '200 OK', not {status!r}")
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self._exchange.begin(int(number), fields, reason.strip().encode("latin-1"))
        return self.write

    def write(self, piece: bytes) -> None:
        if not isinstance(piece, (bytes, bytearray)):
            raise TypeError(f"a piece of a response must be bytes, not {type(piece).__name__}; encode it")
        if piece and not self._exchange.begun:
            raise RuntimeError("The WSGI application sent a body before it had called start_response.")
        self._exchange.write(piece)
