"""A replica: an interpreter that serves calls, in the loop that fits its tasks."""

from __future__ import annotations

import gc
import os
import socket
from typing import Callable, NoReturn

from .. import _frames
from . import isolation
from .link import Link
from .loop import Loop
from .program import Program
from .settings import Start

__all__ = ["LoopMaker", "loop_of", "serve"]

LoopMaker = Callable[[Link, Program, Start], Loop]


def loop_of(program: Program) -> LoopMaker:
    """Imports the loop that fits the tasks: once, in the zygote. asyncio comes only with the loop that uses it."""
    if program.is_async:
        from .async_loop import AsyncLoop

        return lambda link, program, start: AsyncLoop(link, program, start.fresh, start.concurrency)
    from .sync_loop import SyncLoop

    return lambda link, program, start: SyncLoop(link, program, start.fresh)


def serve(make_loop: LoopMaker, program: Program, start: Start, sock_fd: int, table_fd: int) -> NoReturn:
    """Serves the node on `sock_fd` until it closes; ends the process."""
    isolation.adopt_orphans()
    sock = socket.socket(fileno=sock_fd)
    slots = _frames.Slots(table_fd, start.slots)
    os.close(table_fd)
    gc.enable()
    link = Link(sock, slots, start, program.settings)
    # A process that user code forks has no business on our socket, and must not keep it open.
    os.register_at_fork(after_in_child=link.disown)
    make_loop(link, program, start).serve()
