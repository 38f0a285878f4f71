"""The Python half of ``hearth serve FILE [APP ...]`` and ``hearth deploy FILE [ENV ...]``: the command becomes ``python -m
hearth._client.serve_command serve ...``.

Exit status: 0 all are deployed, 1 the program does not load or the node refuses, 2 the command line is wrong, 3 no node.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from typing import Any, Dict, List, Optional

from hearth._client import flyte_programs, settings, shared, task_source, troubles
from hearth._client.apps import ACTIVATE_TIMEOUT, App, http_socket
from hearth._client.deployment import deploy_all
from hearth._client.exit_status import FAILED, INTERRUPTED, NO_NODE, OK, USAGE, Parser, say
from hearth._client.run_result import show_value
from hearth._client.serving import ServeContext
from hearth._client.task_source import UsageError
from hearth._environment_base import Environment
from hearth.app import AppEnvironment
from hearth.errors import ConfigurationError, NodeUnavailableError

__all__ = ["main"]


def main(words: Optional[List[str]] = None) -> int:
    """Runs the command line `words` (default: this process's), whose first word is "serve" or "deploy", and returns the exit
    status."""
    words = sys.argv[1:] if words is None else words
    try:
        return _main(words)
    except (UsageError, ConfigurationError) as error:
        return say(str(error), USAGE)
    except NodeUnavailableError as error:
        return say(str(error), NO_NODE)
    except TimeoutError as error:
        return say(str(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except ModuleNotFoundError as error:
        return say(troubles.shown(error) + flyte_programs.hint(error, f"hearth {words[0]}"), FAILED)
    except Exception as error:  # the user's module, or a refusal: one screen, whatever it is
        return say(troubles.shown(error), FAILED)


def _parser(verb: str) -> argparse.ArgumentParser:
    serves = verb == "serve"
    what = "apps" if serves else "environments, apps among them,"
    parser = Parser(
        prog=f"hearth {verb}",
        description=f"Deploys {what} of a Python file: their present code is the version that serves from now on.",
        epilog="Example: hearth serve shop.py web" if serves else "Example: hearth deploy shop.py",
        allow_abbrev=False,
    )
    parser.help_shows = "what it takes"
    parser.add_argument("file", metavar="FILE", help="a Python file, or a module")
    parser.add_argument("names", metavar="APP" if serves else "ENV", nargs="*", default=[], help="only these; default: all of FILE")
    names, about = flyte_programs.OPTION
    parser.add_argument(*names, **about)
    parser.add_argument("--project", "-p", metavar="NAME", help="default: $HEARTH_PROJECT, else default")
    parser.add_argument("--domain", "-d", metavar="NAME", help="default: $HEARTH_DOMAIN, else development")
    if serves:
        parser.add_argument("--wait", action="store_true", help="until their code is imported and their minimum of replicas is ready")
    parser.add_argument("--output", "-o", choices=("table", "json"), help="how it is told; default: table")
    return parser


def _main(words: List[str]) -> int:
    verb = words[0]
    parsed = _parser(verb).parse_args(words[1:])
    flyte_programs.install_if(words)
    found = task_source.load_environments(parsed.file)
    kind = AppEnvironment if verb == "serve" else Environment
    known = {name: env for name, env in found.items() if isinstance(env, kind)}
    if not known:
        raise UsageError(_nothing(verb, parsed.file, bool(found)))
    chosen = [_chosen(name, known, parsed.file) for name in parsed.names] or list(known.values())
    with settings.at(parsed.project, parsed.domain):
        if verb == "serve":
            timeout = ACTIVATE_TIMEOUT if parsed.wait else None
            served = ServeContext(activate_timeout=timeout)._serve(*chosen)  # type: ignore[arg-type]
            _tell_apps(served if isinstance(served, list) else [served], parsed.output == "json")
        else:
            _tell_deployments(chosen, parsed.output == "json")
    return OK


def _nothing(verb: str, source: str, has_others: bool) -> str:
    if verb == "deploy":
        return f"{source} has no environments. Declare a hearth.TaskEnvironment or a hearth.app.AppEnvironment in it."
    hint = f"; `hearth deploy {source}` deploys its environments of tasks" if has_others else ""
    return f"{source} has no apps. Declare a hearth.app.AppEnvironment in it{hint}."


def _chosen(name: str, known: Dict[str, Environment], source: str) -> Environment:
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, list(known), 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(f"{source} has no {name!r}.{hint} It has {', '.join(known)}.")


def _tell_apps(apps: List[App], as_json: bool) -> None:
    connection = shared.connection()
    door = http_socket(connection.path)
    if as_json:
        rows = [
            {"name": app.name, "version": app.version, "new": app.is_new, "project": app.project, "domain": app.domain,
             "endpoint": app.endpoint, "httpSocket": door}
            for app in apps
        ]  # fmt: skip
        return show_value(rows, True)
    width = max(len(app.name) for app in apps)
    for app in apps:
        print(f"{app.name:{width}}  {app.version}  {app.endpoint}")
    if door:
        print(f"Ask it: curl --unix-socket {door} http://localhost{apps[0].endpoint}", file=sys.stderr)
    else:
        print(f"They are found below the HTTP address of a node of cluster {connection.cluster}.", file=sys.stderr)


def _tell_deployments(envs: List[Environment], as_json: bool) -> None:
    rows = deploy_all(envs)
    if as_json:
        return show_value([{"name": row.environment, "version": row.version, "new": row.is_new} for row in rows], True)
    width = max(len(row.environment) for row in rows)
    for row in rows:
        print(f"{row.environment:{width}}  {row.version}  {'new' if row.is_new else 'as before'}")


if __name__ == "__main__":
    sys.exit(main())
