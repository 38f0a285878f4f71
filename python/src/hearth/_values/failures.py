"""Failures: what a Reply says when a call has no value, from the exception in the interpreter to the one that the caller
gets.

A failure is a CBOR map whose texts every reader understands, whatever the exception is::

    message    the exception's text                type       its class name, as people know it
    kind       "user", "system" or "unknown"       traceback  formatted, the user's code only
    frames     [{file, line, function, text}]      inputs     {parameter: repr, shortened}
    task, replica (pid)                            exception  byte string: the exception as a value, if it can travel
"""

from __future__ import annotations

import os
import traceback
from typing import Any, Dict, List, Mapping, Optional

from hearth import _codes, _frames, errors
from hearth._values import cbor
from hearth._values.exceptions import text_of
from hearth._values.objects import decode_hook, encode_hook

__all__ = ["RemoteTraceback", "encode_failure", "failure_of"]

_SDK = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_TEXT_MAX = 64 * 1024
_REPR_MAX = 200
_EXCEPTION_BYTES_MAX = 1024 * 1024
_FRAMES_SAID = 3


class RemoteTraceback(Exception):
    """Where and with what an exception was raised in an interpreter; the last `__cause__` of what the caller catches.

    Attributes: ``text`` (the formatted traceback), ``frames`` (the user's, outermost first, as dicts), ``inputs``
    (parameter -> repr), ``task``, ``replica``.
    """

    def __init__(self, failure: Mapping[str, Any]) -> None:
        self.text = str(failure.get("traceback", ""))
        self.frames: List[Dict[str, Any]] = list(failure.get("frames") or ())
        self.inputs: Dict[str, str] = dict(failure.get("inputs") or {})
        self.task = str(failure.get("task", ""))
        self.replica = str(failure.get("replica", ""))
        super().__init__(self.text)

    def __str__(self) -> str:
        inputs = "".join(f"\n    {name} = {value}" for name, value in self.inputs.items())
        where = f"in task {self.task}" + (f", replica {self.replica}" if self.replica else "")
        return f"{where}{', with' if inputs else ''}{inputs}\n\n{self.text.rstrip()}"


def encode_failure(error: BaseException, call: Any, inputs: Optional[Mapping[str, Any]] = None) -> bytes:
    """The failure of `call` by `error`, as bytes.

    Parameters:
        call: of it, what it has is told: ``task_name`` and ``replica``.
        inputs: arguments by name; None: as they are now in the innermost frame of the user's code that has them.

    Never raises for what the user's classes do.
    """
    described = traceback.TracebackException(type(error), error, error.__traceback__)
    _keep_user_frames(described, set())
    frames = [
        {"file": frame.filename, "line": frame.lineno, "function": frame.name, "text": frame.line or ""}
        for frame in described.stack
    ]
    failure: Dict[str, Any] = {
        "kind": getattr(error, "kind", "user") if isinstance(error, errors.BaseRuntimeError) else "user",
        "type": type(error).__qualname__,
        "message": _message(error, frames)[:_TEXT_MAX],
        "traceback": _text("".join(described.format()))[-_TEXT_MAX:],
        "frames": frames[-100:],
        "inputs": _shortened(inputs if inputs is not None else _inputs_of(error)),
        "task": getattr(call, "task_name", ""),
        "replica": str(getattr(call, "replica", "") or os.getpid()),
    }
    failure = {key: _safe(value) for key, value in failure.items()}
    # One that is no Exception steers the process that raises it: a program must not exit because a task did.
    exception = _exception_bytes(error) if isinstance(error, Exception) else None
    if exception is not None:
        failure["exception"] = exception
    return bytes(cbor.encode(failure, encode_hook))


def _message(error: BaseException, frames: List[Dict[str, Any]]) -> str:
    """The text of `error`; of one that does not arrive as itself also its class and the user's frames."""
    text = text_of(error)
    if isinstance(error, Exception):
        return text
    places = ", called from ".join(
        f"{frame['file']}, line {frame['line']}, in {frame['function']}" for frame in reversed(frames[-_FRAMES_SAID:])
    )
    return f"The task raised {type(error).__qualname__}{f': {text}' if text else ''}" + (f" ({places})" if places else "")


