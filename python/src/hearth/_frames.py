"""Frames: what a socket between client and node, or node and interpreter, carries. `schema/frame.capnp` is the manual.

This module is `hearth._wire`, the C extension, where it can be imported, and else `hearth._frames_py` and
`_frames_reader`, which do the same in Python; `NATIVE` tells which. Neither knows what a value is made of, except that it
may have parts (below).

Writing. One function per kind; fields by name, as the schema's in snake_case, 0 when left out; the result is a frame::

    call(*, flags, depth, attempt, environment, task, slot, generation, call_hi, call_lo, root_hi, root_lo,
         parent_hi, parent_lo, deadline_ms, trace_hi, trace_lo, span, size, body) -> bytes
    reply(*, flags, code, attempt, slot, generation, call_hi, call_lo, size, run_ns, queued_ns, start_ns,
          fork_ns, import_ns, body) -> bytes
    chunk(*, flags, request, call_hi, call_lo, offset, body) -> bytes
    signal(*, flags, what, code, slot, generation, call_hi, call_lo, value, body) -> bytes
    control(*, flags, request, body) -> bytes
    log(*, flags, dropped, call_hi, call_lo, unix_ns, replica, body) -> bytes

`body` is bytes-like, or a list of bytes-like objects (the first of `parts`), at most `BODY_BYTES_MAX` in all. `size` is
the length of `body` when left out. For many calls of one task::

    fill(template, call_lo, body) -> bytes   # the frame `template`, made by `call()` without body, with these instead

A value larger than one frame goes out as the first frame and chunks::

    first, rest = parts(body)                # body: bytes-like or LargeValue; len(body) is the frame's `size`
    send(call(..., size=len(body), body=first))
    for offset, part, last in rest:          # part is for `chunk(body=part)`
        ...

`apart(frame, part)` are the pieces of a frame made without its body: what is large goes out from where it is.

Large values. `LargeValue(head, buffers)` is a value whose big byte strings and arrays are kept apart, so that they are
neither copied into a document nor out of it: `len(value)` bytes on the wire, which are `head` followed by the `buffers`.
`bytes(value)` joins them. The table at the beginning of `head` is described in `hearth._values`.

Reading::

    reader = Reader(sock, patience_us=0)     # a blocking socket.socket; while what it waits for comes sooner than that, the
                                             # extension looks again so long before it sleeps
    reader.read(into, flags=0) -> bool       # one recv(2) with `flags`; False at the end of the stream
    reader.feed(data, into)                  # the same with bytes that were received, and decrypted, elsewhere
    reader.forget(call_hi, call_lo)          # drops what has come of a value that nobody wants any more

`read` calls `into.append(frame)` for each frame that the received bytes complete, perhaps none. It raises
BlockingIOError (with MSG_DONTWAIT), OSError, and ValueError saying what was wrong for bytes that are no frame; then the
stream is of no further use. One thread at a time. A frame has the attributes `kind`, `flags`, `body` and the others that
the function of its kind has as parameters. Calls and Replies come whole: the chunks of a value are put together here,
with `len(frame.body) == frame.size`; `body` is bytes, or a LargeValue, whose buffers were received where they stay
(bytes, or bytearray where the sender asked for memory that can be written to). A Chunk of an upload (`request` is not 0)
comes as it is; one of a forgotten value is dropped.

Slots. The slot table of a replica, for the interpreter's side::

    slots = Slots(fd, count)                 # maps the memfd; the descriptor can be closed afterwards
    slots.start(slot, generation) -> bool    # sent -> started; False: the node took the call back, drop it silently
    slots.finish(slot, generation) -> bool   # started or cancelled -> done; before the Reply is sent
    slots.is_cancelled(slot, generation) -> bool
    slots.state(slot) -> (generation, state) # generation: all 56 bits; extension only

`generation` is the one of the Call frame (32 bits). IndexError for a slot beyond `count`. Safe in every thread and in
signal handlers. Python alone cannot compare and swap: without the extension `HAS_SLOT_TABLE` is False, the node hears
so and sends no call ahead, every `start` succeeds and nothing is ever cancelled through the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hearth._frames_py import (
    BODY_BYTES_MAX,
    CALL,
    CALL_CACHE_SHIFT,
    CALL_IN_RUN,
    CALL_INPUT,
    CALL_OVERWRITES,
    CALL_PARKS,
    CALL_RUN,
    CALL_STREAMS,
    CALL_UNCACHED,
    CANCEL,
    CHUNK,
    CHUNK_LAST,
    CHUNK_OF_REPLY,
    CHUNK_OF_STREAM,
    CONTROL,
    CONTROL_MORE,
    CONTROL_RESPONSE,
    FRAME_BYTES_MAX,
    LOG,
    MORE,
    PARKED,
    PROGRESS,
    RECALLED,
    REPLY,
    REPLY_COLD,
    REPLY_FAILED,
    REPLY_HIT,
    REPLY_TEXT,
    REPLY_UNSTARTED,
    RESUMED,
    SIGNAL,
    STREAM_ERR,
    STREAM_OUT,
    STREAM_SYSTEM,
    apart,
    parts,
)

if TYPE_CHECKING:
    from hearth._frames_py import LargeValue, Slots, call, chunk, control, fill, log, reply, signal
    from hearth._frames_reader import Reader

    NATIVE: bool
else:
    try:
        from hearth._wire import LargeValue, Reader, Slots, call, chunk, control, fill, log, reply, signal

        NATIVE = True
    except ImportError:  # not built, or not for this interpreter
        from hearth._frames_py import LargeValue, Slots, call, chunk, control, fill, log, reply, signal
        from hearth._frames_reader import Reader

        NATIVE = False

HAS_SLOT_TABLE = NATIVE

# fmt: off
__all__ = [
    "BODY_BYTES_MAX", "CALL", "CALL_CACHE_SHIFT", "CALL_IN_RUN", "CALL_INPUT", "CALL_OVERWRITES", "CALL_PARKS", "CALL_RUN", "CALL_STREAMS", "CALL_UNCACHED",
    "CANCEL", "CHUNK", "CHUNK_LAST", "CHUNK_OF_REPLY", "CHUNK_OF_STREAM", "CONTROL", "CONTROL_MORE", "CONTROL_RESPONSE", "FRAME_BYTES_MAX", "HAS_SLOT_TABLE", "LOG", "LargeValue", "MORE", "NATIVE", "PARKED",
    "PROGRESS", "RECALLED", "REPLY", "REPLY_COLD", "REPLY_FAILED", "REPLY_HIT", "REPLY_TEXT", "REPLY_UNSTARTED", "RESUMED", "Reader",
    "SIGNAL", "STREAM_ERR", "STREAM_OUT", "STREAM_SYSTEM", "Slots", "apart", "call", "chunk", "control", "fill", "log", "parts",
    "reply", "signal",
]
# fmt: on
