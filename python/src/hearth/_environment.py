"""Environments: tasks that share an interpreter configuration and a pool of warm replicas."""

from __future__ import annotations

import itertools
import os
import weakref
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple
from typing import Type, TypeVar, Union, overload

from hearth import _declaration as checked
from hearth import _runtime
from hearth._cache import Cache, CacheRequest, without_older_words
from hearth._checks import closest
from hearth._hooks import Hook, add
from hearth._no_effect import sentences
from hearth._resources import Resources
from hearth._reuse import ReusePolicy
from hearth._settings import TaskSettings, known, refuse
from hearth._task import P, Task

if TYPE_CHECKING:
    from hearth._secret import Secret, SecretRequest

__all__ = ["TaskEnvironment", "environments"]

R = TypeVar("R")
H = TypeVar("H", bound=Callable[[], Any])

_DESCRIPTION_MAX = 255
_MISSPELLED = {"reuse_policy": "reusable", "reuse": "reusable", "environment": "env_vars", "env": "env_vars"}

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

_serial = itertools.count()
_alive: weakref.WeakValueDictionary[int, TaskEnvironment] = weakref.WeakValueDictionary()


def environments() -> List[TaskEnvironment]:
    """The declared environments of this process, oldest first. Not those that overrides made."""
    return [env for _, env in sorted(_alive.items())]


class TaskEnvironment:
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
        depends_on: Sequence[TaskEnvironment] = (),
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
        self.name = checked.environment_name(name)
        _refuse_words(name, other, reusable is not None)
        if image not in (None, "auto"):
            raise ValueError(
                f"environment {name!r}: image={image!r} is not supported: tasks run with interpreters of the node. "
                f"Leave it out, and choose an interpreter that has your packages with python=."
            )
        self.image = "auto"
        self.resources = checked.instance(resources, Resources, "resources")
        self.reusable = checked.instance(reusable, ReusePolicy, "reusable")
        self.env_vars = checked.variables(env_vars)
        self.secrets = _secrets(secrets)
        self.cache = Cache.of(cache)
        self.description = checked.text(description, "description")[:_DESCRIPTION_MAX]
        self.include = checked.texts(include, "include")
        self.interruptible = interruptible
        self.python = None if python is None else os.fspath(python)
        self.preload = checked.modules(preload)
        self.mounts = checked.mounts(mounts)
        self.isolation = checked.isolation(isolation)
        self.queue = None if queue is None else checked.text(queue, "queue")
        self.depends_on: List[TaskEnvironment] = []
        self.add_dependency(*depends_on)
        self.tasks: Dict[str, Task[Any, Any]] = {}
        self.hooks: List[Hook] = []
        # Grows with each added task or hook: who keeps something made of `definition()` compares it.
        self.revision = 0
        self.declared_in = checked.caller()
        self._told: Set[str] = set()  # what has no effect, said once here and for all that is derived from this
        _alive[next(_serial)] = self

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
                raise TypeError(f"@{self.name}.task has no parameter {word!r}{_hint(word, allowed)}")
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
        add(self.hooks, Hook(self.name, func, is_stop))
        self.revision += 1
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

    def add_dependency(self, *environments: TaskEnvironment) -> None:
        """Says that tasks of this environment call tasks of `environments`. Raises TypeError, ValueError."""
        for other in environments:
            if not isinstance(other, TaskEnvironment):
                raise TypeError(f"depends_on of environment {self.name!r} must list environments, not {other!r}")
            if other is self:
                raise ValueError(f"environment {self.name!r} cannot depend on itself")
            if not any(other is known_one for known_one in self.depends_on):
                self.depends_on.append(other)

    def derived(self, **fields: Any) -> TaskEnvironment:
        """This environment with other checked fields and no tasks, under the same name: the home of an override."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        if "resources" in fields:
            fields["resources"] = checked.instance(fields["resources"], Resources, "resources")
        if "env_vars" in fields:
            fields["env_vars"] = checked.variables(fields["env_vars"])
        if "secrets" in fields:
            fields["secrets"] = _secrets(fields["secrets"])
        copy.__dict__.update(fields, tasks={}, revision=0)
        return copy

    # -- the wire ----------------------------------------------------------------------------------------------------

    def definition(
        self, *, project: str = "default", domain: str = "development", bundle: str = "", python: str = ""
    ) -> Dict[str, Any]:
        """The wire form (`Environment` of schema/environment.capnp).

        Parameters:
            project, domain: where the environment belongs.
            bundle: digest of the code bundle, hex.
            python: absolute path of the interpreter.

        Raises BundleError if a task's function cannot travel.
        """
        self._tell_what_has_no_effect()
        return {
            "project": project,
            "domain": domain,
            "name": self.name,
            "description": self.description,
            "bundle": bundle,
            "python": python,
            "tasks": [task.definition() for task in self.tasks.values()],
            "reuse": self.reusable.definition() if self.reusable else _FRESH,
            "resources": (self.resources or Resources()).definition(),
            "variables": [{"name": name, "value": value} for name, value in sorted(self.env_vars.items())],
            "preload": list(self.preload),
            "mounts": list(self.mounts),
            **({"isolation": self.isolation} if self.isolation else {}),  # the version before refuses what it does not know
            "dependsOn": [other.name for other in self.depends_on],
            "hooks": [hook.definition() for hook in self.hooks],
        }

    def index_of(self, task: Task[Any, Any]) -> int:
        """The position of `task` in ``definition()["tasks"]``, which calls name it by. Raises ValueError."""
        return list(self.tasks).index(task.name)

    def _tell_what_has_no_effect(self) -> None:
        if _runtime.current() is not None:  # the program that made the run has said it
            return
        new = [sentence for sentence in sentences(self) if sentence not in self._told]
        if not new:
            return
        import logging  # few programs come here

        self._told.update(new)
        for sentence in new:
            logging.getLogger("hearth").warning("environment %r: %s", self.name, sentence)

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

    def __getstate__(self) -> Dict[str, Any]:
        return dict(self.__dict__)


def _secrets(request: Optional[SecretRequest]) -> Tuple[Secret, ...]:
    if request is None:
        return ()
    from hearth._secret import secrets_of  # few programs name one

    return secrets_of(request)


def _refuse_words(name: str, words: Mapping[str, Any], reusable: bool) -> None:
    refuse(words, reusable)
    for word in words:
        if not known(word):
            raise TypeError(f"environment {name!r}: there is no parameter {word!r}{_hint(word, _WORDS)}")


def _hint(word: str, words: Iterable[str]) -> str:
    known_words = list(words)
    meant = _MISSPELLED.get(word)
    near = meant if meant in known_words else closest(word, known_words)
    return f"; did you mean {near}=?" if near else f"; there are {', '.join(known_words)}"
