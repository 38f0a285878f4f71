"""Retries and bounds in time, end to end: how often a task really runs, and what its caller is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Node

PROGRAM = """
import json, os, sys, threading
from datetime import timedelta
import hearth
from hearth import errors

env = hearth.TaskEnvironment("limits", reusable=hearth.ReusePolicy(replicas=1, idle_ttl=600))
loop = hearth.TaskEnvironment("loop-limits", reusable=hearth.ReusePolicy(replicas=1, concurrency=2, idle_ttl=600))
SOON = timedelta(milliseconds=300)

def note(path):
    with open(path, "a") as notes:
        notes.write(f"{hearth.ctx().attempt} ")

def noted(path):
    with open(path) as notes:
        return notes.read().split()

@env.task(retries=2)
def succeeds_at_last(path: str, at: int) -> int:
    note(path)
    if hearth.ctx().attempt < at:
        raise ValueError(f"not in attempt {hearth.ctx().attempt}")
    return hearth.ctx().attempt

@env.task(retries=5)
def gives_up(path: str) -> int:
    note(path)
    raise errors.NonRecoverableError("never again")

@env.task(retries=1)
def exits(path: str) -> int:
    note(path)
    sys.exit(4)

@env.task(timeout=hearth.Timeout(max_runtime=SOON))
def runs_on() -> None:
    threading.Event().wait()

@loop.task(timeout=hearth.Timeout(max_runtime=SOON))
async def runs_on_async() -> None:
    import asyncio
    await asyncio.Event().wait()

@env.task(timeout=hearth.Timeout(max_queued_time=SOON))
def waits_its_turn() -> str:
    return "its turn"

@env.task
def occupies(path: str) -> str:
    open(path + ".begun", "w").close()
    while not os.path.exists(path):
        threading.Event().wait(0.01)
    return "done"

@env.task(retries=hearth.RetryStrategy(1000, backoff=hearth.Backoff(0.05)), timeout=hearth.Timeout(deadline=SOON))
def fails_again_and_again(path: str) -> None:
    note(path)
    raise ValueError("as always")

@env.task
def alive() -> str:
    return "alive"

def caught(task, *arguments):
    try:
        return task.remote(*arguments)
    except Exception as error:
        return type(error).__name__

def enough_retries(path): return [succeeds_at_last.remote(path, 3), noted(path)]
def too_few_retries(path): return [caught(succeeds_at_last, path, 9), noted(path)]
def final(path): return [caught(gives_up, path), noted(path)]
def exit_of_a_task(path): return [caught(exits, path), noted(path)]
def runtime(path): return [caught(runs_on), alive.remote()]
def runtime_async(path): return [caught(runs_on_async), alive.remote()]

def queued(path):
    first = occupies.spawn(path)
    while not os.path.exists(path + ".begun"):
        threading.Event().wait(0.01)
    second = caught(waits_its_turn)
    open(path, "w").close()
    return [second, first.result(), waits_its_turn.remote()]

def deadline(path):
    alive.remote()  # the start of an interpreter is not to be part of it
    outcome = caught(fails_again_and_again, path)
    return [outcome, 0 < len(noted(path)) < 1000]

if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](sys.argv[2])))
"""


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("enough_retries", [3, ["1", "2", "3"]]),
        ("too_few_retries", ["ValueError", ["1", "2", "3"]]),
        ("final", ["NonRecoverableError", ["1"]]),
        ("exit_of_a_task", ["CustomError", ["1", "2"]]),
        ("runtime", ["MaxRuntimeExceededError", "alive"]),
        ("runtime_async", ["MaxRuntimeExceededError", "alive"]),
        ("queued", ["MaxQueuedTimeExceededError", "done", "its turn"]),
        ("deadline", ["DeadlineExceededError", True]),
    ],
)
def test_a_task_runs_as_often_and_as_long_as_its_limits_say(node: Node, what: str, expected: Any) -> None:
    node.write("limits.py", PROGRAM)
    assert json.loads(node.python("limits.py", what, str(node.home / "notes")).stdout) == expected
