"""What a bundle holds, how modules are named in it, and what is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bundle_project import *  # noqa: F403

# -- the root --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["pyproject.toml", ".git/HEAD"])
def test_the_root_is_the_nearest_project(tmp_path: Path, mark: str) -> None:
    project = Project(
        tmp_path,
        {
            mark: "",
            "shared.py": "N = 5",
            "jobs/helper.py": "M = 2",
            "jobs/program.py": ENV + "from helper import M\n@env.task\ndef f(x):\n    return x * M\n" + MAIN,
        },
    )
    told = project.run("jobs/program.py")
    assert told["root"] == str(project.path)
    assert told["files"] == ["jobs/helper.py", "jobs/program.py", "shared.py"]
    assert tasks(told) == [("program", "f", False)]
    assert project.call(told, "f", 4) == 8


def test_without_a_project_the_root_is_the_folder_of_the_program(tmp_path: Path) -> None:
    project = Project(
        tmp_path, {"above.py": "", "jobs/below/mod.py": "", "jobs/program.py": ENV + "@env.task\ndef f(): return 1\n" + MAIN}
    )
    told = project.run("jobs/program.py")
    assert told["root"] == str(project.path / "jobs")
    assert told["files"] == ["below/mod.py", "program.py"]


@pytest.mark.parametrize("home", [True, False])
def test_the_home_folder_is_no_project_even_with_a_mark(tmp_path: Path, home: bool) -> None:
    project = Project(
        tmp_path,
        {".git/HEAD": "", "else/mod.py": "", "beside.py": "", "program.py": ENV + "@env.task\ndef f(): return 1\n" + MAIN},
    )
    if home:
        project.variables["HOME"] = str(project.path)
    told = project.run("program.py")
    assert told["files"] == (["beside.py", "program.py"] if home else ["beside.py", "else/mod.py", "program.py"])


def test_folders_that_are_not_source_are_left_out(tmp_path: Path) -> None:
    project = Project(
        tmp_path,
        {
            "pyproject.toml": "",
            "program.py": ENV + "@env.task\ndef f(): return 1\n" + MAIN,
            "venv/pyvenv.cfg": "",
            "venv/lib/a.py": "",
            "state/hearth/node-id": "",
            "state/hearth/bundles/a.py": "",
            "node_modules/a.py": "",
            "__pycache__/a.py": "",
            ".hidden/a.py": "",
            ".hidden.py": "",
            "README.md": "",
        },
    )
    assert project.run("program.py")["files"] == ["program.py"]


def test_a_link_to_a_folder_is_followed_and_one_around_itself_ends(tmp_path: Path) -> None:
    project = Project(
        tmp_path,
        {"pyproject.toml": "", "program.py": ENV + "import lib.mod\n@env.task\ndef f(): return lib.mod.N\n" + MAIN},
    )
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mod.py").write_text("N = 9")
    (project.path / "lib").symlink_to(tmp_path / "elsewhere")
    (project.path / "round").symlink_to(project.path)
    (project.path / "nothing.py").symlink_to(tmp_path / "gone.py")
    (project.path / "loop").symlink_to("loop")
    (project.path / "loop.py").symlink_to("loop.py")
    told = project.run("program.py")
    assert told["files"] == ["lib/mod.py", "program.py"]
    assert project.call(told, "f") == 9


# -- ignore files, include, limits -----------------------------------------------------------------------------------


def test_ignore_files_are_respected_and_include_wins_over_them(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": "",
        ".gitignore": "gen/\n*_skip.py\n",
        ".hearthignore": "tests\n",
        "a_skip.py": "",
        "gen/api.py": "N = 3",
        "tests/test_a.py": "",
        "data/table.csv": "1,2",
        "data/deep/more.json": "{}",
        "program.py": "import hearth\nenv = hearth.TaskEnvironment('e', include=['gen/api.py', 'data'])\n"
        "@env.task\ndef f():\n    from gen.api import N\n    return [N, open('data/table.csv').read()]\n" + MAIN,
    }
    project = Project(tmp_path, files)
    told = project.run("program.py")
    assert told["files"] == ["data/deep/more.json", "data/table.csv", "gen/api.py", "program.py"]
    assert project.call(told, "f") == [3, "1,2"]


def test_include_is_relative_to_the_file_that_says_it(tmp_path: Path) -> None:
    project = Project(
        tmp_path,
        {
            "pyproject.toml": "",
            "jobs/data/a.txt": "",
            "jobs/data/b.bin": "",
            "jobs/program.py": "import hearth\nenv = hearth.TaskEnvironment('e', include=('data/*.txt',))\n"
            "@env.task\ndef f(): return 1\n" + MAIN,
        },
    )
    assert project.run("jobs/program.py")["files"] == ["jobs/data/a.txt", "jobs/program.py"]


@pytest.mark.parametrize(
    ("include", "message"), [("nothing/*.csv", "names no file"), ("../other.csv", "outside of the bundle's root")]
)
def test_an_include_that_names_nothing_of_the_project_is_an_error(tmp_path: Path, include: str, message: str) -> None:
    source = f"import hearth\nenv = hearth.TaskEnvironment('e', include=[{include!r}])\n" + MAIN
    project = Project(tmp_path, {"pyproject.toml": "", "program.py": source, "../other.csv": ""})
    told = project.run("program.py")
    assert told["type"] == "BundleError" and message in told["error"] and include in told["error"]


def test_a_bundle_over_the_limit_names_its_biggest_files(tmp_path: Path) -> None:
    project = Project(tmp_path, {"pyproject.toml": "", "program.py": ENV + MAIN, "big/table.py": "x" * 4096, "small.py": "y"})
    project.variables["HEARTH_BUNDLE_BYTES_MAX"] = "1000"
    told = project.run("program.py")
    lines = told["error"].splitlines()
    assert lines[0].startswith(f"the code bundle of {project.path} has ")
    assert lines[1].endswith("big/table.py") and ".hearthignore" in lines[-1]


def test_a_limit_that_is_no_number_is_an_error_of_configuration(tmp_path: Path) -> None:
    project = Project(tmp_path, {"pyproject.toml": "", "program.py": ENV + MAIN})
    project.variables["HEARTH_BUNDLE_BYTES_MAX"] = "much"
    assert project.run("program.py")["type"] == "ConfigurationError"


# -- how modules are named -------------------------------------------------------------------------------------------


def test_a_package_in_src_keeps_its_name_and_its_relative_imports(tmp_path: Path) -> None:
    project = Project(
        tmp_path,
        {
            "pyproject.toml": "",
            "src/pkg/__init__.py": "",
            "src/pkg/util.py": "def triple(x): return 3 * x",
            "src/pkg/tasks.py": ENV + "from .util import triple\n@env.task\ndef f(x):\n    return triple(x)\n",
            "scripts/program.py": "import sys; sys.path.insert(0, 'src')\nfrom pkg.tasks import env\n" + MAIN,
        },
    )
    told = project.run("scripts/program.py")
    assert tasks(told) == [("pkg.tasks", "f", False)]
    assert project.call(told, "f", 5) == 15


@pytest.mark.parametrize(("module", "name"), [("pkg.program", "pkg.program"), ("pkg", "pkg.__main__")])
def test_a_program_run_as_a_module_keeps_its_dotted_name(tmp_path: Path, module: str, name: str) -> None:
    source = ENV + "from .util import N\n@env.task\ndef f(): return N\n" + MAIN
    project = Project(
        tmp_path,
        {"pyproject.toml": "", "pkg/__init__.py": "", "pkg/util.py": "N = 7", "pkg/program.py": source, "pkg/__main__.py": source},
    )
    told = project.run("-m", module)
    assert tasks(told) == [(name, "f", False)]
    assert project.call(told, "f") == 7


def test_a_task_in_a_class_is_found_by_its_qualified_name(tmp_path: Path) -> None:
    source = ENV + "class Jobs:\n    @staticmethod\n    @env.task\n    def f(x):\n        return -x\n" + MAIN
    project = Project(tmp_path, {"program.py": source})
    told = project.run("program.py")
    assert tasks(told) == [("program", "Jobs.f", False)]
    assert project.call(told, "f", 2) == -2


@pytest.mark.skipif(sys.version_info < (3, 11), reason="before, Python itself stumbles over such a file")
def test_a_program_that_is_called_like_a_loaded_module_is_told_to_change_its_name(tmp_path: Path) -> None:
    project = Project(tmp_path, {"types.py": ENV + "@env.task\ndef f(): return 1\n" + MAIN})
    told = project.run("-P", "types.py")
    assert told["type"] == "BundleError" and "Rename the file" in told["error"]


def test_a_task_of_an_installed_module_needs_no_file(tmp_path: Path) -> None:
    project = Project(tmp_path, {"program.py": ENV + "import textwrap\nenv.task(textwrap.dedent)\n" + MAIN})
    told = project.run("program.py")
    assert tasks(told) == [("textwrap", "dedent", False)]
    assert project.call(told, "dedent", "  a") == "a"


@needs_cloudpickle
def test_an_interpreter_defines_the_environment_as_the_program_did(tmp_path: Path) -> None:
    source = (
        "import hearth\nenv = hearth.TaskEnvironment('e', resources=hearth.Resources(cpu=1))\n"
        "@env.task\ndef f(x: 'int' = 3) -> int: return x\nlam = env.task(lambda x: x)\n"
        "@env.task\ndef define():\n    from hearth._bundle import bundle_for\n"
        "    return env.definition(bundle=bundle_for(env).digest)\n"
    )
    project = Project(tmp_path, {"pyproject.toml": "", "jobs/program.py": source + MAIN})
    told = project.run("jobs/program.py")
    assert project.call(told, "define") == told["definition"]


# -- what is missing -------------------------------------------------------------------------------------------------


def test_a_module_outside_of_the_root_is_named_with_the_root_and_the_cure(tmp_path: Path) -> None:
    project = Project(
        tmp_path,
        {
            "pyproject.toml": "",
            "../library/helper.py": "def g(x): return x",
            "program.py": "import sys; sys.path.append('../library')\n" + ENV
            + "from helper import g\n@env.task\ndef f(x):\n    return g(x)\n" + MAIN,
        },
    )
    told = project.run("program.py")
    assert told["type"] == "BundleError"
    assert "'helper'" in told["error"] and str(project.path) in told["error"] and "pyproject.toml" in told["error"]


def test_a_task_whose_own_module_is_ignored_is_named_with_the_rule(tmp_path: Path) -> None:
    project = Project(
        tmp_path,
        {
            "pyproject.toml": "",
            ".gitignore": "local_*.py\n",
            "local_tasks.py": "from envs import env\n@env.task\ndef f(): return 1\n",
            "envs.py": ENV,
            "program.py": "from envs import env\nimport local_tasks\n" + MAIN,
        },
    )
    told = project.run("program.py")
    assert "task 'e.f'" in told["error"] and "'local_*.py'" in told["error"] and "include=" in told["error"]


def test_a_decorator_around_a_task_is_refused_with_the_order_that_works(tmp_path: Path) -> None:
    wrap = "import functools\ndef logged(f):\n    return functools.wraps(f)(lambda *args: f(*args))\n"
    for order, works in (("@logged\n@env.task\n", False), ("@env.task\n@logged\n", True)):
        project = Project(tmp_path / str(works), {"program.py": ENV + wrap + order + "def f(x):\n    return x\n" + MAIN})
        told = project.run("program.py")
        if works:
            assert project.call(told, "f", 4) == 4
        else:
            assert told["type"] == "BundleError"
            assert "task 'e.f': a decorator wraps f after it became a task" in told["error"]
            assert "Put @env.task outermost" in told["error"]
