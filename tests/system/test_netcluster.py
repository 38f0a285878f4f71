"""Nodes in network namespaces of their own: every fault acts, nothing is left, and the check tells good from bad."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Iterator

import pytest

from conftest import ROOT, alive, wait_until

sys.path.insert(0, str(ROOT / "tools"))
from netcluster_parts.processes import Group  # noqa: E402

TOOL = ROOT / "tools" / "netcluster"
LEDGER, CACHE = (ROOT / "tests" / "support" / each for each in ("ledger_node.py", "cache_door.py"))
SYSTEM_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
MISSING = [name for name in ("ip", "tc", "iptables-restore", "mkfs.ext4", "nsenter") if shutil.which(name, path=SYSTEM_PATH) is None]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces and mounts disks, which only root may do")
needs_tools = pytest.mark.skipif(bool(MISSING), reason=f"tools/packages netcluster installs what is missing: {', '.join(MISSING)}")

# Answers each datagram to port 9 with its own bytes; writes a file when asked to; has a child.
ECHO = """
import os, socket, subprocess, sys
child = subprocess.Popen(["sleep", "1000"])
to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
to.bind(("0.0.0.0", 9))
open(sys.argv[1] + "/ready", "w").write(str(child.pid))
while True:
    data, peer = to.recvfrom(2000)
    open(sys.argv[1] + "/heard", "ab").write(data[:1])
    to.sendto(data, peer)
"""
# Round trips in seconds to port 9 of an address; how many datagrams were answered, copies included.
ASK = """
import json, socket, sys, time
to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
to.settimeout(0.4)
trips, answers = [], 0
for i in range(int(sys.argv[2])):
    began = time.monotonic()
    to.sendto(b"%4d" % i + bytes(int(sys.argv[3])), (sys.argv[1], 9))
    try:
        while True:
            heard = to.recvfrom(2000)[0]
            answers += 1
            if heard[:4] == b"%4d" % i:
                trips.append(time.monotonic() - began)
                break
    except TimeoutError:
        pass
print(json.dumps([trips, answers]))
"""


class Net:
    """A cluster of three nodes that echo."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name, self.directory = name, directory

    def __call__(self, *words: object, status: int = 0) -> str:
        done = subprocess.run([TOOL, "--name", self.name, *map(str, words)], text=True, capture_output=True, timeout=120)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def up(self, *options: str) -> None:
        self("up", "--nodes", 3, "--directory", self.directory, *options, "--", sys.executable, "-c", ECHO, "{home}")
        for node in (1, 2, 3):
            self.ready(node)

    def ready(self, node: int) -> int:
        file = self.directory / f"node{node}" / "ready"
        return int(wait_until(lambda: file.exists() and file.read_text(), f"node {node}"))

    def ask(self, node: int, other: int, times: int = 2, size: int = 0) -> tuple[list[float], int]:
        trips, answers = json.loads(self("exec", node, "--", sys.executable, "-c", ASK, f"10.77.0.{other}", times, size))
        return trips, answers

    def hears(self, node: int, other: int) -> bool:
        """Whether a question of `node` is answered by `other`."""
        return bool(self.ask(node, other)[0])

    def rows(self) -> list[dict[str, Any]]:
        return list(json.loads(self("status", "-o", "json"))["nodes"])


def traces(name: str, directory: Path) -> list[str]:
    """What of a cluster is in the system."""
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(directory) in line]
    groups = [str(each) for each in Path("/sys/fs/cgroup").glob(f"**/hearth-{name}-*")]
    spaces = [each.name for each in Path("/run/netns").glob(f"hearth-{name}-*")]
    loops = [line for line in subprocess.run(["losetup", "-l", "-n"], text=True, capture_output=True).stdout.splitlines() if str(directory) in line]
    return [*mounts, *groups, *spaces, *loops]


@pytest.fixture
def net() -> Iterator[Net]:
    directory = Path(tempfile.mkdtemp(prefix="hearth-netcluster-"))
    made = Net(f"t{os.getpid()}"[:12], directory)
    yield made
    made("down")
    left = traces(made.name, directory)
    shutil.rmtree(directory)
    assert left == []


pytestmark = [needs_root, needs_tools]


def test_nodes_hear_each_other_and_up_may_be_repeated(net: Net) -> None:
    net.up()
    pids = [row["pid"] for row in net.rows()]
    net.up()
    assert [row["pid"] for row in net.rows()] == pids
    assert net.hears(1, 2) and net.hears(2, 3) and net.hears(3, 1)


