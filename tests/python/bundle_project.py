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
