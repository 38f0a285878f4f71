"""Handles of calls that were started without waiting for them."""

from __future__ import annotations

import asyncio
from typing import Any, Generator, Optional

from hearth._client import ids
from hearth._client.call_slot import CallSlot, status_of, value_of
from hearth._client.forms import Method
from hearth._client.refusals import refuse_in_event_loop

__all__ = ["ChildHandle", "Handle"]


class Handle:
    """One started call. Every method is for any thread; ``await handle`` is ``await handle.result.aio()``.

    The call goes on when nobody holds its handle, but not when the program ends.
    """

    __slots__ = ("_slot",)

    def __init__(self, slot: CallSlot) -> None:
        self._slot = slot

    @property
    def call_id(self) -> str:
        """32 hex digits, as `hearth get action` shows them."""
        return ids.text(self._slot.connection.call_hi, self._slot.lo)

    @property
    def task_name(self) -> str:
        """Name of the called task."""
        return self._slot.task_name

    @property
    def cache_status(self) -> str:
        """"HIT" when the call has ended and was answered from the cache, else "". Never blocks."""
        return status_of(self._slot.reply)

    def done(self) -> bool:
        """Whether the call has ended, with or without success. Never blocks."""
        if not self._slot.ready:
            self._slot.connection.poll()
        return self._slot.ready

    def _result(self, timeout: Optional[float] = None) -> Any:
        """The value of the call; blocks until it is there, at most `timeout` seconds.

        Raises TimeoutError (the call goes on), the task's own exception, or a `hearth.errors` class.
        """
        self._wait("result", timeout)
        return value_of(self._slot)

    async def _result_aio(self, timeout: Optional[float] = None) -> Any:
        await self._wait_aio(timeout)
        return value_of(self._slot)

    def _exception(self, timeout: Optional[float] = None) -> Optional[BaseException]:
        """What `result` would raise, or None after success. Blocks like `result`."""
        self._wait("exception", timeout)
        return self._failure()

    async def _exception_aio(self, timeout: Optional[float] = None) -> Optional[BaseException]:
        await self._wait_aio(timeout)
        return self._failure()

    result = Method(_result, _result_aio)
    get = result
    exception = Method(_exception, _exception_aio)

    def _cancel(self, reason: str = "cancelled by its caller") -> bool:
        """Asks the call to stop; `result` then raises ActionAbortedError. False if it has ended already."""
        if self.done():
            return False
        self._slot.connection.cancel(self._slot.lo, reason)
        return True

    async def _cancel_aio(self, reason: str = "cancelled by its caller") -> bool:
        return self._cancel(reason)

    cancel = Method(_cancel, _cancel_aio)

    def __await__(self) -> Generator[Any, None, Any]:
        return self._result_aio().__await__()

    def _wait(self, what: str, timeout: Optional[float]) -> None:
        slot = self._slot
        if not slot.ready:
            refuse_in_event_loop(f"{what}()", f"await handle.{what}.aio()")
        if not slot.connection.wait(slot, timeout):
            raise TimeoutError(f"The call of {self.task_name} has not ended within {timeout} s; it goes on.")

    async def _wait_aio(self, timeout: Optional[float]) -> None:
        slot = self._slot
        if slot.ready:
            return
        waiting = slot.connection.port().wait(slot)
        try:
            await (waiting if timeout is None else asyncio.wait_for(waiting, timeout))
        except asyncio.TimeoutError:
            raise TimeoutError(f"The call of {self.task_name} has not ended within {timeout} s; it goes on.") from None

    def _failure(self) -> Optional[BaseException]:
        try:
            value_of(self._slot)
        except Exception as error:
            return error
        return None

    def __repr__(self) -> str:
        state = "ended" if self._slot.ready else "open"
        return f"<call {self.call_id} of {self.task_name}, {state}>"


class ChildHandle:
    """The same for a call that a task started: a child of the running call. It is cancelled when that call ends."""

    __slots__ = ("_child",)

    def __init__(self, child: Any) -> None:
        self._child = child

    @property
    def call_id(self) -> str:
        """32 hex digits."""
        return ids.text(self._child.hi, self._child.lo)

    @property
    def task_name(self) -> str:
        """Name of the called task."""
        return str(self._child.task.name)

    @property
    def cache_status(self) -> str:
        """As of `Handle`."""
        return status_of(self._child.answer)

    def done(self) -> bool:
        """Whether the call has ended. Never blocks."""
        return bool(self._child.done())

    def _result(self, timeout: Optional[float] = None) -> Any:
        """The value of the call; the slot of the running call is lent meanwhile. Raises like `Handle.result`."""
        return self._child.result(timeout)

    async def _result_aio(self, timeout: Optional[float] = None) -> Any:
        if timeout is None:
            return await self._child.result_async()
        done, _ = await asyncio.wait([asyncio.ensure_future(_awaited(self._child))], timeout=timeout)
        if not done:
            raise TimeoutError(f"The call of {self.task_name} has not ended within {timeout} s; it goes on.")
        return done.pop().result()

    def _exception(self, timeout: Optional[float] = None) -> Optional[BaseException]:
        """What `result` would raise, or None after success."""
        try:
            self._result(timeout)
        except Exception as error:
            if isinstance(error, TimeoutError) and not self.done():
                raise
            return error
        return None

    async def _exception_aio(self, timeout: Optional[float] = None) -> Optional[BaseException]:
        try:
            await self._result_aio(timeout)
        except Exception as error:
            if isinstance(error, TimeoutError) and not self.done():
                raise
            return error
        return None

    result = Method(_result, _result_aio)
    get = result
    exception = Method(_exception, _exception_aio)

    def _cancel(self, reason: str = "cancelled by its caller") -> bool:
        """Asks the call to stop; False if it has ended already."""
        if self.done():
            return False
        self._child.cancel()
        return True

    async def _cancel_aio(self, reason: str = "cancelled by its caller") -> bool:
        return self._cancel(reason)

    cancel = Method(_cancel, _cancel_aio)

    def __await__(self) -> Generator[Any, None, Any]:
        return self._result_aio().__await__()


async def _awaited(child: Any) -> Any:
    return await child.result_async()
