"""What an app is told when its replicas start."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from hearth._values.files import File
from hearth.app._words import app_name
from hearth.errors import ConfigurationError

__all__ = ["AppEndpoint", "PARAMETERS_VARIABLE", "Parameter", "checked_parameters", "endpoint_path", "get_parameter",
           "variables_of"]  # fmt: skip

PARAMETERS_VARIABLE = "HEARTH_APP_PARAMETERS"

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class AppEndpoint:
    """As the value of a `Parameter`: where the app `app_name` of the same project and domain is found, a path below the HTTP
    address of the node, as `App.endpoint`. Raises TypeError, ValueError."""

    app_name: str

    def __post_init__(self) -> None:
        app_name(self.app_name)


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A value that the replicas of an app read with `hearth.app.get_parameter(name)`, and as a variable.

    Parameters:
        name: how the app asks for it.
        value: text; a `hearth.File`, whose absolute path the app is told, and which a sandbox shows to it, read-only; or an
            `AppEndpoint`.
        env_var: name of the environment variable that holds it, too.
        mount: only for a file, and only the path that it has: files stay where they are.

    Raises TypeError, ValueError. Example: ``Parameter("weights", hearth.File("/models/digits.bin"), env_var="WEIGHTS")``.
    """

    name: str
    value: Union[str, File, AppEndpoint]
    env_var: Optional[str] = None
    mount: Optional[str] = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name of a Parameter must be a text that is not empty, not {self.name!r}")
        if not isinstance(self.value, (str, File, AppEndpoint)):
            raise TypeError(
                f"value of Parameter {self.name!r} must be text, a hearth.File or a hearth.app.AppEndpoint, not "
                f"{type(self.value).__name__}"
            )
        if isinstance(self.value, str) and "\0" in self.value:
            raise ValueError(f"value of Parameter {self.name!r} must be text without NUL")
        if self.env_var is not None and not (isinstance(self.env_var, str) and _VARIABLE.fullmatch(self.env_var)):
            raise ValueError(f"env_var of Parameter {self.name!r}: {self.env_var!r} is no name of an environment variable")
        if self.mount is not None and not (isinstance(self.value, File) and os.fspath(self.mount) == self.value.path):
            raise ValueError(
                f"mount={self.mount!r} of Parameter {self.name!r} is not supported: a file is shown to the app where it is. "
                f"Leave mount out, and read its path with hearth.app.get_parameter({self.name!r})."
            )

    def text(self, project: str, domain: str) -> str:
        """The value as the app gets it."""
        if isinstance(self.value, File):
            return self.value.path
        if isinstance(self.value, AppEndpoint):
            return endpoint_path(project, domain, self.value.app_name)
        return self.value


def endpoint_path(project: str, domain: str, name: str) -> str:
    """Where an app is found below the HTTP address of a node."""
    return f"/apps/{project}/{domain}/{name}/"


def checked_parameters(values: Any) -> Tuple[Parameter, ...]:
    """`values` if they are parameters of different names and variables. Raises TypeError, ValueError."""
    if isinstance(values, Parameter):
        raise TypeError(f"parameters must be a tuple or list; write ({values!r},)")
    found = tuple(values)
    for one in found:
        if not isinstance(one, Parameter):
            raise TypeError(f"parameters must be hearth.app.Parameter objects, not {one!r}")
    for word in ("name", "env_var"):
        given: List[str] = [getattr(one, word) for one in found if getattr(one, word) is not None]
        twice = next((name for name in given if given.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"parameters: two of them have the {word} {twice!r}; rename one")
    return found


def variables_of(parameters: Sequence[Parameter], project: str, domain: str) -> Dict[str, str]:
    """The environment variables by which an app is told."""
    if not parameters:
        return {}
    texts = {one.name: one.text(project, domain) for one in parameters}
    named = {one.env_var: texts[one.name] for one in parameters if one.env_var is not None}
    return {**named, PARAMETERS_VARIABLE: json.dumps(texts, sort_keys=True)}


def get_parameter(name: str) -> str:
    """Inside an app: the value of its `Parameter` of this name, as text. Raises ConfigurationError if there is none."""
    known: Dict[str, str] = json.loads(os.environ.get(PARAMETERS_VARIABLE, "{}"))
    if name not in known:
        there = f"it has {', '.join(sorted(known))}" if known else "it has none, or this is no replica of an app"
        raise ConfigurationError(
            f"The app has no parameter {name!r}; {there}. Add a hearth.app.Parameter({name!r}, ...) to parameters= of its "
            f"AppEnvironment."
        )
    return known[name]
