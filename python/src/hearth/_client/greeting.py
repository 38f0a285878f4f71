"""The first words of a connection: who the client is, and what the node grants it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from hearth._client.slots import Request
from hearth._version import __version__
from hearth.errors import NodeUnavailableError, RuntimeSystemError

if TYPE_CHECKING:
    from hearth._client.connection import Connection

__all__ = ["HELLO_TIMEOUT", "await_welcome", "greet"]

PROTOCOL = 1
HELLO_TIMEOUT = 30.0
"""Seconds; a node answers in less than a millisecond unless its machine is short of memory."""


def await_welcome(connection: Connection, patience: float) -> None:
    """Waits for the answer to the token that a remote node was sent. Raises what it means when the cluster refuses the token,
    NodeUnavailableError when this node alone does."""
    slot = connection.expect(0)
    if not connection.wait(slot, patience):
        raise NodeUnavailableError(f"The node at {connection.path} does not answer to the token in time.")
    try:
        slot.answer()
    except RuntimeSystemError as refusal:
        if refusal.code == "unauthenticated":
            raise  # and so would every other node
        raise NodeUnavailableError(str(refusal)) from None


def greet(connection: Connection, patience: float) -> None:
    """Says hello, and takes what the node answers. Raises what its refusal means, and NodeUnavailableError."""
    program = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "python"
    hello = {"protocol": PROTOCOL, "program": program, "pid": os.getpid(), "version": __version__}
    slot: Request = connection.request("hello", hello)
    if not connection.wait(slot, patience):
        raise NodeUnavailableError(
            f"What listens at {connection.path} has not answered within {patience:.0f} s; is it a node? "
            "Look at `hearth node status`, or set HEARTH_SOCKET."
        )
    granted = connection.welcome = slot.answer()
    # One less than granted: with the window full a node stops reading, also requests to cancel.
    connection.window.calls = max(1, int(granted.get("windowCalls", 1)) - 1)
    connection.window.bytes = int(granted.get("windowBytes", 0))
    connection.value_bytes_max = int(granted.get("valueBytesMax", 0))
