"""Real nodes, real interpreters, real sockets: every test that asks for `node` has one of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from machine import Daemon, Machine
from waiting import BUILD, PATIENCE, ROOT, alive, wait_until

__all__ = ["BUILD", "PATIENCE", "ROOT", "Node", "alive", "wait_until"]


class Node:
    """A node in a directory of its own, and the ways to use it."""

    def __init__(self, home: Path, settings: Dict[str, str]) -> None:
        self.home = home
        (home / "run").mkdir(mode=0o700)
        self.project = home / "project"
        self.project.mkdir()
        (self.project / "pyproject.toml").touch()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HEARTH_")},
            "HEARTH_SOCKET": str(home / "run" / "node.sock"),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "HEARTH_PYTHON": sys.executable,
            "PYTHONPATH": str(BUILD / "sdk"),
            **settings,
        }

    def write(self, name: str, text: str) -> Path:
        """A file of the user's project."""
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def command(self, *arguments: str, status: Optional[int] = 0, timeout: float = PATIENCE) -> subprocess.CompletedProcess:
        """`hearth ARGUMENTS` in the project; `status` None: whatever it ends with."""
        done = subprocess.run(
            [str(BUILD / "bin" / "hearth"), *arguments], cwd=self.project, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
        )  # fmt: skip
        if status is not None and done.returncode != status:
            pytest.fail(f"hearth {' '.join(arguments)}: status {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.log()}")
        return done

    def python(self, name: str, *arguments: str, status: Optional[int] = 0, timeout: float = PATIENCE) -> subprocess.CompletedProcess:
        """A program of the project, with the SDK on its path."""
        done = subprocess.run(
            [sys.executable, str(self.project / name), *arguments], cwd=self.project, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
        )  # fmt: skip
        if status is not None and done.returncode != status:
            pytest.fail(f"{name}: status {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.log()}")
        return done

    def start_python(self, name: str, *arguments: str) -> subprocess.Popen:
        """The same without waiting."""
        return subprocess.Popen(
            [sys.executable, str(self.project / name), *arguments], cwd=self.project, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def rows(self, what: str, *more: str) -> List[Dict[str, Any]]:
        found = json.loads(self.command("get", what, *more, "-o", "json").stdout)
        return found if isinstance(found, list) else [found]

    def status(self) -> Dict[str, Any]:
        return json.loads(self.command("node", "status", "-o", "json").stdout)

    @property
    def pid(self) -> int:
        return int(self.status()["pid"])

    def replica_pids(self) -> List[int]:
        return [int(row["pid"]) for row in self.rows("replicas") if int(row["pid"]) > 0]

    def log(self) -> str:
        path = self.home / "state" / "hearth" / "hearthd.log"
        return path.read_text() if path.exists() else ""

    def start(self) -> None:
        self.command("node", "start")

    def stop(self) -> None:
        done = self.command("node", "status", "-o", "json", status=None)
        if done.returncode != 0:
            return
        pid = int(json.loads(done.stdout)["pid"])
        self.command("node", "stop", "--grace", "2", status=None)
        try:
            wait_until(lambda: not alive(pid), "the node to end", 20)
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            raise


@pytest.fixture
def make_node() -> Iterator[Callable[..., Node]]:
    """Makes nodes with settings (environment variables) of their own."""
    nodes: List[Node] = []

    def make(**settings: str) -> Node:
        home = Path(tempfile.mkdtemp(prefix="hearth-system-"))
        nodes.append(Node(home, settings))
        return nodes[-1]

    yield make
    for node in nodes:
        node.stop()
        shutil.rmtree(node.home, ignore_errors=True)


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    started = make_node()
    started.start()
    return started


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    made.hearth("cluster", "down", "--grace", "5", status=None)
    shutil.rmtree(made.home, ignore_errors=True)


@pytest.fixture
def three(machine: Machine) -> Machine:
    machine.hearth("cluster", "up", "--nodes", "3")
    return machine


@pytest.fixture
def daemons(machine: Machine) -> Iterator[Any]:
    made: List[Daemon] = []

    def make(name: str) -> Daemon:
        made.append(Daemon(machine, name))
        return made[-1]

    yield make
    for daemon in made:
        if daemon.process is not None and daemon.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                daemon.process.kill()
            daemon.process.wait(PATIENCE)
