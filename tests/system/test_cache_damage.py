"""Damage to what one node of three keeps: no wrong value is served, each damage is counted once, and the node has it all again,
from the others."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from machine import Machine
from waiting import PATIENCE, alive, wait_until

# A client reads all that there is, and prints digests of what it was told. Some values lie in the data file, some in files.
PROGRAM = """
    import hashlib, json, sys
    import hearth

    env = hearth.TaskEnvironment("kept", reusable=hearth.ReusePolicy(replicas=(0, 3)), mounts=({outside!r} + ":rw",))
    cache = hearth.Cache("override", version_override="1")


    def value_of(n, size):
        with open({ledger!r}, "ab", buffering=0) as ledger:
            ledger.write(b"%d\\n" % n)
        return (b"%d of the values " % n * size)[:size]


    @env.task(cache=cache)
    def small(n: int) -> bytes:
        return value_of(n, 200 + 1500 * n)


    @env.task(cache=cache)
    def large(n: int) -> bytes:
        return value_of(n, 200_000 + n)


    if __name__ == "__main__":
        handles = [task.spawn(n) for task in (small, large) for n in range(int(sys.argv[1]), int(sys.argv[2]))]
        print(json.dumps([hashlib.sha256(handle.result()).hexdigest() for handle in handles]))
"""
EACH = 12  # values of either size
ALL = 2 * EACH
NODES = ("node-1", "node-2", "node-3")
VICTIM = "node-1"


def digests(begin: int, end: int) -> List[str]:
    """What a client that reads these has to be told."""
    sizes = [(n, 200 + 1500 * n) for n in range(begin, end)] + [(n, 200_000 + n) for n in range(begin, end)]
    return [hashlib.sha256((b"%d of the values " % n * size)[:size]).hexdigest() for n, size in sizes]


class Holders:
    """Three nodes that all keep the same, and a victim among them."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        outside = machine.home / "outside"
        outside.mkdir()
        self.ledger = outside / "ledger"
        (machine.home / "kept.py").write_text(textwrap.dedent(PROGRAM).format(outside=str(outside), ledger=str(self.ledger)))
        machine.hearth("cluster", "up", "--nodes", "3")

    @property
    def directory(self) -> Path:
        """What the victim keeps."""
        return self.machine.cluster / VICTIM / "cache"

    @property
    def data(self) -> Path:
        return self.directory / "data.mdb"

    def files(self) -> List[Path]:
        return sorted(path for path in (self.directory / "values").iterdir() if path.is_file())

    def socket_of(self, node: str) -> str:
        return str(self.machine.cluster / f"{node}.sock")

    def read(self, begin: int = 0, end: int = EACH, node: str = VICTIM) -> None:
        """By a client of that node; every value has to be right."""
        said = self.machine.run(sys.executable, "kept.py", str(begin), str(end), HEARTH_SOCKET=self.socket_of(node)).stdout
        assert json.loads(said) == digests(begin, end)

    def executions(self) -> int:
        return len(self.ledger.read_text().splitlines())

    def asked(self, what: str, node: str = VICTIM, status: Any = 0) -> Dict[str, Any]:
        rows = json.loads(self.machine.hearth("cache", what, "-o", "json", status=status, HEARTH_SOCKET=self.socket_of(node)).stdout)
        return {row["node"]: row for row in rows}[node]

    def figures(self, node: str = VICTIM) -> Dict[str, int]:
        """Of all projects: entries, damaged, refused ..."""
        (found,) = [each for each in self.asked("stats", node)["figures"] if each["project"] == ""]
        return {word: int(count) for word, count in found.items() if word != "project"}

    def has_all(self, count: int = ALL) -> bool:
        return all(self.figures(node)["entries"] == count for node in NODES)

    def stop(self) -> None:
        pid = self.machine.pid(VICTIM)
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not alive(pid), f"{VICTIM} to end")

    def start(self) -> None:
        self.machine.hearth("cluster", "up")
        wait_until(lambda: self.machine.nodes()[VICTIM]["state"] == "up", f"{VICTIM} to have its seat")

    def is_whole(self) -> bool:
        found = self.asked("verify", status=None)
        return int(found["damaged"]) == 0 and int(found["entries"]) == ALL


@pytest.fixture
def holders(machine: Machine) -> Holders:
    made = Holders(machine)
    made.read()
    wait_until(made.has_all, "all copies to be there")
    return made


def change_byte(path: Path, at: int) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 0x10]))


def change_value(path: Path, n: int) -> None:
    """One byte of the `n`th small value, in each place of the data file where it lies or once lay."""
    part = b"%d of the values " % n * 4
    content = path.read_bytes()
    at = content.find(b"\0" + part) + 1 or content.find(part)
    assert at > 0
    while at >= 0:
        change_byte(path, at + 5)
        at = content.find(part, at + 200 + 1500 * n)


# -- while the node runs ----


