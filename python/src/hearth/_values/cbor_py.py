"""CBOR in plain Python: the same bytes and errors as `hearth._wire`, for interpreters without it.

`encode(value, hook)` writes what CBOR has an item for, and tuples, sets and bytearrays; `hook(value)` says (tag,
content) for everything else, and of a memoryview of bytes as content the bytes are written. `decode(body, hook)` gives
the hook (tag, content) of the tags it does not know itself. `fits` and `all_exact` are the quick half of checking.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, List, Sequence, Tuple

from hearth._frames_py import BUFFERS_MAX, LargeValue
from hearth._frames_reader import table_of
from hearth._values.tags import (
    BIGNUM,
    BUFFER,
    BYTEARRAY,
    DEPTH_MAX,
    FROZENSET,
    LARGE_BYTES,
    NEGATIVE_BIGNUM,
    SET,
    TABLE,
    TUPLE,
)

__all__ = ["all_exact", "decode", "encode", "encode_canonical", "fits"]

_FLOAT = struct.Struct(">Bd")
_NAN = bytes.fromhex("fb7ff8000000000000")
_WRONG_TABLE = "a value whose buffers have not the length that its table says"
_TOO_DEEP = f"the value is nested more than {DEPTH_MAX} deep, or contains itself"

# A tuple is one level to the writer, and two items to the reader.
_READ_DEPTH_MAX = 2 * DEPTH_MAX + 2

EncodeHook = Callable[[Any], Tuple[int, Any]]
DecodeHook = Callable[[int, Any], Any]


def encode(value: Any, hook: EncodeHook) -> Any:
    """`value` as bytes, or as a LargeValue if it has large byte strings. Raises ValueError, and what `hook` raises."""
    writer = _Writer(hook, False)
    writer.guarded(value)
    if not writer.buffers:
        return bytes(writer.out)
    table = bytearray(_head(6, TABLE) + _head(4, 1 + len(writer.buffers)) + _head(0, len(writer.out)))
    for buffer, writable in writer.buffers:
        table += _head(1 if writable else 0, len(buffer))
    return LargeValue(bytes(table + writer.out), [buffer for buffer, _ in writer.buffers])


def encode_canonical(value: Any, hook: EncodeHook) -> bytes:
    """The canonical form of `value`. `hook` is also asked for byte strings of LARGE_BYTES and more."""
    writer = _Writer(hook, True)
    writer.guarded(value)
    return bytes(writer.out)


def _head(major: int, number: int) -> bytes:
    major <<= 5
    if number < 24:
        return bytes((major | number,))
    if number < 1 << 8:
        return bytes((major | 24, number))
    if number < 1 << 16:
        return struct.pack(">BH", major | 25, number)
    if number < 1 << 32:
        return struct.pack(">BI", major | 26, number)
    return struct.pack(">BQ", major | 27, number)


class _Writer:
    def __init__(self, hook: EncodeHook, canonical: bool) -> None:
        self.out = bytearray()
        self.buffers: List[Tuple[Any, bool]] = []
        self.depth = 0
        self._hook = hook
        self._canonical = canonical

    def guarded(self, value: Any) -> None:
        try:
            self.write(value)
        except RecursionError:
            raise ValueError(_TOO_DEEP) from None

    def write(self, value: Any) -> None:
        writer = _WRITERS.get(type(value))
        if writer is not None:
            writer(self, value)
        else:
            self._write_tagged(*self._hook(value))

    def _write_tagged(self, tag: int, content: Any) -> None:
        self.enter()
        self.out += _head(6, tag)
        if type(content) is memoryview:
            self._write_bytes(content)
        else:
            self.write(content)
        self.depth -= 1

    def enter(self) -> None:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise ValueError(_TOO_DEEP)

    def _write_none(self, value: None) -> None:
        self.out.append(0xF6)

    def _write_bool(self, value: bool) -> None:
        self.out.append(0xF5 if value else 0xF4)

    def _write_int(self, value: int) -> None:
        major, number = (0, value) if value >= 0 else (1, -1 - value)
        if number < 1 << 64:
            self.out += _head(major, number)
            return
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        self.out += _head(6, NEGATIVE_BIGNUM if major else BIGNUM) + _head(2, len(data)) + data

    def _write_float(self, value: float) -> None:
        self.out += _NAN if self._canonical and value != value else _FLOAT.pack(0xFB, value)

    def _write_str(self, value: str) -> None:
        try:
            data = value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(surrogate(value, error.start)) from None
        self.out += _head(3, len(data))
        self.out += data

    def _write_bytes(self, value: Any) -> None:
        if len(value) >= LARGE_BYTES:
            if self._canonical:
                return self._write_tagged(*self._hook(bytes(value)))
            if len(self.buffers) < BUFFERS_MAX:
                self.out += _head(6, BUFFER) + _head(0, len(self.buffers))
                if type(value) is bytearray:
                    value = memoryview(value)  # keeps it from being resized until it is sent
                self.buffers.append((value, type(value) is not bytes))
                return
        self.out += _head(2, len(value))
        self.out += value

    def _write_bytearray(self, value: bytearray) -> None:
        self.enter()
        self.out += _head(6, BYTEARRAY)
        self._write_bytes(value)
        self.depth -= 1

    def _write_list(self, value: Any) -> None:
        self.enter()
        count = len(value)
        self.out += _head(4, count)
        for item in value[:]:
            self.write(item)
        self._leave(value, count)

    def _leave(self, value: Any, count: int) -> None:
        if len(value) != count:
            raise ValueError("a container was changed while it was written")
        self.depth -= 1

    def _write_tuple(self, value: Any) -> None:
        self.out += _head(6, TUPLE)
        self._write_list(value)

    def _write_set(self, value: Any) -> None:
        self.out += _head(6, SET if type(value) is set else FROZENSET)
        if not self._canonical:
            return self._write_list(list(value))
        self.enter()
        self.out += _head(4, len(value))
        self.out += b"".join(sorted(self._apart(item) for item in value))
        self.depth -= 1

    def _write_dict(self, value: Dict[Any, Any]) -> None:
        self.enter()
        count = len(value)
        self.out += _head(5, count)
        if self._canonical:
            for key, item in sorted((self._apart(key), self._apart(item)) for key, item in value.items()):
                self.out += key
                self.out += item
        else:
            for key, item in list(value.items()):
                self.write(key)
                self.write(item)
        self._leave(value, count)

    def _apart(self, value: Any) -> bytes:
        out, self.out = self.out, bytearray()
        self.write(value)
        written, self.out = self.out, out
        return bytes(written)


_WRITERS: Dict[type, Callable[[_Writer, Any], None]] = {
    type(None): _Writer._write_none,
    bool: _Writer._write_bool,
    int: _Writer._write_int,
    float: _Writer._write_float,
    str: _Writer._write_str,
    bytes: _Writer._write_bytes,
    bytearray: _Writer._write_bytearray,
    list: _Writer._write_list,
    tuple: _Writer._write_tuple,
    set: _Writer._write_set,
    frozenset: _Writer._write_set,
    dict: _Writer._write_dict,
}


def surrogate(text: str, index: int) -> str:
    """Why `text` cannot be written."""
    return (
        f"the text has a lone surrogate (\\u{ord(text[index]):04x}) at {index}, which is no character and has no UTF-8 form; "
        f"pass bytes instead, for instance text.encode(errors='surrogateescape')"
    )


def decode(body: Any, hook: DecodeHook) -> Any:
    """The value of `body`, bytes-like or a LargeValue. Raises ValueError for what is no value, and what `hook` raises."""
    view = memoryview(body.head if isinstance(body, LargeValue) else body)
    buffers: Sequence[Any] = ()
    if isinstance(body, LargeValue) or view[:3] == b"\xd9\xbe\x00":
        start, lengths = _table(view)
        end = start + lengths[0]
        buffers = body.buffers if isinstance(body, LargeValue) else _cut(view[end:], lengths[1:])
        if end > len(view) or (isinstance(body, LargeValue) and end != len(view)):
            raise ValueError(_WRONG_TABLE)
        view = view[start:end]
    reader = _Reader(view, buffers, hook)
    try:
        value = reader.read(_READ_DEPTH_MAX)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if reader.at != len(reader.data):
        raise ValueError(f"{len(reader.data) - reader.at} bytes follow the value, at byte {reader.at}")
    return value


def _table(data: Any) -> Tuple[int, List[int]]:
    table = table_of(memoryview(data))
    if table is None:
        raise ValueError("the value ends inside its table of buffers")
    return table


def _cut(rest: memoryview, lengths: List[int]) -> List[Any]:
    """The buffers that follow a document: bytes, or bytearray where the length is negative."""
    sizes = [length if length >= 0 else -1 - length for length in lengths]
    if sum(sizes) != len(rest):
        raise ValueError(_WRONG_TABLE)
    made: List[Any] = []
    for length, size in zip(lengths, sizes):
        made.append(bytes(rest[:size]) if length >= 0 else bytearray(rest[:size]))
        rest = rest[size:]
    return made


class _Reader:
    def __init__(self, data: memoryview, buffers: Sequence[Any], hook: DecodeHook) -> None:
        self.data = data
        self.at = 0
        self._buffers = buffers
        self._hook = hook

    def read(self, depth: int) -> Any:
        if depth < 0:
            raise ValueError(_TOO_DEEP)
        start = self.at
        initial = self._take(1)[0]
        major, info = initial >> 5, initial & 31
        if major == 7:
            return self._simple(info, start)
        if info < 24:
            number = info
        elif info < 28:
            number = int.from_bytes(self._take(1 << info - 24), "big")
        else:
            raise ValueError(f"an item of indefinite or unknown length at byte {start}")
        if major == 0:
            return number
        if major == 1:
            return -1 - number
        if major == 2:
            return bytes(self._take(number))
        if major == 3:
            try:
                return str(self._take(number), "utf-8")
            except UnicodeDecodeError:
                raise ValueError(f"a text that is not UTF-8 at byte {start}") from None
        if major == 4:
            self._expect(number, start)
            return [self.read(depth - 1) for _ in range(number)]
        if major == 5:
            return self._map(number, depth, start)
        return self._tagged(number, depth, start)

    def _take(self, count: int) -> memoryview:
        data = self.data[self.at : self.at + count]
        if len(data) < count:
            raise ValueError(f"the value ends at byte {len(self.data)}, inside an item")
        self.at += count
        return data

    def _expect(self, items: int, start: int) -> None:
        if items > len(self.data) - self.at:
            raise ValueError(f"an item at byte {start} that announces more than there is")

    def _simple(self, info: int, start: int) -> Any:
        if info in (20, 21):
            return info == 21
        if info == 22:
            return None
        if info in (25, 26, 27):
            return struct.unpack({25: ">e", 26: ">f", 27: ">d"}[info], self._take(1 << info - 24))[0]
        raise ValueError(f"an item without a meaning here at byte {start}")

    def _map(self, number: int, depth: int, start: int) -> Dict[Any, Any]:
        self._expect(2 * number, start)
        made: Dict[Any, Any] = {}
        for _ in range(number):
            key = self.read(depth - 1)
            value = self.read(depth - 1)
            try:
                made[key] = value
            except TypeError:
                raise ValueError(f"a {type(key).__name__} as key of a map at byte {start}") from None
        return made

    def _tagged(self, tag: int, depth: int, start: int) -> Any:
        content = self.read(depth - 1)
        if tag in (BIGNUM, NEGATIVE_BIGNUM) and type(content) is bytes:
            number = int.from_bytes(content, "big")
            return number if tag == BIGNUM else -1 - number
        if tag == TUPLE and type(content) is list:
            return tuple(content)
        if tag in (SET, FROZENSET) and type(content) is list:
            try:
                return set(content) if tag == SET else frozenset(content)
            except TypeError:
                raise ValueError(f"a set at byte {start} with members that cannot be") from None
        if tag == BYTEARRAY and type(content) in (bytes, bytearray, memoryview):
            return content if type(content) is bytearray else bytearray(content)
        if tag == BUFFER and type(content) is int and 0 <= content < len(self._buffers):
            return self._buffers[content]
        if tag in (BIGNUM, NEGATIVE_BIGNUM, TUPLE, SET, FROZENSET, BYTEARRAY, BUFFER, TABLE):
            raise ValueError(f"tag {tag} at byte {start} with content that it cannot have")
        return self._hook(tag, content)


def fits(values: Sequence[Any], plan: Sequence[Any]) -> bool:
    """Whether each of `values` (a list or tuple) is exactly what `plan` says at its place: a type; None: anything;
    (type,): a list whose items are all exactly of that type."""
    if len(values) != len(plan):
        return False
    for value, wanted in zip(values, plan):
        if wanted is None or type(value) is wanted:
            continue
        if type(wanted) is not tuple or type(value) is not list or not all_exact(value, wanted[0]):
            return False
    return True


def all_exact(values: Sequence[Any], wanted: type) -> bool:
    """Whether all of `values` (a list or tuple) are exactly of type `wanted`."""
    return all(type(value) is wanted for value in values)
