"""Functions that each replica of an environment runs once: `TaskEnvironment.on_start` and `on_stop`."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, Callable, ClassVar, Dict, List, Tuple

from hearth import _declaration as checked
from hearth._task import Task, task_word

__all__ = ["Hook", "add"]


@dataclasses.dataclass(frozen=True)
class Hook:
    """One of them. It is named and found like a task, so that it travels like one."""

    environment: str
    func: Callable[[], Any]
    is_stop: bool

    WORDS: ClassVar[Tuple[str, str]] = ("on_start", "on_stop")

    @property
    def word(self) -> str:
        """The decorator's name."""
        return self.WORDS[self.is_stop]

    @property
    def name(self) -> str:
        """As messages say it, and where the bundle has it by value; no task has a name with two dots."""
        return f"{self.environment}.{self.word}.{task_word(self.func)}"

    def definition(self) -> Dict[str, Any]:
        """The wire form (`Hook` of schema/environment.capnp). Raises BundleError if the function cannot travel."""
        from hearth._bundle import origin_of

        origin = origin_of(self)
        return {
            "module": origin.module,
            "function": origin.function,
            "pickle": origin.pickle,
            "isAsync": inspect.iscoroutinefunction(self.func),
            "isStop": self.is_stop,
        }


def add(hooks: List[Hook], hook: Hook) -> None:
    """Appends `hook`; a cell that is run once more, or a module that is loaded again, puts it in its own place.

    Raises TypeError for what cannot be a hook, ValueError for a second one of its name.
    """
    _check(hook)
    for index, earlier in enumerate(hooks):
        if earlier.name != hook.name:
            continue
        if not checked.same_place(earlier.func, hook.func):
            code = earlier.func.__code__
            raise ValueError(
                f"environment {hook.environment!r} has a function {task_word(hook.func)!r} for {hook.word} already "
                f"({code.co_filename}, line {code.co_firstlineno}); rename one of the two"
            )
        hooks[index] = hook
        return
    hooks.append(hook)


def _check(hook: Hook) -> None:
    decorator, func = f"@{hook.environment}.{hook.word}", hook.func
    if isinstance(func, Task):
        raise TypeError(f"{decorator}: {func.name!r} is a task; write a function of its own that each replica runs once")
    if not inspect.isfunction(func):
        raise TypeError(
            f"{decorator} needs a function made with `def` or `async def`, not {func!r}; write a function that calls it"
        )
    if inspect.isgeneratorfunction(func) or inspect.isasyncgenfunction(func):
        raise TypeError(
            f"{decorator}: {func.__qualname__!r} is a generator, which would never run; drop the `yield`, and put what "
            f"follows it into another function with @{hook.environment}.{hook.WORDS[True]}"
        )
    checked.without_arguments(func, decorator, ", and keep what is loaded in a variable of the module")
