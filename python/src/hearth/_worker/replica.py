"""A replica: an interpreter that serves calls, in the loop that fits its tasks."""

from __future__ import annotations

import gc
import os
import socket

from .. import _frames
from . import isolation
from .link import Link
from .program import Program
from .settings import Start

__all__ = ["serve"]


def serve(program: Program, start: Start, sock_fd: int, table_fd: int) -> None:
    """Serves the node on `sock_fd` until it closes; ends the process."""
    isolation.adopt_orphans()
    sock = socket.socket(fileno=sock_fd)
    slots = _frames.Slots(table_fd, start.slots)
    os.close(table_fd)
    gc.enable()
    link = Link(sock, slots, start, program.settings)
    # A process that user code forks has no business on our socket, and must not keep it open.
    os.register_at_fork(after_in_child=link.disown)
    if program.is_async:
        from .async_loop import AsyncLoop  # asyncio is imported only where it is used

        AsyncLoop(link, program, start.fresh, start.concurrency).serve()
    from .sync_loop import SyncLoop

    SyncLoop(link, program, start.fresh).serve()
