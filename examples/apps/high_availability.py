"""Two replicas at least, on two nodes of a cluster: the loss of one node costs no new request.

    hearth cluster up --nodes 3
    hearth serve --wait examples/apps/high_availability.py
    hearth get replicas high-availability                     # on two nodes
    curl --unix-socket $SOCKET http://high-availability/      # at any node; either instance may answer

Kill a node that has one of them (`kill -9`): the others go on answering, and start the missing replica. `hearth serve` says where
$SOCKET of one node is; those of the others lie beside it.
"""

from __future__ import annotations

import os
import secrets

import fastapi

import hearth
import hearth.app

api = fastapi.FastAPI()
instance = ""

env = hearth.app.FastAPIAppEnvironment(
    "high-availability",
    app=api,
    scaling=hearth.app.Scaling(
        replicas=(2, 5),
        scaledown_after=float(os.environ.get("SCALEDOWN_AFTER", "300")),  # of the third to fifth
    ),
)


@env.on_startup
def choose_name() -> None:
    """Not when the module is imported: replicas are forks of a process that has done so."""
    global instance
    instance = secrets.token_hex(4)
    print("instance", instance, flush=True)


@api.get("/")
async def who() -> dict[str, str]:
    """Which instance answers; in the sandboxes of a cluster processes have the same numbers."""
    return {"instance": instance}


if __name__ == "__main__":
    print(hearth.with_servecontext(activate_timeout=60).serve(env).endpoint)
