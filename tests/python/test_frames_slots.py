"""The slot table from the interpreter's side."""

from __future__ import annotations

import mmap
import os
import threading
from pathlib import Path
from typing import Any, Iterator, List

import hearth
import pytest
from hearth import _frames, _frames_py

EMPTY, SENT, STARTED, RECALLED, CANCELLED, DONE = range(6)
SDK = Path(hearth.__file__).resolve().parents[1]

extension = pytest.mark.skipif(not _frames.NATIVE, reason="HEARTH_SDK_DIR names no SDK with the extension")


class Table:
    """The node's side."""

    def __init__(self, count: int) -> None:
        fd = os.memfd_create("slots")
        os.ftruncate(fd, count * 8)
        self.words = memoryview(mmap.mmap(fd, count * 8)).cast("Q")
        self.slots = _frames.Slots(fd, count)
        os.close(fd)

    def set(self, slot: int, generation: int, state: int) -> None:
        self.words[slot] = generation << 8 | state


@pytest.fixture
def table() -> Iterator[Table]:
    yield Table(4)


@extension
@pytest.mark.parametrize("state, starts", [(EMPTY, False), (SENT, True), (STARTED, False), (RECALLED, False), (CANCELLED, False), (DONE, False)])
def test_only_a_call_that_was_sent_and_not_taken_back_starts(table: Table, state: int, starts: bool) -> None:
    table.set(2, 7, state)
    assert table.slots.start(2, 7) is starts
    assert table.slots.state(2) == (7, STARTED if starts else state)
    assert table.slots.start(2, 7) is False


@extension
@pytest.mark.parametrize("state, ends", [(EMPTY, False), (SENT, False), (STARTED, True), (RECALLED, False), (CANCELLED, True), (DONE, False)])
def test_a_call_that_began_is_done_once_also_when_it_was_cancelled(table: Table, state: int, ends: bool) -> None:
    table.set(0, 7, state)
    assert table.slots.is_cancelled(0, 7) is (state == CANCELLED)
    assert table.slots.finish(0, 7) is ends
    assert table.slots.state(0) == (7, DONE if ends else state)


@extension
def test_words_of_another_generation_are_left_alone(table: Table) -> None:
    table.set(1, 8, SENT)
    assert not table.slots.start(1, 7) and not table.slots.finish(1, 7) and not table.slots.is_cancelled(1, 7)
    wide = (5 << 32) + 9
    table.set(1, wide, SENT)  # a frame carries the low 32 bits
    assert table.slots.start(1, 9) and table.slots.state(1) == (wide, STARTED)


@extension
def test_words_that_make_no_sense_are_left_alone(table: Table) -> None:
    for word in (0xFF, 7 << 8 | 33, 7 << 8 | 0xE1):
        table.words[3] = word
        assert not table.slots.start(3, word >> 8) and not table.slots.finish(3, word >> 8)
        assert table.words[3] == word


@extension
def test_a_slot_beyond_the_table_and_a_table_beyond_its_file_are_refused(table: Table) -> None:
    with pytest.raises(IndexError, match="slot 4 of a table of 4"):
        table.slots.start(4, 0)
    fd = os.memfd_create("short")
    try:
        with pytest.raises(ValueError, match="2 words in a file of 0 bytes"):
            _frames.Slots(fd, 2)
        with pytest.raises(IndexError):
            _frames.Slots(fd, 0).start(0, 0)
    finally:
        os.close(fd)
    with pytest.raises(OSError):
        _frames.Slots(fd, 1)


@extension
def test_of_many_threads_that_start_a_call_one_does(table: Table) -> None:
    rounds, threads = 200, 4
    started: List[int] = []
    barrier = threading.Barrier(threads)

    def race() -> None:
        for generation in range(1, rounds + 1):
            if barrier.wait() == 0:
                table.set(0, generation, SENT)
            barrier.wait()
            if table.slots.start(0, generation):
                started.append(generation)

    racers = [threading.Thread(target=race) for _ in range(threads)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(started) == list(range(1, rounds + 1))


def test_without_the_extension_every_call_starts() -> None:
    slots = _frames_py.Slots(-1, 4)
    assert slots.start(0, 1) and slots.finish(0, 1) and not slots.is_cancelled(0, 1)
