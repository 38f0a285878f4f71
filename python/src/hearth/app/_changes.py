"""What one deployment of an app says otherwise than its declaration."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Dict, Mapping

from hearth._checks import closest
from hearth._values.files import File
from hearth.app._parameters import checked_parameters, variables_of

if TYPE_CHECKING:
    from hearth.app._environment import AppEnvironment

__all__ = ["change"]


def change(
    definition: Dict[str, Any], env: AppEnvironment, env_vars: Mapping[str, str], values: Mapping[str, Any], own: Any = ()
) -> None:
    """Puts variables and values of parameters, by their names, into the `definition` of `env`; `own`: variables that are set for
    it. Another definition is another version. Raises TypeError, ValueError."""
    known = [one.name for one in env.parameters]
    for name in values:
        if name not in known:
            near = closest(name, known)
            hint = f"did you mean {near!r}?" if near else f"it has {', '.join(known) or 'none'}"
            raise ValueError(f"app {env.name!r} has no parameter {name!r}; {hint}")
    changed = [dataclasses.replace(one, value=values[one.name], mount=None) for one in env.parameters if one.name in values]
    parameters = checked_parameters([next((new for new in changed if new.name == one.name), one) for one in env.parameters])
    told = variables_of(parameters, definition["project"], definition["domain"])
    for name in env_vars:
        if name in own or name in told:
            raise ValueError(f"app {env.name!r}: the variable {name} is set for it already; leave it out of env_vars")
    variables = {row["name"]: row["value"] for row in definition["variables"]}
    variables.update(told)
    variables.update(env_vars)
    definition["variables"] = [{"name": name, "value": value} for name, value in sorted(variables.items())]
    files = [one.value.path for one in changed if isinstance(one.value, File)]
    definition["mounts"] += [path for path in files if path not in definition["mounts"]]
