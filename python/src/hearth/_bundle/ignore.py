"""Ignore files: the patterns of `.gitignore` and `.hearthignore`, with git's rules.

A pattern with a slash at its start or inside is anchored to the folder of its file; any other matches at every depth
below. A slash at the end limits it to folders; ``!`` takes an earlier match back; ``**`` crosses folders. The last
matching pattern decides, those of deeper folders before those of folders above. What is inside an ignored folder cannot
be taken back, because the folder is never entered.
"""

from __future__ import annotations

import os
import re
from typing import List, NamedTuple, Optional, Pattern, Tuple

__all__ = ["FILES", "Level", "Rule", "match", "parse", "read"]

# In each folder; the patterns of a later file come after those of an earlier one, so they win.
FILES = (".gitignore", ".hearthignore")


class Rule(NamedTuple):
    """One pattern line."""

    expression: Pattern[str]  # over the path below the file's folder, with "/"
    takes_back: bool
    folders_only: bool
    text: str  # as written
    source: str  # path of the ignore file


class Level(NamedTuple):
    """The rules of one folder."""

    folder: str  # path below the root, "" for the root; above it "up:" and the way from there down to the root
    rules: Tuple[Rule, ...]


def read(directory: str, folder: str) -> Optional[Level]:
    """The rules that the ignore files of `directory` hold, or None when there are none."""
    rules: List[Rule] = []
    for name in FILES:
        path = os.path.join(directory, name)
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                rules.extend(parse(file.read(), path))
        except (FileNotFoundError, IsADirectoryError, PermissionError):
            continue
    return Level(folder, tuple(rules)) if rules else None


def parse(text: str, source: str) -> List[Rule]:
    """The rules in the text of an ignore file."""
    rules = []
    for line in text.splitlines():
        rule = _rule(line, source)
        if rule is not None:
            rules.append(rule)
    return rules


def match(levels: Tuple[Level, ...], path: str, is_folder: bool) -> Optional[Rule]:
    """The rule that ignores `path` (relative to the root, with "/"), or None.

    `levels` are those of the folders from the outermost to the one that holds `path`.
    """
    for level in reversed(levels):
        below = _below(path, level.folder)
        for rule in reversed(level.rules):
            if (is_folder or not rule.folders_only) and rule.expression.fullmatch(below):
                return None if rule.takes_back else rule
    return None


def _below(path: str, folder: str) -> str:
    """`path` as seen from `folder` (see `Level.folder`)."""
    if folder.startswith("up:"):
        return f"{folder[3:]}/{path}"
    return path[len(folder) + 1 :] if folder else path


def _rule(line: str, source: str) -> Optional[Rule]:
    pattern = line.rstrip("\r\n")
    while pattern.endswith(" ") and not pattern.endswith("\\ "):
        pattern = pattern[:-1]
    if not pattern or pattern.startswith("#"):
        return None
    takes_back = pattern.startswith("!")
    if takes_back:
        pattern = pattern[1:]
    folders_only = pattern.endswith("/")
    body = pattern.rstrip("/") if folders_only else pattern
    if not body:
        return None
    anchored = "/" in body
    body = body[1:] if body.startswith("/") else body
    try:
        expression = re.compile(("" if anchored else "(?:.*/)?") + _translated(body), re.DOTALL)
    except re.error:  # "[z-a]": git matches nothing with it
        return None
    return Rule(expression, takes_back, folders_only, line, source)


def _translated(pattern: str) -> str:
    """A gitignore pattern without its marks as a regular expression."""
    out: List[str] = []
    at = 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/") and (at == 0 or pattern[at - 1] == "/"):
            out.append("(?:.*/)?")
            at += 3
        elif rest == "**" and at > 0 and pattern[at - 1] == "/":
            out.append(".+")
            at += 2
        elif rest[0] == "*":
            out.append("[^/]*")
            at += len(rest) - len(rest.lstrip("*"))
        elif rest[0] == "?":
            out.append("[^/]")
            at += 1
        elif rest[0] == "[":
            text, length = _character_class(rest)
            out.append(text)
            at += length
        elif rest[0] == "\\" and len(rest) > 1:
            out.append(re.escape(rest[1]))
            at += 2
        else:
            out.append(re.escape(rest[0]))
            at += 1
    return "".join(out)


def _character_class(rest: str) -> Tuple[str, int]:
    """A class such as ``[!a-c]`` at the start of `rest` as an expression, and its length; one that is not closed matches nothing."""
    start = 2 if rest[1:2] in ("!", "^") else 1
    end = rest.find("]", start + 1)  # a "]" in the first place is a member
    if end < 0:
        return "(?!)", 1
    members = rest[start:end].replace("\\", "\\\\").replace("[", "\\[")
    if members.startswith("]"):
        members = "\\" + members
    # A class never crosses a folder, negated or not.
    return f"(?!/)[{'^' if start == 2 else ''}{members}]", end + 1
