"""Runs: top-level calls that the node knows by name, with phases, logs and actions."""

from __future__ import annotations

import asyncio
import functools
import sys
import time
from typing import TYPE_CHECKING, Any, AsyncIterator, Dict, Generator, List, Mapping, Optional, Tuple

from hearth import _frames
from hearth._client import ids, log_stream, rows, shared
from hearth._client.call_slot import status_of
from hearth._client.forms import Function, Method
from hearth._client.refusals import refuse_in_event_loop
from hearth._client.run_slots import FoundSlot, Order, RunSlot, Submission, regain
from hearth._codes import Code
from hearth.errors import (
    ActionNotFoundError,
    BaseRuntimeError,
    NodeUnavailableError,
    RuntimeSystemError,
    RuntimeUserError,
)

if TYPE_CHECKING:
    from hearth._client.connection import Connection
    from hearth._task import Task

__all__ = ["Order", "Run", "start"]


def start(task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any], order: Order) -> Run:
    """Starts a run of `task`; returns when the node has accepted it.

    Raises TypeError for the arguments, and what `Submission.send` raises.
    """
    submission = Submission(task, task.bind(args, kwargs), order)
    connection = shared.live_connection()
    why = ""
    try:
        slot = submission.send(connection)
    except NodeUnavailableError:
        if connection.given_up or not connection.broken:
            raise
    except RuntimeSystemError as error:
        if error.code != "undecided":
            raise
        why = str(error)
    else:
        return Run(slot.name, slot, connection.path, submission.arguments)
    slot = regain(connection, submission.name or ids.run_name(submission.identity[1]), submission.send, why)
    return Run(slot.name, slot, connection.path, submission.arguments)


def _get(name: str) -> Run:
    """The run `name` of this user's node, whoever started it. Blocks.

    Raises ActionNotFoundError when the node does not know it, NodeUnavailableError.
    """
    refuse_in_event_loop("hearth.Run.get(...)", "await hearth.Run.get.aio(...)")
    return _found(shared.connection(), name)


def _found(connection: Connection, name: str) -> Run:
    row = _row(connection, name)
    run = Run(str(row["name"]), None, connection.path, None)
    run._row = row
    run._identity = (int(row.get("callHi", 0)), int(row.get("callLo", 0)))
    run._task_name = str(row.get("task", ""))
    return run


def _row(connection: Connection, name: str) -> Mapping[str, Any]:
    for row in connection.rows("runs", name):
        if name in (row.get("name"), ids.text(int(row.get("callHi", 0)), int(row.get("callLo", 0)))):
            return row
    raise ActionNotFoundError(f"The node at {connection.path} knows no run {name}; it keeps only the newest.")