def test_partitions_cut_what_they_say_and_heal(net: Net) -> None:
    net.up()
    net("partition", "1|2,3")
    assert not net.hears(1, 2) and not net.hears(3, 1) and net.hears(2, 3)
    net("partition", "--pair", 1, 2)
    assert not net.hears(1, 2) and not net.hears(2, 1) and net.hears(1, 3) and net.hears(3, 2)
    net("partition", "--bridge", 2)
    assert not net.hears(1, 3) and net.hears(1, 2) and net.hears(3, 2)
    net("heal")
    assert net.hears(1, 2) and net.hears(1, 3)


def test_a_one_way_cut_is_one_way(net: Net) -> None:
    net.up()
    net("partition", "--one-way", 1, 2)
    heard = net.directory / "node1" / "heard", net.directory / "node2" / "heard"
    assert not net.hears(1, 2) and not heard[1].exists(), "a question of 1 reached 2"
    assert not net.hears(2, 1) and heard[0].exists(), "a question of 2 must reach 1, and its answer must be lost"


def test_links_delay_lose_and_duplicate_packets(net: Net) -> None:
    net.up()
    net("delay", 2, "30ms±5ms")
    trips, _ = net.ask(1, 2, 10)
    assert len(trips) == 10 and min(trips) >= 0.050
    assert min(net.ask(1, 3, 10)[0]) < 0.050, "the link between others is as fast as before"
    net("loss", 2, "50%", "--seed", 4)
    assert 0 < len(net.ask(1, 2, 12)[0]) < 12
    net("delay", 2, "0ms", "--duplicate", "100%")
    assert "duplicate 100%" in net("status")
    net("exec", 1, "--", sys.executable, "-c", ASK, "10.77.0.2", 1, 0)
    assert net.ask(2, 1, 5)[1] > 5
    net("heal")
    trips, answers = net.ask(1, 2, 10)
    assert (len(trips), answers) == (10, 10) and min(trips) < 0.050


def test_a_slow_link_takes_its_time_per_byte(net: Net) -> None:
    net.up()
    net("bandwidth", 2, "64kbit")
    trips, _ = net.ask(1, 2, 4, 1400)  # 1,446 bytes each way; the first two are the burst
    assert max(trips) >= 0.1
    net("bandwidth", 2, "none")
    assert max(net.ask(1, 2, 4, 1400)[0]) < 0.1


def test_a_frozen_node_stands_still_until_it_is_thawed(net: Net) -> None:
    net.up()
    net("freeze", 2)
    heard = net.directory / "node2" / "heard"
    assert not net.hears(1, 2) and not heard.exists() and net.rows()[1]["frozen"]
    net("thaw", 2)
    assert net.hears(1, 2)


def test_a_node_can_be_frozen_where_there_are_no_cgroups(net: Net) -> None:
    net.up()
    net("delay", 2, "1ms")  # its program belongs to the network and goes on
    name = f"hearth-{net.name}-2"
    group = Group(name, Path("/run/netns") / name)
    group.version = 0
    assert net.ready(2) in group.pids()
    group.freeze()
    assert not net.hears(1, 2)
    group.thaw()
    assert net.hears(1, 2)


def test_a_killed_node_is_gone_with_its_children_and_starts_again(net: Net) -> None:
    net.up()
    child = net.ready(2)
    net("freeze", 2)
    net("kill", 2)
    assert not alive(child) and net.rows()[1]["processes"] == 0
    (net.directory / "node2" / "ready").unlink()
    net("start", 2)
    net.ready(2)
    assert net.hears(1, 2)


def test_a_full_disk_takes_no_byte_until_it_is_freed(net: Net) -> None:
    net.up("--disk", "8M")
    file = net.directory / "node1" / "state" / "file"
    net("disk-full", 1)
    with pytest.raises(OSError, match="No space left"):
        file.write_bytes(bytes(8192))
    (net.directory / "node2" / "state" / "file").write_bytes(bytes(8192))
    net("disk-free", 1)
    file.write_bytes(bytes(8192))


@pytest.mark.skipif(not Path("/usr/lib/x86_64-linux-gnu/faketime").exists(), reason="needs the package faketime")
def test_a_clock_can_be_moved_and_only_where_that_was_asked(net: Net) -> None:
    show = "import select, time; print(int(time.time()), flush=True); select.select([], [], [], 0.2)"
    loop = f"while True:\n exec({show!r})"
    net("up", "--nodes", 1, "--directory", net.directory, "--clock", "--", sys.executable, "-c", loop)
    log = net.directory / "node1" / "output.log"
    before = int(wait_until(lambda: log.read_text().split(), "a time")[-1])
    net("clock", 1, "+1h")
    wait_until(lambda: int(log.read_text().split()[-1]) >= before + 3600, "the clock an hour ahead")
    net("down")
    net("up", "--nodes", 1, "--directory", net.directory, "--no-nodes")
    assert "up --clock" in net("clock", 1, "+1h", status=2)


