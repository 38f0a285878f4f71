"""A cluster of test nodes on this machine, and everything that can be done to it.

What is there is written down below /run, so that each command, and each process, finds it; commands take turns under a lock.
All methods may be repeated: what holds already is left as it is. Each fault is journalled before and after it is made.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from netcluster_parts import disks, faults, journal, network
from netcluster_parts.faults import Faults, Impairment
from netcluster_parts.layout import RUNTIME, Layout
from netcluster_parts.processes import Group, Process, groups_root, start
from netcluster_parts.system import Trouble, program, require_root

__all__ = ["Cluster", "Plan"]

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


@dataclasses.dataclass
class Plan:
    """How a cluster is made, and what is going on in it."""

    directory: str
    nodes: int
    command: list[str] = dataclasses.field(default_factory=list)  # of a node, with words in braces; empty: none
    disk_bytes: int = 64 << 20  # of each node's state directory
    clock: bool = False  # nodes run under libfaketime
    faults: Faults = dataclasses.field(default_factory=Faults)
    processes: dict[int, Process] = dataclasses.field(default_factory=dict)
    impairing: dict[int, Process] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            **{word: getattr(self, word) for word in ("directory", "nodes", "command", "disk_bytes", "clock")},
            "faults": self.faults.to_json(),
            "processes": {str(node): [each.pid, each.born] for node, each in self.processes.items()},
            "impairing": {str(node): [each.pid, each.born] for node, each in self.impairing.items()},
        }

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Plan:
        found = {word: said[word] for word in ("directory", "nodes", "command", "disk_bytes", "clock")}
        processes, impairing = (
            {int(node): Process(*each) for node, each in said[table].items()} for table in ("processes", "impairing")
        )
        return cls(**found, faults=Faults.from_json(said["faults"]), processes=processes, impairing=impairing)


class Cluster:
    """The cluster `name`, whether it is up or not. Every method needs root and raises Trouble or WrongFault."""

    def __init__(self, name: str = "net") -> None:
        self.name = name
        self._file = RUNTIME / f"{name}.json"
        Layout(name, Path("/"), 1)  # checks the name

    # -- what it is ----

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        require_root()
        RUNTIME.mkdir(mode=0o755, exist_ok=True)
        with (RUNTIME / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def plan(self) -> Plan:
        if not self._file.exists():
            raise Trouble(f"There is no cluster '{self.name}'. Make one with `tools/netcluster --name {self.name} up --nodes N`.")
        return Plan.from_json(json.loads(self._file.read_text()))

    def _keep(self, plan: Plan) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(plan.to_json(), indent=1) + "\n")
        fresh.rename(self._file)

    def layout(self, plan: Plan | None = None) -> Layout:
        plan = plan or self.plan()
        return Layout(self.name, Path(plan.directory), plan.nodes)

    def group(self, node: int) -> Group:
        name = self.layout().namespace(node)
        return Group(name, network.NAMESPACES / name)

    @contextlib.contextmanager
    def _fault(self, what: str, nodes: Iterable[int], **more: Any) -> Iterator[Plan]:
        """A turn that changes the plan, with its two lines in the journal."""
        with self._turn():
            plan = self.plan()
            affected = sorted(set(nodes))
            for node in affected:
                if not 1 <= node <= plan.nodes:
                    raise Trouble(f"There is no node {node}; the cluster '{self.name}' has nodes 1 to {plan.nodes}.")
            line = {"fault": what, "nodes": affected, **more}
            journal.append(self.layout(plan).journal, {**line, "edge": "before"})
            yield plan
            self._keep(plan)
            journal.append(self.layout(plan).journal, {**line, "edge": "after"})

    # -- up and down ----

    def up(self, nodes: int, directory: Path | None = None, command: Sequence[str] = (), disk_bytes: int = 64 << 20,
           clock: bool = False, prepare: Callable[[Layout], None] | None = None) -> None:  # fmt: skip
        """Makes network and disks, lets `prepare` make what belongs on the disks, and starts the command of each node that does
        not run, if one is given."""
        place = (directory or Path(f"/var/tmp/hearth-netcluster-{self.name}")).absolute()
        with self._turn():
            plan = Plan(str(place), nodes, list(command), disk_bytes, clock)
            if self._file.exists():
                there = self.plan()
                if (there.directory, there.nodes, there.disk_bytes, there.clock) != (str(place), nodes, disk_bytes, clock):
                    raise Trouble(f"The cluster '{self.name}' is up with {there.nodes} nodes in {there.directory}. "
                                  f"Take it down first: `tools/netcluster --name {self.name} down`.")  # fmt: skip
                plan = dataclasses.replace(there, command=list(command) or there.command)
            if clock and not Path(FAKETIME).exists():
                raise Trouble("libfaketime is missing. Run `tools/packages netcluster`, which installs it.")
            layout = self.layout(plan)
            self._keep(plan)
            network.lay(layout)
            network.apply_cuts(layout, plan.faults)
            for node in layout.numbers:
                layout.socket(node).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                layout.home(node).chmod(0o700)
                disks.mount(layout.image(node), layout.state(node), disk_bytes)
            if prepare is not None:
                prepare(layout)
        if plan.command:
            for node in layout.numbers:
                self.start(node)

    def down(self) -> None:
        """Takes away processes, groups, namespaces, mounts, loop devices and disks, also those of a cluster that was half
        made or whose maker crashed. What nodes wrote outside of their disks, and the journals, stay in the directory."""
        with self._turn():
            prefix = f"hearth-{self.name}-"
            root = groups_root()
            for place in sorted(root[0].glob(f"{prefix}*")) if root else []:
                Group(place.name, network.NAMESPACES / place.name).remove()
            for name in network.namespaces(prefix):
                network.remove(name)
            if self._file.exists():
                layout = self.layout()
                for point in disks.mounts_below(layout.directory):
                    disks.unmount(point)
                for node in layout.numbers:
                    layout.image(node).unlink(missing_ok=True)
                self._file.unlink()

    # -- nodes ----

    def start(self, node: int) -> None:
        """Starts the command of a node that does not run."""
        with self._fault("start", [node]) as plan:
            if not plan.command:
                raise Trouble(f"The cluster '{self.name}' has no command for its nodes; give one to `up` after `--`.")
            if node in plan.processes and plan.processes[node].alive():
                return
            layout = self.layout(plan)
            words = layout.words(node)
            try:
                command = [part.format_map(words) for part in plan.command]
            except (KeyError, ValueError, IndexError) as error:
                raise Trouble(f"The command of the nodes names {error}; the words in braces are {', '.join(words)}.") from None
            environment = {**os.environ, "HEARTH_NETCLUSTER_NODE": str(node)}
            if plan.clock:
                self._set_clock(layout, node, plan.faults.clocks.get(node, 0.0))
                environment.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=str(layout.clock(node)), FAKETIME_CACHE_DURATION="1",
                                   FAKETIME_DONT_FAKE_MONOTONIC="1", NO_FAKE_STAT="1")  # fmt: skip
            plan.processes[node] = start(self.group(node), network.NAMESPACES / layout.namespace(node), command,
                                         layout.log(node), environment)  # fmt: skip

    def kill(self, node: int, everything: bool = True) -> None:
        """Ends a node at once: all of its processes, as a machine that loses power, or only the one that was started."""
        with self._fault("kill", [node], everything=everything) as plan:
            running = plan.processes.pop(node, None)
            if everything:
                self.group(node).kill()
            elif running is not None and running.alive():
                self.group(node).thaw()
                os.kill(running.pid, signal.SIGKILL)
            plan.faults.frozen.discard(node)

    def freeze(self, node: int) -> None:
        """Stops all processes of a node where they are."""
        with self._fault("freeze", [node]) as plan:
            self.group(node).freeze()
            plan.faults.frozen.add(node)

    def thaw(self, node: int) -> None:
        with self._fault("thaw", [node]) as plan:
            self.group(node).thaw()
            plan.faults.frozen.discard(node)

    def exec(self, node: int, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` in the network of a node."""
        plan = self.plan()
        if not 1 <= node <= plan.nodes:
            raise Trouble(f"There is no node {node}; the cluster '{self.name}' has nodes 1 to {plan.nodes}.")
        return [program("nsenter"), f"--net={network.NAMESPACES / self.layout(plan).namespace(node)}", "--", *command]

    # -- network ----

    def partition(self, cuts: set[faults.Cut], kind: str = "partition") -> None:
        """Puts `cuts` (see `faults`) in the place of those in force."""
        with self._fault(kind, [node for cut in cuts for node in cut], cuts=sorted([a, b] for a, b in cuts)) as plan:
            plan.faults.cuts = set(cuts)
            network.apply_cuts(self.layout(plan), plan.faults)

    def impair(self, node: int, link: Impairment) -> None:
        """Puts `link` in the place of what the node's link does to packets."""
        with self._fault("impair", [node], **dataclasses.asdict(link)) as plan:
            layout = self.layout(plan)
            before = plan.impairing.pop(node, None)
            if before is not None:
                network.stop_impairing(before)
            plan.faults.links.pop(node, None)
            if link.acts():
                plan.faults.links[node] = link
                plan.impairing[node] = network.impair(layout, node, link)
            self._keep(plan)
            network.apply_cuts(layout, plan.faults)

    def bandwidth(self, node: int, bits: int | None) -> None:
        """Limits the link of a node, in both directions, in bits per second; None: no more."""
        with self._fault("bandwidth", [node], bits=bits) as plan:
            network.set_rate(self.layout(plan), node, bits)
            plan.faults.rates.pop(node, None)
            if bits is not None:
                plan.faults.rates[node] = bits

    def heal(self) -> None:
        """Makes the whole network good again."""
        with self._fault("heal", []) as plan:
            layout = self.layout(plan)
            plan.faults.cuts, plan.faults.links = set(), {}
            network.apply_cuts(layout, plan.faults)
            for process in plan.impairing.values():
                network.stop_impairing(process)
            plan.impairing = {}
            for node in list(plan.faults.rates):
                network.set_rate(layout, node, None)
            plan.faults.rates = {}

    # -- disks and clocks ----

    def fill_disk(self, node: int) -> None:
        """No byte more fits on the node's disk."""
        with self._fault("disk-full", [node]) as plan:
            disks.fill(self.layout(plan).state(node))
            plan.faults.full.add(node)

    def free_disk(self, node: int) -> None:
        with self._fault("disk-free", [node]) as plan:
            disks.free(self.layout(plan).state(node))
            plan.faults.full.discard(node)

    def shift_clock(self, node: int, seconds: float) -> None:
        """Moves the wall clock of a node, within a second; its monotonic clock goes on. Programs that sleep by
        clock_nanosleep until an absolute time (Python's time.sleep from 3.11) get EINVAL under libfaketime 0.9.10."""
        with self._fault("clock", [node], seconds=seconds) as plan:
            if not plan.clock:
                raise Trouble("The nodes' clocks are the machine's own. Make the cluster with `up --clock` to move them.")
            self._set_clock(self.layout(plan), node, seconds)
            plan.faults.clocks[node] = seconds

    def _set_clock(self, layout: Layout, node: int, seconds: float) -> None:
        fresh = layout.clock(node).with_suffix(".new")
        fresh.write_text(f"{seconds:+.0f}\n")
        fresh.rename(layout.clock(node))

    # -- looking ----

    def running(self, node: int) -> bool:
        process = self.plan().processes.get(node)
        return process is not None and process.alive()

    def status(self) -> dict[str, Any]:
        """What there is and what is wrong with it."""
        with self._turn():
            plan = self.plan()
        layout = self.layout(plan)
        rows = []
        for node in layout.numbers:
            process = plan.processes.get(node)
            impairing = plan.impairing.get(node)
            rows.append({
                "node": node,
                "address": layout.address(node),
                "namespace": layout.namespace(node),
                "network": network_id(layout.namespace(node)),
                "socket": str(layout.socket(node)),
                "state": str(layout.state(node)),
                "pid": process.pid if process is not None and process.alive() else 0,
                "processes": len(self.group(node).pids()),
                "frozen": node in plan.faults.frozen,
                "disk_full": node in plan.faults.full,
                "deaf_to": sorted(sender for sender, receiver in plan.faults.cuts if receiver == node),
                "link": dataclasses.asdict(plan.faults.links[node]) if node in plan.faults.links else None,
                "link_program": impairing.alive() if impairing is not None else None,
                "bits": plan.faults.rates.get(node),
                "clock_s": plan.faults.clocks.get(node, 0.0),
            })  # fmt: skip
        return {"name": self.name, "directory": plan.directory, "journal": str(layout.journal), "nodes": rows}


def network_id(namespace: str) -> str:
    """What /proc/self/ns/net says to a process in the namespace; it tells executions on different nodes apart."""
    place = network.NAMESPACES / namespace
    return f"net:[{place.stat().st_ino}]" if place.exists() else ""
