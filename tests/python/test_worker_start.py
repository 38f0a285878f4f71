"""How an interpreter starts: isolation, imports, what it says when it cannot, and what a fork leaves behind."""

from __future__ import annotations

import os
import pickle
import select
import signal
import textwrap
from pathlib import Path
from typing import Callable

import pytest
from scripted_node import DEADLINE_S, ReplicaEnded, Zygote
from worker_fixtures import make, python

from hearth._codes import Code

Make = Callable[..., Zygote]


def ends(pidfd: int) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(DEADLINE_S * 1000))


LOOK = """
import os, resource, signal, sys

def targets():
    found = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{fd}"))
        except FileNotFoundError:  # the listing's own
            pass
    return found

@env.task
def look():
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return {
        "no_new_privs": status["NoNewPrivs"].strip(),
        "descriptors": sorted(int(fd) for fd in os.listdir("/proc/self/fd")),
        "targets": targets(),
        "stdin": os.readlink("/proc/self/fd/0"),
        "leader": os.getsid(0) == os.getpid(),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "umask": os.umask(0o077),
        "omp": os.environ["OMP_NUM_THREADS"],
        "mkl": os.environ["MKL_NUM_THREADS"],
        "mine": os.environ.get("MINE"),
        "cwd": os.getcwd(),
        "path": sys.path[0],
        "main": sorted(name for name in vars(sys.modules["__main__"]) if not name.startswith("__")),
    }
"""


def test_an_interpreter_is_isolated_before_it_runs_the_users_code(make: Make) -> None:
    zygote = make(LOOK, "look", threads=3, filesMax=100, variables={"MINE": "yes", "MKL_NUM_THREADS": "7"})
    seen = zygote.start().call(0)
    assert seen["no_new_privs"] == "1"
    assert seen["stdin"] == "/dev/null"
    assert seen["leader"]
    assert seen["core"] == (0, 0)
    assert seen["files"] == 100
    assert seen["umask"] == 0o077
    assert (seen["omp"], seen["mkl"], seen["mine"]) == ("3", "7", "yes")
    assert (seen["cwd"], seen["path"]) == (str(zygote.folder), str(zygote.folder))
    assert seen["main"] == []


def test_a_fork_has_no_descriptors_of_its_zygote_or_its_siblings(make: Make) -> None:
    zygote = make(LOOK, "look")
    first, second = zygote.start(), zygote.start()
    a, b = first.call(0), second.call(0)
    assert [target for target in b["targets"] if "pidfd" in target] == []
    assert len([target for target in b["targets"] if target.startswith("socket:")]) == 1
    assert len(b["descriptors"]) == len(a["descriptors"])


def test_the_loaded_code_is_ready_to_fork_and_says_how_long_it_took(make: Make) -> None:
    ready = make("@env.task\ndef f(): return 1", "f").event["ready"]
    assert ready["canFork"] and ready["spawnReason"] == ""
    assert int(ready["importUs"]) > 0
    assert ready["python"].startswith("3.")


def test_replicas_draw_different_random_numbers(make: Make) -> None:
    code = """
import random
random.seed(7)

@env.task
def draw():
    return random.random()
"""
    zygote = make(code, "draw")
    assert zygote.start().call(0) != zygote.start().call(0)


def test_replicas_draw_different_numbers_from_numpy_and_generators_are_warned_of(make: Make) -> None:
    code = """
try:
    import numpy
    numpy.random.seed(7)
    rng = numpy.random.default_rng(7)
except ImportError:
    numpy = None

@env.task
def draw():
    return None if numpy is None else float(numpy.random.random())
"""
    zygote = make(code, "draw")
    first, second = zygote.start().call(0), zygote.start().call(0)
    if first is None:
        pytest.skip("this interpreter has no NumPy")
    assert first != second
    assert "m.rng is a NumPy generator made at import" in zygote.stderr()


# -- failures --------------------------------------------------------------------------------------------------------


