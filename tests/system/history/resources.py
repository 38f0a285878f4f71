"""Resources return to what they were."""

from __future__ import annotations

from collections.abc import Mapping

from history.violation import Violation

__all__ = ["check_resources"]

Counts = Mapping[str, int]


def check_resources(before: Mapping[int, Counts], after: Mapping[int, Counts], more: Counts | None = None) -> list[Violation]:
    """Of each node (or 0: what belongs to none), no count is higher than at the beginning; `more` says by how much one may
    be, because it is not the node's alone. A node or count that is missing at the end was not measured, and is told."""
    found = []
    for node, counts in before.items():
        where = f"node {node}" if node else "this machine"
        for word, count in counts.items():
            now = after.get(node, {}).get(word)
            if now is None:
                found.append(Violation("not measured", f"{word} of {where} was {count} at the beginning and is not known at the end."))
            elif now > count + (more or {}).get(word, 0):
                found.append(Violation("left behind", f"{where} has {now} {word} at the end, and had {count} at the beginning."))
    return found
