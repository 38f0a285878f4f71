"""Apps beside what serves them today, in one run: `tools/bench --apps` calls this.

"ingress" is the throughput of one application, on one worker or replica, under wrk: uvicorn alone, nginx in front of that
uvicorn, and the node. "empty" is what a request costs whose handler does nothing. "zero" is how long 200 requests at once
wait for an app that has no replica, beside uvicorn that is started by hand. "attacks" is what attackers cost others. All goes
over loopback or Unix sockets, and the clients share the machine with the servers. Nothing here is a test: a slow result fails
nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Sequence

import hearth
from app_attacks import attacks
from app_environments import from_zero
from app_handlers import TEXT
from app_measure import (
    CONNECTIONS, Crowd, Load, crowd, load, parts_of, percentile, protocol, until_answered, wait_for, wrk_version,
)  # fmt: skip
from app_servers import FAST, Server, all_servers, nginx_program, running, uvicorn_command
from cluster_measure import core_of_its_own, verdict
from compare import asked, machine

SECONDS = 5.0  # of wrk for each row in each round
WARM_SECONDS = 1.0
AT_ONCE = 200
SETTLE_SECONDS = 0.5  # after the end of a replica and the command that told of it, which are not what is measured
WITH_ZYGOTE_IN_A_ROW = 3  # in each round, after the first time, which has none
THROUGHPUT_MIN = 0.5  # of the application alone
THROUGHPUT_AIM = 0.8  # of nginx as a proxy
FIRST_BYTE_MAX_MS = 100.0  # from zero, with a zygote, at the median

Loads = Dict[str, List[Load]]  # by the name of a server and what it speaks


def row_name(server: Server) -> str:
    return f"{server.name}, {'TLS 1.3' if server.is_encrypted else 'plain'}"


def middle(samples: Sequence[Load], what: Callable[[Load], float]) -> float:
    return statistics.median(what(sample) for sample in samples)


def noted(loads: Sequence[Load]) -> str:
    """What went wrong, where something did."""
    errors = sum(sample.errors for sample in loads)
    return f"   {errors} ERRORS" if errors else ""


# -- throughput ----


def ingress(app: str, title: str, rounds: int, seconds: float) -> None:
    rows: Loads = {}
    with all_servers(app) as servers:
        spoken = sorted({protocol(server, TEXT) for server in servers})
        for server in servers:
            load(server, WARM_SECONDS)
        for _ in range(rounds):
            for server in servers:
                rows.setdefault(row_name(server), []).append(load(server, seconds))
    print(f"\ningress: {title}, {CONNECTIONS} connections that stay, as fast as answers come (spoken: {'; '.join(spoken)})")
    print(f"  {'':<38} {'requests/s':>10} {'of plain':>9} {'p50 ms':>8} {'p99 ms':>8}   range of requests/s")
    base = middle(rows["uvicorn alone, plain"], lambda one: one.rate)
    for name, loads in sorted(rows.items(), key=lambda row: -middle(row[1], lambda one: one.rate)):
        rates = [one.rate for one in loads]
        p50, p99 = middle(loads, lambda one: one.p50), middle(loads, lambda one: one.p99)
        columns = f"{statistics.median(rates):>10,.0f} {statistics.median(rates) / base:>7.2f} x {p50:>8.2f} {p99:>8.2f}"
        print(f"  {name:<38} {columns}   {min(rates):,.0f} .. {max(rates):,.0f}{noted(loads)}")
    own = middle(rows["Hearth, TLS 1.3"], lambda one: one.rate)
    bounds = (
        ("uvicorn alone, plain", "at least", THROUGHPUT_MIN),
        ("uvicorn alone, TLS 1.3", "at least", THROUGHPUT_MIN),
        ("nginx in front of uvicorn, TLS 1.3", "aim", THROUGHPUT_AIM),
    )
    for name, word, bound in bounds:
        share = own / middle(rows[name], lambda one: one.rate)
        print(f"  Hearth: {share:.2f} of the throughput of {name}; {word} {bound}: {verdict(share >= bound)}")


def both_ingresses(rounds: int, seconds: float) -> None:
    ingress("bare", "an ASGI application that answers a short text", rounds, seconds)
    ingress("api", "a FastAPI application that answers the same", rounds, seconds)


# -- what a request costs ----


def empty(rounds: int, seconds: float) -> None:
    on_one: Loads = {}
    on_all: Loads = {}
    has_cores = len(os.sched_getaffinity(0)) > 1
    with all_servers("empty") as servers:
        for server in servers:
            protocol(server, b"")
            load(server, WARM_SECONDS)
        for _ in range(rounds):
            for server in servers:
                if has_cores:
                    with core_of_its_own(server.own, [os.getpid()]):
                        on_one.setdefault(row_name(server), []).append(load(server, seconds))
                on_all.setdefault(row_name(server), []).append(load(server, seconds))
    title = f"empty: a handler that does nothing, {CONNECTIONS} connections"
    if has_cores:
        show_costs(f"{title}; the server has one core, wrk the others: requests/s are those of one core", on_one)
    show_costs(f"{title}; all on the same cores", on_all)


def show_costs(title: str, rows: Loads) -> None:
    print(f"\n{title}")
    print(f"  {'':<38} {'requests/s':>10} {'cores used':>11} {'requests per':>14}   range")
    print(f"  {'':<38} {'':>10} {'':>11} {'CPU second':>14}   and which processes used how much of a core")
    for name, loads in sorted(rows.items(), key=lambda row: -middle(row[1], lambda one: one.per_core)):
        shares = {what: statistics.median(one.cores[what] for one in loads) for what in loads[0].cores}
        per_core = [one.per_core for one in loads]
        rate = middle(loads, lambda one: one.rate)
        columns = f"{rate:>10,.0f} {sum(shares.values()):>11.2f} {statistics.median(per_core):>14,.0f}"
        parts = ", ".join(f"{what} {share:.2f}" for what, share in shares.items())
        print(f"  {name:<38} {columns}   {min(per_core):,.0f} .. {max(per_core):,.0f}; {parts}{noted(loads)}")
    own = middle(rows["Hearth, TLS 1.3"], lambda one: one.per_core)
    for other in ("uvicorn alone, TLS 1.3", "uvicorn alone, plain", "nginx in front of uvicorn, TLS 1.3"):
        print(f"  Hearth: {own / middle(rows[other], lambda one: one.per_core):.2f} of the requests per CPU second of {other}")


# -- from zero ----


class Arrivals(NamedTuple):
    """How long the first bytes of all requests of one crowd took, in ms."""

    median: float
    p99: float
    wrong: int
    start: Dict[str, float]  # the parts of the start that the first of them waited for


def arrivals(found: Crowd, more: float = 0.0) -> Arrivals:
    took = [(one + more) * 1000 for one in found.first_bytes]
    for answer in found.wrong[:1]:
        print(f"  a wrong answer: {answer[:300]!r}")
    return Arrivals(statistics.median(took), percentile(took, 0.99), len(found.wrong), parts_of(found.heads))


def by_hand(count: int) -> Arrivals:
    """uvicorn is started, somebody asks until it answers, and then all ask at once; the time runs from its start."""
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as home:
        place = f"{home}/uvicorn.sock"
        began = time.perf_counter()
        with running(uvicorn_command("api", FAST, "--uds", place)):
            until_answered(place)
            took = time.perf_counter() - began
            return arrivals(crowd(place, "", count), took)


def replicas_of(app: str) -> int:
    return sum(int(row["replicas"]) for row in asked("get", "environments") if row["name"] == app)


def at_zero(app: str, count: int) -> Arrivals:
    wait_for(lambda: replicas_of(app) == 0, f"{app} to have no replica")
    time.sleep(SETTLE_SECONDS)
    door = Path(os.environ["HEARTH_SOCKET"]).with_name("node.http.sock")
    return arrivals(crowd(str(door), f"/apps/default/development/{app}", count))


def zero(rounds: int) -> None:
    rows: Dict[str, List[Arrivals]] = {}

    def add(name: str, found: Arrivals) -> None:
        rows.setdefault(name, []).append(found)

    cold, warm, alone = "Hearth, its first request", "Hearth, its zygote is warm", "Hearth, the same, one request alone"
    for number in range(rounds):
        add("uvicorn, started by hand", by_hand(AT_ONCE))
        app = hearth.serve(from_zero(number))
        add(cold, at_zero(app.name, AT_ONCE))
        for _ in range(WITH_ZYGOTE_IN_A_ROW):
            add(warm, at_zero(app.name, AT_ONCE))
            add(alone, at_zero(app.name, 1))
        app.delete()
    print(f"\nfrom zero: {AT_ONCE} requests at once to a FastAPI app that has no replica, plain HTTP over Unix sockets")
    print(f"  time to the first byte, from when all began, of all {AT_ONCE} (ms)")
    print(f"  {'':<38} {'median':>8} {'p99':>8}   range of medians")
    for name, found in rows.items():
        show_arrivals(name, found)
    median, uvicorn = (statistics.median(one.median for one in rows[name]) for name in (warm, "uvicorn, started by hand"))
    holds = verdict(median <= FIRST_BYTE_MAX_MS)
    print(f"  with a warm zygote: {median:.1f} ms at the median; at most {FIRST_BYTE_MAX_MS:.0f} ms: {holds}")
    print(f"  that is {uvicorn / median:.1f} times as soon as uvicorn by hand")
    wrong = sum(one.wrong for name in (cold, warm, alone) for one in rows[name])
    print(f"  answers of Hearth that were refused or wrong: {wrong}; none: {verdict(wrong == 0)}")


def show_arrivals(name: str, found: Sequence[Arrivals]) -> None:
    medians = [one.median for one in found]
    p99 = statistics.median(one.p99 for one in found)
    started = [one.start for one in found if one.start] or [{}]
    parts = {what: statistics.median(one.get(what, 0.0) for one in started) for what in ("start", "fork", "import", "init")}
    told = ", ".join(f"{what} {value:.1f}" for what, value in parts.items() if value)
    wrong = sum(one.wrong for one in found)
    notes = (f"; the node says: {told}" if told else "") + (f"; {wrong} WRONG" if wrong else "")
    print(f"  {name:<38} {statistics.median(medians):>8.1f} {p99:>8.1f}   {min(medians):.1f} .. {max(medians):.1f}{notes}")


def versions() -> str:
    nginx = subprocess.run([nginx_program(), "-v"], text=True, stderr=subprocess.PIPE, check=False).stderr.split()[2]
    others = [f"{name} {metadata.version(name)}" for name in ("uvicorn", "httptools", "uvloop", "h11", "fastapi")]
    return "; ".join([f"Hearth {hearth.__version__}", *others, nginx.replace("/", " "), wrk_version()])


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each measure goes round (default: 5)")
    parser.add_argument("--quick", action="store_true", help="a second of wrk instead of five")
    parser.add_argument("--only", choices=("ingress", "empty", "zero", "attacks"), help="one of the parts")
    options = parser.parse_args(arguments)
    seconds = WARM_SECONDS if options.quick else SECONDS
    print(machine())
    print(versions())
    print("each server has one worker, or one replica; the clients (wrk, and for what comes from zero this process) run on the")
    print("same machine and share its cores; uvicorn runs on httptools and uvloop unless a row says otherwise; rows with TLS are")
    print("encrypted between client and server, with one certificate; nginx keeps its connections to uvicorn, which are plain")
    parts: Dict[str, Callable[[], None]] = {
        "ingress": lambda: both_ingresses(options.rounds, seconds),
        "empty": lambda: empty(options.rounds, seconds),
        "zero": lambda: zero(options.rounds),
        "attacks": lambda: attacks(options.rounds),
    }
    for name, measure in parts.items():
        if options.only in (None, name):
            measure()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
