"""Interactive sessions: prompts and notebooks, where functions are declared and variables changed between calls.

A program sends its code once. In a session the code is looked at again when it may mean something else: with each new
statement or cell, and within one whenever what travels by value differs.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, Tuple

from hearth import _bundle

if TYPE_CHECKING:
    from hearth._environment import TaskEnvironment

__all__ = ["mark"]

_statement: Tuple[Any, int] = (None, 0)  # code of the newest statement that was seen at a prompt, and its number


def mark(env: TaskEnvironment) -> Any:
    """Equal as long as the tasks of `env` mean the same; None in a program.

    Asked anew each time: `python -i program.py` becomes a session when the program has ended. Raises BundleError.
    """
    notebook = sys.modules.get("IPython")
    shell = notebook.get_ipython() if notebook is not None else None
    if shell is not None:
        return (shell.execution_count, _bundle.values_digest(env))
    if "ps1" not in sys.__dict__:  # what every prompt of Python has, and nothing else; `hasattr` takes twenty times as long
        return None
    return (_statement_number(), _bundle.values_digest(env))


def _statement_number() -> int:
    """Another one for each statement typed at the prompt, also for the same text typed twice."""
    global _statement
    code = _statement_code()
    seen, number = _statement
    if code is not seen:
        _statement = (code, number + 1)
    return _statement[1]


def _statement_code() -> Any:
    """The code of the statement that the main thread runs; None while it waits at the prompt."""
    variables = vars(sys.modules["__main__"])
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    found = None
    while frame is not None:
        if frame.f_globals is variables and frame.f_code.co_name == "<module>":
            found = frame.f_code
        frame = frame.f_back
    return found
