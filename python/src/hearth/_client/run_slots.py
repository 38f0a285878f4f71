"""Where the replies of runs arrive, and how a run is found again when the connection to its node is lost."""

from __future__ import annotations

import dataclasses
import logging
import time
from typing import TYPE_CHECKING, Any, Callable, Mapping, Tuple, TypeVar

from hearth import _values
from hearth._client import calls, environments, ids, shared
from hearth._client.call_slot import CallSlot, value_of
from hearth._client.slots import Request, Slot, content
from hearth._values import keys
from hearth.errors import BaseRuntimeError, NodeUnavailableError, RuntimeSystemError

if TYPE_CHECKING:
    from hearth._client.connection import Connection
    from hearth._task import Task

__all__ = ["FoundSlot", "Order", "RunSlot", "Submission", "regain"]

RECONNECT_S = 30.0
"""For so many seconds a node that is gone is looked for, before whoever waits for a run is told."""

_PASSING = ("no_quorum", "undecided", "overloaded", "queue_full", "node_lost", "stale_epoch")
"""What a node may answer while its cluster is about to recover."""

_REFUSAL_S = 5.0
"""Seconds between the refusal of a run and that of its call, which the node sends together."""

_INPUTS_SHOWN = 200  # characters of the inputs that listings show

Found = TypeVar("Found")


@dataclasses.dataclass(frozen=True)
class Order:
    """How a run is started."""

    name: str = ""  # empty: the node derives one
    detach: bool = True  # is not aborted when this program ends
    logs: bool = False  # the run's output is streamed to the feeds of the connection
    cache: int = keys.USED  # how its calls use the cache


class RunSlot(CallSlot):
    """The slot of a run's root call."""

    __slots__ = ("_hi", "accepted", "done_calls", "name", "submission")

    def __init__(self, connection: Connection, target: environments.Target, submission: Submission) -> None:
        super().__init__(connection, target)
        self._hi, self.lo = submission.identity
        self.submission = submission
        self.accepted = submission.accepted
        self.done_calls = 0
        self.name = submission.name or ids.run_name(self.lo)

    @property
    def hi(self) -> int:
        """High word of the call's id, which is the run's own."""
        return self._hi

    @property
    def task_name(self) -> str:
        """Empty: people know the run by its own name."""
        return ""

    @property
    def value(self) -> Any:
        """The value of the ready slot. Raises the task's exception or a `hearth.errors` class."""
        if isinstance(self.reply, BaseException):
            raise self.reply
        return value_of(self)

    @property
    def ends_with_program(self) -> bool:
        """Whether it is aborted when the program ends."""
        return not (self.accepted and self.submission.order.detach)

    def farewell(self, interrupted: bool) -> str:
        """Names a run that is aborted with the program, or that goes on although somebody pressed Ctrl-C."""
        if not self.accepted:
            return f"hearth: run {self.name} was aborted before the node had accepted it."
        if self.ends_with_program:
            return f"hearth: run {self.name} was aborted, because this program ends."
        if not interrupted:  # started to go on, and it does
            return ""
        return f"hearth: run {self.name} goes on; `hearth logs {self.name} --follow` shows it, `hearth abort` ends it."

    def leave(self) -> None:
        """A run does not end with its connection: it has to be told."""
        if self.ends_with_program:
            self.connection.cancel(self.lo, "the program that started it has ended", self.hi)

    def progress(self, done: int) -> None:
        """What the node says about calls that have ended."""
        self.done_calls = done

    def attach(self, connection: Connection) -> Slot:
        """The slot of the same run on another connection. Blocks; raises NodeUnavailableError."""
        if self.accepted and self.submission.task.retries.lost == 0:
            # A node that does not know it any more may have begun it: sent again, it could run twice.
            return FoundSlot(connection, self.name, (self.hi, self.lo))
        return self.submission.send(connection)


