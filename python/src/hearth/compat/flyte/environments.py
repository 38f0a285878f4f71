"""`flyte.TaskEnvironment`, and what apps have in common with it."""

from __future__ import annotations

import logging
from typing import Any, Dict, Sequence, Union

import hearth
from hearth.compat.flyte.image import Image, words_of
from hearth.compat.unsupported import refusal

__all__ = ["TaskEnvironment", "adapted"]

_PRELOAD = "hearth.compat.installed"  # interpreters need the aliases before they import the program


def adapted(kind: str, name: str, words: Dict[str, Any]) -> Dict[str, Any]:
    """The words of one of Flyte's environments in those of Hearth's. What has no effect is one line in the log."""
    image = words.pop("image", None)
    variables, files, unused = words_of(image, words.get("env_vars"))
    if variables:
        words["env_vars"] = variables
    if files:
        words["include"] = [*words.get("include", ()), *files]
    preload: Sequence[str] = words.get("preload") or ()
    words["preload"] = preload if _PRELOAD in preload else (_PRELOAD, *preload)
    if unused:
        logging.getLogger("hearth").warning(
            "%s %r: no containers are built, so of its image %s %s no effect; tasks run with an interpreter of the node",
            kind, name, ", ".join(unused), "has" if len(unused) == 1 else "have",
        )  # fmt: skip
    return words


class TaskEnvironment(hearth.TaskEnvironment):
    """`hearth.TaskEnvironment`, which takes a `flyte.Image` too. Raises what that raises."""

    def __init__(self, name: str, *, image: Union[Image, str, None] = None, **words: Any) -> None:
        for word in ("depends_on", "include"):
            words[word] = words.get(word) or ()
        super().__init__(name, **adapted("environment", name, dict(words, image=image)))

    @classmethod
    def from_task(cls, name: str, *tasks: Any, depends_on: Sequence[Any] = ()) -> TaskEnvironment:
        """Raises ConfigurationError: tasks that are not functions of Python are not there to be put into an environment."""
        raise refusal("flyte.TaskEnvironment.from_task", "tasks are Python functions, declared with @env.task")
