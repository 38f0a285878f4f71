"""When was a node lost, or could be taken for lost? From the journal of faults."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from history.violation import Line

__all__ = ["ENDS", "Loss", "losses"]

# Fault -> what ends it. A fault of the network ends with `heal`, whichever node that names, or with the next of its kind.
ENDS = {
    "kill": ("start",),
    "freeze": ("thaw", "kill"),
    "disk-full": ("disk-free",),
    "impair": ("heal",),
    "bandwidth": ("heal",),
    "partition": ("heal",),
    "one-way": ("heal",),
    "pair": ("heal",),
    "bridge": ("heal",),
    "ring": ("heal",),
    "interpreter": (),  # one interpreter of the node was killed
}
PARTITIONS = ("partition", "one-way", "pair", "bridge", "ring")


@dataclasses.dataclass(frozen=True)
class Loss:
    """Node `node` suffered from `fault` between two times of the history (nanoseconds)."""

    node: int
    fault: str
    begin: int
    end: int


def losses(faults: Iterable[Line]) -> list[Loss]:
    """From before a fault is made to after it is undone; to infinity when it is not."""
    open_faults: dict[tuple[int, str], int] = {}
    found: list[Loss] = []

    def close(node: int, fault: str, t: int) -> None:
        found.append(Loss(node, fault, open_faults.pop((node, fault)), t))

    for line in sorted(faults, key=lambda line: int(line["t"])):
        word, t = line["fault"], int(line["t"])
        if line["edge"] == "after":
            for node, fault in sorted(open_faults):
                is_replaced = word in PARTITIONS and fault in PARTITIONS and node not in line["nodes"]
                if is_replaced or (word in ENDS.get(fault, ()) and (word == "heal" or node in line["nodes"])):
                    close(node, fault, t)
            if word in ENDS and not ENDS[word]:
                for node in line["nodes"]:
                    close(node, word, t)
        elif word in ENDS:
            for node in line["nodes"]:
                open_faults.setdefault((node, word), t)
    found += [Loss(node, fault, begin, 1 << 62) for (node, fault), begin in sorted(open_faults.items())]
    return sorted(found, key=lambda loss: (loss.begin, loss.node, loss.fault))
