"""`hearth.run`, the Run object, local mode, contexts, setup: what a program sees."""

from __future__ import annotations

import asyncio

import client_tasks as tasks
import pytest
from client_fixtures import node  # noqa: F401
from fake_node import until

import hearth
from hearth import _frames, errors
from hearth._client import settings
from hearth._client.deployment import deploy
from hearth._client.init import current_project


@pytest.fixture
def place(monkeypatch):
    """Whatever a test says about project and domain is forgotten after it."""
    monkeypatch.setattr(settings, "_place", None)


def test_a_run_has_a_name_and_gives_the_value_of_its_task(node):
    run = hearth.run(tasks.square, 6)
    assert run.name == "r000000000000" and run.task_name == "client.square"
    assert run.result() == 36
    assert run.wait() == "SUCCEEDED" and run.phase == "SUCCEEDED" and run.done()
    assert run.outputs() == (36,) and run.inputs() == {"x": 6}
    assert run.url == "hearth get run r000000000000"


def test_a_run_is_its_own_root_and_goes_on_without_its_program(node):
    seen = []
    node.behaviour["client.square"] = lambda call: (seen.append(call.frame), node.execute(call))
    hearth.run(tasks.square, x=2).result()
    frame = seen[0]
    assert (frame.root_hi, frame.root_lo) == (frame.call_hi, frame.call_lo)
    assert frame.flags & _frames.CALL_RUN
    (order,) = node.names("startRun")
    assert order["detach"] is True and order["inputs"] == "x=2"
    assert (int(order["callHi"]), int(order["callLo"])) == (frame.call_hi, frame.call_lo)


def test_a_plain_call_shares_its_root_with_the_other_calls_of_the_program(node):
    roots = set()
    node.behaviour["client.square"] = lambda call: (
        roots.add((call.frame.root_hi, call.frame.root_lo)),
        node.execute(call),
    )
    tasks.square.remote(1)
    list(hearth.map(tasks.square, range(3)))
    assert len(roots) == 1


def test_the_context_of_a_run_names_it_and_its_place(node):
    run = hearth.with_runcontext(name="monday", project="shop", domain="production", detach=False).run(tasks.square, 2)
    assert run.name == "monday"
    (order,) = node.names("startRun")
    assert (order["project"], order["domain"], order["detach"]) == ("shop", "production", False)
    (opened,) = node.names("openEnvironment")
    assert (opened["project"], opened["domain"]) == ("shop", "production")
    assert tasks.square.remote(3) == 9
    assert node.names("openEnvironment")[-1]["project"] == "default"


def test_a_name_of_a_run_may_have_the_letters_of_any_language(node):
    assert hearth.with_runcontext(name="Prüfung_2.b").run(tasks.square, 2).name == "Prüfung_2.b"


def test_a_name_that_is_taken_is_an_error_and_nothing_stays_open(node):
    hearth.with_runcontext(name="once").run(tasks.square, 2).result()
    with pytest.raises(errors.RuntimeUserError, match="A run once exists"):
        hearth.with_runcontext(name="once").run(tasks.square, 2)


def test_a_failed_run_raises_from_result_and_not_before(node):
    run = hearth.run(tasks.fail, 3)
    assert run.wait() == "FAILED"
    with pytest.raises(errors.BaseRuntimeError, match="3 is odd"):
        run.result()


def test_wait_gives_up_after_its_time(node):
    held = []
    node.behaviour["client.square"] = held.append
    run = hearth.run(tasks.square, 3)
    with pytest.raises(TimeoutError, match="it goes on"):
        run.wait(0.01)
    assert run.phase == "RUNNING"
    held[0].answer(9)
    assert run.result(20) == 9


def test_an_aborted_run_says_so(node):
    node.behaviour["client.square"] = lambda call: None
    run = hearth.run(tasks.square, 3)
    run.abort("changed my mind")
    assert run.wait() == "ABORTED"
    with pytest.raises(errors.ActionAbortedError, match="changed my mind"):
        run.result()


def test_an_ended_run_is_not_asked_for_again(node):
    started = hearth.run(tasks.square, 6)
    name = started.name
    started.wait()
    node.runs[name]["phase"] = "RUNNING"
    run = hearth.Run.get(name)
    assert run.details().phase == "RUNNING"
    node.runs[name]["phase"] = "SUCCEEDED"
    asked = len(node.names("get"))
    assert [run.details().phase for _ in range(3)] == ["SUCCEEDED"] * 3
    assert len(node.names("get")) == asked + 1


def test_details_and_actions_are_those_of_the_node(node):
    node.actions = [
        {"id": "1" * 32, "parent": "", "task": "client.square", "phase": "SUCCEEDED", "runUs": "1500", "attempt": 1}
    ]
    run = hearth.run(tasks.square, 3)
    run.result()
    details = run.details()
    assert (details.name, details.phase, details.duration, details.detached) == (run.name, "SUCCEEDED", 0.005, True)
    assert [(action.task, action.run) for action in run.actions()] == [("client.square", 0.0015)]


