"""The outbox of an interpreter: frames of many threads leave whole, in order, and promptly."""

from __future__ import annotations

import socket
import threading
from typing import Iterator, Tuple

import pytest

from hearth._worker.outbox import Outbox

Pair = Tuple[Outbox, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(20)
    yield Outbox(ours), theirs
    ours.close()
    theirs.close()


def receive(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(1 << 20)
        assert part
        data += part
    return data


def test_frames_of_many_threads_are_never_lost(pair: Pair) -> None:
    outbox, theirs = pair
    threads, each = 4, 5000

    def work(thread: int) -> None:
        for number in range(each):
            outbox.put(bytes([thread]) + number.to_bytes(4, "big"))
            if number % 3 == 0:
                outbox.flush()
        outbox.flush()

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    data = receive(theirs, threads * each * 5)
    for worker in workers:
        worker.join()
    frames = [data[at : at + 5] for at in range(0, len(data), 5)]
    for thread in range(threads):
        assert [int.from_bytes(frame[1:], "big") for frame in frames if frame[0] == thread] == list(range(each))


def test_what_lingers_is_sent_without_a_flush(pair: Pair) -> None:
    outbox, theirs = pair
    for word in (b"once", b"more"):
        outbox.put(word)
        outbox.linger()
        assert receive(theirs, 4) == word


def test_what_is_produced_late_goes_out_with_the_flush(pair: Pair) -> None:
    outbox, theirs = pair
    outbox.before_flush(lambda: outbox.put(b"late"))
    assert outbox
    outbox.flush()
    assert receive(theirs, 4) == b"late"
    assert not outbox


def test_a_full_socket_is_waited_for_outside_of_the_outbox(pair: Pair) -> None:
    outbox, theirs = pair
    blocked = []
    outbox.blocked = lambda: blocked.append(True)
    frames = [bytes([number]) * size for number, size in enumerate((10, 3 << 20, 20, 100_000, 30))]
    for frame in frames:
        outbox.put(frame)
    outbox.flush()
    assert blocked
    data = b""
    while len(data) < sum(map(len, frames)):
        data += theirs.recv(1 << 20)
        outbox.flush()
    assert data == b"".join(frames)
