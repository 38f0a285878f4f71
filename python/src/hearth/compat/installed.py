"""Importing it installs the aliases: interpreters do, before they import a program that says ``import flyte``. What the image of
such a program would have installed has to be there."""

from __future__ import annotations

from hearth.compat import install, packages

__all__: "list[str]" = []

install()
packages.check_named()