def _exception_bytes(error: BaseException) -> Optional[bytes]:
    try:
        encoded = bytes(cbor.encode(error, encode_hook))
    except Exception:  # the user's class does what it likes; texts remain
        return None
    return encoded if len(encoded) <= _EXCEPTION_BYTES_MAX else None


def _keep_user_frames(described: Any, seen: set[int]) -> None:
    """Drops the runtime's own frames, in all that led to the exception too."""
    if described is None or id(described) in seen:
        return
    seen.add(id(described))
    described.stack[:] = [frame for frame in described.stack if not _is_runtime(frame.filename)]
    _keep_user_frames(described.__cause__, seen)
    _keep_user_frames(described.__context__, seen)
    for inner in getattr(described, "exceptions", None) or ():
        _keep_user_frames(inner, seen)


def _is_runtime(filename: str) -> bool:
    return filename.startswith((_SDK, "<frozen "))


def _inputs_of(error: BaseException) -> Mapping[str, Any]:
    """Parameters of the task's function: the outermost frame of the user's code."""
    trace = error.__traceback__
    while trace is not None and _is_runtime(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    if trace is None:
        return {}
    code = trace.tb_frame.f_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    found = trace.tb_frame.f_locals
    return {name: found[name] for name in names if name in found}


def _shortened(inputs: Mapping[str, Any]) -> Dict[str, str]:
    from reprlib import Repr

    short = Repr()
    short.maxstring = short.maxother = _REPR_MAX
    made = {}
    for name, value in inputs.items():
        try:
            text = short.repr(value)
        except Exception as broken:  # the user's __repr__
            text = f"<repr() of it raises {type(broken).__name__}>"
        made[name] = text if len(text) <= _REPR_MAX else text[: _REPR_MAX - 3] + "..."
    return made


def _text(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _safe(value: Any) -> Any:
    """`value` with every text in a form that UTF-8 has."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {_text(key): _safe(item) for key, item in value.items()}
    return [_safe(item) for item in value] if isinstance(value, list) else value


def failure_of(reply: Any, task: str = "") -> BaseException:
    """The exception of a failed Reply: the user's own where its class is found here, else a `hearth.errors` class. It is
    always an Exception: SystemExit, KeyboardInterrupt and their like arrive as a RuntimeUserError that names them.

    Its innermost `__cause__` is a `RemoteTraceback`. Never raises; the caller raises what is returned.
    """
    name, kind = _codes.name(reply.code), _codes.kind(reply.code)
    body = reply.body
    if reply.flags & _frames.REPLY_TEXT:
        return errors.from_failure(name, kind, bytes(body).decode(errors="replace"), {"task": task})
    try:
        failure = cbor.decode(body, decode_hook)
    except Exception as error:  # a broken interpreter can send anything
        sentence = f"{_codes.sentence(reply.code)} What its interpreter says about it cannot be read: {error}"
        return errors.from_failure(name, kind, sentence, {"task": task})
    if not isinstance(failure, dict):
        return errors.from_failure(name, kind, f"{_codes.sentence(reply.code)} ({failure!r})", {"task": task})
    return _raised(failure, name, kind, task)


def _raised(failure: Dict[str, Any], name: str, kind: str, task: str) -> BaseException:
    remote = RemoteTraceback({**failure, "task": failure.get("task") or task})
    encoded = failure.pop("exception", None)
    error: Any = None
    if isinstance(encoded, bytes):
        try:
            error = cbor.decode(encoded, decode_hook)
        except Exception:  # needs a class that is not here, or one that refuses; texts remain
            error = None
    stands_in = type(error) is errors.CustomError and failure.get("type") != "CustomError"
    if not isinstance(error, Exception) or stands_in:
        details = {**failure, "worker": remote.replica}
        error = errors.from_failure(name, str(failure.get("kind") or kind), str(failure.get("message", "")), details)
    elif isinstance(error, errors.BaseRuntimeError):
        error.worker = error.worker or remote.replica
        error.details = {**failure, **error.details}
    _end_with(error, remote)
    return error  # type: ignore[no-any-return]


def _end_with(error: BaseException, remote: RemoteTraceback) -> None:
    """Makes `remote` the innermost cause, in place of one from a child call, whose text it has too."""
    seen = {id(error)}
    while error.__cause__ is not None and not isinstance(error.__cause__, RemoteTraceback):
        error = error.__cause__
        if id(error) in seen:
            return
        seen.add(id(error))
    error.__cause__ = remote
