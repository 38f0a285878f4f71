"""`tools/netcluster check`: the fault mix under load, then the checkers, then a report.

Phases: up; warm-up, and what it costs in processes and descriptors; load and faults; heal and drain; the same costs again;
down; checkers. Exit status 0 only when every invariant held; a fault that cannot be made ends the check with the reason.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import dataclasses
import json
import os
import shlex
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from netcluster_parts import amounts, hearth_nodes, journal, mix
from netcluster_parts.check_cache import CachedReads
from netcluster_parts.check_runs import Runs
from netcluster_parts.cluster import Cluster
from netcluster_parts.injection import inject, mend
from netcluster_parts.system import ROOT, Trouble, require_root, wait_until

__all__ = ["main"]

START_S = 60.0  # until a node takes connections
SETTLE_S = 30.0  # until what the load used is given back
Counts = dict[int, dict[str, int]]  # by node


class Subject(Protocol):
    """What a check puts under load, and how it judges: `more`, by how much counts may be higher at the end. Reports have
    `violations` and `is_complete`."""

    @property
    def more(self) -> Mapping[str, int]: ...
    async def warm_up(self) -> None: ...
    async def work(self) -> None: ...
    def verdict(self, networks: dict[str, int]) -> dict[str, Any]: ...
    def rows(self, report: dict[str, Any]) -> list[tuple[str, str]]: ...


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "netcluster check", usage="%(prog)s [options] [-- PROGRAM of each node, instead of Hearth]", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Example: tools/netcluster check --minutes 2 --runs 2000 --seed 7",
    )  # fmt: skip
    parser.add_argument("--name", default="check")
    parser.add_argument("check")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=10.0, help="of load and faults (10)")
    parser.add_argument("--runs", type=int, default=10_000, help="durable runs (10000)")
    parser.add_argument("--cache", action="store_true", help="put the cache under load instead of runs: cached reads and invalidations")
    parser.add_argument("--reads", type=int, default=100_000, help="of cached results, with --cache (100000)")
    parser.add_argument("--seed", type=int, default=1, help="of the faults, the packets and the load (1)")
    parser.add_argument("--kinds", default=",".join(mix.NETWORK + mix.NODE), help="faults to make (%(default)s)")
    parser.add_argument("--drain", type=amounts.duration_s, default=60.0, metavar="60s", help="for the rest after the faults")
    parser.add_argument("--slack", type=amounts.duration_s, default=5.0, metavar="5s",
                        help="how long after a fault a node may be held for lost: two leases and a second")  # fmt: skip
    parser.add_argument("--disk", type=amounts.size_bytes, default=hearth_nodes.DISK_BYTES, metavar="256M")
    parser.add_argument("--directory", type=Path, help="for everything, the report too (/var/tmp/hearth-netcluster-NAME)")
    parser.add_argument("--door", metavar="COMMAND",
                        help="of the load's door to a node, words in braces as for `up`; by default that to a node of Hearth")  # fmt: skip
    parser.add_argument("--ownership", metavar="PATH", help="of each node's log of epochs, for the checker; words in braces as for nodes")
    parser.add_argument("--keep", action="store_true", help="leave the cluster up")
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return argparse.Namespace(**vars(parser.parse_args(arguments[:end])), program=arguments[end + 1 :])


# -- what is measured ----


def takes_connections(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def wait_for_nodes(cluster: Cluster) -> None:
    layout = cluster.layout()
    for node in layout.numbers:
        wait_until(lambda node=node: takes_connections(layout.socket(node)),  # type: ignore[misc]
                   f"node {node} to take connections at {layout.socket(node)}; its output is in {layout.log(node)}", START_S, 0.05)  # fmt: skip


def resources(cluster: Cluster) -> Counts:
    """Files for passing use, by node; under 0 processes of all nodes, and descriptors of their first ones, together: a cluster
    may place its interpreters otherwise after a fault."""
    found = {0: {"processes": 0, "descriptors": 0}}
    plan = cluster.plan()
    for node in cluster.layout(plan).numbers:
        found[0]["processes"] += len(cluster.group(node).pids())
        if node in plan.processes and plan.processes[node].alive():
            found[0]["descriptors"] += len(os.listdir(f"/proc/{plan.processes[node].pid}/fd"))
        state = cluster.layout(plan).state(node)
        found[node] = {"temporary files": sum(1 for each in state.rglob("*") if each.suffix in (".tmp", ".new", ".part"))}
    return found


def settled(cluster: Cluster, before: Counts, more: Mapping[str, int], check: Any) -> Counts:
    """The counts as soon as they are back, or those at the end of patience."""
    try:
        wait_until(lambda: not check(before, resources(cluster), more), "", SETTLE_S, 0.2)
    except Trouble:
        pass  # the checker says what is left
    return resources(cluster)


# -- phases ----


async def _drive(cluster: Cluster, said: argparse.Namespace, what: Subject) -> tuple[Counts, Counts]:
    from history import check_resources

    await what.warm_up()
    before = await asyncio.to_thread(resources, cluster)
    steps = mix.schedule(said.seed, said.nodes, said.minutes * 60, said.kinds.split(","))
    working = asyncio.create_task(what.work())
    try:
        await inject(cluster, steps, said.seed)
    finally:
        await asyncio.to_thread(mend, cluster)
    await working
    return before, await asyncio.to_thread(settled, cluster, before, what.more, check_resources)


def verdict(said: argparse.Namespace, place: Path, what: Subject, networks: dict[str, int], before: Counts, after: Counts) -> dict[str, Any]:
    from history import check_resources

    made = collections.Counter(line["fault"] for line in journal.read(place / "faults.jsonl") if line["edge"] == "after")
    left = [dataclasses.asdict(each) for each in check_resources(before, after, what.more)]
    report = what.verdict(networks)
    return {**report, "seed": said.seed, "nodes": said.nodes, "minutes": said.minutes, "faults": dict(sorted(made.items())),
            "resources": {"before": before, "after": after}, "violations": report["violations"] + left}  # fmt: skip


def shown(report: dict[str, Any], rows: list[tuple[str, str]]) -> str:
    broken = collections.Counter(each["rule"] for each in report["violations"])
    rows = [*rows, ("faults", ", ".join(f"{k} {v}" for k, v in report["faults"].items())),
            ("violations", ", ".join(f"{k} {v}" for k, v in broken.items()) or "none")]  # fmt: skip
    lines = [f"{word:<14}{text}" for word, text in rows]
    lines += [f"  {each['rule']}: {each['sentence']}" for each in report["violations"][:20]]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    said = _arguments(arguments)
    require_root()
    sys.path.insert(0, str(ROOT / "tests" / "system"))
    cluster = Cluster(said.name)
    place = (said.directory or Path(f"/var/tmp/hearth-netcluster-{said.name}")).absolute()
    cluster.down()
    place.mkdir(parents=True, exist_ok=True)
    for old in [*place.glob("*.jsonl"), *place.glob("doors.log"), *place.glob("node*/output.log")]:
        old.unlink()
    try:
        cluster.up(said.nodes, place, said.program or hearth_nodes.COMMAND, said.disk, prepare=None if said.program else hearth_nodes.prepare)
        networks = {row["network"]: row["node"] for row in cluster.status()["nodes"]}
        layout = cluster.layout()
        wait_for_nodes(cluster)
        command = said.door or (hearth_nodes.CACHE_DOOR if said.cache else hearth_nodes.DOOR)
        doors = {node: [part.format_map(layout.words(node)) for part in shlex.split(command)] for node in layout.numbers}
        subjects: dict[bool, Callable[..., Subject]] = {False: Runs, True: CachedReads}
        what = subjects[said.cache](said, layout, place, doors)
        before, after = asyncio.run(_drive(cluster, said, what))
    finally:
        if not said.keep:
            cluster.down()
    report = verdict(said, place, what, networks, before, after)
    (place / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print(shown(report, what.rows(report)))
    print(f"{'report':<14}{place / 'report.json'}")
    return 1 if report["violations"] or not report["is_complete"] else 0
