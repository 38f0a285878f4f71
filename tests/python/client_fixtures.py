"""Fixtures for tests of the client: a fake node at the socket that this process uses."""

from __future__ import annotations

import client_tasks
import pytest
from fake_node import FakeNode

from hearth._client import shared


@pytest.fixture
def node(tmp_path, monkeypatch):
    """A fake node that serves `client_tasks`; connections end with the test."""
    path = str(tmp_path / "node.sock")
    monkeypatch.setenv("HEARTH_SOCKET", path)
    made = FakeNode(path, *client_tasks.env.tasks.values())
    yield made
    shared.disconnect()
    made.close()
