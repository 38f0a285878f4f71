"""Names of secrets that a task wants."""

from __future__ import annotations

import dataclasses
import re
from typing import Iterable, Optional, Tuple, Union

__all__ = ["Secret", "SecretRequest"]

_MOUNT = "/etc/flyte/secrets"
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


@dataclasses.dataclass(frozen=True)
class Secret:
    """A secret by name, so that programs written for Flyte load unchanged.

    The declaration is kept with the environment. A node has no store of secrets: the value has to reach the task by
    another way, such as a file that only its user can read, and opening an environment that names secrets says so in
    the log. The value of a secret is never read, sent or logged.

    Parameters:
        key: name of the secret.
        group: name of the group it is in.
        mount: only "/etc/flyte/secrets", where a Flyte program expects it as a file.
        as_env_var: upper-case name of the variable that holds it; without `mount` the default is made of group and key.

    Raises ValueError. Example: ``Secret("openai-key")`` is expected in ``OPENAI_KEY``.
    """

    key: str
    group: Optional[str] = None
    mount: Optional[str] = None
    as_env_var: Optional[str] = None

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or not self.key:
            raise ValueError(f"key of a Secret must be a name, not {self.key!r}")
        if self.mount is not None and str(self.mount) != _MOUNT:
            raise ValueError(f"mount of Secret {self.key!r} must be {_MOUNT!r}, not {self.mount!r}")
        if self.as_env_var is None and self.mount is None:
            name = f"{self.group}_{self.key}" if self.group else self.key
            object.__setattr__(self, "as_env_var", name.replace("-", "_").upper())
        if self.as_env_var is not None and not _VARIABLE.fullmatch(self.as_env_var):
            raise ValueError(
                f"as_env_var of Secret {self.key!r} must be upper-case letters, digits and '_', not {self.as_env_var!r}"
            )


SecretRequest = Union[str, Secret, Iterable[Union[str, Secret]]]


def secrets_of(request: Optional[SecretRequest]) -> Tuple[Secret, ...]:
    """The secrets that `request` (a name, a Secret, or several of them) stands for. Raises ValueError, TypeError."""
    if request is None:
        return ()
    several = (request,) if isinstance(request, (str, Secret)) else tuple(request)
    for one in several:
        if not isinstance(one, (str, Secret)):
            raise TypeError(f"secrets must be names or hearth.Secret objects, not {one!r}")
    return tuple(one if isinstance(one, Secret) else Secret(one) for one in several)
