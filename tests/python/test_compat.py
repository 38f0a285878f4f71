"""Programs that say ``from flytekit import task``: the alias, the words of flytekit, and what a direct call does."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from fake_node import FakeNode

import hearth
from hearth import _runtime, compat
from hearth._client import shared
from hearth._cache.signature import signature_of
from hearth.compat import flytekit
from hearth.errors import ConfigurationError
from hearth._values import keys

SDK = Path(hearth.__file__).resolve().parents[1]


@flytekit.task(cache=True, cache_version="1.0")
def square(n: int) -> int:
    return n * n


@flytekit.task(cache=True, cache_version="1.0")
async def cube(n: int) -> int:
    return n**3


@flytekit.task
def plain(n: int) -> int:
    return -n


@flytekit.workflow
def both(n: int) -> int:
    return square(n=n) + plain(n=n)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNode]:
    path = str(tmp_path / "node.sock")
    monkeypatch.setenv("HEARTH_SOCKET", path)
    made = FakeNode(path, *square.env.tasks.values())
    yield made
    shared.disconnect()
    made.close()


# -- direct calls ----------------------------------------------------------------------------------------------------


def test_a_direct_call_of_a_cached_task_asks_the_node_under_the_local_scope(node: FakeNode) -> None:
    assert square(n=3) == 9
    assert both(n=3) == 6
    opened = node.names("openEnvironment")
    assert [(row["project"], row["domain"]) for row in opened] == [("local", "local")]
    assert node.calls == 2 and node.keys[0] == node.keys[1] != b""


def test_a_direct_call_of_an_async_task_is_awaited(node: FakeNode) -> None:
    node.behaviour[cube.name] = lambda call: call.answer(call.arguments["n"] ** 3)

    async def program() -> int:
        return await cube(n=3)

    assert asyncio.run(program()) == 27 and node.calls == 1


def test_other_calls_of_the_same_task_are_in_the_programs_own_scope(node: FakeNode) -> None:
    assert (square(n=3), square.remote(3), square(n=3)) == (9, 9, 9)
    assert [row["project"] for row in node.names("openEnvironment")].count("default") == 1


def test_a_task_that_is_not_cached_is_the_plain_function(node: FakeNode) -> None:
    assert plain(n=1) == -1 and node.calls == 0


def test_what_a_task_raises_arrives_and_wrong_arguments_are_refused(node: FakeNode) -> None:
    with pytest.raises(TypeError, match="misses the argument 'n'"):
        square()
    with pytest.raises(hearth.errors.RuntimeDataValidationError):
        square(n="three")
    assert node.calls == 0


@pytest.mark.parametrize("variable", ["FLYTE_LOCAL_CACHE_ENABLED", "HEARTH_LOCAL_CACHE_ENABLED"])
def test_the_cache_can_be_switched_off(node: FakeNode, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "False")
    assert square(n=3) == 9 and node.calls == 0


@pytest.mark.parametrize("variable", ["FLYTE_LOCAL_CACHE_OVERWRITE", "HEARTH_LOCAL_CACHE_OVERWRITE"])
def test_results_can_be_overwritten(node: FakeNode, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "true")
    assert square(n=3) == 9
    assert node.keys[0][5] == keys.OVERWRITE and node.flags == [hearth._frames.CALL_OVERWRITES]


def test_hearths_spelling_of_a_switch_comes_first_and_nonsense_is_refused(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYTE_LOCAL_CACHE_ENABLED", "false")
    monkeypatch.setenv("HEARTH_LOCAL_CACHE_ENABLED", "true")
    assert square(n=3) == 9 and node.calls == 1
    monkeypatch.setenv("HEARTH_LOCAL_CACHE_ENABLED", "perhaps")
    with pytest.raises(ConfigurationError, match="HEARTH_LOCAL_CACHE_ENABLED='perhaps'"):
        square(n=3)


def test_while_a_node_imports_the_program_its_calls_are_plain(node: FakeNode) -> None:
    with _runtime.importing("m"):
        assert square(n=3) == 9
    assert node.calls == 0


# -- words -----------------------------------------------------------------------------------------------------------


def made(**words: Any) -> Any:
    def f(n: int, noise: int = 0) -> int:
        return n

    return flytekit.task(**words)(f)


def test_flytekits_cache_says_the_same_in_an_object() -> None:
    settings = made(cache=flytekit.Cache(version="2", serialize=True, ignored_inputs=("noise",))).cache
    assert settings == hearth.Cache("auto", version_override="2", serialize=True, ignored_inputs=("noise",))
    assert made(cache=flytekit.Cache(policies=hearth.FunctionBodyPolicy(), salt="a")).cache.salt == "a"


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"cache": True}, ValueError, "cache=True needs cache_version"),
        ({"cache_serialize": True}, ValueError, "cache is not enabled"),
        ({"cache_ignore_input_vars": ("noise",)}, ValueError, "cache is not enabled"),
        ({"cache": hearth.Cache("auto"), "cache_version": "1"}, ValueError, "cannot stand beside"),
        ({"environment": {"A": "1"}}, ValueError, r"environment=.*env_vars"),
        ({"secret_requests": ["a"]}, ValueError, "secrets"),
        ({"cahce": True}, TypeError, "no parameter 'cahce'"),
    ],
)
def test_what_has_no_meaning_is_refused(words: Dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        made(**words)


def test_a_cache_without_a_version_and_policies_is_refused_as_by_flytekit() -> None:
    with pytest.raises(ValueError, match="If version is not defined then at least one cache policy needs to be set"):
        flytekit.Cache()


def test_a_version_without_cache_and_what_cannot_change_a_result_is_accepted(caplog: pytest.LogCaptureFixture) -> None:
    assert not made(cache_version="1", requests=None).cache.is_on
    assert not made(container_image="x", timeout=0).cache.is_on
    assert "@task(container_image=...) has no effect here" in caplog.text


def test_tuples_as_outputs_are_spelled_as_in_flytekit() -> None:
    namespace: Dict[str, Any] = {"__name__": __name__}
    text = "def as_code(n: int) -> (int, str): ...\ndef as_text(n: int) -> '(int, str)': ..."
    exec(compile(text, "<a program>", "exec", dont_inherit=True), namespace)
    for function in (namespace["as_code"], namespace["as_text"]):
        task = flytekit.task(function)
        assert signature_of(task.hints) == "(n: int) -> tuple[int, str]"


def test_the_context_outside_of_tasks_is_that_of_the_program() -> None:
    here = flytekit.current_context()
    assert (here.execution_id.name, here.task_id.name) == ("local", "")
    assert here.execution_id.project == hearth.current_project()


# -- the alias -------------------------------------------------------------------------------------------------------

PROGRAM = """
import sys
from flytekit import task, workflow

