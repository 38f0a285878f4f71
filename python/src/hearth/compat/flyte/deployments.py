"""`flyte.deploy` and `flyte.with_servecontext`."""

from __future__ import annotations

from typing import Any, List, Optional

import hearth
from hearth._client.forms import Function
from hearth.compat.flyte.delegate import Delegate
from hearth.compat.unsupported import refusal, without_effect

__all__ = ["Deployment", "deploy", "with_servecontext"]

_SERVING = ("project", "domain", "env_vars", "parameter_values", "activate_timeout")


class Deployment(Delegate):
    """A `hearth` deployment (``environment``, ``version``, ``is_new``, ``node``) with Flyte's ways to show it."""

    def table_repr(self) -> List[List[Any]]:
        """Rows of (what, value)."""
        return [[(word, str(getattr(self.inner, word))) for word in ("environment", "version", "node")]]

    def summary_repr(self) -> str:
        """One line."""
        return f"{self.inner.environment} {self.inner.version}"


def _deploy(*envs: Any, **words: Any) -> List[Deployment]:
    """As `hearth.deploy`. Raises what that raises."""
    _refuse_dry_run(words)
    return [Deployment(one) for one in hearth.deploy(*envs)]


async def _deploy_aio(*envs: Any, **words: Any) -> List[Deployment]:
    _refuse_dry_run(words)
    return [Deployment(one) for one in await hearth.deploy.aio(*envs)]


def _refuse_dry_run(words: Any) -> None:
    if words.pop("dryrun", False):
        raise refusal("flyte.deploy(dryrun=True)", "there is no image to build; `hearth run --local` tries tasks without a node")
    without_effect("flyte.deploy", words)


def with_servecontext(mode: Optional[str] = None, **words: Any) -> Any:
    """As `hearth.with_servecontext`; how Flyte bundles and logs is a line in the log. Raises what that raises."""
    known = {word: words.pop(word) for word in _SERVING if word in words}
    without_effect("flyte.with_servecontext", words)
    return hearth.with_servecontext(mode, **known)


deploy = Function(_deploy, _deploy_aio)
deploy.__name__ = deploy.__qualname__ = "deploy"
