"""Programs that say ``from flytekit import task`` run on Hearth, unchanged.

It is there only for who asks for it: ``hearth run --flyte FILE TASK``, ``python -m hearth.compat FILE``, or at the top of a
program, before the first import of flytekit::

    import hearth.compat

    hearth.compat.install()

A cached task that is called directly is answered by this user's own node, which starts by itself, and kept there apart from
what runs keep. A task that is not cached is the plain function. ``FLYTE_LOCAL_CACHE_ENABLED=false`` makes all of them plain,
``FLYTE_LOCAL_CACHE_OVERWRITE=true`` executes them and keeps the new results; ``HEARTH_LOCAL_CACHE_...`` means the same and
comes first.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys

from hearth.errors import ConfigurationError

__all__ = ["install"]

_NAME = "flytekit"
_ALIAS = "hearth.compat.flytekit"


def install() -> None:
    """Makes ``import flytekit`` give Hearth's module of that name in this process.

    Where flytekit is installed, too, one line in the log says that it is not the one. Raises ConfigurationError if it was
    imported before.
    """
    loaded = sys.modules.get(_NAME)
    if loaded is not None:
        if loaded.__name__ == _ALIAS:
            return
        raise ConfigurationError(
            f"flytekit was imported before ({getattr(loaded, '__file__', None)}). Call hearth.compat.install() first, or run "
            f"the program with `python -m hearth.compat FILE`."
        )
    installed = importlib.util.find_spec(_NAME)
    if installed is not None:
        logging.getLogger("hearth").warning(
            "flytekit is installed (%s); this program gets that of Hearth, because it asked for it", installed.origin
        )
    sys.modules[_NAME] = importlib.import_module(_ALIAS)