class Submission:
    """What a run is made of. It is kept until the run has ended, and sent again with the same id, which makes it the same run,
    when the connection to the node is lost."""

    def __init__(self, task: Task[Any, Any], arguments: Mapping[str, Any], order: Order) -> None:
        self.task = task
        self.arguments = arguments
        self.order = order
        self.name = order.name
        self.identity = ids.new_id()  # (hi, lo) of its root call, on every connection
        self.accepted = False
        self._body: Any = None  # the encoded arguments, as they were at first, when they are small

    def send(self, connection: Connection) -> RunSlot:
        """Starts the run, or attaches to it. Blocks until the node has accepted it.

        Raises RuntimeDataValidationError for the arguments, RuntimeUserError for a name that is taken, and what opening the
        environment raises.
        """
        target = environments.target(connection, self.task)
        body = self._body if self._body is not None else target.codec.encode_arguments(self.arguments, self.order.cache)
        if calls.is_small(body):
            self._body = body
        connection.admit(len(body))
        slot = RunSlot(connection, target, self)
        project, domain = target.place
        request = connection.request(
            "startRun",
            {
                "callHi": str(slot.hi),
                "callLo": str(slot.lo),
                "name": self.name,
                "detach": self.order.detach,
                "logs": self.order.logs,
                "project": project,
                "domain": domain,
                "inputs": _shown(self.arguments),
            },
        )
        try:
            calls.send(slot, body, True, self.order.cache)
            connection.wait(request)
        except BaseException:  # nobody would know the run's name
            connection.cancel(slot.lo, "interrupted before it was accepted", slot.hi)
            raise
        try:
            row = request.answer()
        except BaseRuntimeError:  # the call's own reply says the same; it must not be taken for that of the next try
            connection.wait(slot, _REFUSAL_S)
            connection.forget(slot.lo)
            raise
        self.name = slot.name = str(row.get("name") or slot.name)
        self.accepted = slot.accepted = True
        return slot


def _shown(arguments: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return text if len(text) <= _INPUTS_SHOWN else text[: _INPUTS_SHOWN - 1] + "…"


class FoundSlot(Slot):
    """The slot of a run that is known by name alone; the node sends its result when it has ended."""

    __slots__ = ("connection", "hi", "lo", "name")

    def __init__(self, connection: Connection, name: str, identity: Tuple[int, int]) -> None:
        super().__init__()
        self.connection = connection
        self.name = name
        self.hi, self.lo = identity
        connection.register(self.lo, self, 0)
        try:
            connection.request("result", name, _ResultRequest(self))
        except BaseException:
            connection.forget(self.lo)
            raise

    @property
    def value(self) -> Any:
        """The value of the ready slot, as its encoding says it. Raises the task's exception or a `hearth.errors` class."""
        if isinstance(self.reply, BaseException):
            raise self.reply
        return _values.codec_of(self.name, _any_task).value_of(self.reply)

    def attach(self, connection: Connection) -> Slot:
        """The slot of the same run on another connection. Raises NodeUnavailableError."""
        return FoundSlot(connection, self.name, (self.hi, self.lo))


def _any_task():  # type: ignore[no-untyped-def]
    """Stands for a task of which only the name is known: its result may be anything."""


class _ResultRequest(Request):
    """Ends its slot when the node has no result to send."""

    __slots__ = ("_slot",)

    def __init__(self, slot: FoundSlot) -> None:
        super().__init__()
        self._slot = slot

    def deliver(self, reply: Any) -> None:
        super().deliver(reply)
        if not isinstance(reply, BaseException) and "error" in reply:
            try:
                content(reply)
            except Exception as error:
                self._slot.connection.finish(self._slot.lo, error)


def regain(connection: Connection, name: str, attach: Callable[[Connection], Found], why: str = "") -> Found:
    """What `attach` gives on another connection to the node of `connection`, which is lost, or else `why` says why it has to
    be asked again. Blocks for at most RECONNECT_S; raises NodeUnavailableError."""
    logging.getLogger("hearth").warning(
        "%s Run %s is looked for there, for at most %.0f s.", why or connection.gone(), name, RECONNECT_S
    )
    deadline = time.monotonic() + RECONNECT_S
    pause = 0.05
    while True:
        try:
            found = shared.connection(connection.path)
            found.feeds.extend(feed for feed in connection.feeds if feed not in found.feeds)
            return attach(found)
        except (NodeUnavailableError, RuntimeSystemError) as error:
            if not isinstance(error, NodeUnavailableError) and error.code not in _PASSING:
                raise
            if time.monotonic() + pause > deadline:
                raise NodeUnavailableError(
                    f"{error} Run {name} may go on there: `hearth get run {name}` shows it as soon as the node is back."
                ) from None
        time.sleep(pause)
        pause = min(2 * pause, 1.0)
