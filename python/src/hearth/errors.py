"""What can go wrong, as classes to catch.

Names, codes and kinds are those of Flyte 2, so that an ``except`` clause moves over unchanged; what Flyte has no word
for follows in the second half. Every class is a `BaseRuntimeError` with

* ``code``: a stable word for programs ("OOMError"); of a failed task, the class name of what it raised
* ``kind``: who can do something about it: ``"user"``, ``"system"`` or ``"unknown"``
* ``worker``: the replica where it happened, or None
* ``details``: what else is known (a dict), for instance the user's frames

A task's own exception arrives as itself (``except ValueError`` works); these classes are for everything else.

Example::

    try:
        train.remote(data)
    except hearth.errors.OOMError:
        train.override(reusable="off", resources=hearth.Resources(memory="8Gi")).remote(data)
"""

from __future__ import annotations

from typing import Any, ClassVar, Dict, Mapping, NoReturn, Optional, Tuple, Type, Union

# fmt: off
__all__ = [
    "ActionAbortedError", "ActionNotFoundError", "BaseRuntimeError", "BundleError", "ConfigurationError",
    "CustomError", "DeadlineExceededError", "DeploymentError", "ImagePullBackOffError", "InitializationError",
    "InlineIOMaxBytesBreached", "InterpreterLostError", "InterpreterStartError", "InvalidImageNameError",
    "MaxQueuedTimeExceededError", "MaxRuntimeExceededError", "MaybeExecutedError", "ModuleLoadError",
    "NodeUnavailableError", "NonRecoverableError", "NotInTaskContextError", "OOMError", "OnlyAsyncIOSupportedError",
    "ParameterMaterializationError", "PrimaryContainerNotFoundError", "QueueFullError", "RemoteTaskNotFoundError",
    "ResourceExhaustedError",
    "RestrictedTypeError", "RetriesExhaustedError", "RuntimeDataValidationError", "RuntimeSystemError",
    "RuntimeUnknownError", "RuntimeUserError", "SlowDownError", "SyncTaskCallInAsyncContextError",
    "TaskInterruptedError", "TaskTimeoutError", "TraceDoesNotAllowNestedTasksError", "ValueTooLargeError",
    "from_failure",
]
# fmt: on


class BaseRuntimeError(RuntimeError):
    """Base of every error of the runtime.

    `hearth.map` returns the errors of single calls as values. Such a value must not pass for a number: arithmetic and
    comparison on it raise the error itself, so that ``sum(results)`` shows what failed.
    """

    CODE: ClassVar[str] = "RuntimeError"
    KIND: ClassVar[str] = "unknown"

    code: str
    kind: str
    worker: Optional[str]
    details: Dict[str, Any]

    def __init__(self, code: str, kind: str, message: str, worker: Optional[str] = None) -> None:
        super().__init__(message)
        self.code = code
        self.kind = kind
        self.worker = worker
        self.details = {}

    def __reduce__(self) -> Tuple[Any, ...]:
        # The constructors differ from class to class; pickling must not depend on them.
        return (_restore, (type(self), self.args, self.__dict__))

    def _raise_itself(self, *_: object) -> NoReturn:
        raise self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _raise_itself
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _raise_itself
    __pow__ = __rpow__ = __matmul__ = __rmatmul__ = __neg__ = __pos__ = __abs__ = _raise_itself
    __lt__ = __le__ = __gt__ = __ge__ = __int__ = __float__ = __index__ = _raise_itself


def _restore(cls: Type[BaseRuntimeError], args: Tuple[Any, ...], state: Mapping[str, Any]) -> BaseRuntimeError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class RuntimeUserError(BaseRuntimeError):
    """The user's code, input or limits are the reason."""

    CODE = "UserError"
    KIND = "user"

    def __init__(self, code: str, message: str, worker: Optional[str] = None) -> None:
        super().__init__(code, self.KIND, message, worker)


class RuntimeSystemError(BaseRuntimeError):
    """The runtime or the machine is the reason; the same call may succeed later."""

    CODE = "SystemError"
    KIND = "system"

    def __init__(self, code: str, message: str, worker: Optional[str] = None) -> None:
        super().__init__(code, self.KIND, message, worker)