def test_down_removes_what_a_crash_left(net: Net) -> None:
    net.up()
    net("delay", 1, "10ms")
    net("freeze", 2)
    pids = [row["pid"] for row in net.rows()]
    assert traces(net.name, net.directory)
    record = json.loads(Path(f"/run/hearth-netcluster/{net.name}.json").read_text())
    Path(f"/run/hearth-netcluster/{net.name}.json").write_text(json.dumps({**record, "processes": {}, "impairing": {}}))
    net("down")
    assert traces(net.name, net.directory) == [] and not any(map(alive, pids))
    net("down")


def test_what_cannot_be_done_is_refused_with_a_sentence(net: Net) -> None:
    assert "There is no cluster" in net("heal", status=2)
    net("up", "--nodes", 2, "--directory", net.directory, "--no-nodes")
    assert "varies by more than the delay" in net("delay", 1, "10ms±20ms", status=2)
    assert "There is no node 3" in net("freeze", 3, status=2)
    assert "no command" in net("start", 1, status=2)
    assert "Take it down first" in net("up", "--nodes", 3, "--directory", net.directory, status=2)


def check(net: Net, *options: str, wrong: str = "") -> tuple[int, dict[str, Any], str]:
    """Of the program `ledger_node`; with --cache among the options of nodes of it that nobody uses, and the cache `cache_door`."""
    program = ["/usr/bin/python3", str(LEDGER)]
    is_cache = "--cache" in options
    door = [sys.executable, str(CACHE), "{directory}", "{node}", f"--wrong={wrong}"] if is_cache else [*program, "door", "--socket", "{socket}"]
    done = subprocess.run(
        [TOOL, "--name", net.name, "check", "--directory", net.directory, "--door", " ".join(door),
         "--seed", "3", "--drain", "20s", *options, "--", *program, "serve", "--node", "{node}", "--addresses", "{addresses}",
         "--socket", "{socket}", "--state", "{state}", "--wrong", "" if is_cache else wrong],
        text=True, capture_output=True, timeout=200,
    )  # fmt: skip
    file = net.directory / "report.json"
    return done.returncode, json.loads(file.read_text()) if file.exists() else {}, done.stdout + done.stderr


def test_the_fault_mix_finds_nothing_in_a_program_that_keeps_its_runs(net: Net) -> None:
    status, report, said = check(net, "--minutes", "0.35", "--runs", "250")
    assert (status, report.get("violations"), report.get("ended")) == (0, [], 250), said
    assert {"partition", "one-way", "pair", "bridge", "impair", "bandwidth", "kill", "freeze", "disk-full"} <= set(report["faults"])
    assert report["refusals"].get("NO_QUORUM", 0) > 0


@pytest.mark.parametrize(("wrong", "rules"), [
    ("twice", {"needless execution", "second start"}), ("value", {"wrong value"}), ("forget", {"stale read", "lost run"}),
])  # fmt: skip
def test_the_fault_mix_finds_what_a_broken_program_does(net: Net, wrong: str, rules: set[str]) -> None:
    status, report, said = check(net, "--minutes", "0.15", "--runs", "100", "--kinds", "kill", "--drain", "3s", wrong=wrong)
    assert status == 1, said
    assert rules & {each["rule"] for each in report["violations"]}, said


QUICK = ("--cache", "--minutes", "0.1", "--reads", "1000", "--kinds", "kill", "--drain", "3s")


def test_a_cache_that_obeys_invalidations_passes_the_check(net: Net) -> None:
    status, report, said = check(net, *QUICK)
    assert (status, report.get("violations"), report.get("unserved")) == (0, [], 0), said
    assert report["answered"] >= 1000 and report["hits"] > 500 and report["invalidations"] > 5, said


@pytest.mark.parametrize(("wrong", "rules"), [
    ("stale", {"stale value"}), ("early", {"stale value"}), ("value", {"wrong value"}), ("mix", {"value of another key"}),
])  # fmt: skip
def test_the_check_finds_what_a_broken_cache_does(net: Net, wrong: str, rules: set[str]) -> None:
    status, report, said = check(net, *QUICK, wrong=wrong)
    assert status == 1, said
    assert rules == {each["rule"] for each in report["violations"]}, said
