"""Fixtures of the worker's tests: every test runs on every interpreter of the machine that the SDK supports."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from scripted_node import Zygote, interpreters

__all__ = ["make", "python", "with_slot_table"]

HEAD = """
import hearth

env = hearth.TaskEnvironment("demo")
"""


@pytest.fixture(params=interpreters())
def python(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(tmp_path: Path, python: str) -> Iterator[Callable[..., Zygote]]:
    """make(code, *tasks, **configure): a zygote of the module `m`, whose text is `code` after the usual head.

    Tasks are functions of `m`; "async f" marks an async one, "f:pickle:path" one by value.
    """
    made: List[Zygote] = []

    def zygote(code: str, *tasks: str, files: Dict[str, str] = {}, head: str = HEAD, **configure: Any) -> Zygote:
        rows = [f"m:{task[6:]}:async" if task.startswith("async ") else f"m:{task}" for task in tasks]
        folder = tmp_path / f"code{len(made)}"
        made.append(Zygote(folder, {"m.py": head + code, **files}, rows, python=python, **configure))
        return made[-1]

    yield zygote
    for one in made:
        one.close()


def with_slot_table(zygote: Zygote) -> Zygote:
    """`zygote`, for what only works with the wire extension: taking calls back, and naming the one to stop."""
    if not zygote.has_slot_table:
        pytest.skip("this interpreter has no wire extension")
    return zygote
