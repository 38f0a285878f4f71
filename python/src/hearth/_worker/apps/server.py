"""The function of `@env.server`: it serves HTTP in a process of its own below the replica, which can be ended.

That process is a fork where the replica is one: what was imported is there. Where the zygote could not be forked, neither can its
replica, and the process begins as a new interpreter that loads the code again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import sys
import traceback
from typing import Any, Callable, Coroutine, NoReturn

from .. import isolation
from ..hooks import Hooks
from ..loading import LoadFailure
from ..settings import AppEntry, Settings
from .failures import printed

__all__ = ["Server", "main"]

_BEGIN = "import sys; sys.path[0] = sys.argv[1]; from hearth._worker.apps import server; server.main(*map(int, sys.argv[2:]))"
_FAILURE_BYTES_MAX = 64 * 1024  # of what a pipe holds


class Server:
    """A `Launch`: the function, with the hooks that run in its process."""

    def __init__(self, entry: AppEntry, function: Callable[[], Any], settings: Settings) -> None:
        self.label = f"the server function {entry.function!r}"
        self._function = function
        self._settings = settings
        self._hooks = Hooks(settings, settings.hooks_of(server=True))
        self._loaded_in = os.getpid()
        self._failure = -1  # where the process says why it ends

    def start(self) -> int:
        self._failure, said = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            if parent == self._loaded_in:
                return self._spawn(parent, said)
            pid = os.fork()
            if pid == 0:
                self.serve(parent, said)
            return pid
        finally:
            os.close(said)

    def _spawn(self, parent: int, said: int) -> int:
        """A new interpreter, which reads the settings from a file in memory."""
        order = os.memfd_create("settings")
        try:
            os.write(order, pickle.dumps(self._settings))
            os.lseek(order, 0, os.SEEK_SET)
            os.set_inheritable(order, True)
            os.set_inheritable(said, True)
            sdk = os.path.abspath(__file__)
            for _ in range(4):
                sdk = os.path.dirname(sdk)
            words = [sys.executable, "-E", "-s", "-B", "-c", _BEGIN, sdk, str(parent), str(order), str(said)]
            return os.posix_spawn(sys.executable, words, os.environ)
        finally:
            os.close(order)

    def failure(self) -> str:
        with contextlib.suppress(BlockingIOError):
            return os.read(self._failure, _FAILURE_BYTES_MAX).decode(errors="replace")
        return ""

    def serve(self, parent: int, failure: int) -> NoReturn:
        """In the process of the function: all of its life. `failure`: where it says why it cannot begin."""
        try:
            _be_alone(parent)
            os._exit(self._run(failure))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

    def _run(self, failure: int) -> int:
        """The status with which the process ends."""
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            self._hooks.start(loop.run_until_complete)
        except LoadFailure as error:
            _say(failure, error)
            return 1
        os.close(failure)
        status = self._serve(loop)
        self._hooks.stop(loop.run_until_complete)
        sys.stdout.flush()
        sys.stderr.flush()
        return status

    def _serve(self, loop: asyncio.AbstractEventLoop) -> int:
        """Runs the function until it returns, or is told to end."""
        signal.signal(signal.SIGTERM, _leave)
        try:
            result = self._function()
            if isinstance(result, Coroutine):
                loop.run_until_complete(_until_told(result))
            return 0
        except _Told:
            return 0
        except SystemExit as error:
            return error.code if isinstance(error.code, int) else int(error.code is not None)
        except BaseException as error:
            sys.stderr.write(printed(error, "asyncio"))
            return 1
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what comes now is the end that it has been told of


class _Told(BaseException):
    """Ends the function: the replica is to end."""


def _leave(signum: int, frame: Any) -> None:
    raise _Told


async def _until_told(serving: Coroutine[Any, Any, Any]) -> None:
    """Runs it; SIGTERM cancels it. A server that has a handler of its own keeps it."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(serving)
    is_told = False

    def cancel() -> None:
        nonlocal is_told
        is_told = True
        task.cancel()

    signal.signal(signal.SIGTERM, lambda signum, frame: loop.call_soon_threadsafe(cancel))
    try:
        await task
    except asyncio.CancelledError:
        if not is_told:
            raise


def _be_alone(parent: int) -> None:
    """What a process below the replica has that is its own."""
    isolation.own_session()
    isolation.die_with_parent(parent)
    for number in (signal.SIGUSR1, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    asyncio._set_running_loop(None)  # the parent's, in which this was forked


def _say(failure: int, error: LoadFailure) -> None:
    with contextlib.suppress(OSError):
        os.write(failure, str(error).encode()[:_FAILURE_BYTES_MAX])


def main(parent: int, order: int, failure: int) -> NoReturn:
    """The life of a new interpreter for a server function."""
    from .. import apps
    from ..program import Program

    for fd in (order, failure):
        os.set_inheritable(fd, False)
    with open(order, "rb") as file:
        settings: Settings = pickle.load(file)
    try:
        Program.load(settings)
    except LoadFailure as error:
        _say(failure, error)
        os._exit(1)
    apps.loaded_server().serve(parent, failure)
