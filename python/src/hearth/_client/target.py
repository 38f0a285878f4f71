"""Which cluster a program works with: the one that ``$HEARTH_CLUSTER`` names, else the one in use (``hearth cluster use``).

The command keeps what it knows below ``$XDG_CONFIG_HOME/hearth`` (else ``~/.config/hearth``): ``clusters/NAME.json`` for each
cluster, and ``target``, a copy of the one in use. ``$HEARTH_SOCKET`` names one node and comes before both.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional

from hearth.errors import NodeUnavailableError

__all__ = ["Target", "chosen"]


@dataclass(frozen=True)
class Target:
    """A cluster, and where its nodes listen."""

    name: str
    sockets: List[str]

    def in_any_order(self) -> List[str]:
        """All sockets, beginning with any: so that programs do not all ask the same node."""
        first = random.randrange(len(self.sockets))
        return self.sockets[first:] + self.sockets[:first]


def chosen() -> Optional[Target]:
    """The cluster to talk to; None: a single node. Raises NodeUnavailableError when what is chosen is not known here."""
    if os.environ.get("HEARTH_SOCKET"):
        return None
    named = os.environ.get("HEARTH_CLUSTER")
    if not named:
        return _read(_config_directory() / "target")
    found = _read(_config_directory() / "clusters" / f"{named}.json") if "/" not in named else None
    if found is None:
        raise NodeUnavailableError(
            f"HEARTH_CLUSTER names {named}, and there is no such cluster here. Correct it or unset it; "
            f"`hearth cluster up --nodes 3 --name {named}` makes one on this machine."
        )
    return found


def _config_directory() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(base) / "hearth" if base.startswith("/") else Path(os.path.expanduser("~")) / ".config" / "hearth"


def _read(path: Path) -> Optional[Target]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        target = Target(str(said["cluster"]), [str(each) for each in said["sockets"]])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError):
        target = Target("", [])
    if not target.name or not target.sockets:
        raise NodeUnavailableError(
            f"The file {path} does not say which cluster is meant. Remove it, and choose again with `hearth cluster use NAME`."
        )
    return target
