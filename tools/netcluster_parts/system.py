"""Commands of the system, and what goes wrong with them, as sentences."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["ROOT", "Trouble", "program", "require_root", "run", "wait_until"]

ROOT = Path(__file__).resolve().parents[2]  # of the checkout
COMMAND_LIMIT_S = 60.0  # none of these commands takes a second
_SYSTEM_PATH = os.pathsep.join(["/usr/sbin", "/sbin", "/usr/bin", "/bin"])


class Trouble(Exception):
    """What happened, where, and what to do next."""


def require_root() -> None:
    if os.geteuid() != 0:
        raise Trouble("tools/netcluster makes network namespaces and mounts disks, which only root may do. Run it as root or with sudo.")


def program(name: str) -> str:
    """The path of a program of the system."""
    found = shutil.which(name, path=_SYSTEM_PATH)
    if found is None:
        raise Trouble(f"The program {name} is missing. Run `tools/packages netcluster`, which installs what is needed.")
    return found


def run(name: str, *arguments: object, text: str | None = None) -> str:
    """Standard output of a command of the system, which gets `text`. Raises Trouble with what it said."""
    command = [program(name), *map(str, arguments)]
    done = subprocess.run(command, input=text, text=True, capture_output=True, timeout=COMMAND_LIMIT_S)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip() or f"status {done.returncode}"
        raise Trouble(f"`{name} {' '.join(map(str, arguments))}` failed: {said}")
    return done.stdout


def wait_until(condition: Callable[[], object], what: str, seconds: float = 20.0, pause: float = 0.01) -> None:
    """Returns when `condition` holds. Raises Trouble when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Trouble(f"Waited {seconds:g} s in vain for {what}.")
        time.sleep(pause)
