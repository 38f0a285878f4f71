"""The question that `hearth check FILE` asks nodes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import hearth


def asked(path: Path) -> subprocess.CompletedProcess:
    sdk = str(Path(hearth.__file__).parents[1])
    return subprocess.run([sys.executable, "-m", "hearth._client.program_check", str(path)], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env={"PYTHONPATH": sdk, "PATH": "/usr/bin:/bin", "HEARTH_PYTHON": sys.executable})  # fmt: skip


def test_a_program_asks_for_its_modules_its_paths_and_what_its_environments_say(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "parts.py").write_text('import json\nPLACE = "/data/models/"\n')
    program = tmp_path / "program.py"
    program.write_text(
        '''
"""/documentation/is/none"""
import asyncio, os.path
import hearth, parts
try:
    import perhaps
except ImportError:
    pass

one = hearth.TaskEnvironment("one", mounts=("/data", "/scratch:rw"), isolation="sandbox")
two = hearth.TaskEnvironment("two", preload=("wave.x",), python="/usr/bin/python3")

@one.task
def f(url: str = "https://host/path", route: str = "/items/{id}") -> str:
    import pytest
    return open("/data/in.csv").read() + parts.PLACE
'''
    )
    done = asked(program)
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)["environments"]
    assert (first["name"], first["isolation"], first["mounts"]) == ("one", "sandbox", ["/data", "/scratch:rw"])
    assert first["python"] == sys.executable
    assert first["modules"] == ["pytest"]
    assert first["paths"] == ["/data/in.csv", "/data/models"]
    assert (second["name"], second["python"], second["isolation"]) == ("two", "/usr/bin/python3", "")
    assert "wave" in second["modules"]


def test_what_is_no_program_is_said_in_a_sentence(tmp_path: Path) -> None:
    done = asked(tmp_path / "none.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no file" in done.stderr
    (tmp_path / "broken.py").write_text("raise ValueError('at import')")
    done = asked(tmp_path / "broken.py")
    assert done.returncode == 2
    assert "at import" in done.stderr
