"""The connections of this process: one per node, for all threads and event loops.

A forked child opens its own; at the end of the program what is still open is aborted, and said so.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import sys
import threading
from typing import Callable, Dict, List, Optional, Tuple, TypeVar, Union

from hearth._client import node, remote, target
from hearth._client.connection import Connection
from hearth._client.ids import new_id
from hearth.errors import NodeUnavailableError

__all__ = [
    "connection", "connection_aio", "disconnect", "live_connection", "on_live_connection", "open_connection", "root",
    "separate_connection",
]  # fmt: skip

Result = TypeVar("Result")

NODE_PATIENCE = 2.0
"""Seconds that one node of a cluster is waited for before another one is asked."""

_lock = threading.Lock()
_connections: Dict[str, Connection] = {}
_clusters: Dict[str, target.Target] = {}  # by the addresses of their nodes to which there was a connection
_default: Optional[Connection] = None
_root: Tuple[int, int] = new_id()


def root() -> Tuple[int, int]:
    """The id that plain calls of this process share: the node shares itself fairly between such roots."""
    return _root


def connection(path: Optional[str] = None) -> Connection:
    """The connection to the node at `path`, or to another one of its cluster when that is gone; None: to the cluster in use,
    else to this user's node, started when there is none.

    Which node that is, is looked up when a connection is made, not again while it lasts. Blocks until the node has
    answered. Raises NodeUnavailableError.
    """
    found = _default if path is None else _connections.get(path)
    if found is not None and not found.broken:
        return found
    return _connect(path)


def open_connection() -> Optional[Connection]:
    """What `connection()` gives without blocking; None where it would have to connect."""
    found = _default
    return found if found is not None and not found.broken else None


def live_connection(path: Optional[str] = None) -> Connection:
    """`connection(path)`, after a look whether the node has ended it meanwhile. Before something that is not sent again."""
    found = connection(path)
    return found if found.is_live() else connection(path)


def on_live_connection(what: Callable[[Connection], Result], path: Optional[str] = None) -> Result:
    """`what(connection)`, and once more on another connection if that one ends meanwhile: what does no harm twice."""
    found = live_connection(path)
    try:
        return what(found)
    except NodeUnavailableError:
        if found.given_up or not found.broken:
            raise
        return what(live_connection(path))


async def connection_aio() -> Connection:
    """The same for this user's node, awaitable; connecting and starting happen in a thread."""
    found = open_connection()
    if found is not None:
        return found
    return await asyncio.get_running_loop().run_in_executor(None, _connect, None)


def separate_connection(path: str) -> Connection:
    """A connection of its own to the node at `path`, or to another one of its cluster. Raises NodeUnavailableError."""
    cluster = _clusters.get(path)
    if cluster is None:
        return Connection.open(node.connect_or_start(path), path)
    return _first_of(cluster, _beginning_at(path, cluster))


def _connect(path: Optional[str]) -> Connection:
    global _default
    with _lock:
        cluster = target.chosen() if path is None else _clusters.get(path)
        if cluster is None:
            found = _at(path or node.socket_path())
        else:
            found = _of_cluster(cluster, cluster.in_any_order() if path is None else _beginning_at(path, cluster))
        if path is None:
            _default = found
        return found


def _at(address: str) -> Connection:
    found = _connections.get(address)
    if found is None or found.broken:
        found = _connections[address] = Connection.open(node.connect_or_start(address), address)
    return found


def _beginning_at(path: str, cluster: target.Target) -> List[target.Place]:
    return sorted(cluster.in_any_order(), key=lambda place: place.address != path)


def _of_cluster(cluster: target.Target, places: List[target.Place]) -> Connection:
    """The connection to any of its nodes: the one that there is, else to the first of `places` that answers. Nodes whose
    connection ended are asked last: one that is stopping may still answer."""
    known = {place.address: _connections.get(place.address) for place in places}
    for found in known.values():
        if found is not None and not found.broken:
            return found
    made = _first_of(cluster, sorted(places, key=lambda place: known[place.address] is not None))
    _connections[made.path] = made
    return made


def _first_of(cluster: target.Target, places: List[target.Place]) -> Connection:
    why = ""
    for place in places:
        try:
            stream = _stream_to(place)
            if stream is None:
                continue
            found = Connection.open(stream, place.address, NODE_PATIENCE)
        except NodeUnavailableError as error:
            why = str(error)
            continue  # it was there and is gone, or it is stuck: another one may answer
        found.cluster = cluster.name
        _clusters[place.address] = cluster
        return found
    if cluster.is_elsewhere:
        raise NodeUnavailableError(
            f"No node of cluster {cluster.name} lets this program in: {why} `hearth cluster use none` leaves the cluster."
        )
    raise NodeUnavailableError(
        f"No node of cluster {cluster.name} answers; `hearth cluster up --name {cluster.name}` starts it, "
        "`hearth cluster use none` leaves it."
    )


def _stream_to(place: target.Place) -> Union[socket.socket, remote.TlsSocket, None]:
    if place.login is None:
        return node.connect(place.address, NODE_PATIENCE)
    return remote.connect(place, NODE_PATIENCE)


def disconnect() -> None:
    """Closes all connections; the next call connects again. What is open fails with NodeUnavailableError."""
    global _default
    with _lock:
        for each in _connections.values():
            each.close()
        _connections.clear()
        _default = None


def _after_fork() -> None:
    global _default, _lock, _root
    _lock = threading.Lock()
    _root = new_id()
    for each in _connections.values():
        each.abandon()
    _connections.clear()
    _default = None


def _at_exit() -> None:
    interrupted = getattr(sys, "last_type", None) is KeyboardInterrupt  # nobody caught it
    for each in list(_connections.values()):
        if not each.broken:
            each.poll()  # calls whose replies are here already are not open
            lines = [slot.farewell(interrupted) for slot in each.open_calls]
            names = [slot.task_name for slot in each.open_calls if slot.task_name]
            if names:
                lines.append(_said_at_exit(names))
            for line in filter(None, lines):
                print(line, file=sys.stderr)
            for slot in each.open_calls:
                slot.leave()
        each.close()


def _said_at_exit(names: List[str]) -> str:
    shown = sorted(set(names))
    more = f" and {len(shown) - 3} others" if len(shown) > 3 else ""
    calls = "1 call is" if len(names) == 1 else f"{len(names)} calls are"
    return (
        f"hearth: {calls} still open and aborted, because this program ends: {', '.join(shown[:3])}{more}. "
        "Wait for result() of each, or use `hearth run --detach` for work that outlives a program."
    )


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
