"""Code that changes under running calls, and overrides: versions of one environment live side by side."""

from __future__ import annotations

import json

from conftest import Node, wait_until

PROGRAM = """
import json, os, sys, threading
import hearth

env = hearth.TaskEnvironment("changing", reusable=hearth.ReusePolicy(replicas=1, idle_ttl=600))

@env.task
def answer(until: str) -> str:
    open(until + ".begun", "w").close()
    while not os.path.exists(until):
        threading.Event().wait(0.01)
    return WORD

@env.task
def pid() -> int:
    return os.getpid()

def fresh():
    warm = {pid.remote() for _ in range(3)}
    alone = {pid.override(reusable="off").remote() for _ in range(3)}
    sized = pid.override(reusable="off", resources=hearth.Resources(memory="1Gi")).remote()
    return [len(warm), len(alone), len(warm & alone), sized in warm | alone, pid.remote() in warm]

WORD = "old"

if __name__ == "__main__":
    print(json.dumps(fresh()) if sys.argv[1] == "fresh" else answer.remote(sys.argv[1]), flush=True)
"""


def rows_of(node: Node) -> list:
    return [row for row in node.rows("environments") if row["name"] == "changing"]


def test_an_old_call_ends_as_it_began_while_changed_code_runs(node: Node) -> None:
    node.write("changing.py", PROGRAM)
    old_ends, new_ends = node.home / "old", node.home / "new"
    old = node.start_python("changing.py", str(old_ends))
    wait_until((node.home / "old.begun").exists, "the old call to begin")
    node.write("changing.py", PROGRAM.replace('WORD = "old"', 'WORD = "new"'))
    new = node.start_python("changing.py", str(new_ends))
    wait_until((node.home / "new.begun").exists, "the new call to begin beside the old one")
    assert [int(row["running"]) for row in rows_of(node)] == [1, 1]
    assert len({row["version"] for row in rows_of(node)}) == 2
    new_ends.touch()
    assert new.communicate(timeout=60)[0] == "new\n"
    old_ends.touch()
    assert old.communicate(timeout=60)[0] == "old\n"


def test_without_reuse_an_overridden_call_has_an_interpreter_of_its_own(node: Node) -> None:
    node.write("changing.py", PROGRAM)
    assert json.loads(node.python("changing.py", "fresh").stdout) == [1, 3, 0, False, True]
