"""What a node has and what replicas may use of it: who starts, who waits, who is refused, and who is ended."""

from __future__ import annotations

import json
import os
from typing import Callable

import pytest
from conftest import ROOT, Node, wait_until

GIB = 2**30


def machine_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(machine_memory() < 3 * GIB, reason="takes 1 GiB twice; the machine has less than 3 GiB")
def test_a_task_beyond_its_memory_ends_in_an_error_that_its_caller_can_answer(node: Node) -> None:
    node.write("memory_limit.py", (ROOT / "examples" / "memory_limit.py").read_text())
    said = node.python("memory_limit.py").stdout
    assert said.startswith("100 MiB\ntoo much for 250Mi: ")
    assert "its limit is 250 MiB" in said
    assert said.endswith("1024 MiB\n")


WAITING = """
import os, sys, time
import hearth

env = hearth.TaskEnvironment("five", resources=hearth.Resources(memory="300Mi"),
                             reusable=hearth.ReusePolicy(replicas=(5, 5), idle_ttl=600))
big = hearth.TaskEnvironment("big", resources=hearth.Resources(memory="2Gi"), reusable=hearth.ReusePolicy(replicas=1))

@env.task
def work(path: str) -> int:
    while not os.path.exists(path):
        time.sleep(0.02)
    return os.getpid()

@big.task
def never() -> None: ...

if __name__ == "__main__":
    if sys.argv[1] == "big":
        try:
            never.remote()
        except hearth.errors.BaseRuntimeError as error:
            print(error)
    else:
        print(len(set(hearth.map(work, [sys.argv[1]] * 5))))
"""


@pytest.fixture
def small_node(make_node: Callable[..., Node]) -> Node:
    made = make_node(HEARTH_MEMORY="1Gi")
    made.start()
    made.write("waiting.py", WAITING)
    return made


def test_replicas_beyond_the_nodes_memory_wait(small_node: Node) -> None:
    flag = small_node.home / "go"
    program = small_node.start_python("waiting.py", str(flag))
    try:
        wait_until(lambda: sum(row["state"] == "busy" for row in small_node.rows("replicas")) == 3, "three replicas")
        status = small_node.status()
        assert int(status["memoryCapacity"]) == GIB
        assert int(status["memoryReserved"]) == 900 * 2**20
        assert int(status["ordersWaiting"]) == 2
        assert status["memoryLimits"] in ("cgroup", "watcher")
        details = small_node.command("get", "environment", "five").stdout
        assert "wants 5, has 3, waiting for memory" in details
    finally:
        flag.touch()
        said, _ = program.communicate(timeout=60)
    assert int(said) <= 3


def test_an_environment_that_never_fits_is_refused_at_once(small_node: Node) -> None:
    said = small_node.python("waiting.py", "big").stdout
    assert "Environment big asks for 2 GiB of memory per replica" in said
    assert "has 1 GiB. Ask for less with Resources(memory=...), or run a node on a larger machine." in said


GPUS = """
import json, os
import hearth

none = hearth.TaskEnvironment("none", reusable=hearth.ReusePolicy(replicas=1, idle_ttl=600))
one = hearth.TaskEnvironment("one", resources=hearth.Resources(gpu="1"), reusable=hearth.ReusePolicy(replicas=1, idle_ttl=600))
fresh = hearth.TaskEnvironment("fresh", resources=hearth.Resources(gpu=1))

@none.task
def sees_none() -> str: return os.environ.get("CUDA_VISIBLE_DEVICES", "unset")

@one.task
def sees_one() -> str: return os.environ.get("CUDA_VISIBLE_DEVICES", "unset")

@fresh.task
def sees_other() -> str: return os.environ.get("CUDA_VISIBLE_DEVICES", "unset")

if __name__ == "__main__":
    print(json.dumps([sees_none.remote(), sees_one.remote(), sees_other.remote()]))
"""


def test_replicas_see_the_gpus_that_they_were_given(make_node: Callable[..., Node]) -> None:
    node = make_node(HEARTH_GPUS="3,5")
    node.environment["HEARTH_GPU_LOCKS"] = str(node.home / "locks")
    node.start()
    node.write("gpus.py", GPUS)
    assert json.loads(node.python("gpus.py").stdout) == ["", "3", "5"]
    assert (int(node.status()["gpus"]), sorted(os.listdir(node.home / "locks"))) == (2, ["gpu-3", "gpu-5"])


def test_a_node_without_gpus_leaves_the_variable_alone_and_refuses_who_needs_one(make_node: Callable[..., Node]) -> None:
    node = make_node(HEARTH_GPUS="none")
    node.start()
    node.write("gpus.py", GPUS.replace("sees_one.remote(), sees_other.remote()", ""))
    assert json.loads(node.python("gpus.py").stdout) == ["unset"]
    node.write("gpus.py", GPUS)
    refused = node.python("gpus.py", status=1).stderr
    assert "Environment one asks for 1 GPU per replica" in refused and "has none" in refused
