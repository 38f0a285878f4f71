"""What an image of Flyte would have installed is looked for in the interpreter that runs the tasks."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import sys
from importlib import metadata
from typing import Iterable, List, Optional

from hearth.errors import ConfigurationError

__all__ = ["VARIABLE", "check", "check_named", "read_requirements", "requirements_of_script"]

VARIABLE = "HEARTH_REQUIRED_PACKAGES"
"""Requirements, one per line, that an interpreter looks for before it loads the program."""

# What stands for these is here, and what comes with them is not needed.
_PRESENT = re.compile(r"(flyte|flytekit|union|unionai|unionai-reuse|flyteplugins-.*|flytekitplugins-.*|uvicorn)")
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*(.*)")


def check_named() -> None:
    """Looks for what the environment variable names. Raises ConfigurationError."""
    named = os.environ.get(VARIABLE)
    if named:
        check(named.splitlines())


def check(requirements: Iterable[str]) -> None:
    """Looks for each of `requirements` (as pip takes them) among the installed packages.

    Raises ConfigurationError with the names of those that are missing. One that is there in another version is a line in the
    log: the program may work with it all the same.
    """
    missing = []
    for requirement in requirements:
        name, version = _parts(requirement)
        if not name or _PRESENT.fullmatch(name):
            continue
        found = _version_of(name)
        if found is None:
            missing.append(name)
        elif not _is_within(found, version):
            logging.getLogger("hearth").warning("%s is here as %s, and the image asks for %s", name, found, version)
    if missing:
        one = len(missing) == 1
        raise ConfigurationError(
            f"{'Package' if one else 'Packages'} {', '.join(missing)} of the image {'is' if one else 'are'} not installed for "
            f"{sys.executable}. Install {'it' if one else 'them'} there, or set HEARTH_PYTHON, or python= of the environment, to an "
            f"interpreter or virtual environment that has {'it' if one else 'them'}."
        )


def _parts(requirement: str) -> "tuple[str, str]":
    """Name in the normal form of PEP 503, and the version that is asked for; no name: not one of a package, or not for here."""
    text = requirement.split("#")[0].split(";")
    if len(text) > 1 and not _applies(text[1].strip()):
        return "", ""
    match = _NAME.fullmatch(text[0].strip())
    if match is None:
        return "", ""
    version = match[3].strip()
    return re.sub(r"[-_.]+", "-", match[1]).lower(), "" if version.startswith("@") else version.strip("() ")


def _applies(marker: str) -> bool:
    try:
        from packaging.markers import Marker

        return bool(Marker(marker).evaluate())
    except Exception:  # without the library, or no marker: better one too many
        return True


def _version_of(name: str) -> Optional[str]:
    """The installed version; "" for a module of this name that does not say; None: it is not there."""
    for spelling in (name, name.replace("-", "_"), name.replace("-", ".")):
        try:
            return metadata.version(spelling) or ""
        except metadata.PackageNotFoundError:
            continue
    return None if importlib.util.find_spec(name.replace("-", "_")) is None else ""


def _is_within(found: str, wanted: str) -> bool:
    if not wanted or not found:
        return True
    try:
        from packaging.specifiers import SpecifierSet

        return bool(SpecifierSet(wanted).contains(found, prereleases=True))
    except Exception:  # without the library, or a version that is none
        return True


def read_requirements(path: "str | os.PathLike[str]") -> List[str]:
    """The requirements of a file as ``pip install -r`` takes it; options and references to other files are left out. Raises
    ConfigurationError if there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except OSError as error:
        raise ConfigurationError(f"The requirements of the image cannot be read: {error}.") from None
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def requirements_of_script(path: "str | os.PathLike[str]") -> List[str]:
    """What the comment ``# /// script`` of a program (PEP 723) depends on. A requires-python that does not fit is a line in the
    log. Raises ConfigurationError for a file or a comment that cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise ConfigurationError(f"The script of the image cannot be read: {error}.") from None
    block = re.search(r"(?m)^# /// script\s*$\n(?P<content>(^#(| .*)$\n?)+?)^# ///\s*$", text)
    if block is None:
        return []
    content = "\n".join(line[2:] for line in block["content"].splitlines())
    listed = re.search(r"(?ms)^dependencies\s*=\s*\[(.*?)^\s*\]|^dependencies\s*=\s*\[(.*?)\]\s*$", content)
    python = re.search(r"(?m)^requires-python\s*=\s*[\"']([^\"']+)[\"']", content)
    if python is not None and not _is_within("%d.%d.%d" % sys.version_info[:3], python[1]):
        logging.getLogger("hearth").warning("the script asks for Python %s; this is %d.%d", python[1], *sys.version_info[:2])
    return re.findall(r"[\"']([^\"']+)[\"']", (listed[1] or listed[2] or "") if listed else "")
