"""flytekit's documentation of caching, example by example, through ``from flytekit import task``."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any, Dict, List

import pytest

from conftest import BUILD, Node
from executions import Executions
from flyte_program import compat
from machine import Machine

# The task as the documentation has it, and a line that tells that it executed.
SQUARE = """
    from flytekit import task


    @task({cache})
    def square({inputs}) -> {result}:
        '''
        Parameters:
            n (int): name of the parameter for the task will be derived from the name of the input variable.
                     The type will be automatically deduced to Types.Integer

        Return:
            int: The label for the output will be automatically assigned, and the type will be deduced from the annotation
        '''
        with open({file!r}, "a") as file:
            file.write("square ")
        return {value}


    if __name__ == "__main__":
        print({call})
"""
ENABLED = 'cache=True, cache_version="1.0"'

WORKFLOW = """
    from flytekit import workflow
    from square import square


    @workflow
    def {name}(n: int) -> int:
        return square(n=n) + {more}


    if __name__ == "__main__":
        print({name}(n=2))
"""


USUAL = {"cache": ENABLED, "inputs": "n: int", "result": "int", "value": "n * n", "call": "square(n=2)"}


def program(executions: Executions, **parts: str) -> str:
    """The documentation's program with some of its parts changed."""
    return textwrap.dedent(SQUARE).format(**{**USUAL, **parts}, file=str(executions.path))


