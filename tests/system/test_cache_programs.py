"""What a person sees of the cache, from a program: what executes once, and what executes again."""

from __future__ import annotations

from conftest import Node
from executions import Executions

PROGRAM = """
import hearth
from limits import LIMIT

env = hearth.TaskEnvironment("kept", reusable=hearth.ReusePolicy(replicas=1), cache="auto")
parent = env.clone_with("parent", reusable=None, cache="disable", depends_on=[env])

def note(what):
    with open({file!r}, "a") as file:
        file.write(what + " ")

@env.task
def limited(x: int) -> int:
    note("limited")
    return min(x, LIMIT)

@env.task
def nothing(x: int) -> None:
    note("nothing")

@env.task
def broken(x: int) -> int:
    note("broken")
    raise ValueError(x)

@parent.task
def main(n: int = 3) -> list:
    note("main")
    return list(hearth.map(limited, range(n)))

if __name__ == "__main__":
    first, second = limited.spawn(1), None
    first.result()
    second = limited.spawn(1)
    print(second.result(), first.cache_status or "-", second.cache_status or "-")
    nothing.remote(1), nothing.remote(1)
    for _ in range(2):
        try:
            broken.remote(1)
        except ValueError:
            pass
"""


def program(node: Node, executions: Executions, limit: int = 2, comment: str = "") -> None:
    node.write("limits.py", f"{comment}\nLIMIT = {limit}\n")
    node.write("kept.py", PROGRAM.format(file=str(executions.path)))


def test_calls_execute_once_and_again_when_what_they_reach_changes(node: Node) -> None:
    executions = Executions(node.home)
    program(node, executions)
    assert node.python("kept.py").stdout == "1 - HIT\n"
    assert executions.new() == ["broken", "broken", "limited", "nothing"]
    program(node, executions, comment="# another comment")
    assert node.python("kept.py").stdout == "1 HIT HIT\n"
    assert executions.new() == ["broken", "broken"]
    program(node, executions, limit=0)
    assert node.python("kept.py").stdout == "0 - HIT\n"
    assert executions.new() == ["broken", "broken", "limited"]  # what does not use the limit is kept


def test_a_run_says_how_its_calls_use_the_cache(node: Node) -> None:
    executions = Executions(node.home)
    program(node, executions)
    run = ["run", "kept.py", "main"]
    each = [["limited"] * 3 + ["main"], ["main"], ["limited"] * 3 + ["main"], ["limited"] * 3 + ["main"], ["main"]]
    for words, executed in zip(([], [], ["--overwrite-cache"], ["--no-cache"], []), each):
        assert node.command(*run, *words).stdout.strip() == "[0, 1, 2]"
        assert executions.new() == executed, words


def test_a_run_that_is_run_again_uses_the_cache_as_it_did(node: Node) -> None:
    executions = Executions(node.home)
    program(node, executions)
    node.command("run", "kept.py", "main")
    everything = ["limited"] * 3 + ["main"]
    assert executions.new() == everything
    for name, words, again in (("usual", [], ["main"]), ("new", ["--overwrite-cache"], everything), ("none", ["--no-cache"], everything)):
        node.command("run", "kept.py", "main", "--name", name, *words)
        assert executions.new() == again, name
        node.command("rerun", name, "--name", f"{name}-again")
        node.command("wait", f"{name}-again")
        assert executions.new() == again, name


def test_another_project_or_domain_keeps_results_of_its_own(node: Node) -> None:
    executions = Executions(node.home)
    program(node, executions)
    for words in ([], ["--project", "other"], ["--domain", "production"]):
        node.command("run", "kept.py", "main", "--n", "1", *words)
        assert executions.new() == ["limited", "main"], words
    node.command("run", "kept.py", "main", "--n", "1", "--project", "other")
    assert executions.new() == ["main"]
