"""Attacks on the HTTP socket: each is refused or cut off, and nobody else notices. `test_apps.py` has the plainest ones."""

from __future__ import annotations

import array
import contextlib
import fcntl
import resource
import select
import shutil
import socket
import tempfile
import termios
import textwrap
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from conftest import Node, wait_until
from web import Client, Web, all_at_once, asking, go_on, socket_of

APP = '''
import hearth, hearth.app

SEEN = {"smuggled": 0, "block": 0}

async def web(scope, receive, send):
    """Counts what must not come through, and takes the whole of every body before it answers."""
    if scope["type"] == "lifespan":
        raise NotImplementedError
    path, more = scope["path"].rsplit("/", 1)[-1], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message["more_body"]
    if path in SEEN:
        SEEN[path] += 1
    text = bytes(1000) if path == "block" else b"%(smuggled)d %(block)d" % {key.encode(): count for key, count in SEEN.items()}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text})

def classic(environ, start_response):
    environ["wsgi.input"].read()
    start_response("200 OK", [])
    return [b"fine"]

one = hearth.app.Scaling(replicas=(1, 1))
env = hearth.app.AppEnvironment("web", app=web, scaling=one)
old = hearth.app.AppEnvironment("old", app=classic, scaling=one)
domain = hearth.app.Domain(subdomain="store", custom_domain="shop.example.org")
named = hearth.app.AppEnvironment("named", app=web, scaling=one, domain=domain)
'''

SMUGGLED = b"GET /apps/default/development/web/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
LINE = b"POST /apps/default/development/web/attacked HTTP/1.1\r\n"
HEAD = LINE + b"Host: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def with_length(value: bytes) -> bytes:
    return HEAD + b"Content-Length:" + value + b"\r\n\r\nabc"


def with_coding(fields: bytes) -> bytes:
    return HEAD + fields + b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n"


def asked_of(host: bytes) -> bytes:
    """A request that is whole, for the app to which this host belongs."""
    return b"GET /smuggled HTTP/1.1\r\nConnection: close\r\nHost: " + host + b"\r\n\r\n"


