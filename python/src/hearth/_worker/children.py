"""Calls that the calls of this replica have made: from the user's arguments to the answer of the node.

Shared by both loops. Any thread prepares and sends; answers are taken by whoever reads the socket.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any, Awaitable, Dict, List, Mapping, Optional, Tuple

from .. import _codes, errors
from .._values.memory import owned
from .names import child_id, identity_of
from .waits import Wait

if TYPE_CHECKING:
    from .calls import Call
    from .link import Link
    from .program import Program

__all__ = ["Child", "Children"]

# Environments remembered by what they were opened as. Each override of a task makes an environment of its own, so a
# loop could open any number of them.
_TARGETS_MAX = 4096


class Child:
    """One call made by `parent`; what `spawn` gives to the user's code. For any thread of the parent."""

    __slots__ = ("answer", "body", "codec", "error", "hi", "lo", "parent", "sent", "task", "waits")

    def __init__(self, parent: Call, task: Any, codec: Any, body: bytes, identity: Tuple[int, int]) -> None:
        self.parent = parent
        self.task = task
        self.codec = codec
        self.body = body
        self.hi, self.lo = identity
        self.sent = False  # the node has been told
        self.answer: Any = None  # the Reply
        self.error: Optional[BaseException] = None  # instead of one
        self.waits: Tuple[Wait, ...] = ()  # fired by the answer

    @property
    def finished(self) -> bool:
        """Whether the answer is here; unlike `done` it does not look for it."""
        return self.answer is not None or self.error is not None

    def done(self) -> bool:
        """Whether the child has ended: `result` will not block."""
        with self.parent.guard():
            return self.finished or self.parent.loop.look_for(self)

    def result(self, timeout: Optional[float] = None) -> Any:
        """The child's value; waits for it at most `timeout` seconds, while the parent's slot is lent.

        Raises TimeoutError, the child's own exception or a `hearth.errors` class; in the thread of a running event
        loop OnlyAsyncIOSupportedError.
        """
        if not self.finished:
            self.parent.wait_any((self,), timeout)
            if not self.finished:
                raise self.too_slow(timeout)
        return self.value()

    def result_async(self, timeout: Optional[float] = None) -> Awaitable[Any]:
        """`result` as an awaitable. Cancelling it cancels the child; a time-out does not."""
        return self.parent.loop.await_child(self, timeout)

    def too_slow(self, timeout: Optional[float]) -> TimeoutError:
        return TimeoutError(f"The call of {self.task.name!r} has not ended within {timeout} s; it goes on.")

    def cancel(self) -> None:
        """Asks the child to stop; its result raises ActionAbortedError. Nothing if it has ended."""
        with self.parent.guard():
            self.parent.loop.cancel_child(self)

    def awaited_by(self, wait: Wait) -> None:
        """Has the answer fire `wait` too. For the loop."""
        self.waits = (*[other for other in self.waits if not other.fired], wait)

    def value(self) -> Any:
        """The value of a finished child. Raises its failure."""
        if self.error is not None:
            raise self.error
        return self.codec.value_of(self.answer)


class _Target:
    """An environment as the node knows it: its handle, or the children that wait for the handle."""

    __slots__ = ("_identity", "definition", "env", "handle", "held", "indexes", "revision")

    def __init__(self, env: Any, definition: Mapping[str, Any]) -> None:
        self.env = env  # also keeps it alive: targets are found by its id
        self.revision = env.revision
        self.definition = definition
        self.indexes = {task["name"]: index for index, task in enumerate(definition["tasks"])}
        self._identity = b""
        self.handle: Optional[int] = None
        self.held: List[Tuple[Child, int]] = []

    def identity(self) -> bytes:
        """What stands for the environment in the ids of calls below a run."""
        self._identity = self._identity or identity_of(self.definition)
        return self._identity


