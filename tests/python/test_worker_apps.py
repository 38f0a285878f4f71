"""Apps in real interpreters: their application is found before replicas are forked, and requests are calls of raw bytes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from app_requests import Response, read, request
from scripted_node import ReplicaEnded, Replica, Zygote
from worker_fixtures import python, with_slot_table

from hearth._codes import Code

HOST = "hearth._worker.apps"
Serve = Callable[..., Zygote]


@pytest.fixture
def serve(tmp_path: Path, python: str) -> Iterator[Serve]:
    """serve(code, attribute): a zygote for the app `attribute` of the module `m`, whose text is `code`."""
    made: List[Zygote] = []

    def zygote(code: str, attribute: str = "app", kind: str = "asgi", concurrency: int = 4, hooks: Any = (), **app: Any) -> Zygote:
        word = "async " if kind != "wsgi" or concurrency > 1 else ""
        rows = [f"{HOST}:request{':async' if kind != 'wsgi' else ''}"] * 2
        made.append(
            Zygote(
                tmp_path / f"code{len(made)}",
                {"m.py": code},
                rows,
                python=python,
                hooks=[f"{word}start {HOST}:start", f"{word}stop {HOST}:stop", *hooks],
                app={"kind": kind, "module": "m", "attribute": attribute, **app},
                reuse={"enabled": True, "concurrency": concurrency},
            )
        )
        return made[-1]

    yield zygote
    for one in made:
        one.close()


def ask(replica: Replica, data: bytes, task: int = 0) -> Response:
    return read(bytes(replica.reply(replica.submit(task, body=data)).body))


ASGI = """
import asyncio, os

imported_by = os.getpid()
gate = None

async def respond(send, body, status=200):
    await send({"type": "http.response.start", "status": status, "headers": [(b"x-pid", str(os.getpid()).encode())]})
    await send({"type": "http.response.body", "body": body})

async def app(scope, receive, send):
    global gate
    if scope["type"] == "lifespan":
        for _ in range(2):
            message = await receive()
            print(message["type"], "in a replica" if os.getpid() != imported_by else "in the parent")
            scope["state"]["loop"] = asyncio.get_running_loop()
            gate = asyncio.Event()
            await send({"type": message["type"] + ".complete"})
        return
    assert scope["state"]["loop"] is asyncio.get_running_loop()
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    if scope["path"] == "/wait":
        print("begun", flush=True)
        await gate.wait()
    elif scope["path"] == "/open":
        gate.set()
    elif scope["path"] == "/raise":
        raise ValueError("no such thing")
    elif scope["path"] == "/leave":
        print("begun", flush=True)
        try:
            print("heard", (await receive())["type"])
            await asyncio.sleep(3600)
        finally:
            print("cleaned")
    await respond(send, body)
"""


def test_an_application_is_imported_once_and_started_and_stopped_in_each_replica(serve: Serve) -> None:
    zygote = serve(ASGI)
    for _ in range(2):
        replica = zygote.start(concurrency=4)
        response = ask(replica, request("/", "POST", b"hello"))
        assert (response.status, response.body) == (200, b"hello") and int(response.field("x-pid")) == replica.pid
        assert ask(replica, request("/"), task=1).body == b""
        replica.end_politely()
        assert zygote.next_event()["exited"]["status"] == 0
        assert replica.printed() == "lifespan.startup in a replica\nlifespan.shutdown in a replica\n"


def test_requests_share_the_event_loop_of_their_replica(serve: Serve) -> None:
    replica = serve(ASGI).start(concurrency=4)
    waiting = [replica.submit(0, body=request("/wait", "POST", str(number).encode())) for number in range(2)]
    replica.serve(lambda: all("begun" in replica.logs_of(key) for key in waiting))
    ask(replica, request("/open"))
    assert [read(bytes(replica.reply(key).body)).body for key in waiting] == [b"0", b"1"]


def test_a_body_larger_than_a_frame_comes_and_goes_whole(serve: Serve) -> None:
    replica = serve(ASGI).start(concurrency=4)
    body = bytes(range(256)) * 12_000
    assert ask(replica, request("/", "PUT", body)).body == body


def test_an_exception_fails_the_call_and_its_traceback_is_in_the_log(serve: Serve) -> None:
    replica = serve(ASGI).start(concurrency=4)
    key = replica.submit(0, body=request("/raise"))
    assert replica.reply(key).code == Code.USER_ERROR
    assert "ValueError: no such thing" in replica.logs_of(key) and 'm.py", line' in replica.logs_of(key)
    assert ask(replica, request("/")).status == 200


def test_a_request_that_nobody_waits_for_hears_it_and_is_cancelled(serve: Serve) -> None:
    replica = serve(ASGI).start(concurrency=4)
    key = replica.submit(0, body=request("/leave"))
    replica.serve(lambda: "begun" in replica.logs_of(key))
    replica.cancel(key, by_signal=False)
    assert replica.reply(key).code == Code.ABORTED
    assert replica.logs_of(key) == "begun\nheard http.disconnect\ncleaned\n"
    assert ask(replica, request("/")).status == 200


WSGI = """
import os, threading, time

