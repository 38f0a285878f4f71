"""Values and frames as the tests write them: arguments and results without annotations, cut into frames."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

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
