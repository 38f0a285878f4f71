"""`hearth.run` and `hearth.with_runcontext`."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
from typing import TYPE_CHECKING, Any, Dict, Generator, Mapping, Optional, Tuple

from hearth import _runtime
from hearth._checks import whole_number
from hearth._client import ids, local, runs, settings
from hearth._client.forms import Function, Method
from hearth._client.refusals import refuse_in_event_loop
from hearth._task import Task
from hearth._values import keys
from hearth.errors import RuntimeUserError

if TYPE_CHECKING:
    from hearth._client.runs import Run

__all__ = ["LocalRun", "RunContext", "run", "with_runcontext"]

# Words of Flyte that change what a program computes, and have no meaning here: refused with the reason.
_REFUSED = {
    "dry_run": "there is no image to build; `hearth.deploy` says the version of an environment without running it",
    "env_vars": "warm interpreters have theirs already; set TaskEnvironment(env_vars=...)",
    "custom_context": "pass it to the task as an argument",
    "debug": "run the task with mode='local' in your debugger",
}
# Those that only arrange how Flyte does it: accepted, and said once that they have no effect.
_WITHOUT_EFFECT = (
    "annotations", "cache_lookup_scope", "copy_bundle_to", "copy_style", "interactive_mode",
    "interruptible", "labels", "log_format", "log_level", "max_action_concurrency", "notifications", "preserve_original_types", "queue", "raw_data_path", "reset_root_logger", "run_base_dir", "run_start_time",
    "service_account", "tracked", "tracked_strict", "user_log_level", "version",
)  # fmt: skip


class RunContext:
    """How runs are started: made by `with_runcontext`, used by its `run`."""

    def __init__(
        self,
        mode: Optional[str] = None,
        *,
        name: Optional[str] = None,
        project: Optional[str] = None,
        domain: Optional[str] = None,
        detach: bool = True,
        overwrite_cache: bool = False,
        disable_run_cache: bool = False,
        **other: Any,
    ) -> None:
        if mode not in (None, "local", "remote"):
            hybrid = ": there is no hybrid mode" if mode == "hybrid" else ""
            raise ValueError(f"mode must be 'local' or 'remote', not {mode!r}{hybrid}")
        if name is not None:
            settings.run_name(name)
        for word, said in (("overwrite_cache", overwrite_cache), ("disable_run_cache", disable_run_cache)):
            if not isinstance(said, bool):
                raise ValueError(f"{word} must be True or False, not {said!r}")
        if overwrite_cache and disable_run_cache:
            raise ValueError("overwrite_cache=True keeps results and disable_run_cache=True keeps none; say one of the two")
        if mode == "local" and overwrite_cache:
            logging.getLogger("hearth").warning("overwrite_cache has no effect with mode='local', which keeps no results")
        _refuse(other)
        cache = keys.OVERWRITE if overwrite_cache else keys.DISABLED if disable_run_cache else keys.USED
        self._mode = mode or "remote"
        self._place = (project, domain)
        self._order = runs.Order(name=name or "", detach=detach, cache=cache)

    def _run(self, task: Task[Any, Any], *args: Any, **kwargs: Any) -> Any:
        """Starts a run of `task` with these arguments, and returns it when the node has accepted it.

        Raises TypeError for what is no task or does not fit it, and `hearth.errors` classes.
        """
        refuse_in_event_loop("hearth.run(...)", "await hearth.run.aio(...)")
        return self._start(task, args, kwargs)

    async def _run_aio(self, task: Task[Any, Any], *args: Any, **kwargs: Any) -> Any:
        here = contextvars.copy_context()  # the call and the place that this coroutine belongs to
        start = functools.partial(here.run, self._start, task, args, kwargs)
        return await asyncio.get_running_loop().run_in_executor(None, start)

    run = Method(_run, _run_aio)

    def _start(self, task: Task[Any, Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        _runtime.refuse_while_importing("hearth.run(...)")
        if not isinstance(task, Task):
            raise TypeError(f"hearth.run takes a task and its arguments, not {task!r}. Mark functions with @env.task.")
        if _runtime.current() is not None:
            word = task.short_name
            raise RuntimeUserError(
                "RunInsideTask",
                f"hearth.run({word}) inside a task: a task calls others directly, as `{word}(...)` or "
                f"`await {word}.aio(...)`.",
            )
        with settings.at(*self._place):
            if self._mode == "local":
                return LocalRun(task, task.bind(args, kwargs), self._order.name)
            return runs.start(task, args, kwargs, self._order)


class LocalRun:
    """A run in this process; it has ended when it is made. The interface is that of `Run`, as far as it applies."""

    def __init__(self, task: Task[Any, Any], arguments: Dict[str, Any], name: str) -> None:
        self._task = task
        self._arguments = arguments
        self._value: Any = None
        self._error: Optional[Exception] = None
        self.name = name or ids.run_name(ids.new_id()[1])
        call = local.LocalCall(task, self.name, *settings.place())
        checked = call.arguments(task, (), arguments)
        try:
            self._value = local.run_here(task, call, checked)
        except Exception as error:  # belongs to `result`, as in a run elsewhere
            self._error = error

    task_name = property(lambda self: self._task.name, doc="Name of the task.")
    phase = property(lambda self: "FAILED" if self._error else "SUCCEEDED", doc="SUCCEEDED or FAILED.")
    url = property(lambda self: "", doc="No command shows a local run.")

    def inputs(self) -> Dict[str, Any]:
        """The arguments by name, defaults included."""
        return dict(self._arguments)

    def done(self) -> bool:
        """True."""
        return True

    def _wait(self, timeout: Optional[float] = None) -> str:
        """The phase."""
        return str(self.phase)

    async def _wait_aio(self, timeout: Optional[float] = None) -> str:
        return str(self.phase)

    def _result(self, timeout: Optional[float] = None) -> Any:
        """The value. Raises what the task raised."""
        if self._error is not None:
            raise self._error
        return self._value

    async def _result_aio(self, timeout: Optional[float] = None) -> Any:
        return self._result()

    def _outputs(self) -> Tuple[Any, ...]:
        """The outputs as a tuple."""
        value = self._result()
        return tuple(value) if isinstance(value, tuple) else (value,)

    async def _outputs_aio(self) -> Tuple[Any, ...]:
        return self._outputs()

    wait = Method(_wait, _wait_aio)
    result = Method(_result, _result_aio)
    outputs = Method(_outputs, _outputs_aio)

    def __await__(self) -> Generator[Any, None, Any]:
        return self._result_aio().__await__()

    def __repr__(self) -> str:
        return f"<local run {self.name} of {self.task_name}, {self.phase}>"


def with_runcontext(mode: Optional[str] = None, **options: Any) -> RunContext:
    """Runs that are started otherwise than `hearth.run` does::

        hearth.with_runcontext(mode="local").run(main, n=3)

    Parameters:
        mode: "remote" (on the node) or "local" (in this process, where a debugger works); None: "remote".
        name: of the run, unique on its node; None: the node chooses.
        project, domain: None: what `hearth.init` said, else "default" and "development".
        detach: the run goes on when this program ends; False: it is aborted then.
        overwrite_cache: every call of the run executes, and results of cached tasks replace those that are kept.
        disable_run_cache: every call of the run executes, and no results are kept.

    Flyte's other words are accepted with a line in the log if they cannot change the result (labels, copy_style, ...),
    and else refused with a ValueError that says what to do instead (env_vars, custom_context, ...).
    """
    return RunContext(mode, **options)


def _refuse(words: Mapping[str, Any]) -> None:
    for word, value in words.items():
        if word == "max_action_concurrency":
            _check_action_concurrency(value)
        if word not in _REFUSED and word not in _WITHOUT_EFFECT:
            raise TypeError(f"with_runcontext has no parameter {word!r}; it takes mode, name, project, domain, "
                            "detach, overwrite_cache, disable_run_cache")
        if value in (None, False, 0, "", {}, ()):
            continue
        if word in _REFUSED:
            raise ValueError(f"{word} is not supported: {_REFUSED[word]}.")
        logging.getLogger("hearth").warning("with_runcontext(%s=...) has no effect here", word)


def _check_action_concurrency(value: Any) -> None:
    """Flyte's rule: 0 (no bound) or at least 2."""
    if value == 1:
        raise ValueError("max_action_concurrency=1 would let a parent wait for children that never start")
    if value is not None:
        whole_number(value, "max_action_concurrency", 0)


def _run(task: Task[Any, Any], *args: Any, **kwargs: Any) -> Run:
    """Starts a run of `task` on the node, and returns when the node has accepted it.

    The run goes on when this program ends. ``run.result()`` waits for its value, ``run.logs()`` gives its output.
    Raises TypeError for arguments that do not fit, and `hearth.errors` classes. Example::

        run = hearth.run(main, n=500)
        print(run.name, run.result())
    """
    started: Run = RunContext().run(task, *args, **kwargs)
    return started


async def _run_aio(task: Task[Any, Any], *args: Any, **kwargs: Any) -> Run:
    started: Run = await RunContext().run.aio(task, *args, **kwargs)
    return started


run = Function(_run, _run_aio)
run.__name__ = run.__qualname__ = "run"
