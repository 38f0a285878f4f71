"""The load of the cache: clients read cached results at random nodes, while others invalidate keys, versions, tasks and more.

Whoever has invalidated something reads some of it at every node the moment that the invalidation has returned. At the end
every key is read at every node until that node answers it from its cache.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import random
import time
from pathlib import Path

from netcluster_parts.door import Answer
from netcluster_parts.doors import Door, Recorded

__all__ = ["PROJECTS", "CacheLoad", "CacheOrder"]

PAUSE_S = (0.05, 0.5)  # of a client, after a read that was not answered
CLIENTS, INVALIDATORS = 96, 6  # many wait behind a fault, and the others go on
# Tasks as `cache_tasks` has them.
TASKS = ("net-cache.small", "net-cache.once", "net-cache.large")
PROJECTS, DOMAIN, VERSION, NUMBERS = ("one", "two"), "development", "1", 10
KEYS = [(project, DOMAIN, task, VERSION, str(number)) for project in PROJECTS for task in TASKS for number in range(NUMBERS)]
# How many words of a scope an invalidation names, and how often of all times: wide ones empty the cache.
NAMED = {5: 24, 4: 8, 3: 4, 2: 1, 1: 2, 0: 1}
BETWEEN_S = (0.2, 1.8)  # invalidations of one client
TOLD = ("op", "scope")


@dataclasses.dataclass(frozen=True)
class CacheOrder:
    reads: int  # answered
    seconds: float  # over which they are made
    drain_s: float  # then there is so much time for the rest
    seed: int
    ledger: Path
    history: Path


class CacheLoad:
    """Made for one order; `doors` are the commands of the nodes' doors by node, without the project."""

    def __init__(self, order: CacheOrder, doors: dict[int, list[str]], log: Path) -> None:
        self._order = order
        pairs = itertools.product(sorted(doors.items()), PROJECTS)
        self._doors = {(node, project): Door(node, [*command, project], log) for (node, command), project in pairs}
        self._nodes = sorted(doors)
        self._dice = random.Random(order.seed)
        self.answered = 0
        self.unserved = len(KEYS) * len(doors)  # keys at nodes that do not answer them from their cache in the end

    async def run(self) -> None:
        """Returns when all reads are answered and every node serves every key, or time is up. The history is complete then."""
        self._recorded = Recorded(self._order.history, list(self._doors.values()), TOLD)
        self._begin = time.monotonic()
        self._until = self._begin + self._order.seconds + self._order.drain_s
        await asyncio.gather(*(self._client(number) for number in range(1, CLIENTS + 1)),
                             *(self._invalidator(CLIENTS + number) for number in range(1, INVALIDATORS + 1)))  # fmt: skip
        await asyncio.gather(*(self._look(node, project) for node, project in self._doors))
        await self._recorded.close()

    def _goes_on(self) -> bool:
        return self.answered < self._order.reads and time.monotonic() < self._until

    async def _client(self, client: int) -> None:
        while self._goes_on():
            due = self._begin + self.answered * self._order.seconds / self._order.reads
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            answer = await self._read(client, self._dice.choice(self._nodes), self._dice.choice(KEYS))
            if answer["kind"] != "ok":
                await asyncio.sleep(self._dice.uniform(*PAUSE_S))

    async def _invalidator(self, client: int) -> None:
        while self._goes_on():
            await asyncio.sleep(self._dice.uniform(*BETWEEN_S))
            key = self._dice.choice(KEYS)
            (named,) = self._dice.choices(list(NAMED), list(NAMED.values()))
            door = self._doors[self._dice.choice(self._nodes), key[0]]
            answer = await self._recorded.call(client, door, {"op": "invalidate", "scope": key[:named]})
            if answer["kind"] == "ok":
                await asyncio.gather(*(self._read(client, node, key) for node in self._nodes))

    async def _look(self, node: int, project: str) -> None:
        """The last reads, of every key at one node."""
        for key in KEYS:
            while key[0] == project and time.monotonic() < self._until:
                answer = await self._read(0, node, key)
                if answer["kind"] == "ok" and answer["hit"]:
                    self.unserved -= 1
                    break
                if answer["kind"] != "ok":
                    await asyncio.sleep(self._dice.uniform(*PAUSE_S))

    async def _read(self, client: int, node: int, key: tuple[str, ...]) -> Answer:
        request = {"op": "read", "scope": key, "ledger": str(self._order.ledger)}
        answer = await self._recorded.call(client, self._doors[node, key[0]], request)
        self.answered += answer["kind"] == "ok"
        return answer
