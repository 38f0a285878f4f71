"""`hearth run FILE TASK`: options from signatures, output, exit status, interrupts, and errors on one screen."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import command_program
import pytest
from fake_node import FakeNode, until

import hearth
from hearth._client import shared

HERE = Path(__file__).resolve().parent
FILE = "command_program.py"


@pytest.fixture
def node(tmp_path):
    """A fake node that serves the tasks of command_program.py."""
    made = FakeNode(str(tmp_path / "node.sock"), *command_program.env.tasks.values())
    yield made
    shared.disconnect()
    made.close()


def start(node, *words: str, folder: Path = HERE) -> "subprocess.Popen[str]":
    environment = dict(os.environ, PYTHONPATH=str(Path(hearth.__file__).resolve().parents[1]), HEARTH_NO_START="1")
    environment["HEARTH_SOCKET"] = node.path if node else "/nonexistent/node.sock"
    return subprocess.Popen(
        [sys.executable, "-m", "hearth._client.run_command", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(node, *words: str, folder: Path = HERE):
    """(exit status, standard output, standard error) of `hearth run WORDS`."""
    process = start(node, *words, folder=folder)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


# -- inputs -----------------------------------------------------------------------------------------------------------


def test_the_result_is_the_last_line_and_the_run_is_announced(node):
    status, out, err = run(node, FILE, "main", "--n", "3")
    assert status == 0
    assert out == "[3, 1.0, False, None, [1, 2], 'RED', None, None]\n"
    assert "run r000000000000: program.main with /" in err and "on private node fake" in err


def test_options_have_the_types_of_the_signature(node):
    words = "--n 5 --scale 2 --fast --label none --numbers [4,5] --colour GREEN".split()
    status, out, _ = run(node, FILE, "main", *words, "--point", '{"x": 7}', "--table", '{"a": [1]}')
    assert (status, out) == (0, "[5, 2.0, True, None, [4, 5], 'GREEN', [7, 0.5], {'a': [1]}]\n")


def test_a_json_input_may_be_in_a_file(node, tmp_path):
    (tmp_path / "numbers.json").write_text("[7, 8, 9]")
    status, out, _ = run(node, FILE, "main", "--n=1", "--numbers", f"@{tmp_path / 'numbers.json'}", "--no-fast")
    assert status == 0 and "[7, 8, 9]" in out


def test_file_and_task_may_be_one_word(node):
    assert run(node, FILE + ":main", "--n", "1")[0] == 0
    assert run(node, "command_program:main", "--n", "1")[0] == 0


def test_an_input_may_be_called_like_an_option_of_the_command(node):
    status, out, _ = run(node, "--name", "named", FILE, "name_it", "--name", "a", "--output", "b")
    assert (status, out) == (0, "'ab'\n")
    assert list(node.runs) == ["named"]


def test_options_of_the_command_may_follow_the_inputs(node):
    status, _, _ = run(node, FILE, "main", "--n", "1", "--name", "later", "--project", "shop", "--domain", "production")
    assert status == 0
    assert node.runs["later"]["project"] == "shop" and node.runs["later"]["domain"] == "production"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--n", "abc"], "'abc' is no int"),
        ([], "the following arguments are required: --n"),
        (["--n", "1", "--colour", "BLUE"], "choose from RED, GREEN"),
        (["--n", "1", "--numbers", "[1, \"two\"]"], "is no list[int]"),
        (["--n", "1", "--point", '{"z": 1}'], "is no Point | none"),
        (["--n", "1", "--wrong", "2"], "unrecognized arguments: --wrong 2"),
    ],
)
def test_wrong_inputs_are_said_in_a_line_with_status_2(node, words, said):
    status, out, err = run(node, FILE, "main", *words)
    assert status == 2 and out == ""
    assert said in err and "hearth run command_program.py main --help" in err and len(err.splitlines()) == 1
    assert not node.runs


def test_a_file_with_the_name_of_a_standard_module_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "bisect.py").write_text((HERE / FILE).read_text())
    status, _, err = run(None, str(tmp_path / "bisect.py"), "main", "--n", "1", folder=HERE)
    assert status == 2 and len(err.splitlines()) == 1
    assert "clashes with the module bisect of the standard library; rename the file" in err
    (tmp_path / "hearth.py").write_text("")
    assert "clashes with the module hearth" in run(None, str(tmp_path / "hearth.py"), "main")[2]


@pytest.mark.parametrize("name", ["replica/7", "two\nlines", "bell\a", "n" * 101, "", "-f", "with space"])
def test_a_name_that_commands_could_not_be_told_is_refused(node, name):
    status, _, err = run(node, FILE, "main", "--n", "1", f"--name={name}")
    assert status == 2 and len(err.splitlines()) == 1
    assert "cannot be the name of a run: use letters, digits, '-', '_' and '.', at most 100" in err
    assert not node.runs


@pytest.mark.parametrize("closed", [(1,), (0, 1, 2)])
def test_a_run_whose_output_is_closed_succeeds(node, closed):
    shell = " ".join(f"{number}>&-" for number in closed)
    environment = dict(os.environ, PYTHONPATH=str(Path(hearth.__file__).resolve().parents[1]), HEARTH_NO_START="1")
    environment["HEARTH_SOCKET"] = node.path
    node.behaviour["program.main"] = lambda call: (call.print("hello\n"), node.execute(call))
    words = [sys.executable, "-m", "hearth._client.run_command", FILE, "main", "--n", "1"]
    command = f'exec "$@" {shell}'
    done = subprocess.run(["sh", "-c", command, "sh", *words], cwd=HERE, env=environment, timeout=60)
    assert done.returncode == 0
    assert node.runs["r000000000000"]["phase"] == "SUCCEEDED"


def test_help_of_a_task_shows_its_inputs_with_types_and_defaults():
    status, out, _ = run(None, FILE, "main", "--help")
    assert status == 0
    for part in ("Does what it is told.", "--n int", "required", "--scale float", "default: 1.0", "--fast, --no-fast",
                 "--colour RED|GREEN", "default: RED", "--numbers list[int]"):  # fmt: skip
        assert part in out


def test_without_a_task_the_tasks_are_listed():
    status, out, _ = run(None, FILE)
    assert status == 2
    assert "main(n: int, scale: float = 1.0" in out and "Does what it is told." in out and "broken" in out
    assert run(None, FILE, "--help")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([FILE, "mian"], "Did you mean main?"),
        (["command_progam.py", "main"], "Did you mean command_program.py?"),
        (["no.such.module:main"], "no module 'no.such.module'"),
        (["fake_node.py", "main"], "has no tasks"),
        ([".", "main"], "is a folder"),
    ],
)
def test_what_is_not_there_is_answered_with_the_nearest_name(words, said):
    status, _, err = run(None, *words)
    assert status == 2 and said in err and "Traceback" not in err


def test_a_file_that_cannot_be_imported_shows_the_users_lines_only(tmp_path):
    (tmp_path / "wrong.py").write_text("import hearth\n\ndef load():\n    import no_such_package\n\nload()\n")
    status, _, err = run(None, "wrong.py", "main", folder=tmp_path)
    assert status == 1
    assert "wrong.py\", line 4" in err and "No module named 'no_such_package'" in err
    assert "importlib" not in err and "hearth/_client" not in err
    (tmp_path / "syntax.py").write_text("def f(:\n")
    status, _, err = run(None, "syntax.py", "f", folder=tmp_path)
    assert status == 1 and "syntax.py" in err and "SyntaxError" in err and "hearth/_client" not in err


def test_a_program_that_calls_while_it_is_imported_is_told_about_main(tmp_path):
    (tmp_path / "calls.py").write_text(
        "import hearth\nenv = hearth.TaskEnvironment('e')\n@env.task\ndef f() -> int:\n    return 1\nf.remote()\n"
    )
    status, _, err = run(None, "calls.py", "f", folder=tmp_path)
    assert status == 1 and 'if __name__ == "__main__"' in err


# -- output -----------------------------------------------------------------------------------------------------------


def test_json_is_all_that_json_readers_get(node):
    node.behaviour["program.shape"] = lambda call: (call.print("noise\n"), node.execute(call))
    status, out, err = run(node, FILE, "shape", "-o", "json")
    assert status == 0 and "noise" in err
    assert json.loads(out) == {
        "run": "r000000000000",
        "task": "program.shape",
        "phase": "SUCCEEDED",
        "result": {"point": {"x": 1, "y": 0.5}, "colour": "GREEN", "raw": "YWI=", "nothing": None},
    }


def test_output_of_the_task_goes_where_it_belongs(node):
    node.behaviour["program.shape"] = lambda call: (
        call.print("to out\nand more"),
        call.print("to err\n", stream=2),
        node.execute(call),
    )
    status, out, err = run(node, FILE, "shape")
    assert status == 0
    first, second, result = out.splitlines()
    assert (first, second) == ("to out", "and more") and result.startswith("{'point'")
    assert "to err\n" in err


def test_a_failed_run_has_status_1_and_no_trace_of_the_runtime(node):
    def fail(call):
        call.session.finished(call)
        call.fail(1, "ValueError: no luck with 4")

    node.behaviour["program.broken"] = fail
    status, out, err = run(node, FILE, "broken", "--x", "4")
    assert status == 1 and out == ""
    assert "run r000000000000 failed" in err and "no luck with 4" in err and "hearth/_client" not in err
    status, out, _ = run(node, FILE, "broken", "-o", "json")
    assert status == 1 and "no luck" in json.loads(out)["error"]["message"]


def test_local_runs_need_no_node_and_show_the_users_frames():
    status, out, err = run(None, "--local", FILE, "main", "--n", "2")
    assert status == 0 and out.startswith("[2, 1.0")
    status, _, err = run(None, FILE, "broken", "--local", "--x", "9")
    assert status == 1 and "no luck with 9" in err and "in helper" in err and "hearth/_client" not in err
    assert run(None, FILE, "broken", "--local", "--detach")[0] == 2


def test_without_a_node_the_status_is_3():
    status, out, err = run(None, FILE, "main", "--n", "1")
    assert status == 3 and out == "" and "hearth node start" in err and len(err.splitlines()) == 1


# -- detaching and interrupts -----------------------------------------------------------------------------------------


def test_a_detached_run_prints_its_name_and_says_how_to_find_it(node):
    node.behaviour["program.forever"] = lambda call: None
    status, out, err = run(node, "--detach", FILE, "forever")
    assert (status, out) == (0, "r000000000000\n")
    assert "goes on by itself" in err and "hearth logs -f r000000000000" in err
    assert node.runs["r000000000000"]["detached"] is True
    assert not any("aborted" in line for line in err.splitlines())


def test_ctrl_c_aborts_the_run_and_names_it(node):
    node.behaviour["program.forever"] = lambda call: None
    process = start(node, FILE, "forever")
    assert process.stderr.readline().startswith("run r000000000000")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Aborting run r000000000000" in err and "The run r000000000000 is aborted." in err
    assert "Traceback" not in err
    assert node.names("abort") == [{"run": "r000000000000", "action": "", "reason": "interrupted by Ctrl-C"}]


def test_ctrl_c_before_the_run_is_accepted_takes_it_back(node):
    asked = []
    node.never_accepts = True
    node.behaviour["program.forever"] = asked.append
    process = start(node, FILE, "forever")
    until(lambda: asked, "the call arrives")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "before the node had accepted the run" in err
    assert asked[0].cancelled.wait(20)


def test_ctrl_c_leaves_a_detached_run_that_is_followed(node):
    node.behaviour["program.forever"] = lambda call: None
    process = start(node, "--detach", "-f", FILE, "forever")
    assert process.stderr.readline().startswith("run r000000000000")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "goes on" in err
    assert not node.names("abort") and not node.signals


# -- the console script -----------------------------------------------------------------------------------------------


def script(path: str, *words: str):
    """(status, standard output, standard error) of the console script with this PATH."""
    source = str(Path(hearth.__file__).resolve().parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "hearth._client.command", *words],
        cwd=HERE,
        env={"PATH": path, "PYTHONPATH": source, "HEARTH_NO_START": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_console_script_becomes_the_program_of_the_same_name(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "scripts" / "hearth").write_text("#!/bin/sh\necho a script of the same name\n")
    (tmp_path / "scripts" / "hearth").chmod(0o755)
    shutil.copy(shutil.which("echo") or "/bin/echo", tmp_path / "bin" / "hearth")
    assert script(f"{tmp_path / 'scripts'}:{tmp_path / 'bin'}", "get", "runs")[:2] == (0, "get runs\n")


def test_without_the_program_the_console_script_runs_tasks_and_says_what_is_missing(tmp_path):
    status, out, _ = script(str(tmp_path), "run", "--local", FILE, "main", "--n", "2")
    assert status == 0 and out.startswith("[2, ")
    status, _, err = script(str(tmp_path), "get", "runs")
    assert status == 3 and "not installed" in err
