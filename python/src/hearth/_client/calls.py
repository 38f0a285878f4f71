"""Single calls: one task, one set of arguments, one reply.

In a program they go to the node; inside a task they are its children, and go through the interpreter's runner. A call
belongs to its connection: it is aborted when the program ends.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Iterator, List, Mapping, Tuple

from hearth import _frames, _runtime
from hearth._client import environments, shared
from hearth._client.call_slot import CallSlot, value_of
from hearth._client.environments import Target
from hearth._client.handles import ChildHandle, Handle
from hearth._client.refusals import refuse_blocking, running_loop
from hearth._frames import BODY_BYTES_MAX, CALL_CACHE_SHIFT, CALL_RUN
from hearth.errors import NodeUnavailableError, OnlyAsyncIOSupportedError, ValueTooLargeError

if TYPE_CHECKING:
    from hearth._client.connection import Connection
    from hearth._task import Task

__all__ = ["frames", "is_small", "remote", "remote_aio", "send", "spawn", "spawn_aio"]

_INTERRUPTED = "the caller was interrupted"


def remote(task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Calls `task` and returns its value. Blocks. See `Task.remote` for what it raises."""
    if running_loop() is not None:
        word = _word(task)
        raise refuse_blocking(f"{word}.remote(...)", f"await {word}.remote.aio(...)")
    runner = _runtime.current()
    if runner is not None:
        _runtime.refuse_in_trace(task.name)
        return runner.call(task, args, kwargs)
    slot = _ended(task, args, kwargs)
    if environments.is_closed(slot.reply):  # nothing of the call has run
        environments.closed(slot.connection, slot.target)
        slot = _ended(task, args, kwargs)
    return value_of(slot)