class Children:
    """All unfinished children of this replica."""

    def __init__(self, link: Link, program: Program) -> None:
        self._link = link
        self._program = program
        self._mutex = threading.Lock()  # guards what follows
        self._pending: Dict[Tuple[int, int], Child] = {}
        self._targets: Dict[int, _Target] = {}
        self._opening: Dict[int, _Target] = {}
        self._numbers = itertools.count(1)

    def prepare(self, parent: Call, task: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Child:
        """Checks and encodes the arguments. Raises TypeError or a `hearth.errors` class; the call is not sent."""
        codec = self._program.codec_of(task)
        arguments = task.bind(args, kwargs)
        body = codec.encode_arguments(arguments, parent.cache_mode)
        made = self._link.new_id() if parent.made is None else self._derived_id(parent, task, codec.digest(arguments))
        return Child(parent, task, codec, body, made)

    def _derived_id(self, parent: Call, task: Any, inputs: bytes) -> Tuple[int, int]:
        with self._mutex:
            return child_id(parent, self._target(task.env).identity(), task.name, inputs)

    def send(self, child: Child, parks: bool) -> bool:
        """Puts the Call, or holds it until its environment is open; the flush is the caller's. Whether the Call told
        the node that its parent waits (`parks`); if not, a Signal has to. Raises BundleError, RuntimeError.
        """
        with self._mutex:
            if child.parent.ended:  # it is abandoned under this mutex: no child goes out after its parent's Reply
                raise child.parent.over()
            target = self._target(child.task.env)
            index = target.indexes[child.task.name]
            self._pending[child.hi, child.lo] = child
            if child.parent.children is None:
                child.parent.children = {}
            child.parent.children[child.hi, child.lo] = child
            if target.handle is None:
                child.body = owned(child.body)  # the parent goes on before it is sent, and may change its memory
                target.held.append((child, index))
                return False
            self._put(child, target.handle, index, parks)
        return parks

    def _put(self, child: Child, handle: int, index: int, parks: bool) -> None:
        self._link.call(child, handle, index, parks)
        child.sent = True

    def _target(self, env: Any) -> _Target:
        target = self._targets.get(id(env))
        if target is not None and target.revision == env.revision:
            return target
        if len(self._targets) >= _TARGETS_MAX:
            self._targets.clear()
        definition = self._program.definition_of(env)
        target = _Target(env, definition)
        number = next(self._numbers)
        self._opening[number] = target
        self._targets[id(env)] = target
        self._link.request(number, {"openEnvironment": definition})
        return target

    def opened(self, number: int, response: Mapping[str, Any]) -> List[Child]:
        """The node's response to `openEnvironment`: held children are sent. Those that fail instead are returned."""
        with self._mutex:
            target = self._opening.pop(number)
            held, target.held = target.held, []
            opened = response.get("environment")
            if opened is None:
                self._targets.pop(id(target.env), None)  # the next call asks again
                for child, _ in held:
                    child.error = _refusal(response.get("error") or {})
                    self._forget(child)
                return [child for child, _ in held]
            target.handle = int(opened["handle"])
            for child, index in held:
                if (child.hi, child.lo) in self._pending:
                    self._put(child, target.handle, index, False)
        return []

    def answered(self, reply: Any) -> Optional[Child]:
        """The child that `reply` finishes; None if nobody waits for it any more."""
        with self._mutex:
            child = self._pending.get((reply.call_hi, reply.call_lo))
            if child is not None:
                child.answer = reply
                self._forget(child)
            return child

    def cancel(self, child: Child) -> bool:
        """Tells the node to stop `child`, which is finished with that; False if it was before."""
        with self._mutex:
            if child.finished:
                return False
            child.error = errors.ActionAbortedError(f"The call of {child.task.name!r} was cancelled by its caller.")
            self._forget(child)
        if child.sent:
            self._link.cancel(child)
        return True

    def abandon(self, parent: Call) -> None:
        """Cancels what `parent`, which has ended, left unfinished."""
        if parent.children:
            for child in list(parent.children.values()):
                self.cancel(child)

    def _forget(self, child: Child) -> None:
        self._pending.pop((child.hi, child.lo), None)
        if child.parent.children is not None:
            child.parent.children.pop((child.hi, child.lo), None)


def _refusal(failure: Mapping[str, Any]) -> BaseException:
    code = int(failure.get("code", _codes.Code.INTERNAL_ERROR))
    return errors.from_failure(_codes.name(code), _codes.kind(code), failure.get("message") or _codes.sentence(code))