def test_an_error_in_the_users_module_names_its_place(make: Make) -> None:
    zygote = make("\nx = 1\ny = 1 / 0  # here\n", "f", head="")
    failed = zygote.event["failed"]
    assert failed["code"] == Code.MODULE_LOAD
    assert failed["message"].splitlines() == [
        "Cannot import 'm' (the module of task 'demo.f'): ZeroDivisionError: division by zero",
        f'  File "{zygote.folder}/m.py", line 3: y = 1 / 0  # here',
    ]
    assert "Traceback" not in zygote.stderr()


def test_a_syntax_error_names_its_place(make: Make) -> None:
    zygote = make("def f(:\n", "f", head="")
    assert f'File "{zygote.folder}/m.py", line 1: def f(:' in zygote.failure
    assert "SyntaxError" in zygote.failure


def test_a_package_that_is_not_installed_is_told_from_a_file_that_is_not_in_the_bundle(make: Make) -> None:
    package = make("import nowhere_at_all\n", "f", head="")
    assert "line 1: import nowhere_at_all" in package.failure
    assert "not installed in" in package.failure and "HEARTH_PYTHON" in package.failure and "python=" in package.failure
    file = make("import parts.missing\n", "f", head="", files={"parts/__init__.py": ""})
    assert "missing in the code bundle" in file.failure and str(file.folder) in file.failure
    assert "include=" in file.failure


def test_a_missing_module_of_a_task_is_missing_in_the_bundle(make: Make) -> None:
    zygote = make("", "f", preload=["absent.module"])
    assert "named in preload=" in zygote.failure


def test_a_function_that_the_module_does_not_define_is_named(make: Make) -> None:
    zygote = make("@env.task\ndef f(): return 1", "f", "g")
    assert "defines no 'g'" in zygote.failure and "demo.g" in zygote.failure


