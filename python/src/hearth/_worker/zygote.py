"""The zygote: an interpreter with the environment's code imported, from which replicas are forked.

It stays single-threaded and ends when the node's control socket closes. The protocol is schema/zygote.capnp.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any, NoReturn, Optional

from .._codes import Code
from . import forkable, hooks, isolation, replica
from .loading import LoadFailure
from .program import Program
from .settings import Settings, Start

__all__ = ["main"]

_ORDER_BYTES_MAX = 1 << 20


def main(control_fd: int) -> NoReturn:
    """Serves the node on `control_fd`; in a fork's child, and after `become`, serves as a replica. Never returns."""
    parent = os.getppid()
    isolation.die_with_parent(parent)
    control = socket.socket(fileno=control_fd)
    control.set_inheritable(False)
    order, _ = _receive(control)
    if order is None:
        os._exit(0)
    try:
        settings = Settings.read(order)
        isolation.isolate(settings, control_fd)
        began = time.perf_counter_ns()
        program = _load(settings)
    except LoadFailure as failure:
        _fail(control, str(failure), failure.code)
    except (KeyError, TypeError, ValueError, OSError) as error:
        _fail(control, f"The interpreter {sys.executable} cannot be prepared: {error!r}.", Code.START_FAILED)
    import_ns = time.perf_counter_ns() - began
    make_loop = replica.loop_of(program)
    start, descriptors = Zygote(control, settings, program).serve(import_ns)
    replica.serve(make_loop, program, start, *descriptors)


def _load(settings: Settings) -> Program:
    os.chdir(settings.code_directory)
    program = Program.load(settings)
    _reclaim_signals()
    return program


def _reclaim_signals() -> None:
    """What user code may have changed and the zygote depends on."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


# Of a failure's text, which may hold whatever a user's exception says: the beginning has the place, the end the reason.
_FAILURE_CHARACTERS = 16_384


def _fail(control: socket.socket, message: str, code: Code) -> NoReturn:
    if len(message) > _FAILURE_CHARACTERS:
        half = _FAILURE_CHARACTERS // 2
        message = f"{message[:half]} ... {message[-half:]}"
    _send(control, {"failed": {"message": message, "code": int(code)}})
    os._exit(1)


def _send(control: socket.socket, event: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
    data = json.dumps(event).encode()
    try:
        if descriptors:
            socket.send_fds(control, [data], list(descriptors))
        else:
            control.send(data)
    except (BrokenPipeError, ConnectionResetError):  # the node is gone, and so are we
        os._exit(0)


def _receive(control: socket.socket) -> tuple[Optional[dict[str, Any]], list[int]]:
    """One order and its descriptors; (None, []) when the socket ended."""
    try:
        data, descriptors, _, _ = socket.recv_fds(control, _ORDER_BYTES_MAX, 4, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        return None, []
    return (json.loads(data), descriptors) if data else (None, [])


class Zygote:
    """The loop over the control socket and the children's pidfds."""

    def __init__(self, control: socket.socket, settings: Settings, program: Program) -> None:
        self._control = control
        self._settings = settings
        self._program = program
        self._children: dict[int, tuple[int, int]] = {}  # pidfd -> (replica, pid)

    def serve(self, import_ns: int) -> tuple[Start, list[int]]:
        """Returns only in a process that is to be a replica, with its descriptors (socket, slot table)."""
        reason = self._decide()
        self._freeze()
        own = isolation.pidfd_open(os.getpid())
        _send(
            self._control,
            {
                "ready": {
                    "pid": os.getpid(),
                    "python": ".".join(map(str, sys.version_info[:3])),
                    "canFork": not reason,
                    "spawnReason": reason,
                    "importUs": str(import_ns // 1000),
                    "hasSlotTable": self._program.has_slot_table,
                }
            },
            (own,),
        )
        os.close(own)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd != self._control.fileno():
                    poll.unregister(fd)
                    self._reap(fd)
                    continue
                order, descriptors = _receive(self._control)
                if order is None:
                    self._program.hooks.stop(hooks.alone)
                    sys.stdout.flush()
                    os._exit(0)
                if "become" in order:
                    start = Start.read(order["become"])
                    start.show_gpus()
                    return start, descriptors
                if "fork" not in order:
                    raise ValueError(f"unknown order of the node: {sorted(order)}")
                pidfd = self._fork(Start.read(order["fork"]), descriptors)
                if pidfd is None:
                    return Start.read(order["fork"]), descriptors
                if pidfd >= 0:
                    poll.register(pidfd, select.POLLIN)

    def _decide(self) -> str:
        own = (self._control.fileno(),)
        forced = "spawning was asked for" if self._settings.force_spawn else ""
        reason = forced or forkable.spawn_reason(own, "while the code was imported")
        if self._settings.forks_per_call:
            self._run_hooks()
            reason = reason or forkable.spawn_reason(own, "by a function of @env.on_start")
        if not reason:
            forkable.warn_of_generators(self._settings.code_directory)
        return reason

    def _run_hooks(self) -> None:
        """Here instead of in the replicas, so that forks have what was loaded."""
        try:
            self._program.hooks.start(hooks.alone)
        except LoadFailure as failure:
            _fail(self._control, str(failure), failure.code)
        _reclaim_signals()

    @staticmethod
    def _freeze() -> None:
        """Keeps the collector away from what is imported, so that forks go on sharing its pages."""
        gc.collect()
        gc.disable()  # a collection between here and a fork would leave holes that children fill
        gc.freeze()

    def _fork(self, start: Start, descriptors: list[int]) -> Optional[int]:
        """The child's pidfd in the parent, -1 if there is no child; None in the child."""
        sys.stdout.flush()
        sys.stderr.flush()
        zygote = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._never_started(start, descriptors, error)
            return -1
        if pid == 0:
            isolation.die_with_parent(zygote)
            start.show_gpus()
            self._shed()
            self._program.hooks.forked()
            self._take_output(descriptors)
            return None
        for fd in descriptors:
            os.close(fd)
        pidfd = isolation.pidfd_open(pid)
        self._children[pidfd] = (start.replica, pid)
        _send(self._control, {"forked": {"replica": str(start.replica), "pid": pid}}, (pidfd,))
        return pidfd

    @staticmethod
    def _take_output(descriptors: list[int]) -> None:
        """Makes the third descriptor stdout and stderr, so that the node knows whose output it reads."""
        for fd in descriptors[2:]:
            os.dup2(fd, 1)
            os.dup2(fd, 2)
            os.close(fd)
        del descriptors[2:]

    def _never_started(self, start: Start, descriptors: list[int], error: OSError) -> None:
        for fd in descriptors:
            os.close(fd)
        self._tell_end(start.replica, 0, 1, 0, error.strerror or str(error))

    def _shed(self) -> None:
        """Makes the child its own: nothing of the zygote or its siblings, and chance of its own."""
        self._control.close()
        for pidfd in self._children:
            os.close(pidfd)
        isolation.own_session()
        # The module `random` seeds itself anew in a fork's child.
        numpy_random = sys.modules.get("numpy.random")
        if numpy_random is not None:
            numpy_random.seed()
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.seed()

    def _reap(self, pidfd: int) -> None:
        replica, pid = self._children.pop(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        self._tell_end(replica, pid, 128 + killed if killed else os.WEXITSTATUS(status), killed)

    def _tell_end(self, replica: int, pid: int, status: int, killed: int, reason: str = "") -> None:
        exited = {"replica": str(replica), "pid": pid, "status": status, "signal": killed}
        if reason:
            exited["reason"] = reason
        _send(self._control, {"exited": exited})
