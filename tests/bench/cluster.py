"""What a cluster of three nodes on this machine costs, in one run: `tools/bench --cluster` calls this.

The client talks to node-1 and measures calls whose replica is there beside calls whose replica is on node-2, with the link's
own echo in the same rounds. Then it measures how small calls on node-2, and from node-1 to node-2, bear a node-3 that is
frozen, and values of 1 GiB that go from node-1 to node-3 and to node-2. Nodes of one machine share its cores, which nodes in
earnest do not: each is measured once with a core for those whose calls are timed, and once with all on the same cores, beside
strangers that move as much between processes of their own. Then follow fan-out, and what the idle nodes cost. Nothing here
is a test: a slow result fails nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import cluster_tasks as tasks
import hearth
from cluster_measure import (
    TAILS_HEAD, Node, Times, core_of_its_own, each, echo, echo_per_call, middle, nodes, resident_mib, sequential, spent, tails_of,
    verdict,
)  # fmt: skip
from compare import MIB, asked, machine
from strangers import copying

NODES = ("node-1", "node-2", "node-3")
LARGE_BYTES = 1024 * MIB
IDLE_SECONDS = 12.0
REPORTED_SECONDS = 1.0  # nodes know by then that no call runs any more: who runs many is given no environment
WINDOW_SECONDS = 1.0  # of calls beside something else: after 2 s the cluster would count a frozen node as lost
STRANGERS = "strangers copy all the time"
VALUES_IN_FLIGHT = ("1 GiB from node-1 to node-3", "1 GiB from node-1 to node-2")
HOLD_PATIENCE = 10.0  # seconds until a call that was sent shows in a listing


def at(node: str) -> Dict[str, str]:
    """The variables of a program whose node this is."""
    home = Path(os.environ["HEARTH_SOCKET"]).parent
    return {**os.environ, "HEARTH_SOCKET": str(home / f"{node}.sock")}


def open_from(node: str, environment: str) -> None:
    """Its first call, from a program whose node this is: the cluster likes to have it there."""
    subprocess.run([sys.executable, __file__, "open", environment], check=True, env=at(node))
    time.sleep(REPORTED_SECONDS)


def open_one(environment: str) -> int:
    """In such a program."""
    assert {**tasks.PACKED, **tasks.SPREAD}[environment].square.remote(3) == 9
    return 0


def owned(environments: Dict[str, tasks.Tasks]) -> Dict[str, Tuple[str, tasks.Tasks]]:
    """By the node that owns it."""
    owners = {row["name"]: row["node"] for row in asked("get", "environments")}
    return {owners[name]: (name, found) for name, found in environments.items()}


class Places(NamedTuple):
    """By the node where all replicas are, or, of those that are spread, by the owner."""

    packed: Dict[str, Tuple[str, tasks.Tasks]]
    spread: Dict[str, Tuple[str, tasks.Tasks]]


def make_places() -> Places:
    for environments in (tasks.PACKED, tasks.SPREAD):
        for node, environment in zip(NODES, environments):
            open_from(node, environment)
    places = Places(owned(tasks.PACKED), owned(tasks.SPREAD))
    if len(places.packed) < len(NODES) or not {"node-1", "node-3"} <= set(places.spread):
        raise SystemExit("The cluster did not give each node an environment of each kind; run this again.")
    for node, (environment, found) in places.packed.items():
        there = {row["node"] for row in replicas_of(environment)}
        if there != {node}:
            raise SystemExit(f"{environment} has replicas on {sorted(there)} instead of {node} alone; run this again.")
        assert list(hearth.map(found.square, range(1000))) == [x * x for x in range(1000)]
    assert list(hearth.map(tasks.square_everywhere, range(1000))) == [x * x for x in range(1000)]
    return places


def replicas_of(environment: str) -> List[Dict[str, Any]]:
    return [row for row in asked("get", "replicas") if row["environment"] == environment]


@contextlib.contextmanager
def only_on(node: str, environment: str, hold: Any) -> Iterator[None]:
    """Of the replicas of the environment, one on each node, only the one on `node` is free meanwhile."""
    handles: Dict[str, Any] = {}
    for _ in range(3):
        handle = hold.spawn()
        deadline = time.monotonic() + HOLD_PATIENCE
        while True:
            new = [r["node"] for r in replicas_of(environment) if r["running"] and r["node"] not in handles]
            if new:
                break
            if time.monotonic() > deadline:
                raise SystemExit(f"A call of {environment} did not begin within {HOLD_PATIENCE:.0f} s.")
        handles[new[0]] = handle
    release(handles.pop(node))
    try:
        yield
    finally:
        for handle in handles.values():
            release(handle)


def release(handle: Any) -> None:
    handle.cancel()
    with contextlib.suppress(hearth.errors.ActionAbortedError):
        handle.result()


def show_times(title: str, rows: Dict[str, List[Times]]) -> None:
    print(f"\n{title} (µs)\n  {'':<44} {'p50':>9} {'p99':>9}   range of p50")
    for name, samples in rows.items():
        m = middle(samples)
        low, high = min(s.p50 for s in samples), max(s.p50 for s in samples)
        print(f"  {name:<44} {m.p50:>9,.1f} {m.p99:>9,.1f}   {low:,.1f} .. {high:,.1f}")


def local_and_remote(places: Places, rounds: int, calls: int) -> None:
    by_name = nodes()
    first, second, third = (by_name[name].pid for name in NODES)
    with core_of_its_own([second, third], [first, os.getpid()]):
        title = "warm calls, one after another; the client and node-1 have a core for themselves, as on a machine of their own"
        measure_calls(title, places, rounds, calls, True)
    measure_calls("the same, all on the same cores, where each also waits for the others' turns", places, rounds, calls)


def measure_calls(title: str, places: Places, rounds: int, calls: int, is_judged: bool = False) -> None:
    local, there = "local: replica on the client's node", "remote: replica on node-2, which owns it"
    own, far = "remote: node-1 owns, replica on node-2", "remote: node-3 owns, replica on node-2"
    link, busy_link = "echo of the link to node-2, one per call", "echo of the link to node-2, back to back"
    rows: Dict[str, List[Times]] = {name: [] for name in (local, there, own, far, link, busy_link)}
    for _ in range(rounds):
        rows[local].append(sequential(places.packed["node-1"][1].square.remote, calls))
        rows[there].append(sequential(places.packed["node-2"][1].square.remote, calls))
        rows[link].append(echo_per_call("node-2", calls))
        rows[busy_link].append(echo("node-2", calls))
    for name, owner in ((own, "node-1"), (far, "node-3")):
        environment, found = places.spread[owner]
        with only_on("node-2", environment, found.other):
            for _ in range(rounds):
                rows[name].append(sequential(found.square.remote, calls))
    show_times(title, rows)
    base, trip = middle(rows[local]).p50, middle(rows[link]).p50
    for name in (there, own):
        more = middle(rows[name]).p50 - base
        judged = f"; at most local + 1.5: {verdict(more <= 1.5 * trip)}" if is_judged else ""
        print(f"  {name}: local + {more / trip:.2f} round trips{judged}")
    more = middle(rows[far]).p50 - base
    print(f"  {far}: local + {more / trip:.2f} round trips, of which 1.5 are the three links that it crosses")


# -- small calls beside something slow or large ----


@contextlib.contextmanager
def frozen(node: Node) -> Iterator[None]:
    """Takes nothing in meanwhile, and its links stay."""
    os.kill(node.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(node.pid, signal.SIGCONT)


@contextlib.contextmanager
def sending(environment: str) -> Iterator[None]:
    """A program of its own sends values of 1 GiB to a replica there, through node-1, one after another."""
    program = subprocess.Popen([sys.executable, __file__, "send", environment], stdout=subprocess.PIPE)
    assert program.stdout is not None
    try:
        if program.stdout.readline() != b"sent one\n":
            raise SystemExit("The program that sends large values did not begin.")
        yield
    finally:
        program.terminate()
        program.wait()
        program.stdout.close()


@contextlib.contextmanager
def stuck(environment: str, node: Node) -> Iterator[None]:
    """A value of 1 GiB is half on its way and goes no further."""
    with sending(environment):
        time.sleep(0.5)
        with frozen(node):
            yield


def send(environment: str) -> int:
    """In such a program."""
    task = tasks.PACKED[environment].other
    data = os.urandom(MIB) * (LARGE_BYTES // MIB)
    # The first one makes the host of a virtual machine give memory back to it, which takes milliseconds a piece.
    assert task.remote(data) == LARGE_BYTES
    print("sent one", flush=True)
    while True:
        assert task.remote(data) == LARGE_BYTES


class OtherClient:
    """A program that makes calls from node-2 to a replica there when it is told to."""

    def __init__(self, environment: str) -> None:
        command = [sys.executable, __file__, "client", environment]
        pipe = subprocess.PIPE
        self._program = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=at("node-2"))

    @property
    def pid(self) -> int:
        return self._program.pid

    def measure(self, calls: int) -> List[int]:
        assert self._program.stdin is not None and self._program.stdout is not None
        print(calls, file=self._program.stdin, flush=True)
        took: List[int] = json.loads(self._program.stdout.readline())
        return took

    def close(self) -> None:
        assert self._program.stdin is not None and self._program.stdout is not None
        self._program.stdin.close()
        self._program.wait()
        self._program.stdout.close()


def client(environment: str) -> int:
    """In such a program."""
    call = tasks.PACKED[environment].square.remote
    for line in sys.stdin:
        print(json.dumps(each(call, int(line), WINDOW_SECONDS)), flush=True)
    return 0


def beside(places: Places, rounds: int, calls: int) -> None:
    third = nodes()["node-3"]
    (second_name, second_tasks), (third_name, _) = places.packed["node-2"], places.packed["node-3"]
    cases: Dict[str, Callable[[], Any]] = {
        "quiet": contextlib.nullcontext,
        "quiet, again": contextlib.nullcontext,
        STRANGERS: copying,
        "node-3 is frozen": lambda: frozen(third),
        "1 GiB from node-1 to node-3, which is frozen": lambda: stuck(third_name, third),
        VALUES_IN_FLIGHT[0]: lambda: sending(third_name),
    }
    between = {**cases, VALUES_IN_FLIGHT[1]: lambda: sending(second_name)}
    apart: Dict[str, List[int]] = {name: [] for name in cases}
    together: Dict[str, List[int]] = {name: [] for name in cases}
    from_first: Dict[str, List[int]] = {name: [] for name in between}
    with contextlib.closing(OtherClient(second_name)) as other:
        inside = [nodes()["node-2"].pid, other.pid]
        outside = [nodes()["node-1"].pid, third.pid, os.getpid()]
        for _ in range(rounds):
            with core_of_its_own(inside, outside):
                for name, around in cases.items():
                    with around():
                        apart[name] += other.measure(calls)
            for name, around in cases.items():
                with around():
                    together[name] += other.measure(calls)
            for name, around in between.items():
                with around():
                    from_first[name] += each(second_tasks.square.remote, calls, WINDOW_SECONDS)
    show_beside("small calls on node-2, which has a core for itself, as a machine has; all else is on the others", apart, True)
    show_beside("the same, all on the same cores", together)
    show_beside("small calls from node-1, through which the value goes, to node-2, all on the same cores", from_first)


def show_beside(title: str, rows: Dict[str, List[int]], is_judged: bool = False) -> None:
    quiet, strangers = tails_of(rows["quiet"] + rows["quiet, again"]), tails_of(rows[STRANGERS])
    print(f"\n{title} (µs; in brackets: against quiet)")
    print(f"  {'':<44} {TAILS_HEAD}")
    for name, took in rows.items():
        own = tails_of(took)
        # Bytes that move on one core are felt on the other, whoever moves them: a value in flight is judged beside strangers.
        beside = strangers if name in VALUES_IN_FLIGHT else quiet
        judged = f"   {verdict(own.is_bearable(quiet, beside))}" if is_judged and name != STRANGERS else ""
        print(f"  {name:<44} {own.beside(quiet)}{judged}")


# -- fan-out ----


def fan_out(places: Places, rounds: int, calls: int) -> None:
    rows: Dict[str, List[float]] = {}
    contenders = {
        "local: 2 replicas on node-1": places.packed["node-1"][1].square,
        "remote: 2 replicas on node-2": places.packed["node-2"][1].square,
        "everywhere: 2 replicas on each node": tasks.square_everywhere,
    }
    for _ in range(rounds):
        for name, task in contenders.items():
            began = time.perf_counter()
            results = list(hearth.map(task, range(calls)))
            took = time.perf_counter() - began
            assert results == [x * x for x in range(calls)]
            rows.setdefault(name, []).append(calls / took)
    print("\nfan-out of single calls (calls/s)")
    for name, rates in rows.items():
        print(f"  {name:<44} {statistics.median(rates):>11,.0f}   {min(rates):,.0f} .. {max(rates):,.0f}")


# -- memory and idleness ----


def idle() -> None:
    found = sorted(nodes().values())
    before = {node.pid: spent(node.pid) for node in found}
    began = time.monotonic()
    time.sleep(IDLE_SECONDS)
    took = time.monotonic() - began
    print(f"\nidle nodes, warm pools kept, {took:.0f} s")
    for node in found:
        share = (spent(node.pid) - before[node.pid]) / took
        role = "leader" if node.is_leader else "voter"
        print(f"  {node.name} ({role}): {share:.2%} of a core, {resident_mib(node.pid):.0f} MiB resident")


def main(arguments: Sequence[str]) -> int:
    inner: Dict[str, Callable[..., int]] = {"open": open_one, "send": send, "client": client}
    if arguments and arguments[0] in inner:
        return inner[arguments[0]](*arguments[1:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each measure goes round (default: 5)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the calls")
    parser.add_argument("--only", choices=("calls", "beside", "fan-out", "idle"), help="one of the parts")
    options = parser.parse_args(arguments)
    share = 10 if options.quick else 1
    print(machine())
    print(f"Hearth {hearth.__version__}; three nodes on loopback, TLS between them; the client is this process, at node-1")
    places = make_places()
    parts: Dict[str, Callable[[], None]] = {
        "calls": lambda: local_and_remote(places, options.rounds, 3000 // share),
        "beside": lambda: beside(places, options.rounds, 20_000 // share),
        "fan-out": lambda: fan_out(places, options.rounds, 100_000 // share),
        "idle": idle,
    }
    for name, measure in parts.items():
        if options.only in (None, name):
            measure()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
