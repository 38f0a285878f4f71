"""Apps of frameworks, under the name that Flyte has for them."""

from __future__ import annotations

from hearth.app._fastapi import FastAPIAppEnvironment

__all__ = ["FastAPIAppEnvironment"]
