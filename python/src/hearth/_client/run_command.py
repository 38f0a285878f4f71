"""The Python half of ``hearth run FILE TASK [--inputs]``: the command becomes ``python -m hearth._client.run_command``.

Exit status: 0 the task succeeded, 1 it failed, 2 the command line is wrong, 3 no node, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, Dict, List, Optional

from hearth._client import flags, flyte_programs, runs, settings, shared, task_source, troubles
from hearth._client.environments import interpreter_of
from hearth._client.exit_status import FAILED, INTERRUPTED, NO_NODE, OK, USAGE, Parser, say
from hearth._client.run_context import LocalRun
from hearth._client.run_result import show_failure, show_value
from hearth._client.run_view import Feed, RunView
from hearth._client.task_source import UsageError
from hearth._task import Task
from hearth._values import keys
from hearth.errors import ConfigurationError, NodeUnavailableError, RuntimeDataValidationError

__all__ = ["main"]

_OPTIONS = flags.OwnOptions(
    "run",
    (("--name",), {"metavar": "NAME", "help": "name of the run; default: the node chooses"}),
    (("--project", "-p"), {"metavar": "NAME", "help": "default: $HEARTH_PROJECT, else default"}),
    (("--domain", "-d"), {"metavar": "NAME", "help": "default: $HEARTH_DOMAIN, else development"}),
    (("--detach",), {"action": "store_true", "help": "print the run's name and leave; the run goes on"}),
    (("--follow", "-f"), {"action": "store_true", "help": "with --detach: show output until the end all the same"}),
    (("--overwrite-cache",), {"action": "store_true", "help": "run every call; results replace those that are kept"}),
    (("--no-cache",), {"action": "store_true", "help": "run every call, and keep no results"}),
    flyte_programs.OPTION,
    (("--local",), {"action": "store_true", "help": "run in this process, without a node"}),
    (("--output", "-o"), {"choices": ("table", "json"), "help": "how the result is printed; default: table"}),
)


def main(words: Optional[List[str]] = None) -> int:
    """Runs the command line `words` (default: this process's) and returns the exit status."""
    words = sys.argv[1:] if words is None else words
    _open_standard_streams()
    try:
        return _main(words)
    except UsageError as error:
        return say(str(error), USAGE)
    except NodeUnavailableError as error:
        return say(str(error), NO_NODE)
    except (RuntimeDataValidationError, ConfigurationError) as error:
        return say(str(error), USAGE)
    except BrokenPipeError:  # whoever read the output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except ModuleNotFoundError as error:
        return say(troubles.shown(error) + flyte_programs.hint(error, "hearth run"), FAILED)
    except Exception as error:  # the user's module, or a refusal: one screen, whatever it is
        return say(troubles.shown(error), FAILED)


def _open_standard_streams() -> None:
    """Gives a stream that the shell has closed (``>&-``) to the null device: a socket that took its number would get
    what tasks print."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:  # the ones before it are open, so it gets the lowest number that is free: its own
            os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))


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
        wants_help = bool(rest) and rest[0] in ("-h", "--help")
        print(f"Tasks of {source}:\n{task_source.listing(tasks)}\nRun one with `hearth run {source} TASK`; "
              "`--help` after TASK shows its inputs.")  # fmt: skip
        return OK if wants_help else USAGE
    task = task_source.find(tasks, word, source)
    parser = _parser(f"{source} {word}", task.docs)
    try:
        flags.add_options(parser, task.func)
    except ValueError as error:
        raise UsageError(str(error)) from None
    _OPTIONS.add_to(parser)
    parsed = parser.parse_args(flags.joined(rest, parser), _given(leading))
    inputs = flags.values(parsed, task.func)
    if parsed.name is not None:
        try:
            settings.run_name(parsed.name)
        except ValueError as error:
            raise UsageError(str(error)) from None
    if parsed.overwrite_cache and parsed.no_cache:
        raise UsageError("--overwrite-cache keeps results and --no-cache keeps none; say one of the two.")
    if parsed.overwrite_cache and parsed.local:
        raise UsageError("--local runs the task without a node and keeps no results; leave out --overwrite-cache, or --local.")
    with settings.at(parsed.project, parsed.domain):
        return _run_local(task, inputs, parsed) if parsed.local else _run(task, inputs, parsed)


# -- words ------------------------------------------------------------------------------------------------------------


def _parser(of: str, docs: str = "") -> argparse.ArgumentParser:
    return Parser(
        prog=f"hearth run {of}",
        usage=f"hearth run {of} [--INPUT VALUE ...] [options]",
        description=docs or "Runs a task of a Python file on warm interpreters; its inputs are options.",
        formatter_class=flags.HelpFormatter,
        allow_abbrev=False,
    )


def _given(leading: List[str]) -> argparse.Namespace:
    """What the options before FILE say: those whose names inputs of the task have can be said only there."""
    parser = _parser("FILE TASK")
    _OPTIONS.add_to(parser)
    return parser.parse_args(leading)


# -- running ----------------------------------------------------------------------------------------------------------


def _run(task: Task[Any, Any], inputs: Dict[str, Any], parsed: argparse.Namespace) -> int:
    follows = not parsed.detach or parsed.follow
    connection = shared.connection()
    feed = Feed()
    if follows:
        connection.feeds.append(feed)
    order = runs.Order(name=parsed.name or "", detach=parsed.detach, logs=follows, cache=_cache_mode(parsed))
    try:
        run = runs.start(task, (), inputs, order)
    except KeyboardInterrupt:
        return say("Interrupted before the node had accepted the run; it is taken back.", INTERRUPTED)
    view = RunView(run, feed, sys.stderr if parsed.output == "json" else sys.stdout)
    try:
        about = f"{task.name} with {interpreter_of(task.env)} on {_where(connection)}"
        print(f"run {run.name}: {about}", file=sys.stderr)
        if not follows:
            return _leave(run, parsed)
        view.follow()
    except KeyboardInterrupt:
        return _interrupted(run, view, parsed)
    try:
        row = run.slot.connection.ask("wait", run.name)  # answered after all output
    except NodeUnavailableError:
        row = {}  # `_end` says it
    view.finish()
    return _end(run, row, parsed)


def _cache_mode(parsed: argparse.Namespace) -> int:
    return keys.OVERWRITE if parsed.overwrite_cache else keys.DISABLED if parsed.no_cache else keys.USED


def _where(connection: Any) -> str:
    if connection.cluster:
        return f"cluster {connection.cluster}, through node {connection.node}"
    return f"{'private node' if connection.welcome.get('private') else 'node'} {connection.node}"


def _leave(run: runs.Run, parsed: argparse.Namespace) -> int:
    if parsed.output == "json":
        show_value({"run": run.name, "task": run.task_name, "phase": "QUEUED"}, True)
    else:
        print(run.name)
    print(
        "The run goes on by itself. "
        f"`hearth logs -f {run.name}` follows it, `hearth get run {run.name}` shows its result.",
        file=sys.stderr,
    )
    return OK


def _interrupted(run: runs.Run, view: RunView, parsed: argparse.Namespace) -> int:
    if parsed.detach:
        print(f"\nThe run {run.name} goes on; `hearth abort {run.name}` ends it.", file=sys.stderr)
        return INTERRUPTED
    print(f"\nAborting run {run.name}; Ctrl-C again leaves at once.", file=sys.stderr)
    try:
        run.abort("interrupted by Ctrl-C")
        view.follow()
        view.finish()
    except KeyboardInterrupt:
        pass
    phase = run.phase if run.done() else "being aborted"
    print(f"The run {run.name} is {phase.lower()}.", file=sys.stderr)
    return INTERRUPTED


def _end(run: runs.Run, row: Any, parsed: argparse.Namespace) -> int:
    as_json = parsed.output == "json"
    about = {"run": run.name, "task": run.task_name, "phase": run.phase}
    try:
        value = run.result()
    except NodeUnavailableError:
        raise
    except Exception as error:
        show_failure(about, error, as_json)
        return FAILED
    calls = int(row.get("actions", 0))
    seconds = int(row.get("durationMs", 0)) / 1000
    origin = ", from the cache" if run.cache_status == "HIT" else ""
    made = f", {calls:,} calls" if calls > 1 else ""
    print(f"{run.phase.lower()} in {seconds:.2f} s{made}{origin}", file=sys.stderr)
    show_value({**about, "result": value} if as_json else value, as_json)
    return OK


def _run_local(task: Task[Any, Any], inputs: Dict[str, Any], parsed: argparse.Namespace) -> int:
    for word in ("detach", "follow"):
        if getattr(parsed, word):
            raise UsageError(f"--{word} and --local do not go together: a local run ends with this command.")
    print(f"{task.name} in this process, {sys.executable}", file=sys.stderr)
    run = LocalRun(task, task.bind((), inputs), parsed.name or "")
    about = {"run": run.name, "task": run.task_name, "phase": run.phase}
    as_json = parsed.output == "json"
    try:
        value = run.result()
    except Exception as error:
        show_failure(about, error, as_json)
        return FAILED
    show_value({**about, "result": value} if as_json else value, as_json)
    return OK


if __name__ == "__main__":
    sys.exit(main())
