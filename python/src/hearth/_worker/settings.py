"""The node's orders, read from their JSON rendering (schema/zygote.capnp, schema/environment.capnp)."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Mapping, Optional

__all__ = ["AppEntry", "HookEntry", "Settings", "Start", "TaskEntry"]

_APP_HOST = "hearth._worker.apps"  # whose functions are the first and the last hook of an app


@dataclasses.dataclass(frozen=True)
class TaskEntry:
    """One task of the environment, before its function is found."""

    name: str
    module: str
    function: str
    pickle: str
    max_inline_io_bytes: int  # 0: not set
    is_async: bool

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"task {self.name!r}"

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> TaskEntry:
        return cls(
            name=row["name"],
            module=row.get("module", ""),
            function=row.get("function", ""),
            pickle=row.get("pickle", ""),
            max_inline_io_bytes=int(row.get("maxInlineIoBytes", 0)),
            is_async=bool(row.get("isAsync", False)),
        )


@dataclasses.dataclass(frozen=True)
class HookEntry:
    """A function that each replica runs once, before it is found."""

    environment: str
    module: str
    function: str
    pickle: str
    is_async: bool
    is_stop: bool
    of_app: bool

    @property
    def label(self) -> str:
        """How messages name it."""
        words = ("on_startup", "on_shutdown") if self.of_app else ("on_start", "on_stop")
        return f"@{self.environment}.{words[self.is_stop]} {self.function!r}"

    @classmethod
    def read(cls, environment: str, of_app: bool, row: Mapping[str, Any]) -> HookEntry:
        return cls(
            environment=environment,
            module=row.get("module", ""),
            function=row.get("function", ""),
            pickle=row.get("pickle", ""),
            is_async=bool(row.get("isAsync", False)),
            is_stop=bool(row.get("isStop", False)),
            of_app=of_app,
        )


@dataclasses.dataclass(frozen=True)
class AppEntry:
    """What an app serves its requests with, before it is found."""

    name: str
    kind: str  # "asgi" | "wsgi" | "server" | "command"
    module: str
    function: str  # the application's, or server function's, own place in its module
    pickle: str
    command: tuple[str, ...]  # of kind "command"
    port: int  # of kinds "server" and "command", as is what follows
    health: str  # a path; empty: it is ready when it accepts connections

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"the {'server function' if self.kind == 'server' else 'application'} of app {self.name!r}"

    @classmethod
    def read(cls, name: str, row: Mapping[str, Any]) -> AppEntry:
        return cls(
            name=name,
            kind=row["kind"],
            module=row.get("module", ""),
            function=row.get("attribute", ""),
            pickle=row.get("pickle", ""),
            command=tuple(row.get("command", ())),
            port=int(row.get("port", 0)),
            health=row.get("health", ""),
        )


@dataclasses.dataclass(frozen=True)
class Settings:
    """`Configure`: what an interpreter is for and what it may use. Sizes are bytes; 0 means no limit."""

    environment: str
    bundle: str
    python: str  # as the environment names it, so that environments opened from here have the same
    code_directory: str
    project: str
    domain: str
    version: str
    threads: int
    force_spawn: bool
    frame_bytes_max: int
    output_bytes_max: int
    files_max: int
    variables: Mapping[str, str]
    preload: tuple[str, ...]
    tasks: tuple[TaskEntry, ...]
    hooks: tuple[HookEntry, ...]
    mounts: tuple[str, ...]  # as the environment names them
    in_sandbox: bool
    forks_per_call: bool  # hygiene "fork": hooks run here, and what they leave is forked
    app: Optional[AppEntry]  # its calls are HTTP requests; None: tasks
    concurrency: int  # calls that a replica gets at once, at most

    def hooks_of(self, server: bool) -> tuple[HookEntry, ...]:
        """Those that run in a replica, or with `server` those in the process of its server function, which are the user's."""
        is_shared = self.app is not None and self.app.kind == "server"
        return tuple(hook for hook in self.hooks if server == (is_shared and hook.module != _APP_HOST))

    @classmethod
    def read(cls, order: Mapping[str, Any]) -> Settings:
        """Raises KeyError, TypeError or ValueError for an order that is not a `configure`."""
        row = order["configure"]
        environment = row["environment"]
        app = environment.get("app") or {}
        reuse = environment.get("reuse", {})
        return cls(
            environment=environment["name"],
            bundle=environment.get("bundle", ""),
            python=environment.get("python", ""),
            code_directory=row["codeDirectory"],
            project=row.get("project", ""),
            domain=row.get("domain", ""),
            version=row.get("version", ""),
            threads=max(1, int(row.get("threads", 1))),
            force_spawn=bool(row.get("forceSpawn", False)),
            frame_bytes_max=int(row.get("frameBytesMax", 0)),
            output_bytes_max=int(row.get("outputBytesMax", 0)),
            files_max=int(row.get("filesMax", 0)),
            variables={v["name"]: v.get("value", "") for v in environment.get("variables", ())},
            preload=tuple(environment.get("preload", ())),
            tasks=tuple(TaskEntry.read(task) for task in environment.get("tasks", ())),
            hooks=tuple(HookEntry.read(environment["name"], bool(app.get("kind")), hook) for hook in environment.get("hooks", ())),
            mounts=tuple(environment.get("mounts", ())),
            in_sandbox=bool(row.get("sandbox", False)),
            forks_per_call=reuse.get("hygiene") == "fork",
            app=AppEntry.read(environment["name"], app) if app.get("kind") else None,
            concurrency=int(reuse.get("concurrency", 1)),
        )


@dataclasses.dataclass(frozen=True)
class Start:
    """`fork` or `become`: the replica to be."""

    replica: int
    concurrency: int
    slots: int
    fresh: bool
    gpus: Optional[str]  # what CUDA_VISIBLE_DEVICES is to say; None: whatever it says

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Start:
        return cls(
            replica=int(row["replica"]),
            concurrency=max(1, int(row.get("concurrency", 1))),
            slots=int(row.get("slots", 0)),
            fresh=bool(row.get("fresh", False)),
            gpus=",".join(map(str, row.get("gpus", ()))) if row.get("setsGpus", False) else None,
        )

    def show_gpus(self) -> None:
        """Lets this process see the GPUs that it was given and no others; before user code runs in it."""
        if self.gpus is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = self.gpus