def test_logs_are_lines_whatever_the_frames_cut(node):
    text = "one\ntwo häuser\nthree".encode()
    cut = text.index("ä".encode()) + 1
    node.logs = [
        _frames.log(flags=1, call_hi=1, call_lo=2, unix_ns=5, replica=7, body=text[:cut]),
        _frames.log(flags=2, call_hi=1, call_lo=2, unix_ns=6, replica=7, body=b"oops\n"),
        _frames.log(flags=1, call_hi=1, call_lo=2, unix_ns=7, replica=7, dropped=10, body=text[cut:]),
    ]
    lines = list(hearth.run(tasks.square, 3).logs())
    assert [(line.text, line.stream) for line in lines] == [
        ("one", "out"),
        ("oops", "err"),
        ("[10 bytes of output were dropped here: the limit is reached]", "system"),
        ("two häuser", "out"),
        ("three", "out"),
    ]
    assert lines[0].action == f"{1:016x}{2:016x}" and lines[0].replica == 7


def test_every_blocking_form_of_a_run_has_an_awaitable_one(node):
    node.logs = [_frames.log(flags=1, call_hi=1, call_lo=2, body=b"hello\n")]

    async def program():
        run = await hearth.run.aio(tasks.square, 5)
        assert await run == 25 and await run.wait.aio() == "SUCCEEDED" and await run.outputs.aio() == (25,)
        assert (await run.details.aio()).phase == "SUCCEEDED"
        assert [line.text async for line in run.logs.aio()] == ["hello"]
        with pytest.raises(errors.OnlyAsyncIOSupportedError, match=r"await hearth\.run\.aio"):
            hearth.run(tasks.square, 5)

    asyncio.run(program())


def test_what_is_no_task_cannot_be_run(node):
    with pytest.raises(TypeError, match="takes a task"):
        hearth.run(len, [1])
    with pytest.raises(TypeError, match="no parameter 'y'"):
        hearth.run(tasks.square, y=3)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"mode": "hybrid"}, ValueError, "no hybrid mode"),
        ({"name": "Not A Name"}, ValueError, "cannot be the name of a run"),
        ({"name": "replica/7"}, ValueError, "use letters, digits"),
        ({"name": "two\nlines"}, ValueError, "cannot be the name of a run"),
        ({"name": "n" * 101}, ValueError, "at most 100"),
        ({"env_vars": {"A": "1"}}, ValueError, "TaskEnvironment\\(env_vars"),
        ({"max_action_concurrency": 1}, ValueError, "never start"),
        ({"dry_run": True}, ValueError, "hearth.deploy"),
        ({"nmae": "x"}, TypeError, "no parameter 'nmae'"),
    ],
)
def test_contexts_refuse_what_has_no_meaning(options, error, said):
    with pytest.raises(error, match=said):
        hearth.with_runcontext(**options)


def test_contexts_accept_what_cannot_change_the_result_and_say_it(caplog):
    hearth.with_runcontext(labels={"team": "a"}, copy_style="all", overwrite_cache=False, env_vars=None)
    assert "with_runcontext(labels=...) has no effect" in caplog.text
    assert "copy_style" in caplog.text and "overwrite_cache" not in caplog.text


# -- local ------------------------------------------------------------------------------------------------------------

local_env = hearth.TaskEnvironment("local")


@local_env.task
def leaf(x: int) -> int:
    assert hearth.ctx().task == "local.leaf"
    return x + 1


@local_env.task
async def aleaf(x: int) -> int:
    return x + 1


@local_env.task
def tree(n: int) -> list:
    me = hearth.ctx()
    assert (me.mode, me.depth, me.task) == ("local", 0, "local.tree")
    return [leaf(n), aleaf.remote(n), leaf.spawn(n).result(), *hearth.map(leaf, range(n)), *hearth.map(fails, range(2))]


@local_env.task
async def atree(n: int) -> list:
    mapped = [result async for result in hearth.map.aio(aleaf, range(n))]
    return [await aleaf(n), await leaf.aio(n), *mapped]


@local_env.task
def fails(x: int) -> int:
    if x:
        raise ValueError("not this one")
    return x


def test_a_local_run_needs_no_node_and_its_calls_are_plain_calls(monkeypatch, tmp_path):
    monkeypatch.setenv("HEARTH_SOCKET", str(tmp_path / "nobody.sock"))
    monkeypatch.setenv("HEARTH_NO_START", "1")
    run = hearth.with_runcontext(mode="local").run(tree, 2)
    *values, error = run.result()
    assert values == [3, 3, 3, 1, 2, 0] and isinstance(error, ValueError)
    assert hearth.with_runcontext(mode="local").run(atree, 2).result() == [3, 3, 1, 2]
    assert run.phase == "SUCCEEDED" and run.done()


