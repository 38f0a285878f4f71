"""Apps over a network: a port with TLS where an operator asks for one, tokens of the cluster, and apps that want none."""

from __future__ import annotations

import http.client
import re
import shutil
import socket
import ssl
import subprocess
import textwrap
from pathlib import Path
from typing import Callable, Dict, Iterator

import pytest

from conftest import Node
from machine import Machine
from waiting import PATIENCE, wait_until
from web import Answer
from web_socket import WebSocket

APP = '''
import hearth, hearth.app

async def web(scope, receive, send):
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await receive()
        message = await receive()
        await send({"type": "websocket.send", "text": message["text"] + " by " + scope["scheme"]})
        return await send({"type": "websocket.close"})
    if scope["type"] != "http":
        raise NotImplementedError  # no lifespan
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": (scope["scheme"] + " " + scope["client"][0]).encode()})

scaling = hearth.app.Scaling(replicas=(0, 2), scaledown_after=60)
private = hearth.app.AppEnvironment("private", app=web, scaling=scaling)
public = hearth.app.AppEnvironment("public", app=web, scaling=scaling, requires_auth=False)

if __name__ == "__main__":
    hearth.serve(private)
    hearth.serve(public)
'''


def certificate(directory: Path) -> Dict[str, str]:
    """Settings of a node with a certificate for this address, which signs itself."""
    made, key = directory / "http.pem", directory / "http.key"
    words = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj /CN=node -keyout {key} -out {made}"
    subprocess.run(["openssl", *words.split(), "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return {"HEARTH_HTTP_LISTEN": "127.0.0.1:0", "HEARTH_HTTP_CERTIFICATE": str(made), "HEARTH_HTTP_KEY": str(key)}


class Port:
    """The port of a node that says in its log where it is."""

    def __init__(self, log: Path, directory: Path) -> None:
        said = re.compile(r"apps are served at https://127\.0\.0\.1:(\d+)")
        wait_until(lambda: log.exists() and said.search(log.read_text()) is not None, "a port for apps")
        found = said.search(log.read_text())
        assert found
        self.number = int(found.group(1))
        self.trust = ssl.create_default_context(cafile=str(directory / "http.pem"))

    def ask(self, app: str, token: str = "", path: str = "", **headers: str) -> Answer:
        client = http.client.HTTPSConnection("127.0.0.1", self.number, timeout=PATIENCE, context=self.trust)
        fields = {"Authorization": f"Bearer {token}"} if token else {}
        client.request("GET", path or f"/apps/default/development/{app}/", headers={**fields, **headers})
        response = client.getresponse()
        answer = Answer(response.status, response.read(), {name.lower(): text for name, text in response.getheaders()})
        client.close()
        return answer

    def connect(self) -> ssl.SSLSocket:
        return self.trust.wrap_socket(socket.create_connection(("127.0.0.1", self.number), PATIENCE), server_hostname="127.0.0.1")


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    machine.variables.update(certificate(machine.home))
    (machine.home / "shop.py").write_text(textwrap.dedent(APP))
    machine.hearth("cluster", "up", "--nodes", "3")
    machine.run("/usr/bin/python3", "shop.py")
    yield machine
    machine.hearth("cluster", "down", status=None)
    shutil.rmtree(machine.home, ignore_errors=True)


def token(machine: Machine, name: str, scopes: str, *options: str) -> str:
    return machine.hearth("cluster", "token", "create", "--name", name, "--scope", scopes, *options).stdout.strip()


def test_over_tls_any_node_serves_who_has_a_token_and_apps_that_want_none(machine: Machine) -> None:
    ports = [Port(machine.cluster / node / "hearthd.log", machine.home) for node in ("node-1", "node-2", "node-3")]
    caller, reader = token(machine, "caller", "invoke"), token(machine, "reader", "read")
    for port in ports:
        wait_until(lambda port=port: port.ask("private", caller).status == 200, "the token at each node")
        assert port.ask("private", caller).body == b"https 127.0.0.1"
        assert port.ask("public").status == 200
        refused = port.ask("private")
        assert refused.status == 401 and refused.headers["www-authenticate"] == "Bearer" and b"token create" in refused.body
        wait_until(lambda port=port: port.ask("private", reader).status == 403, "the token without the scope at each node")
        for wrong in ("hello", caller[:-4], caller[:-1] + ("a" if caller[-1] != "a" else "b")):
            assert port.ask("private", wrong).status == 401
    opened = WebSocket(ports[0].connect(), "private", Authorization=f"Bearer {caller}")
    opened.send(b"hello")
    assert opened.message() == b"hello by wss"
    assert opened.closed()[0] == 1000


def test_a_token_that_was_revoked_or_has_expired_is_worth_nothing(machine: Machine) -> None:
    port = Port(machine.cluster / "node-1" / "hearthd.log", machine.home)
    caller, brief = token(machine, "caller", "invoke"), token(machine, "brief", "invoke", "--expires", "3s")
    wait_until(lambda: port.ask("private", caller).status == 200, "the token at the node")
    machine.hearth("cluster", "token", "revoke", "caller")
    wait_until(lambda: port.ask("private", caller).status == 401, "the node to hear that it was revoked")
    wait_until(lambda: b"expired" in port.ask("private", brief).body, "the end of its time")


def test_what_a_node_tells_of_itself_needs_a_token_and_is_not_for_pages_of_other_sites(machine: Machine) -> None:
    port = Port(machine.cluster / "node-1" / "hearthd.log", machine.home)
    reader = token(machine, "reader", "read")
    wait_until(lambda: port.ask("", reader, "/metrics").status == 200, "the token at the node")
    assert port.ask("", "", "/metrics").status == 401
    assert port.ask("", reader, "/api/v1/apps", Origin="https://elsewhere.example").status == 403
    assert port.ask("", reader, "/api/v1/apps", Origin=f"https://127.0.0.1:{port.number}").status == 200


def test_a_node_alone_serves_over_tls_what_wants_no_token(make_node: Callable[..., Node]) -> None:
    node = make_node()
    node.environment.update(certificate(node.home))
    node.write("shop.py", APP)
    node.start()
    node.python("shop.py")
    port = Port(node.home / "state" / "hearth" / "hearthd.log", node.home)
    assert port.ask("public").status == 200
    assert port.ask("private").status == 401
    with socket.create_connection(("127.0.0.1", port.number), PATIENCE) as plain:
        plain.sendall(b"GET /apps/default/development/public/ HTTP/1.1\r\nHost: a\r\n\r\n")
        assert not plain.recv(65536).startswith(b"HTTP/")
    assert port.ask("public").status == 200


@pytest.mark.parametrize(
    "missing, wrong, sentence",
    [
        ("HEARTH_HTTP_KEY", "", "http_listen needs http_certificate and http_key"),
        ("HEARTH_HTTP_CERTIFICATE", "/etc/hostname", "holds no certificate"),
        ("HEARTH_HTTP_KEY", "/etc/hostname", "does not hold, in PEM, the key"),
        ("HEARTH_HTTP_LISTEN", "8443", "must be an address and a port"),
    ],
)
def test_a_node_whose_port_cannot_be_served_says_why_and_does_not_start(
    make_node: Callable[..., Node], missing: str, wrong: str, sentence: str
) -> None:
    node = make_node()
    node.environment.update({**certificate(node.home), missing: wrong})
    done = node.command("node", "start", status=None)
    assert done.returncode != 0
    assert sentence in done.stderr
