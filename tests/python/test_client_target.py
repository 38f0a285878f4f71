"""Which cluster a program works with, and which of its nodes."""

from __future__ import annotations

import json
import socket

import client_tasks
import pytest
from fake_node import FakeNode

from hearth import errors
from hearth._client import node, shared, target


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A folder of one's own for what the command remembers."""
    for name in ("HEARTH_SOCKET", "HEARTH_CLUSTER", "HEARTH_NO_START"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "hearth" / "clusters").mkdir(parents=True)
    yield tmp_path / "hearth"
    shared.disconnect()


def _text(name: str, *sockets: str) -> str:
    return json.dumps({"cluster": name, "directory": "/nowhere", "sockets": list(sockets)})


def _use(config, name: str, *sockets: str) -> None:
    (config / "clusters" / f"{name}.json").write_text(_text(name, *sockets))
    (config / "target").write_text(json.dumps({"cluster": name}))


def _target(name: str, *sockets: str) -> target.Target:
    return target.Target(name, [target.Place(path) for path in sockets])


def test_without_a_choice_a_program_has_its_own_node(config):
    assert target.chosen() is None


def test_the_named_socket_comes_before_the_named_cluster_and_that_before_the_one_in_use(config, monkeypatch):
    _use(config, "used", "/a.sock")
    (config / "clusters" / "named.json").write_text(_text("named", "/b.sock", "/c.sock"))
    assert target.chosen() == _target("used", "/a.sock")
    monkeypatch.setenv("HEARTH_CLUSTER", "named")
    assert target.chosen() == _target("named", "/b.sock", "/c.sock")
    monkeypatch.setenv("HEARTH_SOCKET", "/d.sock")
    assert target.chosen() is None


def test_a_cluster_that_is_not_known_is_said(config, monkeypatch):
    monkeypatch.setenv("HEARTH_CLUSTER", "lab")
    with pytest.raises(errors.NodeUnavailableError, match="HEARTH_CLUSTER names lab, and there is no such cluster here"):
        shared.connection()
    monkeypatch.setenv("HEARTH_CLUSTER", "../target")
    with pytest.raises(errors.NodeUnavailableError, match="no such cluster"):
        shared.connection()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cluster": 3}', '{"cluster": "gone"}', '{"cluster": "../target"}'])
def test_a_file_that_names_no_cluster_is_said_with_its_path(config, text):
    (config / "target").write_text(text)
    with pytest.raises(errors.NodeUnavailableError, match="target does not say which cluster is meant"):
        target.chosen()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cluster": "a", "sockets": []}', '{"cluster": "a", "sockets": 3}'])
def test_a_cluster_that_is_nowhere_is_said_with_the_path_of_its_file(config, text):
    _use(config, "lab")
    (config / "clusters" / "lab.json").write_text(text)
    with pytest.raises(errors.NodeUnavailableError, match="lab.json does not say where a cluster is"):
        target.chosen()


def test_every_node_of_a_cluster_may_be_the_first():
    cluster = _target("c", "/a", "/b", "/c")
    orders = {tuple(place.address for place in cluster.in_any_order()) for _ in range(200)}
    assert orders == {("/a", "/b", "/c"), ("/b", "/c", "/a"), ("/c", "/a", "/b")}


def test_the_first_node_that_answers_is_taken_and_kept(config, monkeypatch, tmp_path):
    monkeypatch.setattr(shared, "NODE_PATIENCE", 0.2)
    path = str(tmp_path / "alive.sock")
    made = FakeNode(path, *client_tasks.env.tasks.values())
    stuck = socket.socket(socket.AF_UNIX)  # a node that is frozen: its socket takes connections, nobody reads
    stuck.bind(str(tmp_path / "stuck.sock"))
    stuck.listen(8)
    _use(config, "lab", str(tmp_path / "gone.sock"), str(tmp_path / "stuck.sock"), path)
    try:
        for _ in range(6):
            shared.disconnect()
            found = shared.connection()
            assert (found.path, found.cluster) == (path, "lab")
            assert shared.connection() is found
    finally:
        shared.disconnect()
        made.close()
        stuck.close()


def test_no_node_of_a_cluster_is_started_and_the_error_says_how(config, tmp_path):
    _use(config, "lab", str(tmp_path / "gone.sock"))
    with pytest.raises(errors.NodeUnavailableError, match="hearth cluster up --name lab"):
        shared.connection()
    with pytest.raises(errors.NodeUnavailableError, match="node of cluster lab at .* does not answer"):
        node.connect_or_start(str(tmp_path / "gone.sock"))
