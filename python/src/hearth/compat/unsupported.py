"""Names of Flyte that a program may import, and must not use: whoever does hears why, and what there is instead."""

from __future__ import annotations

from typing import Any, NoReturn, Type

from hearth.errors import ConfigurationError

__all__ = ["refusal", "unsupported", "without_effect"]


def refusal(what: str, instead: str) -> ConfigurationError:
    """The error of a program that relies on `what`."""
    return ConfigurationError(f"{what} is not supported: {instead}.")


def unsupported(name: str, instead: str) -> Type[Any]:
    """A class called `name` (``flyte.PodTemplate``) that refuses to be made, and to have anything asked of it."""

    class Refusing(type):
        def __getattr__(cls, word: str) -> NoReturn:
            if word.startswith("_"):  # the interpreter and libraries that look at annotations
                raise AttributeError(word)
            raise refusal(f"{name}.{word}", instead)

        def __call__(cls, *args: Any, **words: Any) -> NoReturn:
            raise refusal(name, instead)

    return Refusing(name.rpartition(".")[2], (), {"__doc__": f"{name} is not supported: {instead}."})


def without_effect(what: str, words: Any) -> None:
    """One line in the log for the words that a program has said and nobody acts on."""
    said = [f"{word}=..." for word, value in words.items() if value not in (None, False, 0, "", (), [], {})]
    if said:
        import logging

        logging.getLogger("hearth").warning("%s(%s) has no effect here", what, ", ".join(said))