LENGTHS = {
    "with a sign": b"+3", "negative beyond 64 bits": b"-18446744073709551613", "beyond 64 bits": b"18446744073709551619",
    "beyond 63 bits": b"9223372036854775811", "of 16 digits": b"0000000000000003", "hexadecimal": b"0x3", "a fraction": b"3.0",
    "an exponent": b"3e0", "a list of equal ones": b"3, 3", "two numbers": b"3 3", "nothing": b"", "words": b"three",
    "digits of another script": "٣".encode(), "with an underscore": b"0_3", "with a vertical tab": b"\x0b3",
}  # fmt: skip
CODINGS = {
    "before a length": b"Transfer-Encoding: chunked\r\nContent-Length: 3",
    "twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "a list": b"Transfer-Encoding: gzip, chunked",
    "a list of equal ones": b"Transfer-Encoding: chunked, chunked", "not at the end": b"Transfer-Encoding: chunked, identity",
    "none": b"Transfer-Encoding: identity", "unknown": b"Transfer-Encoding: xchunked",
    "in quotes": b'Transfer-Encoding: "chunked"', "with a parameter": b"Transfer-Encoding: chunked;q=1",
    "empty": b"Transfer-Encoding:", "with a vertical tab": b"Transfer-Encoding: \x0bchunked",
    "with a space before the colon": b"Transfer-Encoding : chunked", "on a folded line": b"Transfer-Encoding:\r\n chunked",
    "after a bare LF": b"A: b\nTransfer-Encoding: chunked",
}  # fmt: skip
CHUNKS = {
    "with a minus": b"-3\r\nabc\r\n", "with a plus": b"+3\r\nabc\r\n", "with a prefix": b"0x3\r\nabc\r\n",
    "without a digit": b"\r\nabc\r\n", "after a space": b" 3\r\nabc\r\n", "before a space": b"3 \r\nabc\r\n",
    "before a bare LF": b"3\nabc\r\n", "before a bare CR": b"3\r\rabc\r\n", "of 16 digits": b"0000000000000003\r\nabc\r\n",
    "beyond 64 bits": b"10000000000000003\r\nabc\r\n", "no digit": b"g\r\nabc\r\n",
    "of 64 bits": b"ffffffffffffffff\r\nabc\r\n", "too small": b"3\r\nabcd\r\n", "with a bare LF behind": b"3\r\nabc\n",
    "with an endless extension": b"3;" + b"a" * 20_000, "with a NUL in its extension": b"3;a\0b\r\nabc\r\n",
    "each with an extension": b"".join(b"1;" + b"a" * 100 + b"\r\na\r\n" for _ in range(200)),
    "with an endless trailer": b"0\r\n" + b"a: b\r\n" * 5_000, "with a NUL in its trailer": b"0\r\na: \0\r\n\r\n",
    "with a bare CR in its trailer": b"0\r\na: b\rc: d\r\n\r\n",
}  # fmt: skip
HEADERS = {
    "a NUL in the method": HEAD.replace(b"POST", b"PO\0ST"), "a NUL in the target": HEAD.replace(b"/attacked", b"/a\0"),
    "a NUL in a name": HEAD + b"A\0: b\r\n\r\n", "a NUL in Host": LINE + b"Host: a\0\r\n\r\n",
    "a bare CR in the target": HEAD.replace(b"/attacked", b"/a\rb"), "a bare CR in a name": HEAD + b"A\rB: c\r\n\r\n",
    "a bare CR for an end of a line": HEAD + b"A: b\rContent-Length: 3\r\n\r\nabc",
    "a bare CR before its end": HEAD + b"A: b\r\r\n\r\n", "a bare LF for an end of a line": HEAD + b"A: b\nB: c\r\n\r\n",
    "bare LFs alone": HEAD.replace(b"\r\n", b"\n") + b"\n", "a folded line": HEAD + b"A: b\r\n c\r\n\r\n",
    "no colon": HEAD + b"A\r\n\r\n", "no name": HEAD + b": b\r\n\r\n", "a space in a name": HEAD + b"A b: c\r\n\r\n",
    "a space before a colon": HEAD + b"Content-Length : 3\r\n\r\nabc", "a DEL in a name": HEAD + b"A\x7f: b\r\n\r\n",
    "lengths that differ": HEAD + b"Content-Length: 3\r\ncontent-length: 70\r\n\r\nabc",
    "101 fields": HEAD + b"a: b\r\n" * 100 + b"\r\n", "100,000 fields without an end": HEAD + b"a: b\r\n" * 100_000,
    "a name of a megabyte": HEAD + b"a" * 1_000_000 + b": b\r\n\r\n",
    "a value of a megabyte": HEAD + b"a: " + b"b" * 1_000_000 + b"\r\n\r\n",
    "a target of 9 KiB": HEAD.replace(b"/attacked", b"/" + b"a" * 9216) + b"\r\n",
    "an endless target": b"GET /" + b"a" * 1_000_000, "no version": b"GET /apps/default/development/web/attacked\r\n\r\n",
    "another version": HEAD.replace(b"1.1", b"1.2") + b"\r\n", "the beginning of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method for proxies": b"CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n\r\n",
    "chunks of HTTP/1.0": with_coding(b"Transfer-Encoding: chunked").replace(b"HTTP/1.1", b"HTTP/1.0"),
}  # fmt: skip
HOSTS = {
    **{host.decode("latin-1"): asked_of(host) for host in (
        b"other.example", b"web2", b"xweb", b"we", b"a.web", b".web", b"[web]", b"[web]:80", b"xn--web", b"localhost", b"127.0.0.1",
        b"[::1]", b"shop", b"shop.other.org", b"xshop.example.org", b"example.org", b"shop.example.org.other.example", b"a.store",
        b"store2.example.org", b"web@other", b"other/web", b"web%00", b"other,web", b"web other", b"web\t.other", b"web\xff", b"", b".",
    )},
    "more than one": b"GET /smuggled HTTP/1.1\r\nHost: other.example\r\nHost: web\r\n\r\n",
    "none": b"GET /smuggled HTTP/1.1\r\n\r\n", "none of HTTP/1.0": b"GET /smuggled HTTP/1.0\r\n\r\n",
    "of 300 letters": asked_of(b"web." + b"a" * 300),
    "another one in the target": b"GET http://web/smuggled HTTP/1.1\r\nHost: other.example\r\n\r\n",
    "a user of it in the target": b"GET http://other.example@web/smuggled HTTP/1.1\r\nHost: other.example\r\n\r\n",
    "said by a proxy": asked_of(b"other.example\r\nX-Forwarded-Host: web\r\nForwarded: host=web\r\nX-Host: web"),
    "on a folded line": asked_of(b"other.example\r\n web"),
    "with a space before the colon": b"GET /smuggled HTTP/1.1\r\nHost : web\r\n\r\n",
}  # fmt: skip

