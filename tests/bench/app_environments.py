"""The applications of `app_handlers` as apps of Hearth. They want no token: a node that is of no cluster has none to give."""

from __future__ import annotations

import hearth.app
from app_handlers import api, bare, empty

SCALEDOWN_AFTER = 1.0  # seconds; what comes from zero does so often, and no round waits long for it

# One replica, as the others have one worker.
_ALWAYS = hearth.app.Scaling(replicas=1)

SERVED = {
    "bare": hearth.app.AppEnvironment("bench-bare", app=bare, scaling=_ALWAYS, requires_auth=False),
    "empty": hearth.app.AppEnvironment("bench-empty", app=empty, scaling=_ALWAYS, requires_auth=False),
    "api": hearth.app.FastAPIAppEnvironment("bench-api", app=api, scaling=_ALWAYS, requires_auth=False),
}


def from_zero(number: int) -> hearth.app.AppEnvironment:
    """An app that no interpreter has in memory yet, for each number."""
    scaling = hearth.app.Scaling(replicas=(0, 1), scaledown_after=SCALEDOWN_AFTER)
    return hearth.app.FastAPIAppEnvironment(f"bench-zero-{number}", app=api, scaling=scaling, requires_auth=False)
