"""Functions by value, and the address of a bundle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bundle_project import *  # noqa: F403

# -- by value --------------------------------------------------------------------------------------------------------

SESSION = """
{env}
offset = 10
def helper(x): return x + offset
@env.task
def f(x): return helper(x)
{tell}
"""


@needs_cloudpickle
def test_lambdas_and_closures_travel_by_value(tmp_path: Path) -> None:
    source = (
        ENV
        + "from helper import N\n"
        + "def make(k):\n    def inner(x):\n        return x + k + N\n    return env.task(inner)\n"
        + "made = make(100)\nlam = env.task(lambda x: x * N)\n@env.task\ndef plain(): return 1\n"
        + MAIN
    )
    project = Project(tmp_path, {"pyproject.toml": "", "helper.py": "N = 2", "program.py": source})
    told = project.run("program.py")
    assert told["values"] and [by_value for *_, by_value in tasks(told)] == [True, True, False]
    line = next(number for number, text in enumerate(source.splitlines(), 1) if "lambda" in text)
    assert project.call(told, "inner", 5) == 107
    assert project.call(told, f"lambda_{line}", 5) == 10
    assert project.call(told, "plain") == 1


@needs_cloudpickle
@pytest.mark.parametrize("how", ["stdin", "-c", "-i"])
def test_functions_of_a_session_travel_by_value(tmp_path: Path, how: str) -> None:
    project = Project(tmp_path, {"pyproject.toml": "", "module.py": "", "begin.py": "started = True\n"})
    source = SESSION.format(env=ENV, tell="from tell import tell\ntell(env)")
    if how == "stdin":
        told = project.run("-", stdin=source)
    elif how == "-c":
        told = project.run("-c", source)
    else:  # a program first, then typing
        told = project.run("-i", "begin.py", stdin="exec(" + repr(source) + ")\n")
    assert tasks(told) == [("", "f", True)]
    assert project.call(told, "f", 1) == 11


def test_without_cloudpickle_the_error_says_what_to_do(tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['cloudpickle'] = None\n"
    project = Project(tmp_path, {"program.py": blocked + ENV + "f = env.task(lambda x: x)\n" + MAIN})
    told = project.run("program.py")
    assert "pip install cloudpickle" in told["error"] and "top level" in told["error"]


@needs_cloudpickle
def test_a_value_that_cannot_be_pickled_is_an_error_that_names_the_task(tmp_path: Path) -> None:
    source = "import threading\n" + ENV + "def make(lock):\n    @env.task\n    def inner(): return lock\n" + "make(threading.Lock())\n"
    project = Project(tmp_path, {"program.py": source + MAIN})
    told = project.run("program.py")
    assert told["type"] == "BundleError" and "'e.inner'" in told["error"] and "inside the task" in told["error"]


# -- the address -----------------------------------------------------------------------------------------------------


def test_the_same_files_have_the_same_digest_wherever_and_whenever_they_are(tmp_path: Path) -> None:
    files = {"pyproject.toml": "", "a.py": "A = 1", "program.py": ENV + "@env.task\ndef f(): return 1\n" + MAIN}
    one, two = Project(tmp_path / "one", files), Project(tmp_path / "two", files)
    os.utime(two.path / "a.py", (1, 1))
    first, second = one.run("program.py"), two.run("program.py")
    assert first["digest"] == second["digest"] and first["definition"] == second["definition"]
    two.write("a.py", "A = 2")
    assert two.run("program.py")["digest"] != first["digest"]


# In one process: what a program that lives long sees.
LONG = """
import hearth, json, pathlib, sys
from hearth import _bundle
def digest(env): return _bundle.bundle_for(env).digest
here = pathlib.Path(__file__).parent
one = hearth.TaskEnvironment("one")
two = hearth.TaskEnvironment("two", include=["data.txt"])
@one.task
def f(): return 1
before = _bundle.bundle_for(one)
told = {"same": _bundle.bundle_for(one) is before, "shared": digest(two) == before.digest, "files": before.files}
(here / "data.txt").write_text("changed")
told["changed"] = digest(one) != before.digest
again = digest(one)
three = hearth.TaskEnvironment("three", include=["nothing-of-this-name"])
told["others_mistakes"] = digest(one) == again
told["override"] = digest(f.override(retries=1).env) == again
print(json.dumps(told))
"""


def test_environments_of_one_project_share_a_bundle_that_follows_its_files(tmp_path: Path) -> None:
    project = Project(tmp_path, {"pyproject.toml": "", "program.py": LONG, "data.txt": "text"})
    told = project.run("program.py")
    assert told.pop("files") == ["data.txt", "program.py"]
    assert all(told.values()), told
