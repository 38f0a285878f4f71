"""A door of cached reads to a cache that is a directory of files, to try `tools/netcluster check --cache` on.

  cache_door.py DIRECTORY NODE [--wrong stale|early|value|mix] PROJECT

Wrong in ways that the check has to find: `stale`, node 2 does not hear of invalidations of more than a key; `early`, what began before an
invalidation is kept after it; `value`, a value is sometimes not the one that was made; `mix`, keys are taken for one another.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Iterator

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from netcluster_parts import journal  # noqa: E402
from netcluster_parts.door import Answer, Request, serve  # noqa: E402

WORK_S = 0.02


class Cache:
    """Entries and generations in one file, which whoever has the lock reads and writes."""

    def __init__(self, directory: Path, node: int, wrong: str) -> None:
        self._file, self._node, self._wrong = directory / "kept.json", node, wrong

    @contextlib.contextmanager
    def _turn(self) -> Iterator[dict[str, Any]]:
        with self._file.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            all_of_it = json.loads(file.read() or '{"newest": 0, "generations": {}, "entries": {}}')
            yield all_of_it
            file.seek(0)
            file.truncate()
            json.dump(all_of_it, file)

    def _bound(self, generations: dict[str, int], scope: list[str]) -> int:
        words = [len(scope)] if self._wrong == "stale" and self._node == 2 else range(len(scope) + 1)
        return max(generations.get("/".join(scope[:count]), 0) for count in words)

    def invalidate(self, scope: list[str]) -> Answer:
        with self._turn() as kept:
            kept["newest"] += 1
            kept["generations"]["/".join(scope)] = kept["newest"]
        return {"kind": "ok"}

    def read(self, scope: list[str], ledger: Path) -> Answer:
        name = "/".join(scope[:-1] if self._wrong == "mix" else scope)
        with self._turn() as kept:
            began = kept["newest"]
            found = kept["entries"].get(name)
            is_hit = found is not None and found["generation"] >= self._bound(kept["generations"], scope)
        if not is_hit:
            execution = f"{os.getpid()}-{time.monotonic_ns()}"
            digest = hashlib.sha256(execution.encode()).hexdigest()
            journal.append(ledger, {"execution": execution, "scope": scope, "digest": digest, "net": ""})
            time.sleep(WORK_S)
            found = {"execution": execution, "digest": digest, "generation": began}
            with self._turn() as kept:
                if self._wrong == "early":
                    found["generation"] = kept["newest"]
                kept["entries"][name] = found
        changed = self._wrong == "value" and time.monotonic_ns() % 50 == 0
        return {"kind": "ok", "execution": found["execution"], "digest": "0" if changed else found["digest"], "hit": is_hit}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("node", type=int)
    parser.add_argument("--wrong", choices=("", "stale", "early", "value", "mix"), default="")
    parser.add_argument("project")
    said = parser.parse_args()
    cache = Cache(said.directory, said.node, said.wrong)

    def answer(request: Request) -> Answer:
        if request["op"] == "read":
            return cache.read(request["scope"], Path(request["ledger"]))
        return cache.invalidate(request["scope"])

    serve(answer)


if __name__ == "__main__":
    main()
