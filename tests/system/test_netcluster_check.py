"""Three nodes of Hearth, each in its own network namespace, under load and every kind of fault: durable runs for two minutes,
cached reads for one.

`tools/netcluster check` with its defaults does the same for ten minutes and 10,000 runs, with `--cache` 100,000 reads.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from conftest import ROOT

TOOL = ROOT / "tools" / "netcluster"
LIMIT_S = 600  # load, drain, looking at every run at every node
FAULTS = {"partition", "one-way", "pair", "bridge", "impair", "bandwidth", "kill", "freeze", "disk-full"}


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


def check(place: Path, minutes: int, *words: object, limit_s: float = LIMIT_S) -> Dict[str, Any]:
    """The report of a check in which all invariants held."""
    seed = int(os.environ.get("HEARTH_NETCLUSTER_SEED") or random.SystemRandom().randrange(1, 1_000_000))
    options = ["--minutes", str(minutes), *map(str, words), "--seed", str(seed)]
    print(f"seed {seed}; again: tools/netcluster check {' '.join(options)}")
    command = [str(TOOL), "--name", f"c{os.getpid()}"[:12], "check", *options, "--directory", str(place)]
    done = subprocess.run(command, text=True, capture_output=True, timeout=limit_s)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    report: Dict[str, Any] = json.loads((place / "report.json").read_text())
    assert report["violations"] == []
    assert FAULTS <= set(report["faults"])
    return report


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


def test_no_run_is_lost_doubled_or_wrong_while_everything_fails(place: Path) -> None:
    report = check(place, 2, "--runs", 2000)
    assert (report["submitted"], report["ended"]) == (2000, 2000)
    assert report["refusals"].get("no_quorum", 0) > 0, "a minority has to refuse"
    assert report["epochs"] > 0, "the nodes' logs have to tell who owned what"


def check_cache(place: Path, minutes: int, reads: int) -> None:
    report = check(place, minutes, "--cache", "--reads", reads, "--drain", "180s", limit_s=LIMIT_S + 60 * minutes)
    assert report["answered"] >= reads and report["unserved"] == 0
    # What the history proves: a cache that answers nothing, or is told nothing, serves nothing stale either.
    assert report["hits"] > reads / 2
    assert min(report["hits_after_invalidation"], report["hits_during_losses"], report["hits_made_elsewhere"]) > reads / 20
    assert report["invalidations"] > 20 * minutes
    assert {"key", "task", "version"} <= set(report["invalidated"])


def test_nothing_stale_or_wrong_comes_from_the_cache_while_everything_fails(place: Path) -> None:
    check_cache(place, 1, 10_000)


@pytest.mark.long
def test_nothing_stale_or_wrong_comes_from_the_cache_in_100000_reads_while_everything_fails(place: Path) -> None:
    check_cache(place, 10, 100_000)