@pytest.mark.parametrize("reads", [True, False], ids=["found by whoever reads", "found by verifying"])
def test_values_that_are_damaged_while_the_node_runs_are_counted_and_come_from_the_others(holders: Holders, reads: bool) -> None:
    executions = holders.executions()
    change, cut, empty, gone, *_ = holders.files()
    change_byte(change, 150_000)
    os.truncate(cut, 100_000)
    os.truncate(empty, 0)
    gone.unlink()
    for n in (7, 11):
        change_value(holders.data, n)
    if not reads:
        holders.asked("verify", status=None)
        assert holders.figures()["damaged"] == 6
    holders.read()
    wait_until(lambda: holders.figures()["damaged"] == 6, "each damage to be counted")
    wait_until(holders.has_all, f"{VICTIM} to have all again")
    assert holders.is_whole()
    assert holders.executions() == executions
    assert [holders.figures(node)["damaged"] for node in NODES[1:]] == [0, 0]


# -- while the node is stopped ----


def flip_bits(holders: Holders, dice: random.Random) -> None:
    """Some anywhere in the pages in use, and one in a value, so that there is damage in any case."""
    size = holders.data.stat().st_size
    content = holders.data.read_bytes()
    pages = [at for at in range(0, size, 4096) if content[at : at + 4096].strip(b"\0")]
    for _ in range(dice.randint(1, 8)):
        change_byte(holders.data, dice.choice(pages) + dice.randrange(4096))
    change_value(holders.data, dice.randrange(3, EACH))


def cut_off(holders: Holders, dice: random.Random) -> None:
    os.truncate(holders.data, dice.choice([0, 4096, dice.randrange(20 * 4096)]))


def damage_files(holders: Holders, dice: random.Random) -> None:
    first, second, third = dice.sample(holders.files(), 3)
    first.unlink()
    change_byte(second, dice.randrange(150_000))
    os.truncate(third, dice.randrange(200_000))


@pytest.mark.parametrize("damage", [flip_bits, cut_off, damage_files])
@pytest.mark.parametrize("rounds", [3, pytest.param(60, marks=pytest.mark.long)])
def test_a_node_that_starts_on_damaged_files_counts_that_and_has_all_again_from_the_others(
    holders: Holders, damage: Callable[[Holders, random.Random], None], rounds: int
) -> None:
    seed = int(os.environ.get("HEARTH_DAMAGE_SEED") or random.SystemRandom().randrange(1, 1_000_000))
    print(f"HEARTH_DAMAGE_SEED={seed}")
    dice = random.Random(seed)
    executions = holders.executions()
    lost = 0
    for _ in range(rounds):
        holders.stop()
        damage(holders, dice)
        holders.start()
        lost += ALL - holders.figures()["entries"]
        holders.read()
        wait_until(lambda: holders.figures()["damaged"] > 0, "the damage to be counted")
        wait_until(holders.has_all, f"{VICTIM} to have all again")
        assert holders.is_whole()
        assert holders.executions() == executions
    print(f"{rounds} times damaged; {lost} entries were lost before anybody read them")


# -- a full disk ----


def may_mount() -> bool:
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


@pytest.fixture
def small_disk(holders: Holders) -> Iterator[Path]:
    """The victim's cache on a disk of its own."""
    holders.stop()
    kept = holders.directory.with_name("cache.kept")
    holders.directory.rename(kept)
    holders.directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32M,mode=700", "tmpfs", holders.directory], check=True)
    try:
        shutil.copytree(kept, holders.directory, dirs_exist_ok=True)
        holders.start()
        yield holders.directory
    finally:
        subprocess.run(["umount", "--lazy", holders.directory], check=True)  # the node has it open


def fill(directory: Path) -> Path:
    ballast = directory / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        for chunk in (1 << 20, 4096):
            try:
                while file.write(bytes(chunk)) == chunk:
                    pass
            except OSError:
                continue  # there is no room for so much
    return ballast


@pytest.mark.skipif(not may_mount(), reason="mounts a disk, which only root may do")
def test_with_a_full_disk_calls_are_answered_and_kept_by_the_others_until_there_is_room(holders: Holders, small_disk: Path) -> None:
    ballast = fill(small_disk)
    holders.read()
    before = holders.executions()
    more = 3 * EACH
    holders.read(EACH, more)
    assert holders.executions() == before + 2 * (more - EACH)
    wait_until(lambda: holders.figures()["refused"] > 0, "what was not kept to be counted")
    wait_until(lambda: all(holders.figures(node)["entries"] == 2 * more for node in NODES[1:]), "the others to keep it")
    assert holders.figures()["entries"] < 2 * more
    for node in NODES:
        holders.read(0, more, node)
    assert int(holders.asked("stats")["putFailures"]) == 0, "the others have kept it"
    ballast.unlink()
    holders.read(0, more)
    wait_until(lambda: holders.has_all(2 * more), f"{VICTIM} to have all again")
    assert int(holders.asked("verify")["entries"]) == 2 * more
    assert holders.executions() == before + 2 * (more - EACH)
    assert holders.figures()["damaged"] == 0
