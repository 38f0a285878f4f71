"""Ids of calls below a run: derived, so that a parent that runs again gives each child the id that it had before.

schema/frame.capnp has the rule. Not in the order of all calls but among equal ones is a child counted, so that branches of
a parent that run side by side may come in any order.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING, Any, Mapping, Tuple

if TYPE_CHECKING:
    from .calls import Call

__all__ = ["child_id", "identity_of"]

_NUMBER = struct.Struct(">Q")
_NAME = struct.Struct(">QQ")


def identity_of(definition: Mapping[str, Any]) -> bytes:
    """What stands for an environment in ids: the digest of how the node is told of it (32 bytes)."""
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).digest()


def child_id(parent: Call, environment: bytes, task: str, inputs: bytes) -> Tuple[int, int]:
    """(hi, lo) of the next child of `parent`, which is in a run; counts it there, so one thread at a time.

    `environment` is of `identity_of`, `inputs` the digest of the arguments in canonical form (both 32 bytes).
    """
    root_hi, root_lo = parent.origin.root_hi, parent.origin.root_lo
    name = task.encode()
    kind = hashlib.sha256(_NAME.pack(parent.hi ^ root_hi, parent.lo ^ root_lo) + environment)
    kind.update(_NUMBER.pack(len(name)) + name + inputs)
    made: Any = parent.made
    key = kind.digest()[:16]
    before = made.get(key, 0)
    made[key] = before + 1
    kind.update(_NUMBER.pack(before))
    hi, lo = _NAME.unpack(kind.digest()[:16])
    return hi ^ root_hi, lo ^ root_lo
