"""Nodes of Hearth: what `tools/netcluster up` and `check` start when no other program is named.

The state directories lie on the nodes' own disks. `hearthd prepare` makes them the members of one cluster, once, and from
then on each node starts from what is on its disk.
"""

from __future__ import annotations

import datetime
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from netcluster_parts.layout import Layout
from netcluster_parts.system import ROOT, Trouble

__all__ = ["CACHE_DOOR", "COMMAND", "DISK_BYTES", "DOOR", "PROGRAMS", "ownership", "prepare"]

PROGRAMS = Path(os.environ.get("HEARTH_BIN_DIR") or ROOT / "build" / "release" / "bin").absolute()
HEARTHD = PROGRAMS / "hearthd"
LINK_PORT = 7400
DISK_BYTES = 256 << 20  # the control log of 10,000 runs, its snapshots, and the logs of nodes
# Variables of whoever calls are no settings of these nodes.
COMMAND = [
    "env", *(f"--unset={word}" for word in ("HEARTH_MEMORY", "HEARTH_CPU", "HEARTH_GPUS", "HEARTH_PYTHON", "HEARTH_SDK", "XDG_CONFIG_HOME")),
    str(HEARTHD), "--state-dir", "{state}/{name}", "--socket", "{socket}", "--node-name", "{name}", "--log-level", "debug",
]  # fmt: skip
DOOR, CACHE_DOOR = (
    f"/usr/bin/python3 {ROOT / 'tools' / 'netcluster_parts' / each} {{socket}} {{directory}}" for each in ("hearth_door.py", "hearth_cache_door.py")
)
PREPARE_S = 60.0
# Lines of a node's log: its start, and what its journal says about epochs.
_LINE = re.compile(r"\[(?P<when>[-\d]+ [:.\d]+)\] \[\w+\] \[\w+\] (?P<text>.*)")
_START = re.compile(r"node \S+ serves at ")
_GRANT = re.compile(r"(?P<environment>\S+): Epoch (?P<epoch>\d+): node node(?P<owner>\d+) owns it\.")
_OBEYED = re.compile(r"(?P<environment>\S+): Epoch (?P<epoch>\d+) is obeyed\.")
_REFUSED = re.compile(r"(?P<environment>\S+): Epoch (?P<epoch>\d+) was refused: ")


def voters(nodes: int) -> int:
    """As `hearth cluster up` chooses them: two would survive no loss, and more than five make every decision slow."""
    return 1 if nodes < 3 else 3 if nodes < 5 else 5


def prepare(layout: Layout) -> None:
    """Makes the state directories members of one cluster, unless they are already. The disks are mounted."""
    places = [layout.state(node) / f"node{node}" for node in layout.numbers]
    if all((place / "cluster" / "cluster.toml").exists() for place in places):
        return
    if not HEARTHD.exists():
        raise Trouble(f"There is no {HEARTHD}; `tools/build release hearth hearthd sdk` builds it.")
    listen = [f"{layout.address(node)}:{LINK_PORT}" for node in layout.numbers]
    command = [str(HEARTHD), "prepare", "--cluster", layout.name, "--voters", str(voters(layout.nodes)), *map(str, places), "--listen", *listen]
    done = subprocess.run(command, text=True, capture_output=True, timeout=PREPARE_S, env=_environment())
    if done.returncode != 0:
        raise Trouble(f"The nodes cannot be made members of a cluster: {done.stderr.strip() or f'status {done.returncode}'}")



def ownership(layout: Layout) -> Iterator[dict[str, Any]]:
    """What the nodes' logs say about epochs, for `history.check_ownership`. A node that starts learns everything anew, so
    each of its lives counts as a node of its own: 2.3 is the third one of node 2."""
    for node in layout.numbers:
        life = 0
        for line in layout.log(node).read_text(errors="replace").splitlines():
            said = _LINE.match(line)
            if said is None:
                continue
            life += _START.match(said["text"]) is not None
            for event, pattern in (("grant", _GRANT), ("accept", _OBEYED), ("reject", _REFUSED)):
                found = pattern.match(said["text"])
                if found is not None:
                    t = int(datetime.datetime.fromisoformat(said["when"]).timestamp() * 1e9)
                    owner = {"owner": int(found["owner"])} if event == "grant" else {}
                    yield {"t": t, "node": f"{node}.{life}", "environment": found["environment"], "epoch": int(found["epoch"]), "event": event, **owner}


def _environment() -> dict[str, str]:
    return {word: text for word, text in os.environ.items() if not word.startswith("HEARTH_")}
