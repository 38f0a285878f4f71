"""What task environments and apps have in common: a name, an interpreter, hooks, and how a node is told of them."""

from __future__ import annotations

import itertools
import os
import weakref
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple, Union

from hearth import _declaration as checked
from hearth import _runtime
from hearth._checks import closest
from hearth._hooks import Hook, add
from hearth._no_effect import sentences
from hearth._resources import Resources
from hearth._settings import known, refuse

if TYPE_CHECKING:
    from hearth._secret import Secret, SecretRequest
    from hearth._task import Task

__all__ = ["Environment", "environments", "hint", "secrets_of"]

_DESCRIPTION_MAX = 255
_MISSPELLED = {"reuse_policy": "reusable", "reuse": "reusable", "environment": "env_vars", "env": "env_vars"}

_serial = itertools.count()
_alive: weakref.WeakValueDictionary[int, Environment] = weakref.WeakValueDictionary()


def environments() -> List[Environment]:
    """The declared environments of this process, apps among them, oldest first. Not those that overrides made."""
    return [env for _, env in sorted(_alive.items())]


class Environment:
    """The base of `TaskEnvironment` and `hearth.app.AppEnvironment`, whose documentation says what the words mean."""

    _kind = "environment"  # as messages call it

    def __init__(
        self,
        name: str,
        depends_on: Sequence[Environment],
        resources: Optional[Resources],
        env_vars: Optional[Mapping[str, str]],
        secrets: Optional[SecretRequest],
        description: Optional[str],
        include: Sequence[str],
        image: Optional[str],
        python: Union[str, os.PathLike[str], None],
        preload: Sequence[str],
        mounts: Sequence[str],
        isolation: Optional[str],
    ) -> None:
        self.name = name
        if image not in (None, "auto"):
            raise ValueError(
                f"{self._kind} {name!r}: image={image!r} is not supported: code runs with interpreters of the node. "
                f"Leave it out, and choose an interpreter that has your packages with python=."
            )
        self.image = "auto"
        self.resources = checked.instance(resources, Resources, "resources")
        self.env_vars = checked.variables(env_vars)
        self.secrets = secrets_of(secrets)
        self.description = checked.text(description, "description")[:_DESCRIPTION_MAX]
        self.include = checked.texts(include, "include")
        self.python = None if python is None else os.fspath(python)
        self.preload = checked.modules(preload)
        self.mounts = checked.mounts(mounts)
        self.isolation = checked.isolation(isolation)
        self.depends_on: List[Environment] = []
        self.add_dependency(*depends_on)
        self.tasks: Dict[str, Task[Any, Any]] = {}
        self.hooks: List[Hook] = []
        # Grows with each added task or hook: who keeps something made of `definition()` compares it.
        self.revision = 0
        self.declared_in = checked.caller()
        self._told: Set[str] = set()  # what has no effect, said once here and for all that is derived from this
        _alive[next(_serial)] = self

    def add_dependency(self, *environments: Environment) -> None:
        """Says that this environment calls tasks or apps of `environments`. Raises TypeError, ValueError."""
        for other in environments:
            if not isinstance(other, Environment):
                raise TypeError(f"depends_on of {self._kind} {self.name!r} must list environments, not {other!r}")
            if other is self:
                raise ValueError(f"{self._kind} {self.name!r} cannot depend on itself")
            if not any(other is known_one for known_one in self.depends_on):
                self.depends_on.append(other)

    def _take_hook(self, hook: Hook) -> None:
        add(self.hooks, hook)
        self.revision += 1

    def parts(self) -> List[Any]:
        """What of it has code that travels: tasks, hooks, an application."""
        return [*self.tasks.values(), *self.hooks]

    # -- the wire ----------------------------------------------------------------------------------------------------

    def definition(
        self, *, project: str = "default", domain: str = "development", bundle: str = "", python: str = ""
    ) -> Dict[str, Any]:
        """The wire form (`Environment` of schema/environment.capnp).

        Parameters:
            project, domain: where the environment belongs.
            bundle: digest of the code bundle, hex.
            python: absolute path of the interpreter.

        Raises BundleError if code of it cannot travel, ValueError for what only shows when all is declared.
        """
        self._refuse_a_namesake_of_another_kind()
        self._tell_what_has_no_effect()
        return {
            "project": project,
            "domain": domain,
            "name": self.name,
            "description": self.description,
            "bundle": bundle,
            "python": python,
            "tasks": self._task_rows(),
            "reuse": self._reuse_row(),
            "resources": (self.resources or Resources()).definition(),
            "variables": [{"name": name, "value": value} for name, value in sorted(self.env_vars.items())],
            "preload": list(self.preload),
            "mounts": list(self.mounts),
            **({"isolation": self.isolation} if self.isolation else {}),  # the version before refuses what it does not know
            "dependsOn": [other.name for other in self.depends_on],
            "hooks": [hook.definition() for hook in self.hooks],
        }

    def _task_rows(self) -> List[Dict[str, Any]]:
        return [task.definition() for task in self.tasks.values()]

    def _reuse_row(self) -> Dict[str, Any]:
        raise NotImplementedError

    # -- what is said once -------------------------------------------------------------------------------------------

    def _refuse_a_namesake_of_another_kind(self) -> None:
        for other in environments():
            if other.name != self.name or other._kind == self._kind or not checked.is_global(other, other.declared_in):
                continue
            raise ValueError(
                f"{self._kind} {self.name!r} ({_place(self)}) has the name of another {other._kind} ({_place(other)}). A "
                f"node knows both by project, domain and name, and would take one for a version of the other: rename one."
            )

    def _tell_what_has_no_effect(self) -> None:
        if _runtime.current() is not None:  # the program that made the run has said it
            return
        new = [sentence for sentence in sentences(self) if sentence not in self._told]
        if not new:
            return
        import logging  # few programs come here

        self._told.update(new)
        for sentence in new:
            logging.getLogger("hearth").warning("%s %r: %s", self._kind, self.name, sentence)

    def __getstate__(self) -> Dict[str, Any]:
        return dict(self.__dict__)

    @classmethod
    def _refuse_words(cls, name: str, words: Mapping[str, Any], reusable: bool, there_are: Iterable[str]) -> None:
        """Raises for what the constructor does not know, and for words of Flyte that mean nothing here."""
        refuse(words, reusable)
        for word in words:
            if not known(word):
                raise TypeError(f"{cls._kind} {name!r}: there is no parameter {word!r}{hint(word, there_are)}")


def _place(env: Environment) -> str:
    module, file = env.declared_in
    return file or f"module {module}"


def secrets_of(request: Optional[SecretRequest]) -> Tuple[Secret, ...]:
    """The secrets of a declaration. Raises ValueError, TypeError."""
    if request is None:
        return ()
    from hearth._secret import secrets_of as read  # few programs name one

    return read(request)


def hint(word: str, words: Iterable[str]) -> str:
    """What may have been meant by `word`, as the end of a sentence that says it is none of `words`."""
    known_words = list(words)
    meant = _MISSPELLED.get(word)
    near = meant if meant in known_words else closest(word, known_words)
    return f"; did you mean {near}=?" if near else f"; there are {', '.join(known_words)}"
