"""Three nodes of Hearth, each in its own network namespace, under load and every kind of fault, for two minutes.

`tools/netcluster check` with its defaults does the same for ten minutes and 10,000 runs.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

from conftest import ROOT

TOOL = ROOT / "tools" / "netcluster"
MINUTES, RUNS = 2, 2000
LIMIT_S = 600  # load, drain, looking at every run at every node


def why_not() -> str:
    """Why no network namespaces can be made here; empty when they can."""
    if os.geteuid() != 0:
        return "makes network namespaces and mounts disks, which only root may do"
    path = "/usr/sbin:/sbin:/usr/bin:/bin"
    missing = [name for name in ("ip", "tc", "iptables-restore", "mkfs.ext4", "nsenter") if shutil.which(name, path=path) is None]
    if missing:
        return f"tools/packages netcluster installs what is missing: {', '.join(missing)}"
    if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0:
        return "this machine lets nobody make a network namespace"
    return ""


@pytest.fixture
def place() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="hearth-check-"))
    yield made
    shutil.rmtree(made)


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_no_run_is_lost_doubled_or_wrong_while_everything_fails(place: Path) -> None:
    seed = int(os.environ.get("HEARTH_NETCLUSTER_SEED") or random.SystemRandom().randrange(1, 1_000_000))
    command = [str(TOOL), "--name", f"c{os.getpid()}"[:12], "check", "--minutes", str(MINUTES), "--runs", str(RUNS), "--seed", str(seed)]
    print(f"seed {seed}; again: tools/netcluster check --minutes {MINUTES} --runs {RUNS} --seed {seed}")
    done = subprocess.run([*command, "--directory", str(place)], text=True, capture_output=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((place / "report.json").read_text())
    assert (report["submitted"], report["ended"], report["violations"]) == (RUNS, RUNS, [])
    assert {"partition", "one-way", "pair", "bridge", "impair", "bandwidth", "kill", "freeze", "disk-full"} <= set(report["faults"])
    assert report["refusals"].get("no_quorum", 0) > 0, "a minority has to refuse"
    assert report["epochs"] > 0, "the nodes' logs have to tell who owned what"
