"""The faults that are in force, as values, and what they mean for the network: pure, no system is touched here.

A cut is a pair (from, to): packets of node `from` do not arrive at node `to`. It is a rule of the receiver, so the sender
sees nothing of it, as with a broken path.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["Faults", "Impairment", "WrongFault", "bridge", "one_way", "pair", "ring", "rules", "split"]

Cut = tuple[int, int]

MARK = 0x48  # of the second copies of packets, which are not impaired again
IN_QUEUE, OUT_QUEUE = 0, 1  # of NFQUEUE, in each node's namespace
PORT = "eth0"  # a node's end of its cable


class WrongFault(ValueError):
    """A sentence that says why there is no such fault."""


@dataclasses.dataclass(frozen=True)
class Impairment:
    """What the link of a node does to each packet, in either direction. Shares are from 0 to 1, times in seconds.

    Delays keep the order of packets, except for the share `reorder`, which overtakes those that wait. Only packets that
    leave the node are duplicated. `seed` decides the fate of the first, second, ... packet of each direction.
    """

    loss: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    reorder: float = 0.0
    duplicate: float = 0.0
    seed: int = 1

    def acts(self) -> bool:
        return self.loss > 0 or self.delay_s > 0 or self.duplicate > 0


@dataclasses.dataclass
class Faults:
    """All that is wrong now. Nodes are numbers from 1."""

    cuts: set[Cut] = dataclasses.field(default_factory=set)
    links: dict[int, Impairment] = dataclasses.field(default_factory=dict)
    rates: dict[int, int] = dataclasses.field(default_factory=dict)  # bits per second
    frozen: set[int] = dataclasses.field(default_factory=set)
    full: set[int] = dataclasses.field(default_factory=set)
    clocks: dict[int, float] = dataclasses.field(default_factory=dict)  # seconds

    def to_json(self) -> dict[str, Any]:
        return {
            "cuts": sorted([a, b] for a, b in self.cuts),
            "links": {str(node): dataclasses.asdict(link) for node, link in sorted(self.links.items())},
            "rates": {str(node): rate for node, rate in sorted(self.rates.items())},
            "frozen": sorted(self.frozen),
            "full": sorted(self.full),
            "clocks": {str(node): shift for node, shift in sorted(self.clocks.items())},
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Faults:
        return cls(
            cuts={(int(a), int(b)) for a, b in said["cuts"]},
            links={int(node): Impairment(**link) for node, link in said["links"].items()},
            rates={int(node): int(rate) for node, rate in said["rates"].items()},
            frozen=set(said["frozen"]),
            full=set(said["full"]),
            clocks={int(node): float(shift) for node, shift in said["clocks"].items()},
        )


# -- kinds of partitions ----


def split(groups: Sequence[Iterable[int]]) -> set[Cut]:
    """Nodes of different groups do not hear each other. A node in no group hears everybody."""
    listed = [set(group) for group in groups]
    if len(listed) < 2 or not all(listed):
        raise WrongFault("A partition needs at least two groups of nodes, as in 'A|B,C'.")
    if sum(map(len, listed)) != len(set().union(*listed)):
        raise WrongFault("A node is in two groups; the node that hears both sides of a partition is named with --bridge.")
    return {
        cut
        for one, other in itertools.combinations(listed, 2)
        for a, b in itertools.product(one, other)
        for cut in ((a, b), (b, a))
    }


def one_way(a: int, b: int) -> set[Cut]:
    """Packets of `a` do not reach `b`; those of `b` reach `a`."""
    if a == b:
        raise WrongFault("A one-way cut needs two different nodes.")
    return {(a, b)}


def pair(a: int, b: int) -> set[Cut]:
    """`a` and `b` do not hear each other; everybody else hears both."""
    return one_way(a, b) | one_way(b, a)


def bridge(middle: int, nodes: Sequence[int]) -> set[Cut]:
    """Two halves that only `middle` hears both of."""
    others = [node for node in sorted(nodes) if node != middle]
    if len(others) < 2 or middle not in nodes:
        raise WrongFault("A bridge needs one of the nodes in the middle and at least two others.")
    half = len(others) // 2
    return split([others[:half], others[half:]])


def ring(nodes: Sequence[int]) -> set[Cut]:
    """Each node hears only its two neighbours."""
    order = sorted(nodes)
    if len(order) < 4:
        raise WrongFault("A ring needs at least four nodes; among three everybody is a neighbour.")
    near = {(a, b) for a, b in zip(order, order[1:] + order[:1])}
    return {(a, b) for a, b in itertools.permutations(order, 2) if (a, b) not in near and (b, a) not in near}


# -- what a node's namespace is told ----


def rules(node: int, addresses: Mapping[int, str], faults: Faults) -> str:
    """Input of `iptables-restore` for the namespace of `node`: the whole table, so that it takes the place of any other."""
    lines = ["*filter", ":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]"]
    for sender, receiver in sorted(faults.cuts):
        if receiver == node:
            lines.append(f"-A INPUT -i {PORT} -s {addresses[sender]}/32 -j DROP")
    if node in faults.links and faults.links[node].acts():
        lines.append(f"-A OUTPUT -o {PORT} -m mark --mark {MARK:#x} -j ACCEPT")
        lines.append(f"-A INPUT -i {PORT} -j NFQUEUE --queue-num {IN_QUEUE} --queue-bypass")
        lines.append(f"-A OUTPUT -o {PORT} -j NFQUEUE --queue-num {OUT_QUEUE} --queue-bypass")
    return "\n".join([*lines, "COMMIT", ""])
