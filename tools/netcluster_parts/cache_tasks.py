"""The cached tasks of the load. The door copies this file into a project of its own, so that nothing else is shipped with it.

A value tells which execution made it; the rest of it follows from that, so that a changed byte is seen.
"""

from __future__ import annotations

import hashlib
import json
import os
import time

import hearth

# A replica on each node of three at the end as at the beginning, so that what is left behind can be told from what is idle.
cached = hearth.TaskEnvironment("net-cache", isolation="process", reusable=hearth.ReusePolicy(replicas=3, idle_ttl=3600))
LARGE_BYTES = 200_000  # lies in a file of its own
IGNORED = ("scope", "ledger")  # they tell an execution what it is, and are no part of the key
SLOW_EVERY, SLOW_S, FAST_S = 5, 0.3, 0.01  # invalidations meet executions that are under way


def _work(number: int, scope: str, ledger: str, size: int) -> str:
    t = time.monotonic_ns()
    execution = f"{os.getpid()}-{t}"
    value = (execution + " " + hashlib.sha256(execution.encode()).hexdigest() * (size // 64 + 1))[:size]
    line = {"t": t, "execution": execution, "scope": scope.split("/"), "digest": hashlib.sha256(value.encode()).hexdigest(),
            "net": os.readlink("/proc/self/ns/net")}  # fmt: skip
    descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, (json.dumps(line) + "\n").encode())
    finally:
        os.close(descriptor)
    time.sleep(FAST_S if number % SLOW_EVERY else SLOW_S)
    return value


@cached.task(cache=hearth.Cache("override", version_override="1", ignored_inputs=IGNORED))
def small(number: int, scope: str, ledger: str) -> str:
    """Lies in the data file."""
    return _work(number, scope, ledger, 400 + 100 * number)


@cached.task(cache=hearth.Cache("override", version_override="1", ignored_inputs=IGNORED, serialize=True))
def once(number: int, scope: str, ledger: str) -> str:
    """Of equal calls one executes."""
    return _work(number, scope, ledger, 400)


@cached.task(cache=hearth.Cache("override", version_override="1", ignored_inputs=IGNORED))
def large(number: int, scope: str, ledger: str) -> str:
    """Lies in a file of its own."""
    return _work(number, scope, ledger, LARGE_BYTES + number)


TASKS = {task.name: task for task in (small, once, large)}
