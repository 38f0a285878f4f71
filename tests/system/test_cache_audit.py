"""An audit executes hits once more and finds tasks that return something else for the same inputs."""

from __future__ import annotations

import json

from conftest import Node

PROGRAM = """
import time

import hearth

env = hearth.TaskEnvironment("audited", reusable=hearth.ReusePolicy(replicas=(0, 1)))

@env.task(cache=hearth.Cache("override", version_override="1"))
def square(n: int) -> int:
    return n * n

@env.task(cache=hearth.Cache("override", version_override="1"))
def stamped(n: int) -> int:
    return time.time_ns()

if __name__ == "__main__":
    first = stamped.remote(1)
    print("ready", flush=True)
    while True:
        assert square.remote(2) == 4
        assert stamped.remote(1) == first
        time.sleep(0.02)
"""


def test_an_audit_names_the_task_that_returns_something_else_and_callers_see_nothing_of_it(node: Node) -> None:
    node.write("program.py", PROGRAM)
    program = node.start_python("program.py")
    try:
        assert program.stdout.readline() == "ready\n"
        audit = node.command("cache", "audit", "--share", "1", "--for", "3s", "-o", "json", status=1)
        rows = {row["task"]: row for row in json.loads(audit.stdout)}
        assert program.poll() is None, "a call was answered with another value than the kept one"
    finally:
        program.kill()
        program.communicate()
    assert rows["audited.square"]["different"] == rows["audited.square"]["failed"] == 0 < rows["audited.square"]["same"]
    assert rows["audited.stamped"]["same"] == 0 < rows["audited.stamped"]["different"]
    assert rows["audited.stamped"]["example"]
    # Without an order nothing executes.
    table = node.command("cache", "audit", "--for", "0", status=1).stdout
    assert "audited.stamped" in table and "should not keep its results" in table
