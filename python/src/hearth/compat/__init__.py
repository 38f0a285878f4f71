"""Programs that say ``import flyte`` or ``from flytekit import task`` run on Hearth, unchanged.

It is there only for who asks for it: ``hearth run --flyte FILE TASK``, ``python -m hearth.compat FILE``, or at the top of a
program, before the first import of flyte or flytekit::

    import hearth.compat

    hearth.compat.install()

A cached task of flytekit that is called directly is answered by this user's own node, which starts by itself, and kept there
apart from what runs keep. A task that is not cached is the plain function. ``FLYTE_LOCAL_CACHE_ENABLED=false`` makes all of them
plain, ``FLYTE_LOCAL_CACHE_OVERWRITE=true`` executes them and keeps the new results; ``HEARTH_LOCAL_CACHE_...`` means the same and
comes first.
"""

from __future__ import annotations

import importlib.util
import logging
import sys

from hearth.compat.aliases import ALIASES, AliasFinder
from hearth.errors import ConfigurationError

__all__ = ["install"]


def install() -> None:
    """Makes ``import flyte``, ``import flytekit`` and ``import flyteplugins`` give Hearth's modules of these names in this process.

    Where one of them is installed, too, one line in the log says that it is not the one. Raises ConfigurationError if one was
    imported before.
    """
    if any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
        return
    for name in ALIASES:
        loaded = sys.modules.get(name)
        if loaded is not None:
            raise ConfigurationError(
                f"{name} was imported before ({getattr(loaded, '__file__', None)}). Call hearth.compat.install() first, or run "
                f"the program with `python -m hearth.compat FILE`."
            )
        installed = importlib.util.find_spec(name)
        if installed is not None and installed.origin is not None:
            logging.getLogger("hearth").warning(
                "%s is installed (%s); this program gets that of Hearth, because it asked for it", name, installed.origin
            )
    sys.meta_path.insert(0, AliasFinder())
