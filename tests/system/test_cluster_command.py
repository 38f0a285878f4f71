"""`hearth cluster`, `hearth node join` and their refusals: what an operator types and reads."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import textwrap
from typing import Any

from conftest import alive, wait_until
from machine import Machine


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


def test_output_of_a_run_is_shown_by_every_node(three: Machine) -> None:
    (three.home / "talk.py").write_text(textwrap.dedent("""
        import hearth

        env = hearth.TaskEnvironment("talk")


        @env.task
        def talk(lines: int) -> int:
            for line in range(lines):
                print(f"line {line}")
            return lines
    """))
    run = three.hearth("run", "--detach", "talk.py", "talk", "--lines", "3").stdout.strip()
    three.hearth("wait", run)
    for name in ("node-1", "node-2", "node-3"):
        at = {"HEARTH_SOCKET": str(three.cluster / f"{name}.sock")}
        assert three.hearth("logs", run, **at).stdout.splitlines() == [f"line {line}" for line in range(3)]
        assert three.hearth("logs", "-f", run, **at).stdout.count("line") == 3


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
    pid = three.pid("node-3")
    three.hearth("node", "remove", "node-3")
    wait_until(lambda: not alive(pid), "the removed node to end")
    log = (three.cluster / "node-3" / "hearthd.log").read_text()
    assert "This node was removed from the cluster" in log or "was removed from cluster local for good" in log


def test_a_node_that_was_removed_while_it_was_down_ends_when_it_is_started(three: Machine) -> None:
    three.hearth("cluster", "voters", "set", "node-1")
    for name in ("node-2", "node-3"):  # one of them dials the other nodes, or both wait to be dialed
        pid = three.pid(name)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not alive(pid), f"{name} to be dead")
        three.hearth("node", "remove", name)
    done = three.hearth("cluster", "up", status=1)
    assert "ended with status 77 while it started" in done.stderr
    assert "was removed from cluster local for good. With an empty state directory it can join again." in done.stderr


def test_machines_join_with_a_token_once(machine: Machine, daemons: Any) -> None:
    first, second, third = daemons("alpha"), daemons("beta"), daemons("gamma")
    assert "first member of cluster lab" in first.hearth("cluster", "init", "--name", "lab", "--listen", first.listen).stdout
    first.start()
    wait_until(lambda: first.members().get("alpha", {}).get("state") == "up", "alpha to have a seat")
    token = first.hearth("cluster", "token").stdout.strip()
    assert "is a member" in second.hearth("node", "join", token, "--listen", second.listen).stdout
    second.start()
    wait_until(lambda: second.members().get("beta", {}).get("state") == "up", "beta to have a seat")

    def refusal(token: str) -> str:
        said = third.hearth("node", "join", token, "--listen", third.listen, status=1).stderr
        assert said.startswith("hearth: ") and said.count("\n") == 1
        return said

    assert "has been used already" in refusal(token)
    assert "has expired" in refusal(first.hearth("cluster", "token", "--valid", "1ms").stdout.strip())
    assert "no join token" in refusal(token[:-3])
    assert "no join token" in refusal(first.hearth("cluster", "token", "create", "--scope", "admin").stdout.strip())
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
    assert "ended with status 77 while it started" in done.stderr
    assert "Node node-2 was started from an old copy of its state directory" in done.stderr
    assert "Give it an empty one and join again" in done.stderr
    assert three.hearth("run", "squares.py", "square", "--x", "2").stdout.strip() == "4"


def test_a_voter_is_refused_with_a_copy_that_was_made_while_it_ran(three: Machine) -> None:
    name = next(row["name"] for row in three.nodes().values() if not row["leader"])  # whose leader knows what it had
    state = three.cluster / name
    pid = three.pid(name)
    os.kill(pid, signal.SIGSTOP)
    shutil.copytree(state, three.home / "live-copy")
    os.kill(pid, signal.SIGCONT)
    assert three.hearth("run", "squares.py", "square", "--x", "3").stdout.strip() == "9"
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), f"{name} to be dead")
    shutil.rmtree(state)
    shutil.copytree(three.home / "live-copy", state)
    done = three.hearth("cluster", "up", status=1)
    assert "ended with status 77 while it started" in done.stderr
    assert f"Node {name} was started from an old copy of its state directory" in done.stderr
    assert three.hearth("run", "squares.py", "square", "--x", "2").stdout.strip() == "4"
    assert three.nodes()[name]["state"] == "down"


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
