"""The environment's code in this interpreter: its tasks, ready to run, and how environments are named to the node."""

from __future__ import annotations

import os
import shutil
import sys
import types
import weakref
from typing import Any, Callable, List, Mapping, Optional

from .. import _bundle, _frames, _runtime, _values, errors
from .._task import Task
from . import output, threads
from .hooks import Hooks
from .loading import LoadFailure, find_object, import_module
from .settings import Settings, TaskEntry

__all__ = ["LoadedTask", "Program"]


class LoadedTask:
    """A task that can run: its function and the codec of its values."""

    __slots__ = ("codec", "function", "is_async", "name")

    codec: Any

    def __init__(self, entry: TaskEntry, found: Any, codec: Any = None) -> None:
        self.name = entry.name
        self.is_async = entry.is_async
        self.function: Callable[..., Any] = found.func if isinstance(found, Task) else found
        if not callable(self.function):
            raise LoadFailure(
                f"Task {entry.name!r} is not there: {entry.function!r} of module {entry.module!r} is a "
                f"{type(found).__name__}, not a function."
            )
        if codec is not None:
            self.codec = codec
            return
        try:
            self.codec = _values.codec_of(self.name, self.function, entry.max_inline_io_bytes)
        except (errors.BaseRuntimeError, TypeError) as error:
            raise LoadFailure(f"Task {entry.name!r} cannot be served: {error}") from None


class Program:
    """All of it; made once by the zygote and shared by its forks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.has_slot_table = _frames.HAS_SLOT_TABLE
        self.tasks: List[LoadedTask] = []
        self.hooks: Hooks
        self._codecs: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()

    @classmethod
    def load(cls, settings: Settings) -> Program:
        """Imports preloads and code, finds every task and hook. Raises LoadFailure."""
        program = cls(settings)
        # Functions by value, and whatever asks for the program's own module, must not find the worker's.
        sys.modules["__main__"] = types.ModuleType("__main__")
        output.install()
        threads.install()
        _bundle.adopt(settings.code_directory, settings.bundle)
        sys.path[:0] = _search_paths(settings.code_directory)
        for name in settings.preload:
            import_module(name, settings, "named in preload=")
        codec = program._load_app()
        for entry in settings.tasks:
            with _runtime.importing(entry.module):
                found = find_object(entry, settings)
            program.tasks.append(LoadedTask(entry, found, codec))
        program.hooks = Hooks(settings, settings.hooks_of(server=False))
        return program

    def _load_app(self) -> Any:
        """Finds the application of an app; the codec of its calls. None without one. Raises LoadFailure."""
        entry = self.settings.app
        if entry is None:
            return None
        from . import apps  # tasks do without

        with _runtime.importing(entry.module):
            apps.load(entry, self.settings)
        return apps.CODEC

    @property
    def is_async(self) -> bool:
        """Whether its replicas need an event loop."""
        return self.hooks.needs_loop or any(task.is_async for task in self.tasks)

    def task(self, index: int) -> LoadedTask:
        """Raises ValueError: the node knows how many there are."""
        if index >= len(self.tasks):
            raise ValueError(f"call of task {index}; the environment has {len(self.tasks)}")
        return self.tasks[index]

    def codec_of(self, task: Any) -> Any:
        """The codec of any task of the bundle."""
        codec = self._codecs.get(task)
        if codec is None:
            codec = _values.codec_for(task)
            self._codecs[task] = codec
        return codec

    def definition_of(self, env: Any) -> Mapping[str, Any]:
        """How the node is told of `env`, an environment of this bundle. Raises BundleError."""
        settings = self.settings
        bundle = _bundle.bundle_for(env)
        definition: Mapping[str, Any] = env.definition(
            project=settings.project, domain=settings.domain, bundle=bundle.digest, python=self._interpreter_of(env)
        )
        return definition

    def _interpreter_of(self, env: Any) -> str:
        """Our own, as the program that opened us named it, unless `env` asks for another."""
        named: Optional[str] = env.python
        if named is None or env.name == self.settings.environment:
            return self.settings.python
        path = os.path.expanduser(named)
        return os.path.abspath(path if os.sep in path else shutil.which(path) or path)


def _search_paths(directory: str) -> List[str]:
    """The folders of the bundle that are searched for modules; the bundle itself when it does not say."""
    try:
        return _bundle.search_paths(directory) or [directory]
    except FileNotFoundError:
        return [directory]
    except errors.BundleError as error:
        raise LoadFailure(str(error)) from None
