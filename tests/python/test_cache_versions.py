"""The automatic version of a cached task: what changes it, what does not, and that every process makes the same one."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Dict

import pytest
from test_interpreters import interpreters

import hearth

SDK = Path(hearth.__file__).resolve().parents[1]

MAIN = """
import hearth
import shapes
from rates import RATE, convert as change

env = hearth.TaskEnvironment("e", cache="auto")
SCALE = 3
TABLE = {"a": 1}
TABLE["b"] = change(1)

def scaled(x):
    # a comment
    return x * SCALE

@env.task(retries=1)
def work(x: int, step: int = 2) -> int:
    "What it does."
    def inner(y):
        from late import finish
        return finish(y)
    return inner(scaled(x) + step) + change(RATE) + TABLE["b"] + shapes.Square(x).area()

if __name__ == "__main__":
    print(work.caching()["version"])
"""
FILES = {
    "prog.py": MAIN,
    "rates.py": "RATE = 2\nUNUSED = 1\n\ndef convert(x):\n    return x + _one()\n\ndef _one():\n    return 1\n",
    "shapes.py": "class Shape:\n    factor = 1\n\nclass Square(Shape):\n    def __init__(self, x):\n        self.x = x\n\n"
    "    def area(self):\n        return self.x * self.x * self.factor\n",
    "late.py": "def finish(y):\n    return y\n",
}


def write(folder: Path, files: Dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text("")
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder


def python(code: list, folder: Path, interpreter: str = sys.executable, **variables: str) -> str:
    done = subprocess.run(
        [interpreter, "-B", *code], cwd=folder, env={**os.environ, "PYTHONPATH": str(SDK), **variables},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def version(folder: Path, files: Dict[str, str] = FILES) -> str:
    return python(["prog.py"], write(folder, files))


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> str:
    return version(tmp_path_factory.mktemp("before"))


def changed(file: str, old: str, new: str) -> Dict[str, str]:
    assert old in FILES[file]
    return {**FILES, file: FILES[file].replace(old, new)}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("prog.py", "# a comment", "# another one"),
        ("prog.py", '"What it does."', '"What it really does."'),
        ("prog.py", '    "What it does."\n', ""),
        ("prog.py", "@env.task(retries=1)", "@env.task(retries=5, docs='Other.', timeout=9)"),
        ("prog.py", "return x * SCALE", "return (x *\n            SCALE)"),
        ("prog.py", "if __name__", "def other():\n    return 1\n\nif __name__"),
        ("rates.py", "UNUSED = 1", "UNUSED = 2"),
        ("shapes.py", "class Shape:", "class Shape:\n    'A shape.'\n"),
    ],
)  # fmt: skip
def test_what_does_not_act_does_not_count(before: str, tmp_path: Path, file: str, old: str, new: str) -> None:
    assert version(tmp_path, changed(file, old, new)) == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("prog.py", "+ step", "- step"),
        ("prog.py", "step: int = 2", "step: int = 3"),
        ("prog.py", "SCALE = 3", "SCALE = 3.0"),
        ("prog.py", 'TABLE["b"] = change(1)', 'TABLE["b"] = change(2)'),
        ("prog.py", "def scaled(x):", "import functools\n@functools.lru_cache(None)\ndef scaled(x):"),
        ("prog.py", "import RATE, convert as change", "import UNUSED as RATE, convert as change"),
        ("rates.py", "return 1", "return 2"),
        ("rates.py", "RATE = 2", "RATE = 4"),
        ("shapes.py", "factor = 1", "factor = 2"),
        ("shapes.py", "self.x * self.x *", "self.x + self.x *"),
        ("late.py", "return y", "return -y"),
    ],
)
def test_what_the_function_reaches_counts(before: str, tmp_path: Path, file: str, old: str, new: str) -> None:
    assert version(tmp_path, changed(file, old, new)) != before


def test_every_python_and_every_process_makes_the_same_version(before: str, tmp_path: Path) -> None:
    folder = write(tmp_path, FILES)
    imported = "import prog; print(prog.work.caching()['version'])"
    for interpreter in interpreters():
        assert python(["prog.py"], folder, interpreter, PYTHONHASHSEED="1") == before
        assert python(["-c", imported], folder, interpreter, PYTHONHASHSEED="2") == before


def test_relative_imports_stars_and_modules_as_a_whole_are_followed(tmp_path: Path) -> None:
    files = {
        "prog.py": MAIN.split("import shapes")[0] + textwrap.dedent("""
            from pkg import star, tools
            env = hearth.TaskEnvironment("e", cache="auto")

            @env.task
            def work(x: int) -> int:
                return star.value(x) + getattr(tools, "a")(x)

            if __name__ == "__main__":
                print(work.caching()["version"])
        """),
        "pkg/__init__.py": "",
        "pkg/star.py": "from .deep import *\n",
        "pkg/deep.py": "def value(x):\n    return x\n",
        "pkg/tools.py": "def a(x):\n    return x\n",
    }  # fmt: skip
    first = version(tmp_path, files)
    assert version(tmp_path, {**files, "pkg/deep.py": "def value(x):\n    return -x\n"}) != first
    assert version(tmp_path, {**files, "pkg/tools.py": "def a(x):\n    return -x\n"}) != first
    assert version(tmp_path, files) == first


def test_a_closure_counts_by_the_values_of_its_variables() -> None:
    def made(n: int, step: int = 1) -> str:
        env = hearth.TaskEnvironment("e", cache="auto")
        text = "abc"

        @env.task
        def add(x: int, s: int = step) -> int:
            return x + n + len(text)

        return env.tasks["e.add"].caching()["version"]

    assert made(1) == made(1)
    assert len({made(1), made(2), made(1, step=2)}) == 3


def test_a_task_by_value_brings_its_version_to_where_its_source_is_not() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")

    def made(n: int) -> hearth.Task:
        def add(x: int) -> int:
            return x + n

        return hearth.TaskEnvironment("e", cache="auto").task(add)

    task = made(5)
    text = f"import pickle; print(pickle.loads({cloudpickle.dumps(task)!r}).caching()['version'])"
    assert python(["-c", text], SDK) == task.caching()["version"]


def test_a_lambda_has_a_version_of_its_own_code() -> None:
    def version_of(func: object) -> str:
        return hearth.TaskEnvironment("e", cache="auto").task(func).caching()["version"]  # type: ignore[arg-type]

    one = version_of(lambda x: x + 1)
    two = version_of(lambda x: x + 2)
    assert one != two


def test_without_a_source_it_says_what_to_do() -> None:
    scope: dict = {"__name__": "nowhere"}
    exec("def f(x: int) -> int:\n    return x\n", scope)
    task = hearth.TaskEnvironment("e", cache="auto").task(scope["f"])
    with pytest.raises(ValueError, match=r"task 'e.f' is cached, and the source of function 'f' .* version_override"):
        task.caching()
    assert task.override(cache=hearth.Cache("override", version_override="1")).caching()["version"] == "1"


def test_the_salt_and_the_policies_make_the_version() -> None:
    class Policy:
        def __init__(self, word: str) -> None:
            self.word = word

        def get_version(self, salt: str, params: hearth.VersionParameters) -> str:
            assert params.task == "e.f" and params.func.__name__ == "f"
            return self.word + salt

    def f(x: int) -> int:
        return x

    def made(**words: object) -> str:
        return hearth.TaskEnvironment("e", cache=hearth.Cache("auto", **words)).task(f).caching()["version"]  # type: ignore

    plain = made()
    assert plain == made(policies=hearth.FunctionBodyPolicy()) != made(salt="a")
    assert made(policies=(Policy("a"), Policy("bc"))) != made(policies=(Policy("ab"), Policy("c")))
    assert made(version_override="7", salt="a", policies=Policy("a")) == "7"


def test_a_policy_that_makes_no_text_is_named() -> None:
    class Empty:
        def get_version(self, salt: str, params: object) -> str:
            return ""

    task = hearth.TaskEnvironment("e", cache=hearth.Cache("auto", policies=Empty())).task(lambda x: x)
    with pytest.raises(ValueError, match="Empty.* made the version '', which is no text"):
        task.caching()


EDITING = """
import prog
print(prog.work.caching()["version"], prog.work.caching()["version"])
with open("rates.py", "a") as file:
    file.write("\\n\\ndef _one():\\n    return 7\\n")
print(prog.work.caching()["version"])
"""


def test_a_file_that_is_edited_while_the_program_runs_makes_another_version(tmp_path: Path) -> None:
    first, again, edited = python(["-c", EDITING], write(tmp_path, FILES)).split()
    assert first == again != edited
