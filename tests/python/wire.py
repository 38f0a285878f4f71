"""Values and frames as the tests write them: arguments and results without annotations, cut into frames."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

from hearth import _frames, _values

_RESULT = _values.codec_of("demo.any", lambda: None, 0)


def encode(arguments: Dict[str, Any]) -> bytes:
    """Arguments of a task without annotations, every parameter given, in the order of its signature."""
    untyped = eval(f"lambda {', '.join(arguments)}: None")
    return bytes(_values.codec_of("demo.any", untyped, 0).encode_arguments(arguments))


def result(value: Any) -> bytes:
    return bytes(_RESULT.encode_result(value))


def value_of(reply: Any) -> Any:
    return _RESULT.value_of(reply)


def frames(make: Callable[..., bytes], chunk_flags: int, fields: Dict[str, Any]) -> List[bytes]:
    """A Call or Reply and the Chunks of the rest of its body."""
    body = fields["body"]
    first, rest = _frames.parts(body)
    identity = {"call_hi": fields["call_hi"], "call_lo": fields["call_lo"]}
    made = [make(**{**fields, "size": len(body), "body": first})]
    for offset, part, last in rest:
        flags = chunk_flags | (_frames.CHUNK_LAST if last else 0)
        made.append(_frames.chunk(flags=flags, offset=offset, body=part, **identity))
    return made


def parted(body: Any) -> Tuple[bytes, Any]:
    """The key of a call and its arguments, as a node takes them apart; b"" without a key."""
    data = body.head if hasattr(body, "buffers") else bytes(body)
    if data[:3] != b"\xd9\xbe\x16":
        return b"", body
    wide = data[3] == 0x59
    assert wide or data[3] == 0x58
    start = 6 if wide else 5
    end = start + int.from_bytes(data[4:start], "big")
    rest = data[end:]
    return data[:end], _frames.LargeValue(rest, body.buffers) if hasattr(body, "buffers") else rest
