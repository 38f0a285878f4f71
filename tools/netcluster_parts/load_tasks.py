"""The tasks of the load. The door copies this file into a project of its own, so that nothing else is shipped with it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time

import hearth

# As many replicas at the end as at the beginning, so that what is left behind can be told from what is idle.
# The ledger is a file of the machine, wherever the load has put it.
often = hearth.TaskEnvironment("net-load", isolation="process", reusable=hearth.ReusePolicy(replicas=3, idle_ttl=3600))


def _work(run: str, given: str, key: str, ledger: str) -> str:
    line = {"t": time.monotonic_ns(), "run": run, "net": os.readlink("/proc/self/ns/net"), "pid": os.getpid()}
    descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, (json.dumps(line) + "\n").encode())
    finally:
        os.close(descriptor)
    return hmac.new(key.encode(), f"{run}|{given}".encode(), hashlib.sha256).hexdigest()


@often.task(retries=hearth.RetryStrategy(count=0, lost=50))
def work(run: str, given: str, key: str, ledger: str) -> str:
    """Leaves a line in the ledger, and returns what only this run with this input returns."""
    return _work(run, given, key, ledger)


@often.task(retries=hearth.RetryStrategy(count=0, lost=0))
def work_once(run: str, given: str, key: str, ledger: str) -> str:
    """The same; never started twice."""
    return _work(run, given, key, ledger)
