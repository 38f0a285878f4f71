"""The key of a call: what stands before the arguments of a cached task, so that the node can look the call up.

The item is tag 0xBE16 with a byte string::

    u8  format, 1
    u8  flags: 1, overwrite: the call is not looked up, and its result replaces what is kept
    32 bytes      SHA-256 over, for each input that counts, sorted by name: u64 length of the name, the name, its digest
    32 bytes each the digests of the inputs that count, in that order

The digest of an input is the SHA-256 of its canonical form, after it was checked and converted as its annotation says: 1
and 1.0 are one value for a ``float`` and two without an annotation. Equal are dicts in any order, sets, and every NaN; not
equal are 0.0 and -0.0, True and 1, a list and a tuple, texts that differ in their Unicode normalisation, arrays that differ
in type, shape, order or any bit. A File or Dir counts by its content, or by the digest that it brings; what
``Annotated[T, HashFunction(f)]`` marks by the text that f makes of it; what is pickled by its pickle and the version of
Python that made it.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from hearth._values import cbor, contents, tags
from hearth._values.files import Reference
from hearth._values.hashing import Conversion, Hashed, conversion_of
from hearth._values.objects import canonical_hook
from hearth.errors import RuntimeDataValidationError

__all__ = ["DISABLED", "Keys", "OVERWRITE", "USED", "canonical_value"]

USED, OVERWRITE, DISABLED = 0, 1, 2
"""How calls of a run use the cache: lookups and results are kept; results alone; neither. The first two are the item's flags."""

_FORMAT = 1
_HEAD = struct.pack(">BH", 6 << 5 | 25, tags.KEY)
_DIGEST_BYTES = 32
INPUTS_MAX = (2**16 - 1 - 34) // _DIGEST_BYTES

# What a pickle depends on besides the value.
_PICKLED_BY = f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}"


def canonical_value(value: Any) -> bytes:
    """The form of `value` that its digest is made of. Raises ValueError, and what code of the value's class raises."""
    return cbor.encode_canonical(value, _hook)


def _hook(value: Any) -> Tuple[int, Any]:
    cls = type(value)
    if cls is Hashed:
        return tags.HASHED, value.text
    if isinstance(value, Reference):
        return contents.written(value)
    tag, content = canonical_hook(value)
    return (tag, [_PICKLED_BY, content]) if tag == tags.PICKLE else (tag, content)


class Keys:
    """Makes the key items of one task, whose parameters are `names`. Immutable; for every thread.

    Raises ValueError for more inputs than an item has room for.
    """

    __slots__ = ("_conversions", "_head", "_inputs", "task")

    def __init__(self, task: str, names: Sequence[str], hints: Mapping[str, Any], inputs: Sequence[str]) -> None:
        if len(inputs) > INPUTS_MAX:
            raise ValueError(f"task {task!r} is cached and has {len(inputs)} inputs that count; at most {INPUTS_MAX} can")
        self.task = task
        places = {name: place for place, name in enumerate(names)}
        self._inputs: Tuple[Tuple[str, int, bytes], ...] = tuple(
            (name, places[name], struct.pack(">Q", len(name.encode())) + name.encode()) for name in inputs
        )
        found = ((name, conversion_of(hints[name])) for name in inputs)
        self._conversions: Dict[str, Conversion] = {name: convert for name, convert in found if convert is not None}
        size = 2 + _DIGEST_BYTES * (1 + len(inputs))
        length = struct.pack(">BB", 2 << 5 | 24, size) if size < 256 else struct.pack(">BH", 2 << 5 | 25, size)
        self._head = _HEAD + length

    def item(self, values: Sequence[Any], mode: int) -> bytes:
        """The item for the checked arguments `values`. Raises RuntimeDataValidationError naming the input that has no digest."""
        whole = hashlib.sha256()
        digests: List[bytes] = []
        for name, place, prefix in self._inputs:
            value = values[place]
            try:
                if name in self._conversions:
                    value = self._conversions[name](value)
                digest = hashlib.sha256(cbor.encode_canonical(value, _hook)).digest()
            except Exception as error:  # encoding and hashing run code of the user's
                raise RuntimeDataValidationError(name, _why(error), self.task) from error
            whole.update(prefix + digest)
            digests.append(digest)
        return b"".join((self._head, bytes((_FORMAT, mode)), whole.digest(), *digests))


def _why(error: Exception) -> str:
    text = str(error) if type(error) in (ValueError, OSError) else f"{type(error).__name__}: {error}"
    return f"the task is cached, and this input has no digest: {text}. Name it in ignored_inputs if it does not matter"
