"""The load: many durable runs with ids of the client, through doors to random nodes, and their history.

A client submits a run again under the same id, at another node, until one has accepted it; then it reads, at random nodes,
until the run has ended. At the end every node is asked for every run.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
import time
from pathlib import Path
from typing import Any

from netcluster_parts.door import Answer

__all__ = ["Load", "Order"]

CALL_S = 8.0  # then a call's outcome is unknown, and the client asks another node
PAUSE_S = (0.05, 0.5)  # between two tries of a client
TERMINAL = ("SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT")
CLIENTS = 48  # runs open at a time: more than wait behind one fault
ONCE_SHARE = 0.2  # of the runs, those that must not be started twice
LOST_MAX = 50  # starts after losses that the others allow: more than there are faults


@dataclasses.dataclass(frozen=True)
class Order:
    runs: int
    seconds: float  # over which they are submitted
    drain_s: float  # then there is so much time for the rest
    seed: int
    key: str
    ledger: Path
    history: Path


class Door:
    """One process of a door; another takes its place when it ends."""

    def __init__(self, node: int, command: list[str], log: Path) -> None:
        self.node = node
        self._command = command
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._open: dict[int, asyncio.Future[Answer]] = {}
        self._reader: asyncio.Task[None] | None = None
        self.unasked: list[Answer] = []  # answers to calls that were answered already, or never made

    async def ask(self, request: dict[str, Any]) -> Answer:
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


class Load:
    """Made for one order; `doors` are the commands of the nodes' doors by node."""

    def __init__(self, order: Order, doors: dict[int, list[str]], log: Path) -> None:
        self._order = order
        self._doors = [Door(node, command, log) for node, command in sorted(doors.items())]
        self._dice = random.Random(order.seed)
        self._calls = 0
        self._next = 0
        self.ended = 0
        self.refusals: dict[str, int] = {}

    async def run(self) -> None:
        """Returns when every run has ended at every node, or time is up. The history is complete then."""
        with self._order.history.open("w") as history:
            self._history = history
            self._begin = time.monotonic()
            self._until = self._begin + self._order.seconds + self._order.drain_s
            await asyncio.gather(*(self._client(number) for number in range(CLIENTS)))
            runs = range(self._order.runs)
            await asyncio.gather(*(self._look(door, runs) for door in self._doors))
            for door in self._doors:
                await door.close()
                for late in door.unasked:
                    self._write(late)

    async def _client(self, client: int) -> None:
        while self._next < self._order.runs:
            number = self._next
            self._next += 1
            due = self._begin + number * self._order.seconds / self._order.runs
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if await self._submit(client, number) and await self._await_end(client, number):
                self.ended += 1

    def name(self, number: int) -> str:
        return f"net-{self._order.seed}-{number}"

    async def _submit(self, client: int, number: int) -> bool:
        once = random.Random(f"{self._order.seed} {number}").random() < ONCE_SHARE
        request = {"op": "submit", "run": self.name(number), "input": f"input {number}", "lost": 0 if once else LOST_MAX,
                   "key": self._order.key, "ledger": str(self._order.ledger)}  # fmt: skip
        while time.monotonic() < self._until:
            answer = await self._call(client, self._dice.choice(self._doors), request)
            if answer["kind"] == "ok":
                return True
            await asyncio.sleep(self._dice.uniform(*PAUSE_S))
        return False

    async def _await_end(self, client: int, number: int) -> bool:
        while time.monotonic() < self._until:
            answer = await self._call(client, self._dice.choice(self._doors), {"op": "read", "run": self.name(number)})
            if answer["kind"] == "ok" and answer["state"] in TERMINAL:
                return True
            await asyncio.sleep(self._dice.uniform(*PAUSE_S))
        return False

    async def _look(self, door: Door, runs: range) -> None:
        """The last reads, of every run at one node: several at a time."""
        left = iter(runs)

        async def some() -> None:
            for number in left:
                await self._call(0, door, {"op": "read", "run": self.name(number)})

        await asyncio.gather(*(some() for _ in range(8)))

    async def _call(self, client: int, door: Door, request: dict[str, Any]) -> Answer:
        self._calls += 1
        call = self._calls
        said = {word: request[word] for word in ("op", "run", "input", "lost") if word in request}
        self._write({"t": time.monotonic_ns(), "kind": "invoke", "call": call, "client": client, "node": door.node, **said})
        answer = await door.ask({**request, "call": call})
        self._write({**answer, "t": time.monotonic_ns(), "call": call})
        if answer["kind"] == "fail":
            reason = str(answer.get("reason"))
            self.refusals[reason] = self.refusals.get(reason, 0) + 1
        return answer

    def _write(self, line: dict[str, Any]) -> None:
        self._history.write(json.dumps(line) + "\n")
