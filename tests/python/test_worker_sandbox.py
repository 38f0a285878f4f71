"""What an error of a task in a sandbox says about the path that it names."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any

import pytest

from hearth._worker import sandbox


def settings_of(*mounts: str, in_sandbox: bool = True) -> Any:
    return SimpleNamespace(mounts=mounts, in_sandbox=in_sandbox, code_directory="/state/bundles/0f/tree")


def failing(code: int, path: Any = "/data/sets/in.csv") -> OSError:
    return OSError(code, "said by the system", path)


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EACCES, errno.ENOTDIR])
@pytest.mark.parametrize("path", ["/data/sets/in.csv", b"/data/sets/in.csv"])
def test_a_hidden_path_is_told_with_the_mount_that_shows_it(code: int, path: Any) -> None:
    assert "mounts=('/data/sets',)" in sandbox.hint(failing(code, path), settings_of())


def test_a_file_in_the_nodes_tmp_is_hidden_by_that_of_the_sandbox() -> None:
    assert "mounts=('/tmp/sets',)" in sandbox.hint(failing(errno.ENOENT, "/tmp/sets/in.csv"), settings_of())


def test_a_path_at_the_top_is_its_own_mount() -> None:
    assert "mounts=('/data',)" in sandbox.hint(failing(errno.ENOENT, "/data"), settings_of("/other:rw"))


@pytest.mark.parametrize("path", ["/usr/share/x", "/dev/x", "/state/bundles/0f/tree/x", "/shown/x", "/shown"])
def test_what_the_sandbox_does_not_hide_is_no_matter_of_it(path: str) -> None:
    assert sandbox.hint(failing(errno.ENOENT, path), settings_of("/shown", "/written:rw")) == ""


def test_writing_where_it_is_read_only_is_told_with_what_lets_one_write() -> None:
    assert "mounts=('/shown:rw',)" in sandbox.hint(failing(errno.EROFS, "/shown/out"), settings_of("/shown"))
    assert "read-only" in sandbox.hint(failing(errno.EROFS, "/state/bundles/0f/tree/out"), settings_of())
    assert sandbox.hint(failing(errno.EACCES, "/written/out"), settings_of("/written:rw")) == ""


def test_other_errors_and_other_places_say_nothing_of_sandboxes() -> None:
    assert sandbox.hint(failing(errno.ENOSPC), settings_of()) == ""
    assert sandbox.hint(ValueError("/data"), settings_of()) == ""
    assert sandbox.hint(failing(errno.ENOENT, 7), settings_of()) == ""
    assert sandbox.hint(failing(errno.ENOENT), settings_of(in_sandbox=False)) == ""


def test_a_note_is_added_once_to_the_error_that_it_is_about() -> None:
    cause = failing(errno.ENOENT)
    error = RuntimeError("no data")
    error.__cause__ = cause
    for _ in range(2):
        sandbox.note(error, settings_of())
    said = "\n".join([str(cause), *getattr(cause, "__notes__", ())])
    assert said.count("mounts=('/data/sets',)") == 1
    assert not getattr(error, "__notes__", ())
    assert (cause.errno, cause.filename) == (errno.ENOENT, "/data/sets/in.csv")


def test_an_error_whose_class_misbehaves_is_left_alone() -> None:
    class Odd(OSError):
        @property
        def filename(self) -> Any:
            raise RuntimeError("odd")

    sandbox.note(Odd(errno.ENOENT, "x"), settings_of())