def test_a_failed_local_run_raises_from_result():
    run = hearth.with_runcontext(mode="local").run(fails, 1)
    assert run.phase == "FAILED"
    with pytest.raises(ValueError, match="not this one"):
        run.result()


def test_a_task_that_starts_a_run_is_told_to_call(node):
    @local_env.task
    def wrong(n: int) -> int:
        return hearth.run(leaf, n).result()

    run = hearth.with_runcontext(mode="local").run(wrong, 1)
    with pytest.raises(errors.RuntimeUserError, match="a task calls others directly"):
        run.result()


# -- context ----------------------------------------------------------------------------------------------------------


def test_outside_of_tasks_there_is_no_context():
    assert hearth.ctx() is None


def test_groups_name_the_calls_in_their_block():
    @local_env.task
    def grouped() -> list:
        with hearth.group("outer"):
            with hearth.group("inner"):
                inner = hearth.ctx().group
            return [inner, hearth.ctx().group]

    assert hearth.with_runcontext(mode="local").run(grouped).result() == ["inner", "outer"]
    with pytest.raises(ValueError, match="needs a name"):
        hearth.group("")


def test_a_traced_helper_is_recorded_and_may_call_no_task(caplog):
    caplog.set_level("DEBUG", logger="hearth.trace")

    @hearth.trace
    def helper(x: int) -> int:
        return x + 1

    @hearth.trace
    async def ahelper(x: int) -> int:
        return leaf(x)

    @local_env.task
    def traced() -> int:
        return helper(1)

    @local_env.task
    async def nested() -> int:
        return await ahelper(1)

    assert helper(1) == 2 and not caplog.records
    assert hearth.with_runcontext(mode="local").run(traced).result() == 2
    assert "helper took" in caplog.text
    with pytest.raises(errors.TraceDoesNotAllowNestedTasksError):
        hearth.with_runcontext(mode="local").run(nested).result()


# -- setup ------------------------------------------------------------------------------------------------------------


def test_init_sets_project_and_domain_of_later_calls(node, place):
    hearth.init(project="shop", domain="staging")
    assert (current_project(), hearth.current_domain()) == ("shop", "staging")
    tasks.square.remote(1)
    assert node.names("openEnvironment")[-1]["project"] == "shop"


def test_init_refuses_what_it_cannot_honour(place):
    with pytest.raises(errors.ConfigurationError, match="is no name"):
        hearth.init(project="Not A Name")
    with pytest.raises(errors.ConfigurationError, match="hearth cluster login"):
        hearth.init(endpoint="dns:///example.org")
    with pytest.raises(TypeError, match="no parameter 'projct'"):
        hearth.init(projct="x")
    assert (current_project(), hearth.current_domain()) == ("default", "development")


def test_a_configuration_file_says_project_and_domain(place, tmp_path):
    pytest.importorskip("tomllib")
    file = tmp_path / "client.toml"
    file.write_text('[task]\nproject = "shop"\ndomain = "staging"\n')
    hearth.init_from_config(file, domain="production")
    assert (current_project(), hearth.current_domain()) == ("shop", "production")
    with pytest.raises(errors.ConfigurationError, match="no configuration file"):
        hearth.init_from_config(tmp_path / "absent.toml")


def test_deploy_names_environments_after_those_they_depend_on(node):
    base = hearth.TaskEnvironment("base")
    base.task(tasks.square.func)
    top = hearth.TaskEnvironment("top", depends_on=[base])
    top.task(tasks.join.func)
    deployed = deploy(top)
    assert [one.environment for one in deployed] == ["base", "top"]
    assert [value["name"] for value in node.names("deploy")] == ["base", "top"]


def test_deploy_reaches_the_node_also_when_the_environment_is_open_already(node):
    assert tasks.square.remote(3) == 9
    deployed = deploy(tasks.square.env)
    assert [value["name"] for value in node.names("deploy")] == [tasks.square.env.name]
    assert deployed[0].version and deployed[0].node == "fake"


def test_calls_while_a_module_is_imported_say_where_to_put_them(node):
    from hearth import _runtime

    with _runtime.importing("client_tasks"):
        for wrong in (
            lambda: tasks.square.remote(1),
            lambda: tasks.square.spawn(1),
            lambda: hearth.run(tasks.square, 1),
            lambda: hearth.map(tasks.square, [1]),
        ):
            with pytest.raises(errors.RuntimeUserError, match='if __name__ == "__main__"'):
                wrong()
    assert not node.sessions


def test_the_progress_of_a_run_reaches_its_slot(node):
    held = []

    def progress(call):
        held.append(call)
        ids = {"call_hi": call.frame.call_hi, "call_lo": call.frame.call_lo}
        call.session.put(_frames.signal(what=_frames.PROGRESS, **ids, value=12))

    node.behaviour["client.square"] = progress
    run = hearth.run(tasks.square, 1)
    until(lambda: run.done() or run.slot.done_calls == 12, "the progress arrives")
    held[0].answer(1)
    assert run.result() == 1
