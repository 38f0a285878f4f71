"""The examples of docs/operating.md do what is said there, in the order in which they stand."""

from __future__ import annotations

import re
import shlex

from conftest import Node
from test_readme import blocks

GUIDE = "docs/operating.md"


def test_the_commands_about_kept_results_work_as_they_stand(node: Node) -> None:
    node.write("kept.py", next(block for block in blocks("python", GUIDE) if block.startswith("# kept.py")))
    shown = next(block for block in blocks("console", GUIDE) if "cache stats" in block)
    said = {}
    for command in re.findall(r"^\$ hearth (.*?)(?: +#.*)?$", shown, re.M):
        done = node.command(*shlex.split(command))
        said.setdefault(command, []).append(done.stdout + done.stderr)
    first, second = said["run kept.py square --n 2"]
    assert "from the cache" not in first and "from the cache" in second
    assert "Value\n4\n" in said["cache show baa5"][0]
    assert "input n differs" in said["cache explain kept.py square --n 3"][0]
    assert said["cache delete --task math.square"][0].startswith("1 copy")
    assert said["cache import kept.cache"][0].startswith("1 entry kept")
