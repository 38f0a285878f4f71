"""Command line options of a task, made from its signature.

``--n 500`` for values, ``--fast`` and ``--no-fast`` for bool. Defaults are shown by ``--help``.
"""

from __future__ import annotations

import argparse
import inspect
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from hearth._client.options import from_text, hints, show_default, show_type, without_none

__all__ = ["HelpFormatter", "OwnOptions", "add_options", "joined", "values"]

_UNSET = object()  # an option that was not given: the task's own default applies
_BARE = object()  # a flag without a value
_OF_EVERY_COMMAND = ("--help",)


def add_options(parser: argparse.ArgumentParser, function: Callable[..., Any]) -> None:
    """Adds an option per parameter of `function`. Raises ValueError for ``*args``, ``**kwargs``, and one without a name
    that is free."""
    annotations = hints(function)
    group = parser.add_argument_group("inputs")
    parameters = inspect.signature(function).parameters
    for p in parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            raise ValueError(
                f"{function.__name__} takes *{p.name}, which a command line cannot name; "
                "give it named parameters, or call it from Python."
            )
        try:
            _add_option(group, p, annotations.get(p.name, Any), parameters)
        except argparse.ArgumentError as error:
            raise ValueError(
                f"The parameter {p.name} of {function.__name__} has no option of its own ({error}). "
                "Rename it, or call the task from Python."
            ) from None


class OwnOptions:
    """The options of a command itself: names and what argparse wants to know of each. They may stand before FILE, too; one whose
    name an input of the task has can be said only there."""

    def __init__(self, title: str, *options: Tuple[Tuple[str, ...], Dict[str, Any]]) -> None:
        self._title = title
        self._options = options

    def parted(self, words: List[str]) -> Tuple[List[str], List[str]]:
        """Those before FILE, and what follows them."""
        with_value = {name for names, about in self._options if about.get("action") != "store_true" for name in names}
        at = 0
        while at < len(words) and words[at].startswith("-") and words[at] not in ("-h", "--help"):
            at += 2 if words[at] in with_value else 1
        return words[:at], words[at:]

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Adds those whose names are free."""
        taken = parser._option_string_actions
        group = parser.add_argument_group(self._title)
        for names, about in self._options:
            dest = names[0][2:].replace("-", "_")
            free = [name for name in names if name not in taken]
            if free:
                group.add_argument(*free, dest=dest, **about)
            else:
                parser.set_defaults(**{dest: False if about.get("action") else None})


def values(parsed: argparse.Namespace, function: Callable[..., Any]) -> Dict[str, Any]:
    """The given inputs by parameter name; parameters left to their defaults are absent."""
    found = {}
    for name in inspect.signature(function).parameters:
        value = getattr(parsed, _dest(name))
        if value is not _UNSET:
            found[name] = value
    return found


def joined(words: Sequence[str], parser: argparse.ArgumentParser) -> List[str]:
    """`words` with ``--x -1e5`` as ``--x=-1e5``: argparse takes -1 for a value, and -1e5, -inf or -abc for options."""
    options = parser._option_string_actions
    found: List[str] = []
    for word in words:
        before = options.get(found[-1]) if found else None
        is_value = word.startswith("-") and not word.startswith("--") and word not in options
        if is_value and before is not None and isinstance(before.type, _Reader):
            found[-1] += "=" + word
        else:
            found.append(word)
    return found


def _dest(name: str) -> str:
    return "input:" + name  # apart from the options of the command itself


def _flags(name: str) -> List[str]:
    flags = ["--" + name.replace("_", "-")]
    if "_" in name:
        flags.append("--" + name)
    return ["--input-" + flag[2:] for flag in flags] if flags[0] in _OF_EVERY_COMMAND else flags


def _add_option(
    group: Any, parameter: inspect.Parameter, annotation: Any, parameters: Mapping[str, inspect.Parameter]
) -> None:
    flags = _flags(parameter.name)
    required = parameter.default is parameter.empty
    shown = "required" if required else f"default: {show_default(parameter.default)}"
    common: Dict[str, Any] = {
        "dest": _dest(parameter.name),
        "default": _UNSET,
        "required": required,
        "help": shown.replace("%", "%%"),
    }
    if without_none(annotation) is not bool:
        group.add_argument(*flags, metavar=show_type(annotation), type=_Reader(annotation), **common)
        return
    no = ["--no-" + flag[2:] for flag in flags]
    if "no_" + parameter.name in parameters:  # --no-x is the option of that one
        no = []
        common["help"] = f"{common['help']}; {flags[0]} false is the other"
    group.add_argument(*flags, *no, action=_Flag, nargs="?", type=_Reader(annotation), no=no, **common)


class _Flag(argparse.Action):
    """``--x``, ``--no-x`` and, for those who write values, ``--x false``."""

    def __init__(self, *args: Any, no: Sequence[str], **settings: Any) -> None:
        super().__init__(*args, const=_BARE, **settings)
        self._no = no

    def __call__(self, parser: Any, namespace: Any, value: Any, option_string: Any = None) -> None:
        is_no = option_string in self._no
        if is_no and value is not _BARE:
            raise argparse.ArgumentError(self, f"write {self.option_strings[0]} or {option_string}, without a value")
        setattr(namespace, self.dest, not is_no if value is _BARE else value)

    def format_usage(self) -> str:
        return "/".join([self.option_strings[0], *self._no[:1]])


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Shows flags without the value that they may have."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if isinstance(action, _Flag):
            return ", ".join(action.option_strings)
        return super()._format_action_invocation(action)


class _Reader:
    """What argparse calls with an option's text."""

    def __init__(self, annotation: Any) -> None:
        self._annotation = annotation

    def __call__(self, text: str) -> Any:
        try:
            return from_text(text, self._annotation)
        except (ValueError, TypeError, KeyError, OSError) as e:
            raise argparse.ArgumentTypeError(f"{text!r} is no {show_type(self._annotation)}: {e}") from None
