"""The README's program does what the README says, word for word."""

from __future__ import annotations

import re

from conftest import ROOT, Node


def blocks(language: str) -> list:
    text = (ROOT / "README.md").read_text()
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