def _ended(task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> CallSlot:
    begun: List[CallSlot] = []
    try:
        slot = _begin(task, args, kwargs, begun)
        slot.connection.wait(slot)
    except BaseException:
        _take_back(begun)
        raise
    return slot


def _take_back(begun: List[CallSlot]) -> None:
    for slot in begun:
        slot.connection.cancel(slot.lo, _INTERRUPTED)


async def remote_aio(task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The same, awaitable. Cancelling it cancels the call."""
    runner = _runtime.current()
    if runner is not None:
        _runtime.refuse_in_trace(task.name)
        return await runner.call_async(task, args, kwargs)
    slot = await _ended_aio(task, args, kwargs)
    if environments.is_closed(slot.reply):
        environments.closed(slot.connection, slot.target)
        slot = await _ended_aio(task, args, kwargs)
    return value_of(slot)


async def _ended_aio(task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> CallSlot:
    slot = await _begin_aio(task, args, kwargs)
    try:
        await slot.connection.port().wait(slot)
    except BaseException:
        slot.connection.cancel(slot.lo, _INTERRUPTED)
        raise
    return slot


def spawn(task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Starts a call and returns its handle. Blocks only to open the environment and while the connection's window is
    full; where that would stop an event loop, it raises OnlyAsyncIOSupportedError."""
    runner: Any = _runtime.current()
    if runner is not None:
        _runtime.refuse_in_trace(task.name)
        return ChildHandle(runner.spawn(task, args, kwargs))
    begun: List[CallSlot] = []
    try:
        return Handle(_begin(task, args, kwargs, begun))
    except BaseException:  # nobody has the handle
        _take_back(begun)
        raise


async def spawn_aio(task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The same, awaitable: what would block is awaited."""
    runner: Any = _runtime.current()
    if runner is not None:
        _runtime.refuse_in_trace(task.name)
        return ChildHandle(runner.spawn(task, args, kwargs))
    return Handle(await _begin_aio(task, args, kwargs))


def _begin(task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any], begun: List[CallSlot]) -> CallSlot:
    """Sends the call. A connection whose end nobody had noticed is replaced: nothing of the call has run then.

    `begun` takes the slot before anything is sent, for those who are interrupted.
    """
    in_loop = running_loop() is not None
    replaced = False
    while True:
        if in_loop:
            connection = shared.open_connection()
            if connection is None or environments.known_target(connection, task) is None:
                raise _refuse_spawn(task, "whose environment is not open yet")
        else:
            connection = shared.connection()
        try:
            slot = CallSlot(connection, environments.target(connection, task))
            body = slot.target.codec.encode_arguments(task.bind(args, kwargs))
            if not connection.window.has_room(len(body)):
                if in_loop:
                    raise _refuse_spawn(task, "with too many open calls")
                connection.admit(len(body))
            begun.append(slot)
            send(slot, body)
            return slot
        except NodeUnavailableError:
            if replaced or not connection.broken:
                raise
            replaced = True


def _refuse_spawn(task: Task[Any, Any], why: str) -> OnlyAsyncIOSupportedError:
    word = _word(task)
    return refuse_blocking(f"{word}.spawn(...), {why},", f"await {word}.spawn.aio(...)")


async def _begin_aio(task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> CallSlot:
    replaced = False
    while True:
        connection = await shared.connection_aio()
        try:
            return await _send_aio(connection, task, args, kwargs)
        except NodeUnavailableError:
            if replaced or not connection.broken:
                raise
            replaced = True


async def _send_aio(
    connection: Connection, task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]
) -> CallSlot:
    target = environments.known_target(connection, task)
    if target is None:
        loop = asyncio.get_running_loop()
        target = await loop.run_in_executor(None, environments.target, connection, task)
    slot = CallSlot(connection, target)
    body = target.codec.encode_arguments(task.bind(args, kwargs))
    port = connection.port()
    if not connection.window.has_room(len(body)):
        await connection.admit_aio(port, len(body))
    if not is_small(body):
        await asyncio.get_running_loop().run_in_executor(None, send, slot, body)
    else:
        connection.register(slot.lo, slot, len(body))
        try:
            port.send(target.frame(slot.lo, body))
        except BaseException:
            connection.forget(slot.lo)
            raise
    return slot


def _word(task: Task[Any, Any]) -> str:
    return task.name.partition(".")[2]


# -- frames -----------------------------------------------------------------------------------------------------------


def send(slot: CallSlot, body: Any, run: bool = False, mode: int = 0) -> None:
    """Sends the call of `slot`, in parts when it is large; `run`: it is the root of the run that was announced before. It and
    all calls below it use the cache as `mode` of `hearth._values.keys` says.

    Blocks. Raises NodeUnavailableError, ValueTooLargeError. When it is interrupted after the node has heard of the call, the
    call stays open: cancel it.
    """
    connection, lo = slot.connection, slot.lo
    out: List[int] = []
    try:
        connection.register(lo, slot, len(body))
        if is_small(body) and not run and not mode:
            connection.send(slot.target.frame(lo, body), out=out)
        else:
            connection.send_parts(frames(connection, slot.target, (slot.hi, lo), body, run, mode), out)
    except BaseException as error:
        if isinstance(error, Exception) or not out:
            connection.forget(lo)
        raise


def is_small(body: Any) -> bool:
    """Whether the encoded arguments `body` go into one frame."""
    return len(body) <= BODY_BYTES_MAX and not hasattr(body, "buffers")


def frames(
    connection: Connection, target: Target, identity: Tuple[int, int], body: Any, run: bool = False, mode: int = 0
) -> Iterator[Any]:
    """The frames of a call with arguments of any size, as bytes or as pieces. Raises ValueTooLargeError."""
    hi, lo = identity
    size = len(body)
    limit = connection.value_bytes_max
    if limit and size > limit:
        raise ValueTooLargeError(
            f"The arguments of {target.task.name} take {size:,} bytes; the node accepts {limit:,}. Pass a File instead."
        )
    first, rest = _frames.parts(body)
    flags = mode << CALL_CACHE_SHIFT
    fields = dict(target.fields, flags=flags) if flags else target.fields
    if run:  # a run is its own root
        fields = dict(fields, call_hi=hi, root_hi=hi, root_lo=lo, flags=flags | CALL_RUN)
    yield _frames.call(**fields, call_lo=lo, size=size, body=first)
    for offset, part, last in rest:
        flags = _frames.CHUNK_LAST if last else 0
        yield _frames.apart(_frames.chunk(flags=flags, call_hi=hi, call_lo=lo, offset=offset), part)
