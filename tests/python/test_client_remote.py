"""Programs on a cluster elsewhere: TLS, the token, and another member when one is gone."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import socket
import threading

import client_tasks
import pytest
from client_tasks import env
from fake_node import FakeNode
from tls_door import NODE, Authority, TlsDoor

import hearth
from hearth import errors
from hearth._client import shared, target

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made by the command openssl")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "lab")


class Cluster:
    """Members, each a door in front of one fake node, and the login file that names them."""

    def __init__(self, home, authority, members: int) -> None:
        self.home = home
        self.authority = authority
        self.path = str(home / "node.sock")
        self.node = FakeNode(self.path, *env.tasks.values())
        self.doors = [TlsDoor(self.path, authority) for _ in range(members)]
        self.file = home / "hearth" / "clusters" / "lab.json"
        self.file.parent.mkdir(parents=True)
        self.log_in()
        (home / "hearth" / "target").write_text('{"cluster": "lab"}')

    def log_in(self, secret: bytes = b"secret", node: str = NODE, authority=None) -> None:
        entry = {
            "authority": (authority or self.authority).pem,
            "token": base64.urlsafe_b64encode(secret).decode().rstrip("="),
            "members": [{"name": f"n{i}", "id": node, "address": door.address} for i, door in enumerate(self.doors)],
        }
        self.file.write_text(json.dumps({"cluster": "lab", "directory": "", "sockets": [], "login": entry}))
        self.file.chmod(0o600)

    def close(self) -> None:
        shared.disconnect()
        for door in self.doors:
            door.close()
        self.node.close()


@pytest.fixture
def cluster(tmp_path, monkeypatch, authority):
    for name in ("HEARTH_SOCKET", "HEARTH_CLUSTER", "HEARTH_NO_START"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    shared.disconnect()
    made = Cluster(tmp_path, authority, 2)
    yield made
    made.close()


# -- calls -------------------------------------------------------------------------------------------------------------


def test_calls_maps_and_event_loops_work_as_on_this_machine(cluster):
    assert client_tasks.square.remote(7) == 49
    assert list(hearth.map(client_tasks.square, range(300))) == [x * x for x in range(300)]

    async def many():
        return await asyncio.gather(*(client_tasks.square.remote.aio(x) for x in range(300)))

    assert asyncio.run(many()) == [x * x for x in range(300)]
    assert {shared.connection().path} <= {door.address for door in cluster.doors}


def test_values_of_any_size_pass_both_ways(cluster):
    for size in (0, 1, 16 * 1024, 300_000, 20_000_000):
        assert client_tasks.echo.remote(b"x" * size) == b"x" * size


def test_threads_share_the_connection(cluster):
    results = {}

    def work(n: int) -> None:
        results[n] = [client_tasks.square.remote(x) for x in range(n, n + 50)]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert results == {n: [x * x for x in range(n, n + 50)] for n in range(4)}
    assert sum(len(door.open) for door in cluster.doors) == 1


def test_large_values_pass_while_small_calls_go_on(cluster):
    big = threading.Thread(target=lambda: client_tasks.echo.remote(b"b" * 30_000_000))
    big.start()
    while big.is_alive():
        assert client_tasks.square.remote(3) == 9
    big.join()


def test_another_member_is_used_when_one_is_gone(cluster):
    assert client_tasks.square.remote(2) == 4
    used = next(door for door in cluster.doors if door.open)
    used.close()
    with pytest.raises(errors.NodeUnavailableError):
        shared.connection().ask("unheard of")  # finds the end
    assert client_tasks.square.remote(3) == 9
    assert shared.connection().path == next(door.address for door in cluster.doors if door is not used)


def test_a_run_is_found_again_at_another_member(cluster):
    begun = threading.Event()
    cluster.node.behaviour["client.square"] = lambda call: begun.set()
    run = hearth.run(client_tasks.square, x=5)
    assert begun.wait(30)
    used = next(door for door in cluster.doors if door.open)
    cluster.node.behaviour.clear()
    used.close()
    run.wait()
    assert run.result() == 25


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_a_wrong_token_is_refused_once_and_by_its_code(cluster):
    cluster.log_in(secret=b"wrong!")
    with pytest.raises(errors.RuntimeSystemError, match="does not know this token") as caught:
        client_tasks.square.remote(2)
    assert caught.value.code == "unauthenticated"


def test_a_member_that_cannot_judge_is_passed_over(cluster):
    cluster.doors[0].refusal = {"code": 50, "name": "no_quorum", "message": "Too few voters are reached."}
    for _ in range(6):
        shared.disconnect()
        assert client_tasks.square.remote(2) == 4
    cluster.doors[1].refusal = cluster.doors[0].refusal
    shared.disconnect()
    with pytest.raises(errors.NodeUnavailableError, match="No node of cluster lab lets this program in: Too few voters"):
        client_tasks.square.remote(2)


def test_nothing_is_sent_to_a_node_of_another_cluster_or_with_another_id(cluster, tmp_path):
    cluster.log_in(authority=Authority(tmp_path / "other"))
    with pytest.raises(errors.NodeUnavailableError, match="not the node that it should be"):
        client_tasks.square.remote(2)
    cluster.log_in(node="0192a000-0000-4000-8000-000000000002")
    with pytest.raises(errors.NodeUnavailableError, match="not the node that it should be"):
        client_tasks.square.remote(2)
    assert not any(door.seen for door in cluster.doors)


def test_why_a_client_is_put_out_is_said(cluster):
    cluster.node.behaviour["client.square"] = lambda call: [door.drop() for door in cluster.doors]
    for door in cluster.doors:
        door.last_words = {"error": {"code": 60, "name": "unauthenticated", "message": "Your token was revoked; ask again."}}
    with pytest.raises(errors.NodeUnavailableError, match="Your token was revoked; ask again\\."):
        client_tasks.square.remote(2)


def test_a_login_that_others_may_read_is_refused(cluster):
    os.chmod(cluster.file, 0o644)
    with pytest.raises(errors.NodeUnavailableError, match="holds a token, and other users may read it"):
        client_tasks.square.remote(2)


@pytest.mark.parametrize("entry", ["x", {}, {"authority": "", "token": "!", "members": []}, {"members": 3}])
def test_a_login_that_makes_no_sense_is_named(cluster, entry):
    cluster.file.write_text(json.dumps({"cluster": "lab", "sockets": [], "login": entry}))
    with pytest.raises(errors.NodeUnavailableError, match="lab.json does not say where a cluster is"):
        target.chosen()


def test_what_listens_and_speaks_no_tls_is_not_used(cluster, monkeypatch):
    monkeypatch.setattr(shared, "NODE_PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        entry = json.loads(cluster.file.read_text())
        entry["login"]["members"] = [{"name": "s", "id": NODE, "address": "127.0.0.1:%d" % silent.getsockname()[1]}]
        cluster.file.write_text(json.dumps(entry))
        with pytest.raises(errors.NodeUnavailableError, match="is not used: .*timed out"):
            client_tasks.square.remote(2)
