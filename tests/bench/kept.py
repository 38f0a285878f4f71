"""What a hit of the cache costs, beside keeping results by hand: in Redis over a Unix socket, in diskcache, by joblib.Memory.

`tools/bench --cache` calls this. Each row is one lookup of a small value that is there, one after another, by this process.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence

import hearth
from compare import asked, machine
from kept_many import many, p50_us

CALLS = 5000
STARTS_WITHIN = 10.0  # seconds

env = hearth.TaskEnvironment("bench-kept", reusable=hearth.ReusePolicy(replicas=(0, 2)))


@env.task(cache=hearth.Cache("override", version_override="1"))
def square(x: int) -> int:
    return x * x


@contextlib.contextmanager
def redis_get(home: Path) -> Iterator[Callable[[int], Any]]:
    import redis

    path = home / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(home)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + STARTS_WITHIN
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        client = redis.Redis(unix_socket_path=str(path))
        for x in range(CALLS):
            client.set(f"square-{x}", pickle.dumps(x * x))
        yield lambda x: pickle.loads(client.get(f"square-{x}"))
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def diskcache_get(home: Path) -> Iterator[Callable[[int], Any]]:
    import diskcache

    with diskcache.Cache(str(home / "diskcache")) as cache:
        for x in range(CALLS):
            cache[("square", x)] = x * x
        yield lambda x: cache[("square", x)]


@contextlib.contextmanager
def joblib_memory(home: Path) -> Iterator[Callable[[int], Any]]:
    import joblib

    kept = joblib.Memory(str(home / "joblib"), verbose=0).cache(plain_square)
    for x in range(CALLS):
        kept(x)
    yield kept


def plain_square(x: int) -> int:
    return x * x


@contextlib.contextmanager
def hearth_hit(_: Path) -> Iterator[Callable[[int], Any]]:
    assert list(hearth.map(square, range(CALLS))) == [x * x for x in range(CALLS)]
    yield square.remote


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each measure goes round (default: 5)")
    parser.add_argument("--entries", type=int, default=1_000_000, help="results to look up among (default: 1,000,000)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the calls, and of those results")
    options = parser.parse_args(arguments)
    calls = CALLS // 10 if options.quick else CALLS
    ways = {"Hearth": hearth_hit, "Redis": redis_get, "diskcache": diskcache_get, "joblib.Memory": joblib_memory}
    versions = "; ".join(f"{name} {importlib.metadata.version(name)}" for name in ("redis", "diskcache", "joblib"))
    print(machine())
    print(f"Hearth {hearth.__version__}; {versions}; the client is this process")
    samples: Dict[str, List[float]] = {}
    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as stack:
        gets = {name: stack.enter_context(way(Path(home))) for name, way in ways.items()}
        for _ in range(options.rounds):
            for name, get in gets.items():
                samples.setdefault(name, []).append(p50_us(get, range(calls)))
    print("\na small value that is kept, seen by a Python client, p50 (µs)")
    base = statistics.median(samples["Redis"])
    for name in sorted(samples, key=lambda n: statistics.median(samples[n])):
        value = statistics.median(samples[name])
        print(f"  {name:<22} {value:>10,.1f} {base / value:8.2f} x   {min(samples[name]):,.1f} .. {max(samples[name]):,.1f}")
    pool = next(row for row in asked("get", "environments") if row["name"] == env.name)
    print(f"  executions of the task in all rounds: {pool['done']}, of {options.rounds * calls + CALLS:,} calls")
    many(options.entries // 10 if options.quick else options.entries)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
