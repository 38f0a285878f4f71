"""What deploy and stop do to replicas and to calls that run."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from conftest import BUILD, PATIENCE, Node, wait_until

VERSION = """
import sys, hearth

env = hearth.TaskEnvironment("shop", reusable=hearth.ReusePolicy(replicas=2, idle_ttl=600))

@env.task
def version() -> int:
    return NUMBER

if __name__ == "__main__":
    if "call" in sys.argv:
        print(version.remote())
    else:
        print(hearth.deploy(env)[0].version)
"""

NESTED = """
import os, time, hearth

other = hearth.TaskEnvironment("other", reusable=hearth.ReusePolicy(replicas=1))
unseen = hearth.TaskEnvironment("unseen", reusable=hearth.ReusePolicy(replicas=1))
outer = hearth.TaskEnvironment("outer", reusable=hearth.ReusePolicy(replicas=1), depends_on=[other, unseen])

@other.task
def leaf(x: int) -> int:
    return x

@unseen.task
def late(x: int) -> int:
    return x

@outer.task
def parent(flag: str) -> int:
    total = leaf(1)
    open(flag, "w").close()
    while not os.path.exists(flag + ".go"):
        time.sleep(0.01)
    return total + leaf(2) + late(3)

if __name__ == "__main__":
    import sys
    print(parent.remote(sys.argv[1]))
"""

ENVIRONMENT = """
import os, hearth

env = hearth.TaskEnvironment("clean", reusable=hearth.ReusePolicy(replicas=1), env_vars={"SAID": "so"})

@env.task
def variables() -> list[str]:
    return sorted(os.environ)

if __name__ == "__main__":
    print(*variables.remote())
"""


def shop(node: Node, number: int) -> None:
    node.write("shop.py", VERSION.replace("NUMBER", str(number)))


def replicas_by_version(node: Node) -> dict:
    return {row["version"]: row["replicas"] for row in node.rows("environments")}


def test_a_deployed_version_is_warm_before_it_is_called_and_the_last_one_ends(node: Node) -> None:
    shop(node, 1)
    first = node.python("shop.py").stdout.strip()
    wait_until(lambda: replicas_by_version(node).get(first) == 2, "the replicas of the first version")
    shop(node, 2)
    second = node.python("shop.py").stdout.strip()
    assert second != first
    wait_until(lambda: replicas_by_version(node) == {second: 2}, "the second version to stand alone")
    assert node.python("shop.py", "call").stdout.strip() == "2"


def test_versions_that_nobody_deploys_live_side_by_side(node: Node) -> None:
    for number in (1, 2):
        shop(node, number)
        assert node.python("shop.py", "call").stdout.strip() == str(number)
    assert sorted(replicas_by_version(node).values()) == [2, 2]


def test_a_task_that_runs_while_its_node_stops_still_gets_what_it_calls(node: Node) -> None:
    node.write("nested.py", NESTED)
    flag = node.home / "flag"
    program = node.start_python("nested.py", str(flag))
    wait_until(flag.exists, "the task to run")
    stop = subprocess.Popen([str(BUILD / "bin" / "hearth"), "node", "stop", "--grace", "60"], env=node.environment)
    wait_until(lambda: "draining" in node.command("node", "status", status=None).stdout, "the node to drain")
    (node.home / "flag.go").touch()
    out, err = program.communicate(timeout=PATIENCE)
    assert (out.strip(), program.returncode) == ("6", 0), err
    assert stop.wait(PATIENCE) == 0


def test_a_node_without_work_stops_at_once_whatever_grace_it_has(make_node) -> None:
    node = make_node(HEARTH_STOP_GRACE="1h")
    node.start()
    pid = node.pid
    node.command("node", "stop")
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the node to end")


def test_what_a_shell_exported_stays_there(make_node) -> None:
    node = make_node(MY_TOKEN="secret")
    node.start()
    node.write("clean.py", ENVIRONMENT)
    seen = node.python("clean.py").stdout.split()
    assert "MY_TOKEN" not in seen
    assert {"PATH", "SAID"} <= set(seen)


SLOW_IMPORT = """
import os, sys, time
import hearth

kept = hearth.TaskEnvironment("kept", reusable=hearth.ReusePolicy(replicas=(0, 2)))
fresh = hearth.TaskEnvironment("fresh")

if __name__ != "__main__":  # in the zygote: the first one tells its number and waits to be killed
    mark = MARK
    if not os.path.exists(mark):
        with open(mark + ".new", "w") as file:
            file.write(str(os.getpid()))
        os.rename(mark + ".new", mark)
        time.sleep(600)

@kept.task
def k(n: int) -> int:
    return n

@fresh.task
def f(n: int) -> int:
    return n

if __name__ == "__main__":
    print(sum(hearth.map({"kept": k, "fresh": f}[sys.argv[1]], range(20))))
"""


@pytest.mark.parametrize("kind", ["kept", "fresh"])
def test_an_interpreter_that_is_killed_while_it_starts_costs_no_call(node: Node, kind: str) -> None:
    mark = node.home / f"importing-{kind}"
    node.write("slow_import.py", SLOW_IMPORT.replace("MARK", repr(str(mark))))
    program = node.start_python("slow_import.py", kind)
    wait_until(mark.exists, "an interpreter that imports the program")
    os.kill(int(mark.read_text()), signal.SIGKILL)
    out, err = program.communicate(timeout=60)
    assert (out.strip(), program.returncode) == ("190", 0), err
