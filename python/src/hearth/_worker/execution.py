"""One execution of a call: arguments in, user code, value or failure out. Nothing here knows a socket."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Tuple

from .. import _frames, _runtime, _values, errors
from .._codes import Code
from . import sandbox
from .interrupts import CallCancelled, Seat

if TYPE_CHECKING:
    from .calls import Call

__all__ = ["Outcome", "execute", "execute_async", "text_failure"]

_now = time.perf_counter_ns


Outcome = Tuple[int, int, Any, int]
"""What the Reply says: flags, code, body (bytes-like), nanoseconds in user code."""


def text_failure(code: Code, sentence: str, run_ns: int = 0) -> Outcome:
    return _frames.REPLY_FAILED | _frames.REPLY_TEXT, int(code), sentence.encode(), run_ns


def execute(call: Call, seat: Seat) -> Outcome:
    """Runs a sync task in the calling thread, whose seat is `seat`. In a context of its own."""
    _runtime.enter(call)
    task = call.task
    try:
        arguments = task.codec.decode_arguments(call.body)
    except BaseException as error:
        return _failure(call, error, Code.DATA_VALIDATION, 0)
    call.body = b""
    began = _now()
    try:
        try:
            seat.enter(call)
            value = task.function(**arguments)
        finally:
            seat.leave()
    except CallCancelled:
        _calm(seat)
        return _aborted(_now() - began)
    except BaseException as error:
        if call.interrupted:  # what the cancellation became on its way through the user's code
            return _aborted(_now() - began)
        return _failure(call, error, Code.USER_ERROR, _now() - began)
    return _success(call, value, _now() - began)


async def execute_async(call: Call) -> Outcome:
    """The same for an async task, inside the call's own asyncio task."""
    if call.cancelled:
        return _aborted(0)
    _runtime.enter(call)
    task = call.task
    try:
        arguments = task.codec.decode_arguments(call.body)
    except BaseException as error:
        return _failure(call, error, Code.DATA_VALIDATION, 0)
    call.body = b""
    began = _now()
    try:
        value = await task.function(**arguments)
    except BaseException as error:
        if call.cancelled:
            return _aborted(_now() - began)
        return _failure(call, error, Code.USER_ERROR, _now() - began)
    return _success(call, value, _now() - began)


def _success(call: Call, value: Any, run_ns: int) -> Outcome:
    try:
        return 0, 0, call.task.codec.encode_result(value), run_ns
    except BaseException as error:
        return _failure(call, error, Code.DATA_VALIDATION, run_ns)


def _calm(seat: Seat) -> None:
    """Leaves the seat although the exception may have hit `leave` itself; it comes at most once per call."""
    try:
        seat.leave()
    except CallCancelled:
        seat.leave()


def _aborted(run_ns: int) -> Outcome:
    return text_failure(Code.ABORTED, "The call was aborted while it ran.", run_ns)


def _failure(call: Call, error: BaseException, code: Code, run_ns: int) -> Outcome:
    """`code` says in which part `error` was raised; some errors say it better themselves."""
    if isinstance(error, errors.NonRecoverableError):
        code = Code.NON_RECOVERABLE
    elif isinstance(error, errors.InlineIOMaxBytesBreached):
        code = Code.INLINE_IO_TOO_LARGE
    elif code is Code.DATA_VALIDATION and not isinstance(error, errors.RuntimeDataValidationError):
        code = Code.USER_ERROR  # user code that runs while values are made: a model's validator, __post_init__
    sandbox.note(error, call.settings)
    return _frames.REPLY_FAILED, int(code), _values.encode_failure(error, call), run_ns
