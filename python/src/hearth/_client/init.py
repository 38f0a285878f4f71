"""`hearth.init` and its relatives: what a program may say before its first call."""

from __future__ import annotations

import importlib
import logging
import os
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Union

from hearth import _runtime
from hearth._client import settings
from hearth._client.forms import Function
from hearth.errors import ConfigurationError

__all__ = ["current_domain", "current_project", "init", "init_from_api_key", "init_from_config", "init_in_cluster"]

_CONFIG_VARIABLE = "HEARTH_CLIENT_CONFIG"
# Words of Flyte that say where its service is and how to get in: a program that relies on one must hear it.
_ELSEWHERE = ("endpoint", "api_key", "headless", "insecure", "insecure_skip_verify", "ca_cert_file_path", "client_id",
              "client_credentials_secret", "command", "proxy_command")  # fmt: skip
# Those that arrange how Flyte does what is done otherwise here.
_WITHOUT_EFFECT = ("auth_client_config", "auth_type", "batch_size", "disable_keyring", "http_proxy_url", "image_builder",
                   "image_registry", "images", "load_plugin_type_transformers", "local_persistence", "local_tracked",
                   "local_tracked_strict", "log_format", "org", "reset_root_logger", "root_dir", "rpc_retries", "scopes",
                   "source_config_path", "storage", "sync_local_sys_paths", "user_log_level")  # fmt: skip


def _init(
    *,
    project: Optional[str] = None,
    domain: Optional[str] = None,
    log_level: Union[int, str, None] = None,
    **other: Any,
) -> None:
    """Sets the project and domain of this process, and how much the SDK logs. Nothing is started or connected.

    Not needed before calls: without it they go to "default" and "development" on this user's node.

    Parameters:
        project, domain: None leaves them as they are.
        log_level: of the logger "hearth": a number or a name of `logging`.

    Raises ConfigurationError. Flyte's words about endpoints and credentials are refused: `hearth cluster use` and
    `hearth cluster login` say what a program talks to. Its others (org, root_dir, images, storage, ...) are taken, and one line in the
    log says that they have no effect: the root is found by pyproject.toml or .git, and there are no organisations.
    """
    for word, value in other.items():
        if word in _ELSEWHERE and value:
            raise _elsewhere(f"init({word}=...)")
        if word not in _ELSEWHERE and word not in _WITHOUT_EFFECT:
            raise TypeError(f"init has no parameter {word!r}; it takes project, domain, log_level")
    settings.set_place(project, domain)
    log = logging.getLogger("hearth")
    if log_level is not None:
        try:
            log.setLevel(log_level.upper() if isinstance(log_level, str) else log_level)
        except ValueError:
            raise ConfigurationError(f"log_level={log_level!r} is no level of logging, such as 'INFO'.") from None
    unused = [f"{word}=..." for word, value in other.items() if word in _WITHOUT_EFFECT and value is not None]
    if unused:
        log.warning("init(%s) has no effect here", ", ".join(unused))


def _elsewhere(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{what} is not supported: a program talks to the cluster in use (`hearth cluster use`; `hearth cluster login` makes one "
        f"elsewhere known), else to a private node that starts by itself. Call hearth.init(project=..., domain=...), or "
        f"nothing at all."
    )


async def _init_aio(**words: Any) -> None:
    _init(**words)


def _init_from_config(path: Union[str, os.PathLike[str], None] = None, **other: Any) -> None:
    """`init` with what a TOML file says: ``project`` and ``domain``, at the top or in the table ``[task]``.

    `path`: None: $HEARTH_CLIENT_CONFIG, else ./hearth-client.toml, else ~/.config/hearth/client.toml; with none of
    them the defaults apply. Other parameters win over the file. Raises ConfigurationError. Needs Python 3.11.
    """
    file = _config_file(path)
    words: Dict[str, Any] = dict(_read_config(file)) if file is not None else {}
    words.update({word: value for word, value in other.items() if value is not None})
    _init(**words)


async def _init_from_config_aio(path: Union[str, os.PathLike[str], None] = None, **other: Any) -> None:
    _init_from_config(path, **other)


def _init_in_cluster(**other: Any) -> None:
    """Flyte's setup inside of its cluster. Raises ConfigurationError: a task is where it is, and needs none."""
    raise _elsewhere("init_in_cluster(...)")


async def _init_in_cluster_aio(**other: Any) -> None:
    _init_in_cluster(**other)


def _init_from_api_key(api_key: Optional[str] = None, **other: Any) -> None:
    """Flyte's setup for its service. Raises ConfigurationError: `hearth cluster login` keeps the token."""
    raise _elsewhere("init_from_api_key(...)")


async def _init_from_api_key_aio(api_key: Optional[str] = None, **other: Any) -> None:
    _init_from_api_key(api_key, **other)


def _config_file(path: Union[str, os.PathLike[str], None]) -> Optional[Path]:
    named = path or os.environ.get(_CONFIG_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise ConfigurationError(f"There is no configuration file {named}.")
        return Path(named)
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for place in (Path("hearth-client.toml"), home / "hearth" / "client.toml"):
        if place.is_file():
            return place
    return None


def _read_config(file: Path) -> Mapping[str, Any]:
    if file.suffix in (".yaml", ".yml"):
        raise ConfigurationError(f"{file} is YAML; write the same as TOML: project = \"...\" and domain = \"...\".")
    try:
        tomllib = importlib.import_module("tomllib")
    except ImportError:
        raise ConfigurationError(
            f"{file} cannot be read before Python 3.11. Call hearth.init(project=..., domain=...) instead."
        ) from None
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is no TOML: {error}.") from None
    found = {**table, **table.get("task", {})}
    return {word: found[word] for word in ("project", "domain", "log_level") if word in found}


def _public(name: str, blocking: Any, awaitable: Any) -> Function:
    made = Function(blocking, awaitable)
    made.__name__ = made.__qualname__ = name
    return made


init = _public("init", _init, _init_aio)
init_from_api_key = _public("init_from_api_key", _init_from_api_key, _init_from_api_key_aio)
init_from_config = _public("init_from_config", _init_from_config, _init_from_config_aio)
init_in_cluster = _public("init_in_cluster", _init_in_cluster, _init_in_cluster_aio)


def current_project() -> str:
    """The project of calls made here: inside a task that of the task."""
    return _current("project") or settings.place()[0]


def current_domain() -> str:
    """The domain of calls made here: inside a task that of the task."""
    return _current("domain") or settings.place()[1]


def _current(word: str) -> str:
    runner: Any = _runtime.current()
    return "" if runner is None else str(getattr(runner.settings or runner, word))
