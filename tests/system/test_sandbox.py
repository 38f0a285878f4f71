"""What tasks in a sandbox can do, as everywhere, and what they and their user are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Callable, List

import pytest
from conftest import Node, alive, wait_until
from machine import Machine
from sandboxes import SandboxNode, make_sandboxed, user, why_no_sandbox, write_probes  # noqa: F401


def test_an_error_for_a_hidden_path_says_how_it_is_shown(make_sandboxed: Callable[..., SandboxNode]) -> None:
    node = make_sandboxed()
    data = node.home / "data"
    data.mkdir()
    (data / "in").write_text("42")
    text = """
@env.task
def read(path: str) -> str:
    return open(path).read()

@env.task
def write(path: str) -> int:
    return open(path, "w").write("x")
"""
    write_probes(node, text)
    done = node.command("run", "probes.py", "read", "--path", str(data / "in"), status=1)
    assert f"mounts=({str(data)!r},)" in done.stderr, done.stderr
    assert "sandbox" not in node.command("run", "probes.py", "read", "--path", "/usr/none", status=1).stderr
    done = node.command("run", "probes.py", "write", "--path", "here", status=1)
    assert "read-only" in done.stderr, done.stderr
    write_probes(node, text, f"mounts=({str(data)!r},)")
    assert node.result("probes.py", "read", path=data / "in") == "42"
    done = node.command("run", "probes.py", "write", "--path", str(data / "out"), status=1)
    assert f"mounts=({str(data) + ':rw'!r},)" in done.stderr, done.stderr


def test_without_a_sandbox_an_environment_that_wants_one_is_refused(make_node: Callable[..., Node]) -> None:
    node = make_node(HEARTH_ISOLATION="sandbox", PATH="/usr/bin:/bin")
    node.write("one.py", "import hearth\nenv = hearth.TaskEnvironment('one', isolation='process')\n\n@env.task\ndef f() -> int:\n    return 1\n")
    assert json.loads(node.command("run", "one.py", "f", "-o", "json").stdout)["result"] == 1  # the environment's word counts
    node.stop()
    node.environment["HEARTH_ISOLATION"] = "sandbox-only"
    done = node.command("run", "one.py", "f", status=1)
    assert "runs every environment in a sandbox" in done.stderr, done.stderr
    assert node.status()["isolation"] == "sandbox-only"


WORK = """
    import asyncio, hearth, os, subprocess, sys
    import IMPORTED

    env = hearth.TaskEnvironment("work", reusable=hearth.ReusePolicy(replicas=2))
    aio = hearth.TaskEnvironment("aio", reusable=hearth.ReusePolicy(replicas=1, concurrency=10))
    fresh = hearth.TaskEnvironment("fresh")
    started = []

    @env.on_start
    def start() -> None:
        started.append(os.getpid())

    @env.task
    def square(x: int) -> int:
        return x * x

    @env.task
    def total(n: int) -> int:
        return sum(hearth.map(square, range(n)))

    @env.task
    def size(data: bytes) -> bytes:
        return data * 2

    @env.task
    def say() -> str:
        print("said by a task")
        subprocess.run([sys.executable, "-c", "print('said by a child')"], check=True)
        assert started == [os.getpid()] and hearth.ctx().call_id
        return subprocess.run(["/bin/sh", "-c", "echo $((6*7))"], stdout=subprocess.PIPE, check=True, text=True).stdout

    @env.task(timeout=1)
    def sleep() -> None:
        import time
        time.sleep(60)

    @env.task(retries=hearth.RetryStrategy(0, lost=0))
    def die(signal: int) -> None:
        os.kill(os.getpid(), signal)

    @aio.task
    async def wait(x: int) -> int:
        await asyncio.sleep(0.01)
        return x

    @fresh.task
    def once() -> int:
        return os.getpid()

    if __name__ == "__main__":
        assert total.remote(20) == 2470
        assert list(hearth.map(square, range(1000))) == [x * x for x in range(1000)]
        assert list(hearth.map(wait, range(50))) == list(range(50))
        assert len(size.remote(bytes(8 << 20))) == 16 << 20
        assert say.remote() == "42\\n"
        once.remote(), once.remote()
        for task, arguments, words in ((sleep, (), ("1",)), (die, (9,), ("SIGKILL",)), (die, (11,), ("SIGSEGV",))):
            try:
                task.remote(*arguments)
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                assert all(word in text for word in words), text
            else:
                raise AssertionError(task)
        assert square.remote(3) == 9
        print("all is well")
