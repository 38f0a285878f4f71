"""Ignore files mean what they mean to git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hearth._bundle import ignore

# (patterns, path, is a folder, ignored)
CASES = [
    ("*.log", "a.log", False, True),
    ("*.log", "deep/er/a.log", False, True),
    ("build", "build", True, True),
    ("build", "x/build", False, True),
    ("/build", "build", True, True),
    ("/build", "x/build", True, False),
    ("build/", "build", True, True),
    ("build/", "build", False, False),
    ("doc/*.txt", "doc/a.txt", False, True),
    ("doc/*.txt", "doc/b/a.txt", False, False),
    ("doc/*.txt", "x/doc/a.txt", False, False),
    ("**/doc/a.py", "doc/a.py", False, True),
    ("**/doc/a.py", "x/y/doc/a.py", False, True),
    ("a/**", "a/b/c.py", False, True),
    ("a/**", "a", True, False),
    ("a/**/b", "a/b", False, True),
    ("a/**/b", "a/x/y/b", False, True),
    ("a**b", "axxb", False, True),
    ("a**b", "ax/xb", False, False),
    ("?.py", "a.py", False, True),
    ("?.py", "ab.py", False, False),
    ("[a-c].py", "b.py", False, True),
    ("[!a-c].py", "b.py", False, False),
    ("[!a-c].py", "d.py", False, True),
    ("[]].py", "].py", False, True),
    ("[", "[", False, False),
    ("# no pattern", "# no pattern", False, False),
    ("\\#x", "#x", False, True),
    ("\\!x", "!x", False, True),
    ("x.py   ", "x.py", False, True),
    ("x\\ ", "x ", False, True),
    ("*.py\n!keep.py", "keep.py", False, False),
    ("*.py\n!keep.py", "a/keep.py", False, False),
    ("!keep.py\n*.py", "keep.py", False, True),
    ("/*\n!/src", "src", True, False),
    ("/*\n!/src", "lib", True, True),
    ("a.py", "a.pyc", False, False),
    ("a+b.py", "a+b.py", False, True),
    ("a+b.py", "aab.py", False, False),
    ("\n\n   \n", "x", False, False),
]


@pytest.mark.parametrize(("patterns", "path", "is_folder", "ignored"), CASES)
def test_a_pattern_matches_what_it_should(patterns: str, path: str, is_folder: bool, ignored: bool) -> None:
    levels = (ignore.Level("", tuple(ignore.parse(patterns, ".gitignore"))),)
    assert (ignore.match(levels, path, is_folder) is not None) == ignored


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_decides_each_of_these_cases_the_same_way(tmp_path: Path) -> None:
    for number, (patterns, path, is_folder, ignored) in enumerate(CASES):
        repository = tmp_path / str(number)
        target = repository / path
        target.parent.mkdir(parents=True)
        subprocess.run(["git", "init", "-q", str(repository)], check=True)
        (repository / ".gitignore").write_text(patterns)
        target.mkdir() if is_folder else target.write_text("")
        asked = subprocess.run(["git", "check-ignore", "-q", path], cwd=repository, check=False)
        assert (asked.returncode == 0) == ignored, (patterns, path)


def test_deeper_files_win_over_those_above() -> None:
    above = ignore.Level("", tuple(ignore.parse("*.py", "")))
    below = ignore.Level("a", tuple(ignore.parse("!x.py\n/y.txt", "")))
    assert ignore.match((above, below), "a/x.py", False) is None
    assert ignore.match((above, below), "a/z.py", False) is not None
    assert ignore.match((above, below), "a/y.txt", False) is not None
    assert ignore.match((above, below), "a/b/y.txt", False) is None


def test_files_of_a_repository_above_the_root_count() -> None:
    level = ignore.Level("up:services/api", tuple(ignore.parse("/services/api/gen\n*.tmp.py", "")))
    assert ignore.match((level,), "gen", True) is not None
    assert ignore.match((level,), "x/a.tmp.py", False) is not None
    assert ignore.match((level,), "services", True) is None


def test_hearthignore_comes_after_gitignore(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.gen.py\n")
    (tmp_path / ".hearthignore").write_text("!a.gen.py\nbig\n")
    level = ignore.read(str(tmp_path), "")
    assert level is not None
    assert ignore.match((level,), "a.gen.py", False) is None
    rule = ignore.match((level,), "b.gen.py", False)
    assert rule is not None and (rule.text, rule.source) == ("*.gen.py", str(tmp_path / ".gitignore"))
    assert ignore.match((level,), "big", True) is not None


def test_a_folder_without_ignore_files_has_no_rules(tmp_path: Path) -> None:
    assert ignore.read(str(tmp_path), "") is None
