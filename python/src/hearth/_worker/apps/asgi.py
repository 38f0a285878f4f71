"""Applications that speak ASGI 3, called in the event loop of the replica: https://asgi.readthedocs.io, version 2.3."""

from __future__ import annotations

import asyncio
import sys
import urllib.parse
from typing import Any, Callable, Dict, List, Mapping, Optional, Union

from ... import _runtime
from .exchange import Exchange
from .failures import tell
from .input_stream import InputStream
from .lifespan import Lifespan
from .reply_stream import ReplyStream
from .text import RequestHead
from .web_socket import WebSocket

__all__ = ["AsgiHost"]

_VERSIONS = {"version": "3.0", "spec_version": "2.3"}


class AsgiHost:
    """One application with its lifespan."""

    def __init__(self, name: str, application: Callable[..., Any]) -> None:
        self._application = application
        self._lifespan = Lifespan(name, application, _VERSIONS)
        self._path_has_prefix = _path_has_prefix()

    async def start(self) -> None:
        await self._lifespan.start()

    async def stop(self) -> None:
        await self._lifespan.stop()

    async def request(self, data: bytes) -> bytes:
        exchange = Exchange(data)
        call: Any = _runtime.current()
        if exchange.head.opens_socket:
            return await self._socket(exchange.head, call)
        conversation = _Conversation(exchange, call)
        if call is not None:
            call.future = _Ending(conversation, call.future)
        scope = self._scope(exchange.head)
        try:
            await self._application(scope, conversation.receive, conversation.send)
            if not exchange.finished:
                missing = "the end of its response" if exchange.begun else "a response"
                raise RuntimeError(f"The ASGI application returned without {missing}.")
        except Exception as error:
            if call is None or not call.cancelled:
                tell(error, exchange.head, exchange.finished)
            if not exchange.finished:
                raise
        finally:
            conversation.disconnect()
        return exchange.take()

    async def _socket(self, head: RequestHead, call: Any) -> bytes:
        """A WebSocket, from its handshake to its end."""
        socket = WebSocket(head, call)
        call.future = _Ending(socket, call.future)
        scope = self._scope(head)
        scope["type"] = "websocket"
        scope["scheme"] = "wss" if head.scheme == "https" else "ws"
        scope["subprotocols"] = head.subprotocols
        del scope["method"]
        try:
            await self._application(scope, socket.receive, socket.send)
            return await socket.finish()
        except Exception as error:
            if not call.cancelled:
                tell(error, head, False)
            raise
        finally:
            socket.disconnect()

    def _scope(self, head: RequestHead) -> Dict[str, Any]:
        prefix = head.prefix
        raw_path = prefix + head.path if self._path_has_prefix else head.path
        return {
            "type": "http",
            "asgi": _VERSIONS,
            "http_version": "1.1",
            "method": head.method,
            "scheme": head.scheme,
            "path": urllib.parse.unquote(raw_path.decode("latin-1")),
            "raw_path": raw_path,
            "query_string": head.query,
            "root_path": urllib.parse.unquote(prefix.decode("latin-1")),
            "headers": head.fields,
            "client": None if head.client is None else (head.client, 0),
            "server": head.server,
            "state": self._lifespan.state.copy(),
        }


class _Conversation:
    """`receive` and `send` of one request."""

    def __init__(self, exchange: Exchange, call: Any) -> None:
        self._exchange = exchange
        self._call = call
        self._stream: Optional[ReplyStream] = None  # where the response goes before it is whole
        self._input = InputStream(call) if call is not None and call.has_input else None  # where the body comes from
        self._asked = False  # the body was received, all of it
        self._gone = False  # nobody waits for the response any more
        self._waiting: List[asyncio.Future[None]] = []

    async def receive(self) -> Dict[str, Any]:
        exchange = self._exchange
        if not self._asked and not self._gone:
            if self._input is None:
                piece = exchange.read() or b""
                self._asked = exchange.at_end
            else:
                piece = await self._input.read()
                self._asked = self._input.at_end
            if not self._gone:
                return {"type": "http.request", "body": piece, "more_body": not self._asked}
        if not self._gone and not exchange.finished:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        if self._gone and not self._exchange.finished:
            return  # as a server does when its client has left
        kind = message["type"]
        if kind == "http.response.start":
            self._begin(message)
        elif kind == "http.response.body":
            await self._write(message)
        else:
            raise RuntimeError(f"The ASGI application sent {kind!r}, which belongs to no response that is offered to it.")

    def disconnect(self) -> None:
        """Whoever receives hears that it is over. In the event loop's thread."""
        self._gone = True
        if self._input is not None:
            self._input.close()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    def _begin(self, message: Mapping[str, Any]) -> None:
        if self._exchange.begun:
            raise RuntimeError("The ASGI application began its response twice.")
        self._exchange.begin(message["status"], message.get("headers", ()))

    async def _write(self, message: Mapping[str, Any]) -> None:
        exchange = self._exchange
        if not exchange.begun:
            raise RuntimeError("The ASGI application sent a body before it had begun its response.")
        if exchange.finished:
            raise RuntimeError("The ASGI application sent more behind the end of its response.")
        exchange.write(message.get("body", b""))
        if message.get("more_body", False):
            if self._call is not None and self._call.streams:
                if self._stream is None:
                    self._stream = ReplyStream(self._call)
                await self._stream.write(exchange.take())
        else:
            exchange.finish()
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                if not each.done():
                    each.set_result(None)


class _Ending:
    """Stands for the asyncio task of a call: told to end, it lets the application hear of it first."""

    def __init__(self, conversation: Union[_Conversation, WebSocket], task: Any) -> None:
        self._conversation = conversation
        self._task = task

    def cancel(self) -> None:
        self._conversation.disconnect()
        asyncio.get_running_loop().call_soon(self._task.cancel)  # behind those that `disconnect` has woken


def _path_has_prefix() -> bool:
    """Whether `path` is to begin with `root_path`, as the specification says. Starlette before 0.33 took it for the rest."""
    starlette: Optional[Any] = sys.modules.get("starlette")
    version = str(getattr(starlette, "__version__", ""))
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    return len(numbers) < 2 or numbers >= [0, 33]
