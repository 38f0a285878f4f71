"""What replicas run once, with a real node: who hears of a failure, and when the last words are said."""

from __future__ import annotations

from conftest import Node

LOADED = """
import os, hearth

env = hearth.TaskEnvironment("models", reusable=hearth.ReusePolicy(replicas=(1, 2), concurrency=4, idle_ttl=600))
loads = []

@env.on_start
async def load() -> None:
    loads.append(os.getpid())

@env.on_stop
async def close() -> None:
    with open(os.path.join({folder!r}, f"closed-{{os.getpid()}}"), "w"):
        pass

@env.task
async def seen() -> list[int]:
    return loads

if __name__ == "__main__":
    answers = [handle.result() for handle in [seen.spawn() for _ in range(20)]]
    print(sorted({{tuple(answer) for answer in answers}}))
"""

FAILING = """
import hearth

env = hearth.TaskEnvironment("broken", reusable=hearth.ReusePolicy(replicas=1))

@env.on_start
def load() -> None:
    raise FileNotFoundError("weights.bin")

@env.task
def f() -> int:
    return 1

if __name__ == "__main__":
    try:
        f.remote()
    except hearth.errors.ModuleLoadError as error:
        print(error)
"""


def test_each_replica_loads_once_and_closes_when_the_node_stops(node: Node) -> None:
    node.write("models.py", LOADED.format(folder=str(node.home)))
    said = eval(node.python("models.py").stdout)
    assert all(len(pids) == 1 for pids in said)
    replicas = node.replica_pids()
    assert {pids[0] for pids in said} <= set(replicas)
    node.stop()
    assert {path.name for path in node.home.glob("closed-*")} == {f"closed-{pid}" for pid in replicas}


def test_the_caller_hears_which_function_failed_and_where(node: Node) -> None:
    node.write("broken.py", FAILING)
    said = node.python("broken.py").stdout
    assert "@broken.on_start 'load' failed" in said and "FileNotFoundError: weights.bin" in said
    assert 'broken.py", line 8: raise FileNotFoundError("weights.bin")' in said


def test_a_cold_call_says_what_its_start_was_spent_on(node: Node) -> None:
    node.write("models.py", LOADED.format(folder=str(node.home)))
    node.command("run", "models.py", "seen")
    (run,) = node.rows("runs")
    (action,) = node.rows("actions", run["name"])
    assert action["cold"] and int(action["startUs"]) >= int(action["forkUs"]) > 0 and int(action["importUs"]) > 0
