"""A cluster of more nodes than keep a result: what others have of it is never what was replaced."""

from __future__ import annotations

from machine import Machine
from waiting import wait_until

PROGRAM = """
import hearth

env = hearth.TaskEnvironment("near", reusable=hearth.ReusePolicy(replicas=(0, 1)), mounts=({outside!r},))

@env.task(cache=hearth.Cache("override", version_override="1"))
def told(n: int) -> str:
    with open({source!r}) as file:
        return file.read()
"""
NODES = tuple(f"node-{n}" for n in range(1, 6))


def test_a_result_that_replaces_another_is_what_every_node_answers(machine: Machine) -> None:
    outside = machine.home / "outside"
    outside.mkdir()
    source = outside / "source"
    (machine.home / "near.py").write_text(PROGRAM.format(outside=str(outside), source=str(source)))
    machine.hearth("cluster", "up", "--nodes", "5")

    def ask(node: str, *options: str) -> str:
        socket = str(machine.cluster / f"{node}.sock")
        return str(machine.hearth("run", *options, "near.py", "told", "--n", "1", HEARTH_SOCKET=socket).stdout.strip().strip("'"))

    source.write_text("first")
    assert [ask(node) for node in NODES] == ["first"] * 5  # the last ones have copies beside the holders
    source.write_text("second")
    assert ask("node-1", "--overwrite-cache") == "second"
    wait_until(lambda: [ask(node) for node in NODES] == ["second"] * 5, "every node to answer with what replaced the first result")
