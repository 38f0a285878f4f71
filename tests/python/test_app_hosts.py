"""Applications are called as ASGI and WSGI say, with requests and responses in the form that a node has them."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Awaitable, Callable, List

import pytest
from app_requests import Response, read, request

from hearth._worker.apps.asgi import AsgiHost
from hearth._worker.apps.exchange import Exchange
from hearth._worker.apps.text import read_request, write_head
from hearth._worker.apps.wsgi import WsgiHost
from hearth._worker.loading import LoadFailure

START = {"type": "http.response.start", "status": 200, "headers": []}


def asgi(app: Callable[..., Awaitable[None]], data: bytes) -> Response:
    return read(asyncio.run(AsgiHost("web", app).request(data)))


def wsgi(app: Callable[..., Any], data: bytes) -> Response:
    return read(WsgiHost(app, False).request(data))


async def whole_body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        assert message["type"] == "http.request"
        body, more = body + message["body"], message["more_body"]
    return body


async def answer(send: Any, body: bytes, status: int = 200, headers: Any = ()) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """The scope as JSON, bytes as Latin-1, and the body behind it."""
    shown = json.dumps(scope, default=lambda value: value.decode("latin-1")).encode()
    await answer(send, shown + b"|" + await whole_body(receive), 201, [(b"Content-Type", b"text/plain ")])


# -- ASGI ------------------------------------------------------------------------------------------------------------


def test_an_application_gets_the_scope_that_the_specification_names() -> None:
    fields = [("accept", "*/*"), ("cookie", "a=1")]
    response = asgi(echo, request("/caf%C3%A9%2Fx?q=%20&r", "POST", b"ab\r\n\r\nc\x00", fields, x_forwarded_proto="https"))
    scope, _, body = response.body.partition(b"|")
    told = json.loads(scope)
    headers = told.pop("headers")
    assert headers[:3] == [["accept", "*/*"], ["cookie", "a=1"], ["host", "squares.example.org"]]
    assert headers[-1] == ["content-length", "8"] and body == b"ab\r\n\r\nc\x00"
    assert told == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": "/café/x",
        "raw_path": "/caf%C3%A9%2Fx",
        "query_string": "q=%20&r",
        "root_path": "",
        "client": ["192.0.2.7", 0],
        "server": ["squares.example.org", 443],
        "state": {},
    }
    assert (response.status, response.reason, response.fields) == (201, "Created", [("content-type", "text/plain")])


@pytest.mark.parametrize(
    ("host", "server"), [("a.org:8000", ["a.org", 8000]), ("[::1]:80", ["[::1]", 80]), ("[::1]", ["[::1]", 80]), ("a", ["a", 80])]
)
def test_host_and_port_are_those_that_the_client_named(host: str, server: Any) -> None:
    told = json.loads(asgi(echo, request(host=host, x_forwarded_for="unix")).body.partition(b"|")[0])
    assert (told["server"], told["client"]) == (server, None)


@pytest.mark.parametrize(("version", "path"), [(None, "/apps/p/d/web/x"), ("0.33.0", "/apps/p/d/web/x"), ("0.26.1", "/x")])
def test_what_the_node_took_from_the_path_is_the_root_of_the_application(
    version: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys
    import types

    monkeypatch.setitem(sys.modules, "starlette", types.SimpleNamespace(__version__=version))
    told = json.loads(asgi(echo, request("/x", x_forwarded_prefix="/apps/p/d/web")).body.partition(b"|")[0])
    assert (told["root_path"], told["path"], told["raw_path"]) == ("/apps/p/d/web", path, path)


def test_a_response_in_pieces_is_put_together() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        for piece in (b"a", b"", bytearray(b"b"), memoryview(b"c")):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body"})
        assert (await receive())["type"] == "http.request"

    assert asgi(app, request()).body == b"abc"


def test_head_is_answered_without_a_body_and_with_the_length_of_one() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"" if scope["path"] == "/bare" else b"12345", headers=[(b"content-length", b"5")])

    for target in ("/", "/bare"):
        response = asgi(app, request(target, "HEAD"))
        assert (response.field("content-length"), response.body) == ("5", b"")


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body_have_none(status: int) -> None:
    assert asgi(lambda scope, receive, send: answer(send, b"x", status), request()).body == b""


def test_fields_of_a_connection_do_not_leave_the_interpreter() -> None:
    fields = [(b"Connection", b"close"), (b"transfer-encoding", b"chunked"), (b"proxy-authenticate", b"x"), (b"X-Own", b"1")]
    assert asgi(lambda scope, receive, send: answer(send, b"", 200, fields), request()).fields == [("x-own", "1")]


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([], "returned without a response"),
        ([START], "returned without the end of its response"),
        ([START, START], "began its response twice"),
        ([{"type": "http.response.body"}], "before it had begun"),
        ([{"type": "websocket.accept"}], "'websocket.accept'"),
        ([{**START, "status": 99}], "from 200 to 599"),
        ([{**START, "status": "200"}], "must be an int"),
        ([{**START, "headers": [(b"x", b"a\r\nset-cookie: b")]}], "has a line break"),
        ([{**START, "headers": [(b"x: y", b"a")]}], "no name of a header field"),
        ([{**START, "headers": [("x", "a")]}], "must be two byte strings"),
        ([{**START, "headers": [(b"content-length", b"x")]}], "is no length"),
        ([{**START, "headers": [(b"content-length", b"1"), (b"content-length", b"2")]}], "not the only one"),
        ([{**START, "headers": [(b"content-length", b"3")]}, {"type": "http.response.body", "body": b"1"}], "3 bytes and has 1"),
    ],
)
def test_what_is_no_response_fails_the_request_and_says_why(messages: Any, words: str, capfd: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    with pytest.raises((RuntimeError, ValueError), match=words):
        asgi(app, request())
    assert words in capfd.readouterr().err


def test_an_exception_fails_the_request_and_is_printed_with_the_application_s_frames_alone(capfd: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError("absent")

    with pytest.raises(KeyError):
        asgi(app, request("/a?token=secret"))
    said = capfd.readouterr().err
    assert said.startswith("hearth: the application failed: GET /a\nTraceback")
    assert "KeyError: 'absent'" in said and "hearth/_worker" not in said and "secret" not in said


def test_an_exception_behind_the_response_is_printed_and_the_response_stands(capfd: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"done")
        raise KeyError("late")

    assert asgi(app, request()).body == b"done"
    assert "failed after it had answered: GET /" in capfd.readouterr().err


def test_who_receives_behind_the_response_hears_that_it_is_over() -> None:
    heard: List[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        listening = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await answer(send, b"x")
        heard.append((await listening)["type"])
        heard.append((await receive())["type"])

    asgi(app, request())
    assert heard == ["http.disconnect", "http.disconnect"]


# -- lifespan --------------------------------------------------------------------------------------------------------


def living(app: Any, *requests: bytes) -> List[Response]:
    async def live() -> List[Response]:
        host = AsgiHost("web", app)
        await host.start()
        responses = [read(await host.request(data)) for data in requests]
        await host.stop()
        return responses

    return asyncio.run(live())


def test_an_application_hears_of_its_start_and_its_end_and_requests_get_copies_of_its_state() -> None:
    said: List[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            said.append((scope["state"]["model"], scope["state"].setdefault("own", len(said))))
            return await answer(send, b"")
        for _ in range(2):
            message = await receive()
            said.append(message["type"])
            scope["state"]["model"] = "m"
            await send({"type": f"{message['type']}.complete"})

    living(app, request(), request())
    assert said == ["lifespan.startup", ("m", 1), ("m", 2), "lifespan.shutdown"]


def test_a_start_that_failed_is_told_in_a_sentence() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no weights\n"})
        raise RuntimeError("again")

    with pytest.raises(LoadFailure, match="App 'web' cannot serve: its lifespan failed to start: no weights$"):
        living(app)


@pytest.mark.parametrize("asks", [False, True])
def test_an_application_may_have_no_lifespan(asks: bool, capfd: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan" and asks:
            await receive()
        assert scope["type"] == "http"
        await answer(send, b"x")

    (response,) = living(app, request())
    assert response.body == b"x"
    assert ("goes on without a lifespan" in capfd.readouterr().err) is asks


def test_an_end_that_failed_is_an_error() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "not saved"})

    with pytest.raises(RuntimeError, match="failed to end: not saved"):
        living(app)


# -- WSGI ------------------------------------------------------------------------------------------------------------


def wsgi_echo(environ: Any, start_response: Any) -> Any:
    shown = {name: value for name, value in environ.items() if isinstance(value, (str, bool, tuple))}
    body = environ["wsgi.input"].read()
    print("noted", file=environ["wsgi.errors"])
    start_response("201 Made", [("Content-Type", "text/plain"), ("X-Ö", "1")][: 1 + environ["PATH_INFO"].count("bad")])
    return [json.dumps(shown).encode(), b"|", body]


def test_a_wsgi_application_gets_its_environment(capfd: Any) -> None:
    fields = [("content-type", "a/b"), ("x-own", "1"), ("x-own", "2"), ("cookie", "a=1"), ("cookie", "b=2")]
    response = wsgi(wsgi_echo, request("/caf%C3%A9?q=1", "POST", b"body", fields, x_forwarded_prefix="/apps/p/d/web"))
    told, _, body = response.body.partition(b"|")
    environ = json.loads(told)
    assert body == b"body" and (response.status, response.reason) == (201, "Made")
    assert response.fields == [("content-type", "text/plain")]
    wanted = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/apps/p/d/web",
        "PATH_INFO": "/café".encode().decode("latin-1"),
        "QUERY_STRING": "q=1",
        "SERVER_NAME": "squares.example.org",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.7",
        "CONTENT_TYPE": "a/b",
        "CONTENT_LENGTH": "4",
        "HTTP_X_OWN": "1,2",
        "HTTP_COOKIE": "a=1; b=2",
        "wsgi.url_scheme": "http",
        "wsgi.version": [1, 0],
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    assert {name: environ[name] for name in wanted} == wanted
    assert capfd.readouterr().err == "noted\n"


def test_a_client_forges_no_field_of_the_node_by_another_spelling() -> None:
    fields = [("x_forwarded_for", "1.2.3.4"), ("proxy", "http://evil")]
    environ = json.loads(wsgi(wsgi_echo, request(fields=fields)).body.partition(b"|")[0])
    assert environ["HTTP_X_FORWARDED_FOR"] == "192.0.2.7" and "HTTP_PROXY" not in environ


def test_pieces_are_iterated_written_and_closed() -> None:
    closed: List[int] = []

    class Pieces:
        def __iter__(self) -> Any:
            yield b""
            yield b"b"

        def close(self) -> None:
            closed.append(1)

    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [])
        write(b"a")
        return Pieces()

    assert wsgi(app, request()).body == b"ab" and closed == [1]


def test_a_file_is_wrapped(tmp_path: Any) -> None:
    (tmp_path / "f").write_bytes(b"x" * 20_000)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", "20000")])
        return environ["wsgi.file_wrapper"](open(tmp_path / "f", "rb"), 8192)

    assert wsgi(app, request()).body == b"x" * 20_000


def test_a_generator_may_start_its_response_at_its_first_piece() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"late"

    assert wsgi(app, request()).body == b"late"


def _failing(headers: Any, pieces: Any, again: bool) -> Any:
    import sys

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", headers)
        yield from pieces
        try:
            raise KeyError("inside")
        except KeyError:
            start_response("500 Oh", [], sys.exc_info() if again else None)
        yield b"sorry"

    return app


def test_a_response_of_which_nothing_was_sent_may_be_replaced() -> None:
    response = wsgi(_failing([("X-A", "1")], [], True), request())
    assert (response.status, response.reason, response.fields, response.body) == (500, "Oh", [], b"sorry")


@pytest.mark.parametrize(
    ("app", "error", "words"),
    [
        (_failing([], [b"x"], True), KeyError, "inside"),
        (_failing([], [], False), RuntimeError, "start_response twice"),
        (lambda environ, start: [], RuntimeError, "without a call of start_response"),
        (lambda environ, start: [b"x"], RuntimeError, "before it had called start_response"),
        (lambda environ, start: [start("OK", [])], ValueError, "such as '200 OK'"),
        (lambda environ, start: start("200 OK", []) and ["text"], TypeError, "must be bytes, not str"),
        (lambda environ, start: start("200 OK", [("a", "b\nc")]), ValueError, "line break"),
        (lambda environ, start: start("200 OK", [("Content-Length", "9")]) and [b"x"], ValueError, "9 bytes and has 1"),
    ],
)
def test_what_is_no_wsgi_response_fails_the_request(app: Any, error: Any, words: str, capfd: Any) -> None:
    with pytest.raises(error, match=words):
        wsgi(app, request())
    assert words in capfd.readouterr().err


# -- the text --------------------------------------------------------------------------------------------------------


def test_a_request_is_read_to_its_last_byte() -> None:
    head, body = read_request(request("/a?b?c", "PUT", b"\r\n\r\n", [("a", "x: y"), ("empty", "")]))
    assert (head.method, head.path, head.query, body) == ("PUT", b"/a", b"b?c", b"\r\n\r\n")
    assert head.fields[:2] == [(b"a", b"x: y"), (b"empty", b"")] and head.first(b"absent") is None


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\n", b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\nhost:x\r\n\r\n"])
def test_what_no_node_sends_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="the node sent"):
        Exchange(data)


def test_a_head_has_one_form() -> None:
    assert write_head(200, [(b"X-A", b" 1 "), (b"x-a", b"2")]) == (b"HTTP/1.1 200 OK\r\nx-a: 1\r\nx-a: 2\r\n\r\n", None)
    assert write_head(599, [(b"content-length", b"3"), (b"Content-Length", b"3")]) == (
        b"HTTP/1.1 599 \r\ncontent-length: 3\r\n\r\n",
        3,
    )
