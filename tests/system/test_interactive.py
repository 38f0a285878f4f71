"""Prompts and notebooks: a function typed into a session runs as the session means it at that moment."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import textwrap
import time

import pytest
from conftest import PATIENCE, Node

pytest.importorskip("cloudpickle")

PROGRAM = """
    import hearth

    env = hearth.TaskEnvironment("session", reusable=hearth.ReusePolicy(replicas=2, idle_ttl=600))
    factor = 2
    words = ["a"]

    @env.task
    def fixed(x: int) -> int:
        return x * 10

    if __name__ == "__main__":
        print("program", fixed.remote(1))
"""

# Two statements a line apart are typed faster than any clock ticks; one line may hold several calls.
TYPED = """
    @env.task
    def scaled(x: int) -> str:
        return f"{x * factor} {''.join(words)}"

    print("first", scaled.remote(3))
    factor = 5
    print("rebound", scaled.remote(3))
    words.append("b")
    print("mutated", scaled.remote(3))
    for factor in (7, 8): print("in one statement", scaled.remote(1))

    def helper(x): return x + 1

    @env.task
    def helped(x: int) -> int:
        return helper(x)

    print("helped", helped.remote(1))
    def helper(x): return x + 100

    print("helped again", helped.remote(1))
    print("of the file", fixed.remote(2))
    print("mapped", list(hearth.map(scaled, [1, 2])))
"""
SAID = [
    "program 10", "first 6 a", "rebound 15 a", "mutated 15 ab", "in one statement 7 ab", "in one statement 8 ab",
    "helped 2", "helped again 101", "of the file 20", "mapped ['8 ab', '16 ab']",
]  # fmt: skip


def test_what_is_typed_behind_a_program_sees_the_variables_of_the_moment(node: Node) -> None:
    node.write("session.py", PROGRAM)
    done = subprocess.run(
        [sys.executable, "-i", "session.py"], cwd=node.project, env=node.environment, input=textwrap.dedent(TYPED),
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE,
    )  # fmt: skip
    assert done.stdout.splitlines() == SAID, done.stderr


def test_the_same_is_so_at_a_terminal_without_a_program(node: Node) -> None:
    node.write("declared.py", PROGRAM.partition("    if __name__")[0])
    controller, terminal = pty.openpty()
    environment = {**node.environment, "TERM": "dumb", "PYTHON_BASIC_REPL": "1"}
    prompt = subprocess.Popen(
        [sys.executable, "-q"], cwd=node.project, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    try:
        typed = "from declared import *\n" + textwrap.dedent(TYPED) + "exit()\n"
        os.write(controller, typed.encode())
        shown = _everything(controller)
        assert prompt.wait(PATIENCE) == 0
    finally:
        prompt.kill()
        os.close(controller)
    found = [line for line in re.split(r"[\r\n]+", shown) if line in SAID]
    assert found == SAID[1:], shown


def _everything(controller: int) -> str:
    """What the terminal shows until its program has ended."""
    data = b""
    deadline = time.monotonic() + PATIENCE
    while select.select([controller], [], [], max(0.0, deadline - time.monotonic()))[0]:
        try:
            more = os.read(controller, 65536)
        except OSError:  # how Linux says that nobody has the other end any more
            break
        data += more
    return data.decode()


# What a notebook's kernel is to the SDK: a `__main__` without a file, and IPython with a shell that counts cells.
KERNEL = """
    import asyncio, sys, types

    class Shell:
        execution_count = 0

    shell = Shell()
    sys.modules["IPython"] = types.ModuleType("IPython")
    sys.modules["IPython"].get_ipython = lambda: shell
    variables = vars(sys.modules["__main__"])
    del variables["__file__"]

    def run(cell):
        shell.execution_count += 1
        exec(compile(cell, f"<ipython-input-{shell.execution_count}>", "exec"), variables)
"""
CELLS = """
    run('''
    import hearth
    env = hearth.TaskEnvironment("cells", reusable=hearth.ReusePolicy(replicas=2, idle_ttl=600))
    factor = 2

    @env.task
    def scaled(x: int) -> int:
        return x * factor

    print("first", scaled.remote(3))
    ''')
    run("factor = 5")
    run('print("next cell", scaled.remote(3))')
    run('''
    factor = 7
    print("same cell", scaled.remote(3))
    factor = 8
    print("same cell again", scaled.remote(3))
    ''')
    run('''
    async def both():
        handle = await scaled.spawn.aio(1)
        return await handle, await scaled.remote.aio(2), [item async for item in hearth.map.aio(scaled, [3])]
    print("in its loop", asyncio.run(both()))
    ''')
"""


def test_a_cell_of_a_notebook_sees_the_variables_of_the_moment(node: Node) -> None:
    node.write("kernel.py", textwrap.dedent(KERNEL) + textwrap.dedent(CELLS))
    assert node.python("kernel.py").stdout.splitlines() == [
        "first 6", "next cell 15", "same cell 21", "same cell again 24", "in its loop (8, 16, [24])",
    ]  # fmt: skip


def test_a_real_notebook_shell_does_the_same(node: Node) -> None:
    pytest.importorskip("IPython")
    shell = """
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()

        def run(cell):
            shell.run_cell(cell, store_history=True).raise_error()
    """
    node.write("kernel.py", textwrap.dedent(shell) + textwrap.dedent(CELLS).replace("import hearth\n", "import asyncio, hearth\n"))
    said = [line for line in node.python("kernel.py").stdout.splitlines() if line]
    assert said == [
        "first 6", "next cell 15", "same cell 21", "same cell again 24", "in its loop (8, 16, [24])",
    ]  # fmt: skip
