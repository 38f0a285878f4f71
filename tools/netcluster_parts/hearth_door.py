"""The door of the load to a node of Hearth, through the SDK (see `door`).

  hearth_door.py SOCKET DIRECTORY

The tasks are shipped from a project of their own, DIRECTORY/load. The SDK is the one on PYTHONPATH, else the built one.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from netcluster_parts.door import Answer, Request, serve  # noqa: E402

__all__ = ["enter"]

REFUSALS = ("no_quorum", "overloaded", "QueueFullError", "storage_failed")  # codes that say: it did not happen
ENDED_S = 5.0  # for the value of a run that has ended, which the node has or fetches from another one


class Node:
    """What the load needs of the SDK, in one place."""

    def __init__(self) -> None:
        self._hearth, self._tasks = (importlib.import_module(name) for name in ("hearth", "load_tasks"))

    def submit(self, request: Request) -> None:
        """Returns when the run is accepted, now or earlier under its name."""
        task = self._tasks.work if request["lost"] > 0 else self._tasks.work_once
        context = self._hearth.with_runcontext(name=request["run"])
        try:
            context.run(task, request["run"], request["input"], request["key"], request["ledger"])
        except self._hearth.errors.RuntimeUserError as error:
            if error.code != "name_taken":  # else it was accepted before, through another door or unknown to this one
                raise

    def read(self, run: str) -> Answer:
        """State, and the value or the reason of an ended run, as this node tells them."""
        try:
            found = self._hearth.Run.get(run)
        except self._hearth.errors.ActionNotFoundError:
            return {"kind": "ok", "state": "ABSENT"}
        details = found.details()
        value = found.result(ENDED_S) if details.phase == "SUCCEEDED" else None
        return {"kind": "ok", "state": details.phase, "value": value, "reason": details.error or None}


def answer(node: Node, request: Request) -> Answer:
    try:
        if request["op"] == "read":
            return node.read(request["run"])
        node.submit(request)
        return {"kind": "ok"}
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        code = getattr(error, "code", "")
        # A connection that ended after the request was sent leaves the outcome open; one that could not be made does not.
        if code in REFUSALS or (code == "NodeUnavailableError" and "No node answers" in said and "may go on" not in said):
            return {"kind": "fail", "reason": code}
        return {"kind": "info", "reason": said}


def enter(socket: str, directory: Path, tasks: str) -> None:
    """This process is a client of the node behind `socket`, in a project that holds the module `tasks` and nothing else.
    Several doors may make it at the same time."""
    os.environ["HEARTH_SOCKET"] = socket
    os.environ["HEARTH_NO_START"] = "1"
    place = directory / "load"
    place.mkdir(parents=True, exist_ok=True)
    (place / "pyproject.toml").touch()
    fresh = place / f".{os.getpid()}.new"
    shutil.copy(Path(__file__).with_name(f"{tasks}.py"), fresh)
    fresh.rename(place / f"{tasks}.py")
    os.chdir(place)
    sys.path.insert(0, str(place))
    sys.path.append(str(Path(__file__).resolve().parents[2] / "build" / "release" / "sdk"))


def main() -> None:
    enter(sys.argv[1], Path(sys.argv[2]), "load_tasks")
    node = Node()
    serve(lambda request: answer(node, request))


if __name__ == "__main__":
    main()
