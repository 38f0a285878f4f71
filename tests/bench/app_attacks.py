"""What attacks on the HTTP door of a node cost those who ask it in earnest: `tools/bench --apps --only attacks`.

One client asks an app all the while, one request after another. It, the node and the replica have a core for themselves, as
on machines of their own, and the attacker, a program of its own, has the others: what is measured is what the attack does to
the node. Floods come as fast as one program sends them; whoever asks that fast takes a part of the node's time, so they are
judged beside a flood of requests that are in order.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from typing import Callable, Dict, Iterator, List, NamedTuple

import hearth
from app_environments import SERVED
from app_handlers import TEXT
from cluster_measure import TAILS_HEAD, Tails, core_of_its_own, tails_of, verdict
from compare import asked
from hearth._client.apps import http_socket

HELD = 500  # connections of an attack that only holds them
TRICKLE_SECONDS = 1.0  # between two bytes on each of them
WINDOW_SECONDS = 1.0
IN_ORDER = "requests that are in order, as a flood"
HEAD = b"POST /apps/default/development/%s/ HTTP/1.1\r\nHost: a\r\n"
FLOODS = {
    IN_ORDER: b"GET /apps/default/development/%s/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "lengths that are none, as a flood": HEAD + b"Content-Length: -3\r\n\r\nabc",
    "a length beside chunks, as a flood": HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "100,000 fields, as a flood": HEAD + b"a: b\r\n" * 100_000,
    "NUL in a header, as a flood": HEAD + b"A\0: b\r\n\r\n",
    "hosts of others, as a flood": b"GET / HTTP/1.1\r\nHost: %s.other.example\r\n\r\n",
}
HOLDS = {
    f"{HELD} connections that say nothing": (b"", b""),
    f"{HELD} headers, byte by byte": (b"GET /", b"a"),
    f"{HELD} bodies, byte by byte": (HEAD + b"Content-Length: 1000000\r\n\r\n", b"a"),
}


# -- the attacker ----


def connected(place: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(place)
    return connection


def flood(place: str, data: bytes) -> None:
    while True:
        with connected(place) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(data)
            while connection.recv(65536):
                pass


def hold(place: str, first: bytes, more: bytes) -> None:
    """Those that the node sends away are replaced."""
    open_ones: List[socket.socket] = []
    while True:
        while len(open_ones) < HELD:
            open_ones.append(connected(place))
            open_ones[-1].sendall(first)
        began = time.monotonic()
        for connection in open_ones:
            try:
                if more:
                    connection.send(more, socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass
            except ConnectionError:
                connection.close()
        open_ones = [connection for connection in open_ones if connection.fileno() >= 0]
        time.sleep(max(0.0, TRICKLE_SECONDS - (time.monotonic() - began)))


def attack(name: str, app: str, place: str, cores: str) -> None:
    os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    print("begun", flush=True)
    if name in FLOODS:
        flood(place, FLOODS[name].replace(b"%s", app.encode()))
    first, more = HOLDS[name]
    hold(place, first.replace(b"%s", app.encode()), more)


# -- who asks in earnest ----


class Client(NamedTuple):
    """Over one connection, which stays."""

    connection: socket.socket
    request: bytes

    def ask(self) -> None:
        self.connection.sendall(self.request)
        answer = b""
        while not answer.endswith(TEXT):
            part = self.connection.recv(65536)
            if not part:
                raise SystemExit(f"The node ended the connection of the client in earnest: {answer!r}")
            answer += part
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"The client in earnest was answered {answer[:100]!r}.")

    def each(self) -> List[int]:
        """What each request of a window took, in ns."""
        took: List[int] = []
        end = time.perf_counter() + WINDOW_SECONDS
        while time.perf_counter() < end:
            began = time.perf_counter_ns()
            self.ask()
            took.append(time.perf_counter_ns() - began)
        return took


@contextlib.contextmanager
def attacked(name: str, app: str, place: str, cores: str) -> Iterator[None]:
    program = subprocess.Popen([sys.executable, __file__, name, app, place, cores], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    try:
        if program.stdout.readline() != "begun\n":
            raise SystemExit("The program that attacks did not begin.")
        time.sleep(0.2)
        yield
    finally:
        program.terminate()
        program.wait()
        program.stdout.close()


def attacks(rounds: int) -> None:
    served = hearth.serve(SERVED["bare"])
    served.activate(wait=True)
    pid = int(asked("node", "status")["pid"])
    place = http_socket(os.environ["HEARTH_SOCKET"])
    cores = os.sched_getaffinity(0)
    others = ",".join(map(str, cores - {max(cores)})) or "0"
    cases: Dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
        "quiet": contextlib.nullcontext, "quiet, again": contextlib.nullcontext,
        **{name: lambda name=name: attacked(name, served.name, place, others) for name in (*FLOODS, *HOLDS)},
    }  # fmt: skip
    took: Dict[str, List[int]] = {name: [] for name in cases}
    request = f"GET /apps/default/development/{served.name}/ HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    with connected(place) as connection, core_of_its_own([pid, os.getpid()], []):
        client = Client(connection, request)
        for _ in range(100):
            client.ask()
        for _ in range(rounds):
            for name, around in cases.items():
                with around():
                    took[name] += client.each()
    served.delete()
    show({name: tails_of(one) for name, one in took.items()}, {name: len(one) for name, one in took.items()})


def show(rows: Dict[str, Tails], counts: Dict[str, int]) -> None:
    print("\nrequests one after another, while somebody attacks; they, the node and the replica have a core for themselves")
    print(f"(µs; in brackets: against quiet)\n  {'':<44} {TAILS_HEAD} {'requests':>9}")
    for name, own in rows.items():
        beside = [rows["quiet"], rows["quiet, again"], *([rows[IN_ORDER]] if name in FLOODS else [])]
        judged = "" if name in ("quiet", IN_ORDER) else f"   {verdict(own.is_bearable(*beside))}"
        print(f"  {name:<44} {own.beside(rows['quiet'])} {counts[name]:>9,}{judged}")


if __name__ == "__main__":
    attack(*sys.argv[1:])
