"""A door: the process through which the load uses one node. Requests come in on standard input, answers go out on standard
output, one JSON object a line, in any order:

  {"call": 7, "op": "submit", "run": ID, "input": TEXT, "lost": N, "key": TEXT, "ledger": PATH}   lost: starts after a loss, at most
  {"call": 8, "op": "read", "run": ID}
  -> {"call": 7, "kind": "ok"}        accepted, now or earlier under the same id
  -> {"call": 7, "kind": "fail", "reason": "NO_QUORUM"}   it did not happen and never will
  -> {"call": 7, "kind": "info", "reason": TEXT}          nobody knows
  -> {"call": 8, "kind": "ok", "state": "SUCCEEDED", "value": TEXT, "reason": TEXT}   state ABSENT: no such run

A door for cached reads takes the project of its calls as one more word of its command. A scope is project, domain, task,
version and key; of an invalidation the first so many of these:

  {"call": 7, "op": "read", "scope": [...], "ledger": PATH}
  {"call": 8, "op": "invalidate", "scope": [...]}
  -> {"call": 7, "kind": "ok", "execution": ID, "digest": SHA-256 of the value, "hit": true}
  -> {"call": 8, "kind": "ok"}        it has returned
"""

from __future__ import annotations

import concurrent.futures
import json
import sys
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["Answer", "Request", "serve"]

Request = dict[str, Any]
Answer = dict[str, Any]
THREADS = 64  # requests at a time; the load has fewer clients


def serve(answer: Callable[[Request], Answer]) -> None:
    """Answers what comes in until standard input ends. `answer` runs in many threads; what it raises is an `info`."""
    writing = threading.Lock()

    def one(request: Request) -> None:
        try:
            said = answer(request)
        except Exception as error:  # what it did meanwhile is unknown, and the load goes on
            said = {"kind": "info", "reason": f"{type(error).__name__}: {error}"}
        with writing:
            sys.stdout.write(json.dumps({"call": request["call"], **said}) + "\n")
            sys.stdout.flush()

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for line in sys.stdin:
            pool.submit(one, json.loads(line))
