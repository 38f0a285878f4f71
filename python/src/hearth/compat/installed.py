"""Importing it installs the alias: interpreters do, before they import a program that says ``from flytekit import task``."""

from __future__ import annotations

from hearth.compat import install

__all__: "list[str]" = []

install()
