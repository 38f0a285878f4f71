"""`hearth serve FILE [APP ...]` and `hearth deploy FILE [ENV ...]`: what is deployed, what is told, and what is refused how."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Tuple

import pytest
from fake_node import FakeNode

import hearth
from hearth._client import shared

HERE = Path(__file__).resolve().parent
FILE = "served_program.py"
VERSION = "0123456789abcde"


@pytest.fixture
def node(tmp_path):
    made = FakeNode(str(tmp_path / "node.sock"))
    made.listings["apps"] = lambda name: [{"name": name.rpartition("/")[2], "status": "ACTIVE"}]
    yield made
    shared.disconnect()
    made.close()


def run(node: Any, *words: str, folder: Path = HERE) -> Tuple[int, str, str]:
    """(exit status, standard output, standard error) of `hearth WORDS`."""
    environment = dict(os.environ, PYTHONPATH=str(Path(hearth.__file__).resolve().parents[1]), HEARTH_NO_START="1")
    environment["HEARTH_SOCKET"] = node.path if node else "/nonexistent/node.sock"
    done = subprocess.run(
        [sys.executable, "-m", "hearth._client.serve_command", *words], cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_all_apps_of_a_file_are_served_and_it_is_told_where_they_are(node):
    status, out, err = run(node, "serve", FILE)
    assert status == 0, err
    assert out == (
        f"web    {VERSION}  /apps/default/development/web/\n"
        f"admin  {VERSION}  /apps/default/development/admin/\n"
    )
    socket = node.path.replace("node.sock", "node.http.sock")
    assert err == f"Ask it: curl --unix-socket {socket} http://localhost/apps/default/development/web/\n"
    assert [told["name"] for told in node.names("deploy")] == ["web", "admin"]


def test_only_the_named_apps_are_served_where_the_options_say(node):
    status, out, _ = run(node, "serve", FILE, "admin", "--project", "shop", "--domain", "staging", "--wait", "-o", "json")
    assert status == 0
    assert [(row["name"], row["endpoint"], row["new"]) for row in json.loads(out)] == [("admin", "/apps/shop/staging/admin/", True)]
    assert [(told["name"], told["project"]) for told in node.names("deploy")] == [("admin", "shop")]


def test_deploy_takes_environments_of_both_kinds(node):
    status, out, _ = run(node, "deploy", FILE)
    assert status == 0
    assert [line.split() for line in out.splitlines()] == [
        ["web", VERSION, "new"], ["admin", VERSION, "new"], ["numbers", VERSION, "new"]
    ]  # fmt: skip
    assert run(node, "deploy", FILE, "numbers")[0] == 0
    assert node.names("deploy")[-1]["name"] == "numbers"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("serve", FILE, "wbe"), "has no 'wbe'. Did you mean web? It has web, admin."),
        (("serve", FILE, "numbers"), "has no 'numbers'. It has web, admin."),
        (("serve", "served_programm.py"), "There is no file served_programm.py. Did you mean served_program.py?"),
        (("serve", "client_tasks.py"), "has no apps. Declare a hearth.app.AppEnvironment in it; `hearth deploy client_tasks.py`"),
        (("deploy", "tree_of_nothing.py"), "There is no file"),
        (("serve",), "the following arguments are required: FILE. "),
        (("serve", FILE, "--replicas", "3"), "unrecognized arguments: --replicas"),
        (("serve", FILE, "--project", "No Name"), "project='No Name' is no name"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(node, words, said):
    status, out, err = run(node, *words)
    assert (status, out) == (2, "") and said in err and err.startswith("hearth: "), err
    assert not node.names("deploy")


def test_a_program_that_does_not_load_is_shown_with_its_own_lines(node, tmp_path):
    (tmp_path / "broken.py").write_text("import hearth\nimport no_such_module\n")
    status, _, err = run(node, "serve", "broken.py", folder=tmp_path)
    assert status == 1 and "broken.py" in err and "No module named 'no_such_module'" in err and "_client" not in err


def test_two_environments_of_one_name_are_refused(node, tmp_path):
    (tmp_path / "twice.py").write_text(
        "import hearth.app\nasync def a(scope, receive, send): ...\n"
        "one = hearth.app.AppEnvironment('web', app=a)\ntwo = hearth.app.AppEnvironment('web', app=a)\n"
    )
    status, _, err = run(node, "serve", "twice.py", folder=tmp_path)
    assert status == 2 and "two environments named web" in err


def test_without_a_node_it_says_so(tmp_path):
    status, _, err = run(None, "serve", FILE)
    assert status == 3 and err.startswith("hearth: ")
