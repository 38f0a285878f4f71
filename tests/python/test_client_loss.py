"""Calls whose node, process or patience ends: loss, forks, exits and Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import textwrap

import client_tasks as tasks
import pytest
from client_fixtures import node  # noqa: F401
from fake_node import FakeNode, until

import hearth
from hearth import _frames, errors
from hearth._client import shared


def test_open_calls_of_a_lost_node_fail_and_new_ones_connect_again(node):
    node.behaviour["client.square"] = lambda call: node.drop()
    with pytest.raises(errors.NodeUnavailableError, match="client.square was open: it may have run"):
        tasks.square.remote(3)
    del node.behaviour["client.square"]
    assert tasks.square.remote(3) == 9
    assert len(node.sessions) == 2


def test_a_loop_hears_of_a_lost_node_too(node):
    node.behaviour["client.square"] = lambda call: node.drop()

    async def lost():
        calls = [tasks.square.remote.aio(x) for x in range(3)]
        return await asyncio.gather(*calls, return_exceptions=True)

    assert all(isinstance(result, errors.NodeUnavailableError) for result in asyncio.run(lost()))


def test_a_node_that_was_replaced_between_calls_is_not_noticed(node):
    forms = {
        "remote": lambda: tasks.square.remote(3),
        "spawn": lambda: tasks.square.spawn(3).result(),
        "awaited": lambda: asyncio.run(tasks.square.remote.aio(3)),
        "map": lambda: next(iter(hearth.map(tasks.square, [3]))),
        "run": lambda: hearth.run(tasks.square, 3).result(),
    }
    for name, call in forms.items():
        assert call() == 9, name
        node.drop()
        gone = len(node.sessions)
        until(lambda: len(node.gone) == gone, "the node has ended all connections")
        assert call() == 9, name


def test_what_listens_and_never_answers_is_no_node(tmp_path, monkeypatch):
    path = str(tmp_path / "silent.sock")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(path)
        silent.listen(1)
        monkeypatch.setenv("HEARTH_SOCKET", path)
        monkeypatch.setattr("hearth._client.connection.HELLO_TIMEOUT", 0.05)
        with pytest.raises(errors.NodeUnavailableError, match="is it a node"):
            tasks.square.remote(3)


def test_bytes_that_are_no_frame_end_the_connection_with_a_reason(node):
    node.behaviour["client.square"] = lambda call: call.session.send(b"\xff" * 64)
    with pytest.raises(errors.NodeUnavailableError, match="not a frame"):
        tasks.square.remote(3)


def test_a_forked_child_connects_by_itself_and_leaves_the_parents_connection_alone(node):
    assert tasks.square.remote(2) == 4
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if tasks.square.remote(5) == 25 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert tasks.square.remote(3) == 9
    assert len(node.sessions) == 2


def test_a_handle_of_the_parent_says_so_in_a_forked_child(node):
    node.behaviour["client.square"] = lambda call: None
    handle = tasks.square.spawn(3)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            handle.result()
        except errors.NodeUnavailableError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert b"forked from" in os.read(read, 4096)


def _program(node: FakeNode, text: str) -> "subprocess.Popen[str]":
    here = os.path.dirname(os.path.abspath(__file__))
    source = os.path.dirname(os.path.dirname(os.path.abspath(hearth.__file__)))
    environment = dict(os.environ, HEARTH_SOCKET=node.path, PYTHONPATH=os.pathsep.join([source, here]))
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_program_that_ends_with_open_calls_says_so(node):
    node.behaviour["client.square"] = lambda call: None
    program = _program(node, "import client_tasks; kept = [client_tasks.square.spawn(x) for x in range(3)]")
    _, said = program.communicate(timeout=60)
    assert "3 calls are still open and aborted" in said and "client.square" in said
    assert program.returncode == 0


def test_a_program_whose_calls_have_ended_says_nothing(node):
    program = _program(
        node, "import client_tasks; h = client_tasks.square.spawn(3); h.result(); print(client_tasks.square.remote(4))"
    )
    out, said = program.communicate(timeout=60)
    assert (out, said) == ("16\n", "")


@pytest.mark.parametrize(
    ("start", "wait", "said"),
    [
        ("hearth.run", "run.result()", "run r000000000000 goes on; `hearth logs r000000000000 --follow`"),
        ("hearth.with_runcontext(name='mine').run", "run.wait()", "run mine goes on; `hearth logs mine --follow`"),
        ("hearth.with_runcontext(detach=False).run", "run.result()", "run r000000000000 was aborted"),
        ("hearth.with_runcontext(name='mine', detach=False).run", "run.result()", "run mine was aborted"),
        ("hearth.run", "asyncio.run(run.result.aio())", "run r000000000000 goes on"),
    ],
)
def test_ctrl_c_names_the_run_and_says_what_becomes_of_it(node, start, wait, said):
    node.behaviour["client.square"] = lambda call: None
    program = _program(
        node,
        f"""
        import asyncio, client_tasks, hearth
        run = {start}(client_tasks.square, 3)
        print("accepted", flush=True)
        {wait}
        """,
    )
    assert program.stdout.readline() == "accepted\n"
    program.send_signal(signal.SIGINT)
    _, shown = program.communicate(timeout=60)
    assert f"hearth: {said}" in shown and program.returncode != 0
    until(lambda: node.gone, "the node sees the program's end")
    cancels = [frame for frame in node.signals if frame.what == _frames.CANCEL]
    assert len(cancels) == (1 if "aborted" in said else 0)  # a run does not end with its connection


def test_a_run_interrupted_before_the_node_had_accepted_it_is_taken_back_by_name(node):
    node.never_accepts = True
    calls = []
    node.behaviour["client.square"] = calls.append
    node.on_cancel = lambda call, reason: call.cancelled.set()
    program = _program(node, "import client_tasks, hearth; hearth.with_runcontext(name='mine').run(client_tasks.square, 3)")
    until(lambda: calls, "the call arrives")
    program.send_signal(signal.SIGINT)
    _, shown = program.communicate(timeout=60)
    assert "hearth: run mine was aborted before the node had accepted it." in shown
    assert calls[0].cancelled.wait(20)


def test_a_run_that_was_started_to_go_on_is_left_without_a_word(node):
    node.behaviour["client.square"] = lambda call: None
    program = _program(node, "import client_tasks, hearth; hearth.run(client_tasks.square, 3)")
    assert program.communicate(timeout=60) == ("", "") and program.returncode == 0


def test_ctrl_c_cancels_the_call_and_the_connection_goes_on(node):
    calls = []
    node.behaviour["client.square"] = calls.append
    program = _program(
        node,
        """
        import client_tasks
        try:
            client_tasks.square.remote(3)
        except KeyboardInterrupt:
            print(client_tasks.join.remote("a"))
        """,
    )
    until(lambda: calls, "the call arrives")
    program.send_signal(signal.SIGINT)
    out, said = program.communicate(timeout=60)
    assert out == "a!\n" and said == ""
    assert calls[0].cancelled.wait(20)
    assert len(node.sessions) == 1


def _interrupted_after(microseconds: int, argument: str) -> None:
    """A call that nobody answers, and Ctrl-C of a person who is that quick, and says it again: Python drops what comes while it
    finalizes an object."""
    try:
        signal.setitimer(signal.ITIMER_REAL, microseconds / 1e6, 3)
        tasks.join.remote(argument)
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0)


# Before 3.10 CPython runs the handlers of signals also between the end of a `with` block and the release of its lock (bpo-29988).
@pytest.mark.skipif(sys.version_info < (3, 10), reason="a lock may stay taken whatever a program does")
@pytest.mark.parametrize("size", [1, 300_000])
def test_ctrl_c_at_any_moment_leaves_no_call_behind(node, size):
    assert (tasks.square.remote(1), tasks.join.remote("a")) == (1, "a!")  # what only the first call does is behind us
    heard = []
    node.behaviour["client.join"] = heard.append
    node.on_cancel = lambda call, reason: call.fail(20, reason)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    for _ in range(200):
        _interrupted_after(moments.randrange(1, 500 if size == 1 else 3000), "a" * size)
        assert tasks.square.remote(3) == 9  # reads the replies to what was cancelled
    signal.signal(signal.SIGALRM, previous)
    assert heard
    assert size > 1 or len(node.sessions) == 1  # a part of a frame ends the connection, a whole one does not
    until(lambda: all(call.cancelled.is_set() or call.session in node.gone for call in heard), "no call goes on")
    until(lambda: (tasks.square.remote(3), not shared.open_connection().open_calls)[1], "no call is waited for")


def closes(times: int):
    """Behaviour of a node that has closed the environment before the first calls arrive."""
    calls = []

    def behave(call):
        calls.append(call)
        if len(calls) <= times:
            call.fail(31, "Environment 1 of this connection was never opened")
        else:
            call.session.node.execute(call)

    return behave


def test_a_call_opens_an_environment_again_that_the_node_has_closed(node):
    node.behaviour["client.square"] = closes(1)
    assert tasks.square.remote(3) == 9
    assert len(node.names("openEnvironment")) == 2
    node.behaviour["client.square"] = closes(1)
    assert asyncio.run(tasks.square.remote.aio(4)) == 16
    assert len(node.names("openEnvironment")) == 3


def test_a_call_of_a_node_that_is_stopping_says_so(node):
    assert tasks.square.remote(3) == 9
    node.behaviour["client.square"] = closes(9)
    node.refuse_open = {"code": 39, "name": "shutting_down", "message": "The node is stopping."}
    with pytest.raises(errors.NodeUnavailableError, match="The node is stopping"):
        tasks.square.remote(3)


@pytest.mark.parametrize("form", ["remote", "aio", "spawn", "run"])
def test_what_is_not_open_at_a_node_that_is_stopping_goes_to_its_successor(node, form):
    node.refuse_open = {"code": 39, "name": "shutting_down", "message": "The node is stopping."}
    node.refuse_open_times = 1
    forms = {
        "remote": lambda: tasks.square.remote(3),
        "aio": lambda: asyncio.run(tasks.square.remote.aio(3)),
        "spawn": lambda: tasks.square.spawn(3).result(),
        "run": lambda: hearth.run(tasks.square, 3).result(),
    }
    assert forms[form]() == 9
    assert len(node.sessions) == 2


def test_whoever_started_a_call_before_the_node_closed_its_environment_may_call_again(node):
    forms = {
        "spawn": lambda: tasks.square.spawn(3).result(),
        "map": lambda: next(iter(hearth.map(tasks.square, [3], return_exceptions=False))),
        "run": lambda: hearth.run(tasks.square, 3).result(),
    }
    for name, call in forms.items():
        node.behaviour["client.square"] = closes(1)
        with pytest.raises(errors.NodeUnavailableError, match="has closed the environment client.*has not run; call again"):
            call()
        assert call() == 9, name
