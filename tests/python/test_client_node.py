"""Finding the node, and starting one: exactly one, in the right place, with an error that helps when it cannot be."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from pathlib import Path

import pytest
from fake_node import until

from hearth import errors
from hearth._client import node

# A node program that does what a start needs: it listens, after a while, and says who it is.
_DAEMON = """#!{python}
import os, socket, sys, time
path = os.environ["HEARTH_SOCKET"]
with open(path + ".started", "a") as file:
    file.write(f"{{os.getpid()}} {{' '.join(sys.argv[1:])}}\\n")
{before}
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(64)
while True:
    listener.accept()
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder of one's own for socket and state; nodes that were started there are ended."""
    for name in ("HEARTHD", "HEARTH_SOCKET", "HEARTH_CLUSTER", "XDG_RUNTIME_DIR", "HEARTH_NO_START"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEARTH_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HEARTH_SOCKET", str(tmp_path / "socket" / "node.sock"))
    yield tmp_path
    for pid in _started(tmp_path):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    for process in node._started:
        process.wait(20)
    node._started.clear()


def _started(place: Path):
    record = place / "socket" / "node.sock.started"
    return [int(line.split()[0]) for line in record.read_text().splitlines()] if record.exists() else []


def _daemon(place: Path, monkeypatch, before: str = "") -> None:
    program = place / "hearthd"
    program.write_text(_DAEMON.format(python=sys.executable, before=before))
    program.chmod(0o755)
    monkeypatch.setenv("HEARTHD", str(program))


def test_the_socket_is_the_named_one_else_that_of_the_session_else_one_in_tmp(place, monkeypatch):
    assert node.socket_path() == str(place / "socket" / "node.sock")
    monkeypatch.delenv("HEARTH_SOCKET")
    assert node.socket_path() == f"/tmp/hearth-{os.getuid()}/node.sock"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place / "absent"))
    assert node.socket_path() == f"/tmp/hearth-{os.getuid()}/node.sock"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    assert node.socket_path() == str(place / "hearth" / "node.sock")


def test_a_node_is_started_as_a_private_one_and_found_afterwards(place, monkeypatch):
    _daemon(place, monkeypatch)
    node.connect_or_start().close()
    node.connect_or_start().close()
    assert len(_started(place)) == 1
    assert (place / "socket" / "node.sock.started").read_text().split()[1:] == ["--private"]


def test_a_started_node_is_no_child_of_the_terminal(place, monkeypatch):
    _daemon(place, monkeypatch)
    node.connect_or_start().close()
    (pid,) = _started(place)
    assert os.getsid(pid) == pid


def test_clients_that_come_at_the_same_moment_start_one_node(place, monkeypatch):
    _daemon(place, monkeypatch, before="time.sleep(0.2)")
    problems = []

    def connect():
        try:
            node.connect_or_start().close()
        except errors.NodeUnavailableError as error:
            problems.append(error)

    threads = [threading.Thread(target=connect) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not problems
    assert len(_started(place)) == 1


def test_a_node_that_dies_while_it_starts_shows_its_last_words(place, monkeypatch):
    _daemon(place, monkeypatch, before="sys.exit('the disk is full')")
    with pytest.raises(errors.NodeUnavailableError, match=r"ended with status 1 .*\n  the disk is full"):
        node.connect_or_start()


def test_a_node_that_never_listens_is_ended(place, monkeypatch):
    _daemon(place, monkeypatch, before="time.sleep(3600)")
    with pytest.raises(errors.NodeUnavailableError, match="does not listen"):
        node.connect_or_start(timeout=1.0)
    (process,) = node._started
    until(lambda: process.poll() is not None, "the node ends")


def test_a_variable_forbids_starting(place, monkeypatch):
    _daemon(place, monkeypatch)
    monkeypatch.setenv("HEARTH_NO_START", "1")
    with pytest.raises(errors.NodeUnavailableError, match="`hearth node start`"):
        node.connect_or_start()
    assert not _started(place)


def test_a_daemon_that_is_named_and_absent_is_an_error(place, monkeypatch):
    monkeypatch.setenv("HEARTHD", str(place / "absent"))
    with pytest.raises(errors.NodeUnavailableError, match="HEARTHD names .*absent, which is not a program"):
        node.connect_or_start()


def test_a_daemon_beside_the_command_on_path_is_found(place, monkeypatch):
    _daemon(place, monkeypatch)
    monkeypatch.delenv("HEARTHD")
    command = place / "hearth"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(place))
    assert node.find_daemon() == str(place / "hearthd")


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o707])
def test_a_folder_that_others_may_use_is_refused(place, monkeypatch, mode):
    monkeypatch.delenv("HEARTH_SOCKET")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    (place / "hearth").mkdir()
    (place / "hearth").chmod(mode)
    with pytest.raises(errors.NodeUnavailableError, match=f"mode {mode:o}.*cannot be trusted"):
        node.connect_or_start()


def test_a_link_in_place_of_the_folder_is_refused(place, monkeypatch):
    monkeypatch.delenv("HEARTH_SOCKET")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    (place / "elsewhere").mkdir(mode=0o700)
    (place / "hearth").symlink_to(place / "elsewhere")
    with pytest.raises(errors.NodeUnavailableError, match="cannot be trusted"):
        node.connect_or_start()


def test_the_folder_of_the_socket_is_made_for_this_user_alone(place, monkeypatch):
    monkeypatch.delenv("HEARTH_SOCKET")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    _daemon(place, monkeypatch, before="sys.exit(3)")
    with pytest.raises(errors.NodeUnavailableError):
        node.connect_or_start()
    assert stat.S_IMODE(os.stat(place / "hearth").st_mode) == 0o700


def test_a_socket_path_that_is_too_long_is_said_to_be(place, monkeypatch):
    monkeypatch.setenv("HEARTH_SOCKET", str(place / ("x" * 120)))
    with pytest.raises(errors.NodeUnavailableError, match="longer than a Unix socket allows"):
        node.connect_or_start()