both = threading.Barrier(2)

def app(environ, start_response):
    if environ["PATH_INFO"] == "/both":
        both.wait(60)
    if environ["PATH_INFO"] == "/sleep":
        print("begun", flush=True)
        try:
            for _ in range(360_000):  # a thread that is not the main one is stopped between two steps
                time.sleep(0.01)
        finally:
            print("cleaned")
    start_response("200 OK", [("X-Threads", str(environ["wsgi.multithread"]))])
    return [environ["wsgi.input"].read()]

class Site:
    pass

site = Site()
site.app = app
number = 3
"""


@pytest.mark.parametrize("attribute", ["app", "site.app"])
def test_a_wsgi_application_answers_one_request_at_a_time(serve: Serve, attribute: str) -> None:
    replica = serve(WSGI, attribute, "wsgi", 1).start()
    response = ask(replica, request("/", "POST", b"hello"))
    assert (response.body, response.field("x-threads")) == (b"hello", "False")


def test_a_wsgi_application_answers_several_in_threads_if_it_says_so(serve: Serve) -> None:
    replica = serve(WSGI, "app", "wsgi", 2).start(concurrency=2)
    keys = [replica.submit(0, body=request("/both")) for _ in range(2)]
    assert [read(bytes(replica.reply(key).body)).field("x-threads") for key in keys] == ["True", "True"]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_wsgi_request_that_nobody_waits_for_is_cancelled(serve: Serve, concurrency: int) -> None:
    replica = with_slot_table(serve(WSGI, "app", "wsgi", concurrency)).start(concurrency=concurrency)
    key = replica.submit(0, body=request("/sleep"))
    replica.serve(lambda: "begun" in replica.logs_of(key))
    replica.cancel(key, by_signal=True)
    assert replica.reply(key).code == Code.ABORTED and "cleaned" in replica.logs_of(key)
    assert ask(replica, request("/")).status == 200


# -- what cannot serve -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attribute", "kind", "words"),
    [
        ("absent", "asgi", "The application of app 'demo' is not there"),
        ("number", "wsgi", "the application of app 'demo', is a int, which cannot be called"),
        ("absent", "server", "The server function of app 'demo' is not there"),
    ],
)
def test_what_cannot_serve_is_told_before_any_replica_starts(serve: Serve, attribute: str, kind: str, words: str) -> None:
    zygote = serve(WSGI, attribute, kind)
    assert zygote.event["failed"]["code"] == Code.MODULE_LOAD and words in zygote.failure


FAILING = """
async def app(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no weights"})

def load():
    raise ValueError("no weights")
"""


def test_a_lifespan_that_fails_to_start_ends_the_replica_with_its_words(serve: Serve) -> None:
    with pytest.raises(ReplicaEnded) as caught:
        serve(FAILING).start()
    assert str(caught.value) == "App 'demo' cannot serve: its lifespan failed to start: no weights"


def test_hooks_of_an_app_are_named_as_it_declares_them(serve: Serve) -> None:
    with pytest.raises(ReplicaEnded, match="@demo.on_startup 'load' failed, so no call can be served: ValueError: no weights"):
        serve(WSGI + FAILING.partition("def load")[1] + FAILING.partition("def load")[2], "app", "wsgi", 1, hooks=["start load"]).start()


# -- a framework -----------------------------------------------------------------------------------------------------

FASTAPI = """
import fastapi, hearth.app
from fastapi.responses import StreamingResponse

api = fastapi.FastAPI()
env = hearth.app.FastAPIAppEnvironment("demo", app=api)

@api.on_event("startup")
async def load():
    api.state.model = 3

@api.get("/square/{x}")
async def square(x: int) -> int:
    return x * api.state.model

@api.get("/plain")
def plain(request: fastapi.Request):
    return {"url": str(request.url), "client": request.client.host}

@api.get("/stream")
async def stream():
    async def pieces():
        for number in range(3):
            yield str(number)
    return StreamingResponse(pieces())

@api.get("/raise")
async def fail():
    raise KeyError("inside")
"""


@pytest.mark.parametrize("attribute", ["api", "env.app"])
def test_fastapi_is_served(serve: Serve, python: str, attribute: str) -> None:
    if subprocess.run([python, "-c", "import fastapi"], capture_output=True, timeout=60).returncode:
        pytest.skip("this interpreter has no fastapi")
    replica = serve(FASTAPI, attribute).start(concurrency=4)
    assert ask(replica, request("/square/4")).body == b"12"
    refused = ask(replica, request("/square/x"))
    assert refused.status == 422 and refused.field("content-type") == "application/json"
    told: Dict[str, Any] = json.loads(ask(replica, request("/plain", x_forwarded_prefix="/apps/p/d/demo")).body)
    assert told == {"url": "http://squares.example.org/apps/p/d/demo/plain", "client": "192.0.2.7"}
    assert ask(replica, request("/stream")).body == b"012"
    assert b"Swagger" in ask(replica, request("/docs")).body
    key = replica.submit(0, body=request("/raise"))
    assert read(bytes(replica.reply(key).body)).status == 500
    assert "KeyError: 'inside'" in replica.logs_of(key)
