"""What tests of `hearth serve` and `hearth deploy` name on the command line."""

from __future__ import annotations

from typing import Any

import hearth
import hearth.app


async def api(scope: Any, receive: Any, send: Any) -> None: ...


web = hearth.app.AppEnvironment("web", app=api)
admin = hearth.app.AppEnvironment("admin", app=api)
env = hearth.TaskEnvironment("numbers")


@env.task
def square(x: int) -> int:
    return x * x
