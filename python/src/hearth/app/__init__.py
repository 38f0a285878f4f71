"""Apps: HTTP services on warm interpreters, with replicas that follow the traffic, down to none.

Example::

    import fastapi
    import hearth
    import hearth.app

    api = fastapi.FastAPI()

    @api.get("/square/{x}")
    async def square(x: int) -> int:
        return x * x

    env = hearth.app.FastAPIAppEnvironment("squares", app=api, scaling=hearth.app.Scaling(replicas=(0, 4)))

    if __name__ == "__main__":
        print(hearth.serve(env).endpoint)
"""

from __future__ import annotations

from hearth.app._environment import AppEnvironment
from hearth.app._fastapi import FastAPIAppEnvironment
from hearth.app._parameters import AppEndpoint, Parameter, get_parameter
from hearth.app._scaling import Scaling
from hearth.app._words import Domain, Link, Timeouts

__all__ = [
    "AppEndpoint",
    "AppEnvironment",
    "Domain",
    "FastAPIAppEnvironment",
    "Link",
    "Parameter",
    "Scaling",
    "Timeouts",
    "get_parameter",
]
