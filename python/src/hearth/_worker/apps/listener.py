"""The process of an app that listens on a port by itself: started, awaited, watched and ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from typing import Optional, Protocol

from .. import isolation
from ..link import Link
from ..loading import LoadFailure
from ..settings import AppEntry
from .connections import Connections
from .ports import Port
from .response import BadResponse, ResponseReader

__all__ = ["Launch", "Listener"]

# The node waits `defaults::zygote_start_timeout` and `replica_start_timeout` for a replica, 150 s: what is wrong is said before.
_READY_S = 140.0
_PAUSES_S = (0.01, 0.2)  # between two looks whether it is ready: the first one, and the longest
_LOOK_S = 5.0  # for an answer at the path of `health`
# From SIGTERM to SIGKILL. The node gives all that happens at the end of a replica `defaults::hook_grace`, 5 s.
_GRACE_S = 3.0
# A connection ends a moment before its process is seen to have ended.
_END_SEEN_S = 0.25


class Launch(Protocol):
    """How the process is made."""

    label: str  # how messages name it

    def start(self) -> int:
        """Starts it, at the head of a process group of its own or about to be; its pid. `PORT` of os.environ is where it is to
        listen. Raises LoadFailure."""

    def failure(self) -> str:
        """Why it ended by its own account; empty: it does not say."""


class Listener:
    """One such process. In the event loop's thread."""

    def __init__(self, entry: AppEntry, launch: Launch) -> None:
        self._app = entry.name
        self._wanted = entry.port
        self._health = entry.health
        self._launch = launch
        self._port: Port
        self._connections: Connections
        self._pid = 0
        self._pidfd = -1
        self._end = ""  # how it ended; empty: it runs
        self._ended: asyncio.Event
        self._serves = False  # its end is the end of the replica
        self._unready = "it does not accept connections"  # what the last look has found

    async def start(self) -> Connections:
        """Returns when it is ready. Raises LoadFailure."""
        self._ended = asyncio.Event()
        self._port = Port(self._wanted)
        self._connections = Connections(self._port.number)
        os.environ["PORT"] = str(self._port.number)
        self._pid = self._launch.start()
        self._pidfd = isolation.pidfd_open(self._pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._has_ended)
        try:
            await self._until_ready()
        except BaseException:
            self._signal(signal.SIGKILL)
            raise
        self._serves = True
        if self._end:
            self._give_up()
        return self._connections

    async def stop(self) -> None:
        """Asks it to end, and ends it when it does not."""
        self._serves = False
        if self._end:
            return
        self._signal(signal.SIGTERM)
        if not await self._ends_within(_GRACE_S):
            self._signal(signal.SIGKILL)
            await self._ended.wait()

    async def end_if_gone(self) -> None:
        """Where a connection has failed: this process ends if that one has, and the requests that are under way are lost."""
        await self._ends_within(_END_SEEN_S)

    # -- ready -------------------------------------------------------------------------------------------------------

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + _READY_S
        pause, longest = _PAUSES_S
        while True:
            if self._end:
                raise LoadFailure(self._failure())
            if await self._is_ready():
                return
            if time.monotonic() > deadline:
                raise LoadFailure(
                    f"App {self._app!r} cannot serve: {self._launch.label} was not ready at port {self._port.number} within "
                    f"{_READY_S:.0f} s: {self._unready}.{self._advice()}"
                )
            await self._ends_within(pause)
            pause = min(2 * pause, longest)

    async def _is_ready(self) -> bool:
        try:
            if self._health:
                return await asyncio.wait_for(self._is_healthy(), _LOOK_S)
            (await self._connections.open()).close()
            return True
        except asyncio.TimeoutError:
            self._unready = f"{self._health} did not answer within {_LOOK_S:.0f} s"
        except (OSError, BadResponse) as error:
            self._unready = str(error) if isinstance(error, BadResponse) else "it does not accept connections"
        return False

    async def _is_healthy(self) -> bool:
        response = ResponseReader("GET")
        connection = await self._connections.open()
        try:
            head = f"GET {self._health} HTTP/1.1\r\nhost: localhost:{self._port.number}\r\nconnection: close\r\n\r\n"
            await connection.write(head.encode())
            while not response.status:
                response.hear(await connection.read())
        finally:
            connection.close()
        self._unready = f"{self._health} answered {response.status}"
        return response.status < 500

    def _failure(self) -> str:
        said = self._launch.failure()
        if said:
            return said
        return f"App {self._app!r} cannot serve: {self._launch.label} {self._end} before it was ready.{self._advice()}"

    def _advice(self) -> str:
        if self._port.is_wanted:
            return f" Its port is {self._port.number}, as the variable PORT says."
        return (
            f" Port {self._wanted} is taken on this machine, so the variable PORT says {self._port.number}: only a program that "
            f"listens where PORT says, as with $PORT among its arguments, can be on a machine several times."
        )

    # -- the process -------------------------------------------------------------------------------------------------

    def _has_ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        self._signal(signal.SIGKILL)  # what it has left in its group; its number is still its own
        _, status = os.waitpid(self._pid, 0)
        os.close(self._pidfd)
        self._end = _in_words(status)
        self._ended.set()
        if self._serves:
            self._give_up()

    def _give_up(self) -> None:
        Link.give_up(f"{self._launch.label} {self._end}")

    async def _ends_within(self, seconds: float) -> bool:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._ended.wait(), seconds)
        return bool(self._end)

    def _signal(self, number: int) -> None:
        """To its process group, and to itself as long as it has none."""
        if self._end or not self._pid:
            return
        for send in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                return send(self._pid, number)


def _in_words(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with contextlib.suppress(ValueError):
            return f"was ended by signal {number} ({signal.Signals(number).name})"
        return f"was ended by signal {number}"
    return f"ended with status {os.WEXITSTATUS(status)}"
