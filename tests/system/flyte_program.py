"""Programs that say ``import flyte``, run as ``python -m hearth.compat FILE`` runs them."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any, Callable, Dict, List

from conftest import PATIENCE, Node

__all__ = ["HEAD", "compat", "replicas", "said", "with_gpus"]

HEAD = """
import asyncio
import json
import os
import sys

import flyte
import flyte.app
"""


def compat(node: Node, *words: str, **variables: str) -> str:
    """What ``python -m hearth.compat WORDS`` prints, a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "hearth.compat", *words], cwd=node.project, env={**node.environment, **variables}, text=True,
        capture_output=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def said(node: Node, *parts: str) -> Any:
    """What the program of these parts, which ends by printing JSON, says when it is run as ``python -m hearth.compat FILE``."""
    node.write("program.py", "\n".join(textwrap.dedent(part) for part in (HEAD, *parts)))
    return json.loads(compat(node, "program.py").splitlines()[-1])


def replicas(node: Node, environment: str) -> List[Dict[str, Any]]:
    return [row for row in node.rows("replicas") if row["environment"] == environment and row["state"] in ("idle", "busy")]


def with_gpus(make_node: Callable[..., Node], gpus: str) -> Node:
    """A node with GPUs that are none: what asks for one gets it, and no device is touched. Locks are its own, as other tests of
    the machine have such nodes too."""
    node = make_node(HEARTH_GPUS=gpus)
    node.environment["HEARTH_GPU_LOCKS"] = str(node.home / "locks")
    return node
