"""``--flyte``: commands read programs that import Flyte's packages when they are told to."""

from __future__ import annotations

from typing import Any, Dict, Sequence, Tuple

__all__ = ["OPTION", "hint", "install_if"]

OPTION: Tuple[Tuple[str, ...], Dict[str, Any]] = (
    ("--flyte",),
    {"action": "store_true", "help": "FILE imports flyte or flytekit: `hearth.compat` stands for them"},
)


def install_if(words: Sequence[str]) -> None:
    """Makes Flyte's names those of Hearth if a command line says so. Before the program is imported."""
    if "--flyte" in words:
        from hearth import compat

        compat.install()


def hint(error: ModuleNotFoundError, command: str) -> str:
    """A line more for who runs such a program without the option; empty for other modules. `command`: up to the option's place."""
    top = (error.name or "").partition(".")[0]
    if top not in ("flyte", "flytekit", "flyteplugins"):
        return ""
    return f"\nIs it a program of Flyte? `{command} --flyte FILE` reads it."
