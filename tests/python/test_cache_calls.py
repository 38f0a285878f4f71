"""Calls of cached tasks carry their key, whichever way they are made, and a run says how all of its calls use the cache."""

from __future__ import annotations

import asyncio

import client_tasks
import pytest
import wire
from fake_node import FakeNode

import hearth
from hearth import _frames, _values
from hearth._client import run_command, shared
from hearth._values import keys

env = hearth.TaskEnvironment("cached", cache=hearth.Cache("override", version_override="1"), reusable=hearth.ReusePolicy(2))


@env.task
def square(x: int) -> int:
    return x * x


@pytest.fixture
def node(tmp_path, monkeypatch):
    path = str(tmp_path / "node.sock")
    monkeypatch.setenv("HEARTH_SOCKET", path)
    made = FakeNode(path, *env.tasks.values(), *client_tasks.env.tasks.values())
    yield made
    shared.disconnect()
    made.close()


def item(x: int, mode: int = keys.USED) -> bytes:
    return wire.parted(_values.codec_for(square).encode_arguments({"x": x}, mode))[0]


def test_every_way_to_call_sends_the_key(node):
    assert square.remote(3) == 9
    assert square.spawn(3).result() == 9
    assert asyncio.run(square.remote.aio(3)) == 9
    assert list(hearth.map(square, [3, 3])) == [9, 9]
    assert hearth.run(square, 3).result() == 9
    assert node.keys == [item(3)] * 6
    assert len(node.names("openEnvironment")[0]["tasks"][0]["caching"]["version"]) == 1


def test_tasks_that_are_not_cached_send_none(node):
    assert client_tasks.square.remote(3) == 9
    assert list(hearth.map(client_tasks.square, [3])) == [9]
    assert node.keys == [b"", b""]


@pytest.mark.parametrize(
    ("words", "flag", "key"),
    [
        ({"overwrite_cache": True}, _frames.CALL_OVERWRITES, item(3, keys.OVERWRITE)),
        ({"disable_run_cache": True}, _frames.CALL_UNCACHED, b""),
        ({"overwrite_cache": False, "disable_run_cache": False}, 0, item(3)),
    ],
)
def test_a_run_says_how_its_calls_use_the_cache(node, words, flag, key):
    assert hearth.with_runcontext(**words).run(square, 3).result() == 9
    assert node.keys == [key] and node.flags == [_frames.CALL_RUN | flag]


def test_overwriting_and_disabling_exclude_one_another():
    with pytest.raises(ValueError, match="say one of the two"):
        hearth.with_runcontext(overwrite_cache=True, disable_run_cache=True)


@pytest.mark.parametrize("word", ["overwrite_cache", "disable_run_cache"])
def test_what_is_neither_true_nor_false_is_refused(word):
    with pytest.raises(ValueError, match=f"{word} must be True or False, not 'no'"):
        hearth.with_runcontext(**{word: "no"})


def test_a_run_in_this_process_keeps_nothing_and_says_so(caplog, capsys):
    assert hearth.with_runcontext(mode="local", overwrite_cache=True).run(square, 3).result() == 9
    assert "overwrite_cache has no effect" in caplog.text
    assert run_command.main([__file__, "square", "--x", "3", "--local", "--overwrite-cache"]) == 2
    assert "keeps no results" in capsys.readouterr().err


def test_the_command_says_the_same(node, capsys):
    words = [__file__, "square", "--x", "3"]
    assert run_command.main([*words, "--overwrite-cache"]) == 0
    assert run_command.main(["--no-cache", *words]) == 0
    assert run_command.main(words) == 0
    assert [flags & ~_frames.CALL_RUN for flags in node.flags] == [_frames.CALL_OVERWRITES, _frames.CALL_UNCACHED, 0]
    assert run_command.main([*words, "--no-cache", "--overwrite-cache"]) == 2
    assert "say one of the two" in capsys.readouterr().err


def test_a_handle_says_whether_the_call_was_answered_from_the_cache(node):
    assert square.spawn(3).cache_status == ""
    node.reply_flags = _frames.REPLY_HIT
    handle = square.spawn(3)
    assert handle.result() == 9 and handle.cache_status == "HIT"
    run = hearth.run(square, 3)
    assert run.result() == 9 and run.cache_status == "HIT"
