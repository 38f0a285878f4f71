"""`flyte.errors`: those of Hearth, which have Flyte's names."""

from __future__ import annotations

from hearth import errors as _errors
from hearth.errors import *  # noqa: F403
from hearth.errors import BundleError, DeploymentError, RuntimeUserError

__all__ = [*_errors.__all__, "CodeBundleError", "ImageBuildError", "RemoteTaskUsageError"]

CodeBundleError = BundleError
ImageBuildError = DeploymentError
RemoteTaskUsageError = RuntimeUserError