@task(cache=True, cache_version="1.0")
def square(n: int) -> int:
    "n squared"
    return n * n

@task
def pair(n: int) -> (int, int):
    return n, square(n=n)

if __name__ == "__main__":
    print(sys.argv, pair(n=3), square.name, sys.modules["__main__"].square is square)
"""


def run(folder: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    (folder / "program.py").write_text(PROGRAM)
    return subprocess.run(
        [sys.executable, "-B", *words], cwd=folder, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(SDK), "FLYTE_LOCAL_CACHE_ENABLED": "false", **variables},
    )  # fmt: skip


def test_a_program_of_flytekit_runs_by_a_word_before_its_name(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "hearth.compat", "program.py", "--fast")
    assert done.stdout == "['program.py', '--fast'] (3, 9) program.square True\n", done.stderr


def test_without_that_word_there_is_no_flytekit(tmp_path: Path) -> None:
    done = run(tmp_path, "program.py")
    assert done.returncode == 1 and "No module named 'flytekit'" in done.stderr


def test_the_run_command_takes_such_a_file_and_shows_its_tasks(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "hearth._client.run_command", "--flyte", "program.py", "square", "--n", "4", "--local")
    assert done.stdout.strip() == "16", done.stderr
    done = run(tmp_path, "-m", "hearth._client.run_command", "program.py", "pair", "--flyte", "--n", "4", "--local")
    assert done.returncode == 0, done.stderr


def test_the_run_command_says_what_such_a_file_needs(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "hearth._client.run_command", "program.py", "square", "--n", "4")
    assert done.returncode == 1 and "`hearth run --flyte FILE` reads it" in done.stderr


def test_a_program_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "hearth.compat", "missing.py")
    assert (done.returncode, done.stderr) == (2, "hearth.compat: missing.py cannot be read: No such file or directory.\n")
    assert run(tmp_path, "-m", "hearth.compat").returncode == 2


def test_an_installed_flytekit_is_replaced_with_a_word_about_it(tmp_path: Path) -> None:
    (tmp_path / "flytekit.py").write_text("task = None\n")
    done = run(tmp_path, "-m", "hearth.compat", "program.py")
    assert done.returncode == 0 and "flytekit is installed" in done.stderr


def test_a_flytekit_that_was_imported_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flytekit", types.ModuleType("flytekit"))
    with pytest.raises(ConfigurationError, match="flytekit was imported before"):
        compat.install()
