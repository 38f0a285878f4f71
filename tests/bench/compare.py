"""Hearth beside what people use today, in one run: `tools/bench` calls this.

Every measure goes round the contenders several times, so that a machine that slows down slows all of them down. A row
shows the median over the rounds and, behind it, the range. Nothing here is a test: a slow result fails nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

import tasks
from contenders import Contender, all_contenders, started

MIB = 1024 * 1024
LARGE_IN_A_ROW = 5  # in each round: memory that a virtual machine gave back to its host is costly to touch again
Samples = Dict[str, List[float]]


def rounds(count: int, contenders: Sequence[Contender], measure: Callable[[Contender], Any]) -> Samples:
    """`measure` of every contender, `count` times in turn; contenders that answer None have no such thing."""
    samples: Samples = {}
    for _ in range(count):
        for contender in contenders:
            value = measure(contender)
            if value is not None:
                samples.setdefault(contender.name, []).append(value)
    return samples


def sequential_us(contender: Contender) -> float:
    times = []
    for x in range(contender.sequential_calls):
        began = time.perf_counter_ns()
        result = contender.call(x)
        times.append(time.perf_counter_ns() - began)
        assert result == x * x, f"{contender.name} answered {result} for {x} squared"
    return statistics.median(times) / 1000


def fan_out_rate(contender: Contender) -> Any:
    if not contender.fan_out_calls:
        return None
    xs = range(contender.fan_out_calls)
    began = time.perf_counter()
    results = contender.fan_out(xs)
    took = time.perf_counter() - began
    assert results == [x * x for x in xs], f"{contender.name} answered wrong or out of order"
    return len(xs) / took


def fan_out_async_rate(contender: Contender) -> Any:
    xs = range(contender.fan_out_calls)
    began = time.perf_counter()
    results = contender.fan_out_async(xs)
    took = time.perf_counter() - began
    if results is None:
        return None
    assert results == [x * x for x in xs], f"{contender.name} answered wrong or out of order"
    return len(xs) / took


def large_ms(size: int) -> Callable[[Contender], Any]:
    data = os.urandom(MIB) * (size // MIB)

    def measure(contender: Contender) -> Any:
        if not contender.fan_out_calls:
            return None
        times = []
        for _ in range(LARGE_IN_A_ROW):
            began = time.perf_counter()
            result = contender.send(data)
            times.append((time.perf_counter() - began) * 1000)
            assert result == len(data)
        return statistics.median(times)

    return measure


def show(title: str, unit: str, samples: Samples, better: str, against: str = "ProcessPoolExecutor") -> None:
    """A table of one measure, best first, with the ratio to `against` (above 1: better than it)."""
    print(f"\n{title} ({unit})")
    base = statistics.median(samples[against]) if against in samples else None
    middle = {name: statistics.median(values) for name, values in samples.items()}
    for name in sorted(middle, key=lambda n: middle[n], reverse=better == "more"):
        value = middle[name]
        ratio = "" if base is None else f"{(value / base if better == 'more' else base / value):8.2f} x"
        spread = f"{min(samples[name]):,.1f} .. {max(samples[name]):,.1f}"
        print(f"  {name:<22} {value:>14,.1f} {ratio:>10}   {spread}")


def replica_start() -> None:
    """How long a new replica takes, forked from a zygote with NumPy, beside starting Python and importing NumPy."""
    assert tasks.square_fresh.remote(1) == 1  # the zygote starts
    before = starts_of("bench-fork")
    for x in range(60):
        assert tasks.square_fresh.remote(x) == x * x
    after = starts_of("bench-fork")
    fork_ms = (after.total_us - before.total_us) / (after.count - before.count) / 1000
    program = "import numpy; print(1, flush=True)"
    times = []
    for _ in range(20):
        began = time.perf_counter()
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert child.stdout is not None and child.stdout.readline() == b"1\n"
        times.append((time.perf_counter() - began) * 1000)
        child.wait()
        child.stdout.close()
    exec_ms = statistics.mean(times)
    print("\nnew interpreter ready, NumPy imported (ms, mean)")
    print(f"  Hearth ({after.mode})          {fork_ms:>14,.1f} {exec_ms / fork_ms:8.2f} x   {after.count - before.count} starts")
    print(f"  exec and import        {exec_ms:>14,.1f}     1.00 x   {min(times):,.1f} .. {max(times):,.1f}")


class Starts(NamedTuple):
    """Replicas that an environment has started so far."""

    count: int
    total_us: int
    mode: str  # fork or spawn


def starts_of(environment: str) -> Starts:
    rows = asked("get", "environments")
    row = next(row for row in rows if row["name"] == environment)
    count = int(row["coldStarts"])
    return Starts(count, int(row["meanStartUs"]) * count, row["startMode"])


def asked(*words: str) -> Any:
    """What the command line answers, from its JSON."""
    command = [os.environ.get("HEARTH_COMMAND", "hearth"), *words, "-o", "json"]
    return json.loads(subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout)


def idle_cost() -> None:
    """What the node costs while nothing happens."""
    pid = int(asked("node", "status")["pid"])
    ticks = os.sysconf("SC_CLK_TCK")

    def spent() -> float:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / ticks

    before, began = spent(), time.monotonic()
    time.sleep(5)
    share = (spent() - before) / (time.monotonic() - began)
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    print(f"\nidle node, warm pools kept\n  {share:.2%} of a core, {resident / 1024:.0f} MiB resident")


def machine() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), "unknown processor")
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each measure goes round (default: 5)")
    parser.add_argument("--only", action="append", help="a contender, by a part of its name; may be repeated")
    parser.add_argument("--quick", action="store_true", help="a tenth of the calls")
    options = parser.parse_args(arguments)
    chosen = [c for c in all_contenders() if not options.only or any(o.lower() in c.name.lower() for o in options.only)]
    if options.quick:
        for contender in chosen:
            contender.sequential_calls //= 10
            contender.fan_out_calls //= 10
    print(machine())
    print("the client is this process, on the same machine; workers: 2 (1 for single calls and large values)")
    with started(chosen) as (running, missing):
        print("; ".join(f"{c.name} {c.version}" for c in running))
        for reason in missing:
            print(f"left out: {reason}")
        show("one call after another, p50", "µs", rounds(options.rounds, running, sequential_us), "less")
        show("fan-out of single calls", "calls/s", rounds(options.rounds, running, fan_out_rate), "more")
        async_rates = rounds(options.rounds, running, fan_out_async_rate)
        if "ProcessPoolExecutor" in {c.name for c in running}:
            pool = [c for c in running if c.name == "ProcessPoolExecutor"]
            async_rates.update(rounds(options.rounds, pool, fan_out_rate))
        show("fan-out of async tasks, concurrency 100 (ProcessPoolExecutor: its sync calls)", "calls/s", async_rates, "more")
        show(f"one argument of 64 MiB, {LARGE_IN_A_ROW} in a row", "ms", rounds(options.rounds, running, large_ms(64 * MIB)), "less")
        if any(c.name == "Hearth" for c in running):
            replica_start()
            idle_cost()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
