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
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from netcluster_parts import amounts, faults, hearth_nodes, journal, mix
from netcluster_parts.cluster import Cluster
from netcluster_parts.faults import Impairment
from netcluster_parts.layout import Layout
from netcluster_parts.load import Load, Order
from netcluster_parts.system import ROOT, Trouble, require_root, wait_until

__all__ = ["main"]

START_S = 60.0  # until a node takes connections
SETTLE_S = 30.0  # until what the load used is given back
WARM_RUNS, WARM_S = 20, 1.0
DESCRIPTORS_MORE = 8  # links to peers that come and go, at the moment of counting


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
    parser.add_argument("--seed", type=int, default=1, help="of the faults, the packets and the load (1)")
    parser.add_argument("--kinds", default=",".join(mix.NETWORK + mix.NODE), help="faults to make (%(default)s)")
    parser.add_argument("--drain", type=amounts.duration_s, default=60.0, metavar="60s", help="for the rest after the faults")
    parser.add_argument("--slack", type=amounts.duration_s, default=5.0, metavar="5s",
                        help="how long after a fault a node may be held for lost: two leases and a second")  # fmt: skip
    parser.add_argument("--disk", type=amounts.size_bytes, default=hearth_nodes.DISK_BYTES, metavar="256M")
    parser.add_argument("--directory", type=Path, help="for everything, the report too (/var/tmp/hearth-netcluster-NAME)")
    parser.add_argument("--door", default=hearth_nodes.DOOR, metavar="COMMAND",
                        help="of the load's door to a node, words in braces as for `up`; by default that to a node of Hearth")  # fmt: skip
    parser.add_argument("--ownership", metavar="PATH", help="of each node's log of epochs, for the checker; words in braces as for nodes")
    parser.add_argument("--keep", action="store_true", help="leave the cluster up")
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return argparse.Namespace(**vars(parser.parse_args(arguments[:end])), program=arguments[end + 1 :])


# -- faults ----


def begin(cluster: Cluster, step: mix.Step, seed: int) -> None:
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


def finish(cluster: Cluster, step: mix.Step) -> None:
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
            await asyncio.to_thread(begin, cluster, step, seed)
        else:
            await asyncio.to_thread(finish, cluster, step)


def mend(cluster: Cluster) -> None:
    """Everything is well again, and every node runs."""
    cluster.heal()
    for node in cluster.layout().numbers:
        cluster.thaw(node)
        cluster.free_disk(node)
    _start_ended(cluster)


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


def resources(cluster: Cluster) -> dict[int, dict[str, int]]:
    """Descriptors of the first process and files for passing use, by node; processes of all nodes together under 0, because
    a cluster may place its interpreters otherwise after a fault."""
    found = {0: {"processes": 0}}
    plan = cluster.plan()
    for node in cluster.layout(plan).numbers:
        counts: dict[str, int] = {}
        found[0]["processes"] += len(cluster.group(node).pids())
        if node in plan.processes and plan.processes[node].alive():
            counts["descriptors"] = len(os.listdir(f"/proc/{plan.processes[node].pid}/fd"))
        state = cluster.layout(plan).state(node)
        counts["temporary files"] = sum(1 for each in state.rglob("*") if each.suffix in (".tmp", ".new", ".part"))
        found[node] = counts
    return found


def settled(cluster: Cluster, before: dict[int, dict[str, int]], check: Any) -> dict[int, dict[str, int]]:
    """The counts as soon as they are back, or those at the end of patience."""
    more = {"descriptors": DESCRIPTORS_MORE}
    try:
        wait_until(lambda: not check(before, resources(cluster), more), "", SETTLE_S, 0.2)
    except Trouble:
        pass  # the checker says what is left
    return resources(cluster)


# -- the report ----


def epochs(said: argparse.Namespace, layout: Layout) -> list[dict[str, Any]]:
    """What nodes wrote about ownership."""
    if not said.program:
        return list(hearth_nodes.ownership(layout))
    if not said.ownership:
        return []
    return [line for node in layout.numbers for line in journal.read(Path(said.ownership.format_map(layout.words(node))))]


