"""Namespaces, cables and what runs over them: the shell around `faults`."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from pathlib import Path

from netcluster_parts.faults import MARK, PORT, Faults, Impairment, rules
from netcluster_parts.layout import Layout
from netcluster_parts.processes import Process, end, inside
from netcluster_parts.system import ROOT, Trouble, program, run, wait_until

__all__ = ["apply_cuts", "impair", "impairing_program", "lay", "namespaces", "remove", "set_rate", "stop_impairing"]

NAMESPACES = Path("/run/netns")
PROGRAM = ROOT / "build" / "release" / "bin" / "netcluster_impair"
BURST_BYTES = 3_000  # two packets: a limited link is limited from the first one
QUEUE_S = 1.0  # a slow link holds so much of its own rate back, and loses what comes on top
QUEUE_BYTES_MIN = 20_000  # else a slow link would be a broken one: the first packets of a few connections
READY_S = 10.0


def namespaces(prefix: str) -> list[str]:
    """Names of the namespaces that begin with `prefix`."""
    return sorted(each.name for each in NAMESPACES.glob(f"{prefix}*")) if NAMESPACES.is_dir() else []


def lay(layout: Layout) -> None:
    """Makes what is missing of the namespaces, the bridge and the cables. Nothing of the host's own network changes."""
    there = set(namespaces(layout.prefix))
    for name in [layout.switch, *map(layout.namespace, layout.numbers)]:
        if name not in there:
            run("ip", "netns", "add", name)
        for word in ("all", "default"):  # the rules are IPv4's
            run("ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv6.conf.{word}.disable_ipv6=1")
        run("ip", "-n", name, "link", "set", "lo", "up")
    switch = ["ip", "-n", layout.switch]
    if "bridge" not in run(*switch, "-br", "link", "show", "type", "bridge"):
        run(*switch, "link", "add", "bridge", "type", "bridge", "stp_state", "0", "forward_delay", "0")
    run(*switch, "link", "set", "bridge", "up")
    cables = run(*switch, "-br", "link", "show", "type", "veth")
    for node in layout.numbers:
        if f"{layout.cable(node)}@" not in cables:
            run(*switch, "link", "add", layout.cable(node), "type", "veth",
                "peer", "name", PORT, "netns", layout.namespace(node))  # fmt: skip
        run(*switch, "link", "set", layout.cable(node), "master", "bridge", "up")
        inside_of = ["ip", "-n", layout.namespace(node)]
        run(*inside_of, "address", "replace", f"{layout.address(node)}/24", "dev", PORT)
        run(*inside_of, "link", "set", PORT, "up")


def remove(name: str) -> None:
    """The namespace `name`, with every process, cable and rule in it."""
    if not (NAMESPACES / name).exists():
        return
    end(lambda: inside(NAMESPACES / name), f"the processes in {name}")
    run("ip", "netns", "delete", name)


def apply_cuts(layout: Layout, faults: Faults) -> None:
    """Puts the packet rules of all nodes in force, whatever was there before."""
    for node in layout.numbers:
        run("ip", "netns", "exec", layout.namespace(node), "iptables-restore", text=rules(node, layout.addresses, faults))


def set_rate(layout: Layout, node: int, bits: int | None) -> None:
    """Limits the link of a node in both directions; None: no limit."""
    ends = ((layout.namespace(node), PORT), (layout.switch, layout.cable(node)))
    for namespace, device in ends:
        limited = "tbf" in run("tc", "-n", namespace, "qdisc", "show", "dev", device)
        if bits is not None:
            held = max(QUEUE_BYTES_MIN, int(bits / 8 * QUEUE_S))
            run("tc", "-n", namespace, "qdisc", "replace", "dev", device, "root", "tbf",
                "rate", f"{bits}bit", "burst", BURST_BYTES, "limit", held)  # fmt: skip
        elif limited:
            run("tc", "-n", namespace, "qdisc", "delete", "dev", device, "root")


def impairing_program() -> Path:
    """The program that handles packets, built when it is missing."""
    if not PROGRAM.exists():
        tree = PROGRAM.parents[1]
        commands = [[str(ROOT / "tools" / "packages"), "netcluster"], [str(ROOT / "tools" / "build"), "release", PROGRAM.name]]
        if (tree / "CMakeCache.txt").exists():  # configured perhaps before the library was installed
            commands.insert(1, ["cmake", str(tree)])
        for command in commands:
            if subprocess.run(command, stdout=subprocess.DEVNULL).returncode != 0:
                raise Trouble(f"`{' '.join(command)}` failed; without it no packets can be delayed or lost.")
    return PROGRAM


def impair(layout: Layout, node: int, link: Impairment) -> Process:
    """Starts the program for the packets of `node`; returns when it takes them."""
    command = [
        program("nsenter"), f"--net={NAMESPACES / layout.namespace(node)}", "--", str(impairing_program()),
        "--loss", str(link.loss), "--delay-us", str(round(link.delay_s * 1e6)), "--jitter-us", str(round(link.jitter_s * 1e6)),
        "--reorder", str(link.reorder), "--duplicate", str(link.duplicate),
        "--seed", str(link.seed * 1_000 + node), "--mark", str(MARK),
    ]  # fmt: skip
    log = layout.home(node) / "impair.log"
    with log.open("ab") as said:
        started = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, start_new_session=True)
    assert started.stdout is not None
    with started.stdout as answer:
        if not select.select([answer], [], [], READY_S)[0] or answer.readline() != b"ready\n":
            started.kill()
            started.wait()
            raise Trouble(f"The program that impairs the packets of node {node} did not start; {log} has what it said.")
    return Process.of(started)


def stop_impairing(process: Process) -> None:
    """Ends the program; what it held arrives."""
    if process.alive():
        os.kill(process.pid, signal.SIGTERM)
    try:
        wait_until(lambda: not process.alive(), "the end of the program that impairs packets", READY_S)
    except Trouble:
        os.kill(process.pid, signal.SIGKILL)
