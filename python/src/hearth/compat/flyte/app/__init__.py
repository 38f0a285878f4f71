"""`flyte.app`."""

from __future__ import annotations

from typing import Any

import hearth.app
from hearth.app import AppEndpoint, Domain, Link, Scaling, Timeouts, get_parameter
from hearth.compat.flyte.app.environments import AppEnvironment
from hearth.compat.unsupported import unsupported

__all__ = [
    "AppEndpoint",
    "AppEnvironment",
    "ArtifactValue",
    "ConnectorEnvironment",
    "Domain",
    "Link",
    "Parameter",
    "RunOutput",
    "Scaling",
    "Timeouts",
    "get_parameter",
]


def Parameter(name: str, value: Any = None, *, type: Any = None, **words: Any) -> hearth.app.Parameter:
    """A `hearth.app.Parameter`; what kind of value it has (`type`) the value says itself. Raises TypeError, ValueError."""
    return hearth.app.Parameter(name, value, **words)


RunOutput = unsupported("flyte.app.RunOutput", "an app takes the path of what a run has written: Parameter(value=File(...))")
ArtifactValue = unsupported("flyte.app.ArtifactValue", "there is no registry of artifacts; take Parameter(value=File(...))")
ConnectorEnvironment = unsupported("flyte.app.ConnectorEnvironment", "nothing outside of the nodes runs tasks; call the service in a task")
