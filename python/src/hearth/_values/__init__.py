"""Values: how arguments, results and failures become bytes, and what of them may travel.

The interface, for client and worker::

    codec = codec_of(task_name, function, max_inline_io_bytes=0)     # compiled once per task; 0: no limit
    codec = codec_for(task)                                          # the same, for those who call a task
    body = codec.encode_arguments(bound)    # bound: every parameter by name (Task.bind); bytes or LargeValue
    arguments = codec.decode_arguments(body)                         # dict by name, for function(**arguments)
    body = codec.encode_result(value)
    value = codec.decode_result(body)
    value = codec.value_of(reply)           # of a Reply frame; raises its failure
    digest = codec.digest(bound, ignored=()) # 32 bytes: SHA-256 of the arguments in canonical form

    body = encode_failure(error, call)      # bytes; call: for inputs and place (see the function)
    error = failure_of(reply, task_name)    # the exception to raise

`len(body)` is the size on the wire. Bodies larger than a frame, and every `LargeValue`, go through `_frames.parts`.
Encoding checks each value against its annotation first and raises `RuntimeDataValidationError` naming task, parameter,
the place inside the value (``points[3].x``), what was expected and what came; `InlineIOMaxBytesBreached` when the task's
limit is exceeded. Decoding raises the same. Any thread.

The format is CBOR (RFC 8949). Integers and lengths take their shortest form, floats always eight bytes, everything has a
definite length. Arguments are an array with one item per parameter, in the order of the signature, defaults filled in.
A result is one item. What CBOR has no item for has a tag; tags from 0xBE00 on are our own::

    type                                tag            content
    None bool int float str bytes       -              int beyond 64 bits: the standard's tags 2 and 3
    list, dict                          -              a dict keeps its order; its keys are any values
    tuple                               0xBE01         array
    set / frozenset                     258 / 0xBE02   array
    bytearray, memoryview               0xBE03         byte string; arrives as bytearray
    datetime, offset in whole minutes   0              text, as `isoformat` writes it
    other datetime / time               0xBE04, 0xBE05 [text without zone, zone, fold]; zone: None, the key of a
                                                       ZoneInfo, or the offset in microseconds
    date                                1004           text
    timedelta                           0xBE06         [days, seconds, microseconds]
    Decimal                             0xBE07         text
    complex                             0xBE08         [real, imaginary]
    UUID                                37             16 bytes
    Path, PurePath                      0xBE09         [class name, text; bytes where the name is not UTF-8]
    Enum                                0xBE0A         [class, name]; a combination of flags: [class, None, value]
    dataclass                           0xBE0B         [class, {field: value}]
    NamedTuple                          0xBE0C         [class, [value ...]]
    pydantic model                      0xBE0D         [class, fields, extra, names that were set, private]
    NumPy array                         0xBE0E         [dtype, shape, order "C" or "F", bytes or bytearray]
    NumPy scalar                        0xBE0F         [dtype, byte string]
    File, Dir                           0xBE10, 0xBE11 [path, size, digest]
    exception                           0xBE12         [class, args, attributes, text, cause]
    anything else that can be pickled   0xBE13         byte string: a pickle, by cloudpickle where it is installed

A class is "module:qualified name". The program's own file is named as interpreters import it, never ``__main__``. A
dataclass, model or exception is made again from its fields like a pickle does it: without `__init__` and
`__post_init__`. A class that cannot be found is an error that names it. Values from other languages need no tags:
with an annotation, a map becomes the dataclass, a text the Enum, an array the tuple, where that is unambiguous.

Large values. Byte strings and arrays of `LARGE_BYTES` and more are out of band. The body then is::

    0xBE00 tag, array [length of the document, length of each buffer ...]   -- the table
    the document, in which tag 0xBE14 with i stands for the byte string of buffer i
    the bytes of the buffers, one after another

The table's length of a buffer that must be writable at the other end (bytearray, array) is written as the negative
number -1-n. Table and document are `LargeValue.head`.

Arguments of a cached task stand behind the key of the call, tag 0xBE16 (`keys` has its layout); the node takes it off.

The canonical form, for digests: dict items and set members sorted by their encoded bytes, every NaN the same, and in
place of a byte string of `LARGE_BYTES` and more tag 0xBE15 with its SHA-256. Pickled values are as canonical as pickle.
"""

from __future__ import annotations

from hearth._values.classes import ClassNotFound
from hearth._values.codec import Codec, codec_for, codec_of
from hearth._values.failures import RemoteTraceback, encode_failure, failure_of

__all__ = ["ClassNotFound", "Codec", "RemoteTraceback", "codec_for", "codec_of", "encode_failure", "failure_of"]
