"""A port of its own for each replica of a program: it listens in the network of the machine, where a port is there once."""

from __future__ import annotations

import random
import socket
from typing import Optional

from ..loading import LoadFailure

__all__ = ["Port"]

# Below what Linux gives to outgoing connections (net.ipv4.ip_local_port_range), so that none of these takes one in between.
_FIRST, _LAST = 12_000, 32_767
_TRIES = 200


class Port:
    """The number at which one replica's program listens on the loopback interface, for as long as this process lives.

    `wanted` if nobody has it, else any: `is_wanted` tells. Replicas of all nodes of the machine agree by names of Unix sockets
    in the abstract namespace, which belong to the same network as the ports do. Raises LoadFailure when there is none.
    """

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        claim = _claimed(wanted)
        self.number = wanted
        for _ in range(_TRIES):
            if claim is not None:
                break
            self.number = random.randint(_FIRST, _LAST)
            claim = _claimed(self.number)
        if claim is None:
            raise LoadFailure(f"No port of this machine from {_FIRST} to {_LAST} seems to be free for the app's program.")
        self._claim = claim

    @property
    def is_wanted(self) -> bool:
        """Whether it is the one that the app names: a program that does not ask for its port listens there, too."""
        return self.number == self.wanted


def _claimed(number: int) -> Optional[socket.socket]:
    """What keeps the port `number` from other replicas; None if somebody has it."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0hearth/app-port/{number}")
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            _try_to_listen(family, address, number)
    except OSError:
        claim.close()
        return None
    return claim


def _try_to_listen(family: int, address: str, number: int) -> None:
    """Raises OSError if the port is taken at any address of `family`, or is not ours to take (below 1024)."""
    try:
        trial = socket.socket(family)
    except OSError:  # a machine without IPv6
        return
    with trial:
        # As servers do it: connections that a former one has ended linger for a minute.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            trial.bind((address, number))
        except OSError:
            if family == socket.AF_INET6 and not _has_ipv6():
                return
            raise
        trial.listen(1)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as trial:
            trial.bind(("::1", 0))
        return True
    except OSError:
        return False
