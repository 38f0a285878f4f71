"""From nothing to ten replicas with the number of open requests, and soon back.

    hearth serve examples/apps/burstable.py
    seq 45 | xargs -P 45 -I{} curl -s --unix-socket $SOCKET http://burstable/takes/5
    hearth get app burstable                         # meanwhile: 45 open requests, at ten each that is five replicas
    hearth get events burstable                      # what each start and each end followed

`/takes/SECONDS` takes so long, as a request to another service would. `hearth serve` says where $SOCKET is, and with
`SCALEDOWN_AFTER=10` before it the three minutes until the replicas end are ten seconds.
"""

from __future__ import annotations

import asyncio
import os

import fastapi

import hearth
import hearth.app

api = fastapi.FastAPI()

env = hearth.app.FastAPIAppEnvironment(
    "burstable",
    app=api,
    scaling=hearth.app.Scaling(
        replicas=(0, 10),
        metric=hearth.app.Scaling.Concurrency(10),  # open requests per replica
        scaledown_after=float(os.environ.get("SCALEDOWN_AFTER", "180")),  # short: bursts are soon over
    ),
)


@api.get("/takes/{seconds}")
async def work(seconds: float) -> dict[str, int]:
    """Which process has done it."""
    await asyncio.sleep(seconds)
    return {"pid": os.getpid()}


if __name__ == "__main__":
    print(hearth.serve(env).endpoint)
