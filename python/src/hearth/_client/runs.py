"""Runs: top-level calls that the node knows by name, with phases, logs and actions."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import sys
from typing import TYPE_CHECKING, Any, AsyncIterator, Dict, Generator, List, Mapping, Optional, Tuple

from hearth import _frames
from hearth._client import calls, environments, ids, log_stream, rows, shared
from hearth._client.call_slot import CallSlot, value_of
from hearth._client.forms import Method
from hearth._client.refusals import refuse_in_event_loop
from hearth._codes import Code
from hearth.errors import ActionNotFoundError

if TYPE_CHECKING:
    from hearth._client.connection import Connection
    from hearth._task import Task

__all__ = ["Order", "Run", "start"]

_INPUTS_SHOWN = 200  # characters of the inputs that listings show


@dataclasses.dataclass(frozen=True)
class Order:
    """How a run is started."""

    name: str = ""  # empty: the node derives one
    detach: bool = True  # goes on when this program ends
    logs: bool = False  # the run's output is streamed to the feeds of the connection


class RunSlot(CallSlot):
    """The slot of a run's root call."""

    __slots__ = ("accepted", "detached", "done_calls", "name")

    def __init__(self, connection: Connection, target: environments.Target, order: Order) -> None:
        super().__init__(connection, target)
        self.accepted = False
        self.detached = order.detach
        self.done_calls = 0
        self.name = order.name or ids.run_name(self.lo)

    @property
    def task_name(self) -> str:
        """Empty: people know the run by its own name."""
        return ""

    def farewell(self, interrupted: bool) -> str:
        """Names a run that is aborted with the program, or that goes on although somebody pressed Ctrl-C."""
        if not self.accepted:
            return f"hearth: run {self.name} was aborted before the node had accepted it."
        if not self.detached:
            return f"hearth: run {self.name} was aborted, because this program ends."
        if not interrupted:  # started to go on, and it does
            return ""
        return f"hearth: run {self.name} goes on; `hearth logs {self.name} --follow` shows it, `hearth abort` ends it."

    def progress(self, done: int) -> None:
        """What the node says about calls that have ended."""
        self.done_calls = done


def start(task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any], order: Order) -> Run:
    """Starts a run of `task`; returns when the node has accepted it.

    Raises TypeError or RuntimeDataValidationError for the arguments, RuntimeUserError for a name that is taken, and
    what opening the environment raises.
    """
    connection = shared.live_connection()
    target = environments.target(connection, task)
    arguments = task.bind(args, kwargs)
    body = target.codec.encode_arguments(arguments)
    connection.admit(len(body))
    slot = RunSlot(connection, target, order)
    project, domain = target.place
    request = connection.request(
        "startRun",
        {
            "callHi": str(connection.call_hi),
            "callLo": str(slot.lo),
            "name": order.name,
            "detach": order.detach,
            "logs": order.logs,
            "project": project,
            "domain": domain,
            "inputs": _shown(arguments),
        },
    )
    calls.send(slot, body, run=True)
    try:
        connection.wait(request)
    except BaseException:  # nobody would know the run's name
        connection.cancel(slot.lo, "interrupted before it was accepted")
        raise
    row = request.answer()
    slot.name = str(row.get("name") or slot.name)
    slot.accepted = True
    return Run(slot, slot.name, arguments)


