"""Kept results: what executes once and what again, through restarts and a crash of a node, and what operators do to them."""

from __future__ import annotations

import json
import os
import signal
from typing import Any, List

import pytest

from conftest import Node, wait_until
from machine import Machine

PROGRAM = """
import datetime

import hearth

env = hearth.TaskEnvironment("math", reusable=hearth.ReusePolicy(replicas=(0, 1)))

@env.task(cache=hearth.Cache("override", version_override="{version}", ttl={ttl}))
def square(n: {type}) -> {type}:
    with open({file!r}, "a") as file:
        file.write("square ")
    return n * n

@env.task(cache=hearth.Cache("override", version_override="1"))
def large(n: int) -> bytes:
    with open({file!r}, "a") as file:
        file.write("large ")
    return bytes([n]) * 300_000
"""

CUBES = """
import hearth

env = hearth.TaskEnvironment("cubes", reusable=hearth.ReusePolicy(replicas=(0, 1)))

@env.task(cache=hearth.Cache("override", version_override="1"))
def cube(n: int) -> int:
    return n ** 3
"""

NODES = ("node-1", "node-2", "node-3")


class Squares:
    """A program with a task whose results are kept, and how often that has executed."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.executions = node.home / "executions"
        self.executions.touch()
        self.write()

    def write(self, version: str = "1", type: str = "int", ttl: str = "None") -> None:
        text = PROGRAM.format(version=version, type=type, ttl=ttl, file=str(self.executions))
        self.node.write("squares.py", text)

    def executed(self) -> List[str]:
        return self.executions.read_text().split()

    def run(self, n: int, *options: str) -> str:
        """`square(n)`, by a process of its own."""
        return self.node.command("run", *options, "squares.py", "square", "--n", str(n)).stdout.strip()

    def cache(self, *words: str, status: int = 0) -> str:
        return self.node.command("cache", *words, status=status).stdout

    def entries(self, *words: str) -> List[Any]:
        return json.loads(self.cache("list", "-o", "json", *words))


@pytest.fixture
def squares(node: Node) -> Squares:
    return Squares(node)


# -- what executes ----------------------------------------------------------------------------------------------------


def test_an_equal_call_of_another_process_executes_nothing(squares: Squares) -> None:
    assert [squares.run(2), squares.run(2), squares.run(3)] == ["4", "4", "9"]
    assert squares.executed() == ["square", "square"]
    assert "from the cache" in squares.node.command("run", "squares.py", "square", "--n", "2").stderr
    assert "from the cache" not in squares.node.command("run", "squares.py", "square", "--n", "4").stderr


def test_another_signature_is_another_call_and_the_former_one_is_found_again(squares: Squares) -> None:
    squares.run(2)
    squares.write(type="float")
    assert squares.run(2) == "4.0"
    squares.write()
    assert squares.run(2) == "4"
    assert len(squares.executed()) == 2


def test_another_version_is_another_call_and_the_former_one_is_found_again(squares: Squares) -> None:
    squares.run(2)
    squares.write(version="2")
    squares.run(2)
    assert len(squares.executed()) == 2
    squares.write(version="1")
    squares.run(2)
    assert len(squares.executed()) == 2


def test_another_project_or_domain_is_another_call(squares: Squares) -> None:
    for place in ([], ["--project", "other"], ["--domain", "staging"]):
        squares.run(2, *place)
        squares.run(2, *place)
    assert len(squares.executed()) == 3


def test_a_result_is_kept_for_as_long_as_its_task_says(squares: Squares) -> None:
    squares.write(ttl="datetime.timedelta(milliseconds=500)")
    squares.run(2)

    def executes_again() -> bool:
        squares.run(2)
        return len(squares.executed()) > 1

    wait_until(executes_again, "the result to expire")


def test_after_a_restart_results_are_there_and_a_hit_starts_no_interpreter(squares: Squares, node: Node) -> None:
    squares.run(2)
    node.command("run", "squares.py", "large", "--n", "7")
    node.stop()
    node.start()
    assert squares.run(2) == "4"
    node.command("run", "squares.py", "large", "--n", "7")
    assert squares.executed() == ["square", "large"]
    assert node.rows("replicas") == []


def test_a_node_that_is_killed_right_after_a_result_serves_no_wrong_value(squares: Squares, node: Node) -> None:
    for n in range(3, 8):
        assert squares.run(n) == str(n * n)
        os.kill(node.pid, signal.SIGKILL)
        wait_until(lambda: node.command("node", "status", status=None).returncode == 3, "the node's end")
        node.start()
        before = len(squares.executed())
        assert squares.run(n) == str(n * n)
        assert len(squares.executed()) <= before + 1


def test_a_run_can_do_without_what_is_kept_and_can_replace_it(squares: Squares) -> None:
    squares.run(2)
    squares.run(2, "--no-cache")
    squares.run(2, "--overwrite-cache")
    assert len(squares.executed()) == 3
    squares.run(2)
    assert len(squares.executed()) == 3


# -- operators --------------------------------------------------------------------------------------------------------


def test_kept_results_are_listed_and_shown_with_their_values(squares: Squares, node: Node) -> None:
    assert "Nothing is kept yet" in squares.cache("list")
    squares.run(2)
    squares.run(2)
    squares.run(3, "--project", "other")
    node.command("run", "squares.py", "large", "--n", "7")
    table = squares.cache("list")
    assert table.splitlines()[0].split()[:4] == ["ID", "TASK", "VERSION", "PROJECT"] and "math.square" in table
    assert [row["task"] for row in squares.entries()] == ["math.large", "math.square", "math.square"]
    (row,) = squares.entries("--project", "default", "--task", "math.square")
    assert row["sizeBytes"] > 0 and row["inputs"][0]["name"] == "n" and row["signature"] == "(n: int) -> int"
    wait_until(lambda: squares.entries("--project", "default", "--task", "math.square")[0]["hits"] == 1, "the hit to be counted")
    shown = squares.cache("show", row["id"][:6])
    assert "math.square" in shown and shown.rstrip().endswith("Value\n4")
    assert json.loads(squares.cache("show", row["id"], "-o", "json"))["value"] == 4
    large = squares.entries("--task", "math.large")[0]
    assert "large byte string" in squares.cache("show", large["id"])
    stats = json.loads(squares.cache("stats", "-o", "json"))[0]
    assert stats["hits"] == 1 and stats["misses"] == 3 and stats["populated"] == 3
    assert {f["project"]: f["entries"] for f in stats["figures"]} == {"": 3, "default": 2, "other": 1}
    assert "1 hit (25%), 3 misses" in squares.cache("stats")


def test_what_is_invalidated_executes_again_and_what_is_deleted_is_gone(squares: Squares) -> None:
    squares.run(2)
    squares.run(3)
    entry = squares.entries()[0]
    for scope in (["--key", entry["id"]], ["--task", "math.square", "--version", "1"], ["--task", "math.square"],
                  ["--domain", "development"], ["--project", "default"], ["--all"]):  # fmt: skip
        squares.run(3), squares.run(2)
        before = len(squares.executed())
        assert "is not served any more" in squares.cache("invalidate", *scope)
        squares.run(3), squares.run(2)
        assert len(squares.executed()) == before + (1 if scope[0] == "--key" else 2), scope
    assert len(squares.entries()) == 2
    assert "copies of what was kept of task math.square" in squares.cache("delete", "--task", "math.square")
    assert squares.entries() == []


def test_wrong_words_are_answered_in_a_sentence(squares: Squares, node: Node) -> None:
    for words, part in (
        (["invalidate"], "--all"),
        (["delete", "--version", "1"], "--task"),
        (["show", "square"], "no id"),
        (["invalidate", "--key", "ab", "--task", "math.square"], "--key"),
        (["clear"], "does not know"),
    ):
        said = node.command("cache", *words, status=2).stderr
        assert said.startswith("hearth: ") and part in said, said
    assert "begins with `abcd`" in node.command("cache", "show", "abcd", status=1).stderr


def test_what_is_kept_is_checked_and_moves_to_another_node(squares: Squares, node: Node, make_node: Any) -> None:
    squares.run(2)
    node.command("run", "squares.py", "large", "--n", "7")
    assert "2 kept results were read" in squares.cache("verify")
    assert json.loads(squares.cache("verify", "-o", "json"))[0]["damaged"] == 0
    assert "2 entries written" in squares.cache("export", "kept.cache")
    archive = node.project / "kept.cache"
    assert archive.stat().st_mode & 0o077 == 0
    other = make_node()
    other.start()
    elsewhere = Squares(other)
    assert "2 entries kept" in elsewhere.cache("import", str(archive))
    assert elsewhere.run(2) == "4" and elsewhere.executed() == []
    whole = archive.read_bytes()
    at = whole.index(b"\x07" * 100)
    archive.write_bytes(whole[:at] + b"\x08" + whole[at + 1 :])  # a byte of the large value
    elsewhere.cache("delete", "--all")
    assert "1 entry kept" in elsewhere.cache("import", str(archive))
    assert "1 entry refused" in elsewhere.cache("import", str(archive))
    archive.write_bytes(whole[: len(whole) // 2])
    assert "not whole" in other.command("cache", "import", str(archive), status=1).stderr
    (node.project / "text").write_text("no archive")
    assert "no archive" in other.command("cache", "import", str(node.project / "text"), status=1).stderr


def test_a_damaged_result_is_found_removed_and_made_again(squares: Squares, node: Node) -> None:
    node.command("run", "squares.py", "large", "--n", "7")
    (value,) = [path for path in (node.home / "state" / "hearth" / "cache" / "values").rglob("*") if path.is_file()]
    with open(value, "r+b") as file:
        file.seek(1000)
        file.write(b"\x08")
    assert "1 of them damaged" in squares.cache("verify", status=1)
    node.command("run", "squares.py", "large", "--n", "7")
    assert squares.executed() == ["large", "large"]


def test_explain_says_what_of_a_key_differs(squares: Squares, node: Node) -> None:
    def told(*words: str) -> str:
        return squares.cache("explain", "squares.py", "square", *words)

    assert told("--n", "2").startswith("MISS: nothing is kept of task math.square")
    squares.run(2)
    assert told("--n", "2").startswith("HIT: entry " + squares.entries()[0]["id"])
    assert "input n differs" in told("--n", "3")
    assert "the project is another one ('other', there 'default')" in told("--n", "2", "--project", "other")
    assert "the domain is another one ('staging', there 'development')" in told("--n", "2", "--domain", "staging")
    squares.write(version="2")
    assert "the version is another one ('2', there '1')" in told("--n", "2")
    squares.write(type="float")
    assert "the signature is another one" in told("--n", "2")
    found = json.loads(told("--n", "2", "-o", "json"))
    assert found["status"] == "MISS" and found["differs"] == ["signature", "input n"]
    assert "--n" in node.command("cache", "explain", "squares.py", "square", status=2).stderr


def test_explain_finds_the_nearest_of_many_newer_entries(squares: Squares, node: Node) -> None:
    squares.run(2)
    (old,) = squares.entries()
    squares.write(version="2")
    node.write("many.py", "import hearth, squares\nassert len(list(hearth.map(squares.square, range(10, 1510)))) == 1500\n")
    node.python("many.py")
    wait_until(lambda: len(squares.entries("--limit", "2000")) == 1501, "all results to be kept")

    def told(*words: str) -> Any:
        return json.loads(squares.cache("explain", "-o", "json", "squares.py", "square", *words))

    found = told("--n", "2")
    assert (found["nearest"], found["differs"]) == (old["id"], ["version"])
    assert told("--n", "1509", "--project", "other")["differs"] == ["project"]
    assert told("--n", "3")["differs"] == ["input n"]
    assert told("--n", "10")["status"] == "HIT"
    squares.write(version="1")
    assert told("--n", "2")["status"] == "HIT"
    squares.cache("invalidate", "--task", "math.square", "--version", "2")
    assert told("--n", "10")["nearest"] == old["id"]  # what is not served any more explains nothing
    assert [row["id"] for row in squares.entries("--limit", "1")] == [old["id"]]


def test_actions_show_what_came_of_their_lookups(squares: Squares, node: Node) -> None:
    squares.run(2, "--name", "first")
    squares.run(2, "--name", "second")

    def status_of(run: str) -> str:
        return str(node.rows("actions", run)[0]["cache"])

    wait_until(lambda: status_of("first") == "POPULATED", "the result to be kept")
    assert status_of("second") == "HIT"
    assert node.rows("runs", node.rows("actions", "second")[0]["producer"])[0]["name"] == "first"
    table = node.command("get", "actions", "second").stdout.splitlines()
    assert "CACHE" in table[0].split() and "HIT" in table[1].split()


# -- a cluster --------------------------------------------------------------------------------------------------------


def test_operators_of_a_cluster_see_and_change_what_all_nodes_keep(three: Machine) -> None:
    (three.home / "cubes.py").write_text(CUBES)
    everywhere = ", ".join(NODES)

    def cache(*words: str, node: str = "node-1") -> str:
        return three.hearth("cache", *words, HEARTH_SOCKET=str(three.cluster / f"{node}.sock")).stdout

    def rows(node: str = "node-1") -> List[Any]:
        return json.loads(cache("list", "-o", "json", node=node))

    three.hearth("run", "cubes.py", "cube", "--n", "2")
    wait_until(lambda: [row["node"] for row in rows()] == [everywhere], "all copies to be there")
    for node in NODES:
        assert json.loads(cache("show", rows()[0]["id"], "-o", "json", node=node))["value"] == 8
    assert [row["node"] for row in json.loads(cache("stats", "-o", "json"))] == list(NODES)
    assert [row["entries"] for row in json.loads(cache("verify", "-o", "json"))] == [1, 1, 1]
    cache("invalidate", "--task", "cubes.cube")
    assert [rows(node) for node in NODES] == [[], [], []]
    three.hearth("run", "cubes.py", "cube", "--n", "2")
    wait_until(lambda: [row["node"] for row in rows()] == [everywhere], "all copies to be there")
    assert cache("delete", "--task", "cubes.cube", node="node-2").startswith("3 copies")
    assert [rows(node) for node in NODES] == [[], [], []]
