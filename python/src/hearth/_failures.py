"""Which class a caller catches for a failure that came over the wire: the one place where codes become classes."""

from __future__ import annotations

from typing import Dict, Tuple, Type

from hearth import errors

__all__ = ["class_of"]

# Name of a code in `hearth._codes` -> the class a caller catches. One word per meaning; what has no class of its own
# keeps its name as `code` of the general class of its kind.
_CLASS_OF: Dict[str, Type[errors.BaseRuntimeError]] = {
    "user_error": errors.CustomError,
    "non_recoverable": errors.NonRecoverableError,
    "data_validation": errors.RuntimeDataValidationError,
    "module_load": errors.ModuleLoadError,
    "inline_io_too_large": errors.InlineIOMaxBytesBreached,
    "value_too_large": errors.ValueTooLargeError,
    "timeout_runtime": errors.MaxRuntimeExceededError,
    "timeout_queued": errors.MaxQueuedTimeExceededError,
    "deadline_exceeded": errors.DeadlineExceededError,
    "aborted": errors.ActionAbortedError,
    "interpreter_lost": errors.InterpreterLostError,
    "out_of_memory": errors.OOMError,
    "maybe_executed": errors.MaybeExecutedError,
    "crash_loop": errors.InterpreterStartError,
    "start_failed": errors.InterpreterStartError,
    "protocol_broken": errors.InterpreterLostError,
    "queue_full": errors.QueueFullError,
    "unknown_environment": errors.RemoteTaskNotFoundError,
    "unknown_task": errors.RemoteTaskNotFoundError,
    "unknown_run": errors.ActionNotFoundError,
    "bundle_too_large": errors.BundleError,
    "version_mismatch": errors.NodeUnavailableError,
    "shutting_down": errors.NodeUnavailableError,
}
_CLASS_OF_KIND: Dict[str, Type[errors.BaseRuntimeError]] = {
    "user": errors.RuntimeUserError,
    "system": errors.RuntimeSystemError,
}


def class_of(code: str, kind: str) -> Tuple[Type[errors.BaseRuntimeError], str]:
    """The class for the code of this name, and the word that the error has as its ``code``.

    A name that is not in the table keeps itself as the word, in the general class of `kind`.
    """
    cls = _CLASS_OF.get(code)
    if cls is not None:
        return cls, cls.CODE
    return _CLASS_OF_KIND.get(kind, errors.RuntimeUnknownError), code