def _shown(arguments: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return text if len(text) <= _INPUTS_SHOWN else text[: _INPUTS_SHOWN - 1] + "…"


class Run:
    """A run that this program started. Blocking methods have an ``.aio`` form; ``await run`` is its result.

    A run lives in the memory of its node, and goes on when the program ends unless it was started with detach=False.
    """

    def __init__(self, slot: RunSlot, name: str, arguments: Mapping[str, Any]) -> None:
        self._slot = slot
        self._arguments = dict(arguments)
        self.name = name

    # -- what it is --------------------------------------------------------------------------------------------------

    @property
    def slot(self) -> RunSlot:
        """Where the reply of the root call goes; for those who follow the run."""
        return self._slot

    @property
    def task_name(self) -> str:
        """Name of the task."""
        return self._slot.target.task.name

    @property
    def url(self) -> str:
        """The command that shows the run."""
        return f"hearth get run {self.name}"

    @property
    def call_id(self) -> str:
        """Id of its root call, 32 hex digits."""
        return ids.text(self._slot.connection.call_hi, self._slot.lo)

    @property
    def phase(self) -> str:
        """QUEUED, RUNNING, SUCCEEDED, FAILED, ABORTED or TIMED_OUT. Asks the node unless the run has ended."""
        return _phase_of(self._slot.reply) if self.done() else self._details().phase

    def inputs(self) -> Dict[str, Any]:
        """The arguments by name, defaults included."""
        return dict(self._arguments)

    def done(self) -> bool:
        """Whether the run has ended. Never blocks."""
        if not self._slot.ready:
            self._slot.connection.poll()
        return self._slot.ready

    # -- its end -----------------------------------------------------------------------------------------------------

    def _wait(self, timeout: Optional[float] = None) -> str:
        """Blocks until the run has ended, at most `timeout` seconds, and returns its phase.

        Raises TimeoutError; the run goes on then, and also when the wait is interrupted.
        """
        refuse_in_event_loop("run.wait()", "await run.wait.aio()")
        if not self._slot.connection.wait(self._slot, timeout):
            raise TimeoutError(f"Run {self.name} has not ended within {timeout} s; it goes on.")
        return _phase_of(self._slot.reply)

    async def _wait_aio(self, timeout: Optional[float] = None) -> str:
        slot = self._slot
        await slot.connection.port().wait(slot, timeout)
        if not slot.ready:
            raise TimeoutError(f"Run {self.name} has not ended within {timeout} s; it goes on.")
        return _phase_of(slot.reply)

    wait = Method(_wait, _wait_aio)

    def _result(self, timeout: Optional[float] = None) -> Any:
        """The value of the run; waits for it, at most `timeout` seconds.

        Raises TimeoutError, the task's own exception, or a `hearth.errors` class.
        """
        self._wait(timeout)
        return value_of(self._slot)

    async def _result_aio(self, timeout: Optional[float] = None) -> Any:
        await self._wait_aio(timeout)
        return value_of(self._slot)

    result = Method(_result, _result_aio)

    def _outputs(self) -> Tuple[Any, ...]:
        """The outputs of the run as a tuple: that of a task that returns a tuple, else the value alone."""
        return _as_outputs(self._result())

    async def _outputs_aio(self) -> Tuple[Any, ...]:
        return _as_outputs(await self._result_aio())

    outputs = Method(_outputs, _outputs_aio)

    def __await__(self) -> Generator[Any, None, Any]:
        return self._result_aio().__await__()

    # -- what happens in it ------------------------------------------------------------------------------------------

    def _abort(self, reason: str = "") -> None:
        """Asks the node to stop the run and all its calls; `wait` says when that is done."""
        connection = shared.connection(self._slot.connection.path)
        reason = reason or "aborted by the program that started it"
        connection.ask("abort", {"run": self.name, "action": "", "reason": reason})

    def _details(self) -> rows.RunDetails:
        """What the node knows about the run. Raises ActionNotFoundError when it has forgotten it."""
        connection = shared.connection(self._slot.connection.path)
        for row in connection.rows("runs", self.name):
            if row.get("name") == self.name:
                return rows.run_details(row)
        raise ActionNotFoundError(f"The node at {connection.path} knows no run {self.name}; it keeps only the newest.")

    def _actions(self) -> List[rows.ActionDetails]:
        """The calls of the run, oldest first, the root among them."""
        connection = shared.connection(self._slot.connection.path)
        return [rows.action_details(row) for row in connection.rows("actions", self.name)]

    abort = Method(_abort, lambda self, *args: _in_thread(self._abort, *args))
    details = Method(_details, lambda self: _in_thread(self._details))
    actions = Method(_actions, lambda self: _in_thread(self._actions))

    def _logs(self, follow: bool = True, action: str = "") -> log_stream.LogStream:
        """The output of the run, line by line, from its beginning; with `follow` until the run has ended."""
        return log_stream.LogStream(self._slot.connection.path, self.name, action=action, follow=follow)

    async def _logs_aio(self, follow: bool = True, action: str = "") -> AsyncIterator[log_stream.Line]:
        source = await _in_thread(self._logs, follow, action)
        try:
            while True:
                line = await _in_thread(next, source, None)
                if line is None:
                    return
                yield line
        finally:
            source.close()  # also ends a thread that still waits for a line

    logs = Method(_logs, _logs_aio)

    def _show_logs(self, follow: bool = True) -> None:
        """Writes the output of the run to this program's, standard error to standard error."""
        for line in self._logs(follow):
            print(line.text, file=sys.stderr if line.stream == "err" else sys.stdout)

    show_logs = Method(_show_logs, lambda self, *args: _in_thread(self._show_logs, *args))

    def __repr__(self) -> str:
        state = _phase_of(self._slot.reply) if self._slot.ready else "open"
        return f"<run {self.name} of {self.task_name}, {state}>"


async def _in_thread(function: Any, *args: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, functools.partial(function, *args))


def _as_outputs(value: Any) -> Tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple) else (value,)


def _phase_of(reply: Any) -> str:
    """The phase that a reply says; of a lost connection FAILED, since nobody will know."""
    if isinstance(reply, BaseException):
        return "FAILED"
    if not reply.flags & _frames.REPLY_FAILED:
        return "SUCCEEDED"
    if reply.code == Code.ABORTED:
        return "ABORTED"
    timeouts = (Code.TIMEOUT_RUNTIME, Code.TIMEOUT_QUEUED, Code.DEADLINE_EXCEEDED)
    return "TIMED_OUT" if reply.code in timeouts else "FAILED"
