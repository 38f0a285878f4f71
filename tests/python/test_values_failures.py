"""Failures: the exception of a task as its caller gets it."""

from __future__ import annotations

import asyncio
import json
import traceback
import types
from typing import Any, Callable

import pytest
from golden_types import BadInput
from hearth import _frames, _values, errors
from hearth._codes import Code
from hearth._frames_py import Reply
from hearth._values import RemoteTraceback, cbor, exceptions, objects

CALL = types.SimpleNamespace(task_name="demo.parse", replica=7)


def reply_with(body: bytes, code: Code = Code.USER_ERROR, flags: int = 0) -> Any:
    return Reply(2, _frames.REPLY_FAILED | flags, int(code), 1, 0, 0, 0, 0, len(body), 0, 0, 0, 0, 0, body)


def raised_by(function: Callable[..., Any], *args: Any) -> BaseException:
    """The exception of a task function, as its worker catches it."""
    with pytest.raises(BaseException) as caught:
        function(*args)
    caught.value.__traceback__ = caught.value.__traceback__.tb_next  # type: ignore[union-attr]  # without this frame
    return caught.value


def arrived(error: BaseException, code: Code = Code.USER_ERROR) -> BaseException:
    """The exception that the caller gets for `error`."""
    return _values.failure_of(reply_with(_values.encode_failure(error, CALL), code), "demo.parse")


def parse(text: str, column: int = 3) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadInput(1, column=column) from error


def test_the_users_exception_arrives_as_itself_with_its_cause() -> None:
    error = arrived(raised_by(parse, "{"))
    assert type(error) is BadInput and error.args == ("line 1",) and error.column == 3
    assert type(error.__cause__) is json.JSONDecodeError and error.__cause__.pos == 1


def test_the_innermost_cause_says_where_and_with_what_it_happened() -> None:
    error = arrived(raised_by(parse, "{"))
    assert error.__cause__ is not None
    remote = error.__cause__.__cause__
    assert isinstance(remote, RemoteTraceback)
    assert remote.inputs == {"text": "'{'", "column": "3"} and remote.task == "demo.parse" and remote.replica == "7"
    assert [frame["function"] for frame in remote.frames] == ["parse"]
    assert remote.frames[0]["file"] == __file__ and "raise BadInput" in remote.frames[0]["text"]
    shown = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    assert "in task demo.parse, replica 7, with\n    text = '{'" in shown and "JSONDecodeError" in shown


def test_frames_of_the_runtime_are_left_out() -> None:
    def through_the_runtime() -> None:
        cbor_py = __import__("hearth._values.cbor_py", fromlist=["encode"])
        cbor_py.encode(object(), lambda value: 1 / 0)

    remote = arrived(raised_by(through_the_runtime)).__cause__
    assert isinstance(remote, RemoteTraceback)
    assert [frame["function"] for frame in remote.frames] == ["through_the_runtime", "<lambda>"]
    assert "cbor_py.py" not in remote.text and "ZeroDivisionError" in remote.text


@pytest.mark.parametrize(
    "make",
    [
        lambda: open("/nonexistent/file"),
        lambda: __import__("nonexistent_module"),
        lambda: b"\xff".decode(),
        lambda: {}["key"],
        lambda: 1 / 0,
        lambda: next(iter(())),
        lambda: exec("def broken(:"),
    ],
)
def test_pythons_own_exceptions_keep_all_they_know(make: Callable[[], Any]) -> None:
    sent = raised_by(make)
    error = arrived(sent)
    assert type(error) is type(sent) and str(error) == str(sent) and error.args == sent.args
    for name in ("errno", "filename", "name", "start", "code", "lineno"):
        assert getattr(error, name, None) == getattr(sent, name, None)


class Stop(BaseException):
    """Of a user who wants to get past every `except Exception`."""


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit(), Stop("enough")])
def test_what_would_steer_the_callers_process_arrives_as_a_users_error_that_names_it(error: BaseException) -> None:
    def leave() -> None:
        raise error

    caught = arrived(raised_by(leave))
    assert isinstance(caught, errors.RuntimeUserError) and caught.kind == "user" and caught.code == type(error).__name__
    assert str(caught).startswith(f"The task raised {type(error).__name__}")
    assert str(error) in str(caught) and f"{__file__}, line " in str(caught) and "in leave" in str(caught)
    assert isinstance(caught.__cause__, RemoteTraceback) and caught.__cause__.frames[-1]["function"] == "leave"


def test_an_interpreter_that_sends_an_exit_as_a_value_makes_nobody_exit() -> None:
    sent = {"type": "SystemExit", "message": "3", "kind": "user"}
    sent["exception"] = bytes(cbor.encode(SystemExit(3), objects.encode_hook))
    caught = _values.failure_of(reply_with(bytes(cbor.encode(sent, objects.encode_hook))), "demo.parse")
    assert isinstance(caught, errors.RuntimeUserError) and caught.code == "SystemExit"


