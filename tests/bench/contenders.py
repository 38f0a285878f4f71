"""The contenders: each runs the same three kinds of work with two workers, in processes of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Iterable, List, Optional

import tasks

HERE = Path(__file__).resolve().parent


class Contender:
    """One system under measurement. `start` may raise Unavailable; every method blocks until its results are right."""

    name = ""
    version = ""
    sequential_calls = 1000
    fan_out_calls = 20_000

    def __init__(self) -> None:
        self.ends = contextlib.ExitStack()  # what is to be ended; `start` adds to it as it goes

    def start(self) -> None:
        """Starts workers and has each do a call, so that nothing cold is measured."""

    def call(self, x: int) -> int:
        raise NotImplementedError

    def fan_out(self, xs: range) -> List[int]:
        raise NotImplementedError

    def fan_out_async(self, xs: range) -> Optional[List[int]]:
        """The same with asynchronous tasks, where the system has them."""
        return None

    def send(self, data: bytes) -> int:
        raise NotImplementedError


class Unavailable(Exception):
    """The contender cannot run here; the text says why."""


def need(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise Unavailable(f"{module} is not installed")


class Hearth(Contender):
    name = "Hearth"
    sequential_calls = 3000
    fan_out_calls = 100_000

    def start(self) -> None:
        import hearth

        self.version = hearth.__version__
        self._map = hearth.map
        for task in (tasks.square_one, tasks.square_two, tasks.square_async):
            if list(hearth.map(task, range(200))) != [x * x for x in range(200)]:
                raise Unavailable("it computes wrong squares")
        tasks.length_one.remote(b"x")

    def call(self, x: int) -> int:
        return tasks.square_one.remote(x)

    def fan_out(self, xs: range) -> List[int]:
        return list(self._map(tasks.square_two, xs))

    def fan_out_async(self, xs: range) -> List[int]:
        return list(self._map(tasks.square_async, xs))

    def send(self, data: bytes) -> int:
        return tasks.length_one.remote(data)


class Pool(Contender):
    name = "ProcessPoolExecutor"

    def start(self) -> None:
        self.version = ".".join(map(str, sys.version_info[:3]))
        self._one = self.ends.enter_context(ProcessPoolExecutor(1))
        self._two = self.ends.enter_context(ProcessPoolExecutor(2))
        self._one.submit(tasks.square, 1).result()
        list(self._two.map(tasks.square, range(8)))

    def call(self, x: int) -> int:
        return self._one.submit(tasks.square, x).result()

    def fan_out(self, xs: range) -> List[int]:
        return [f.result() for f in [self._two.submit(tasks.square, x) for x in xs]]

    def send(self, data: bytes) -> int:
        return self._one.submit(tasks.length, data).result()


class Loky(Contender):
    name = "joblib's loky"
    sequential_calls = 300
    fan_out_calls = 5000

    def start(self) -> None:
        need("joblib")
        import joblib
        from joblib.externals import loky

        self.version = joblib.__version__
        self._pool = loky.get_reusable_executor(max_workers=2)
        self.ends.callback(self._pool.shutdown, wait=True)
        list(self._pool.map(tasks.square, range(8)))

    def call(self, x: int) -> int:
        return self._pool.submit(tasks.square, x).result()

    def fan_out(self, xs: range) -> List[int]:
        return [f.result() for f in [self._pool.submit(tasks.square, x) for x in xs]]

    def send(self, data: bytes) -> int:
        return self._pool.submit(tasks.length, data).result()


class Dask(Contender):
    name = "Dask distributed"
    sequential_calls = 200
    fan_out_calls = 2000

    def start(self) -> None:
        need("distributed")
        import distributed

        self.version = distributed.__version__
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1", silence_logs=50
        )
        self.ends.callback(cluster.close)
        self._client = self.ends.enter_context(distributed.Client(cluster))
        self._client.gather(self._client.map(tasks.square, range(8), pure=False))

    def call(self, x: int) -> int:
        return self._client.submit(tasks.square, x, pure=False).result()

    def fan_out(self, xs: range) -> List[int]:
        return self._client.gather(self._client.map(tasks.square, xs, pure=False))

    def send(self, data: bytes) -> int:
        return self._client.submit(tasks.length, data, pure=False).result()


class Celery(Contender):
    name = "Celery with Redis"
    sequential_calls = 200
    fan_out_calls = 2000

    def start(self) -> None:
        need("celery")
        need("redis")
        home = self.ends.enter_context(tempfile.TemporaryDirectory(prefix="hearth-bench-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        redis = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", home]
        self._run(redis, os.path.join(home, "redis.log"))
        os.environ["HEARTH_BENCH_BROKER"] = f"redis://127.0.0.1:{port}/0"
        wait_for(lambda: socket.create_connection(("127.0.0.1", port), 1).close())
        worker = [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "-c", "2", "-l", "CRITICAL", "-O", "fair"]
        log = os.path.join(home, "worker.log")
        # Celery refuses to open pickles as root without this word; the broker is ours and on loopback.
        self._run(worker, log, C_FORCE_ROOT="1")
        import celery
        import celery_app

        self.version = celery.__version__
        self._square, self._length = celery_app.square, celery_app.length
        try:
            self._square.delay(1).get(timeout=60)
        except celery.exceptions.TimeoutError:
            said = Path(log).read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
            raise Unavailable(f"its worker did not answer within 60 s; it said: {' '.join(said)}") from None

    def _run(self, command: List[str], log: str, **variables: str) -> None:
        try:
            with open(log, "wb") as output:
                process = subprocess.Popen(
                    command, cwd=HERE, env={**os.environ, **variables}, stdout=output, stderr=subprocess.STDOUT
                )
        except FileNotFoundError:
            raise Unavailable(f"{command[0]} is not installed") from None
        self.ends.callback(process.wait, 30)
        self.ends.callback(process.terminate)

    def call(self, x: int) -> int:
        return self._square.delay(x).get(timeout=60)

    def fan_out(self, xs: range) -> List[int]:
        return [r.get(timeout=120) for r in [self._square.delay(x) for x in xs]]

    def send(self, data: bytes) -> int:
        return self._length.delay(data).get(timeout=120)


class RawSocket(Contender):
    """The floor: two Python processes and a socketpair, eight bytes each way. It does no call of anything."""

    name = "raw socketpair"
    sequential_calls = 3000
    fan_out_calls = 0

    def start(self) -> None:
        self.version = ".".join(map(str, sys.version_info[:3]))
        self._here, there = socket.socketpair()
        program = (
            "import socket, struct, sys\n"
            "s = socket.socket(fileno=int(sys.argv[1])); v = struct.Struct('<q')\n"
            "while True:\n"
            "    d = s.recv(8)\n"
            "    if not d: break\n"
            "    s.send(v.pack(v.unpack(d)[0] ** 2))\n"
        )
        child = subprocess.Popen([sys.executable, "-c", program, str(there.fileno())], pass_fds=[there.fileno()])
        self.ends.callback(child.wait, 10)
        self.ends.callback(self._here.close)
        there.close()
        self._value = struct.Struct("<q")
        self.call(1)

    def call(self, x: int) -> int:
        self._here.send(self._value.pack(x))
        return self._value.unpack(self._here.recv(8))[0]


def wait_for(attempt: Any, seconds: float = 30) -> None:
    """Calls `attempt` until it raises no OSError."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def all_contenders() -> Iterable[Contender]:
    return [Hearth(), RawSocket(), Pool(), Loky(), Dask(), Celery()]


@contextlib.contextmanager
def started(contenders: Iterable[Contender]) -> Any:
    """Starts them; yields those that run and the reasons of the others; stops what was started."""
    with contextlib.ExitStack() as stack:
        running, missing = [], []
        for contender in contenders:
            stack.enter_context(contender.ends)
            try:
                contender.start()
            except Unavailable as reason:
                missing.append(f"{contender.name}: {reason}")
            else:
                running.append(contender)
        yield running, missing