class RuntimeUnknownError(BaseRuntimeError):
    """Nobody can tell whose reason it is."""

    CODE = "UnknownError"
    KIND = "unknown"

    def __init__(self, code: str, message: str, worker: Optional[str] = None) -> None:
        super().__init__(code, self.KIND, message, worker)


class InitializationError(BaseRuntimeError):
    """The runtime is used before it is set up."""

    CODE = "InitializationError"
    KIND = "user"


class _UserErrorOfOneCode(RuntimeUserError):
    """A user error whose class says all: it is made from a message alone."""

    def __init__(self, message: str) -> None:
        super().__init__(self.CODE, message)


class _SystemErrorOfOneCode(RuntimeSystemError):
    """A system error whose class says all: it is made from a message alone."""

    def __init__(self, message: str) -> None:
        super().__init__(self.CODE, message)


# -- a task that did not finish --------------------------------------------------------------------------------------


class OOMError(RuntimeUserError):
    """The replica exceeded its memory limit. `override(reusable="off", resources=...)` runs the task with more."""

    CODE = "OOMError"


class TaskInterruptedError(RuntimeUserError):
    """The execution was interrupted from outside; nothing is known against the task itself."""

    CODE = "TaskInterruptedError"


class TaskTimeoutError(RuntimeUserError):
    """One of the bounds of `hearth.Timeout` was exceeded; the subclasses say which."""

    CODE = "TaskTimeoutError"

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(code or self.CODE, message)


class MaxRuntimeExceededError(TaskTimeoutError):
    """One execution ran longer than `Timeout.max_runtime`."""

    CODE = "MaxRuntimeExceededError"


class MaxQueuedTimeExceededError(TaskTimeoutError):
    """The call waited longer than `Timeout.max_queued_time` for a slot."""

    CODE = "MaxQueuedTimeExceededError"


class DeadlineExceededError(TaskTimeoutError):
    """All executions together took longer than `Timeout.deadline`."""

    CODE = "DeadlineExceededError"


class ActionAbortedError(_UserErrorOfOneCode):
    """Somebody aborted the call, or its caller is gone."""

    CODE = "ActionAbortedError"


class NonRecoverableError(RuntimeUserError):
    """Raise it in a task to fail at once, whatever retries are left."""

    CODE = "NonRecoverableError"

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(code or self.CODE, message)


class CustomError(RuntimeUserError):
    """A user's exception whose class cannot be rebuilt here. ``code`` is the name of that class."""

    CODE = "CustomError"

    @classmethod
    def from_exception(cls, error: BaseException) -> CustomError:
        """The same failure as a `CustomError`: code = class name, message = text, cause = the exception."""
        custom = cls(type(error).__name__, str(error))
        custom.__cause__ = error
        return custom


# -- values and code -------------------------------------------------------------------------------------------------


class RuntimeDataValidationError(RuntimeUserError):
    """A value does not fit the annotation of its parameter, or of the task's result."""

    CODE = "DataValidationError"

    def __init__(self, var: str, e: Union[BaseException, str], task_name: str = "") -> None:
        task = f"task {task_name!r}, " if task_name else ""
        super().__init__(self.CODE, f"{task}{var!r}: {e}")


class RestrictedTypeError(_UserErrorOfOneCode):
    """An annotation names a type that values of tasks cannot have."""

    CODE = "RestrictedTypeUsage"


class InlineIOMaxBytesBreached(_UserErrorOfOneCode):
    """A value is larger than the task's `max_inline_io_bytes`. Raise that limit, or pass a `File`."""

    CODE = "InlineIOMaxBytesBreached"


class ModuleLoadError(_UserErrorOfOneCode):
    """The environment's code cannot be imported by its interpreter."""

    CODE = "ModuleLoadError"


class DeploymentError(_UserErrorOfOneCode):
    """An environment cannot be sent to the node as it is."""

    CODE = "DeploymentError"


# -- use of the SDK --------------------------------------------------------------------------------------------------


class NotInTaskContextError(RuntimeUserError):
    """Something that exists only while a task runs was asked for elsewhere."""

    CODE = "NotInTaskContext"


class OnlyAsyncIOSupportedError(_UserErrorOfOneCode):
    """A blocking form was used where only the awaitable one works."""

    CODE = "OnlyAsyncIOSupportedError"


