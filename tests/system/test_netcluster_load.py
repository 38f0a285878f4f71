"""The load of tools/netcluster on a node of Hearth."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from conftest import BUILD, ROOT, Node
from history import check_executions, check_reads, check_replies, check_terminal_states, check_values

sys.path.insert(0, str(ROOT / "tools"))
from netcluster_parts.load import Load, Order  # noqa: E402

PARTS = ROOT / "tools" / "netcluster_parts"


def test_durable_runs_of_the_load_end_once_with_their_own_value(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(BUILD / "sdk"))
    for word in ("HEARTH_PYTHON", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(word, node.environment[word])
    order = Order(runs=60, seconds=2, drain_s=60, seed=1, key="k", ledger=tmp_path / "ledger", history=tmp_path / "history")
    load = Load(order, {1: [sys.executable, str(PARTS / "hearth_door.py"), node.environment["HEARTH_SOCKET"], str(tmp_path)]}, tmp_path / "doors.log")
    asyncio.run(load.run())
    said = (tmp_path / "doors.log").read_text()
    assert load.ended == order.runs, said + node.log()
    history = [json.loads(line) for line in order.history.read_text().splitlines()]
    ledger = [{**json.loads(line), "node": 1} for line in order.ledger.read_text().splitlines()]
    found = [*check_terminal_states(history), *check_values(history, "k", []), *check_executions(history, ledger, []),
             *check_reads(history), *check_replies(history)]  # fmt: skip
    assert found == [], said
    assert len(ledger) == order.runs
    assert os.readlink("/proc/self/ns/net") == ledger[0]["net"]
