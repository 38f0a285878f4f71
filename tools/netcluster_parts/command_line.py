"""The command line of tools/netcluster."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netcluster_parts import amounts, faults, hearth_nodes
from netcluster_parts.cluster import Cluster
from netcluster_parts.faults import Impairment, WrongFault
from netcluster_parts.system import Trouble, require_root

__all__ = ["main"]

DESCRIPTION = """Nodes for tests on one machine, each in a network namespace of its own, and faults to put them through.
Needs root. Nothing of the host's network changes; `down` takes everything away again.

  tools/netcluster up --nodes 3            three nodes of Hearth, one cluster
  tools/netcluster up --nodes 3 -- PROGRAM --listen {address}:7000 --socket {socket} --state {state}
  tools/netcluster partition '1|2,3'       tools/netcluster delay 2 50ms±20ms --reorder 10%
  tools/netcluster partition --one-way 1 2 tools/netcluster heal
  tools/netcluster check --help            the fault mix, and whether all invariants held
"""
WORDS = "node, nodes, name, address, addresses, state, home, socket, directory"


def numbers(text: str) -> list[int]:
    try:
        return [int(each) for each in text.split(",") if each.strip()]
    except ValueError:
        raise WrongFault(f"'{text}' is no list of nodes such as 2,3.") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("netcluster", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="net", help="which cluster, when there are several (net)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text)

    def of_node(name: str, text: str) -> argparse.ArgumentParser:
        made = command(name, text)
        made.add_argument("node", type=int, metavar="NODE")
        return made

    up = command("up", "make namespaces, cables and disks, and start the nodes")
    up.add_argument("--nodes", type=int, required=True, metavar="N")
    up.add_argument("--directory", type=Path, help="where sockets, disks, output and journals are (/var/tmp/hearth-netcluster-NAME)")
    up.add_argument("--disk", type=amounts.size_bytes, default=hearth_nodes.DISK_BYTES, metavar="SIZE", help="of each node's state directory (256M)")
    up.add_argument("--clock", action="store_true", help="run the nodes under libfaketime, so that their clocks can be moved")
    up.add_argument("--no-nodes", action="store_true", help="only network and disks; nothing is started")
    up.add_argument("program", nargs="*", metavar="-- PROGRAM", help=f"of each node instead of Hearth; words in braces: {WORDS}")
    execute = of_node("exec", "run a command in the network of a node")
    execute.add_argument("program", nargs="+", metavar="-- CMD")

    partition = command("partition", "cut nodes off from each other; takes the place of the partition in force")
    kinds = partition.add_mutually_exclusive_group(required=True)
    kinds.add_argument("groups", nargs="?", metavar="A|B,C", help="groups that do not hear each other")
    kinds.add_argument("--one-way", nargs=2, type=int, metavar=("A", "B"), help="packets of A do not reach B")
    kinds.add_argument("--pair", nargs=2, type=int, metavar=("A", "B"), help="A and B do not hear each other")
    kinds.add_argument("--bridge", type=int, metavar="NODE", help="two halves that only NODE hears both of")
    kinds.add_argument("--ring", action="store_true", help="each node hears only its two neighbours")
    command("heal", "make the whole network good again")
    of_node("loss", "lose packets, in both directions").add_argument("share", type=amounts.percent, metavar="20%")
    delay = of_node("delay", "delay packets, in both directions")
    delay.add_argument("time", type=amounts.delay, metavar="50ms±20ms")
    for each in (commands.choices["loss"], delay):
        each.add_argument("--seed", type=int, default=1, help="decides the fate of each packet (1)")
        each.add_argument("--duplicate", type=amounts.percent, default=0.0, metavar="5%", help="of the packets that leave")
    delay.add_argument("--reorder", type=amounts.percent, default=0.0, metavar="10%", help="of the packets, those that do not wait")
    delay.add_argument("--loss", dest="share", type=amounts.percent, default=0.0, metavar="20%")
    of_node("bandwidth", "limit the link of a node, in both directions").add_argument("rate", metavar="64kbit|none")

    of_node("start", "start the program of a node")
    of_node("kill", "end a node at once").add_argument("--daemon", action="store_true", help="only the process that was started, not its children")
    of_node("freeze", "stop all processes of a node where they are")
    of_node("thaw", "let them go on")
    of_node("disk-full", "fill the disk of a node to the last byte")
    of_node("disk-free", "make room on it again")
    of_node("clock", "move the wall clock of a node; 0 puts it right").add_argument("shift", type=amounts.shift_s, metavar="+1h")
    command("status", "show nodes and faults").add_argument("-o", "--output", choices=("table", "json"), default="table")
    command("down", "take everything away")
    return parser


def _up(cluster: Cluster, said: argparse.Namespace) -> None:
    is_hearth = not said.program and not said.no_nodes
    command = hearth_nodes.COMMAND if is_hearth else said.program
    cluster.up(said.nodes, said.directory, command, said.disk, said.clock, hearth_nodes.prepare if is_hearth else None)


def _partition(cluster: Cluster, said: argparse.Namespace) -> None:
    nodes = cluster.layout().numbers
    if said.one_way:
        cluster.partition(faults.one_way(*said.one_way), "one-way")
    elif said.pair:
        cluster.partition(faults.pair(*said.pair), "pair")
    elif said.bridge is not None:
        cluster.partition(faults.bridge(said.bridge, nodes), "bridge")
    elif said.ring:
        cluster.partition(faults.ring(nodes), "ring")
    else:
        cluster.partition(faults.split([numbers(group) for group in said.groups.split("|")]), "partition")


def _delay(cluster: Cluster, said: argparse.Namespace) -> None:
    mean, around = said.time
    cluster.impair(said.node, Impairment(said.share, mean, around, said.reorder, said.duplicate, said.seed))


def _status(cluster: Cluster, said: argparse.Namespace) -> None:
    found = cluster.status()
    if said.output == "json":
        print(json.dumps(found, indent=1))
        return
    print(f"{found['name']} in {found['directory']}\n{'node':<6}{'address':<12}{'pid':>8}{'processes':>11}  faults")
    for row in found["nodes"]:
        print(f"{row['node']:<6}{row['address']:<12}{row['pid'] or '-':>8}{row['processes']:>11}  {_wrong_with(row) or 'none'}")


def _wrong_with(row: dict[str, Any]) -> str:
    said = [word for word, holds in (("frozen", row["frozen"]), ("disk full", row["disk_full"])) if holds]
    if row["deaf_to"]:
        said.append(f"hears nothing of {', '.join(map(str, row['deaf_to']))}")
    if row["link"]:
        link = row["link"]
        parts = [f"{word} {link[word]:.0%}" for word in ("loss", "reorder", "duplicate") if link[word]]
        if link["delay_s"]:
            parts.append(f"delay {link['delay_s'] * 1e3:g}±{link['jitter_s'] * 1e3:g} ms")
        said.append(", ".join(parts) + ("" if row["link_program"] else " (THE PROGRAM FOR IT HAS ENDED)"))
    if row["bits"]:
        said.append(f"{row['bits'] / 1e3:g} kbit/s")
    if row["clock_s"]:
        said.append(f"clock {row['clock_s']:+g} s")
    return "; ".join(said)


def _exec(cluster: Cluster, said: argparse.Namespace) -> int:
    require_root()
    return subprocess.run(cluster.exec(said.node, said.program)).returncode


ACTIONS: dict[str, Callable[[Cluster, argparse.Namespace], object]] = {
    "up": _up,
    "exec": _exec,
    "partition": _partition,
    "heal": lambda cluster, said: cluster.heal(),
    "loss": lambda cluster, said: cluster.impair(said.node, Impairment(loss=said.share, duplicate=said.duplicate, seed=said.seed)),
    "delay": _delay,
    "bandwidth": lambda cluster, said: cluster.bandwidth(said.node, None if said.rate == "none" else amounts.rate_bits(said.rate)),
    "start": lambda cluster, said: cluster.start(said.node),
    "kill": lambda cluster, said: cluster.kill(said.node, everything=not said.daemon),
    "freeze": lambda cluster, said: cluster.freeze(said.node),
    "thaw": lambda cluster, said: cluster.thaw(said.node),
    "disk-full": lambda cluster, said: cluster.fill_disk(said.node),
    "disk-free": lambda cluster, said: cluster.free_disk(said.node),
    "clock": lambda cluster, said: cluster.shift_clock(said.node, said.shift),
    "status": _status,
    "down": lambda cluster, said: cluster.down(),
}


def main(arguments: list[str]) -> int:
    """Exit status; 2 for what was asked wrongly or cannot be done, with one sentence on standard error."""
    try:
        if "check" in arguments[:3]:
            from netcluster_parts import check

            return check.main(arguments)
        said = _parser().parse_args(arguments)
        answer = ACTIONS[said.command](Cluster(said.name), said)
        return answer if isinstance(answer, int) else 0
    except (Trouble, ValueError) as wrong:
        print(f"netcluster: {wrong}", file=sys.stderr)
        return 2
    except OSError as wrong:
        print(f"netcluster: {wrong.filename or 'a system call'}: {wrong.strerror}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        os.write(2, b"netcluster: interrupted; `tools/netcluster down` takes away what was made.\n")
        return 130
