"""Environments: tasks that share an interpreter configuration and a pool of warm replicas."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Dict, Mapping, Optional, Sequence, Type, TypeVar, Union, overload

from hearth import _declaration as checked
from hearth._cache import Cache, CacheRequest, without_older_words
from hearth._environment_base import Environment, environments, hint, secrets_of
from hearth._hooks import Hook
from hearth._resources import Resources
from hearth._reuse import ReusePolicy
from hearth._settings import TaskSettings, known, refuse
from hearth._task import P, Task

if TYPE_CHECKING:
    from hearth._secret import SecretRequest

__all__ = ["TaskEnvironment", "environments"]

R = TypeVar("R")
H = TypeVar("H", bound=Callable[[], Any])

# The words of the constructor besides the name, in its order: what `clone_with` copies.
_WORDS = (
    "depends_on",
    "resources",
    "env_vars",
    "secrets",
    "reusable",
    "cache",
    "description",
    "include",
    "image",
    "interruptible",
    "python",
    "preload",
    "mounts",
    "isolation",
    "queue",
)

# `Reuse` of schema/environment.capnp without a policy.
_FRESH: Dict[str, Any] = {
    "enabled": False,
    "minReplicas": 0,
    "maxReplicas": 0,
    "concurrency": 1,
    "idleTtlMs": 0,
    "scaledownTtlMs": 0,
    "scope": "global",
}

_NAMESAKE = "another environment has this name"  # in `_told`


class TaskEnvironment(Environment):
    """A named set of tasks that run with the same interpreter, resources and reuse policy.

    Parameters:
        name: lower-case words joined by "-" or "_".
        depends_on: environments whose tasks are called from here; for display.
        resources: share of a machine per replica; nodes act on cpu and memory.
        env_vars: environment variables of the interpreter; names and values are text.
        secrets: names of secrets (see `hearth.Secret`).
        reusable: a `ReusePolicy` keeps interpreters warm between calls; None runs each call in a fresh interpreter.
        cache: default for the tasks: "auto", "override", "disable" or a `hearth.Cache`.
        description: at most 255 characters, the rest is cut.
        include: paths or globs, relative to the folder of this file, of further files for the code bundle.
        image: only "auto"; tasks run with interpreters of the node.
        interruptible: kept for display; a node interrupts no task in favour of another.
        python: interpreter, a path or a command name; None: ``$HEARTH_PYTHON``, else the active virtual environment,
            else the nearest ``.venv``, else the system's.
        preload: modules that are imported once, before replicas are forked.
        mounts: absolute paths that a sandbox shows to the tasks, read-only; ``"/scratch:rw"`` lets them write there.
        isolation: "process": tasks see what the node's user sees; "sandbox": the system, their code and `mounts`; None:
            as the node has it, which is "sandbox" in a cluster.
        queue: kept for display; every environment has its own queue.

    Raises ValueError, TypeError. Example::

        env = hearth.TaskEnvironment("digits", reusable=hearth.ReusePolicy(replicas=(1, 4)))

        @env.task
        async def classify(pixels: list[float]) -> int: ...
    """

    kind_of_task: ClassVar[Type[Task[Any, Any]]] = Task

    def __init__(
        self,
        name: str,
        *,
        depends_on: Sequence[Environment] = (),
        resources: Optional[Resources] = None,
        env_vars: Optional[Mapping[str, str]] = None,
        secrets: Optional[SecretRequest] = None,
        reusable: Optional[ReusePolicy] = None,
        cache: CacheRequest = "disable",
        description: Optional[str] = None,
        include: Sequence[str] = (),
        image: Optional[str] = "auto",
        interruptible: bool = False,
        python: Union[str, os.PathLike[str], None] = None,
        preload: Sequence[str] = (),
        mounts: Sequence[str] = (),
        isolation: Optional[str] = None,
        queue: Optional[str] = None,
        **other: Any,
    ) -> None:
        self._refuse_words(checked.environment_name(name), other, reusable is not None, _WORDS)
        super().__init__(
            name, depends_on, resources, env_vars, secrets, description, include, image, python, preload, mounts, isolation
        )
        self.reusable = checked.instance(reusable, ReusePolicy, "reusable")
        self.cache = Cache.of(cache)
        self.interruptible = interruptible
        self.queue = None if queue is None else checked.text(queue, "queue")

    # -- tasks -------------------------------------------------------------------------------------------------------

    @overload
    def task(self, func: Callable[P, R], /) -> Task[P, R]: ...
    @overload
    def task(
        self,
        *,
        short_name: Optional[str] = None,
        cache: Union[CacheRequest, bool, None] = None,
        retries: Any = 0,
        timeout: Any = None,
        docs: Optional[str] = None,
        max_inline_io_bytes: Optional[int] = None,
        interruptible: Optional[bool] = None,
        entrypoint: bool = False,
        queue: Optional[str] = None,
        **other: Any,
    ) -> Callable[[Callable[P, R]], Task[P, R]]: ...
    def task(self, func: Optional[Callable[..., Any]] = None, /, **settings: Any) -> Any:
        """``@env.task`` or ``@env.task(...)`` makes a function a task of this environment, ``<environment>.<function>``.

        Parameters:
            short_name: what listings show instead of the function's name.
            cache: as in `TaskEnvironment`; None: the environment's. flytekit's ``cache=True`` with `cache_version`,
                `cache_serialize` and `cache_ignore_input_vars` means the same as a `hearth.Cache`.
            retries: further executions after an error of the user: an int or a `hearth.RetryStrategy`.
            timeout: of one execution, an int (seconds) or a timedelta; or a `hearth.Timeout`.
            docs: description; None: the docstring.
            max_inline_io_bytes: largest input or output; None: whatever the node accepts.
            interruptible, entrypoint, queue: kept for display.

        Raises ValueError or TypeError, also for a function that cannot be a task.
        """
        if func is None:
            return lambda function: self._declare(function, settings)
        return self._declare(func, settings)

    def _declare(self, func: Callable[..., Any], words: Dict[str, Any]) -> Task[Any, Any]:
        if isinstance(func, Task):
            raise TypeError(f"{func.name!r} is a task already; a function belongs to one environment")
        checked.task_function(func, self.name)
        words = without_older_words(words)
        refuse(words, self.reusable is not None)
        words = {word: value for word, value in words.items() if not known(word) and word != "queue"}
        allowed = TaskSettings.__dataclass_fields__
        for word in words:
            if word not in allowed:
                raise TypeError(f"@{self.name}.task has no parameter {word!r}{hint(word, allowed)}")
        task = self.take(self.kind_of_task(self, func, TaskSettings(**words)))
        self._tell_of_a_namesake(task)
        return task

    def take(self, task: Task[Any, Any]) -> Task[Any, Any]:
        """Adds a task made for this environment and returns it. Raises ValueError for a second one of its name."""
        reusable = self.reusable
        if reusable is not None and reusable.concurrency > 1 and not task.is_async:
            raise ValueError(
                "Reusable environments with concurrency greater than 1 are only supported for async tasks. "
                f"Task {task.name!r} is a plain function: write `async def`, or set concurrency=1 and more replicas."
            )
        earlier = self.tasks.get(task.name)
        if earlier is not None and not checked.same_place(earlier.func, task.func):
            code = earlier.func.__code__
            raise ValueError(
                f"environment {self.name!r} has a task {task.name!r} already "
                f"({code.co_filename}, line {code.co_firstlineno}); rename one of the two functions"
            )
        self.tasks[task.name] = task
        self.revision += 1
        return task

    # -- hooks -------------------------------------------------------------------------------------------------------

    def on_start(self, func: H, /) -> H:
        """Has each replica run `func` once, before its first call; `func` is returned unchanged.

        `func` has no parameters; it may be async. There may be more than one: they run in order of declaration. Calls
        wait meanwhile, and fail with what it raises if no other replica can serve them. With ``hygiene="fork"`` it runs
        once in the parent that is forked, with ``reusable=None`` in each fresh interpreter. Raises TypeError for what
        is no such function, ValueError for a second one of its name.

        Example::

            model = None

            @env.on_start
            def load() -> None:
                global model
                model = read_weights("weights.bin")
        """
        return self._hook(func, False)

    def on_stop(self, func: H, /) -> H:
        """Has each replica run `func` once, when it ends politely; `func` is returned unchanged.

        That is: when it was idle for too long, is recycled or not needed any more, or its node stops; not when it
        crashes or is killed. All of them together have five seconds; they run in reverse order of declaration, and one
        that raises does not keep the others from running. Otherwise as `on_start`.
        """
        return self._hook(func, True)

    def _hook(self, func: H, is_stop: bool) -> H:
        self._take_hook(Hook(self.name, func, is_stop))
        return func

    # -- relatives ---------------------------------------------------------------------------------------------------

    def clone_with(self, name: str, **changes: Any) -> TaskEnvironment:
        """A new environment without tasks: `name`, the given parameters, and the rest as here, `on_start` included.

        None sets a parameter back to its default: ``env.clone_with("parent", reusable=None, depends_on=[env])`` is a
        place for a parent that should not take a replica of the pool it calls. Raises what the constructor raises.
        """
        words = {word: getattr(self, word) for word in _WORDS}
        for word, value in changes.items():
            if value is None:
                words.pop(word, None)
            else:
                words[word] = value
        clone = type(self)(name, **words)
        clone.hooks = [Hook(clone.name, hook.func, hook.is_stop) for hook in self.hooks]
        return clone

    def derived(self, **fields: Any) -> TaskEnvironment:
        """This environment with other checked fields and no tasks, under the same name: the home of an override."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        if "resources" in fields:
            fields["resources"] = checked.instance(fields["resources"], Resources, "resources")
        if "env_vars" in fields:
            fields["env_vars"] = checked.variables(fields["env_vars"])
        if "secrets" in fields:
            fields["secrets"] = secrets_of(fields["secrets"])
        copy.__dict__.update(fields, tasks={}, revision=0)
        return copy

    # -- the wire ----------------------------------------------------------------------------------------------------

    def _reuse_row(self) -> Dict[str, Any]:
        return self.reusable.definition() if self.reusable else _FRESH

    def index_of(self, task: Task[Any, Any]) -> int:
        """The position of `task` in ``definition()["tasks"]``, which calls name it by. Raises ValueError."""
        return list(self.tasks).index(task.name)

    def _tell_of_a_namesake(self, task: Task[Any, Any]) -> None:
        for other in environments():
            earlier = other.tasks.get(task.name) if other.name == self.name and other is not self else None
            if earlier is None or _NAMESAKE in self._told or not checked.is_global(other, other.declared_in):
                continue
            one, two = earlier.func.__code__, task.func.__code__
            if (one.co_filename, one.co_firstlineno) == (two.co_filename, two.co_firstlineno):
                continue  # a module that is loaded again
            import logging

            self._told.add(_NAMESAKE)
            logging.getLogger("hearth").warning(
                "environment %r is declared twice with a task %r: %s, line %d, and %s, line %d. A node takes them for "
                "versions of one environment; give one of them another name.",
                self.name, task.name, one.co_filename, one.co_firstlineno, two.co_filename, two.co_firstlineno,
            )  # fmt: skip

    def __repr__(self) -> str:
        return f"<environment {self.name}: {', '.join(self.tasks) or 'no tasks'}>"
