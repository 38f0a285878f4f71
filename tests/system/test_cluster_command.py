"""`hearth cluster`, `hearth node join` and their refusals: real daemons on loopback, and what an operator types and reads."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest

from conftest import BUILD, PATIENCE, alive, wait_until

PROGRAM = """
    import hearth

    env = hearth.TaskEnvironment("squares", reusable=hearth.ReusePolicy(replicas=1))


    @env.task
    def square(x: int) -> int:
        return x * x


    if __name__ == "__main__":
        print(square.remote(7))
"""


class Machine:
    """A user's folders, and `hearth` as that user types it."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="hearth-ops-"))
        (self.home / "run").mkdir(mode=0o700)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEARTH", "XDG", "PYTHON"))}
        self.variables: Dict[str, str] = {
            **kept,
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "HEARTH_PYTHON": sys.executable,
            "HEARTH_NO_START": "1",
            "PYTHONPATH": str(BUILD / "sdk"),
        }
        (self.home / "squares.py").write_text(textwrap.dedent(PROGRAM))

    def run(self, program: str, *words: str, status: Optional[int] = 0, **variables: str) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [program, *words], cwd=self.home, env={**self.variables, **variables}, text=True, timeout=PATIENCE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        if status is not None and done.returncode != status:
            pytest.fail(f"{program} {' '.join(words)}: status {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.logs()}")
        return done

    def hearth(self, *words: str, status: Optional[int] = 0, **variables: str) -> "subprocess.CompletedProcess[str]":
        return self.run(str(BUILD / "bin" / "hearth"), *words, status=status, **variables)

    def hearthd(self, *words: str, status: Optional[int] = 0, **variables: str) -> "subprocess.CompletedProcess[str]":
        return self.run(str(BUILD / "bin" / "hearthd"), *words, status=status, **variables)

    def refused(self, *words: str) -> str:
        """The one sentence with which the command is refused."""
        done = self.hearth(*words, status=None)
        assert done.returncode != 0, done.stdout
        assert done.stderr.startswith("hearth: ") and done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    @property
    def cluster(self) -> Path:
        return self.home / "state" / "hearth" / "clusters" / "local"

    def nodes(self, status: Optional[int] = 0) -> Dict[str, Dict[str, Any]]:
        done = self.hearth("cluster", "status", "-o", "json", status=status)
        return {row["name"]: row for row in json.loads(done.stdout)["nodes"]}

    def pid(self, node: str) -> int:
        return int((self.cluster / node / "node.pid").read_text())

    def logs(self) -> str:
        return "\n".join(f"== {path}\n{path.read_text()}" for path in sorted(self.home.rglob("hearthd.log")))


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    made.hearth("cluster", "down", "--grace", "5", status=None)
    shutil.rmtree(made.home, ignore_errors=True)


