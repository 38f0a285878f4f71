"""Objects of Hearth that answer to Flyte's names, too."""

from __future__ import annotations

from typing import Any

__all__ = ["Delegate"]


class Delegate:
    """Has Flyte's names for what `inner` does, in its subclasses, and everything of `inner` besides."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, word: str) -> Any:
        if word == "inner":  # of an object that is being made by copying
            raise AttributeError(word)
        return getattr(self.inner, word)

    def __repr__(self) -> str:
        return repr(self.inner)
