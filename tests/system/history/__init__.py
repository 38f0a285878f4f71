"""Checkers of histories: pure functions from what clients, tasks, nodes and the fault injector wrote to violated rules.

Lines are JSON objects with `t`, CLOCK_MONOTONIC in nanoseconds, which all network namespaces of a machine share.

history    kind invoke: call, client, node, op (submit, read), run; submit also input, lost
           of cached reads: op (read, invalidate), scope: project, domain, task, version, key; of an invalidation the first of
           these that it names; ok of a read: execution, digest, hit
           kind ok, fail, info: call; ok of a read also state, value, reason; fail says reason (it did not happen);
           info: nobody knows whether it happened
ledger     run, node, pid, written by each execution when it starts; `owner`, the node that sent it, where that may be another
           one, and None when it is not known which
executions execution, node, scope, digest: of the value; of cached tasks, written by each execution when it starts
faults     fault, nodes, edge (before, after); those that end others are named in `losses.ENDS`
ownership  node, environment, epoch, event (grant with owner; accept, reject: what a node did with a command of that epoch)

Every checker returns a list of `Violation`, empty when all is well.
"""

from __future__ import annotations

from history.cached import CachedReads, check_cached_reads, count_cached_reads
from history.losses import Loss, losses
from history.ownership import check_ownership
from history.replies import check_replies
from history.resources import check_resources
from history.runs import check_executions, check_reads, check_terminal_states, check_values, expected_value
from history.violation import Violation

__all__ = [
    "CachedReads",
    "Loss",
    "Violation",
    "check_cached_reads",
    "check_executions",
    "check_ownership",
    "check_reads",
    "check_replies",
    "check_resources",
    "check_terminal_states",
    "check_values",
    "count_cached_reads",
    "expected_value",
    "losses",
]