class SyncTaskCallInAsyncContextError(_UserErrorOfOneCode):
    """A sync task was called in the blocking form inside a running event loop; ``await task.aio(...)`` is the way."""

    CODE = "SyncTaskCallInAsyncContextError"


class TraceDoesNotAllowNestedTasksError(_UserErrorOfOneCode):
    """A task was called inside a function marked with `hearth.trace`."""

    CODE = "TraceDoesNotAllowNestedTasksError"


class RemoteTaskNotFoundError(_UserErrorOfOneCode):
    """The node knows no such task or environment."""

    CODE = "RemoteTaskNotFoundError"


class ActionNotFoundError(_UserErrorOfOneCode):
    """The node knows no such run or action."""

    CODE = "ActionNotFoundError"


class SlowDownError(_UserErrorOfOneCode):
    """The node asks to come back later."""

    CODE = "SlowDownError"


class ResourceExhaustedError(SlowDownError):
    """A limit of the node is reached."""

    CODE = "ResourceExhaustedError"


# -- words of Flyte that programs name, for what does not happen here: Hearth raises none of them -----------------------


class RetriesExhaustedError(RuntimeUserError):
    """Every execution has failed. Here the last one's own exception, or loss, is what the caller gets."""

    CODE = "RetriesExhausted"


class ImagePullBackOffError(RuntimeUserError):
    """An image cannot be pulled. Tasks run with interpreters of the node."""


class InvalidImageNameError(RuntimeUserError):
    """An image has an impossible name."""


class PrimaryContainerNotFoundError(RuntimeUserError):
    """A pod has no container for the task."""


class ParameterMaterializationError(_UserErrorOfOneCode):
    """A parameter of an app cannot be made."""


# -- words of Hearth -------------------------------------------------------------------------------------------------


class QueueFullError(ResourceExhaustedError):
    """The environment's queue is full: nothing ran, the same call may be accepted a moment later."""

    CODE = "QueueFullError"
    KIND = "system"


class InterpreterLostError(TaskInterruptedError):
    """The interpreter ended while the call ran, and `RetryStrategy.lost` allows no further execution."""

    CODE = "InterpreterLostError"
    KIND = "system"

    def __init__(self, message: str) -> None:
        super().__init__(self.CODE, message)


class MaybeExecutedError(InterpreterLostError):
    """With ``lost=0`` a call that had begun is not run again: it may have taken effect, or not."""

    CODE = "MaybeExecutedError"


class InterpreterStartError(_SystemErrorOfOneCode):
    """The environment's interpreter cannot be started, or ends again and again before it serves."""

    CODE = "InterpreterStartError"


class NodeUnavailableError(_SystemErrorOfOneCode):
    """No node answers, it is stopping, or it speaks another protocol version."""

    CODE = "NodeUnavailableError"


class ValueTooLargeError(_UserErrorOfOneCode):
    """A value is larger than the node accepts at all. A file is the better carrier."""

    CODE = "ValueTooLargeError"


class BundleError(DeploymentError):
    """The code cannot be packed into a bundle, or a module is not in it."""

    CODE = "BundleError"


class ConfigurationError(_UserErrorOfOneCode):
    """A setting (flag, `HEARTH_*` variable, configuration file) has no meaning."""

    CODE = "ConfigurationError"


# -- from the wire ---------------------------------------------------------------------------------------------------


def from_failure(
    code: str, kind: str = "", message: str = "", details: Optional[Mapping[str, Any]] = None
) -> BaseRuntimeError:
    """The exception for a failure that came over the wire.

    Parameters:
        code: name of a `hearth._codes` code ("queue_full"), or any other word; then `kind` decides the class.
        kind: "user", "system" or "unknown". An error's own kind is always that of its class.
        message: what happened, where, what to do next.
        details: kept as ``error.details``. ``"worker"`` becomes ``error.worker``; ``"type"``, the class name of the
            user's exception, becomes ``error.code`` of a failed task.

    Never raises; the caller raises what is returned.
    """
    from hearth._failures import class_of  # only who talks to a node needs it

    cls, word = class_of(code, kind)
    known = dict(details or {})
    if code == "user_error" and known.get("type"):
        word = str(known["type"])
    worker = known.get("worker")
    state = {"code": word, "kind": cls.KIND, "worker": None if worker is None else str(worker), "details": known}
    return _restore(cls, (message or f"The node reports {code!r} and says no more.",), state)