MALFORMED: Dict[str, bytes] = {
    **{f"a length that is {what}": with_length(value) for what, value in LENGTHS.items()},
    **{f"a transfer coding {what}": with_coding(fields) for what, fields in CODINGS.items()},
    **{f"a chunk {what}": CHUNKED + text for what, text in CHUNKS.items()},
    **{f"a header with {what}": text for what, text in HEADERS.items()},
}


class Field:
    """A node with apps, and somebody who asks one of them all the while."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.pid = node.pid
        self.steady = Client(Web(node, "web"), lambda web, number: web.ask("/fine"))
        self.attacked: List[float] = []  # how long answers took while somebody attacked, in seconds
        self.calm: List[float] = []

    def begin(self) -> None:
        go_on([self.steady], 500)
        self.calm = self.steady.took[100:]
        self.memory_before = self.memory()

    def memory(self) -> int:
        """Resident KiB of the daemon."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])
        raise AssertionError("a process without memory")

    @contextlib.contextmanager
    def undisturbed(self, kib: int = 32 * 1024) -> Iterator[None]:
        """What is done meanwhile costs nobody else an answer, and the node no more memory than this in all."""
        before = len(self.steady.answers)
        yield
        go_on([self.steady], 5)
        self.attacked += self.steady.took[before:]
        assert {answer.status for answer in self.steady.answers[before:]} == {200}
        assert self.memory() - self.memory_before < kib, "KiB more than before the attacks"
        for app in ("web", "named"):  # new connections
            answer = Web(self.node, app).ask("/seen")
            assert answer.status == 200 and answer.body.split()[0] == b"0", "something was smuggled in"
        assert Web(self.node, "old").ask("/").body == b"fine"

    def report(self) -> str:
        """The p99 of what others waited for an answer."""
        shown = [f"{sorted(took)[len(took) * 99 // 100] * 1000:.2f} ms of {len(took)}" for took in (self.calm, self.attacked) if took]
        return "p99 of others' answers, without and with attacks: " + ", ".join(shown)


@pytest.fixture(scope="module")
def field() -> Iterator[Field]:
    home = Path(tempfile.mkdtemp(prefix="hearth-attacks-"))
    node = Node(home, {})
    try:
        node.start()
        node.write("shop.py", textwrap.dedent(APP))
        node.command("serve", "shop.py", "--wait")
        field = Field(node)
        with asking(field.steady):
            field.begin()
            yield field
        print(field.report())
    finally:
        node.stop()
        shutil.rmtree(home, ignore_errors=True)


def connected(node: Node) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(socket_of(node)))  # with a timeout it would not wait for its turn when there are many
    client.settimeout(60)
    return client


