"""A laptop and a cluster elsewhere: `hearth cluster login`, and all that a user does after it, with the token alone. The cluster
is three daemons on loopback; the laptop knows nothing of their sockets."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Iterator, Optional

import pytest

from conftest import BUILD, PATIENCE, alive, wait_until
from test_cluster_command import Machine, machine, three  # noqa: F401  (fixtures)

WORK = """
    import sys
    import time
    import hearth
    from hearth._client import shared

    env = hearth.TaskEnvironment("work", reusable=hearth.ReusePolicy(replicas=2))


    @env.task
    def size(data: bytes) -> int:
        return len(data)


    @env.task
    def slow(seconds: float) -> str:
        print("begins", flush=True)
        time.sleep(seconds)
        return "slept"


    @env.task
    def square(x: int) -> int:
        return x * x


    if __name__ == "__main__":
        what = sys.argv[1]
        if what == "map":
            print(sum(hearth.map(square, range(200))))
        elif what == "size":
            print(size.remote(b"x" * 8_000_000))
        elif what == "run":
            run = hearth.run(slow, seconds=4.0)
            print(shared.connection().path, flush=True)
            run.wait()
            print(run.result())
        elif what == "deploy":
            print(hearth.deploy(env))
        elif what == "call":
            print(square.remote(6))
"""


class Laptop(Machine):
    """A user's folders on another machine, where no node is."""

    def __init__(self) -> None:
        super().__init__()
        (self.home / "work.py").write_text(textwrap.dedent(WORK))

    def log_in(self, cluster: Machine, scopes: str, *options: str, node: str = "node-1") -> str:
        """Logs in with a new token for these scopes, which is the result."""
        token = cluster.hearth("cluster", "token", "create", "--scope", scopes, *options).stdout.strip()
        self.use(token, cluster.nodes()[node]["address"])
        return token

    def use(self, token: str, address: str, *options: str, status: Optional[int] = 0) -> "subprocess.CompletedProcess[str]":
        path = self.home / "token"
        path.write_text(token)
        path.chmod(0o600)
        return self.hearth("cluster", "login", address, "--token-file", str(path), *options, status=status)

    @property
    def login(self) -> Path:
        return self.home / "config" / "hearth" / "clusters" / "local.json"

    def program(self, what: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
        return self.run(sys.executable, "work.py", what, status=status)


@pytest.fixture
def laptop() -> Iterator[Laptop]:
    made = Laptop()
    yield made
    shutil.rmtree(made.home, ignore_errors=True)


def test_a_user_works_with_a_cluster_elsewhere_as_with_one_here(three: Machine, laptop: Laptop) -> None:  # noqa: F811
    token = three.hearth("cluster", "token", "create", "--scope", "invoke,deploy,read", "--name", "laptop").stdout.strip()
    said = laptop.use(token, three.nodes()["node-2"]["address"]).stdout
    assert "You are in cluster local as laptop (invoke, deploy, read)" in said
    assert laptop.login.stat().st_mode & 0o777 == 0o600
    assert token not in laptop.login.read_text()
    assert "* local  3 nodes, elsewhere" in laptop.hearth("cluster", "use").stdout
    done = laptop.hearth("run", "squares.py", "square", "--x", "5")
    assert done.stdout.strip() == "25" and "on cluster local, through node node-" in done.stderr
    assert laptop.run(sys.executable, "squares.py").stdout.strip() == "49"
    assert laptop.program("map").stdout.strip() == str(sum(x * x for x in range(200)))
    assert laptop.program("size").stdout.strip() == "8000000"
    assert len(json.loads(laptop.hearth("get", "nodes", "-o", "json").stdout)) == 3
    name = laptop.hearth("run", "--detach", "work.py", "slow", "--seconds", "1").stdout.split()[-1]
    assert "begins" in laptop.hearth("logs", "-f", name).stdout
    assert laptop.hearth("wait", name).returncode == 0
    assert {row["name"] for row in laptop.nodes().values()} == {"node-1", "node-2", "node-3"}
    assert laptop.hearth("check", status=None).returncode == 0
    laptop.hearth("cluster", "logout", "local")
    assert not laptop.login.exists()
    assert "No node is running" in laptop.hearth("get", "runs", status=3).stderr


def test_another_member_serves_when_one_is_dead(three: Machine, laptop: Laptop) -> None:  # noqa: F811
    laptop.log_in(three, "invoke,deploy,read")
    waiting = subprocess.Popen([sys.executable, "work.py", "run"], cwd=laptop.home, env=laptop.variables, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    assert waiting.stdout is not None
    address = waiting.stdout.readline().strip()
    used = next(name for name, row in three.nodes().items() if row["address"] == address)
    pid = three.pid(used)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), f"{used} to be dead")
    out, err = waiting.communicate(timeout=PATIENCE)
    assert waiting.returncode == 0 and out.strip() == "slept", err
    for _ in range(6):
        assert laptop.hearth("get", "runs").returncode == 0
    assert laptop.program("call").stdout.strip() == "36"


