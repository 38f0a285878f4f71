"""Rows of the node's listings, as Python objects (schema/control.capnp: RunRow, ActionRow)."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any, Mapping, Optional

__all__ = ["ActionDetails", "RunDetails", "action_details", "run_details"]


@dataclasses.dataclass(frozen=True)
class RunDetails:
    """A run, as the node knows it at this moment. Durations are in seconds."""

    name: str
    task: str
    phase: str
    started: Optional[datetime.datetime]
    duration: float
    actions: int
    actions_done: int
    actions_failed: int
    detached: bool
    error: str
    inputs: str
    project: str
    domain: str
    environment_version: str


@dataclasses.dataclass(frozen=True)
class ActionDetails:
    """A call of a run. Durations are in seconds.

    `cold` says that it waited for a replica to start: `start` in all. Of that, the replica took `imports` until an
    interpreter had imported the code (0: one had), and `fork` until its process was there; what is left is the hooks
    of `@env.on_start`.
    """

    id: str
    parent: str
    task: str
    phase: str
    attempt: int
    cold: bool
    queued: float
    start: float
    fork: float
    imports: float
    run: float
    replica: int
    depth: int
    error: str


def run_details(row: Mapping[str, Any]) -> RunDetails:
    """Of a RunRow in JSON, whose 64-bit numbers are texts."""
    started = int(row.get("startedUnixMs", 0))
    return RunDetails(
        name=row.get("name", ""),
        task=row.get("task", ""),
        phase=row.get("phase", ""),
        started=datetime.datetime.fromtimestamp(started / 1000, datetime.timezone.utc) if started else None,
        duration=int(row.get("durationMs", 0)) / 1000,
        actions=int(row.get("actions", 0)),
        actions_done=int(row.get("actionsDone", 0)),
        actions_failed=int(row.get("actionsFailed", 0)),
        detached=bool(row.get("detached", False)),
        error=row.get("error", ""),
        inputs=row.get("inputs", ""),
        project=row.get("project", ""),
        domain=row.get("domain", ""),
        environment_version=row.get("environmentVersion", ""),
    )


def action_details(row: Mapping[str, Any]) -> ActionDetails:
    """Of an ActionRow in JSON."""
    return ActionDetails(
        id=row.get("id", ""),
        parent=row.get("parent", ""),
        task=row.get("task", ""),
        phase=row.get("phase", ""),
        attempt=int(row.get("attempt", 0)),
        cold=bool(row.get("cold", False)),
        queued=int(row.get("queuedUs", 0)) / 1e6,
        start=int(row.get("startUs", 0)) / 1e6,
        fork=int(row.get("forkUs", 0)) / 1e6,
        imports=int(row.get("importUs", 0)) / 1e6,
        run=int(row.get("runUs", 0)) / 1e6,
        replica=int(row.get("replica", 0)),
        depth=int(row.get("depth", 0)),
        error=row.get("error", ""),
    )