class Run:
    """A run: started by `hearth.run`, or found by its name with `Run.get`. Blocking methods have an ``.aio`` form; ``await
    run`` is its result.

    A run goes on whatever becomes of its program, unless it was started with detach=False and the program ends. When the
    connection to the node is lost, those who wait for the run look for the node for half a minute.
    """

    get = Function(_get, lambda name: _in_thread(_get, name))

    def __init__(
        self, name: str, slot: Optional[RunSlot], path: str, arguments: Optional[Mapping[str, Any]]
    ) -> None:
        self.name = name
        self._path = path
        self._joined: Any = slot  # None: nobody has asked for the result
        self._given_up = False
        self._row: Mapping[str, Any] = {}  # what the node said last; an end is final
        self._arguments = arguments
        self._identity = (slot.hi, slot.lo) if slot is not None else (0, 0)
        self._task_name = slot.target.task.name if slot is not None else ""

    # -- what it is --------------------------------------------------------------------------------------------------

    @property
    def slot(self) -> Any:
        """Where the reply of the root call goes; for those who follow the run. May block to ask the node for it."""
        if self._joined is None:
            self._joined = FoundSlot(shared.connection(self._path), self.name, self._identity)
        return self._joined

    @property
    def task_name(self) -> str:
        """Name of the task."""
        return self._task_name

    @property
    def url(self) -> str:
        """The command that shows the run."""
        return f"hearth get run {self.name}"

    @property
    def call_id(self) -> str:
        """Id of its root call, 32 hex digits."""
        return ids.text(*self._identity)

    @property
    def phase(self) -> str:
        """QUEUED, RUNNING, SUCCEEDED, FAILED, ABORTED or TIMED_OUT. Asks the node unless the run has ended."""
        if self._joined is None or not self.done():
            return self._details().phase
        return _phase_of(self._joined.reply)

    @property
    def cache_status(self) -> str:
        """"HIT" when this program has its result and that came from the cache, else ""."""
        return status_of(self._joined.reply) if self._joined is not None else ""

    def inputs(self) -> Dict[str, Any]:
        """The arguments by name, defaults included. Raises RuntimeUserError for a run that was found by its name."""
        if self._arguments is None:
            raise RuntimeUserError(
                "InputsUnknown", f"The inputs of run {self.name} are with its node; `details().inputs` is their text."
            )
        return dict(self._arguments)

    def done(self) -> bool:
        """Whether the run has ended. Does not wait for it."""
        if self._joined is None:
            return self._details().phase not in ("QUEUED", "RUNNING")
        if not self._joined.ready:
            self._joined.connection.poll()
        return self._joined.ready and not self._is_lost()

    # -- a lost connection -------------------------------------------------------------------------------------------

    def _is_lost(self) -> bool:
        """Whether its connection ended before it, and it has not been looked for in vain."""
        slot = self._joined
        is_lost = slot is not None and slot.ready and isinstance(slot.reply, NodeUnavailableError)
        return is_lost and not slot.connection.given_up and not self._given_up

    def rejoin(self) -> bool:
        """If the connection to the node was lost: finds the run again, and whether it did. Blocks for a bounded time."""
        if not self._is_lost():
            return False
        try:
            self._joined = regain(self._joined.connection, self.name, self._joined.attach)
        except BaseRuntimeError as error:
            self._given_up = True
            self._joined.reply = error
            return False
        return True

    # -- its end -----------------------------------------------------------------------------------------------------

    def _wait(self, timeout: Optional[float] = None) -> str:
        """Blocks until the run has ended, at most `timeout` seconds, and returns its phase.

        Raises TimeoutError; the run goes on then, and also when the wait is interrupted.
        """
        refuse_in_event_loop("run.wait()", "await run.wait.aio()")
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            slot = self.slot
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not slot.connection.wait(slot, left):
                raise TimeoutError(f"Run {self.name} has not ended within {timeout} s; it goes on.")
            if not self.rejoin():
                return _phase_of(slot.reply)

    async def _wait_aio(self, timeout: Optional[float] = None) -> str:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            slot = self._joined or await _in_thread(lambda: self.slot)
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            await slot.connection.port().wait(slot, left)
            if not slot.ready:
                raise TimeoutError(f"Run {self.name} has not ended within {timeout} s; it goes on.")
            if not self._is_lost() or not await _in_thread(self.rejoin):
                return _phase_of(slot.reply)

    wait = Method(_wait, _wait_aio)

    def _result(self, timeout: Optional[float] = None) -> Any:
        """The value of the run; waits for it, at most `timeout` seconds.

        Raises TimeoutError, the task's own exception, or a `hearth.errors` class.
        """
        self._wait(timeout)
        return self._joined.value

    async def _result_aio(self, timeout: Optional[float] = None) -> Any:
        await self._wait_aio(timeout)
        return self._joined.value

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
        connection = shared.connection(self._path)
        reason = reason or "aborted by a program"
        connection.ask("abort", {"run": self.name, "action": "", "reason": reason})

    def _details(self) -> rows.RunDetails:
        """What the node knows about the run. Raises ActionNotFoundError when it has forgotten it."""
        if self._row.get("phase", "QUEUED") in ("QUEUED", "RUNNING"):
            self._row = _row(shared.connection(self._path), self.name)
        return rows.run_details(self._row)

    def _actions(self) -> List[rows.ActionDetails]:
        """The calls of the run, oldest first, the root among them."""
        connection = shared.connection(self._path)
        return [rows.action_details(row) for row in connection.rows("actions", self.name)]

    def _rerun(self, name: str = "", recover: bool = False) -> Run:
        """Starts the run once more, with its task, code and arguments; the new run, which is called `name`.

        With `recover`, calls that finished in this run are not made again: the new run takes their results. Raises
        RuntimeUserError when the node no longer keeps the inputs, RuntimeSystemError when it no longer has the code.
        """
        refuse_in_event_loop("run.rerun(...)", "await run.rerun.aio(...)")
        connection = shared.connection(self._path)
        hi, lo = ids.new_id()
        order = {"name": self.name, "newName": name, "useRecord": recover, "callHi": str(hi), "callLo": str(lo)}
        return _found(connection, str(connection.ask("rerun", order)["name"]))

    rerun = Method(_rerun, lambda self, *args, **kwargs: _in_thread(self._rerun, *args, **kwargs))
    abort = Method(_abort, lambda self, *args: _in_thread(self._abort, *args))
    details = Method(_details, lambda self: _in_thread(self._details))
    actions = Method(_actions, lambda self: _in_thread(self._actions))

    def _logs(self, follow: bool = True, action: str = "") -> log_stream.LogStream:
        """The output of the run, line by line, from its beginning; with `follow` until the run has ended."""
        return log_stream.LogStream(self._path, self.name, action=action, follow=follow)

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
        slot = self._joined
        state = _phase_of(slot.reply) if slot is not None and slot.ready else "open"
        return f"<run {self.name} of {self.task_name}, {state}>"


async def _in_thread(function: Any, *args: Any, **kwargs: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, functools.partial(function, *args, **kwargs))


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
