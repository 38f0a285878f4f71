"""The load: many durable runs with ids of the client, through doors to random nodes, and their history.

A client submits a run again under the same id, at another node, until one has accepted it; then it reads, at random nodes,
until the run has ended. At the end every node is asked for every run.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
import time
from pathlib import Path

from netcluster_parts.door import Answer, Request
from netcluster_parts.doors import Door, Recorded

__all__ = ["Load", "Order"]

PAUSE_S = (0.05, 0.5)  # between two tries of a client
TERMINAL = ("SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT")
CLIENTS = 48  # runs open at a time: more than wait behind one fault
ONCE_SHARE = 0.2  # of the runs, those that must not be started twice
TOLD = ("op", "run", "input", "lost")  # of a call, in the history
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


class Load:
    """Made for one order; `doors` are the commands of the nodes' doors by node."""

    def __init__(self, order: Order, doors: dict[int, list[str]], log: Path) -> None:
        self._order = order
        self._doors = [Door(node, command, log) for node, command in sorted(doors.items())]
        self._dice = random.Random(order.seed)
        self._next = 0
        self.ended = 0

    async def run(self) -> None:
        """Returns when every run has ended at every node, or time is up. The history is complete then."""
        self._recorded = Recorded(self._order.history, self._doors, TOLD)
        self._begin = time.monotonic()
        self._until = self._begin + self._order.seconds + self._order.drain_s
        await asyncio.gather(*(self._client(number) for number in range(CLIENTS)))
        runs = range(self._order.runs)
        await asyncio.gather(*(self._look(door, runs) for door in self._doors))
        await self._recorded.close()

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

    async def _call(self, client: int, door: Door, request: Request) -> Answer:
        return await self._recorded.call(client, door, request)
