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

REFUSALS = ("NO_QUORUM", "STORE_FULL", "OVERLOADED", "NodeUnavailable")  # codes of errors that say: it did not happen


class Node:
    """What the load needs of the SDK, in one place. Runs are found by name; those that this process has started also tell
    their value."""

    def __init__(self) -> None:
        hearth, load_tasks = (importlib.import_module(name) for name in ("hearth", "load_tasks"))

        self._hearth = hearth
        self._tasks = load_tasks
        self._started: dict[str, Any] = {}

    def submit(self, request: Request) -> None:
        """Returns when the run is accepted, now or earlier under its id."""
        task = self._tasks.work if request["lost"] > 0 else self._tasks.work_once
        context = self._hearth.with_runcontext(name=request["run"])
        try:
            self._started[request["run"]] = context.run(task, request["run"], request["input"], request["key"], request["ledger"])
        except self._hearth.errors.RuntimeUserError:
            if self.row(request["run"]) is None:  # not a name that is taken by the same run
                raise

    def row(self, run: str) -> dict[str, Any] | None:
        """What the node lists about a run."""
        shared = importlib.import_module("hearth._client.shared")
        for row in shared.connection().rows("runs", run):
            if row.get("name") == run:
                return dict(row)
        return None

    def read(self, run: str) -> Answer:
        """State, and the value where this process can know it."""
        row = self.row(run)
        if row is None:
            return {"kind": "ok", "state": "ABSENT"}
        started = self._started.get(run)
        value = None
        if row["phase"] == "SUCCEEDED" and started is not None and started.done() and started.phase == "SUCCEEDED":
            value = started.result(0)
        return {"kind": "ok", "state": row["phase"], "value": value, "reason": row.get("error") or None}


def answer(node: Node, request: Request) -> Answer:
    try:
        if request["op"] == "read":
            return node.read(request["run"])
        node.submit(request)
        return {"kind": "ok"}
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        refused = next((word for word in REFUSALS if word in said or word == getattr(error, "code", "")), None)
        # A connection that ended after the request was sent leaves the outcome open; one that could not be made does not.
        if refused is not None and (refused != "NodeUnavailable" or "No node answers" in said):
            return {"kind": "fail", "reason": refused}
        return {"kind": "info", "reason": said}


def project(directory: Path) -> Path:
    """A project that holds the tasks and nothing else. Several doors may make it at the same time."""
    place = directory / "load"
    place.mkdir(parents=True, exist_ok=True)
    (place / "pyproject.toml").touch()
    fresh = place / f".{os.getpid()}.new"
    shutil.copy(Path(__file__).with_name("load_tasks.py"), fresh)
    fresh.rename(place / "load_tasks.py")
    return place


def main() -> None:
    os.environ["HEARTH_SOCKET"] = sys.argv[1]
    os.environ["HEARTH_NO_START"] = "1"
    place = project(Path(sys.argv[2]))
    os.chdir(place)
    sys.path.insert(0, str(place))
    sys.path.append(str(Path(__file__).resolve().parents[2] / "build" / "release" / "sdk"))
    node = Node()
    serve(lambda request: answer(node, request))


if __name__ == "__main__":
    main()
