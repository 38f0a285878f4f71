"""A user of a cluster: folders of their own, real daemons on loopback, and `hearth` as an operator types it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

from waiting import BUILD, PATIENCE

PROGRAM = """
    import hearth

    env = hearth.TaskEnvironment("squares", reusable=hearth.ReusePolicy(replicas=1))


    @env.task
    def square(x: int) -> int:
        return x * x


    if __name__ == "__main__":
        print(square.remote(7))
"""


class Machine:
    """A user's folders, and `hearth` as that user types it."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="hearth-ops-"))
        (self.home / "run").mkdir(mode=0o700)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEARTH", "XDG", "PYTHON"))}
        self.variables: Dict[str, str] = {
            **kept,
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "HEARTH_PYTHON": sys.executable,
            "HEARTH_NO_START": "1",
            "PYTHONPATH": str(BUILD / "sdk"),
        }
        (self.home / "squares.py").write_text(textwrap.dedent(PROGRAM))

    def run(self, program: str, *words: str, status: Optional[int] = 0, **variables: str) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [program, *words], cwd=self.home, env={**self.variables, **variables}, text=True, timeout=PATIENCE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        if status is not None and done.returncode != status:
            pytest.fail(f"{program} {' '.join(words)}: status {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.logs()}")
        return done

    def hearth(self, *words: str, status: Optional[int] = 0, **variables: str) -> "subprocess.CompletedProcess[str]":
        return self.run(str(BUILD / "bin" / "hearth"), *words, status=status, **variables)

    def hearthd(self, *words: str, status: Optional[int] = 0, **variables: str) -> "subprocess.CompletedProcess[str]":
        return self.run(str(BUILD / "bin" / "hearthd"), *words, status=status, **variables)

    def refused(self, *words: str) -> str:
        """The one sentence with which the command is refused."""
        done = self.hearth(*words, status=None)
        assert done.returncode != 0, done.stdout
        assert done.stderr.startswith("hearth: ") and done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    @property
    def cluster(self) -> Path:
        return self.home / "state" / "hearth" / "clusters" / "local"

    def nodes(self, status: Optional[int] = 0) -> Dict[str, Dict[str, Any]]:
        done = self.hearth("cluster", "status", "-o", "json", status=status)
        return {row["name"]: row for row in json.loads(done.stdout)["nodes"]}

    def pid(self, node: str) -> int:
        return int((self.cluster / node / "node.pid").read_text())

    def logs(self) -> str:
        return "\n".join(f"== {path}\n{path.read_text()}" for path in sorted(self.home.rglob("hearthd.log")))


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Daemon:
    """hearthd in a state directory of its own, as a service would run it."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.machine = machine
        self.name = name
        self.state = machine.home / name
        self.variables = {
            "HEARTH_STATE_DIR": str(self.state),
            "HEARTH_SOCKET": str(machine.home / "run" / f"{name}.sock"),
            "HEARTH_NODE_NAME": name,
        }
        self.listen = f"127.0.0.1:{_free_port()}"
        self.process: Optional[subprocess.Popen] = None

    def hearth(self, *words: str, status: Optional[int] = 0) -> "subprocess.CompletedProcess[str]":
        return self.machine.hearth(*words, status=status, **self.variables)

    def start(self) -> None:
        with open(self.machine.home / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen([str(BUILD / "bin" / "hearthd")], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**self.machine.variables, **self.variables})  # fmt: skip

    def members(self) -> Dict[str, Dict[str, Any]]:
        done = self.hearth("cluster", "status", "-o", "json", status=None)
        return {row["name"]: row for row in json.loads(done.stdout)["nodes"]} if done.returncode == 0 else {}

    def is_up_at(self, other: "Daemon") -> bool:
        """Whether that node sees this one in its place."""
        return bool(other.members().get(self.name, {}).get("state") == "up")

    def ended(self) -> int:
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def said(self) -> str:
        return (self.machine.home / f"{self.name}.log").read_text()
