"""Nothing runs between uses, and what that costs: a start for the first request, and what the replica had in memory.

    hearth serve examples/apps/scale_to_zero.py
    curl -i --unix-socket $SOCKET http://scale-to-zero/    # Server-Timing says how long it waited for the start, and for what
    curl -i --unix-socket $SOCKET http://scale-to-zero/    # warm, and the count goes on
    hearth logs scale-to-zero                              # ten minutes later the replica has ended, and the count with it

What has to last belongs into a store outside of the app. `hearth serve` says where $SOCKET is, and with `SCALEDOWN_AFTER=10` before
it the ten minutes are ten seconds.
"""

from __future__ import annotations

import itertools
import os

import fastapi

import hearth
import hearth.app

api = fastapi.FastAPI()
numbers = itertools.count(1)

env = hearth.app.FastAPIAppEnvironment(
    "scale-to-zero",
    app=api,
    scaling=hearth.app.Scaling(
        replicas=(0, 1),
        scaledown_after=float(os.environ.get("SCALEDOWN_AFTER", "600")),
    ),
)


@env.on_startup
def begin() -> None:
    """Before the first request."""
    print("begins to count", flush=True)


@env.on_shutdown
def end() -> None:
    """Behind the last one: the place to write down what is still in memory."""
    print("forgets its count; the next number would be", next(numbers), flush=True)


@api.get("/")
async def count() -> dict[str, int]:
    """Which process answers, and its how many-th request this is."""
    return {"pid": os.getpid(), "number": next(numbers)}


if __name__ == "__main__":
    print(hearth.serve(env).endpoint)
