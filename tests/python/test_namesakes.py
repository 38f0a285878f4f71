"""Two environments of one name in one program: what collides is said, what only looks like it is not."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path
from typing import Callable, Iterator, List

import pytest

TWICE = """import hearth
first = hearth.TaskEnvironment("dup")
@first.task
def f() -> int:
    return 1
second = hearth.TaskEnvironment("dup")
@second.task
def {name}() -> int:
    return 2
@second.task
def g() -> int:
    return 3
"""
ONCE = """import hearth
env = hearth.TaskEnvironment("once")
@env.task
def f() -> int:
    return 1
"""


@pytest.fixture
def said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[], List[str]]]:
    """Gives what was logged; modules in the test's folder can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    caplog.set_level(logging.WARNING, logger="hearth")
    yield lambda: caplog.messages
    for name in set(sys.modules) - before:
        del sys.modules[name]


def load(folder: Path, name: str, text: str) -> object:
    (folder / f"{name}.py").write_text(text)
    importlib.invalidate_caches()
    return importlib.import_module(name)


def test_tasks_of_one_name_in_two_environments_of_one_name_are_told_once(tmp_path: Path, said: Callable[[], List[str]]) -> None:
    module = load(tmp_path, "namesakes_twice", TWICE.format(name="f"))
    (text,) = said()
    assert "environment 'dup' is declared twice with a task 'dup.f'" in text and "another name" in text
    assert f"{module.__file__}, line 3, and {module.__file__}, line 7" in text


def test_environments_of_one_name_without_a_common_task_are_not_talked_about(tmp_path: Path, said: Callable[[], List[str]]) -> None:
    load(tmp_path, "namesakes_apart", TWICE.format(name="h"))
    assert not said()


def test_a_module_that_is_loaded_again_is_not_talked_about_even_when_it_was_edited(tmp_path: Path, said: Callable[[], List[str]]) -> None:
    module = load(tmp_path, "namesakes_once", ONCE)
    kept = module.env  # type: ignore[attr-defined]
    importlib.reload(module)  # type: ignore[arg-type]
    (tmp_path / "namesakes_once.py").write_text("# a line more\n" + ONCE)
    importlib.reload(module)  # type: ignore[arg-type]
    assert kept is not module.env and not said()  # type: ignore[attr-defined]


def test_environments_of_functions_and_of_interactive_sessions_are_not_talked_about(said: Callable[[], List[str]]) -> None:
    import hearth

    def declare() -> object:
        env = hearth.TaskEnvironment("local")

        @env.task
        def f() -> int:
            return 1

        return env

    kept = [declare(), declare()]
    session: dict = {"__name__": "__console__"}
    for _ in range(2):
        exec(compile(ONCE, "<stdin>", "exec"), session)
        kept.append(session["env"])
    assert not said() and len(kept) == 4
