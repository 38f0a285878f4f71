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

__all__ = ["current_domain", "current_project", "init", "init_from_config"]

_CONFIG_VARIABLE = "HEARTH_CLIENT_CONFIG"
_ELSEWHERE = ("endpoint", "api_key", "headless", "insecure", "insecure_skip_verify", "ca_cert_file_path", "client_id",
              "client_credentials_secret", "proxy_command", "auth_type", "auth_client_config", "rpc_retries",
              "http_proxy_url")  # fmt: skip


def _init(
    *,
    project: Optional[str] = None,
    domain: Optional[str] = None,
    log_level: Union[int, str, None] = None,
    root_dir: Union[str, os.PathLike[str], None] = None,
    org: Optional[str] = None,
    **other: Any,
) -> None:
    """Sets the project and domain of this process, and how much the SDK logs. Nothing is started or connected.

    Not needed before calls: without it they go to "default" and "development" on this user's node.

    Parameters:
        project, domain: None leaves them as they are.
        log_level: of the logger "hearth": a number or a name of `logging`.
        root_dir, org: as in Flyte; the root is found by pyproject.toml or .git, and there are no organisations.

    Raises ConfigurationError. Flyte's words about endpoints and credentials are refused: a node is reached over the
    Unix socket that $HEARTH_SOCKET names.
    """
    for word, value in other.items():
        if word in _ELSEWHERE and value is not None:
            raise ConfigurationError(
                f"init({word}=...) is not supported: a program talks to the node of its machine over a Unix socket "
                f"($HEARTH_SOCKET names another one)."
            )
        if word not in _ELSEWHERE:
            raise TypeError(f"init has no parameter {word!r}; it takes project, domain, log_level")
    settings.set_place(project, domain)
    log = logging.getLogger("hearth")
    if log_level is not None:
        try:
            log.setLevel(log_level.upper() if isinstance(log_level, str) else log_level)
        except ValueError:
            raise ConfigurationError(f"log_level={log_level!r} is no level of logging, such as 'INFO'.") from None
    for name, value in (("root_dir", root_dir), ("org", org)):
        if value is not None:
            log.warning("init(%s=...) has no effect here", name)


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


init = Function(_init, _init_aio)
init.__name__ = init.__qualname__ = "init"
init_from_config = Function(_init_from_config, _init_from_config_aio)
init_from_config.__name__ = init_from_config.__qualname__ = "init_from_config"


def current_project() -> str:
    """The project of calls made here: inside a task that of the task."""
    return _current("project") or settings.place()[0]


def current_domain() -> str:
    """The domain of calls made here: inside a task that of the task."""
    return _current("domain") or settings.place()[1]


def _current(word: str) -> str:
    runner: Any = _runtime.current()
    return "" if runner is None else str(getattr(runner.settings or runner, word))
