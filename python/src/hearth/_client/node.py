"""Finds the node of this user, or starts one.

The node listens on a Unix socket: ``$HEARTH_SOCKET``, else ``$XDG_RUNTIME_DIR/hearth/node.sock``, else
``/tmp/hearth-<uid>/node.sock``; where a cluster is chosen (`target`), its nodes come before those two. When nobody answers there, a private node is started: one, however many clients ask at
the same moment, because they take turns under a lock file beside the socket.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import socket
import stat
import subprocess
import time
from pathlib import Path
from typing import Iterator, List, Optional

from hearth._client import target
from hearth.errors import NodeUnavailableError

__all__ = ["connect", "connect_or_start", "find_daemon", "socket_path", "state_directory"]

_SEND_BUFFER_BYTES = 1 << 20  # a large value goes out with fewer wake-ups; the system may allow less

START_TIMEOUT = 30.0
"""Seconds from the start of a node to its first accepted connection; a cold disk takes several."""

LOG_LINES_SHOWN = 12
"""Last lines of a node's log that are shown when it ends while it starts."""

_started: List["subprocess.Popen[bytes]"] = []  # nodes of this process, kept so that an ended one is reaped


def socket_path() -> str:
    """The address of this user's node; says nothing about whether a node is there."""
    named = os.environ.get("HEARTH_SOCKET")
    if named:
        return os.path.abspath(named)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isdir(runtime):
        return os.path.join(runtime, "hearth", "node.sock")
    return f"/tmp/hearth-{os.getuid()}/node.sock"


def state_directory() -> Path:
    """Where the node keeps logs, bundles and results: ``$HEARTH_STATE_DIR``, else ``$XDG_STATE_HOME/hearth``, else
    ``~/.local/state/hearth``."""
    named = os.environ.get("HEARTH_STATE_DIR")
    if named:
        return Path(named).absolute()
    home = os.environ.get("XDG_STATE_HOME")
    return Path(home) / "hearth" if home else Path.home() / ".local" / "state" / "hearth"


def connect_or_start(path: Optional[str] = None, timeout: float = START_TIMEOUT) -> socket.socket:
    """A blocking stream socket to the node at `path` (default: `socket_path()`), which is started when none answers.

    `timeout` is in seconds and bounds the whole wait. Raises NodeUnavailableError; its text says what to do.
    """
    path = path or socket_path()
    deadline = time.monotonic() + timeout
    directory = os.path.dirname(path)
    if os.path.lexists(directory):
        _check_directory(directory)
    found = connect(path)
    if found is not None:
        return found
    cluster = target.chosen()
    if cluster is not None and path in (place.address for place in cluster.places):
        raise NodeUnavailableError(
            f"The node of cluster {cluster.name} at {path} does not answer; `hearth cluster up --name {cluster.name}` starts it."
        )
    if os.environ.get("HEARTH_NO_START"):
        raise NodeUnavailableError(
            f"No node answers at {path}, and HEARTH_NO_START forbids starting one. "
            "Start it with `hearth node start`, or unset HEARTH_NO_START."
        )
    daemon = find_daemon()
    _make_directory(directory)
    with _turn(path + ".lock", deadline):
        found = connect(path)  # whoever had the lock before us may have started it
        return found if found is not None else _start(daemon, path, deadline)


def find_daemon() -> str:
    """Path of the ``hearthd`` program. Raises NodeUnavailableError when there is none."""
    named = os.environ.get("HEARTHD")
    if named:
        if os.access(named, os.X_OK) and os.path.isfile(named):
            return os.path.abspath(named)
        raise NodeUnavailableError(f"HEARTHD names {named}, which is not a program. Correct it or unset it.")
    looked = list(_daemon_places())
    for place in looked:
        if place.is_file() and os.access(place, os.X_OK):
            return str(place)
    raise NodeUnavailableError(
        "The node program `hearthd` is not installed: it is not beside `hearth` on PATH, nor in "
        + ", ".join(sorted({str(p.parent) for p in looked}))
        + ". Build it with `./tools/quickstart` in a checkout, or set HEARTHD to its path."
    )


