"""The Python half of ``hearth cache explain FILE TASK [--inputs]``: the command becomes ``python -m
hearth._client.explain_command``.

Exit status: 0 it was told, 1 the program does not load, 2 the command line is wrong, 3 no node.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, Dict, List, Mapping, Optional

from hearth._client import flags, flyte_programs, node, settings, shared, task_source, troubles
from hearth._client.cache_key import CallKey, key_of
from hearth._client.exit_status import FAILED, INTERRUPTED, NO_NODE, OK, USAGE, Parser, say
from hearth._client.run_result import show_value
from hearth._client.task_source import UsageError
from hearth.compat import local
from hearth.errors import ConfigurationError, NodeUnavailableError, RuntimeDataValidationError

__all__ = ["main"]

_DIGEST_DIGITS, _DIGITS_SHOWN = 64, 15  # `hearth cache list` shows as many

_OPTIONS = flags.OwnOptions(
    "explain",
    (
        ("--project",),
        {
            "metavar": "NAME",
            "help": "default: $HEARTH_PROJECT, else default; local: direct calls of flytekit's tasks, on your own node",
        },
    ),
    (("--domain",), {"metavar": "NAME", "help": "default: $HEARTH_DOMAIN, else development; of project local local"}),
    flyte_programs.OPTION,
    (("--output", "-o"), {"choices": ("table", "json"), "help": "how it is told; default: in words"}),
)


def main(words: Optional[List[str]] = None) -> int:
    """Runs the command line `words` (default: this process's) and returns the exit status."""
    try:
        return _main(sys.argv[1:] if words is None else words)
    except (UsageError, RuntimeDataValidationError, ConfigurationError) as error:
        return say(str(error), USAGE)
    except NodeUnavailableError as error:
        return say(str(error), NO_NODE)
    except KeyboardInterrupt:
        return INTERRUPTED
    except ModuleNotFoundError as error:
        return say(troubles.shown(error) + flyte_programs.hint(error, "hearth cache explain"), FAILED)
    except Exception as error:  # the user's module, or a refusal
        return say(troubles.shown(error), FAILED)


def _main(words: List[str]) -> int:
    leading, words = _OPTIONS.parted(words)
    if not words or words[0] in ("-h", "--help"):
        parser = _parser("FILE TASK")
        _OPTIONS.add_to(parser)
        parser.print_help()
        return OK if words else USAGE
    source, word, rest = task_source.parted(words)
    flyte_programs.install_if((*leading, *rest))
    tasks = task_source.load(source)
    if not word:
        raise UsageError(f"Say which task of {source}:\n{task_source.listing(tasks)}")
    task = task_source.find(tasks, word, source)
    parser = _parser(f"{source} {word}")
    try:
        flags.add_options(parser, task.func)
    except ValueError as error:
        raise UsageError(str(error)) from None
    _OPTIONS.add_to(parser)
    parsed = parser.parse_args(flags.joined(rest, parser), _given(leading))
    if not task.cache.is_on:
        raise UsageError(f'Task {task.name} keeps no results; give it or its environment cache="auto".')
    domain = parsed.domain or (local.DOMAIN if parsed.project == local.PROJECT else None)
    with settings.at(parsed.project, domain):
        key = key_of(task, flags.values(parsed, task.func))
    told = _explanation(key)
    if parsed.output == "json":
        show_value(told, True)
    else:
        print(told["text"])
    return OK


def _parser(of: str) -> argparse.ArgumentParser:
    return Parser(
        prog=f"hearth cache explain {of}",
        usage=f"hearth cache explain {of} [--INPUT VALUE ...] [options]",
        description="Tells whether a call would be answered from the cache, and if not, what of its key differs from the "
        "nearest result that is kept.",
        formatter_class=flags.HelpFormatter,
        allow_abbrev=False,
    )


def _given(leading: List[str]) -> argparse.Namespace:
    """What the options before FILE say."""
    parser = _parser("FILE TASK")
    _OPTIONS.add_to(parser)
    return parser.parse_args(leading)


def _explanation(key: CallKey) -> Dict[str, Any]:
    """What is told, for a program."""
    told: Dict[str, Any] = {
        "status": "MISS",
        "project": key.project,
        "domain": key.domain,
        "task": key.task,
        "version": key.version,
        "signature": key.signature,
        "inputs": dict(key.inputs),
        "id": key.id,
        "nearest": None,
        "differs": [],
    }
    row = _nearest(key)
    if row is None:
        told["text"] = (
            f"MISS: nothing is kept of task {key.task} that may be served. `hearth cache stats` also counts what was "
            "invalidated or is too old, until it is removed."
        )
        return told
    differences = key.differences(row)
    told.update(nearest=row.get("id", ""), differs=differences)
    if differences:
        told["text"] = _miss(key, row, differences)
    else:
        saved = int(row.get("runUs", 0)) / 1e6
        took = f"{saved:.2f} s" if saved >= 1 else f"{saved * 1e3:.3g} ms"
        told["status"] = "HIT"
        told["text"] = f"HIT: entry {row.get('id')} answers it, made by {row.get('producer')} in {took}."
    return told


def _nearest(key: CallKey) -> Optional[Mapping[str, Any]]:
    """Of the task's entries that are served, the newest of those that differ least; None when there is none."""
    connection = shared.connection(node.socket_path() if key.project == local.PROJECT else None)
    slot = connection.request("getCache", {"what": "entries", "which": {"task": key.task}, "near": key.row(), "limit": 1})
    connection.wait(slot)
    return next(iter(slot.rows()), None)


def _miss(key: CallKey, row: Mapping[str, Any], differences: List[str]) -> str:
    first = [part for part in differences if not part.startswith("input ")]
    inputs = [part[len("input ") :] for part in differences if part.startswith("input ")]
    said = [f"the {part} is another one ({_shown(getattr(key, part), part)}, there {_shown(row.get(part, ''), part)})" for part in first]
    if inputs:
        some = "input " + inputs[0] if len(inputs) == 1 else "inputs " + ", ".join(inputs)
        said.append(f"{some} {'differs' if len(inputs) == 1 else 'differ'}")
    text = said[0] if len(said) == 1 else ", ".join(said[:-1]) + " and " + said[-1]
    return f"MISS: the nearest entry is {row.get('id')}, but {text}."


def _shown(text: str, part: str) -> str:
    """Of a version that was made from code, which is a digest, the beginning."""
    is_digest = part == "version" and len(text) == _DIGEST_DIGITS
    return repr(text[:_DIGITS_SHOWN] + "…" if is_digest else text)


if __name__ == "__main__":
    sys.exit(main())