"""


@pytest.mark.parametrize("kind", ["fork", "spawn"])
def test_tasks_work_in_a_sandbox_as_everywhere(make_sandboxed: Callable[..., SandboxNode], user: str, kind: str) -> None:
    node = make_sandboxed(user)
    node.write("thread.py", "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n")
    node.write("work.py", WORK.replace("IMPORTED", "thread" if kind == "spawn" else "os"))
    done = node.python("work.py")
    assert "all is well" in done.stdout
    assert "said by a task" in done.stdout + done.stderr and "said by a child" in done.stdout + done.stderr
    rows = [row for row in node.rows("replicas") if row["environment"] == "work" and row["pid"] > 0]
    assert {row["startMode"] for row in rows} == {kind}
    for row in rows:  # numbers that the machine knows
        assert alive(row["pid"])
        assert "Seccomp" in Path(f"/proc/{row['pid']}/status").read_text()
        assert row["memoryBytes"] > 1 << 20


@pytest.mark.parametrize("kind", ["fork", "spawn"])
def test_too_much_memory_in_a_sandbox_ends_the_replica_alone(make_sandboxed: Callable[..., SandboxNode], user: str, kind: str) -> None:
    node = make_sandboxed(user)
    node.write("thread.py", "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n")
    node.write(
        "greedy.py",
        f"""
        import hearth, time
        {"import thread" if kind == "spawn" else ""}

        env = hearth.TaskEnvironment("greedy", resources=hearth.Resources(memory="200Mi"), reusable=hearth.ReusePolicy(replicas=1))

        @env.task(retries=hearth.RetryStrategy(0, lost=0))
        def take(mib: int) -> int:
            data = bytearray(mib << 20)
            for at in range(0, len(data), 4096):
                data[at] = 1
            if mib > 200:
                time.sleep(60)
            return len(data)

        if __name__ == "__main__":
            assert take.remote(10) == 10 << 20
            try:
                take.remote(400)
            except hearth.errors.OOMError as error:
                assert "200 MiB" in str(error), error
            else:
                raise AssertionError("nothing bounds it")
            assert take.remote(10) == 10 << 20
        """,
    )
    node.python("greedy.py")


@pytest.mark.parametrize("kind", ["fork", "spawn"])
def test_nothing_that_a_task_left_behind_outlives_its_sandbox(make_sandboxed: Callable[..., SandboxNode], kind: str) -> None:
    node = make_sandboxed()
    node.write("thread.py", "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n")
    marker = f"hearth-{os.getpid()}-{kind}"
    node.write(
        "leave.py",
        f"""
        import hearth, os, subprocess
        {"import thread" if kind == "spawn" else ""}

        env = hearth.TaskEnvironment("leave")

        @env.task
        def leave() -> bool:
            left = subprocess.Popen(["sh", "-c", "sleep 600 # {marker}"], start_new_session=True)
            return left.poll() is None

        if __name__ == "__main__":
            assert leave.remote()
        """,
    )

    def left() -> List[str]:
        listed = subprocess.run(["ps", "-eo", "args"], text=True, stdout=subprocess.PIPE).stdout
        return [line for line in listed.splitlines() if line.endswith(marker)]

    node.python("leave.py")
    wait_until(lambda: not left(), f"nothing of {marker} to be left while its zygote lives")
    wait_until(lambda: (kind == "fork") == bool(children_of(node.pid)), "a zygote, and nothing of a spawned interpreter, to be there")
    node.command("node", "stop")
    wait_until(lambda: not any(str(node.home) in line for line in left()), "all to be gone")


def children_of(pid: int) -> List[str]:
    listed = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid,stat,args"], text=True, stdout=subprocess.PIPE).stdout
    return listed.splitlines()[1:]


def test_an_interpreter_of_the_users_own_works_in_a_sandbox(make_sandboxed: Callable[..., SandboxNode], user: str) -> None:
    node = make_sandboxed(user)
    subprocess.run([*node.prefix, sys.executable, "-m", "venv", "--without-pip", str(node.home / "venv")], check=True)
    site = next((node.home / "venv" / "lib").glob("python3*")) / "site-packages"
    (site / "only_here.py").write_text("value = 42\n")
    write_probes(node, "\n@env.task\ndef probe() -> list[str]:\n    import only_here\n    return [str(only_here.value), sys.prefix]\n",
                 f"python={str(node.home / 'venv' / 'bin' / 'python')!r}")  # fmt: skip
    assert node.result("probes.py", "probe") == ["42", str(node.home / "venv")]


def test_a_check_tells_what_the_sandbox_hides_and_what_is_missing(make_sandboxed: Callable[..., SandboxNode]) -> None:
    node = make_sandboxed()
    node.start()
    data = node.home / "data"
    data.mkdir()
    (data / "in").write_text("42")
    text = f"""
