"""The faults of a check, each made and undone at its time."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable

from netcluster_parts import faults, mix
from netcluster_parts.cluster import Cluster
from netcluster_parts.faults import Impairment

__all__ = ["inject", "mend"]


def _begin(cluster: Cluster, step: mix.Step, seed: int) -> None:
    nodes, one = cluster.layout().numbers, step.nodes[0]
    if step.kind == "partition":
        cluster.partition(faults.split([step.nodes, [node for node in nodes if node not in step.nodes]]))
    elif step.kind == "one-way":
        cluster.partition(faults.one_way(*step.nodes), step.kind)
    elif step.kind == "pair":
        cluster.partition(faults.pair(*step.nodes), step.kind)
    elif step.kind == "bridge":
        cluster.partition(faults.bridge(one, nodes), step.kind)
    elif step.kind == "loss":
        cluster.impair(one, Impairment(loss=step.amount, seed=seed))
    elif step.kind == "delay":
        cluster.impair(one, Impairment(delay_s=step.amount, jitter_s=step.spread, reorder=0.1, duplicate=0.05, seed=seed))
    elif step.kind == "bandwidth":
        cluster.bandwidth(one, int(step.amount))
    elif step.kind in ("kill", "kill-all", "kill-daemon"):
        for node in step.nodes:
            cluster.kill(node, everything=step.kind != "kill-daemon")
    elif step.kind == "freeze":
        cluster.freeze(one)
    else:
        cluster.fill_disk(one)


def _finish(cluster: Cluster, step: mix.Step) -> None:
    if step.kind in mix.NETWORK:
        cluster.heal()
    elif step.kind == "freeze":
        cluster.thaw(step.nodes[0])
    elif step.kind == "disk-full":
        cluster.free_disk(step.nodes[0])
        _start_ended(cluster)  # a node may have stopped itself for want of space
    else:
        for node in step.nodes:
            cluster.start(node)


def _start_ended(cluster: Cluster) -> None:
    for node in cluster.layout().numbers:
        if not cluster.running(node):
            cluster.start(node)


async def inject(cluster: Cluster, steps: Iterable[mix.Step], seed: int) -> None:
    """Makes each fault at its time."""
    began = time.monotonic()
    events = sorted([(step.begin, 1, step) for step in steps] + [(step.end, 0, step) for step in steps], key=lambda event: event[:2])
    for at, is_begin, step in events:
        await asyncio.sleep(max(0.0, began + at - time.monotonic()))
        print(f"{time.monotonic() - began:7.1f} s  {'begin' if is_begin else 'end  '}  {step.kind} {','.join(map(str, step.nodes))}", file=sys.stderr)
        if is_begin:
            await asyncio.to_thread(_begin, cluster, step, seed)
        else:
            await asyncio.to_thread(_finish, cluster, step)


def mend(cluster: Cluster) -> None:
    """Everything is well again, and every node runs."""
    cluster.heal()
    for node in cluster.layout().numbers:
        cluster.thaw(node)
        cluster.free_disk(node)
    _start_ended(cluster)