def _daemon_places() -> Iterator[Path]:
    for command in ("hearth", "hearthd"):
        on_path = shutil.which(command)
        if on_path:
            yield Path(on_path).resolve().parent / "hearthd"
            yield Path(on_path).parent / "hearthd"
    sdk = Path(__file__).resolve().parents[2]  # the folder that holds the package `hearth`
    yield sdk.parents[1] / "bin" / "hearthd"  # prefix/share/hearth/sdk -> prefix/bin
    yield sdk.parent / "node" / "hearthd"
    yield sdk.parent / "bin" / "hearthd"
    checkout = sdk.parents[1]  # python/src in a checkout
    for build in ("release", "dev", "tsan"):
        yield checkout / "build" / build / "bin" / "hearthd"
        yield checkout / "build" / build / "node" / "hearthd"


def connect(path: str, patience: Optional[float] = None) -> Optional[socket.socket]:
    """Connected blocking socket, or None when nobody listens at `path`. With a `patience`, a node whose queue of connections
    is full is given up after so many seconds. Raises NodeUnavailableError."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    try:
        s.settimeout(patience)
        s.connect(path)
        s.settimeout(None)
        return s
    except OSError as e:
        s.close()
        if e.errno in (errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR):
            return None
        if "too long" in str(e):
            raise NodeUnavailableError(
                f"The socket path {path} is longer than a Unix socket allows (107 bytes). Set HEARTH_SOCKET to a "
                "shorter one."
            ) from None
        raise NodeUnavailableError(
            f"The node's socket {path} cannot be opened: {e.strerror or e}. "
            "It must belong to you; set HEARTH_SOCKET to use another."
        ) from None


def _make_directory(directory: str) -> None:
    """Makes the socket's folder for this user alone."""
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
    except OSError as e:
        raise NodeUnavailableError(
            f"The socket's folder {directory} cannot be made: {e.strerror}. Set HEARTH_SOCKET to a path you may write."
        ) from None
    _check_directory(directory)


def _check_directory(directory: str) -> None:
    """Refuses a folder that somebody else could have prepared, unless the user chose it with HEARTH_SOCKET."""
    if os.environ.get("HEARTH_SOCKET"):
        return
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NodeUnavailableError(
            f"{directory} is not a folder that you alone may use (owner {found.st_uid}, mode "
            f"{stat.S_IMODE(found.st_mode):o}), so a socket in it cannot be trusted. Remove it, or set HEARTH_SOCKET."
        )


@contextlib.contextmanager
def _turn(path: str, deadline: float) -> Iterator[None]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise NodeUnavailableError(
                        f"Another process has been starting the node for too long (it holds {path}). "
                        "Look at `hearth node status`, or end that process."
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(fd)  # releases the lock


def _start(daemon: str, path: str, deadline: float) -> socket.socket:
    log_path = _log_path()
    with open(log_path, "ab") as log:
        begin = log.tell()
        environment = dict(os.environ, HEARTH_SOCKET=path)
        try:
            process = subprocess.Popen(
                [daemon, *_words()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment,
                start_new_session=True,
            )
        except OSError as e:
            raise NodeUnavailableError(f"The node program {daemon} cannot be run: {e.strerror or e}.") from None
    _started.append(process)
    pause = 0.002
    while True:
        found = connect(path)
        if found is not None:
            return found
        status = process.poll()
        if status is not None:
            found = connect(path)  # it may have found another node at work and left
            if found is not None:
                return found
            raise NodeUnavailableError(_why_it_ended(daemon, status, log_path, begin))
        if time.monotonic() > deadline:
            process.terminate()
            raise NodeUnavailableError(
                f"The node {daemon} was started but does not listen at {path}; it was ended. Its log is {log_path}."
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def _words() -> List[str]:
    """A private node ends when it is idle; a member of a cluster does not."""
    is_member = (state_directory() / "cluster" / "cluster.toml").exists()
    return ["--log-file", str(state_directory() / "hearthd.log")] if is_member else ["--private"]


def _log_path() -> Path:
    directory = state_directory()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as e:
        raise NodeUnavailableError(
            f"The state folder {directory} cannot be made: {e.strerror}. Set XDG_STATE_HOME to one you may write."
        ) from None
    return directory / "hearthd.log"


def _why_it_ended(daemon: str, status: int, log_path: Path, begin: int) -> str:
    how = f"with status {status}" if status >= 0 else f"by signal {-status}"
    with open(log_path, "rb") as log:
        log.seek(begin)
        lines = log.read().decode("utf-8", "replace").splitlines()[-LOG_LINES_SHOWN:]
    said = "".join(f"\n  {line}" for line in lines) or " It wrote nothing."
    return f"The node {daemon} ended {how} while it started. Its log is {log_path}:{said}"
