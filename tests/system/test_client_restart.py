"""A program that lives longer than its node: what it asks for after a restart is done, the first time that it asks."""

from __future__ import annotations

import pytest

from conftest import BUILD, Node

PROGRAM = """
import subprocess
import sys

import hearth

env = hearth.TaskEnvironment("squares", reusable=hearth.ReusePolicy(replicas=(0, 1)))


@env.task
def square(x: int) -> int:
    return x * x


def restart() -> None:
    for word in ("stop", "start"):
        subprocess.run([sys.argv[1], "node", word], check=True, stdout=subprocess.DEVNULL)


async def mapped() -> list:
    return [value async for value in hearth.map.aio(square, range(3))]


if __name__ == "__main__":
    import asyncio

    print(square.remote(3))
    restart()
    {act}
    restart()
    {act}
"""


@pytest.mark.parametrize(
    "act, printed",
    [
        ("print(list(hearth.map(square, range(3))))", "[0, 1, 4]"),
        ("print(asyncio.run(mapped()))", "[0, 1, 4]"),
        ("print(hearth.deploy(env)[0].environment)", "squares"),
        ("print(hearth.run(square, x=4).result())", "16"),
        ("print(square.remote(5))", "25"),
        ("print(square.spawn(6).result())", "36"),
    ],
)
def test_what_is_asked_after_a_restart_of_the_node_is_done(node: Node, act: str, printed: str) -> None:
    node.write("program.py", PROGRAM.replace("{act}", act))
    assert node.python("program.py", str(BUILD / "bin" / "hearth")).stdout.split("\n") == ["9", printed, printed, ""]


def test_a_direct_call_of_flytekit_after_a_restart_is_answered(node: Node) -> None:
    node.write(
        "direct.py",
        """
        import subprocess
        import sys

        import hearth.compat

        hearth.compat.install()

        from flytekit import task


        @task(cache=True, cache_version="1")
        def square(n: int) -> int:
            return n * n


        if __name__ == "__main__":
            print(square(n=2))
            for word in ("stop", "start"):
                subprocess.run([sys.argv[1], "node", word], check=True, stdout=subprocess.DEVNULL)
            print(square(n=2), square(n=3))
        """,
    )
    assert node.python("direct.py", str(BUILD / "bin" / "hearth")).stdout == "4\n4 9\n"