def test_a_function_by_value_is_loaded_from_its_file(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "code0"  # where `make` puts the first zygote's code
    folder.mkdir()
    (folder / "f.pkl").write_bytes(pickle.dumps(textwrap.dedent))
    zygote = make("", "dedent:pickle:f.pkl")
    assert zygote.start().call(0, {"text": "  x"}) == "x"


def test_a_function_by_value_that_cannot_be_loaded_says_why(make: Make, tmp_path: Path) -> None:
    assert "'absent.pkl' is missing in the code bundle" in make("", "f:pickle:absent.pkl").failure
    (tmp_path / "code1").mkdir()
    (tmp_path / "code1" / "f.pkl").write_bytes(b"cnowhere_at_all\nf\n.")
    damaged = make("", "f:pickle:f.pkl").failure
    assert "sent by value" in damaged and "No module named 'nowhere_at_all'" in damaged and "Traceback" not in damaged


def test_a_module_that_exits_fails_instead_of_ending_the_interpreter_silently(make: Make) -> None:
    assert "calls exit(3)" in make("raise SystemExit(3)\n", "f", head="").failure


def test_a_call_to_a_node_while_the_module_is_imported_is_refused_with_advice(make: Make) -> None:
    zygote = make("@env.task\ndef f(): return 1\nf.remote()\n", "f")
    assert 'if __name__ == "__main__"' in zygote.failure


def test_an_interpreter_that_is_too_old_is_named() -> None:
    # The check itself must be readable by any Python: no syntax of today in boot.py.
    import ast

    import scripted_node

    with open(scripted_node.BOOT, encoding="utf-8") as file:
        ast.parse(file.read(), feature_version=(3, 4))


# -- fork or spawn ---------------------------------------------------------------------------------------------------


def test_a_thread_started_at_import_makes_replicas_spawn_and_says_so(make: Make) -> None:
    code = """
import threading
threading.Thread(target=threading.Event().wait, name="poller", daemon=True).start()

@env.task
def f():
    return [thread.name for thread in threading.enumerate()]
"""
    zygote = make(code, "f")
    ready = zygote.event["ready"]
    assert not ready["canFork"]
    assert "'poller'" in ready["spawnReason"]
    assert "poller" in zygote.start(order="become").call(0)


@pytest.mark.parametrize(
    "code, word",
    [
        ("import socket\ns = socket.socket()\n", "socket"),
        ("import select\ne = select.epoll()\n", "event loop"),
    ],
)
def test_what_does_not_survive_a_fork_is_a_reason_to_spawn(make: Make, code: str, word: str) -> None:
    ready = make(code + "def f(): return 1\n", "f", head="").event["ready"]
    assert not ready["canFork"] and word in ready["spawnReason"]


def test_spawning_can_be_asked_for(make: Make) -> None:
    ready = make("def f(): return 1\n", "f", head="", forceSpawn=True).event["ready"]
    assert not ready["canFork"] and ready["spawnReason"]


def test_idle_blas_threads_are_no_reason_to_spawn(make: Make) -> None:
    code = """
try:
    import numpy
    a = numpy.ones((600, 600))
    a @ a
except ImportError:
    numpy = None

@env.task
def f():
    return None if numpy is None else float((a @ a)[0, 0])
"""
    zygote = make(code, "f", threads=2)
    assert zygote.event["ready"]["canFork"], zygote.event
    assert zygote.start().call(0) in (None, 600.0)


# -- ends ------------------------------------------------------------------------------------------------------------


def test_the_end_of_a_replica_is_reported_with_its_status_and_signal(make: Make) -> None:
    code = """
import os, signal

@env.task
def leave(code):
    os._exit(code)

@env.task
def crash():
    os.kill(os.getpid(), signal.SIGSEGV)
"""
    zygote = make(code, "leave", "crash")
    first, second = zygote.start(), zygote.start()
    first.submit(0, {"code": 9})
    assert zygote.next_event()["exited"] == {"replica": "1", "pid": first.pid, "status": 9, "signal": 0}
    second.submit(1)
    event = zygote.next_event()["exited"]
    assert (event["status"], event["signal"]) == (128 + signal.SIGSEGV, signal.SIGSEGV)


def test_a_fork_that_fails_costs_one_replica_and_not_the_zygote(make: Make) -> None:
    code = """
import os

real, tries = os.fork, []

def fork():
    tries.append(1)
    if len(tries) == 1:
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return real()

os.fork = fork

@env.task
def f():
    return 1
"""
    zygote = make(code, "f")
    with pytest.raises(ReplicaEnded, match="Resource temporarily unavailable"):
        zygote.start()
    assert zygote.start().call(0) == 1


def test_replicas_and_zygote_end_with_the_control_socket(make: Make) -> None:
    zygote = make("def f(): return 1\n", "f", head="")
    replica = zygote.start()
    zygote.control.close()
    assert ends(replica.pidfd)
    assert zygote.wait_for_end() == 0


def test_a_replica_ends_when_its_socket_closes_even_while_user_code_runs(make: Make) -> None:
    code = """
import threading, time

@env.task
def spin():
    threading.Thread(target=time.sleep, args=(3600,)).start()
    return "started"
"""
    replica = make(code, "spin").start()
    assert replica.call(0) == "started"
    replica.socket.close()
    assert ends(replica.pidfd)


def test_a_replica_that_reads_garbage_ends_with_a_message(make: Make) -> None:
    zygote = make("def f(): return 1\n", "f", head="")
    replica = zygote.start()
    replica.send(b"\xff" * 64)
    event = zygote.next_event()["exited"]
    assert event["status"] == 1
    assert "cannot be understood" in replica.printed() and "Traceback" not in replica.printed()


def test_a_fresh_replica_serves_one_call_and_exits(make: Make) -> None:
    for tasks in (["f"], ["f", "async g"]):
        zygote = make("@env.task\ndef f(): return 1\n@env.task\nasync def g(): return 2\n", *tasks)
        replica = zygote.start(fresh=True)
        assert replica.call(len(tasks) - 1) == len(tasks)
        assert zygote.next_event()["exited"]["status"] == 0


def test_a_process_that_user_code_forks_does_not_keep_the_socket(make: Make) -> None:
    code = """
import os, time

@env.task
def orphan():
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
    return pid
"""
    zygote = make(code, "orphan")
    replica = zygote.start()
    pid = replica.call(0)
    try:
        os.kill(replica.pid, signal.SIGKILL)
        with pytest.raises((EOFError, ConnectionResetError)):
            replica.next()
    finally:
        os.kill(pid, signal.SIGKILL)
