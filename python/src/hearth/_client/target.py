"""Which cluster a program works with: the one that ``$HEARTH_CLUSTER`` names, else the one in use (``hearth cluster use``).

The command keeps what it knows below ``$XDG_CONFIG_HOME/hearth`` (else ``~/.config/hearth``): ``clusters/NAME.json`` for each
cluster, with the token where it is elsewhere (``hearth cluster login``), and ``target``, which names the one in use.
``$HEARTH_SOCKET`` names one node and comes before both.
"""

from __future__ import annotations

import base64
import json
import os
import random
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Optional

from hearth.errors import NodeUnavailableError

__all__ = ["Login", "Place", "Target", "chosen"]


@dataclass(frozen=True)
class Login:
    """What a client of a cluster elsewhere trusts, and what it shows."""

    authority: str  # the cluster's own certificate, PEM
    secret: bytes  # of its token


@dataclass(frozen=True)
class Place:
    """Where a node answers: a Unix socket of this machine, or, with a login, a member's link."""

    address: str  # a path, or "host:port"
    node: str = ""  # of a link: id of the node whose certificate it must show
    login: Optional[Login] = None


@dataclass(frozen=True)
class Target:
    """A cluster, and where its nodes answer."""

    name: str
    places: List[Place]

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is reached over the network."""
        return any(place.login for place in self.places)

    def in_any_order(self) -> List[Place]:
        """All of them, beginning with any: so that programs do not all ask the same node."""
        first = random.randrange(len(self.places))
        return self.places[first:] + self.places[:first]


def chosen() -> Optional[Target]:
    """The cluster to talk to; None: a single node. Raises NodeUnavailableError when what is chosen is not known here."""
    if os.environ.get("HEARTH_SOCKET"):
        return None
    named = os.environ.get("HEARTH_CLUSTER")
    if not named:
        return _in_use()
    found = _find(named)
    if found is None:
        raise NodeUnavailableError(
            f"HEARTH_CLUSTER names {named}, and there is no such cluster here. Correct it or unset it; "
            f"`hearth cluster up --nodes 3 --name {named}` makes one on this machine."
        )
    return found


def _config_directory() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(base) / "hearth" if base.startswith("/") else Path(os.path.expanduser("~")) / ".config" / "hearth"


def _find(name: str) -> Optional[Target]:
    return _read(_config_directory() / "clusters" / f"{name}.json") if name and "/" not in name else None


def _in_use() -> Optional[Target]:
    path = _config_directory() / "target"
    try:
        name = json.loads(path.read_text(encoding="utf-8"))["cluster"]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError):
        name = ""
    found = _find(name) if isinstance(name, str) else None
    if found is None:
        raise NodeUnavailableError(
            f"The file {path} does not say which cluster is meant. Remove it, and choose again with `hearth cluster use NAME`."
        )
    return found


def _read(path: Path) -> Optional[Target]:
    try:
        with open(path, encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            said = json.loads(file.read())
        target = Target(str(said["cluster"]), [Place(str(each)) for each in said["sockets"]] + _members(said))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError):
        target = Target("", [])
    if not target.name or not target.places:
        raise NodeUnavailableError(
            f"The file {path} does not say where a cluster is. Remove it, and make it known again with `hearth cluster up` or "
            "`hearth cluster login`."
        )
    if target.is_elsewhere and (found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077):
        raise NodeUnavailableError(
            f"Refusing {path}: it holds a token, and other users may read it. Make it yours with `chmod 600 {path}`, and ask "
            "for another token if somebody may have read this one."
        )
    return target


def _members(said: Any) -> List[Place]:
    entry = said.get("login")
    if entry is None:
        return []
    token = str(entry["token"])
    login = Login(str(entry["authority"]), base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    return [Place(str(each["address"]), str(each["id"]), login) for each in entry["members"]]
