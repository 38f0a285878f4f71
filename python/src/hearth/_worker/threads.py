"""Work that user code hands to threads keeps its context: output and child calls there belong to the call.

CPython starts threads with an empty context. Inside an interpreter of a node, `Thread.start` and
`ThreadPoolExecutor.submit` take the caller's context along, so that a call is known wherever its work is done.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import contextvars
import threading
from typing import TYPE_CHECKING, Any, Callable, ContextManager, Optional

from .. import _runtime

if TYPE_CHECKING:
    from .calls import Call

__all__ = ["install"]


def install() -> None:
    """Once per interpreter."""
    start = threading.Thread.start
    submit: Callable[..., Any] = concurrent.futures.ThreadPoolExecutor.submit

    def start_in_context(self: threading.Thread) -> None:
        run = self.run  # bound: also the override of a subclass
        context = contextvars.copy_context()
        vars(self)["run"] = lambda: context.run(run)
        # Until the new thread runs, CPython before 3.12 takes it for its creator: a cancellation would end it unborn,
        # and the creator would wait for it for ever.
        with _guard():
            start(self)

    def submit_in_context(self: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        with _guard():  # a cancellation in the middle would leave locks of the pool taken
            return submit(self, contextvars.copy_context().run, function, *args, **kwargs)

    setattr(threading.Thread, "start", start_in_context)
    setattr(concurrent.futures.ThreadPoolExecutor, "submit", submit_in_context)


def _guard() -> ContextManager[Any]:
    """Holds a cancellation of the running call back, in the thread that runs it."""
    call: Optional[Call] = _runtime.current()  # type: ignore[assignment]  # in an interpreter there are no others
    return contextlib.nullcontext() if call is None else call.guard()
