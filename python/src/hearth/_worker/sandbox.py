"""What a task learns when its sandbox hides a path: an error of the system says only that nothing is there."""

from __future__ import annotations

import errno
import os
from typing import Iterable, Optional

from .settings import Settings

__all__ = ["hint", "note"]

_CAUSES_MAX = 10

_HIDDEN = (errno.ENOENT, errno.ENOTDIR, errno.EACCES)
_READ_ONLY = (errno.EROFS, errno.EACCES)

# What is the same inside and outside, or no mount's matter (node/interpreter/sandbox.cpp).
_ALIKE = ("/dev", "/proc", "/usr", "/lib", "/lib64", "/bin", "/sbin")


def note(error: BaseException, settings: Settings) -> None:
    """Adds to `error`, of user code, what `hint` says of it, or of an error that led to it. Never raises."""
    if not settings.in_sandbox:
        return
    try:
        cause: Optional[BaseException] = error
        for _ in range(_CAUSES_MAX):
            if cause is None:
                return
            told = hint(cause, settings)
            if told:
                return _add(cause, told)
            cause = cause.__cause__ or cause.__context__
    except Exception:  # the user's class does what it likes
        return


def hint(error: BaseException, settings: Settings) -> str:
    """How tasks come to see, or to write, what `error` says they cannot; empty when it is not about the sandbox."""
    if not settings.in_sandbox or not isinstance(error, OSError):
        return ""
    for name in (error.filename, error.filename2):
        if not isinstance(name, (str, bytes)):
            continue
        path = os.path.abspath(os.fsdecode(name))
        shown = _within(path, [mount.partition(":")[0] for mount in settings.mounts])
        if error.errno in _READ_ONLY and (shown or _within(path, [settings.code_directory])):
            return _writable(path, shown, settings)
        if error.errno in _HIDDEN and not shown and not _within(path, [*_ALIKE, settings.code_directory]):
            return (
                f"The task runs in a sandbox, which shows {path} only if the environment says so: "
                f"mounts=({_folder(path)!r},), if it is there on the node."
            )
    return ""


def _writable(path: str, shown: Optional[str], settings: Settings) -> str:
    if shown is None:
        return "The task's code is read-only. Write to /tmp, which is the sandbox's own, or to a folder of mounts=(\"/FOLDER:rw\",)."
    if shown + ":rw" in settings.mounts:
        return ""
    return f"The environment shows {shown} read-only; mounts=({shown + ':rw'!r},) lets its tasks write there."


def _within(path: str, places: Iterable[str]) -> Optional[str]:
    for place in places:
        if path == place or path.startswith(os.path.join(place, "")):
            return place
    return None


def _folder(path: str) -> str:
    folder = os.path.dirname(path)
    return path if folder == "/" else folder


def _add(error: BaseException, text: str) -> None:
    if text in getattr(error, "__notes__", ()) or text in str(error):
        return  # it is raised once more: an error of an import, or a child's
    add_note = getattr(error, "add_note", None)  # CPython 3.11
    if add_note is not None:
        add_note(text)
    elif isinstance(error, OSError) and len(error.args) == 2:
        error.strerror = f"{error.strerror} ({text})"
        error.args = (error.errno, error.strerror)  # which is what travels
