"""The codec of a task: its annotations compiled, its arguments and results checked and written."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Callable, Collection, Dict, List, Mapping, NoReturn, Tuple

from hearth import _frames
from hearth._interface import Interface
from hearth._values import cbor
from hearth._values.checks import Check, Mismatch, checker, plan_of
from hearth._values.failures import failure_of
from hearth._values.keys import DISABLED, USED, Keys
from hearth._values.objects import canonical_hook, decode_hook, encode_hook
from hearth.errors import BaseRuntimeError, InlineIOMaxBytesBreached, RuntimeDataValidationError

if TYPE_CHECKING:
    from hearth._task import Task

__all__ = ["Codec", "codec_for", "codec_of"]


def codec_of(task: str, function: Callable[..., Any], max_inline_io_bytes: int = 0) -> Codec:
    """The codec for calls of `function`, which is the task `task`.

    Raises RestrictedTypeError if an annotation cannot be resolved or its values cannot travel, TypeError if a parameter
    cannot travel by name.
    """
    return Codec(Interface(task, function), max_inline_io_bytes)


def codec_for(task: Task[Any, Any]) -> Codec:
    """The codec for calls of `task`, which puts the key before the arguments if it is cached. Raises what `codec_of` does."""
    interface, cache, limit = task.interface, task.cache, task.max_inline_io_bytes or 0
    if not cache.is_on:
        return Codec(interface, limit)
    return _KeyedCodec(interface, limit, Keys(task.name, interface.names, interface.hints, cache.inputs_of(interface.names)))


class Codec:
    """See `hearth._values`. Immutable; for every thread."""

    __slots__ = ("_check_result", "_checks", "_max", "_names", "_plan", "_result_plan", "task")

    def __init__(self, interface: Interface, max_inline_io_bytes: int = 0) -> None:
        hints = interface.hints
        self.task = interface.task
        self._max = max_inline_io_bytes
        self._names = interface.names
        self._checks: Tuple[Check, ...] = tuple(checker(hints[name]) for name in self._names)
        # Values that fit a plan need no further check. `False` stands for a type that no value has.
        self._plan = tuple(_Never if plan is False else plan for plan in (plan_of(hints[name]) for name in self._names))
        self._check_result = checker(hints["return"])
        plan = plan_of(hints["return"])
        self._result_plan = (_Never if plan is False else plan,)

    # -- arguments ---------------------------------------------------------------------------------------------------

    def encode_arguments(self, arguments: Mapping[str, Any], mode: int = USED) -> Any:
        """Bytes or LargeValue of what `Task.bind` gives; of a cached task behind the key, unless `mode` of `keys` forbids it.

        Raises RuntimeDataValidationError, InlineIOMaxBytesBreached.
        """
        values = list(arguments.values())
        if not cbor.fits(values, self._plan):
            values = self._checked(values, False)
        try:
            body = cbor.encode(values, encode_hook)
        except Exception as error:  # encoding runs code of the values' classes
            self._raise_for_arguments(values, error)
        if self._max and len(body) > self._max:
            self._raise_too_large("arguments", len(body))
        return body

    def decode_arguments(self, body: Any) -> Dict[str, Any]:
        """Every parameter with its value, for ``function(**arguments)``. Raises RuntimeDataValidationError."""
        try:
            values = cbor.decode(body, decode_hook)
        except Exception as error:  # decoding runs code of the values' classes
            raise self._invalid("arguments", f"cannot be read: {_why(error)}") from error
        if type(values) is not list or len(values) != len(self._names):
            raise self._invalid("arguments", f"expected {len(self._names)}, one for each of {', '.join(self._names)}")
        if not cbor.fits(values, self._plan):
            values = self._checked(values, True)
        return dict(zip(self._names, values))

    def digest(self, arguments: Mapping[str, Any], ignored: Collection[str] = ()) -> bytes:
        """SHA-256 (32 bytes) of the arguments in canonical form, without those named in `ignored`: the same for equal
        arguments in every process. Raises RuntimeDataValidationError."""
        values = dict(zip(self._names, self._checked(list(arguments.values()), False)))
        for name in ignored:
            values.pop(name, None)
        try:
            return hashlib.sha256(cbor.encode_canonical(values, canonical_hook)).digest()
        except Exception as error:  # encoding runs code of the values' classes
            self._raise_for_arguments(list(arguments.values()), error)

    # -- results -----------------------------------------------------------------------------------------------------

    def encode_result(self, value: Any) -> Any:
        """Bytes or LargeValue of a result. Raises RuntimeDataValidationError, InlineIOMaxBytesBreached."""
        if not cbor.fits((value,), self._result_plan):
            value = self._checked_result(value, False)
        try:
            body = cbor.encode(value, encode_hook)
        except Exception as error:  # encoding runs code of the value's class
            raise self._invalid("result", _why(error)) from error
        if self._max and len(body) > self._max:
            self._raise_too_large("result", len(body))
        return body

    def decode_result(self, body: Any) -> Any:
        """The value of a result. Raises RuntimeDataValidationError."""
        try:
            value = cbor.decode(body, decode_hook)
        except Exception as error:  # decoding runs code of the value's class
            raise self._invalid("result", f"cannot be read: {_why(error)}") from error
        if cbor.fits((value,), self._result_plan):
            return value
        return self._checked_result(value, True)

    def value_of(self, reply: Any) -> Any:
        """The value of a Reply frame. Raises its failure."""
        if reply.flags & _frames.REPLY_FAILED:
            raise failure_of(reply, self.task)
        return self.decode_result(reply.body)

    # -- checks ------------------------------------------------------------------------------------------------------

    def check(self, name: str, value: Any, lenient: bool = False) -> Any:
        """`value` for the parameter `name`, perhaps converted; `lenient` also takes the forms of JSON.

        Raises RuntimeDataValidationError, KeyError for an unknown name.
        """
        if name not in self._names:
            raise KeyError(name)
        return self._checked_as(name, self._checks[self._names.index(name)], value, lenient)

    def check_arguments(self, arguments: Mapping[str, Any]) -> Dict[str, Any]:
        """What `Task.bind` gives as the function gets it: checked, perhaps converted. Raises RuntimeDataValidationError."""
        return dict(zip(self._names, self._checked(list(arguments.values()), False)))

    def check_result(self, value: Any) -> Any:
        """The same for a result."""
        return self._checked_result(value, False)

    def _checked(self, values: List[Any], lenient: bool) -> List[Any]:
        return [
            self._checked_as(name, check, value, lenient) for name, check, value in zip(self._names, self._checks, values)
        ]

    def _checked_result(self, value: Any, lenient: bool) -> Any:
        return self._checked_as("result", self._check_result, value, lenient)

    def _checked_as(self, name: str, check: Check, value: Any, lenient: bool) -> Any:
        try:
            return check(value, lenient)
        except Mismatch as mismatch:
            raise self._invalid(name + mismatch.at, mismatch.text) from None
        except RecursionError:
            raise self._invalid(name, "nested too deep, or it contains itself") from None

    def _invalid(self, place: str, why: str) -> RuntimeDataValidationError:
        return RuntimeDataValidationError(place, why, self.task)

    def _raise_for_arguments(self, values: List[Any], error: Exception) -> NoReturn:
        """Raises for the argument that cannot be written alone, or for all of them."""
        for name, value in zip(self._names, values):
            try:
                cbor.encode(value, encode_hook)
            except Exception as single:
                raise self._invalid(name, _why(single)) from single
        raise self._invalid("arguments", _why(error)) from error

    def _raise_too_large(self, what: str, size: int) -> NoReturn:
        raise InlineIOMaxBytesBreached(
            f"The {what} of task {self.task!r} take {size:,} bytes; its max_inline_io_bytes is {self._max:,}. "
            f"Raise that limit, or pass a File."
        )


class _KeyedCodec(Codec):
    """That of a cached task. A class of its own, so that the others pay nothing."""

    __slots__ = ("_keys",)

    def __init__(self, interface: Interface, max_inline_io_bytes: int, keys: Keys) -> None:
        super().__init__(interface, max_inline_io_bytes)
        self._keys = keys

    def encode_arguments(self, arguments: Mapping[str, Any], mode: int = USED) -> Any:
        if mode == DISABLED:
            return super().encode_arguments(arguments)
        values = list(arguments.values())
        if not cbor.fits(values, self._plan):
            values = self._checked(values, False)
            arguments = dict(zip(self._names, values))
        body = super().encode_arguments(arguments)
        item = self._keys.item(values, mode)
        return item + body if type(body) is bytes else _frames.LargeValue(item + body.head, body.buffers)


class _Never:
    """The type of no value."""


def _why(error: Exception) -> str:
    """What went wrong; the runtime's own errors say it alone."""
    if isinstance(error, (ValueError, BaseRuntimeError)) and type(error).__module__ in ("builtins", "hearth._values.classes"):
        return str(error)
    return f"{type(error).__name__}: {error}"
