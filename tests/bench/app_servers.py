"""Who serves the applications of `app_handlers`: uvicorn, nginx in front of it, and the node, on loopback."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Sequence

import hearth
from app_environments import SERVED
from cluster_measure import family
from compare import asked

HERE = Path(__file__).resolve().parent
STARTS_WITHIN = 30.0  # seconds
ENDS_WITHIN = 20.0  # seconds
# What `pip install uvicorn[standard]` brings, and the fastest there is for it; and what it does without.
FAST = ("--http", "httptools", "--loop", "uvloop")
PURE = ("--http", "h11", "--loop", "asyncio")
# nginx as its documents set up a proxy whose connections stay. It ends a connection after 1000 requests unless told otherwise,
# which nobody else here does.
NGINX = """
worker_processes 1;
pid {home}/nginx.pid;
user {user} {group};
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    keepalive_requests 1000000000;
    upstream app {{
        server 127.0.0.1:{upstream};
        keepalive 128;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


class Server(NamedTuple):
    """Something that serves one application."""

    name: str
    url: str
    processes: Callable[[], Dict[str, List[int]]]  # those that serve, by what they are
    own: Sequence[int]  # those from which all of them descend

    @property
    def is_encrypted(self) -> bool:
        return self.url.startswith("https:")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certificate() -> Sequence[str]:
    """Of this address, which signs itself: the files of the certificate and of its key. The node has the same."""
    return os.environ["HEARTH_HTTP_CERTIFICATE"], os.environ["HEARTH_HTTP_KEY"]


@contextlib.contextmanager
def running(command: Sequence[str]) -> Iterator[int]:
    """The program, from here to its end; its process id."""
    with tempfile.TemporaryFile() as said:
        program = subprocess.Popen(command, cwd=HERE, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            yield program.pid
        except BaseException:
            said.seek(0)
            sys.stderr.write(said.read().decode(errors="replace"))
            raise
        finally:
            program.terminate()
            try:
                program.wait(ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()


def uvicorn_command(app: str, how: Sequence[str], *more: str) -> List[str]:
    quiet = ["--no-access-log", "--log-level", "warning"]
    return [sys.executable, "-m", "uvicorn", f"app_handlers:{app}", *quiet, *how, *more]


def until_open(port: int) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@contextlib.contextmanager
def uvicorn(app: str, name: str, how: Sequence[str], is_encrypted: bool = False) -> Iterator[Server]:
    port = free_port()
    words = ["--port", str(port)]
    if is_encrypted:
        made, key = certificate()
        words += ["--ssl-certfile", made, "--ssl-keyfile", key]
    with running(uvicorn_command(app, how, *words)) as pid:
        until_open(port)
        scheme = "https" if is_encrypted else "http"
        yield Server(name, f"{scheme}://127.0.0.1:{port}/", lambda: {"uvicorn": family(pid)}, [pid])


def nginx_program() -> str:
    """Debian keeps it where the path of a user who is not root does not lead."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin") or "nginx"


@contextlib.contextmanager
def nginx(upstream: Server, name: str) -> Iterator[Server]:
    """A process of its own, with nothing of the system's nginx."""
    port, (made, key) = free_port(), certificate()
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as home:
        own = {"user": pwd.getpwuid(os.geteuid()).pw_name, "group": grp.getgrgid(os.getegid()).gr_name}
        fields = {"home": home, "port": port, "certificate": made, "key": key, "upstream": upstream.url.split(":")[2].rstrip("/")}
        configuration = Path(home) / "nginx.conf"
        configuration.write_text(NGINX.format(**fields, **own))
        command = [nginx_program(), "-p", home, "-c", str(configuration), "-e", f"{home}/error.log", "-g", "daemon off;"]
        with running(command) as pid:
            until_open(port)

            def processes() -> Dict[str, List[int]]:
                return {"nginx": family(pid), **upstream.processes()}

            yield Server(name, f"https://127.0.0.1:{port}/", processes, [pid, *upstream.own])


def node_port() -> int:
    """Where the node says in its log that it serves apps over TLS."""
    log = Path(os.environ["XDG_STATE_HOME"]) / "hearth" / "hearthd.log"
    found = re.findall(r"apps are served at https://127\.0\.0\.1:(\d+)", log.read_text(encoding="utf-8", errors="replace"))
    if not found:
        raise SystemExit(f"The node does not say in {log} where it serves apps; is HEARTH_HTTP_LISTEN set?")
    return int(found[-1])


@contextlib.contextmanager
def node(app: str, name: str) -> Iterator[Server]:
    """The app on one replica of the node of this benchmark, which has nothing else to do."""
    served = hearth.serve(SERVED[app])
    served.activate(wait=True)
    pid = int(asked("node", "status")["pid"])

    def processes() -> Dict[str, List[int]]:
        return {"node": [pid], "interpreter": [one for one in family(pid) if one != pid]}

    yield Server(name, f"https://127.0.0.1:{node_port()}/apps/default/development/{served.name}/", processes, [pid])
    served.delete()


@contextlib.contextmanager
def all_servers(app: str) -> Iterator[List[Server]]:
    """Each serves the application, from here to its end."""
    with contextlib.ExitStack() as stack:
        alone = stack.enter_context(uvicorn(app, "uvicorn alone", FAST))
        yield [
            alone,
            stack.enter_context(uvicorn(app, "uvicorn alone", FAST, is_encrypted=True)),
            stack.enter_context(uvicorn(app, "uvicorn alone, h11 and asyncio", PURE)),
            stack.enter_context(nginx(alone, "nginx in front of uvicorn")),
            stack.enter_context(node(app, "Hearth")),
        ]
