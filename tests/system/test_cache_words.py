"""What commands say where nothing is kept of a name, where something is not served any more, and whom they ask."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import Iterator

import pytest

from conftest import Node
from machine import Machine

PROGRAM = """
    import hearth

    env = hearth.TaskEnvironment("math", reusable=hearth.ReusePolicy(replicas=(0, 1)), cache="auto")


    @env.task
    def square(n: int) -> int:
        return n * n
"""

DIRECT = """
    from flytekit import task


    @task(cache=True, cache_version="1")
    def square(n: int) -> int:
        return n * n


    if __name__ == "__main__":
        print(square(n=2))
"""


@pytest.fixture
def squares(node: Node) -> Node:
    node.write("squares.py", PROGRAM)
    return node


def square(node: Node) -> None:
    assert node.command("run", "squares.py", "square", "--n", "2").stdout == "4\n"


def test_a_name_of_which_nothing_is_kept_may_be_invalidated_and_is_not_deleted(squares: Node) -> None:
    done = squares.command("cache", "invalidate", "--task", "math.square")  # before the first result
    assert "Nothing is kept" in done.stdout and "those of later ones are" in done.stdout
    square(squares)
    assert "from the cache" in squares.command("run", "squares.py", "square", "--n", "2").stderr
    assert "Did you mean `math.square`?" in squares.command("cache", "invalidate", "--task", "math.sqare").stdout
    for words, near in ((["--task", "math.sqare"], "Did you mean `math.square`?"), (["--project", "trials"], "`default`")):
        assert near in squares.command("cache", "delete", *words, status=1).stderr
    assert len(json.loads(squares.command("cache", "list", "-o", "json").stdout)) == 1


def test_the_commands_agree_about_what_was_invalidated(squares: Node) -> None:
    square(squares)
    assert "not served any more" not in squares.command("cache", "stats").stdout
    squares.command("cache", "invalidate", "--task", "math.square")
    assert "Of these, 1 entry is not served any more" in squares.command("cache", "stats").stdout
    told = squares.command("cache", "explain", "squares.py", "square", "--n", "2").stdout
    assert told.startswith("MISS: nothing is kept of task math.square that may be served.") and "`hearth cache stats`" in told
    assert "1 copy" in squares.command("cache", "delete", "--task", "math.square").stdout
    assert "not served any more" not in squares.command("cache", "stats").stdout


def test_what_is_said_of_a_limit_is_what_holds(squares: Node) -> None:
    said = squares.command("cache", "limit", "--project", "trials", "--size", "2GiB", "--ttl", "7d").stdout
    assert said.startswith("Results of project trials take at most 2.0 GiB on each node, and are good for 7d 0h after")
    assert "half of the room of each node" in squares.command("cache", "limit", "--size", "none").stdout
    assert "are good for any time" in squares.command("cache", "limit", "--ttl", "none").stdout


@pytest.fixture
def laptop(machine: Machine) -> Iterator[Machine]:
    """With a cluster in use, and a node of its user's own that starts when somebody wants it."""
    machine.variables.pop("HEARTH_NO_START")
    machine.hearth("cluster", "up", "--nodes", "1", "--isolation", "process")
    yield machine
    machine.hearth("node", "stop", "--grace", "2", status=None)


def test_explain_of_a_direct_call_asks_the_own_node_while_a_cluster_is_in_use(laptop: Machine) -> None:
    (laptop.home / "square.py").write_text(textwrap.dedent(DIRECT))
    assert laptop.run(sys.executable, "-m", "hearth.compat", "square.py").stdout == "4\n"
    words = ["cache", "explain", "--flyte", "--project", "local", "square.py", "square", "--n"]
    assert laptop.hearth(*words, "2").stdout.startswith("HIT")
    assert "input n differs" in laptop.hearth(*words, "3").stdout
    assert json.loads(laptop.hearth("cache", "list", "-o", "json").stdout) == []  # of the cluster
