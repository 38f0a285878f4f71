"""Runs: one terminal state, the right value, started again only after a loss, and nothing stale is read."""

from __future__ import annotations

import collections
import hashlib
import hmac
from collections.abc import Iterable, Sequence

from history.losses import Loss
from history.violation import Line, Violation, seconds

__all__ = ["TERMINAL", "check_executions", "check_reads", "check_terminal_states", "check_values", "expected_value"]

TERMINAL = frozenset({"SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"})
ABSENT = "ABSENT"  # the node says that it knows no such run


def expected_value(key: str, run: str, given: str) -> str:
    """What the task of the load returns for a run with this input."""
    return hmac.new(key.encode(), f"{run}|{given}".encode(), hashlib.sha256).hexdigest()


class Runs:
    """A history by run."""

    def __init__(self, history: Sequence[Line]) -> None:
        self.submitted: dict[str, Line] = {}  # the first invocation
        self.accepted: dict[str, int] = {}  # when a client was told first
        self.refused: dict[str, str] = {}  # every submission of it failed: the last reason
        self.reads: dict[str, list[tuple[int, Line]]] = collections.defaultdict(list)  # (invoked, ok), by time of the answer
        invoked: dict[int, Line] = {}
        for line in history:
            if line["kind"] == "invoke":
                invoked[line["call"]] = line
                if line["op"] == "submit":
                    self.submitted.setdefault(line["run"], line)
                continue
            begin = invoked.get(line["call"])
            if begin is None:
                continue  # check_replies tells
            run = begin["run"]
            if begin["op"] == "read" and line["kind"] == "ok":
                self.reads[run].append((int(begin["t"]), line))
            elif begin["op"] == "submit" and line["kind"] == "ok":
                self.accepted.setdefault(run, int(line["t"]))
        submits = [call for call, line in invoked.items() if line["op"] == "submit"]
        failed = {line["call"]: str(line.get("reason", "")) for line in history if line["kind"] == "fail"}
        by_run: dict[str, list[int]] = collections.defaultdict(list)
        for call in submits:
            by_run[invoked[call]["run"]].append(call)
        self.refused = {run: failed[calls[-1]] for run, calls in by_run.items() if all(call in failed for call in calls)}


def check_terminal_states(history: Sequence[Line]) -> list[Violation]:
    """Every accepted run was read in one terminal state, and in no other. For a history that ends after heal and drain."""
    runs = Runs(history)
    found = []
    for run, when in runs.accepted.items():
        states = {(line["state"], line.get("value"), line.get("reason") or None)
                  for _, line in runs.reads[run] if line["state"] in TERMINAL}  # fmt: skip
        bare = {state for state, _, _ in states}
        values = {value for _, value, _ in states if value is not None}
        if not states:
            found.append(Violation("lost run", f"run {run} was accepted at {seconds(when)} and has no terminal state at the end."))
        elif len(bare) > 1 or len(values) > 1:
            told = " and ".join(sorted(f"{state} {value or reason or ''}".strip() for state, value, reason in states))
            found.append(Violation("second terminal state", f"run {run} ended more than once: {told}."))
    return found


def check_values(history: Sequence[Line], key: str, losses: Sequence[Loss], slack_s: float = 5.0) -> list[Violation]:
    """A run succeeds with the value of its own input. It may fail only where it asked never to be started twice (lost=0),
    and something was lost while it was open, or up to `slack_s` before."""
    runs = Runs(history)
    found = []
    for run, reads in runs.reads.items():
        asked = runs.submitted.get(run)
        if asked is None:
            found.append(Violation("invented run", f"run {run} was read, but nobody submitted it."))
            continue
        right = expected_value(key, run, asked["input"])
        told = {(line["state"], line.get("value"), line.get("reason") or "") for _, line in reads if line["state"] in TERMINAL}
        for state, value, reason in sorted(told, key=repr):
            if state == "SUCCEEDED":
                if value is not None and value != right:
                    found.append(Violation("wrong value", f"run {run} with input {asked['input']!r} returned {value}, not {right}."))
            elif asked["lost"] > 0:
                found.append(Violation("failed run", f"run {run} may be started again after a loss, but ended as {state}: {reason}."))
            else:
                end = max(int(line["t"]) for _, line in reads)
                if not _any_loss(losses, None, int(asked["t"]), end, slack_s):
                    found.append(Violation("failed run", f"run {run} ended as {state} ({reason}), though nothing was lost meanwhile."))
    for run in runs.accepted:
        ends = [line for _, line in runs.reads[run] if line["state"] == "SUCCEEDED"]
        if ends and all(line.get("value") is None for line in ends):
            found.append(Violation("missing value", f"run {run} succeeded, but no node told its value."))
    return found