def rest_of(client: socket.socket) -> bytes:
    """What comes until the node ends the connection."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while part := client.recv(65536):
            answer += part
    return answer


def sent(node: Node, data: bytes) -> bytes:
    """What the node answers; it need not take all of it."""
    with connected(node) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(data)
        return rest_of(client)


def is_refusal(answer: bytes) -> bool:
    """One answer of the 400s or 500s, or none."""
    return answer == b"" or (answer[:9] == b"HTTP/1.1 " and answer[9:10] in b"45" and answer.count(b"HTTP/1.1 ") == 1)


def attack(field: Field, *texts: bytes) -> None:
    """Sends each of them again and again, while somebody else has some answers."""
    with field.undisturbed():
        until = len(field.steady.answers) + 20
        while len(field.steady.answers) < until and not field.steady.error:
            for text in texts:
                answer = sent(field.node, text)
                assert is_refusal(answer), answer[:300]


@pytest.mark.parametrize("what", list(MALFORMED))
def test_it_is_refused_and_what_follows_it_is_not_taken_for_a_request(field: Field, what: str) -> None:
    text = MALFORMED[what] + SMUGGLED
    attack(field, text, text.replace(b"/web/", b"/old/", 1))  # an app that takes a body as it comes, and one that has it whole


@pytest.mark.parametrize("host", list(HOSTS))
def test_no_app_is_reached_by_a_host_that_is_not_its_own(field: Field, host: str) -> None:
    attack(field, HOSTS[host])


@pytest.mark.parametrize("host", [b"web", b"WEB:80", b"web.other.example", b"named", b"store.example.org", b"Shop.example.org:8443"])
def test_an_app_is_reached_by_its_own_hosts(field: Field, host: bytes) -> None:
    assert sent(field.node, asked_of(host).replace(b"/smuggled", b"/seen")).startswith(b"HTTP/1.1 200 ")


# -- slow clients --------------------------------------------------------------------------------------------------------


def trickle(field: Field, head: bytes, more: bytes) -> bytes:
    """Sends `more`, a little at a time, until there is an answer or an end."""
    with connected(field.node) as client:
        client.sendall(head)
        while not select.select([client], [], [], 0.2)[0]:
            with contextlib.suppress(ConnectionError):
                client.sendall(more)
        return rest_of(client)


def unread(client: socket.socket) -> int:
    """Bytes that are here for it."""
    size = array.array("i", [0])
    fcntl.ioctl(client, termios.FIONREAD, size)
    return size[0]


def ask_and_do_not_read(field: Field, _head: bytes, _more: bytes) -> bytes:
    """Asks until what the system keeps for a client is full, so that the node has to; then waits for the end."""
    other = Web(field.node, "web")
    answered = lambda: int(other.ask("/seen").body.split()[1])  # noqa: E731
    with connected(field.node) as client:
        here, before = -1, answered()
        for number in range(1, 5_000):
            client.sendall(b"GET /apps/default/development/web/block HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_until(lambda number=number: answered() - before == number, "an answer of the app")
            answered()  # what the app answered before this is with its client, or kept for it
            if here == unread(client):
                break
            here = unread(client)
        watch = select.poll()
        watch.register(client, 0)
        assert watch.poll(60_000), "it may keep what it does not read for ever"
    return b""


SLOW: Dict[str, Tuple[Callable[[Field, bytes, bytes], bytes], bytes, bytes]] = {
    "nothing at all": (trickle, b"", b""),
    "a header that has no end": (trickle, b"GET / HTTP/1.1\r\nHost: a\r\n", b"A: b\r\n"),
    "a target that has no end": (trickle, b"GET /", b"a"),
    "a short body": (trickle, HEAD + b"Content-Length: 100\r\n\r\n", b"a"),
    "a long body": (trickle, HEAD + b"Content-Length: 10000000\r\n\r\n", b"a"),
    "a body in chunks": (trickle, CHUNKED, b"1\r\na\r\n"),
    "a chunk that has no end": (trickle, CHUNKED + b"ffffff\r\n", b"a"),
    "an extension that has no end": (trickle, CHUNKED + b"3;", b"a"),
    "a body for an app that takes it whole": (trickle, HEAD.replace(b"/web/", b"/old/") + b"Content-Length: 100\r\n\r\n", b"a"),
    "chunks for an app that takes them whole": (trickle, CHUNKED.replace(b"/web/", b"/old/"), b"1\r\na\r\n"),
    "a long body for an app that takes it whole": (trickle, HEAD.replace(b"/web/", b"/old/") + b"Content-Length: 8000000\r\n\r\n", b"a"),
    "what does not read": (ask_and_do_not_read, b"", b""),
}


def test_who_is_slow_is_sent_away_whatever_it_is_slow_with(field: Field) -> None:
    attacks = list(SLOW.values())
    with field.undisturbed():
        answers: List[Any] = all_at_once(len(attacks), lambda index: attacks[index][0](field, *attacks[index][1:]))
    for what, answer in zip(SLOW, answers):
        assert isinstance(answer, bytes), f"{what}: {answer!r}"
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 "), f"{what}: {answer[:300]!r}"


# -- more connections than there may be ----------------------------------------------------------------------------------


def connections(field: Field) -> int:
    """How many the node has, with the one that asks."""
    text = Web(field.node, "").ask("/metrics").body.decode()
    (line,) = [line for line in text.splitlines() if line.startswith("hearth_http_connections ")]
    return int(line.split()[1])


@contextlib.contextmanager
def many(field: Field, count: int) -> Iterator[Tuple[int, List[bytes]]]:
    """So many connections that stay open and have asked once: how many of them were served, and what the others heard."""
    wait_until(lambda: connections(field) == 2, "the end of all connections but that of the steady client")
    with contextlib.ExitStack() as open_ones:
        clients: List[socket.socket] = []
        for _ in range(count):
            clients.append(open_ones.enter_context(connected(field.node)))
            with contextlib.suppress(ConnectionError):
                clients[-1].sendall(b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")
        served, refused = 0, []
        for client in clients:
            try:
                answer = client.recv(65536)
            except ConnectionError:
                answer = b""
            served += answer.startswith(b"HTTP/1.1 404 ")
            refused += [] if answer.startswith(b"HTTP/1.1 404 ") else [answer]
        yield served, refused


def answers_again(field: Field) -> bool:
    with contextlib.suppress(ConnectionError):
        return Web(field.node, "web").ask("/").status == 200
    return False


@contextlib.contextmanager
def descriptors(pid: int, count: int) -> Iterator[None]:
    """The process may have no more than these; 0 is this one."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (count, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


