"""An app of FastAPI."""

from __future__ import annotations

from typing import Any, List, Sequence

from hearth.app._environment import AppEnvironment
from hearth.app._words import Link

__all__ = ["FastAPIAppEnvironment"]


class FastAPIAppEnvironment(AppEnvironment):
    """An `AppEnvironment` whose `app` is a ``fastapi.FastAPI``; its page of documentation becomes a link.

    No server is needed beside FastAPI: the node speaks HTTP, and the interpreter calls the application.

    Parameters are those of `AppEnvironment`. Raises what it raises, TypeError for another `app`. Example::

        env = FastAPIAppEnvironment("squares", app=fastapi.FastAPI())
    """

    def __init__(self, name: str, *, app: Any, links: Sequence[Link] = (), **words: Any) -> None:
        if not any((cls.__module__, cls.__qualname__) == ("fastapi.applications", "FastAPI") for cls in type(app).__mro__):
            raise TypeError(
                f"app {name!r}: app must be a fastapi.FastAPI, not a {type(app).__name__}; for others there is "
                f"hearth.app.AppEnvironment"
            )
        docs: List[Link] = [Link(app.docs_url, "FastAPI OpenAPI Docs", is_relative=True)] if app.docs_url else []
        super().__init__(name, app=app, links=[*docs, *links], **words)
