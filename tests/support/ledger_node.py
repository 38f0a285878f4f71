"""A small distributed program to try tools/netcluster on: it keeps durable runs as Hearth does, by the simplest means.

Each run belongs to one node, by the digest of its id. That node forces what it accepts to its disk, executes it, and
remembers the end; other nodes pass requests on. Whoever does not reach a majority refuses with NO_QUORUM.

  ledger_node.py serve --node 1 --addresses A,B,C --socket PATH --state DIR [--wrong twice|forget|value]
  ledger_node.py door --socket PATH       the door of one node (netcluster_parts/door.py)
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import hashlib
import hmac
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

PORT = 7000
PEER_S = 1.5  # a peer that takes longer is not there
WORK_S = 0.05
Message = dict[str, Any]


class Store:
    """Lines forced to disk; what a full disk cut off is taken away again."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        text = path.read_bytes()
        self._end = text.rfind(b"\n") + 1
        os.ftruncate(self._descriptor, self._end)
        self.lines: list[Message] = [json.loads(line) for line in text[: self._end].splitlines()]

    def add(self, line: Message) -> bool:
        """False when the disk is full."""
        data = (json.dumps(line) + "\n").encode()
        try:
            if os.write(self._descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, "short")
            os.fsync(self._descriptor)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            os.ftruncate(self._descriptor, self._end)
            return False
        self._end += len(data)
        return True


class LedgerNode:
    def __init__(self, said: argparse.Namespace) -> None:
        self.addresses: list[str] = said.addresses.split(",")
        self.node: int = said.node
        self.wrong: str = said.wrong
        self.store = Store(Path(said.state) / "runs.jsonl")
        self.runs: dict[str, Message] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        started = set()
        for line in self.store.lines:
            if line["what"] == "accept":
                self.runs[line["run"]] = {**line, "state": "QUEUED"}
            elif line["what"] == "start":
                started.add(line["run"])
            elif line["run"] in self.runs:  # else a wrong node has forgotten what it accepted
                self.runs[line["run"]].update(state=line["state"], value=line.get("value"), reason=line.get("reason"))
        for name, run in self.runs.items():
            if run["state"] == "QUEUED":
                lost = name in started and run["lost"] == 0
                self.spawn(self.finish(run, state="FAILED", reason="OUTCOME_UNKNOWN") if lost else self.execute(run))

    def spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def execute(self, run: Message) -> None:
        if run["lost"] == 0:
            while not self.store.add({"what": "start", "run": run["run"]}):
                await asyncio.sleep(0.1)
        for _ in range(2 if self.wrong == "twice" else 1):
            line = {"t": time.monotonic_ns(), "run": run["run"], "net": os.readlink("/proc/self/ns/net"), "pid": os.getpid()}
            with open(run["ledger"], "ab", buffering=0) as ledger:
                ledger.write((json.dumps(line) + "\n").encode())
        await asyncio.sleep(WORK_S)
        given = run["run"] if self.wrong == "value" else run["input"]
        value = hmac.new(run["key"].encode(), f"{run['run']}|{given}".encode(), hashlib.sha256).hexdigest()
        await self.finish(run, state="SUCCEEDED", value=value)

    async def finish(self, run: Message, **end: Any) -> None:
        while not self.store.add({"what": "end", "run": run["run"], **end}):
            await asyncio.sleep(0.1)
        run.update(end)

    # -- requests ----

    def owner(self, run: str) -> str:
        return self.addresses[int.from_bytes(hashlib.sha256(run.encode()).digest()[:4], "big") % len(self.addresses)]

    async def ask(self, address: str, request: Message) -> Message:
        """Of a peer. `fail` when it was not sent, `info` when it may have arrived."""
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(address, PORT), PEER_S)
        except (OSError, asyncio.TimeoutError):
            return {"kind": "fail", "reason": "NO_QUORUM"}
        try:
            writer.write((json.dumps(request) + "\n").encode())
            line = await asyncio.wait_for(reader.readline(), PEER_S)
            return dict(json.loads(line)) if line else {"kind": "info", "reason": "connection lost"}
        except (OSError, asyncio.TimeoutError):
            return {"kind": "info", "reason": "connection lost"}
        finally:
            writer.close()

    async def has_majority(self) -> bool:
        mine = self.addresses[self.node - 1]
        peers = [self.ask(each, {"op": "ping"}) for each in self.addresses if each != mine]
        heard = 1 + sum(answer["kind"] == "ok" for answer in await asyncio.gather(*peers))
        return bool(heard * 2 > len(self.addresses))

    async def from_client(self, request: Message) -> Message:
        if not await self.has_majority():
            return {"kind": "fail", "reason": "NO_QUORUM"}
        owner = self.owner(request["run"])
        if owner == self.addresses[self.node - 1]:
            return self.local(request)
        answer = await self.ask(owner, request)
        is_read = request["op"] == "read"
        return {"kind": "fail", "reason": "NO_QUORUM"} if is_read and answer["kind"] == "info" else answer

    async def from_peer(self, request: Message) -> Message:
        return self.local(request)

    def local(self, request: Message) -> Message:
        if request["op"] == "ping":
            return {"kind": "ok"}
        run = self.runs.get(request["run"])
        if request["op"] == "read":
            return {"kind": "ok", "state": "ABSENT"} if run is None else {"kind": "ok", "state": run["state"], "value": run.get("value"), "reason": run.get("reason")}
        if run is None:
            run = {**request, "what": "accept", "state": "QUEUED"}
            if self.wrong != "forget" and not self.store.add(run):
                return {"kind": "fail", "reason": "STORE_FULL"}
            self.runs[run["run"]] = run
            self.spawn(self.execute(run))
        return {"kind": "ok"}

    def server(self, handle: Any) -> Any:
        async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                async for line in reader:
                    writer.write((json.dumps(await handle(json.loads(line))) + "\n").encode())
            except ConnectionError:
                pass  # whoever asked has gone
            finally:
                writer.close()

        return connection

    async def serve(self, path: str) -> None:
        self.resume()
        Path(path).unlink(missing_ok=True)
        peers = await asyncio.start_server(self.server(self.from_peer), self.addresses[self.node - 1], PORT)
        clients = await asyncio.start_unix_server(self.server(self.from_client), path)
        await asyncio.gather(peers.serve_forever(), clients.serve_forever())


def through(path: str, request: Message) -> Message:
    """One request at a node's socket, as a door does it."""
    with socket.socket(socket.AF_UNIX) as to:
        to.settimeout(6)
        try:
            to.connect(path)
        except OSError as error:
            return {"kind": "fail", "reason": f"UNREACHABLE ({error.strerror or error})"}
        to.sendall((json.dumps(request) + "\n").encode())
        with to.makefile() as answers:
            line = answers.readline()
        return dict(json.loads(line)) if line else {"kind": "info", "reason": "connection lost"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("serve", "door"))
    for word in ("--addresses", "--socket", "--state"):
        parser.add_argument(word)
    parser.add_argument("--node", type=int)
    parser.add_argument("--wrong", choices=("", "twice", "forget", "value"), default="")
    said = parser.parse_args()
    if said.role == "serve":
        asyncio.run(LedgerNode(said).serve(said.socket))
        return
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
    from netcluster_parts.door import serve

    serve(lambda request: through(said.socket, request))


if __name__ == "__main__":
    main()
