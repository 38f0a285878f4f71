"""The bundle holds what tasks need, under the names by which they import it.

Programs run in processes of their own, as a user's would; then another process, standing for an interpreter, imports the
tasks from the unpacked bundle alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import pytest

SDK = Path(__file__).resolve().parents[2] / "python" / "src"

# What each program does with its environment: tells the definition and writes the bundle.
TELL = """
def tell(env):
    import json, pathlib
    from hearth import _bundle
    try:
        bundle = _bundle.bundle_for(env)
        definition = env.definition(bundle=bundle.digest)
    except Exception as error:
        print(json.dumps({"error": str(error), "type": type(error).__name__}))
        return
    pathlib.Path({target!r}).write_bytes(bundle.data)
    print(json.dumps({"root": bundle.root, "files": bundle.files, "digest": bundle.digest, "values": bundle.has_values,
                      "definition": definition}))
"""

# What an interpreter does: the bundle's folders in front of its search path, its root the working directory.
RUN = """
import importlib, json, os, pickle, sys
from hearth import _bundle
directory, task, arguments = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
_bundle.adopt(directory, os.path.basename(directory))
sys.path[:0] = _bundle.search_paths(directory)
os.chdir(directory)
if task["pickle"]:
    found = pickle.load(open(os.path.join(directory, task["pickle"]), "rb"))
else:
    found = importlib.import_module(task["module"])
    assert found.__file__.startswith(directory) or task["module"] == "textwrap", found.__file__
    for part in task["function"].split("."):
        found = getattr(found, part)
print(json.dumps(getattr(found, "func", found)(*arguments)))
"""

ENV = "import hearth\nenv = hearth.TaskEnvironment('e')\n"
MAIN = "\nif __name__ == '__main__':\n    from tell import tell\n    tell(env)\n"


needs_cloudpickle = pytest.mark.skipif(
    not any((Path(folder) / "cloudpickle").is_dir() for folder in sys.path), reason="cloudpickle is not installed"
)


class Project:
    """A folder of the user's, programs run in it, and the bundle that the last one made."""

    def __init__(self, tmp_path: Path, files: Dict[str, str], root: str = "project") -> None:
        self.path = tmp_path / root
        self.archive = tmp_path / "bundle.tar"
        tools = tmp_path / "tools"
        tools.mkdir(parents=True, exist_ok=True)
        (tools / "tell.py").write_text(TELL.replace("{target!r}", repr(str(self.archive))))
        self.variables = {**os.environ, "PYTHONPATH": f"{SDK}{os.pathsep}{tools}", "PYTHONDONTWRITEBYTECODE": "1"}
        self.variables.pop("HEARTH_BUNDLE_BYTES_MAX", None)
        for name, text in files.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def run(self, *arguments: str, cwd: str = ".", stdin: Optional[str] = None, python: Sequence[str] = ()) -> Dict[str, Any]:
        command = [sys.executable, *python, *arguments]
        done = subprocess.run(
            command, cwd=self.path / cwd, env=self.variables, input=stdin, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        told: Dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return told

    def call(self, told: Dict[str, Any], task: str, *arguments: Any) -> Any:
        """Runs `task` in another process that has the bundle and nothing else of the project."""
        from hearth._bundle import unpack

        directory = str(self.archive.parent / "unpacked" / told["digest"])
        unpack(self.archive.read_bytes(), directory, told["digest"])
        named = next(entry for entry in told["definition"]["tasks"] if entry["name"] == f"e.{task}")
        done = subprocess.run(
            [sys.executable, "-B", "-c", RUN, directory, json.dumps(named), json.dumps(arguments)],
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(SDK)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def tasks(told: Dict[str, Any]) -> List[Any]:
    return [(task["module"], task["function"], bool(task["pickle"])) for task in told["definition"]["tasks"]]


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
