"""What a task starts without waiting, and programs that fork while their threads call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Node

PROGRAM = """
import asyncio, json, os, signal, sys, threading
import hearth
from hearth import errors

# Two, for a parent whose patience is over needs a slot that its child does not have.
env = hearth.TaskEnvironment("family", reusable=hearth.ReusePolicy(replicas=2, idle_ttl=600))
loop = hearth.TaskEnvironment("loop-family", reusable=hearth.ReusePolicy(replicas=1, concurrency=1, idle_ttl=600))

@env.task
def square(x: int) -> int:
    return x * x

@env.task
def waits(path: str) -> str:
    while not os.path.exists(path):
        threading.Event().wait(0.01)
    return "seen"

@loop.task
async def waits_async(path: str) -> str:
    while not os.path.exists(path):
        await asyncio.sleep(0.01)
    return "seen"

@env.task
def times_out(path: str) -> list:
    handle = waits.spawn(path)
    said = []
    try:
        handle.result(timeout=0.05)
    except TimeoutError:
        said.append("too slow")
    said.append(handle.done())
    open(path, "w").close()
    return [*said, handle.result(), handle.done(), handle.exception()]

@env.task
def cancels(path: str) -> list:
    handle = waits.spawn(path)
    said = [handle.cancel(), handle.cancel()]
    try:
        handle.result()
    except errors.ActionAbortedError as error:
        said.append(type(error).__name__)
    return [*said, square(3)]

@loop.task
async def awaits(path: str) -> list:
    handle = await waits_async.spawn.aio(path)
    said = []
    try:
        await handle.result.aio(timeout=0.05)
    except TimeoutError:
        said.append("too slow")
    open(path, "w").close()
    said.append(await handle)
    return [*said, await (await square.spawn.aio(4))]

@loop.task
async def cancels_async(path: str) -> list:
    handle = await waits_async.spawn.aio(path)
    said = [await handle.cancel.aio()]
    try:
        await handle
    except errors.ActionAbortedError as error:
        said.append(type(error).__name__)
    return said

@loop.task
async def refills(path: str) -> list:
    buffer = bytearray(200_000)
    def inputs():
        for n in range(12):
            buffer[:] = bytes([n]) * len(buffer)
            yield buffer
    return [item async for item in hearth.map.aio(ends_of, inputs())]

@loop.task
async def ends_of(data: bytearray) -> list:
    return [data[0], data[-1]]

def forks(path):
    square.remote(0)  # no module is half loaded when the first child is made
    stop = threading.Event()
    wrong = []

    def calls():
        x = 0
        while not stop.is_set():
            x += 1
            if square.remote(x) != x * x:
                wrong.append(x)

    threads = [threading.Thread(target=calls) for _ in range(4)]
    for thread in threads:
        thread.start()
    ends = []
    for x in range(40):
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # one that hangs ends as one that failed
            status = 1
            try:
                status = 0 if square.remote(x) == x * x and list(hearth.map(square, range(5))) == [0, 1, 4, 9, 16] else 2
            finally:
                os._exit(status)
        ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    stop.set()
    for thread in threads:
        thread.join()
    return [ends, wrong, square.remote(5)]

if __name__ == "__main__":
    found = globals()[sys.argv[1]]
    print(json.dumps(found.remote(sys.argv[2]) if isinstance(found, hearth.Task) else found(sys.argv[2])))
"""


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("times_out", ["too slow", False, "seen", True, None]),
        ("cancels", [True, False, "ActionAbortedError", 9]),
        ("awaits", ["too slow", "seen", 16]),
        ("cancels_async", [True, "ActionAbortedError"]),
        ("refills", [[n, n] for n in range(12)]),
        ("forks", [[0] * 40, [], 25]),
    ],
)
def test_handles_and_forks_keep_their_promises(node: Node, what: str, expected: Any) -> None:
    node.write("family.py", PROGRAM)
    assert json.loads(node.python("family.py", what, str(node.home / "path")).stdout) == expected
