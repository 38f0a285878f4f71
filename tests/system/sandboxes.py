"""Nodes whose tasks run in sandboxes, of the user of the tests and of one without rights; and programs with probes: what a task
does that has turned against its node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest
from conftest import BUILD, Node

NOBODY = 65534
OWN, NOBODY_TOO = "own user", "nobody"


def why_no_sandbox(prefix: List[str]) -> str:
    """Empty where bwrap makes a sandbox for this user; else why not."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    done = subprocess.run(
        [*prefix, "bwrap", "--unshare-user", "--unshare-pid", "--disable-userns", "--ro-bind", "/", "/", "--proc", "/proc", "true"],
        text=True, stderr=subprocess.PIPE,
    )  # fmt: skip
    return done.stderr.strip() if done.returncode != 0 else ""


def _prefix(user: str) -> List[str]:
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if user == NOBODY_TOO else []


class SandboxNode(Node):
    """A node whose tasks run in sandboxes, with the programs of its user."""

    def __init__(self, home: Path, settings: Dict[str, str], user: str = OWN) -> None:
        super().__init__(home, {"HEARTH_ISOLATION": "sandbox", "HOME": str(home / "user"), **settings})
        (home / "user").mkdir()
        self.prefix = _prefix(user)
        if user == NOBODY_TOO:
            for path in [home, *home.rglob("*")]:
                os.chown(path, NOBODY, NOBODY)

    @property
    def state(self) -> Path:
        return self.home / "state" / "hearth"

    def command(self, *arguments: str, status: Optional[int] = 0, timeout: float = 60.0) -> subprocess.CompletedProcess:
        return self._run([str(BUILD / "bin" / "hearth"), *arguments], status, timeout)

    def python(self, name: str, *arguments: str, status: Optional[int] = 0, timeout: float = 60.0) -> subprocess.CompletedProcess:
        return self._run([sys.executable, str(self.project / name), *arguments], status, timeout)

    def _run(self, words: List[str], status: Optional[int], timeout: float) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [*self.prefix, *words], cwd=self.project, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
        )  # fmt: skip
        if status is not None and done.returncode != status:
            pytest.fail(f"{' '.join(words)}: status {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.log()}")
        return done

    def result(self, file: str, task: str, **arguments: Any) -> Any:
        """What the task returns."""
        words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
        return json.loads(self.command("run", file, task, *words, "-o", "json").stdout)["result"]


@pytest.fixture(params=[OWN, NOBODY_TOO])
def user(request: pytest.FixtureRequest) -> str:
    if request.param == NOBODY_TOO and os.geteuid() != 0:
        pytest.skip("only root can become another user")
    return str(request.param)


@pytest.fixture
def make_sandboxed() -> Iterator[Callable[..., SandboxNode]]:
    nodes: List[SandboxNode] = []

    def make(user: str = OWN, **settings: str) -> SandboxNode:
        why = why_no_sandbox(_prefix(user))
        if why:
            pytest.skip(f"this machine makes no sandbox for {user}: {why}")
        nodes.append(SandboxNode(Path(tempfile.mkdtemp(prefix="hearth-sandbox-")), settings, user))
        nodes[-1].home.chmod(0o755)
        return nodes[-1]

    yield make
    for node in nodes:
        node.stop()
        shutil.rmtree(node.home, ignore_errors=True)


PROBES = '''
    import ctypes, errno, os, socket, subprocess, sys

    libc = ctypes.CDLL(None, use_errno=True)

    def refused(call, *arguments):
        """What the attempt is answered with; what succeeds is a hole."""
        ctypes.set_errno(0)
        try:
            result = call(*arguments)
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error))
        if isinstance(result, int) and result < 0:
            return errno.errorcode[ctypes.get_errno()]
        raise AssertionError(f"{getattr(call, '__name__', call)}{arguments} -> {result!r}")

    def reading(path):
        return refused(lambda: open(path, "rb").read(1))

    def writing(path):
        return refused(lambda: open(path, "ab").close())

    def making(path):
        return refused(lambda: os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)))

    def connecting(path):
        return refused(lambda: socket.socket(socket.AF_UNIX).connect(path))

    CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
    MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096
'''


def write_probes(node: SandboxNode, text: str, *words: str) -> None:
    node.write("attempts.py", PROBES)
    node.write(
        "probes.py",
        f"""
import hearth
from attempts import *

env = hearth.TaskEnvironment("probes", reusable=hearth.ReusePolicy(replicas=1){"".join(", " + word for word in words)})
"""
        + text,
    )
