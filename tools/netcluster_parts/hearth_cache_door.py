"""The door of cached reads and invalidations to a node of Hearth, through the SDK and the command (see `door`).

  hearth_cache_door.py SOCKET DIRECTORY PROJECT
"""

from __future__ import annotations

import hashlib
import importlib
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from netcluster_parts.door import Answer, Request, serve  # noqa: E402
from netcluster_parts.hearth_door import enter  # noqa: E402
from netcluster_parts.hearth_nodes import PROGRAMS  # noqa: E402

READ_S = 3.0  # far beyond what an execution takes; then the call is given up, and whoever asked goes on elsewhere
INVALIDATE_S = 30.0
WORDS = ("--project", "--domain", "--task", "--version")


class Node:
    def __init__(self, project: str) -> None:
        self._keys, tasks, hearth = (importlib.import_module(name) for name in ("hearth._client.cache_key", "cache_tasks", "hearth"))
        self._tasks = tasks.TASKS
        hearth.init(project=project)

    def read(self, request: Request) -> Answer:
        _, _, task, _, number = scope = request["scope"]
        handle = self._tasks[task].spawn(int(number), "/".join(scope), request["ledger"])
        try:
            value = handle.result(READ_S)
        except TimeoutError:
            handle.cancel()
            return {"kind": "info", "reason": "timeout"}
        digest = hashlib.sha256(value.encode()).hexdigest()
        return {"kind": "ok", "execution": value.split(" ", 1)[0], "digest": digest, "hit": handle.cache_status == "HIT"}

    def invalidate(self, scope: list[str]) -> Answer:
        """Returns when the command has; a status other than 0 leaves it open whether anything was decided."""
        words = [word for pair in zip(WORDS, scope) for word in pair]
        if len(scope) > len(WORDS):
            _, _, task, _, number = scope
            key = self._keys.key_of(self._tasks[task], {"number": int(number), "scope": "", "ledger": ""})
            words = ["--key", key.id]
        command = [str(PROGRAMS / "hearth"), "cache", "invalidate", *(words or ["--all"])]
        done = subprocess.run(command, text=True, capture_output=True, timeout=INVALIDATE_S)
        return {"kind": "ok"} if done.returncode == 0 else {"kind": "info", "reason": done.stderr.strip()}


def answer(node: Node, request: Request) -> Answer:
    try:
        return node.read(request) if request["op"] == "read" else node.invalidate(request["scope"])
    except Exception as error:
        return {"kind": "info", "reason": str(getattr(error, "code", "") or f"{type(error).__name__}: {error}")}


def main() -> None:
    enter(sys.argv[1], Path(sys.argv[2]), "cache_tasks")
    node = Node(sys.argv[3])
    serve(lambda request: answer(node, request))


if __name__ == "__main__":
    main()