def test_each_scope_allows_its_part_and_no_more(three: Machine, laptop: Laptop) -> None:  # noqa: F811
    laptop.log_in(three, "read", "--name", "reader")
    assert laptop.hearth("get", "nodes").returncode == 0
    assert "Token reader has no scope" in laptop.program("call", status=1).stderr
    assert "has no scope `admin`" in laptop.refused("node", "drain", "node-1")
    assert "has no scope `admin`" in laptop.refused("cluster", "token", "create", "--scope", "admin")
    assert "has no scope `admin`" in laptop.refused("cluster", "token", "list")
    laptop.log_in(three, "invoke", "--name", "caller")
    refused = laptop.program("call", status=1).stderr
    assert "Token caller has no scope `deploy`, which version " in refused
    assert "has no scope `read`" in laptop.refused("get", "runs")
    laptop.log_in(three, "invoke,deploy", "--name", "maker")
    laptop.program("deploy")
    laptop.log_in(three, "invoke", "--name", "caller-2")
    assert laptop.program("call").stdout.strip() == "36"  # what was deployed
    (laptop.home / "work.py").write_text((laptop.home / "work.py").read_text() + "# changed\n")
    assert "has no scope `deploy`" in laptop.program("call", status=1).stderr
    laptop.log_in(three, "admin", "--name", "boss")
    laptop.hearth("node", "drain", "node-3")
    assert three.nodes()["node-3"]["draining"]
    assert "it is made there" in laptop.refused("cluster", "backup", "/tmp/backup")


def test_a_revoked_token_is_worth_nothing_at_once_on_every_node(three: Machine, laptop: Laptop) -> None:  # noqa: F811
    for node in ("node-1", "node-2", "node-3"):
        laptop.log_in(three, "invoke,deploy,read", "--name", node, node=node)
        entry = json.loads(laptop.login.read_text())
        entry["login"]["members"] = [m for m in entry["login"]["members"] if m["name"] == node]
        laptop.login.write_text(json.dumps(entry))
        name = laptop.hearth("run", "--detach", "work.py", "slow", "--seconds", "60").stdout.split()[-1]
        following = subprocess.Popen([str(BUILD / "bin" / "hearth"), "logs", "-f", name], cwd=laptop.home,
                                     env=laptop.variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        assert following.stdout is not None and following.stdout.readline() == "begins\n"
        assert f"Token {node} is revoked" in three.hearth("cluster", "token", "revoke", node).stdout
        _, err = following.communicate(timeout=PATIENCE)
        assert following.returncode == 1 and "Your token was revoked" in err
        wait_until(lambda: "does not know this token" in laptop.hearth("get", "runs", status=None).stderr, "the refusal")
        assert "does not know this token" in laptop.refused("get", "runs")
        assert "does not know this token" in laptop.program("call", status=1).stderr
        three.hearth("abort", name)
    assert three.hearth("cluster", "token", "list").stdout.split() == ["NAME", "SCOPES", "ENDS"]
    assert "There is no token `laptop`" in three.refused("cluster", "token", "revoke", "laptop")


def test_wrong_mistyped_foreign_and_expired_tokens_are_refused_with_one_sentence(three: Machine, laptop: Laptop) -> None:  # noqa: F811
    address = three.nodes()["node-1"]["address"]
    good = three.hearth("cluster", "token", "create", "--scope", "read").stdout.strip()

    def refusal(token: str) -> str:
        said = laptop.use(token, address, status=None).stderr
        assert said.startswith("hearth: ") and said.count("\n") == 1
        assert not laptop.login.exists()
        return said

    assert "no token for clients, or not all of it" in refusal(good[:-1])
    assert "no token for clients" in refusal(good.replace("1-", "2-", 1))
    assert "with which a machine joins" in refusal(three.hearth("cluster", "token").stdout.strip())
    assert "does not know this token" in refusal(_changed(good, 40))
    assert "belongs to another cluster than the token" in refusal(_changed(good, 3))
    brief = three.hearth("cluster", "token", "create", "--scope", "read", "--expires", "1ms", "--name", "brief").stdout.strip()
    assert "Token brief has expired" in refusal(brief)
    assert "a token called brief already" in three.refused("cluster", "token", "create", "--scope", "read", "--name", "brief")
    assert laptop.use(good, address).returncode == 0


def test_a_login_that_others_may_read_is_used_by_nobody(three: Machine, laptop: Laptop) -> None:  # noqa: F811
    laptop.log_in(three, "invoke,deploy,read")
    laptop.login.chmod(0o640)
    assert "other users may read it" in laptop.refused("get", "runs")
    assert "other users may read it" in laptop.program("call", status=1).stderr


def _changed(token: str, at: int) -> str:
    """The token with one byte of its content changed, which is then no typing error."""
    prefix, text = token[:15], token[15:]
    content = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))[:64])
    content[at] ^= 1
    check = 2166136261
    for byte in content:
        check = ((check ^ byte) * 16777619) & 0xFFFFFFFF
    return prefix + base64.urlsafe_b64encode(bytes(content) + check.to_bytes(4, "big")).decode().rstrip("=")
