"""Tasks as the node knows them: bundles sent, environments opened, handles remembered per connection."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, Optional, Set, Tuple

from hearth import _frames, _values
from hearth._bundle import Bundle, bundle_for
from hearth._bundle.origin import anchor
from hearth._client import interactive, settings, shared
from hearth._client.slots import Request
from hearth._codes import Code
from hearth.errors import ConfigurationError, NodeUnavailableError

if TYPE_CHECKING:
    from hearth._client.connection import Connection
    from hearth._environment_base import Environment
    from hearth._task import Task

__all__ = ["Target", "closed", "interpreter_of", "is_closed", "known_target", "live_target", "open_environment", "target"]

_TARGETS_MAX = 4096  # each override of a task makes one; a loop could make any number

_making = threading.Lock()


def _after_fork() -> None:
    global _making
    _making = threading.Lock()  # the thread that held it may not be here


os.register_at_fork(after_in_child=_after_fork)


class Opened:
    """An environment on a connection."""

    __slots__ = ("definition", "env", "handle", "is_new", "version")

    def __init__(self, env: Environment, definition: Dict[str, Any], answer: Dict[str, Any]) -> None:
        self.env = env  # keeps it alive: it is remembered by its id
        self.definition = definition
        self.handle = int(answer["handle"])
        self.version = str(answer.get("version", ""))
        self.is_new = bool(answer.get("isNew", False))


class Target:
    """What a call of one task needs, on one connection."""

    codec: _values.Codec

    __slots__ = ("_template", "codec", "fields", "place", "revision", "session", "task")

    def __init__(
        self, connection: Connection, task: Task[Any, Any], opened: Opened, revision: int, session: Any
    ) -> None:
        root_hi, root_lo = shared.root()
        self.task = task
        self.codec = _values.codec_for(task)
        # While these three are as they were, the environment is open as it is declared.
        self.revision = revision
        self.place = (opened.definition["project"], opened.definition["domain"])
        self.session = session
        self.fields = {  # of the Call frame of every plain call
            "environment": opened.handle,
            "task": task.env.index_of(task),
            "call_hi": connection.call_hi,
            "root_hi": root_hi,
            "root_lo": root_lo,
        }
        self._template = _frames.call(**self.fields)

    def frame(self, lo: int, body: Any) -> bytes:
        """The frame of call `lo` with the encoded arguments `body`, which fit into one frame."""
        return _frames.fill(self._template, lo, body)


class _Environments:
    """What one connection has sent and opened."""

    __slots__ = ("bundles", "mutex", "opened", "targets")

    def __init__(self) -> None:
        self.mutex = threading.Lock()  # two threads that call a task for the first time open its environment once
        self.bundles: Set[str] = set()
        self.opened: Dict[int, Opened] = {}
        self.targets: Dict[Any, Target] = {}


def known_target(connection: Connection, task: Task[Any, Any]) -> Optional[Target]:
    """The target of `task`, if its environment is open as it is declared now."""
    state: Optional[_Environments] = connection.environments
    found = state.targets.get(task) if state is not None else None
    if found is None or found.revision != task.env.revision or found.place != settings.place():
        return None
    return found if found.session == interactive.mark(task.env) else None


def target(connection: Connection, task: Task[Any, Any]) -> Target:
    """The same; opens the environment when needed. Blocks. Raises BundleError and what the node refuses with."""
    found = known_target(connection, task)
    if found is not None:
        return found
    revision, session = task.env.revision, interactive.mark(task.env)
    opened = open_environment(connection, task.env)
    targets = connection.environments.targets
    if len(targets) > _TARGETS_MAX:
        targets.clear()
    found = targets[task] = Target(connection, task, opened, revision, session)
    return found


def live_target(task: Task[Any, Any], path: Optional[str] = None) -> Tuple[Connection, Target]:
    """The same with a connection of which nobody knows an end, to be used at once: before calls that are not sent again. Another
    one takes the place of a connection whose end is noticed here."""
    return shared.on_live_connection(lambda connection: (connection, target(connection, task)), path)


def is_closed(reply: Any) -> bool:
    """Whether a reply says that the node had closed the environment before the call arrived: nothing has run."""
    return (
        not isinstance(reply, BaseException)
        and reply.code == Code.UNKNOWN_ENVIRONMENT
        and bool(reply.flags & _frames.REPLY_TEXT)
    )


def closed(connection: Connection, target: Target) -> NodeUnavailableError:
    """The error of a call for whose reply `is_closed`. The next call of the task opens its environment again."""
    state: _Environments = connection.environments
    env, handle = target.task.env, target.fields["environment"]
    if state.targets.get(target.task) is target:
        state.targets.pop(target.task, None)
    opened = state.opened.get(id(env))
    if opened is not None and opened.handle == handle:
        state.opened.pop(id(env), None)
    return NodeUnavailableError(
        f"The node at {connection.path} has closed the environment {env.name}: it is stopping, or had to end it. "
        f"This call of {target.task.name} has not run; call again."
    )


def open_environment(
    connection: Connection,
    env: Environment,
    deploy: bool = False,
    change: Optional[Callable[[Environment, Dict[str, Any]], None]] = None,
) -> Opened:
    """Sends the bundle of `env` if the node does not have it, and opens the environment unless it is open as it is.

    With `deploy` this version is the one that stays warm: its replicas start, those of others end when they are done.
    `change` is called with what the node will be told of `env`, and may say it otherwise.
    """
    with _making:
        if connection.environments is None:
            connection.environments = _Environments()
    state: _Environments = connection.environments
    with state.mutex:
        bundle = bundle_for(env)
        project, domain = settings.place()
        definition = env.definition(project=project, domain=domain, bundle=bundle.digest, python=interpreter_of(env))
        if change is not None:
            change(env, definition)
        known = state.opened.get(id(env))
        if known is not None and known.definition == definition and not deploy:
            return known
        if bundle.digest not in state.bundles:
            _send_bundle(connection, bundle)
            state.bundles.add(bundle.digest)
        if len(state.opened) > _TARGETS_MAX:
            state.opened.clear()
        request = "deploy" if deploy else "openEnvironment"
        try:
            answer = connection.ask(request, definition)
        except NodeUnavailableError as error:  # it is stopping; another node, or its successor, takes what comes now
            connection.leave(str(error))
            raise
        opened = state.opened[id(env)] = Opened(env, definition, answer)
        return opened


# -- code -------------------------------------------------------------------------------------------------------------


class _Upload(Request):
    """A request whose first response may ask for data, and then another one follows."""

    __slots__ = ()

    def add(self, response: Any) -> None:
        self.deliver(response)


def _send_bundle(connection: Connection, bundle: Bundle) -> None:
    slot = _Upload()
    connection.request("putBundle", {"digest": bundle.digest, "size": len(bundle.data)}, slot)
    connection.wait(slot)
    if slot.answer().get("stored"):
        return
    stored = connection.expect(slot.number)
    connection.send_parts(_parts(bundle.data, slot.number))
    connection.wait(stored)
    stored.answer()


def _parts(data: bytes, request: int) -> Iterator[bytes]:
    view = memoryview(data)
    for offset in range(0, len(data), _frames.BODY_BYTES_MAX):
        body = view[offset : offset + _frames.BODY_BYTES_MAX]
        last = offset + len(body) == len(data)
        yield _frames.chunk(flags=_frames.CHUNK_LAST if last else 0, request=request, offset=offset, body=body)


# -- interpreters -----------------------------------------------------------------------------------------------------


def interpreter_of(env: Environment) -> str:
    """Absolute path of the interpreter for the tasks of `env`.

    `python=` of the environment, else `$HEARTH_PYTHON`, else the active virtual environment, else the nearest `.venv`
    above the code, else the system's. Raises ConfigurationError for one that is named and does not exist.
    """
    if env.python:
        return _named_interpreter(env.python, f"python= of environment {env.name!r}")
    chosen = os.environ.get("HEARTH_PYTHON")
    if chosen:
        return _named_interpreter(chosen, "HEARTH_PYTHON")
    virtual = os.environ.get("VIRTUAL_ENV") or (sys.prefix if sys.prefix != sys.base_prefix else "")
    if virtual:
        found = os.path.join(virtual, "bin", "python")
        if os.access(found, os.X_OK):
            return found
    return _nearest_venv(env) or _system_interpreter()


def _named_interpreter(named: str, source: str) -> str:
    path = os.path.expanduser(named)
    found = shutil.which(path) if os.sep not in path else path
    if not found or not os.access(found, os.X_OK) or os.path.isdir(found):
        raise ConfigurationError(
            f"{source} names the interpreter {named!r}, which is not a program here. Correct it or leave it out."
        )
    return os.path.abspath(found)


def _nearest_venv(env: Environment) -> Optional[str]:
    at = anchor(env)
    while True:
        found = os.path.join(at, ".venv", "bin", "python")
        if os.access(found, os.X_OK):
            return found
        parent = os.path.dirname(at)
        if parent == at:
            return None
        at = parent


def _system_interpreter() -> str:
    if os.access("/usr/bin/python3", os.X_OK):
        return "/usr/bin/python3"
    return os.path.abspath(sys.executable)