import json
import nothing_of_this_name

@env.task
def probe() -> str:
    return open({str(data / "in")!r}).read()
"""
    (node.home / "lib").mkdir()
    (node.home / "lib" / "nothing_of_this_name.py").touch()
    node.environment["PYTHONPATH"] += f":{node.home / 'lib'}"
    write_probes(node, text)
    done = node.command("check", "probes.py", "-o", "json", status=1)
    found = {row["what"]: row for row in json.loads(done.stdout)}
    assert found["isolation"]["found"] == "sandbox"
    assert found[f"path {data / 'in'} (probes)"]["found"].endswith(f'mounts=("{data}",) shows it')
    assert "is not in" in found["module nothing_of_this_name (probes)"]["found"]
    assert "Python 3." in found[f"interpreter {sys.executable} (probes)"]["found"]
    write_probes(node, text.replace("import nothing_of_this_name", ""), f"mounts=({str(data)!r},)")
    done = node.command("check", "probes.py", "-o", "json")
    assert all(row["fine"] for row in json.loads(done.stdout)), done.stdout


def test_nodes_of_a_cluster_isolate_without_being_told_and_each_is_checked(machine: Machine) -> None:
    why = why_no_sandbox([])
    if why:
        pytest.skip(f"this machine makes no sandbox: {why}")
    data = machine.home / "data"
    data.mkdir()
    (data / "in").write_text("42")
    (machine.home / "read.py").write_text(
        f"""
import hearth, os

env = hearth.TaskEnvironment("read", reusable=hearth.ReusePolicy(replicas=1))

@env.task
def read() -> bool:
    return os.path.exists({str(data / "in")!r})
"""
    )
    machine.hearth("cluster", "up", "--nodes", "3")
    assert json.loads(machine.hearth("run", "read.py", "read", "-o", "json").stdout)["result"] is False
    done = machine.hearth("check", "read.py", "-o", "json", status=1)
    rows = {(row["node"], row["what"]): row for row in json.loads(done.stdout)}
    assert all(rows[node, "port"]["fine"] for node in ("node-1", "node-2", "node-3"))
    assert rows["", "isolation"]["found"] == "sandbox"
    assert f'mounts=("{data}",) shows it' in rows["", f"path {data / 'in'} (read)"]["found"]
    machine.hearth("cluster", "down")
    machine.hearth("cluster", "up", "--isolation", "process")
    assert json.loads(machine.hearth("run", "read.py", "read", "-o", "json").stdout)["result"] is True
