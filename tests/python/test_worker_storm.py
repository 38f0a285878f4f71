"""Random trees of calls, some cancelled at random moments: every answer comes once, is right, and nothing is left."""

from __future__ import annotations

import os
import random
import signal
from typing import Callable

import pytest
from scripted_node import CANCELLED, STARTED, Key, Replica, Zygote
from worker_fixtures import make, python, with_slot_table

from hearth import _frames
from hearth._codes import Code

Make = Callable[..., Zygote]

TREES = """
import asyncio, time
from concurrent.futures import ThreadPoolExecutor

def rest(depth, width, how):
    return [depth - 1] * width, [width] * width, [how] * width

@env.task
def tree(depth, width, how):
    print("at", depth)
    if depth == 0:
        return 1
    children = zip(*rest(depth, width, how))
    if how == 0:
        return 1 + sum(tree(*child) for child in children)
    if how == 1:
        with ThreadPoolExecutor(width) as pool:
            return 1 + sum(pool.map(lambda child: tree(*child), children))
    if how == 2:
        return 1 + sum([handle.result() for handle in [tree.spawn(*child) for child in children]])
    if how == 3:
        async def all():
            return await asyncio.gather(*(tree.aio(*child) for child in children))
        return 1 + sum(asyncio.run(all()))
    return 1 + sum(hearth.map(tree, *rest(depth, width, how), return_exceptions=False, ordered=how == 4))

@env.task
async def atree(depth, width, how):
    print("at", depth)
    if depth == 0:
        await asyncio.sleep(0)
        return 1
    children = zip(*rest(depth, width, how))
    if how == 0:
        return 1 + sum([await atree(*child) for child in children])
    if how == 1:
        return 1 + sum([value async for value in hearth.map.aio(atree, *rest(depth, width, how))])
    if how == 2:
        return 1 + sum(await asyncio.gather(*(asyncio.to_thread(tree, *child) for child in children)))
    return 1 + sum(await asyncio.gather(*(atree(*child) for child in children)))
"""


def size(depth: int, width: int) -> int:
    return 1 + (width * size(depth - 1, width) if depth else 0)


def cancel(replica: Replica, key: Key) -> None:
    """As a node does, but for the swap of the slot's word, which Python cannot do in one step."""
    call = replica.running.get(key) or replica.parked.get(key)
    if call is not None and replica.words[call["slot"]] & 255 == STARTED:
        replica.words[call["slot"]] = call["generation"] << 8 | CANCELLED
        replica.send(_frames.signal(what=_frames.CANCEL, call_hi=key[0], call_lo=key[1]))
        os.kill(replica.pid, signal.SIGUSR1)


BOTH = ("tree", "async atree")


@pytest.mark.parametrize("tasks, concurrency", [(("tree",), 1), (BOTH, 1), (BOTH, 3)])
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 10))])
def test_trees_of_calls_survive_cancellations(make: Make, tasks: tuple[str, ...], concurrency: int, seed: int) -> None:
    chance = random.Random(seed)
    replica = with_slot_table(make(TREES, *tasks)).start(concurrency=concurrency, slots=4096)
    replica.checks_slots = False
    for _ in range(300):
        depth, width = chance.choice([(1, 3), (2, 3), (3, 2), (1, 20), (5, 1)])
        task = chance.randrange(len(tasks))
        how = chance.randrange(6)
        key = replica.submit(task, {"depth": depth, "width": width, "how": how})
        # An exception in the middle of a ThreadPoolExecutor can leave its locks taken: then only a new replica helps.
        if how != 1 and chance.random() < 0.5:
            patience = iter(range(chance.randrange(15)))
            replica.serve(lambda: key in replica.replies or next(patience, None) is None)
            cancel(replica, key)
            assert replica.reply(key).code in (Code.NONE, Code.ABORTED)
        else:
            assert replica.value(key) == size(depth, width)
    replica.serve_rest()
    assert not replica.running and not replica.parked
