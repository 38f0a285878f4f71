"""Which faults happen when: a schedule made from a seed alone."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

__all__ = ["NETWORK", "NODE", "Step", "schedule"]

NETWORK = ("partition", "one-way", "bridge", "pair", "loss", "delay", "bandwidth")
NODE = ("kill", "kill-daemon", "kill-all", "freeze", "disk-full")
FAULT_S = (3.0, 9.0)  # longer than any lease, so that a fault is noticed; short enough for each kind to come
GAP_S = (1.0, 4.0)  # time to recover, not always enough
LOSSES = (0.05, 0.2, 0.3)
DELAYS_S = ((0.05, 0.02), (0.2, 0.1), (1.0, 0.5))
RATES = (64_000, 256_000)


@dataclasses.dataclass(frozen=True)
class Step:
    """A fault from `begin` to `end`, seconds since the start."""

    begin: float
    end: float
    kind: str
    nodes: tuple[int, ...]  # the one concerned, or both; of a partition one side; of a bridge the middle; of kill-all all
    amount: float = 0.0  # share lost, delay in seconds, bits per second
    spread: float = 0.0  # of a delay, seconds


def schedule(seed: int, nodes: int, seconds: float, kinds: Sequence[str] = NETWORK + NODE) -> list[Step]:
    """Faults of the network and faults of single nodes, each one at a time, both at once. Every kind comes, and comes again
    while there is time; where time is short, faults are. Sorted by their beginning."""
    unknown = sorted(set(kinds) - set(NETWORK + NODE))
    if unknown:
        raise ValueError(f"There is no fault '{unknown[0]}'; the kinds are {', '.join(NETWORK + NODE)}.")
    dice = random.Random(seed)
    steps = []
    for lane in (NETWORK, NODE):
        wanted = [kind for kind in lane if kind in kinds and (nodes > 2 or kind != "bridge") and (nodes > 1 or kind not in NETWORK)]
        steps += _lane(dice, wanted, nodes, seconds)
    return sorted(steps, key=lambda step: (step.begin, step.kind))


def _lane(dice: random.Random, kinds: list[str], nodes: int, seconds: float) -> list[Step]:
    if not kinds:
        return []
    scale = min(1.0, seconds / (len(kinds) * (FAULT_S[1] + GAP_S[1])))
    steps: list[Step] = []
    now = 0.0
    while True:
        for kind in dice.sample(kinds, len(kinds)):
            begin = now + dice.uniform(*GAP_S) * scale
            now = begin + dice.uniform(*FAULT_S) * scale
            if now > seconds:
                return steps
            steps.append(_step(dice, begin, now, kind, nodes))


def _step(dice: random.Random, begin: float, end: float, kind: str, nodes: int) -> Step:
    chosen = dice.sample(range(1, nodes + 1), min(2, nodes))
    if kind in ("one-way", "pair"):
        return Step(begin, end, kind, tuple(chosen))
    if kind == "partition":
        side = dice.sample(range(1, nodes + 1), dice.randint(1, max(1, nodes // 2)))
        return Step(begin, end, kind, tuple(sorted(side)))
    if kind == "kill-all":
        return Step(begin, end, kind, tuple(range(1, nodes + 1)))
    one = (chosen[0],)
    if kind == "loss":
        return Step(begin, end, kind, one, dice.choice(LOSSES))
    if kind == "delay":
        return Step(begin, end, kind, one, *dice.choice(DELAYS_S))
    return Step(begin, end, kind, one, float(dice.choice(RATES)) if kind == "bandwidth" else 0.0)