@pytest.fixture
def three(machine: Machine) -> Machine:
    machine.hearth("cluster", "up", "--nodes", "3")
    return machine


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Daemon:
    """hearthd in a state directory of its own, as a service would run it."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.machine = machine
        self.name = name
        self.state = machine.home / name
        self.variables = {
            "HEARTH_STATE_DIR": str(self.state),
            "HEARTH_SOCKET": str(machine.home / "run" / f"{name}.sock"),
            "HEARTH_NODE_NAME": name,
        }
        self.listen = f"127.0.0.1:{_free_port()}"
        self.process: Optional[subprocess.Popen] = None

    def hearth(self, *words: str, status: Optional[int] = 0) -> "subprocess.CompletedProcess[str]":
        return self.machine.hearth(*words, status=status, **self.variables)

    def start(self) -> None:
        with open(self.machine.home / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen([str(BUILD / "bin" / "hearthd")], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**self.machine.variables, **self.variables})  # fmt: skip

    def members(self) -> Dict[str, Dict[str, Any]]:
        done = self.hearth("cluster", "status", "-o", "json", status=None)
        return {row["name"]: row for row in json.loads(done.stdout)["nodes"]} if done.returncode == 0 else {}

    def ended(self) -> int:
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def said(self) -> str:
        return (self.machine.home / f"{self.name}.log").read_text()


@pytest.fixture
def daemons(machine: Machine) -> Iterator[Any]:
    made: List[Daemon] = []

    def make(name: str) -> Daemon:
        made.append(Daemon(machine, name))
        return made[-1]

    yield make
    for daemon in made:
        if daemon.process is not None and daemon.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                daemon.process.kill()
            daemon.process.wait(PATIENCE)


# -- a cluster on one machine ------------------------------------------------------------------------------------------


def test_three_nodes_are_up_and_used_until_they_are_taken_down(three: Machine) -> None:
    nodes = three.nodes()
    assert sorted(nodes) == ["node-1", "node-2", "node-3"]
    assert all(row["state"] == "up" and row["seat"] and row["voter"] for row in nodes.values())
    assert sum(row["leader"] for row in nodes.values()) == 1
    assert len({row["address"] for row in nodes.values()}) == 3
    done = three.hearth("run", "squares.py", "square", "--x", "5")
    assert done.stdout.strip() == "25"
    assert "on cluster local, through node node-" in done.stderr
    assert three.run(sys.executable, "squares.py").stdout.strip() == "49"
    pids = [three.pid(name) for name in nodes]
    three.hearth("cluster", "down")
    assert not any(alive(pid) for pid in pids)
    assert "No node is running" in three.hearth("get", "runs", status=3).stderr


def test_up_again_starts_what_is_down_and_refuses_another_number(three: Machine) -> None:
    before = {name: three.pid(name) for name in ("node-1", "node-2", "node-3")}
    os.kill(before["node-2"], signal.SIGKILL)
    wait_until(lambda: not alive(before["node-2"]), "node-2 to be dead")
    assert three.nodes()["node-2"]["state"] == "down"
    three.hearth("cluster", "up", "--nodes", "3")
    after = {name: three.pid(name) for name in before}
    assert after["node-2"] != before["node-2"]
    assert (after["node-1"], after["node-3"]) == (before["node-1"], before["node-3"])
    assert "has 3 nodes, not 5" in three.refused("cluster", "up", "--nodes", "5")


def test_two_nodes_have_one_voter_and_it_is_said(machine: Machine) -> None:
    done = machine.hearth("cluster", "up", "--nodes", "2")
    assert "2 nodes, 1 voter (two voters would survive no loss" in done.stdout
    assert sum(row["voter"] for row in machine.nodes().values()) == 1


def test_the_status_of_a_dead_cluster_lists_its_nodes(three: Machine) -> None:
    for name in ("node-1", "node-2", "node-3"):
        os.kill(three.pid(name), signal.SIGKILL)
    wait_until(lambda: not any(alive(three.pid(name)) for name in ("node-1", "node-2", "node-3")), "all to be dead")
    assert [row["state"] for row in three.nodes(status=3).values()] == ["down"] * 3


def test_a_frozen_node_keeps_nobody_waiting(three: Machine) -> None:
    frozen = three.pid("node-3")
    os.kill(frozen, signal.SIGSTOP)
    try:
        for _ in range(4):
            assert three.hearth("run", "squares.py", "square", "--x", "3").stdout.strip() == "9"
        assert sorted(three.nodes(status=None)) == ["node-1", "node-2", "node-3"]
    finally:
        os.kill(frozen, signal.SIGCONT)


def test_a_cluster_goes_with_all_its_files_when_that_is_asked(three: Machine) -> None:
    three.hearth("cluster", "down", "--destroy")
    assert not three.cluster.exists()
    assert not (three.home / "config" / "hearth" / "target").exists()
    assert "There is no cluster `local` here" in three.refused("cluster", "down")


# -- members -----------------------------------------------------------------------------------------------------------


def test_unknown_nodes_and_two_voters_are_refused_with_a_sentence(three: Machine) -> None:
    assert "There is no node `node-9` in cluster local; its nodes are " in three.refused("node", "drain", "node-9")
    assert "There is no node `node-9`" in three.refused("node", "remove", "node-9")
    assert "Two voters are refused" in three.refused("cluster", "voters", "set", "node-1", "node-2")
    assert "is a voter" in three.refused("node", "remove", "node-1")


def test_a_node_is_drained_and_comes_back(three: Machine) -> None:
    three.hearth("node", "drain", "node-2")
    assert three.nodes()["node-2"]["draining"]
    three.hearth("node", "undrain", "node-2")
    assert not three.nodes()["node-2"]["draining"]


def test_voters_are_chosen_and_a_node_that_does_not_vote_is_removed(three: Machine) -> None:
    three.hearth("cluster", "voters", "set", "node-1")
    wait_until(lambda: sum(row["voter"] for row in three.nodes().values()) == 1, "one voter")
    three.hearth("node", "remove", "node-3")
    wait_until(lambda: not alive(three.pid("node-3")), "the removed node to end")


def test_machines_join_with_a_token_once(machine: Machine, daemons: Any) -> None:
    first, second, third = daemons("alpha"), daemons("beta"), daemons("gamma")
    assert "first member of cluster lab" in first.hearth("cluster", "init", "--name", "lab", "--listen", first.listen).stdout
    first.start()
    wait_until(lambda: first.members().get("alpha", {}).get("state") == "up", "alpha to have a seat")
    token = first.hearth("cluster", "token").stdout.strip()
    assert "is a member" in second.hearth("node", "join", token, "--listen", second.listen).stdout
    second.start()
    wait_until(lambda: second.members().get("beta", {}).get("state") == "up", "beta to have a seat")
    used = third.hearth("node", "join", token, "--listen", third.listen, status=1)
    assert "has been used already" in used.stderr
    short = first.hearth("cluster", "token", "--valid", "1ms").stdout.strip()
    assert "has expired" in third.hearth("node", "join", short, "--listen", third.listen, status=1).stderr
    assert "no join token" in third.hearth("node", "join", token[:-3], "--listen", third.listen, status=1).stderr
    assert not (third.state / "cluster" / "cluster.toml").exists()


# -- what is refused before anything runs ------------------------------------------------------------------------------


def test_a_member_does_not_join_again(machine: Machine, daemons: Any) -> None:
    first = daemons("alpha")
    first.hearth("cluster", "init", "--name", "lab", "--listen", first.listen)
    again = first.hearth("cluster", "init", "--name", "other", "--listen", first.listen, status=1)
    assert again.stderr.startswith("hearth: ") and "is a member of cluster lab already (alpha)" in again.stderr


def test_two_daemons_do_not_share_a_directory(machine: Machine, daemons: Any) -> None:
    first, second = daemons("alpha"), daemons("beta")
    second.variables["HEARTH_STATE_DIR"] = first.variables["HEARTH_STATE_DIR"]
    first.start()
    wait_until(lambda: first.hearth("node", "status", status=None).returncode == 0, "alpha to serve")
    second.start()
    assert second.ended() == 1
    assert f"is in use by another node (pid {first.process.pid})" in second.said()
    assert first.hearth("node", "status").returncode == 0
    assert "in use by another node" in machine.hearthd("init", "--cluster", "x", "--listen", "127.0.0.1:1", status=1,
                                                       **first.variables).stderr  # fmt: skip


def test_an_old_copy_of_a_state_directory_is_refused(three: Machine) -> None:
    state = three.cluster / "node-2"
    pid = three.pid("node-2")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), "node-2 to be dead")
    shutil.copytree(state, three.home / "copy")
    three.hearth("cluster", "up")
    pid = three.pid("node-2")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), "node-2 to be dead again")
    shutil.rmtree(state)
    shutil.copytree(three.home / "copy", state)
    done = three.hearth("cluster", "up", status=1)
    assert "ended with status 1 while it started" in done.stderr
    assert "Node node-2 was started from an old copy of its state directory" in done.stderr
    assert "Give it an empty one and join again" in done.stderr
    assert three.hearth("run", "squares.py", "square", "--x", "2").stdout.strip() == "4"


def test_a_backup_is_restored_by_the_only_voter_and_refused_for_one_of_three(three: Machine) -> None:
    backup = three.home / "backup"
    assert str(backup) in three.hearth("cluster", "backup", str(backup)).stdout
    three.hearth("cluster", "down")
    three.hearth("cluster", "use", "local")
    state = three.cluster / "node-1"
    refused = three.hearthd("--state-dir", str(state), "restore", str(backup), status=1)
    assert "There is a control log in" in refused.stderr
    shutil.rmtree(state / "control")
    three.hearthd("--state-dir", str(state), "restore", str(backup))
    done = three.hearth("cluster", "up", status=1)
    assert "was restored from a backup, and other voters may know more" in done.stderr
