"""An HTTP client over a node's Unix socket, and raw bytes where a client library would be too well-behaved."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Union

from conftest import PATIENCE, Node, wait_until

__all__ = ["Answer", "Client", "Web", "all_at_once", "asking", "go_on", "raw", "socket_of"]


def socket_of(node: Node) -> Path:
    return node.home / "run" / "node.http.sock"


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: Dict[str, str]


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = str(path)
        self.times = 0  # that it has connected

    def connect(self) -> None:
        self.times += 1
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Web:
    """One connection that stays, as long as the node lets it. Without an app: paths are the node's own."""

    def __init__(self, where: Union[Node, Path], app: str) -> None:
        self._connection = _Connection(where if isinstance(where, Path) else socket_of(where))
        self._prefix = f"/apps/default/development/{app}" if app else ""

    def ask(self, path: str = "/", method: str = "GET", body: Optional[bytes] = None, **headers: str) -> Answer:
        self._connection.request(method, self._prefix + path, body, {name.replace("_", "-"): text for name, text in headers.items()})
        response = self._connection.getresponse()
        return Answer(response.status, response.read(), {name.lower(): text for name, text in response.getheaders()})

    def lines(self, path: str) -> Iterator[bytes]:
        """The lines of a response, each when it comes."""
        self._connection.request("GET", self._prefix + path)
        response = self._connection.getresponse()
        if response.status != 200:
            raise AssertionError(f"{path}: {response.status} {response.read()!r}")
        while line := response.readline():
            yield line

    @property
    def connections(self) -> int:
        """How many there were, one after the other."""
        return self._connection.times

    def close(self) -> None:
        self._connection.close()


class Client(threading.Thread):
    """Asks one thing after the other, and keeps what it hears: `ask` makes its n-th request."""

    def __init__(self, web: Web, ask: Callable[[Web, int], Answer]) -> None:
        super().__init__(daemon=True)
        self.web = web
        self.answers: List[Answer] = []
        self.took: List[float] = []  # seconds, of each answer
        self.error: Optional[Exception] = None  # with which it ended
        self._ask = ask
        self._stop_asked = threading.Event()

    def run(self) -> None:
        try:
            while not self._stop_asked.is_set():
                began = time.perf_counter()
                answer = self._ask(self.web, len(self.answers))
                self.took.append(time.perf_counter() - began)
                self.answers.append(answer)
        except Exception as error:
            self.error = error
        self.web.close()

    def stop(self) -> None:
        self._stop_asked.set()
        self.join(PATIENCE)


@contextlib.contextmanager
def asking(*clients: Client) -> Iterator[None]:
    """They ask all the while, and none of them may end before it is told to."""
    for client in clients:
        client.start()
    try:
        yield
    finally:
        for client in clients:
            client.stop()
    assert [client.error for client in clients if client.error or client.is_alive()] == []


def go_on(clients: List[Client], answers: int) -> None:
    """Waits until each of them has had so many answers more."""
    goals = [len(client.answers) + answers for client in clients]
    wait_until(
        lambda: all(client.error or len(client.answers) >= goal for client, goal in zip(clients, goals)),
        lambda: f"answers; there are {[len(client.answers) for client in clients]}, of {goals} that are wanted",
    )


def all_at_once(count: int, one: Callable[[int], Any]) -> List[Any]:
    """What `one(0)` to `one(count - 1)` give, in threads that start together."""
    gate = threading.Barrier(count)
    results: List[Any] = [None] * count

    def run(index: int) -> None:
        gate.wait()
        try:
            results[index] = one(index)
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return results


def raw(node: Node, data: bytes, patience: float = PATIENCE) -> bytes:
    """All that the node answers to `data` until it ends the connection."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(patience)
        client.connect(str(socket_of(node)))
        client.sendall(data)
        answer = b""
        while True:
            part = client.recv(65536)
            if not part:
                return answer
            answer += part
