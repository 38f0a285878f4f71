"""Ownership: epochs rise, and nobody accepts a lower one after a higher one."""

from __future__ import annotations

from collections.abc import Iterable

from history.violation import Line, Violation, seconds

__all__ = ["check_ownership"]


def check_ownership(log: Iterable[Line]) -> list[Violation]:
    """Of what nodes wrote about grants as they learned them, and about commands that carried an epoch."""
    owners: dict[tuple[str, int], Line] = {}  # (environment, epoch) -> its first grant
    learned: dict[tuple[int, str], int] = {}  # (node, environment) -> highest epoch granted, as far as the node knew
    accepted: dict[tuple[int, str], Line] = {}  # -> the accepted command with the highest epoch
    found = []
    lines = sorted(log, key=lambda line: int(line["t"]))
    for line in lines:
        if line["event"] == "grant":
            owners.setdefault((line["environment"], line["epoch"]), line)
    for line in lines:
        environment, epoch, node = line["environment"], line["epoch"], line["node"]
        place = (node, environment)
        if line["event"] == "grant":
            first = owners[environment, epoch]
            if first["owner"] != line["owner"]:
                found.append(Violation("two owners", f"epoch {epoch} of {environment} was granted to node {first['owner']} and to node {line['owner']}."))
            if epoch <= learned.get(place, -1):
                found.append(Violation("epoch went back", f"node {node} learned of epoch {epoch} of {environment} at {seconds(line['t'])}, after epoch "
                                       f"{learned[place]}."))  # fmt: skip
            learned[place] = max(epoch, learned.get(place, -1))
        elif line["event"] == "accept":
            if (environment, epoch) not in owners:
                found.append(Violation("epoch without a grant", f"node {node} accepted a command of epoch {epoch} of {environment}, which was never granted."))
            before = accepted.get(place)
            if before is not None and epoch < before["epoch"]:
                found.append(Violation("lower epoch accepted", f"node {node} accepted epoch {epoch} of {environment} at {seconds(line['t'])}, after epoch "
                                       f"{before['epoch']} at {seconds(before['t'])}."))  # fmt: skip
            elif before is None or epoch > before["epoch"]:
                accepted[place] = line
    return found