def check_executions(history: Sequence[Line], ledger: Iterable[Line], losses: Sequence[Loss], slack_s: float = 5.0) -> list[Violation]:
    """Started at most once where that was asked (lost=0), otherwise again only after a loss of the node that ran it (or of
    the run's owner, where the ledger names it, or of any node, where it says None); never without a submission, nor when every one was refused; and what
    succeeded was started. A fault counts until `slack_s` after its end: so long others may hold the node for lost."""
    runs = Runs(history)
    starts: dict[str, list[Line]] = collections.defaultdict(list)
    for line in sorted(ledger, key=lambda line: int(line["t"])):
        starts[line["run"]].append(line)
    found = []
    for run, lines in starts.items():
        asked = runs.submitted.get(run)
        if asked is None:
            found.append(Violation("invented run", f"run {run} was executed on node {lines[0]['node']}, but nobody submitted it."))
            continue
        if run in runs.refused:
            found.append(Violation("refused run", f"run {run} was executed on node {lines[0]['node']}, though every submission was "
                                   f"refused ({runs.refused[run]})."))  # fmt: skip
        if asked["lost"] == 0 and len(lines) > 1:
            where = " and ".join(f"on node {line['node']} at {seconds(line['t'])}" for line in lines)
            found.append(Violation("second start", f"run {run} asked to be started once (lost=0) and was started {len(lines)} times: {where}."))
        for before, after in zip(lines, lines[1:]):
            owner = before.get("owner", before["node"])
            suspects = None if owner is None else {before["node"], owner}
            if asked["lost"] > 0 and not _any_loss(losses, suspects, int(before["t"]), int(after["t"]), slack_s):
                found.append(Violation("needless execution", f"run {run} ran on node {before['node']} at {seconds(before['t'])} and again on node "
                                       f"{after['node']} at {seconds(after['t'])}, though node {before['node']} was not lost between."))  # fmt: skip
    for run in runs.accepted:
        if run not in starts and any(line["state"] == "SUCCEEDED" for _, line in runs.reads[run]):
            found.append(Violation("no execution", f"run {run} succeeded, but the ledger has no start of it."))
    return found


def check_reads(history: Sequence[Line]) -> list[Violation]:
    """Nothing stale is served: what one client was told before a read began, that read knows too."""
    runs = Runs(history)
    found = []
    for run, reads in runs.reads.items():
        ended = min((int(line["t"]) for _, line in reads if line["state"] in TERMINAL), default=None)
        accepted = runs.accepted.get(run)
        for invoked, line in reads:
            if ended is not None and invoked > ended and line["state"] not in TERMINAL:
                found.append(Violation("stale read", f"run {run} was {line['state']} for a read that began at {seconds(invoked)}, after "
                                       f"its end had been told at {seconds(ended)}."))  # fmt: skip
            elif accepted is not None and invoked > accepted and line["state"] == ABSENT:
                found.append(Violation("stale read", f"run {run} was unknown to a read that began at {seconds(invoked)}, after it had been "
                                       f"accepted at {seconds(accepted)}."))  # fmt: skip
    return found


def _any_loss(losses: Iterable[Loss], nodes: set[int] | None, begin: int, end: int, slack_s: float) -> bool:
    slack = int(slack_s * 1e9)
    return any((nodes is None or loss.node in nodes) and loss.begin <= end and loss.end + slack >= begin for loss in losses)
