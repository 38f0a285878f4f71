"""One replica that is always there: no request waits for a start.

    hearth serve --wait examples/apps/always_on.py   # comes back when it is ready
    curl --unix-socket $SOCKET http://always-on/     # the same process each time, and it goes on counting
    hearth get app always-on

It starts when it is served and stays, however long nobody asks; when it is lost another one takes its place. `hearth serve` says
where $SOCKET is.
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
    "always-on",
    app=api,
    scaling=hearth.app.Scaling(
        replicas=(1, 1),
        # Ends replicas above the minimum. Here are none, so it does nothing, and may be left out.
        scaledown_after=float(os.environ.get("SCALEDOWN_AFTER", "300")),
    ),
)


@api.get("/")
async def count() -> dict[str, int]:
    """Which process answers, and its how many-th request this is."""
    return {"pid": os.getpid(), "number": next(numbers)}


if __name__ == "__main__":
    print(hearth.with_servecontext(activate_timeout=60).serve(env).endpoint)
