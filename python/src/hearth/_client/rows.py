"""Rows of the node's listings, as Python objects (schema/control.capnp: RunRow, ActionRow)."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any, Mapping, Optional

__all__ = ["ActionDetails", "AppDetails", "ReplicaDetails", "RunDetails", "action_details", "app_details", "replica_details",
           "run_details"]  # fmt: skip


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


@dataclasses.dataclass(frozen=True)
class AppDetails:
    """An app, as its node, or the cluster, knows it at this moment. Times are in seconds.

    `status` and `sub_status` are words of Flyte (ACTIVE and RUNNING, ACTIVE and SCALED_TO_ZERO, FAILED and CRASH_LOOP, ...);
    `why` says more where they do not say it all. Of requests, `running` and `waiting` are under way, `done` and `failed` have
    ended since the nodes started.
    """

    name: str
    project: str
    domain: str
    version: str
    status: str
    sub_status: str
    why: str
    replicas: int
    starting: int
    min_replicas: int
    max_replicas: int
    running: int
    waiting: int
    done: int
    failed: int
    scaledown_after: float
    node: str


@dataclasses.dataclass(frozen=True)
class ReplicaDetails:
    """A replica. `id` is what `hearth get replica` takes, `state` one of waiting, starting, idle, busy, draining and dead, `age`
    in seconds, `running` and `done` count requests."""

    id: str
    version: str
    state: str
    pid: int
    running: int
    done: int
    memory: int
    age: float
    node: str


def app_details(row: Mapping[str, Any]) -> AppDetails:
    """Of an AppRow in JSON."""
    requests = row.get("requests", {})
    return AppDetails(
        name=row.get("name", ""),
        project=row.get("project", ""),
        domain=row.get("domain", ""),
        version=row.get("version", ""),
        status=row.get("status", ""),
        sub_status=row.get("subStatus", ""),
        why=row.get("why", ""),
        replicas=int(row.get("replicas", 0)),
        starting=int(row.get("starting", 0)),
        min_replicas=int(row.get("minReplicas", 0)),
        max_replicas=int(row.get("maxReplicas", 0)),
        running=int(row.get("running", 0)),
        waiting=int(row.get("waiting", 0)),
        done=sum(int(requests.get(word, 0)) for word in ("success", "redirected", "refused")),
        failed=sum(int(requests.get(word, 0)) for word in ("failed", "broken")),
        scaledown_after=int(row.get("scaledownMs", 0)) / 1000,
        node=row.get("node", ""),
    )


def replica_details(row: Mapping[str, Any]) -> ReplicaDetails:
    """Of a ReplicaRow in JSON."""
    number = int(row.get("id", 0))
    return ReplicaDetails(
        id=f"{number >> 32}.{number & 0xFFFFFFFF}" if number >> 32 else str(number),
        version=row.get("version", ""),
        state=row.get("state", ""),
        pid=int(row.get("pid", 0)),
        running=int(row.get("running", 0)),
        done=int(row.get("done", 0)),
        memory=int(row.get("memoryBytes", 0)),
        age=int(row.get("ageMs", 0)) / 1000,
        node=row.get("node", ""),
    )
