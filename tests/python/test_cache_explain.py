"""What `hearth cache explain` says of a call: the id of its entry, and what of its key is another one elsewhere."""

from __future__ import annotations

import hashlib
from typing import Any, Dict

import hearth
from hearth import _values
from hearth._client.cache_key import CallKey, key_of

env = hearth.TaskEnvironment("explained", reusable=hearth.ReusePolicy(replicas=1))


@env.task(cache=hearth.Cache("override", version_override="1"))
def add(b: int, a: int = 0) -> int:
    return a + b


@env.task(cache=hearth.Cache("override", version_override="1", ignored_inputs="verbose"))
def loud(n: int, verbose: bool = False) -> int:
    return n


def row_of(key: CallKey, **others: Any) -> Dict[str, Any]:
    """An entry of this key, but for what is given."""
    return {"id": key.id, **key.row(), **others}


def test_the_parts_of_a_key_are_those_before_the_arguments() -> None:
    key = key_of(add, {"b": 2})
    assert (key.task, key.version, key.signature) == ("explained.add", "1", "(a: int, b: int) -> int")
    assert list(key.inputs) == ["a", "b"]
    body = _values.codec_for(add).encode_arguments(add.bind((), {"b": 2}))
    assert bytes(body[7:39]) == key.whole
    whole = hashlib.sha256()
    for name, digest in key.inputs.items():
        whole.update(len(name).to_bytes(8, "big") + name.encode() + bytes.fromhex(digest))
    assert whole.digest() == key.whole


def test_an_input_that_does_not_count_is_no_part() -> None:
    assert list(key_of(loud, {"n": 1, "verbose": True}).inputs) == ["n"]
    assert key_of(loud, {"n": 1, "verbose": True}) == key_of(loud, {"n": 1})


def test_a_key_differs_in_nothing_from_its_own_entry() -> None:
    key = key_of(add, {"b": 2})
    assert key.differences(row_of(key)) == []
    assert len(key.id) == 16 and key.id != key_of(add, {"b": 3}).id


def test_each_part_that_differs_is_named() -> None:
    key = key_of(add, {"b": 2})
    for part in ("project", "domain", "version", "signature"):
        assert key.differences(row_of(key, **{part: "another"})) == [part]
    assert key.differences(row_of(key_of(add, {"b": 3}))) == ["input b"]
    assert key.differences(row_of(key_of(add, {"b": 3, "a": 1}))) == ["input a", "input b"]
    assert key.differences(row_of(key, inputs=[])) == ["input a", "input b"]

