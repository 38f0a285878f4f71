"""What may be answered from a cache: the settings of a task, its version, and its signature.

`settings` is what a declaration says and is checked there. The rest is asked for when an environment is opened:
`definition_of` gives the part of a task's definition that a node looks calls up by. Its version comes from `policies`, by
default from the source of all that the function reaches: `reach` follows names through the modules that `sources` reads,
and `syntax` writes what it finds in a form that is the same in every version of Python. The key of a call is made where
its arguments are encoded, in `hearth._values.keys`.
"""

from __future__ import annotations

from hearth._cache.settings import Cache, CacheRequest, without_older_words

__all__ = ["Cache", "CacheRequest", "without_older_words"]
