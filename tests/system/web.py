"""An HTTP client over a node's Unix socket, and raw bytes where a client library would be too well-behaved."""

from __future__ import annotations

import http.client
import socket
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Union

from conftest import PATIENCE, Node

__all__ = ["Answer", "Web", "all_at_once", "raw", "socket_of"]


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

    def connect(self) -> None:
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

    def close(self) -> None:
        self._connection.close()


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
