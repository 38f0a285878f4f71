"""`flyte.init` and its relatives: what they say of projects holds, what they say of Flyte's service is a line in the log."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Union

import hearth
from hearth._client.forms import Function
from hearth.errors import ConfigurationError

__all__ = ["init", "init_from_api_key", "init_from_config", "init_in_cluster", "init_passthrough"]

_CONFIG_VARIABLE = "FLYTECTL_CONFIG"
_ELSEWHERE = (
    "a program talks to the cluster in use (`hearth cluster use`), else to a private node that starts by itself"
)  # fmt: skip


def _init(org: Optional[str] = None, config: Any = None, **words: Any) -> None:
    """Sets project, domain and log_level; see `hearth.init`. Raises ConfigurationError."""
    kept = {word: words.pop(word) for word in ("project", "domain", "log_level") if word in words}
    hearth.init(**kept)
    said = [word for word, value in {"org": org, "config": config, **words}.items() if value not in (None, False, (), "")]
    if said:
        logging.getLogger("hearth").warning("flyte.init(%s) has no effect here: %s", ", ".join(said), _ELSEWHERE)


def _init_from_config(
    path_or_config: Union[str, os.PathLike[str], None] = None,
    root_dir: Any = None,
    log_level: Union[int, str, None] = None,
    **words: Any,
) -> None:
    """`init` with the project and domain of a configuration file of Flyte (YAML), if there is one.

    The file: `path_or_config`, else $FLYTECTL_CONFIG, ./config.yaml, ./.flyte/config.yaml or ~/.flyte/config.yaml. Without any,
    what `hearth.init_from_config` finds. Raises ConfigurationError for one that is named and cannot be read.
    """
    file = _config_file(path_or_config)
    if file is None:
        hearth.init_from_config()
    found = {} if file is None else _read(file)
    words = {word: value for word, value in words.items() if value is not None}
    _init(**{**found, "log_level": log_level, **words})


def _config_file(named: Union[str, os.PathLike[str], None]) -> Optional[Path]:
    named = named or os.environ.get(_CONFIG_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise ConfigurationError(
                f"There is no configuration file {named}. Leave it out: without one, {_ELSEWHERE}."
            )
        return Path(named)
    places = (Path("config.yaml"), Path(".flyte/config.yaml"), Path.home() / ".flyte" / "config.yaml")
    return next((place for place in places if place.is_file()), None)


def _read(file: Path) -> Dict[str, Any]:
    try:
        import yaml
    except ImportError:
        raise ConfigurationError(
            f"{file} is YAML, and this interpreter has no PyYAML. Install it, or call flyte.init(project=..., domain=...)."
        ) from None
    try:
        table = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}.") from None
    if not isinstance(table, Mapping):
        return {}
    task = table.get("task")
    found = {word: str(task[word]) for word in ("project", "domain") if isinstance(task, Mapping) and task.get(word)}
    for section in ("admin", "image", "storage"):
        if table.get(section):
            logging.getLogger("hearth").warning("%s: its section %r has no effect here: %s", file, section, _ELSEWHERE)
    return found


def _init_elsewhere(*args: Any, **words: Any) -> None:
    """`init` for those who have been let in already; see there."""
    words.pop("api_key", None)
    _init(**words)


def _of(name: str, blocking: Any) -> Function:
    async def awaitable(*args: Any, **words: Any) -> None:
        blocking(*args, **words)

    made = Function(blocking, awaitable)
    made.__name__ = made.__qualname__ = name
    return made


init = _of("init", _init)
init_from_config = _of("init_from_config", _init_from_config)
init_from_api_key = _of("init_from_api_key", _init_elsewhere)
init_in_cluster = _of("init_in_cluster", _init_elsewhere)
init_passthrough = _of("init_passthrough", _init_elsewhere)