def verdict(said: argparse.Namespace, place: Path, networks: dict[str, int], ownership: Any, before: Any, after: Any) -> dict[str, Any]:
    import history

    lines = list(journal.read(place / "history.jsonl"))
    ledger = [{**line, "node": line.get("node", networks.get(line.get("net", ""), 0))} for line in journal.read(place / "ledger.jsonl")]
    ledger = [line for line in ledger if line["run"].startswith(f"net-{said.seed}-")]
    if not said.program:  # a task of Hearth runs where a replica is, for an owner that it does not know
        ledger = [{**line, "owner": None} for line in ledger]
    made = list(journal.read(place / "faults.jsonl"))
    lost = history.losses(made)
    found = [
        *history.check_terminal_states(lines), *history.check_values(lines, key_of(said), lost, said.slack),
        *history.check_executions(lines, ledger, lost, said.slack), *history.check_reads(lines), *history.check_replies(lines),
        *history.check_ownership(ownership), *history.check_resources(before, after, {"descriptors": DESCRIPTORS_MORE}),
    ]  # fmt: skip
    kinds = collections.Counter(line["fault"] for line in made if line["edge"] == "after")
    accepted = {line["run"] for line in lines if line["kind"] == "invoke" and line["op"] == "submit"}
    answered = collections.Counter(line["kind"] for line in lines if line["kind"] != "invoke")
    reasons = collections.Counter(str(line.get("reason")) for line in lines if line["kind"] == "fail")
    starts = collections.Counter(line["run"] for line in ledger)
    return {
        "seed": said.seed, "nodes": said.nodes, "minutes": said.minutes, "runs": said.runs, "submitted": len(accepted),
        "faults": dict(sorted(kinds.items())), "calls": dict(sorted(answered.items())), "refusals": dict(reasons.most_common(8)),
        "executions": sum(starts.values()), "executed_again": sum(count > 1 for count in starts.values()),
        "epochs": len(ownership), "resources": {"before": before, "after": after},
        "violations": [dataclasses.asdict(each) for each in found],
    }  # fmt: skip


def shown(report: dict[str, Any]) -> str:
    broken = collections.Counter(each["rule"] for each in report["violations"])
    rows = [("runs", f"{report['runs']:,}, ended {report['ended']:,}"), ("executions", f"{report['executions']:,}, "
            f"{report['executed_again']} runs more than once"), ("faults", ", ".join(f"{k} {v}" for k, v in report["faults"].items())),
            ("calls", ", ".join(f"{k} {v:,}" for k, v in report["calls"].items())),
            ("refusals", ", ".join(f"{k} {v:,}" for k, v in report["refusals"].items()) or "none"),
            ("ownership", f"{report['epochs']} lines" if report["epochs"] else "no log was given"),
            ("violations", ", ".join(f"{k} {v}" for k, v in broken.items()) or "none")]  # fmt: skip
    lines = [f"{word:<12}{text}" for word, text in rows]
    lines += [f"  {each['rule']}: {each['sentence']}" for each in report["violations"][:20]]
    return "\n".join(lines)


def key_of(said: argparse.Namespace) -> str:
    return f"key-{said.seed}"


async def _drive(cluster: Cluster, said: argparse.Namespace, place: Path) -> tuple[Any, Any, int]:
    from history import check_resources

    layout = cluster.layout()
    doors = {node: [part.format_map(layout.words(node)) for part in shlex.split(said.door)] for node in layout.numbers}
    seconds = said.minutes * 60

    def load(name: str, runs: int, over: float, seed: int) -> Load:
        order = Order(runs, over, said.drain, seed, key_of(said), place / "ledger.jsonl", place / f"{name}.jsonl")
        return Load(order, doors, place / "doors.log")

    warm_up = load("warm-up", WARM_RUNS * said.nodes, WARM_S, said.seed + 1_000_000)
    await warm_up.run()
    if warm_up.ended < WARM_RUNS * said.nodes:
        raise Trouble(f"Without any fault {warm_up.ended} of {WARM_RUNS * said.nodes} runs ended; {place / 'doors.log'} and node*/output.log say why.")
    before = await asyncio.to_thread(resources, cluster)
    main_load = load("history", said.runs, seconds, said.seed)
    steps = mix.schedule(said.seed, said.nodes, seconds, said.kinds.split(","))
    working = asyncio.create_task(main_load.run())
    try:
        await inject(cluster, steps, said.seed)
    finally:
        await asyncio.to_thread(mend, cluster)
    await working
    return before, await asyncio.to_thread(settled, cluster, before, check_resources), main_load.ended


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
        before, after, ended = asyncio.run(_drive(cluster, said, place))
    finally:
        if not said.keep:
            cluster.down()
    report = {**verdict(said, place, networks, epochs(said, layout), before, after), "ended": ended}
    (place / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print(shown(report))
    print(f"report      {place / 'report.json'}")
    return 1 if report["violations"] or ended < said.runs else 0
