"""The doors of a load, and the history of what it asks through them."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from netcluster_parts.door import Answer, Request

__all__ = ["Door", "Recorded"]

CALL_S = 8.0  # then a call's outcome is unknown, and the client asks another node


class Door:
    """One process of a door; another takes its place when it ends."""

    def __init__(self, node: int, command: list[str], log: Path) -> None:
        self.node = node
        self._command = command
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._open: dict[int, asyncio.Future[Answer]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self.unasked: list[Answer] = []  # answers to calls that were answered already, or never made

    async def ask(self, request: Request) -> Answer:
        async with self._starting:  # others ask meanwhile
            if self._process is None or self._process.returncode is not None:
                await self._start()
        assert self._process is not None and self._process.stdin is not None
        future = asyncio.get_running_loop().create_future()
        self._open[request["call"]] = future
        try:
            self._process.stdin.write((json.dumps(request) + "\n").encode())
            return await asyncio.wait_for(future, CALL_S)
        except asyncio.TimeoutError:
            return {"kind": "info", "reason": "no answer in time"}
        except ConnectionError:
            return {"kind": "info", "reason": "the door has ended"}

    async def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log, limit=1 << 20
            )
        self._reader = asyncio.create_task(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            answer = json.loads(line)
            future = self._open.get(answer.get("call"))
            if future is None or (future.done() and not future.cancelled()):
                self.unasked.append({"t": time.monotonic_ns(), **answer})
            elif not future.cancelled():  # else the client has given up: its outcome is `info`, and stays so
                future.set_result(answer)
        for future in self._open.values():
            if not future.done():
                future.set_result({"kind": "info", "reason": "the door has ended"})

    async def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader


class Recorded:
    """Calls through doors, each with a number, its invocation and its outcome in a history. An invocation says those words of
    a request that are among `told`."""

    def __init__(self, history: Path, doors: list[Door], told: tuple[str, ...]) -> None:
        self._doors = doors
        self._told = told
        self._history = history.open("w")
        self._calls = 0

    async def call(self, client: int, door: Door, request: Request) -> Answer:
        self._calls += 1
        call = self._calls
        said = {word: request[word] for word in self._told if word in request}
        self._write({"t": time.monotonic_ns(), "kind": "invoke", "call": call, "client": client, "node": door.node, **said})
        answer = await door.ask({**request, "call": call})
        self._write({**answer, "t": time.monotonic_ns(), "call": call})
        return answer

    async def close(self) -> None:
        """Ends the doors. The history is complete then."""
        for door in self._doors:
            await door.close()
            for late in door.unasked:
                self._write(late)
        self._history.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._history.write(json.dumps(line) + "\n")
