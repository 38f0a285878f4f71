"""The least that scales: no replica while nobody asks, one while somebody does.

    hearth serve examples/apps/basic.py              # or: python3 examples/apps/basic.py
    curl --unix-socket $SOCKET http://basic/         # starts the replica, and waits for it
    hearth get app basic                             # five minutes after the last request there is none again

`hearth serve` says where $SOCKET is. To see the replica go sooner, serve with another time:
`SCALEDOWN_AFTER=10 hearth serve examples/apps/basic.py`.
"""

from __future__ import annotations

import os

import fastapi

import hearth
import hearth.app

api = fastapi.FastAPI()

env = hearth.app.FastAPIAppEnvironment(
    "basic",
    app=api,
    scaling=hearth.app.Scaling(
        replicas=(0, 1),
        scaledown_after=float(os.environ.get("SCALEDOWN_AFTER", "300")),  # seconds without a request
    ),
)


@api.get("/")
async def hello() -> dict[str, int]:
    """Which process answers."""
    return {"pid": os.getpid()}


if __name__ == "__main__":
    print(hearth.serve(env).endpoint)
