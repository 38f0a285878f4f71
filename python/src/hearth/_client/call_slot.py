"""The slot of an open call, and what its reply means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hearth import _frames
from hearth._client import environments
from hearth._client.slots import Slot
from hearth.errors import NodeUnavailableError

if TYPE_CHECKING:
    from hearth._client.connection import Connection
    from hearth._client.environments import Target

__all__ = ["CallSlot", "lost", "status_of", "value_of"]


class CallSlot(Slot):
    """One call of `target` on `connection`, with a new id."""

    __slots__ = ("connection", "lo", "target")

    def __init__(self, connection: Connection, target: Target) -> None:
        super().__init__()
        self.connection = connection
        self.target = target
        self.lo = connection.next_lo()

    @property
    def hi(self) -> int:
        """High word of the call's id."""
        return self.connection.call_hi

    @property
    def task_name(self) -> str:
        """For those who tell about open calls."""
        return self.target.task.name


def value_of(slot: CallSlot) -> Any:
    """The value of a ready slot. Raises the task's exception or a `hearth.errors` class."""
    reply = slot.reply
    if isinstance(reply, BaseException):
        raise lost(reply, slot.target.task.name)
    if reply.code and environments.is_closed(reply):
        raise environments.closed(slot.connection, slot.target)
    return slot.target.codec.value_of(reply)


def status_of(reply: Any) -> str:
    """"HIT" for a reply from the cache, else "", also while there is none."""
    return "HIT" if getattr(reply, "flags", 0) & _frames.REPLY_HIT else ""


def lost(error: BaseException, task: str) -> NodeUnavailableError:
    """The error of a call of `task` whose connection ended with `error`."""
    return NodeUnavailableError(
        f"{error} A call of {task} was open: it may have run, and its result is lost. The next call connects again."
    )
