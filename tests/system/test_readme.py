"""Programs of the README and of the guide to Python do what is said there, word for word."""

from __future__ import annotations

import re
import shlex

from conftest import ROOT, Node


def blocks(language: str, document: str = "README.md") -> list:
    text = (ROOT / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)


def test_the_program_prints_what_the_readme_shows(node: Node) -> None:
    program = next(block for block in blocks("python") if "squares" in block)
    shown = next(block for block in blocks("console") if "squares.py" in block)
    node.write("squares.py", program)
    ran = 0
    for command, expected in re.findall(r"^\$ \./tools/hearth (.*)\n((?:[^$\n].*\n)*)", shown, re.M):
        done = node.command(*command.split())
        assert done.stdout == expected, f"hearth {command}"
        ran += 1
    assert ran == 2


def test_every_command_of_the_readme_is_one(node: Node) -> None:
    listed = next(block for block in blocks("console") if "get environments" in block)
    for command in re.findall(r"^\$ \./tools/hearth (.*?)(?: +#.*)?$", listed, re.M):
        verb = [word for word in command.split() if word.islower() and not word.startswith("-")][:2]
        assert node.command(*verb, "--help").stdout


def test_a_task_whose_results_are_kept_does_what_the_guide_shows(node: Node) -> None:
    program = next(block for block in blocks("python", "docs/python.md") if block.startswith("# features.py"))
    shown = next(block for block in blocks("console", "docs/python.md") if "features.py" in block)
    node.write("features.py", program)
    told = []
    for command, expected in re.findall(r"^\$ hearth (.*)\n((?:[^$\n].*\n)*)", shown, re.M):
        done = node.command(*shlex.split(command))
        assert done.stdout == expected, f"hearth {command}"
        told.append("from the cache" in done.stderr)
    assert told == [False, True]