def test_an_exception_whose_class_is_not_here_becomes_a_custom_error() -> None:
    body = _values.encode_failure(raised_by(parse, "{"), CALL).replace(b"golden_types:BadInput", b"golden_tapes:BadInput")
    error = _values.failure_of(reply_with(body), "demo.parse")
    assert type(error) is errors.CustomError and error.code == "BadInput" and str(error) == "line 1"
    assert error.worker == "7" and error.details["frames"][0]["function"] == "parse"


def test_an_exception_that_cannot_travel_is_told_in_words() -> None:
    class Local(Exception):
        def __init__(self, lock: Any) -> None:
            super().__init__("locked")
            self.lock = lock

        def __reduce__(self) -> Any:
            raise TypeError("never")

    def function() -> None:
        raise Local(object())

    error = arrived(raised_by(function))
    assert type(error) is errors.CustomError and "Local" in error.code and str(error) == "locked"


def test_attributes_that_cannot_travel_are_left_out() -> None:
    def function() -> None:
        error = BadInput(3, column=4)
        error.generator = (n for n in range(3))  # type: ignore[attr-defined]
        error.args = (error.generator, "kept")  # type: ignore[attr-defined]
        raise error

    error = arrived(raised_by(function))
    assert type(error) is BadInput and error.column == 4 and not hasattr(error, "generator")
    assert error.args[1] == "kept" and "generator" in error.args[0]


def test_an_exception_that_does_what_it_likes_is_told_all_the_same() -> None:
    class Wild(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

        __repr__ = __str__

    def function(wild: Any) -> None:
        raise wild

    error = arrived(raised_by(function, Wild()))
    assert isinstance(error, Exception) and "ZeroDivisionError" in exceptions.text_of(error)


def test_texts_without_utf8_form_are_escaped() -> None:
    def function(name: str) -> None:
        raise ValueError(name)

    error = arrived(raised_by(function, "a\udc80"))
    assert isinstance(error, errors.CustomError) or type(error) is ValueError
    assert "udc80" in str(error)


def test_the_runtimes_own_errors_come_with_place_and_details() -> None:
    def function() -> None:
        raise errors.NonRecoverableError("never again")

    error = arrived(raised_by(function), Code.NON_RECOVERABLE)
    assert type(error) is errors.NonRecoverableError and error.worker == "7" and error.details["frames"]
    assert str(error) == "never again"


def test_a_custom_error_that_the_user_raised_keeps_its_code() -> None:
    def function() -> None:
        raise errors.CustomError("OutOfPaper", "tray 2")

    error = arrived(raised_by(function))
    assert type(error) is errors.CustomError and error.code == "OutOfPaper"


def test_the_failure_of_a_child_shows_one_traceback_after_the_other() -> None:
    def parent() -> None:
        raise arrived(raised_by(parse, "{"))

    error = arrived(raised_by(parent))
    assert type(error) is BadInput and type(error.__cause__) is json.JSONDecodeError
    remote = error.__cause__.__cause__
    assert isinstance(remote, RemoteTraceback) and remote.__cause__ is None
    assert "parse" in remote.text and "parent" in remote.text


def test_a_sentence_of_the_node_becomes_the_matching_error() -> None:
    for code, cls in ((Code.QUEUE_FULL, errors.QueueFullError), (Code.ABORTED, errors.ActionAbortedError), (Code.OUT_OF_MEMORY, errors.OOMError)):
        error = _values.failure_of(reply_with("It is so: é.".encode(), code, _frames.REPLY_TEXT))
        assert type(error) is cls and str(error) == "It is so: é."


@pytest.mark.parametrize("body", [b"", b"\xff", b"\x05", b"\xa0", b"\xa1\x01\x02", b"\x80"], ids=bytes.hex)
def test_a_failure_that_is_none_is_an_error_all_the_same(body: bytes) -> None:
    error = _values.failure_of(reply_with(body), "demo.parse")
    assert isinstance(error, errors.BaseRuntimeError) and str(error)


def test_every_reader_can_understand_the_texts_of_a_failure() -> None:
    failure = cbor.decode(_values.encode_failure(raised_by(parse, "{"), CALL), objects.decode_hook)
    assert failure.pop("exception")[:3] == bytes.fromhex("d9be12")
    assert json.loads(json.dumps(failure)) == failure
    assert failure["type"] == "BadInput" and failure["message"] == "line 1" and failure["kind"] == "user"


def test_value_of_raises_the_failure_of_a_reply() -> None:
    codec = _values.codec_of("demo.parse", parse)
    with pytest.raises(BadInput):
        codec.value_of(reply_with(_values.encode_failure(raised_by(parse, "{"), CALL)))
