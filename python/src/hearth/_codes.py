"""Why a call, a request or a start did not succeed: the numbers that travel in frames.

The table mirrors `core/errors.hpp`; a test reads that header and compares. Numbers are never reused.
"""

from __future__ import annotations

import enum

__all__ = ["Code", "kind", "name", "sentence"]


class Code(enum.IntEnum):
    """One reason. The groups follow who can do something about it."""

    NONE = 0
    # By the user's code or input.
    USER_ERROR = 1
    NON_RECOVERABLE = 2
    DATA_VALIDATION = 3
    MODULE_LOAD = 4
    INLINE_IO_TOO_LARGE = 5
    VALUE_TOO_LARGE = 6
    # Limits that the user set.
    TIMEOUT_RUNTIME = 10
    TIMEOUT_QUEUED = 11
    DEADLINE_EXCEEDED = 12
    ABORTED = 13
    # Loss.
    INTERPRETER_LOST = 20
    OUT_OF_MEMORY = 21
    MAYBE_EXECUTED = 22
    CRASH_LOOP = 23
    START_FAILED = 24
    PROTOCOL_BROKEN = 25
    # Refusals, before anything ran.
    QUEUE_FULL = 30
    UNKNOWN_ENVIRONMENT = 31
    UNKNOWN_TASK = 32
    UNKNOWN_RUN = 33
    UNKNOWN_BUNDLE = 34
    BUNDLE_TOO_LARGE = 35
    BAD_REQUEST = 36
    VERSION_MISMATCH = 37
    NOT_PERMITTED = 38
    SHUTTING_DOWN = 39
    NAME_TAKEN = 40
    STORAGE_FAILED = 41
    TOO_DEEP = 42
    DOES_NOT_FIT = 43
    INTERNAL_ERROR = 44
    # The cluster.
    NO_QUORUM = 50
    STALE_EPOCH = 51
    CONFLICT = 52
    GONE = 53
    NOT_A_MEMBER = 54
    NODE_LOST = 55
    OVERLOADED = 56
    UNDECIDED = 57
    # Who asks.
    UNAUTHENTICATED = 60


_SENTENCES = {
    Code.NONE: "No error.",
    Code.USER_ERROR: "The task raised an exception.",
    Code.NON_RECOVERABLE: "The task raised an exception that forbids retries.",
    Code.DATA_VALIDATION: "A value does not fit the task's annotations.",
    Code.MODULE_LOAD: "The environment's code cannot be imported.",
    Code.INLINE_IO_TOO_LARGE: "A value exceeds the task's max_inline_io_bytes.",
    Code.VALUE_TOO_LARGE: "A value exceeds the largest size the node accepts.",
    Code.TIMEOUT_RUNTIME: "The task ran longer than its max_runtime.",
    Code.TIMEOUT_QUEUED: "The call waited longer than its max_queued_time.",
    Code.DEADLINE_EXCEEDED: "The call's deadline passed.",
    Code.ABORTED: "The call was aborted.",
    Code.INTERPRETER_LOST: "The interpreter ended while the call ran.",
    Code.OUT_OF_MEMORY: "The replica exceeded its memory limit.",
    Code.MAYBE_EXECUTED: "The interpreter ended while the call ran; with lost=0 it is not run again.",
    Code.CRASH_LOOP: "Replicas of this environment end again and again before they serve.",
    Code.START_FAILED: "The interpreter cannot be started.",
    Code.PROTOCOL_BROKEN: "The interpreter sent what is not a frame.",
    Code.QUEUE_FULL: "The environment's queue is full; try again later.",
    Code.UNKNOWN_ENVIRONMENT: "The node does not know this environment.",
    Code.UNKNOWN_TASK: "The environment has no such task.",
    Code.UNKNOWN_RUN: "The node does not know this run.",
    Code.UNKNOWN_BUNDLE: "The node does not have this code bundle.",
    Code.BUNDLE_TOO_LARGE: "The code bundle exceeds the size the node accepts.",
    Code.BAD_REQUEST: "The request is not understood.",
    Code.VERSION_MISMATCH: "Client and node speak different protocol versions.",
    Code.NOT_PERMITTED: "This is not permitted.",
    Code.SHUTTING_DOWN: "The node is stopping.",
    Code.NAME_TAKEN: "A run of this name exists.",
    Code.STORAGE_FAILED: "The node cannot write to its state directory.",
    Code.TOO_DEEP: "Calls are nested deeper than the node allows.",
    Code.DOES_NOT_FIT: "The environment asks for more than this node has.",
    Code.NO_QUORUM: (
        "This node reaches too few voters of its cluster; nothing is decided until a majority of them is reached."
    ),
    Code.STALE_EPOCH: "Another node owns this by now.",
    Code.CONFLICT: "The same id was used before for something else.",
    Code.GONE: "This was known once and is forgotten by now.",
    Code.NOT_A_MEMBER: "The node does not belong to this cluster.",
    Code.NODE_LOST: "The node on which it ran is gone.",
    Code.OVERLOADED: "The node has more to do than it can hold; try again later.",
    Code.UNDECIDED: "The voters did not decide in time; it may have been accepted. Ask again under the same id.",
    Code.UNAUTHENTICATED: "The cluster does not accept this client's token.",
    Code.INTERNAL_ERROR: "The node failed; this is a defect of Hearth.",
}

_SYSTEM = frozenset(
    {
        Code.INTERPRETER_LOST,
        Code.OUT_OF_MEMORY,
        Code.MAYBE_EXECUTED,
        Code.CRASH_LOOP,
        Code.START_FAILED,
        Code.PROTOCOL_BROKEN,
        Code.QUEUE_FULL,
        Code.UNKNOWN_ENVIRONMENT,
        Code.UNKNOWN_BUNDLE,
        Code.BAD_REQUEST,
        Code.VERSION_MISMATCH,
        Code.NOT_PERMITTED,
        Code.SHUTTING_DOWN,
        Code.STORAGE_FAILED,
        Code.NO_QUORUM,
        Code.STALE_EPOCH,
        Code.NOT_A_MEMBER,
        Code.NODE_LOST,
        Code.OVERLOADED,
        Code.UNDECIDED,
        Code.UNAUTHENTICATED,
        Code.INTERNAL_ERROR,
    }
)


def _known(code: int) -> Code:
    try:
        return Code(code)
    except ValueError:  # a newer node: a number that we do not know is a defect somewhere, and still an error
        return Code.INTERNAL_ERROR


def name(code: int) -> str:
    """The stable lower-case name of `code`: `name(30) == "queue_full"`."""
    return _known(code).name.lower()


def sentence(code: int) -> str:
    """One sentence for a person, used where nothing more precise is known."""
    return _SENTENCES[_known(code)]


def kind(code: int) -> str:
    """Who can do something about it: `"user"`, `"system"` or, for no error, `"unknown"`."""
    known = _known(code)
    if known is Code.NONE:
        return "unknown"
    return "system" if known in _SYSTEM else "user"
