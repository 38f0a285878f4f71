"""What a declaration may say that no node acts on: it is kept, and whoever relies on it hears so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator

if TYPE_CHECKING:
    from hearth._environment_base import Environment

__all__ = ["sentences"]


def sentences(env: Environment) -> Iterator[str]:
    """One for each setting of `env` and its tasks that has no effect."""
    if env.secrets:
        keys = ", ".join(secret.key for secret in env.secrets)
        yield f"nodes deliver no secrets; its tasks have to find {keys} themselves"
    queue = getattr(env, "queue", None)
    if queue:
        yield f"queue={queue!r} has no effect; it has a queue of its own"
    if env.mounts and env.isolation == "process":
        yield f"mounts={list(env.mounts)} has no effect with isolation=\"process\"; its tasks see what the node's user sees"
    resources = env.resources
    if resources is not None:
        asked = {"disk": resources.disk_bytes, "shm": resources.shm or 0}
        words = ", ".join(word for word, value in asked.items() if value)
        if words:
            yield f"Resources({words}) has no effect; nodes count cpu, memory and GPUs"