CONNECTIONS_MAX = 4096  # of the node


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[1] < CONNECTIONS_MAX + 500, reason="opens more descriptors than it may have"
)
def test_beyond_its_limit_of_connections_a_node_refuses_new_ones_and_serves_those_that_it_has(field: Field) -> None:
    # A connection of it costs some KiB, and they all are there at once.
    with field.undisturbed(32 * 1024 + CONNECTIONS_MAX * 24), descriptors(0, CONNECTIONS_MAX + 500):
        with many(field, CONNECTIONS_MAX + 100) as (served, refused):
            assert CONNECTIONS_MAX - 5 < served < CONNECTIONS_MAX
            assert all(is_refusal(answer) for answer in refused) and any(b"its limit" in answer for answer in refused)
            go_on([field.steady], 20)
        wait_until(lambda: answers_again(field), "an answer over a new connection")


def test_without_a_free_descriptor_a_node_refuses_new_clients_and_serves_those_that_it_has(field: Field) -> None:
    with field.undisturbed(32 * 1024 + CONNECTIONS_MAX * 24), descriptors(field.pid, 256):
        with many(field, 300) as (served, refused):
            assert 0 < served < 256
            assert all(is_refusal(answer) for answer in refused)
            assert any(b"no free file descriptor" in answer for answer in refused)
            go_on([field.steady], 20)
        wait_until(lambda: answers_again(field), "an answer over a new connection")