class Square:
    """The documentation's program on a user's machine."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._executions = Executions(node.home)
        self.write()

    def write(self, **parts: str) -> None:
        """The program with some of its parts changed."""
        self.node.write("square.py", program(self._executions, **parts))

    def python(self, *words: str, **variables: str) -> str:
        """What a process of its own prints."""
        return compat(self.node, *words, **variables)

    def call(self, **variables: str) -> str:
        return self.python("square.py", **variables)

    def run(self, *options: str, n: int = 2) -> str:
        """`square` as a run, by a process of its own."""
        return self.node.command("run", "--flyte", *options, "square.py", "square", "--n", str(n)).stdout.strip()

    def executed(self) -> int:
        """How often since somebody asked last."""
        return len(self._executions.new())

    def local_cache(self, what: str) -> Dict[str, Any]:
        found: Dict[str, Any] = json.loads(self.node.command("local-cache", what, "-o", "json").stdout)
        return found


@pytest.fixture
def square(node: Node) -> Square:
    return Square(node)


# -- "Task caching is disabled by default" ---------------------------------------------------------------------------


@pytest.mark.parametrize("cache", ["", "cache=False", 'cache_version="1.0"'])
def test_without_cache_every_call_executes(square: Square, cache: str) -> None:
    square.write(cache=cache)
    assert (square.call(), square.call(), square.run(), square.run()) == ("4", "4", "4", "4")
    assert square.executed() == 4


# -- "calling square(n=2) twice (even if it's across different executions or different workflows)" --------------------


def test_calling_it_twice_executes_once(square: Square) -> None:
    square.write(call="square(n=2), square(n=2)")
    assert square.call() == "4 4" and square.executed() == 1


def test_calling_it_from_two_processes_executes_once(square: Square) -> None:
    assert (square.call(), square.call()) == ("4", "4")
    assert square.executed() == 1


def test_calling_it_from_two_processes_at_the_same_time_executes_once_where_it_is_serialized(square: Square) -> None:
    square.write(cache=ENABLED + ", cache_serialize=True")
    started = [
        subprocess.Popen([sys.executable, "-m", "hearth.compat", "square.py"], cwd=square.node.project,
                         env=square.node.environment, text=True, stdout=subprocess.PIPE) for _ in range(2)
    ]  # fmt: skip
    assert [process.communicate(timeout=60)[0] for process in started] == ["4\n", "4\n"]
    assert square.executed() == 1


def test_two_runs_of_it_execute_once(square: Square) -> None:
    assert (square.run("--name", "first"), square.run("--name", "second")) == ("4", "4")
    assert square.executed() == 1


def test_two_workflows_that_call_it_execute_it_once(square: Square) -> None:
    for name, more in (("first", "1"), ("second", "2")):
        square.node.write(f"{name}.py", WORKFLOW.format(name=name, more=more))
    assert (square.python("first.py"), square.python("second.py")) == ("5", "6")
    assert square.executed() == 1


def test_two_nodes_of_a_cluster_execute_it_once(machine: Machine) -> None:
    executions = Executions(machine.home)
    (machine.home / "square.py").write_text(program(executions))
    machine.hearth("cluster", "up", "--nodes", "2", "--isolation", "process")
    sockets = [str(machine.cluster / f"node-{number}.sock") for number in (1, 2)]
    for socket in sockets:
        assert machine.hearth("run", "--flyte", "square.py", "square", "--n", "2", HEARTH_SOCKET=socket).stdout == "4\n"
    assert executions.new() == ["square"]
    for socket in sockets:
        assert machine.run(sys.executable, "-m", "hearth.compat", "square.py", HEARTH_SOCKET=socket).stdout == "4\n"
    assert executions.new() == ["square"]  # direct calls have a scope of their own


def test_while_a_cluster_is_in_use_direct_calls_and_the_local_cache_are_those_of_the_own_node(machine: Machine) -> None:
    executions = Executions(machine.home)
    (machine.home / "square.py").write_text(program(executions))
    machine.hearth("cluster", "up", "--nodes", "1", "--isolation", "process")
    machine.hearth("node", "start")
    try:
        for _ in range(2):
            assert machine.run(sys.executable, "-m", "hearth.compat", "square.py").stdout == "4\n"
        assert executions.new() == ["square"]
        assert json.loads(machine.hearth("cache", "list", "-o", "json").stdout) == []  # of the cluster
        assert machine.hearth("local-cache", "clear").stdout == "1 result removed from the local cache.\n"
    finally:
        machine.hearth("node", "stop", "--grace", "2")


def test_another_input_executes_on_its_own(square: Square) -> None:
    square.write(call="square(n=2), square(n=3), square(n=2)")
    assert square.call() == "4 9 4" and square.executed() == 2


# -- "If the user changes the task interface in any way (such as adding, removing, or editing inputs/outputs)" --------


@pytest.mark.parametrize(
    "change, shown",
    [
        ({"result": "(int, int)", "value": "(n, n * n)"}, "(2, 4)"),
        ({"result": "float"}, "4.0"),
        ({"inputs": "n: float"}, "4"),
        ({"inputs": "n: int, m: int = 0"}, "4"),
        ({"inputs": "m: int", "value": "m * m", "call": "square(m=2)"}, "4"),
        ({"inputs": "", "value": "4", "call": "square()"}, "4"),
    ],
    ids=["(int, int)", "another output", "another type", "one more input", "another name", "no input"],
)
def test_another_signature_executes_again_and_going_back_does_not(
    square: Square, change: Dict[str, str], shown: str
) -> None:
    assert square.call() == "4" and square.executed() == 1
    square.write(**change)
    assert (square.call(), square.call()) == (shown, shown)
    assert square.executed() == 1
    square.write()
    assert square.call() == "4" and square.executed() == 0


# -- "Bumping the cache_version is akin to invalidating the cache" ----------------------------------------------------


def test_another_version_executes_again_and_going_back_does_not(square: Square) -> None:
    assert square.call() == "4" and square.executed() == 1
    square.write(cache='cache=True, cache_version="2.0"')
    assert (square.call(), square.call()) == ("4", "4")
    assert square.executed() == 1
    square.write()
    assert square.call() == "4" and square.executed() == 0


# -- "a change in SHA does not necessarily mean that it correlates to a change in task functionality" -----------------


def test_another_code_of_the_same_version_does_not_execute(square: Square) -> None:
    assert (square.call(), square.run()) == ("4", "4") and square.executed() == 2
    square.write(value="n ** 2 + 100")
    assert (square.call(), square.run()) == ("4", "4") and square.executed() == 0


# -- "cache keys for remote task execution are composed of Project, Domain, Cache Version, Task Signature, and Inputs" --


@pytest.mark.parametrize("place", [["--project", "other"], ["--domain", "production"]])
def test_another_project_or_domain_executes_on_its_own(square: Square, place: List[str]) -> None:
    for words in ([], place):
        assert (square.run(*words), square.run(*words)) == ("4", "4")
        assert square.executed() == 1, words


def test_runs_and_direct_calls_have_scopes_of_their_own(square: Square) -> None:
    assert (square.run(), square.call(), square.run(), square.call()) == ("4",) * 4
    assert square.executed() == 2


# -- "the local cache can also be emptied by running the following command: pyflyte local-cache clear" ----------------


@pytest.mark.parametrize("is_pyflyte", [True, False])
def test_the_local_cache_can_be_emptied(square: Square, is_pyflyte: bool) -> None:
    square.write(call="square(n=2), square(n=3)")
    assert square.run() == "4"
    assert square.call() == "4 9" and square.executed() == 3
    assert square.call() == "4 9" and square.executed() == 0
    for said in ("2 results removed from the local cache.", "The local cache is empty; nothing was removed."):
        if is_pyflyte:
            path = {"HEARTHD": str(BUILD / "bin" / "hearthd")}
            assert square.python("pyflyte", "local-cache", "clear", **path) == said
        else:
            assert square.node.command("local-cache", "clear").stdout.strip() == said
    assert square.run() == "4" and square.executed() == 0  # that of runs is another one
    assert square.call() == "4 9" and square.executed() == 2


def test_the_local_cache_tells_how_much_it_keeps_and_how_often_it_helped(square: Square) -> None:
    assert square.local_cache("stats") == {"entries": 0, "bytes": 0, "hits": 0}
    square.write(call="square(n=2), square(n=2), square(n=3)")
    square.call()
    square.run()
    found = square.local_cache("stats")
    assert (found["entries"], found["hits"]) == (2, 1) and found["bytes"] > 0
    said = square.node.command("local-cache", "stats").stdout
    assert said.startswith("The local cache keeps 2 results (") and "1 call was answered" in said


def test_the_local_cache_is_looked_after_also_where_no_node_runs(square: Square) -> None:
    square.call()
    square.node.stop()
    assert square.local_cache("stats")["entries"] == 1
    square.node.stop()
    assert square.local_cache("clear") == {"removed": 1}
    square.node.stop()
    assert square.local_cache("clear") == {"removed": 0}
    assert square.call() == "4" and square.executed() == 2
    square.node.stop()
    square.node.environment["HEARTH_NO_START"] = "1"
    assert "HEARTH_NO_START" in square.node.command("local-cache", "clear", status=3).stderr


def test_a_local_cache_that_never_was_is_empty_and_nothing_starts_for_it(make_node: Any) -> None:
    node = make_node()
    assert node.command("local-cache", "clear").stdout == "The local cache is empty; nothing was removed.\n"
    assert node.command("local-cache", "stats").stdout.startswith("The local cache keeps 0 results")
    assert node.command("node", "status", status=3).stdout == ""


def test_explain_says_of_a_direct_call_whether_it_would_execute(square: Square) -> None:
    def told(*words: str, status: int = 0) -> Any:
        return square.node.command("cache", "explain", *words, "square.py", "square", "--n", "2", status=status)

    place = ["--flyte", "--project", "local", "--domain", "local"]
    assert told(*place).stdout.startswith("MISS: nothing is kept of task square.square")
    square.call()
    assert told(*place).stdout.startswith("HIT")
    assert "the project is another one ('default', there 'local') and the domain" in told("--flyte").stdout
    assert "hearth cache explain --flyte FILE" in told(status=1).stderr


# -- the switches ----------------------------------------------------------------------------------------------------


def test_the_switches_run_its_tasks_in_the_program_or_replace_what_is_kept(square: Square) -> None:
    assert square.call() == "4" and square.executed() == 1
    square.write(value="n * n + 1")
    assert square.call(FLYTE_LOCAL_CACHE_ENABLED="false") == "5" and square.executed() == 1
    assert square.call() == "4" and square.executed() == 0  # that was not kept
    assert square.call(FLYTE_LOCAL_CACHE_OVERWRITE="true") == "5" and square.executed() == 1
    assert square.call() == "5" and square.executed() == 0
