"""Isolation level `process`: what an interpreter gives up before it runs the user's code."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from typing import Iterable

from .settings import Settings

__all__ = ["adopt_orphans", "close_others", "die_with_parent", "isolate", "own_session", "pidfd_open"]

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_SYS_PIDFD_OPEN = 434  # the same number on every architecture

_libc = ctypes.CDLL(None, use_errno=True)

_POOL_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def _prctl(option: int, argument: object) -> None:
    if _libc.prctl(option, argument, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl({option}): {os.strerror(error)}")


def die_with_parent(parent: int) -> None:
    """Ends this process as soon as `parent` (a pid) does, also when it is gone already."""
    _prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(0)


def own_session() -> None:
    """A session of its own: no terminal, and signals to our parent's group do not reach us."""
    try:
        os.setsid()
    except PermissionError:  # the node made us a session leader already
        pass


def adopt_orphans() -> None:
    """Keeps what user code forks below this process while it lives; the node ends what is left after it."""
    _prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1))


def close_others(keep: Iterable[int]) -> None:
    """Closes every file descriptor that is not in `keep`."""
    kept = set(keep)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:  # the descriptor of the listing itself
                pass


def pidfd_open(pid: int) -> int:
    """A pidfd of our child `pid`, closed on exec; also where the interpreter was built without `os.pidfd_open`."""
    if hasattr(os, "pidfd_open"):
        return os.pidfd_open(pid)
    fd = _libc.syscall(_SYS_PIDFD_OPEN, pid, 0)
    if fd < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return int(fd)


def _limit(what: int, value: int) -> None:
    """Lowers both limits to `value`, or to the hard limit that is in force already; 0 leaves them."""
    if value <= 0:
        return
    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(what, (value, value))


def isolate(settings: Settings, control: int) -> None:
    """Applies level `process`: only stdio and `control` stay open, limits hold, nothing gains privileges."""
    own_session()
    _prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1))
    _prctl(_PR_SET_NAME, ctypes.c_char_p(f"py:{settings.environment}".encode()[:15]))
    os.umask(0o077)
    close_others((0, 1, 2, control))
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.close(null)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit(resource.RLIMIT_NOFILE, settings.files_max)
    for name in _POOL_VARIABLES:
        os.environ[name] = str(settings.threads)
    os.environ.update(settings.variables)
