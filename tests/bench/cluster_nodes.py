"""The nodes of the cluster that is measured, and what they cost while nothing happens."""

from __future__ import annotations

import os
import time
from typing import Dict, NamedTuple

from compare import asked

__all__ = ["Node", "idle", "nodes"]

IDLE_SECONDS = 12.0


class Node(NamedTuple):
    """One node of the cluster."""

    name: str
    pid: int
    is_leader: bool


def nodes() -> Dict[str, Node]:
    """By name."""
    leaders = {row["name"] for row in asked("cluster", "status")["nodes"] if row["leader"]}
    return {row["name"]: Node(row["name"], int(row["pid"]), row["name"] in leaders) for row in asked("get", "nodes")}


def resident_mib(pid: int) -> float:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def spent(pid: int) -> float:
    """Seconds of a core, so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle() -> None:
    found = sorted(nodes().values())
    before = {node.pid: spent(node.pid) for node in found}
    began = time.monotonic()
    time.sleep(IDLE_SECONDS)
    took = time.monotonic() - began
    print(f"\nidle nodes, warm pools kept, {took:.0f} s")
    for node in found:
        share = (spent(node.pid) - before[node.pid]) / took
        role = "leader" if node.is_leader else "voter"
        print(f"  {node.name} ({role}): {share:.2%} of a core, {resident_mib(node.pid):.0f} MiB resident")
