"""What `tools/netcluster check --cache` puts under load: cached results and their invalidation."""

from __future__ import annotations

import argparse
import collections
import dataclasses
from pathlib import Path
from typing import Any

from netcluster_parts import journal
from netcluster_parts.cache_load import PROJECTS, CacheLoad, CacheOrder
from netcluster_parts.layout import Layout
from netcluster_parts.system import Trouble

__all__ = ["CachedReads"]

WARM_READS, WARM_S = 200, 1.0
SCOPES = ("everything", "project", "domain", "task", "version", "key")  # by the number of words that name them


class CachedReads:
    """Nothing is served that began before an invalidation which has returned, and no value is wrong."""

    def __init__(self, said: argparse.Namespace, layout: Layout, place: Path, doors: dict[int, list[str]]) -> None:
        self._said, self._place, self._doors = said, place, doors
        # Replicas lie otherwise after a fault: by then each node may have the process from which those of a project are forked.
        forking = len(PROJECTS) * said.nodes
        self.more = {"processes": forking, "descriptors": 8 + 8 * forking}
        self._answered = 0
        self._unserved = 0

    async def warm_up(self) -> None:
        load = self._load("warm-up", WARM_READS, WARM_S, self._said.seed + 1_000_000)
        await load.run()
        if load.answered < WARM_READS or load.unserved:
            raise Trouble(f"Without any fault {load.answered} of {WARM_READS} reads were answered, and {load.unserved} keys are not served by "
                          f"some node; {self._place / 'doors.log'} and node*/output.log say why.")  # fmt: skip

    async def work(self) -> None:
        load = self._load("history", self._said.reads, self._said.minutes * 60, self._said.seed)
        await load.run()
        self._answered, self._unserved = load.answered, load.unserved

    def _load(self, name: str, reads: int, over: float, seed: int) -> CacheLoad:
        order = CacheOrder(reads, over, self._said.drain, seed, self._place / "ledger.jsonl", self._place / f"{name}.jsonl")
        return CacheLoad(order, self._doors, self._place / "doors.log")

    def verdict(self, networks: dict[str, int]) -> dict[str, Any]:
        """What happened, and which rules it broke; `networks` tells the node of a namespace."""
        import history

        lines = list(journal.read(self._place / "history.jsonl"))
        # What is served may have been made during the warm-up.
        executions = [{**line, "node": line.get("node", networks.get(line.get("net", ""), 0))} for line in journal.read(self._place / "ledger.jsonl")]
        lost = history.losses(journal.read(self._place / "faults.jsonl"))
        found = [*history.check_cached_reads(lines, executions), *history.check_replies(lines)]
        counted = history.count_cached_reads(lines, executions, lost)
        invalidating = {line["call"]: SCOPES[len(line["scope"])] for line in lines if line["kind"] == "invoke" and line["op"] == "invalidate"}
        returned = collections.Counter(invalidating[line["call"]] for line in lines if line["kind"] == "ok" and line["call"] in invalidating)
        reads = collections.Counter(line["kind"] for line in lines if line["kind"] != "invoke" and line["call"] not in invalidating)
        reasons = collections.Counter(str(line.get("reason"))[:120] for line in lines if line["kind"] in ("fail", "info"))
        return {
            **dataclasses.asdict(counted), "ordered": self._said.reads, "reads": dict(sorted(reads.items())),
            "invalidated": dict(returned.most_common()), "invalidations_open": len(invalidating) - counted.invalidations,
            "executions": len(executions), "unserved": self._unserved, "refusals": dict(reasons.most_common(8)),
            "is_complete": self._answered >= self._said.reads and self._unserved == 0,
            "violations": [dataclasses.asdict(each) for each in found],
        }  # fmt: skip

    def rows(self, report: dict[str, Any]) -> list[tuple[str, str]]:
        """The report for people."""
        hits = (f"{report['hits']:,}; {report['hits_after_invalidation']:,} after an invalidation of their scope, {report['hits_during_losses']:,} "
                f"during faults, {report['hits_made_elsewhere']:,} made on another node")  # fmt: skip
        rows = [
            ("reads", f"{report['answered']:,} answered; " + ", ".join(f"{kind} {count:,}" for kind, count in report["reads"].items())),
            ("hits", hits),
            ("executions", f"{report['executions']:,}"),
            ("invalidations", f"{report['invalidations']:,} returned: " + ", ".join(f"{word} {count}" for word, count in report["invalidated"].items())
             + f"; {report['invalidations_open']} did not, or nobody knows"),
            ("unanswered", ", ".join(f"{reason}: {count:,}" for reason, count in report["refusals"].items()) or "none"),
        ]  # fmt: skip
        if report["unserved"]:
            rows.append(("not served", f"{report['unserved']} keys at nodes that do not answer them from their cache in the end"))
        return rows
