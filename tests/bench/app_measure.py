"""How the benchmark of apps measures: what wrk says, what processes cost, and many requests that come at once."""

from __future__ import annotations

import contextlib
import http.client
import selectors
import socket
import ssl
import subprocess
import tempfile
import time
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from app_servers import Server, certificate
from cluster_measure import spent

CONNECTIONS = 64  # fewer than a replica takes at once (100), so that nobody's queue is measured
PATIENCE = 60.0  # seconds for one answer
# wrk's own words for times have changing units; these are µs. Errors are of connecting, reading, writing, of status, of time.
SCRIPT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("measured %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50),
                         latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"""


class Load(NamedTuple):
    """What wrk says of one server under as many requests as it takes."""

    rate: float  # requests per second
    p50: float  # ms
    p99: float
    errors: int
    cores: Dict[str, float]  # that its processes used, by what they are

    @property
    def per_core(self) -> float:
        """Requests per second of a core."""
        return self.rate / max(sum(self.cores.values()), 1e-9)


def load(server: Server, seconds: float) -> Load:
    """One thread of wrk, which is one core of the client at most."""
    processes = server.processes()
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT)
        script.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--timeout", "10s", "-s", script.name, server.url]
        before = {what: sum(map(spent, pids)) for what, pids in processes.items()}
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        after = {what: sum(map(spent, pids)) for what, pids in processes.items()}
    words = next((line.split()[1:] for line in done.stdout.splitlines() if line.startswith("measured ")), None)
    if words is None:
        raise SystemExit(f"wrk did not measure {server.name} at {server.url}:\n{done.stdout}")
    requests, took, p50, p99, errors = map(int, words)
    length = took / 1e6
    cores = {what: (after[what] - before[what]) / length for what in processes}
    return Load(requests / length, p50 / 1000, p99 / 1000, errors, cores)


def protocol(server: Server, expected: bytes) -> str:
    """What it speaks with a client: "plain", or the version of TLS and the cipher. Its answer has to be right."""
    host, port = server.url.split("/")[2].split(":")
    client: http.client.HTTPConnection
    if server.is_encrypted:
        trust = ssl.create_default_context(cafile=certificate()[0])
        client = http.client.HTTPSConnection(host, int(port), timeout=PATIENCE, context=trust)
    else:
        client = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
    with contextlib.closing(client):
        client.request("GET", "/" + server.url.split("/", 3)[3])
        spoken = "plain"
        if isinstance(client.sock, ssl.SSLSocket):
            spoken = f"{client.sock.version()}, {(client.sock.cipher() or ('?',))[0]}"
        response = client.getresponse()
        answer = response.read()
    if (response.status, answer) != (200, expected):
        raise SystemExit(f"{server.name} at {server.url} answered {response.status} {answer[:200]!r} instead of {expected!r}.")
    return spoken


def wrk_version() -> str:
    said = subprocess.run(["wrk", "-v"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout
    return " ".join(said.split()[:2])


# -- many at once ----


class Crowd(NamedTuple):
    """Requests that came at once."""

    first_bytes: List[float]  # seconds from when all of them began
    heads: List[bytes]
    wrong: List[bytes]  # answers that are not what they should be, as far as they came


class _Request:
    """One of them: it is sent, and its answer is read to the end of the connection."""

    def __init__(self, connection: socket.socket, expected: bytes) -> None:
        self.connection = connection
        self.expected = expected
        self.answer = b""
        self.first_byte: Optional[float] = None

    def read(self, began: float) -> bool:
        """What there is; whether there is more to come."""
        try:
            part = self.connection.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if part and self.first_byte is None:
            self.first_byte = time.perf_counter() - began
        self.answer += part
        return bool(part)

    @property
    def is_right(self) -> bool:
        return self.answer.startswith(b"HTTP/1.1 200 ") and self.answer.endswith(b"\r\n\r\n" + self.expected)


def crowd(place: str, prefix: str, count: int) -> Crowd:
    """`count` requests, each on a connection of its own to the Unix socket, each for another square."""
    requests: List[_Request] = []
    with contextlib.ExitStack() as stack:
        waiting = stack.enter_context(selectors.DefaultSelector())
        began = time.perf_counter()
        for x in range(count):
            connection = stack.enter_context(socket.socket(socket.AF_UNIX))
            connection.connect(place)
            connection.sendall(f"GET {prefix}/square/{x} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            connection.setblocking(False)
            requests.append(_Request(connection, b"%d" % (x * x)))
            waiting.register(connection, selectors.EVENT_READ, requests[-1])
        open_ones = count
        while open_ones and time.perf_counter() - began < PATIENCE:
            for key, _ in waiting.select(1.0):
                if not key.data.read(began):
                    waiting.unregister(key.fileobj)
                    open_ones -= 1
    wrong = [request.answer for request in requests if not request.is_right]
    heads = [request.answer.split(b"\r\n\r\n")[0] for request in requests]
    return Crowd([PATIENCE if r.first_byte is None else r.first_byte for r in requests], heads, wrong)


def until_answered(place: str, patience: float = PATIENCE, pause: float = 0.005) -> None:
    """Asks at the Unix socket until there is an answer, as somebody does who has just started a server."""
    deadline = time.monotonic() + patience
    while True:
        with socket.socket(socket.AF_UNIX) as connection:
            with contextlib.suppress(OSError):
                connection.connect(place)
                connection.settimeout(patience)
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if connection.recv(1):
                    return
        if time.monotonic() > deadline:
            raise SystemExit(f"Nobody answered at {place} within {patience:.0f} s.")
        time.sleep(pause)


def parts_of(heads: Iterable[bytes]) -> Dict[str, float]:
    """Where the time of the first request went that waited for a start, in ms, as its `Server-Timing` has it."""
    for head in heads:
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"server-timing:") and b"start;dur=" in line:
                return dict(_timings(line.split(b":", 1)[1].decode()))
    return {}


def _timings(text: str) -> Iterator[Tuple[str, float]]:
    for part in text.split(","):
        name, _, value = part.strip().partition(";dur=")
        yield name, float(value)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"Waited {seconds:.0f} s in vain for {what}.")
        time.sleep(0.05)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
