"""May this interpreter be forked? Threads, sockets and GPU contexts do not survive a fork; a trial decides the rest."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from typing import Iterable

__all__ = ["spawn_reason", "warn_of_generators"]

# Idle worker threads of these libraries are started again by a fork's child; their file names contain one of these.
_POOL_LIBRARIES = ("openblas", "libgomp", "libomp", "libiomp", "libmkl", "libblis")

# A trial child that has not answered within this many milliseconds hangs in a pool that did not survive.
_TRIAL_MS = 10_000


def spawn_reason(own: Iterable[int], when: str) -> str:
    """Why replicas must be spawned instead of forked, in words that end with `when`; empty when a fork is safe.

    `own`: our descriptors.
    """
    reason = _open_descriptor(set(own)) or _python_thread() or _native_thread()
    return f"{reason} {when}" if reason else ""


def _open_descriptor(own: set[int]) -> str:
    for name in sorted(os.listdir("/proc/self/fd"), key=int):
        fd = int(name)
        if fd in own or fd <= 2:
            continue
        try:
            target = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:  # the listing's own descriptor
            continue
        if target.startswith("socket:"):
            return f"a socket (descriptor {fd}) was opened"
        if target.startswith("anon_inode:[eventpoll]"):
            return f"an event loop (descriptor {fd}) was made"
        if target.startswith(("/dev/nvidia", "/dev/kfd", "/dev/dri/")):
            return f"a GPU was opened ({target})"
    return ""


def _python_thread() -> str:
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            return f"the thread {thread.name!r} was started"
    return ""


def _native_thread() -> str:
    """Threads that Python does not know: pools are tried out, anything else is a reason."""
    count = len(os.listdir("/proc/self/task")) - 1
    if count == 0:
        return ""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        libraries = {os.path.basename(line.split(None, 5)[-1].strip()) for line in maps if "/" in line}
    if not any(pool in library.lower() for library in libraries for pool in _POOL_LIBRARIES):
        return f"{count} threads of a native library were started"
    if not _trial():
        return f"{count} threads of a native library do not survive a fork (a trial fork did not finish its work), and were started"
    return ""


def _trial() -> bool:
    """Forks a child that uses the thread pools of the loaded libraries; whether it finishes in time."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _work()
            os.write(write, b"k")
        finally:
            os._exit(0)
    os.close(write)
    try:
        poll = select.poll()
        poll.register(read, select.POLLIN)
        return bool(poll.poll(_TRIAL_MS)) and os.read(read, 1) == b"k"
    finally:
        os.close(read)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _work() -> None:
    """A product large enough that BLAS shares it among threads."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        square = numpy.ones((256, 256))
        square @ square
    torch = sys.modules.get("torch")
    if torch is not None:
        square = torch.ones((256, 256))
        square @ square


def warn_of_generators(root: str) -> None:
    """Warns on stderr of NumPy generators that the user's modules under `root` made: forks would share their state."""
    generator = getattr(sys.modules.get("numpy.random"), "Generator", None)
    if generator is None:
        return
    inside = os.path.join(root, "")
    for name, module in list(sys.modules.items()):
        if not str(getattr(module, "__file__", None) or "").startswith(inside):
            continue
        for attribute, value in list(vars(module).items()):
            if isinstance(value, generator):
                sys.stderr.write(
                    f"hearth: {name}.{attribute} is a NumPy generator made at import; every replica would draw the "
                    f"same numbers from it. Make it inside the task.\n"
                )
