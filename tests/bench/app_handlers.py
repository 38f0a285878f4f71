"""What all servers of the benchmark of apps serve: applications that know nothing of what runs them."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Dict

import fastapi

Message = Dict[str, Any]
TEXT = b"Hello from an app."
_TEXT_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(TEXT))],
}
_TEXT_BODY = {"type": "http.response.body", "body": TEXT}
_EMPTY_START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
_EMPTY_BODY = {"type": "http.response.body", "body": b""}


async def bare(scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
    """A short text, by ASGI alone."""
    if scope["type"] != "http":
        raise NotImplementedError  # which says that it has no lifespan
    await send(_TEXT_START)
    await send(_TEXT_BODY)


async def empty(scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
    """Nothing, by ASGI alone."""
    if scope["type"] != "http":
        raise NotImplementedError
    await send(_EMPTY_START)
    await send(_EMPTY_BODY)


api = fastapi.FastAPI()


@api.get("/")
async def text() -> fastapi.Response:
    return fastapi.Response(TEXT, media_type="text/plain")


@api.get("/square/{x}")
async def square(x: int) -> int:
    return x * x
