"""Processes of nodes: started in a group that can be stopped as a whole, found again later by other processes.

The group is one of the freezer of cgroup v1, or of cgroup v2. Where neither can be written to, the processes of a node are
those in its network namespace, and are stopped one by one with SIGSTOP.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from netcluster_parts.system import Trouble, program, wait_until

__all__ = ["Group", "Process", "end", "groups_root", "inside", "start"]

_CGROUPS = Path("/sys/fs/cgroup")
_started: list[subprocess.Popen[bytes]] = []  # of this process, kept so that ended ones are reaped
_IMPAIRING = "netcluster_impair"[:15]  # as the kernel calls it: part of the network, not of the node
KILL_S = 20.0  # a process that waits for a full disk or a debugger takes its time


@dataclasses.dataclass(frozen=True)
class Process:
    """A process that cannot be taken for a later one with its number."""

    pid: int
    born: int  # clock ticks since the machine's start

    @classmethod
    def of(cls, started: subprocess.Popen[bytes]) -> Process:
        _started.append(started)
        return cls(started.pid, _stat(started.pid)[1])

    def alive(self) -> bool:
        for each in _started:
            if each.pid == self.pid:
                each.poll()
        state, born = _stat(self.pid)
        return born == self.born and state not in ("Z", "X", "")


def _stat(pid: int) -> tuple[str, int]:
    """State and birth of a process; ("", 0) when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return "", 0
    return fields[0], int(fields[19])


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def inside(namespace: Path) -> list[int]:
    """Processes whose network is that of the namespace file."""
    try:
        wanted = namespace.stat().st_ino
    except FileNotFoundError:
        return []
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                if os.stat(f"/proc/{entry.name}/ns/net").st_ino == wanted and _stat(int(entry.name))[0] != "Z":
                    found.append(int(entry.name))
            except OSError:  # it has ended
                continue
    return sorted(found)


def send(number: int, pids: Iterable[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def end(pids: Callable[[], list[int]], what: str) -> None:
    """Kills until `pids` finds nothing: what forks meanwhile is found the next time."""

    def gone() -> bool:
        left = pids()
        send(signal.SIGKILL, left)
        for each in _started:
            each.poll()
        return not left

    wait_until(gone, f"the end of {what}", KILL_S)


def groups_root() -> tuple[Path, int] | None:
    """Where groups can be made, and the version of cgroups; None: nowhere."""
    for place, version, sign in ((_CGROUPS / "freezer", 1, "tasks"), (_CGROUPS, 2, "cgroup.controllers"),
                                 (_CGROUPS / "unified", 2, "cgroup.controllers")):  # fmt: skip
        if (place / sign).exists() and os.access(place, os.W_OK) and not os.statvfs(place).f_flag & os.ST_RDONLY:
            return place, version
    return None


class Group:
    """The processes of one node. `name` is unique on this machine; `namespace` is the file of the node's network."""

    def __init__(self, name: str, namespace: Path) -> None:
        self._namespace = namespace
        found = groups_root()
        self.version = found[1] if found else 0  # of cgroups; 0: by SIGSTOP
        self.place = found[0] / name if found else Path("/nonexistent")

    def make(self) -> None:
        if self.version:
            self.place.mkdir(exist_ok=True)

    def pids(self) -> list[int]:
        if not self.version:
            return [pid for pid in inside(self._namespace) if _name(pid) != _IMPAIRING]
        found: list[int] = []
        for each in self._all():
            try:
                found += map(int, (each / "cgroup.procs").read_text().split())
            except OSError:  # a group that has just been removed
                continue
        return sorted(pid for pid in found if _stat(pid)[0] != "Z")

    def _all(self) -> list[Path]:
        """This group and those that a node made below, outer ones first."""
        return [self.place, *sorted(each for each in self.place.rglob("*") if each.is_dir())] if self.place.is_dir() else []

    def freeze(self) -> None:
        """Returns when nothing of the node runs."""
        if self.version == 1:
            self._set("freezer.state", "FROZEN")
            wait_until(lambda: self._read("freezer.state") == "FROZEN", f"{self.place.name} to stand still")
        elif self.version == 2:
            self._set("cgroup.freeze", "1")
            wait_until(lambda: "frozen 1" in self._read("cgroup.events"), f"{self.place.name} to stand still")
        else:
            wait_until(self._stopped, f"{self._namespace.name} to stand still")

    def _stopped(self) -> bool:
        running = [pid for pid in self.pids() if _stat(pid)[0] != "T"]
        send(signal.SIGSTOP, running)
        return not running

    def thaw(self) -> None:
        if self.version == 1 and self.place.is_dir():
            self._set("freezer.state", "THAWED")
        elif self.version == 2 and self.place.is_dir():
            self._set("cgroup.freeze", "0")
        elif not self.version:
            send(signal.SIGCONT, self.pids())

    def kill(self) -> None:
        """Ends everything in it, also what is frozen."""
        self.thaw()
        end(self.pids, f"the processes of {self._namespace.name}")

    def remove(self) -> None:
        """Kills what is left, and takes the group away."""
        if not self.place.is_dir():
            return
        self.kill()
        for each in reversed(self._all()):
            wait_until(lambda each=each: _removed(each), f"the group {each} to be empty")  # type: ignore[misc]

    def _set(self, file: str, text: str) -> None:
        (self.place / file).write_text(text)

    def _read(self, file: str) -> str:
        return (self.place / file).read_text().strip()


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # the kernel still counts a process that has ended
        return False
    return True


def start(group: Group, namespace: Path, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Process:
    """Starts a command in the group and the network of a node; what it writes is appended to `log`."""
    group.make()
    join = 'echo $$ > "$0/cgroup.procs" && exec "$@"' if group.version else 'exec "$@"'
    whole = [program("sh"), "-c", join, str(group.place), program("nsenter"), f"--net={namespace}", "--", *command]
    with log.open("ab") as output:
        try:
            started = subprocess.Popen(whole, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=dict(environment),
                                       start_new_session=True)  # fmt: skip
        except OSError as error:
            raise Trouble(f"{command[0]} could not be started: {error.strerror}.") from None
    return Process.of(started)
