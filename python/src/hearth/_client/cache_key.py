"""The key of a call in its parts, and how it differs from that of an entry (schema/cache.capnp: CacheRow)."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from typing import Any, Dict, List, Mapping

from hearth import _values
from hearth._cache.caching import definition_of
from hearth._client import settings
from hearth._task import Task

__all__ = ["CallKey", "key_of"]

_TRUST = "default"  # the domain of trust of every call, as nodes have it
_DIGEST_BYTES = 32
_ID_BYTES = 8


@dataclasses.dataclass(frozen=True)
class CallKey:
    """What a node looks a call up by."""

    project: str
    domain: str
    task: str
    version: str
    signature: str
    inputs: Mapping[str, str]  # digests in hex by name, of those that count
    whole: bytes  # digest of them all

    @property
    def id(self) -> str:
        """The id of the entry that answers the call, if there is one."""
        scope = hashlib.sha256()
        for part in (self.project, self.domain, self.task, self.version, self.signature, _TRUST):
            text = part.encode()
            scope.update(struct.pack(">Q", len(text)) + text)
        both = zip(scope.digest()[:_ID_BYTES], self.whole)
        return bytes(a ^ b for a, b in both).hex()

    def row(self) -> Dict[str, Any]:
        """The key as a node reads it in the place of an entry's."""
        inputs = [{"name": name, "digest": digest} for name, digest in self.inputs.items()]
        return {
            "project": self.project, "domain": self.domain, "task": self.task, "version": self.version,
            "signature": self.signature, "inputs": inputs,
        }  # fmt: skip

    def differences(self, row: Mapping[str, Any]) -> List[str]:
        """Which parts are others in an entry: "project", "domain", "version", "signature", "input n" ..."""
        parts = [part for part in ("project", "domain", "version", "signature") if getattr(self, part) != row.get(part, "")]
        theirs = {item.get("name", ""): item.get("digest", "") for item in row.get("inputs", ())}
        names = sorted({*self.inputs, *theirs})
        return parts + [f"input {name}" for name in names if self.inputs.get(name) != theirs.get(name)]


def key_of(task: Task[Any, Any], inputs: Dict[str, Any]) -> CallKey:
    """The key of a call of a cached task with these inputs, at the present project and domain.

    Raises what `Task.bind` and the encoding of the inputs do, ValueError for a task without a version.
    """
    definition = definition_of(task)
    body = _values.codec_for(task).encode_arguments(task.bind((), inputs))
    digests = _digests_in(body if type(body) is bytes else body.head, len(definition["inputs"]))
    project, domain = settings.place()
    return CallKey(
        project=project,
        domain=domain,
        task=task.name,
        version=definition["version"],
        signature=definition["signature"],
        inputs={name: digest.hex() for name, digest in zip(definition["inputs"], digests[1:])},
        whole=digests[0],
    )


def _digests_in(body: Any, inputs: int) -> List[bytes]:
    """Of all inputs, then of each, from the item before the arguments (`hearth._values.keys`)."""
    size = 2 + _DIGEST_BYTES * (1 + inputs)
    begin = (5 if size < 256 else 6) + 2  # behind tag and length, format and flags
    return [bytes(body[at : at + _DIGEST_BYTES]) for at in range(begin, begin + size - 2, _DIGEST_BYTES)]

