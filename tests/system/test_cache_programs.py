"""What a person sees of the cache, from programs of Hearth and of flytekit: what executes once, and what executes again."""

from __future__ import annotations

import subprocess
import sys

from conftest import Node

SEED = """
from flytekit import task

@task(cache=True, cache_version="{version}")
def square(n: int) -> {result}:
    '''
        n (int): name of the parameter for the task will be derived from the name of the input variable.
    '''
    with open({file!r}, "a") as file:
        file.write("square ")
    return {value}

if __name__ == "__main__":
    print(square(n=2), square(n=2))
"""

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


class Executions:
    """What tasks wrote down when they executed, since somebody looked last."""

    def __init__(self, node: Node) -> None:
        self.path = node.home / "executions"
        self.path.touch()
        self._seen = 0

    def new(self) -> "list[str]":
        words = self.path.read_text().split()
        found, self._seen = words[self._seen :], len(words)
        return sorted(found)


def flytekit(node: Node, executions: Executions, version: str = "1.0", result: str = "int", value: str = "n * n", **env: str) -> str:
    node.write("seed.py", SEED.format(version=version, result=result, value=value, file=str(executions.path)))
    done = subprocess.run(
        [sys.executable, "-m", "hearth.compat", "seed.py"], cwd=node.project, env={**node.environment, **env}, text=True,
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_task_of_flytekit_executes_once_until_its_version_or_its_signature_changes(node: Node) -> None:
    executions = Executions(node)
    assert flytekit(node, executions) == "4 4" and executions.new() == ["square"]
    assert flytekit(node, executions) == "4 4" and executions.new() == []  # another process
    assert flytekit(node, executions, result="(int, int)", value="(n, n * n)") == "(2, 4) (2, 4)"
    assert executions.new() == ["square"]
    assert flytekit(node, executions, version="2.0") == "4 4" and executions.new() == ["square"]
    assert flytekit(node, executions, value="n ** 2") == "4 4" and executions.new() == []  # back, and its code alone differs


def test_the_switches_of_flytekit_run_its_tasks_in_the_program_or_replace_what_is_kept(node: Node) -> None:
    executions = Executions(node)
    flytekit(node, executions)
    executions.new()
    assert flytekit(node, executions, FLYTE_LOCAL_CACHE_ENABLED="false") == "4 4"
    assert executions.new() == ["square"] * 2
    assert flytekit(node, executions, value="n * n + 1", FLYTE_LOCAL_CACHE_OVERWRITE="true") == "5 5"
    assert executions.new() == ["square"] * 2
    assert flytekit(node, executions) == "5 5" and executions.new() == []


def program(node: Node, executions: Executions, limit: int = 2, comment: str = "") -> None:
    node.write("limits.py", f"{comment}\nLIMIT = {limit}\n")
    node.write("kept.py", PROGRAM.format(file=str(executions.path)))


def test_calls_execute_once_and_again_when_what_they_reach_changes(node: Node) -> None:
    executions = Executions(node)
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
    executions = Executions(node)
    program(node, executions)
    run = ["run", "kept.py", "main"]
    each = [["limited"] * 3 + ["main"], ["main"], ["limited"] * 3 + ["main"], ["limited"] * 3 + ["main"], ["main"]]
    for words, executed in zip(([], [], ["--overwrite-cache"], ["--no-cache"], []), each):
        assert node.command(*run, *words).stdout.strip() == "[0, 1, 2]"
        assert executions.new() == executed, words


def test_another_project_or_domain_keeps_results_of_its_own(node: Node) -> None:
    executions = Executions(node)
    program(node, executions)
    for words in ([], ["--project", "other"], ["--domain", "production"]):
        node.command("run", "kept.py", "main", "--n", "1", *words)
        assert executions.new() == ["limited", "main"], words
    node.command("run", "kept.py", "main", "--n", "1", "--project", "other")
    assert executions.new() == ["main"]
