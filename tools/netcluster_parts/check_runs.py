"""What `tools/netcluster check` puts under load when nothing else is said: durable runs."""

from __future__ import annotations

import argparse
import collections
import dataclasses
from pathlib import Path
from typing import Any

from netcluster_parts import hearth_nodes, journal
from netcluster_parts.layout import Layout
from netcluster_parts.load import Load, Order
from netcluster_parts.system import Trouble

__all__ = ["Runs"]

WARM_RUNS, WARM_S = 20, 1.0


class Runs:
    """None is lost, doubled or wrong, nothing stale is read, and epochs only rise."""

    more = {"descriptors": 8}  # links to peers that come and go, at the moment of counting

    def __init__(self, said: argparse.Namespace, layout: Layout, place: Path, doors: dict[int, list[str]]) -> None:
        self._said, self._layout, self._place, self._doors = said, layout, place, doors
        self._ended = 0

    async def warm_up(self) -> None:
        runs = WARM_RUNS * self._said.nodes
        load = self._load("warm-up", runs, WARM_S, self._said.seed + 1_000_000)
        await load.run()
        if load.ended < runs:
            raise Trouble(f"Without any fault {load.ended} of {runs} runs ended; {self._place / 'doors.log'} and node*/output.log say why.")

    async def work(self) -> None:
        load = self._load("history", self._said.runs, self._said.minutes * 60, self._said.seed)
        await load.run()
        self._ended = load.ended

    def _load(self, name: str, runs: int, over: float, seed: int) -> Load:
        order = Order(runs, over, self._said.drain, seed, self._key, self._place / "ledger.jsonl", self._place / f"{name}.jsonl")
        return Load(order, self._doors, self._place / "doors.log")

    @property
    def _key(self) -> str:
        return f"key-{self._said.seed}"

    def _epochs(self) -> list[dict[str, Any]]:
        """What nodes wrote about ownership."""
        if not self._said.program:
            return list(hearth_nodes.ownership(self._layout))
        if not self._said.ownership:
            return []
        return [line for node in self._layout.numbers for line in journal.read(Path(self._said.ownership.format_map(self._layout.words(node))))]

    def verdict(self, networks: dict[str, int]) -> dict[str, Any]:
        """What happened, and which rules it broke; `networks` tells the node of a namespace."""
        import history

        said, epochs = self._said, self._epochs()
        lines = list(journal.read(self._place / "history.jsonl"))
        ledger = [{**line, "node": line.get("node", networks.get(line.get("net", ""), 0))} for line in journal.read(self._place / "ledger.jsonl")]
        ledger = [line for line in ledger if line["run"].startswith(f"net-{said.seed}-")]
        if not said.program:  # a task of Hearth runs where a replica is, for an owner that it does not know
            ledger = [{**line, "owner": None} for line in ledger]
        lost = history.losses(journal.read(self._place / "faults.jsonl"))
        found = [
            *history.check_terminal_states(lines), *history.check_values(lines, self._key, lost, said.slack),
            *history.check_executions(lines, ledger, lost, said.slack), *history.check_reads(lines), *history.check_replies(lines),
            *history.check_ownership(epochs),
        ]  # fmt: skip
        accepted = {line["run"] for line in lines if line["kind"] == "invoke" and line["op"] == "submit"}
        answered = collections.Counter(line["kind"] for line in lines if line["kind"] != "invoke")
        reasons = collections.Counter(str(line.get("reason")) for line in lines if line["kind"] == "fail")
        starts = collections.Counter(line["run"] for line in ledger)
        return {
            "runs": said.runs, "submitted": len(accepted), "ended": self._ended, "is_complete": self._ended == said.runs,
            "calls": dict(sorted(answered.items())), "refusals": dict(reasons.most_common(8)),
            "executions": sum(starts.values()), "executed_again": sum(count > 1 for count in starts.values()),
            "epochs": len(epochs), "violations": [dataclasses.asdict(each) for each in found],
        }  # fmt: skip

    def rows(self, report: dict[str, Any]) -> list[tuple[str, str]]:
        """The report for people."""
        return [
            ("runs", f"{report['runs']:,}, ended {report['ended']:,}"),
            ("executions", f"{report['executions']:,}, {report['executed_again']} runs more than once"),
            ("calls", ", ".join(f"{k} {v:,}" for k, v in report["calls"].items())),
            ("refusals", ", ".join(f"{k} {v:,}" for k, v in report["refusals"].items()) or "none"),
            ("ownership", f"{report['epochs']} lines" if report["epochs"] else "no log was given"),
        ]
