"""Interpreters that misbehave are ended and replaced; other environments notice nothing."""

from __future__ import annotations

import pytest

from conftest import Node, alive, wait_until

PROGRAM = """
    import os, signal, subprocess, sys, time
    import hearth

    bad = hearth.TaskEnvironment("bad", reusable=hearth.ReusePolicy(replicas=1, idle_ttl=600),
                                 resources=hearth.Resources(memory="200Mi"))
    good = hearth.TaskEnvironment("good", reusable=hearth.ReusePolicy(replicas=1, idle_ttl=600))
    once = hearth.RetryStrategy(count=0, lost=0)

    def replica_socket() -> int:
        for name in os.listdir("/proc/self/fd"):
            fd = int(name)
            try:
                if fd > 2 and os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                    return fd
            except OSError:
                pass
        raise RuntimeError("no socket")

    @bad.task(retries=once)
    def garbage() -> int:
        os.write(replica_socket(), b"\\xff" * 4096)
        time.sleep(60)
        return 1

    @bad.task(retries=once)
    def flood() -> int:
        block = b"x" * 65536
        end = time.monotonic() + 2
        while time.monotonic() < end:
            os.write(1, block)
        return 2

    @bad.task(retries=once)
    def stubborn() -> int:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end = time.monotonic() + 100
        while time.monotonic() < end:
            try:
                time.sleep(1)
            except BaseException:
                pass
        return 3

    @bad.task(retries=once)
    def grandchildren(path: str) -> int:
        for _ in range(2):
            child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
            with open(path, "a") as f:
                f.write(f"{child.pid}\\n")
        os._exit(7)

    @bad.task(retries=once)
    def hungry() -> int:
        held = []
        while True:
            held.append(bytearray(10 * 1024 * 1024))
            held[-1][::4096] = b"x" * len(held[-1][::4096])
            time.sleep(0.01)

    @bad.task
    def fine() -> int:
        return 5

    @good.task
    def where() -> int:
        return os.getpid()

    if __name__ == "__main__":
        before = where.remote()
        fine.remote()
        name, arguments = sys.argv[1], sys.argv[2:]
        handle = globals()[name].spawn(*arguments)
        if name == "stubborn":
            while where.remote() and not handle.done():
                time.sleep(0.3)
                handle.cancel("no longer wanted")
        try:
            print("value", handle.result())
        except BaseException as error:
            print("error", type(error).__name__, getattr(error, "code", ""), error)
        print("fine", fine.remote())
        print("same", where.remote() == before)
"""


@pytest.fixture
def program(node: Node) -> Node:
    node.write("hostile.py", PROGRAM)
    return node


@pytest.mark.parametrize(
    "task, said",
    [
        ("garbage", "error InterpreterLostError"),
        ("flood", "value 2"),
        ("stubborn", "error ActionAbortedError"),
        ("hungry", "error OOMError"),
    ],
)
def test_a_misbehaving_interpreter_is_replaced_and_others_notice_nothing(program: Node, task: str, said: str) -> None:
    out = program.python("hostile.py", task).stdout
    assert said in out
    assert "fine 5" in out
    assert "same True" in out


def test_what_an_interpreter_left_behind_is_ended_with_it(program: Node) -> None:
    pids_file = program.home / "pids"
    out = program.python("hostile.py", "grandchildren", str(pids_file)).stdout
    assert "error MaybeExecutedError" in out  # lost=0 and it had begun
    pids = [int(line) for line in pids_file.read_text().split()]
    assert len(pids) == 2
    wait_until(lambda: not any(alive(pid) for pid in pids), "the grandchildren to end")
    assert "fine 5" in out
