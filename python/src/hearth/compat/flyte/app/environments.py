"""Flyte's environments of apps, which take a `flyte.Image` too."""

from __future__ import annotations

from typing import Any, Callable, Dict, TypeVar, Union

import hearth.app
from hearth.compat.flyte.environments import adapted
from hearth.compat.flyte.image import Image

__all__ = ["AppEnvironment", "FastAPIAppEnvironment"]

S = TypeVar("S", bound=Callable[[], Any])


def _words(name: str, words: Dict[str, Any]) -> Dict[str, Any]:
    if words.get("args") and not words.get("command") and not words.get("app"):
        words["command"] = words.pop("args")  # Flyte puts a program of its own before them, which starts what they say
    return adapted("app", name, words)


class AppEnvironment(hearth.app.AppEnvironment):
    """`hearth.app.AppEnvironment`. Raises what that raises."""

    def __init__(self, name: str, *, image: Union[Image, str, None] = None, **words: Any) -> None:
        super().__init__(name, **_words(name, dict(words, image=image)))


class FastAPIAppEnvironment(hearth.app.FastAPIAppEnvironment):
    """`hearth.app.FastAPIAppEnvironment`, whose application may have a server function of its own. Raises what that raises."""

    def __init__(self, name: str, *, image: Union[Image, str, None] = None, **words: Any) -> None:
        super().__init__(name, **_words(name, dict(words, image=image)))

    def server(self, func: S, /) -> S:
        """As ``@env.server``: the function serves the application, and the node what the function listens on."""
        self.app, self._protocol = None, ""
        return super().server(func)
