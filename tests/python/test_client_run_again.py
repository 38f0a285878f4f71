"""Runs that are found by name, submitted again after a lost connection, and run once more."""

from __future__ import annotations

import asyncio
import threading

import client_tasks as tasks
import pytest
from client_fixtures import node  # noqa: F401
from fake_node import FakeSession, until

import hearth
from hearth import errors
from hearth._client import run_slots, shared


def _known(node, name, phase="RUNNING", **more):
    node.runs[name] = {"name": name, "phase": phase, "task": "client.square", "callHi": "7", "callLo": "9", **more}


def _held(node):
    calls = []
    node.behaviour["client.square"] = calls.append
    return calls


def test_a_run_is_found_by_its_name_from_another_program(node):
    _known(node, "nightly", "SUCCEEDED", inputs="x=6")
    node.results["nightly"] = {"value": (1, "two")}
    run = hearth.Run.get("nightly")
    assert (run.name, run.task_name, run.call_id) == ("nightly", "client.square", f"{7:016x}{9:016x}")
    assert run.phase == "SUCCEEDED" and run.done() and run.details().inputs == "x=6"
    assert not node.names("result"), "nobody has asked for the value yet"
    assert run.result() == {"value": (1, "two")} and run.wait() == "SUCCEEDED"
    with pytest.raises(errors.RuntimeUserError, match="details"):
        run.inputs()


def test_a_found_run_has_the_awaitable_forms_too(node):
    _known(node, "nightly", "SUCCEEDED")
    node.results["nightly"] = 5

    async def program():
        run = await hearth.Run.get.aio("nightly")
        return await run, await run.wait.aio()

    assert asyncio.run(program()) == (5, "SUCCEEDED")


def test_a_run_that_nobody_knows_is_an_error(node):
    with pytest.raises(errors.ActionNotFoundError, match="nowhere"):
        hearth.Run.get("nowhere")


def test_a_result_that_is_gone_is_an_error_once_it_is_asked_for(node):
    _known(node, "old", "SUCCEEDED")
    run = hearth.Run.get("old")
    with pytest.raises(errors.ActionNotFoundError, match="no result of old"):
        run.result()


def test_a_found_run_can_be_aborted(node):
    _known(node, "nightly")
    hearth.Run.get("nightly").abort("enough")
    assert node.names("abort") == [{"run": "nightly", "action": "", "reason": "enough"}]


@pytest.mark.parametrize("recover", [False, True])
def test_a_rerun_is_a_run_with_an_id_of_its_own(node, recover):
    first = hearth.with_runcontext(name="first").run(tasks.square, 6)
    assert first.result() == 36
    node.results["second"] = 36
    again = first.rerun("second", recover=recover)
    (asked,) = node.names("rerun")
    assert (asked["name"], asked["newName"], asked["useRecord"]) == ("first", "second", recover)
    assert again.name == "second" and again.call_id != first.call_id and again.result() == 36


def test_a_run_whose_connection_is_lost_is_submitted_again_with_its_id_and_waited_for(node, caplog):
    calls = _held(node)
    run = hearth.with_runcontext(name="nightly").run(tasks.square, 6)
    done = []
    waiter = threading.Thread(target=lambda: done.append(run.result(60)))
    waiter.start()
    node.drop()
    until(lambda: len(calls) == 2, "the run is submitted again")
    first, second = (call.frame for call in calls)
    assert (first.call_hi, first.call_lo) == (second.call_hi, second.call_lo) == (second.root_hi, second.root_lo)
    orders = node.names("startRun")
    assert orders[0]["callHi"] == orders[1]["callHi"] and orders[0]["callLo"] == orders[1]["callLo"]
    assert "Run nightly is looked for" in caplog.text
    calls[1].answer(36)
    waiter.join(60)
    assert done == [36] and run.phase == "SUCCEEDED"


def test_a_waiting_loop_finds_its_run_again_too(node):
    calls = _held(node)

    async def program():
        run = await hearth.run.aio(tasks.square, 6)
        waiting = asyncio.ensure_future(run.result.aio())
        await asyncio.sleep(0)
        node.drop()
        while len(calls) < 2:
            await asyncio.sleep(0.01)
        calls[1].answer(36)
        return await waiting

    assert asyncio.run(program()) == 36


def test_a_run_that_was_not_accepted_before_the_loss_is_submitted_again(node):
    node.never_accepts = True
    calls = []

    def lose_the_first(call):
        calls.append(call)
        node.never_accepts = False
        node.drop() if len(calls) == 1 else node.execute(call)

    node.behaviour["client.square"] = lose_the_first
    assert hearth.run(tasks.square, 6).result(60) == 36
    assert len({(call.frame.call_hi, call.frame.call_lo) for call in calls}) == 1


def test_a_run_that_must_not_begin_twice_is_asked_for_and_not_submitted_again(node):
    calls = _held(node)
    node.results["once"] = 36
    once = tasks.square.override(retries=hearth.RetryStrategy(count=0, lost=0))
    run = hearth.with_runcontext(name="once").run(once, 6)
    node.drop()
    assert run.result(60) == 36
    assert len(calls) == 1 and node.names("result") == ["once"]


def test_the_search_for_a_node_that_stays_away_ends_in_words(node, monkeypatch):
    monkeypatch.setattr(run_slots, "RECONNECT_S", 0.2)
    monkeypatch.setenv("HEARTH_NO_START", "1")
    _held(node)
    run = hearth.with_runcontext(name="nightly").run(tasks.square, 6)
    node.close()
    with pytest.raises(errors.NodeUnavailableError, match="hearth get run nightly"):
        run.result(60)
    assert run.done() and run.phase == "FAILED"


def test_a_cluster_that_recovers_is_waited_for(node, monkeypatch):
    calls = []
    start = FakeSession.on_startRun
    refusal = {"error": {"code": 50, "name": "no_quorum", "message": "Two of three voters are away."}}

    def lost_then_refused_then_served(call):
        calls.append(call)
        if len(calls) == 2:
            call.fail(50, "Two of three voters are away.")
        elif len(calls) == 3:
            node.execute(call)

    node.behaviour["client.square"] = lost_then_refused_then_served
    run = hearth.with_runcontext(name="nightly").run(tasks.square, 6)
    monkeypatch.setattr(FakeSession, "on_startRun", lambda *args: refusal if len(calls) == 1 else start(*args))
    node.drop()
    assert run.result(60) == 36
    assert len(calls) == 3


def test_a_run_that_was_not_decided_in_time_is_submitted_again_under_its_id(node, monkeypatch, caplog):
    calls = []
    start = FakeSession.on_startRun
    undecided = {"error": {"code": 57, "name": "undecided", "message": "The voters did not decide in time."}}

    def undecided_then_served(call):
        calls.append(call)
        if len(calls) == 1:
            call.fail(57, "The voters did not decide in time.")
        else:
            node.execute(call)

    node.behaviour["client.square"] = undecided_then_served
    monkeypatch.setattr(FakeSession, "on_startRun", lambda *args: start(*args) if calls else undecided)
    assert hearth.with_runcontext(name="nightly").run(tasks.square, 6).result(60) == 36
    first, second = (call.frame for call in calls)
    assert (first.call_hi, first.call_lo) == (second.call_hi, second.call_lo)
    assert "The voters did not decide in time. Run nightly is looked for" in caplog.text


def test_a_connection_that_the_program_closes_is_not_looked_for(node):
    _held(node)
    run = hearth.run(tasks.square, 6)
    shared.disconnect()
    with pytest.raises(errors.NodeUnavailableError, match="closed here"):
        run.result(60)
    assert len(node.names("startRun")) == 1
