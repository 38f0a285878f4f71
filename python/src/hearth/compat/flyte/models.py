"""Flyte's names for where a run is."""

from __future__ import annotations

import enum

__all__ = ["ActionPhase"]


class ActionPhase(str, enum.Enum):
    """Where a run or an action of it is. WAITING_FOR_RESOURCES, INITIALIZING, PAUSED and RECOVERED do not occur."""

    QUEUED = "queued"
    WAITING_FOR_RESOURCES = "waiting_for_resources"
    INITIALIZING = "initializing"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"
    TIMED_OUT = "timed_out"
    RECOVERED = "recovered"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more happens."""
        return self in (self.SUCCEEDED, self.FAILED, self.ABORTED, self.TIMED_OUT, self.RECOVERED)
