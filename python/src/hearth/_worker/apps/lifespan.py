"""The lifespan of an ASGI application: it hears when its replica starts and when it ends."""

from __future__ import annotations

import asyncio
import sys
import traceback
from typing import Any, Callable, Dict, List, Mapping, Optional

from ..loading import LoadFailure

__all__ = ["Lifespan"]


class Lifespan:
    """The call of the application that lasts as long as the replica. It may refuse to have one, by raising."""

    def __init__(self, app: str, application: Callable[..., Any], versions: Mapping[str, str]) -> None:
        self.state: Dict[str, Any] = {}
        """What the application has put there; each request gets a copy of it."""
        self._app = app
        self._application = application
        self._versions = versions
        self._task: Optional[asyncio.Future[None]] = None
        self._inbox: asyncio.Queue[str]
        self._answer: asyncio.Future[Optional[str]]  # None: complete; else why it failed
        self._asked = False

    async def start(self) -> None:
        """Returns when the application is ready. Raises LoadFailure when it says that it cannot be."""
        loop = asyncio.get_running_loop()
        self._inbox = asyncio.Queue()
        self._answer = loop.create_future()
        self._inbox.put_nowait("lifespan.startup")
        task = self._task = asyncio.ensure_future(self._run())
        both: List[asyncio.Future[Any]] = [task, self._answer]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if self._answer.done():
            failure = self._answer.result()
            if failure is not None:
                task.add_done_callback(_seen)
                raise LoadFailure(f"App {self._app!r} cannot serve: its lifespan failed to start: {failure.strip()}")
            return
        self._task = None
        error = task.exception()
        if error is not None and self._asked:  # who has asked for the event knows the protocol: a person should see why
            said = "".join(traceback.format_exception_only(type(error), error)).strip()
            sys.stderr.write(
                f"hearth: app {self._app!r} goes on without a lifespan, because the application raised {said} instead of "
                f"answering lifespan.startup\n"
            )

    async def stop(self) -> None:
        """Returns when the application has done what it does at its end. Raises RuntimeError when it says that it failed."""
        task, self._task = self._task, None
        if task is None:
            return
        if task.done():
            return task.result()
        self._answer = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait("lifespan.shutdown")
        both: List[asyncio.Future[Any]] = [task, self._answer]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not self._answer.done():
            task.result()
            return
        failure = self._answer.result()
        if failure is not None:
            raise RuntimeError(f"The lifespan of app {self._app!r} failed to end: {failure.strip()}")

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": self._versions, "state": self.state}
        await self._application(scope, self._receive, self._send)

    async def _receive(self) -> Dict[str, Any]:
        self._asked = True
        return {"type": await self._inbox.get()}

    async def _send(self, message: Mapping[str, Any]) -> None:
        _, _, word = str(message["type"]).partition("lifespan.")
        step, _, how = word.partition(".")
        if step not in ("startup", "shutdown") or how not in ("complete", "failed"):
            raise RuntimeError(f"The ASGI application sent {message['type']!r}, which belongs to no lifespan.")
        if not self._answer.done():
            self._answer.set_result(None if how == "complete" else str(message.get("message", "")) or "it does not say why")


def _seen(task: asyncio.Future[None]) -> None:
    """What it raises behind its own word of failure says the same again."""
    if not task.cancelled():
        task.exception()
