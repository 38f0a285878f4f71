"""The definition side works on every Python that is supported and found here.

Found are the interpreters in HEARTH_TEST_PYTHONS (paths, separated by ":"), else `python3.9` to `python3.13` on PATH as
far as they start, and always the one that runs the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

HERE = Path(__file__).resolve().parent
SDK = HERE.parents[1] / "python" / "src"


def starts(path: str) -> bool:
    return subprocess.run([path, "-c", ""], capture_output=True, timeout=60).returncode == 0


def interpreters() -> List[str]:
    named = os.environ.get("HEARTH_TEST_PYTHONS")
    if named:
        return named.split(os.pathsep)
    found = [shutil.which(f"python3.{minor}") for minor in range(9, 14)]
    others = [path for path in found if path and path != sys.executable and starts(path)]
    return [sys.executable, *others]


@pytest.mark.parametrize("python", interpreters())
def test_the_definition_side_works_on(python: str, tmp_path: Path) -> None:
    program = tmp_path / "definitions_smoke.py"
    shutil.copy(HERE / "definitions_smoke.py", program)
    (tmp_path / "pyproject.toml").write_text("")
    done = subprocess.run(
        [python, "-B", str(program)],
        env={**os.environ, "PYTHONPATH": str(SDK)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0 and done.stdout.startswith("ok 3."), done.stderr


def test_importing_the_sdk_loads_nothing_that_only_calls_need() -> None:
    code = "import sys; before = set(sys.modules); import hearth; print(*(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-B", "-I", "-c", f"import sys; sys.path.insert(0, {str(SDK)!r}); {code}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "hearth._task" in loaded
    assert not loaded & {"asyncio", "json", "logging", "socket", "subprocess", "tarfile", "pathlib", "hearth._client"}


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    import hearth

    with pytest.raises(AttributeError, match="'hearth' has no attribute 'rum'"):
        hearth.rum
    assert set(hearth.__all__) <= set(dir(hearth))
