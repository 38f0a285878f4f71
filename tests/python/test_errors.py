"""Errors are classes to catch, with Flyte's codes and kinds; every code of the wire has one."""

from __future__ import annotations

import copy
import operator
import pickle

import pytest

from hearth import _codes, errors

# Wire name -> the class that a caller writes in `except`.
CAUGHT_AS = {
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
    "user_error": errors.CustomError,
}


@pytest.mark.parametrize("name", [_codes.name(code) for code in _codes.Code if code])
def test_every_code_of_the_wire_becomes_an_error_of_the_kind_of_its_class(name: str) -> None:
    kind = _codes.kind(_codes.Code[name.upper()])
    error = errors.from_failure(name, kind, "what happened", {"worker": 7})
    assert isinstance(error, CAUGHT_AS.get(name, errors.BaseRuntimeError))
    assert (str(error), error.kind, error.worker) == ("what happened", type(error).KIND, "7")
    assert error.kind == kind or name in CAUGHT_AS
    assert error.code and error.details == {"worker": 7}


def test_too_little_memory_is_the_users_to_change_whatever_the_node_calls_it() -> None:
    error = errors.from_failure("out_of_memory", "system", "The replica exceeded its memory limit.")
    assert isinstance(error, errors.OOMError) and isinstance(error, errors.RuntimeUserError) and error.kind == "user"


FLYTE_NAMES = """
    ActionAbortedError ActionNotFoundError BaseRuntimeError CustomError DeploymentError ImagePullBackOffError
    InitializationError InlineIOMaxBytesBreached InvalidImageNameError ModuleLoadError NonRecoverableError
    NotInTaskContextError OOMError OnlyAsyncIOSupportedError ParameterMaterializationError PrimaryContainerNotFoundError
    RemoteTaskNotFoundError RestrictedTypeError RetriesExhaustedError RuntimeDataValidationError RuntimeSystemError
    RuntimeUnknownError RuntimeUserError SlowDownError TaskInterruptedError TaskTimeoutError
    TraceDoesNotAllowNestedTasksError
""".split()


@pytest.mark.parametrize("name", FLYTE_NAMES)
def test_programs_may_name_every_error_of_flyte(name: str) -> None:
    assert name in errors.__all__ and issubclass(getattr(errors, name), errors.BaseRuntimeError)


@pytest.mark.parametrize(
    ("kind", "cls"),
    [
        ("user", errors.RuntimeUserError),
        ("system", errors.RuntimeSystemError),
        ("unknown", errors.RuntimeUnknownError),
        ("", errors.RuntimeUnknownError),
    ],
)
def test_a_code_nobody_knows_keeps_its_name_in_the_class_of_its_kind(kind: str, cls: type) -> None:
    error = errors.from_failure("from_the_future", kind, "text")
    assert type(error) is cls
    assert error.code == "from_the_future"


def test_a_failure_without_text_says_which_code_it_was() -> None:
    assert "'name_taken'" in str(errors.from_failure("name_taken", "user"))


def test_a_users_exception_that_cannot_be_rebuilt_has_its_class_name_as_code() -> None:
    error = errors.from_failure("user_error", "user", "no such row", {"type": "RowMissing"})
    assert (type(error), error.code) == (errors.CustomError, "RowMissing")


def test_custom_error_takes_code_text_and_cause_from_an_exception() -> None:
    cause = KeyError("k")
    error = errors.CustomError.from_exception(cause)
    assert (error.code, str(error), error.__cause__) == ("KeyError", "'k'", cause)


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (errors.RuntimeUserError("Bad", "m"), "Bad", "user"),
        (errors.RuntimeSystemError("Bad", "m"), "Bad", "system"),
        (errors.RuntimeUnknownError("Bad", "m"), "Bad", "unknown"),
        (errors.OOMError("OOMError", "m"), "OOMError", "user"),
        (errors.TaskTimeoutError("m"), "TaskTimeoutError", "user"),
        (errors.NonRecoverableError("m"), "NonRecoverableError", "user"),
        (errors.ModuleLoadError("m"), "ModuleLoadError", "user"),
        (errors.RestrictedTypeError("m"), "RestrictedTypeUsage", "user"),
        (errors.InitializationError("Init", "user", "m"), "Init", "user"),
        (errors.QueueFullError("m"), "QueueFullError", "system"),
        (errors.InterpreterLostError("m"), "InterpreterLostError", "system"),
        (errors.NodeUnavailableError("m"), "NodeUnavailableError", "system"),
    ],
)
def test_an_error_made_by_hand_has_the_code_and_kind_of_its_class(
    error: errors.BaseRuntimeError, code: str, kind: str
) -> None:
    assert (error.code, error.kind, error.worker, str(error)) == (code, kind, None, "m")


def test_a_data_validation_error_names_task_and_parameter() -> None:
    error = errors.RuntimeDataValidationError("pixels", "a list is expected", "digits.classify")
    assert str(error) == "task 'digits.classify', 'pixels': a list is expected"


def test_who_catches_the_general_meaning_catches_the_special_one() -> None:
    assert issubclass(errors.MaxRuntimeExceededError, errors.TaskTimeoutError)
    assert issubclass(errors.MaybeExecutedError, errors.InterpreterLostError)
    assert issubclass(errors.InterpreterLostError, errors.TaskInterruptedError)
    assert issubclass(errors.QueueFullError, errors.SlowDownError)
    assert issubclass(errors.BundleError, errors.DeploymentError)
    assert issubclass(errors.ActionNotFoundError, RuntimeError)


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name.endswith(("Error", "Breached"))])
def test_errors_survive_pickling_and_copying(name: str) -> None:
    error = errors._restore(getattr(errors, name), ("m",), {"code": "C", "kind": "user", "worker": "3", "details": {"a": 1}})
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert (str(again), again.code, again.kind, again.worker, again.details) == ("m", "C", "user", "3", {"a": 1})


@pytest.mark.parametrize("act", [operator.add, operator.sub, operator.mul, operator.truediv, operator.lt, operator.mod])
def test_an_error_among_results_raises_itself_when_it_is_counted_with(act: object) -> None:
    error = errors.OOMError("OOMError", "too much")
    for operands in ((error, 1), (1, error)):
        with pytest.raises(errors.OOMError, match="too much"):
            act(*operands)  # type: ignore[operator]
    with pytest.raises(errors.OOMError):
        sum([1, error])
