"""A bundle becomes a folder completely or not at all, and never writes outside of it."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import threading
from pathlib import Path
from typing import List

import pytest

from hearth._bundle import pack, search_paths, unpack
from hearth._bundle.collect import Entry
from hearth.errors import BundleError


def archive(*members: tarfile.TarInfo, content: bytes = b"") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return target.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def packed(tmp_path: Path, **files: str) -> bytes:
    entries = []
    for name, text in files.items():
        path = tmp_path / name
        path.write_text(text)
        entries.append(Entry(f"deep/{name}.py", str(path), len(text), 0, name.startswith("x")))
    return pack.pack(entries, pack.about_of(["deep", "."], ""))


def test_what_was_packed_is_there_again(tmp_path: Path) -> None:
    data = packed(tmp_path, a="one", x="two")
    target = tmp_path / "out"
    unpack(data, str(target), hashlib.sha256(data).hexdigest())
    assert ((target / "deep/a.py").read_text(), (target / "deep/x.py").read_text()) == ("one", "two")
    assert os.stat(target / "deep/a.py").st_mode & 0o111 == 0
    assert os.stat(target / "deep/x.py").st_mode & 0o111
    assert search_paths(str(target)) == [str(target / "deep"), str(target)]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_long_names_and_letters_of_all_languages_survive(tmp_path: Path) -> None:
    source = tmp_path / "s"
    source.write_text("x")
    name = "/".join(["ordner-größe"] * 12) + "/名前.py"
    data = pack.pack([Entry(name, str(source), 1, 0, False)], pack.about_of(["."], ""))
    unpack(data, str(tmp_path / "out"))
    assert (tmp_path / "out" / name).read_text() == "x"


@pytest.mark.parametrize(
    "data",
    [
        archive(member("../evil.py")),
        archive(member("a/../../evil.py")),
        archive(member("/evil.py")),
        archive(member("a"), member("a")),
        archive(member("link", tarfile.SYMTYPE, "/etc")),
        archive(member("link", tarfile.LNKTYPE, "a")),
        archive(member("device", tarfile.CHRTYPE)),
        archive(member("pipe", tarfile.FIFOTYPE)),
        b"no archive at all",
        archive(member("a"), content=b"x" * 2000)[:1000],
    ],
    ids=["parent", "inner parent", "absolute", "twice", "symlink", "hard link", "device", "pipe", "garbage", "cut off"],
)
def test_an_archive_that_is_no_bundle_leaves_nothing_behind(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BundleError):
        unpack(data, str(tmp_path / "deep" / "out"))
    assert not (tmp_path / "evil.py").exists() and not (tmp_path / "deep" / "evil.py").exists()
    assert list((tmp_path / "deep").iterdir()) == []


def test_damage_is_noticed_by_the_digest(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="damaged"):
        unpack(packed(tmp_path, a="1"), str(tmp_path / "out"), "0" * 64)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_stays(tmp_path: Path) -> None:
    data = packed(tmp_path, a="1")
    unpack(data, str(tmp_path / "out"))
    (tmp_path / "out" / "deep" / "a.py").write_text("kept")
    unpack(data, str(tmp_path / "out"))
    assert (tmp_path / "out" / "deep" / "a.py").read_text() == "kept"


def test_many_at_once_make_one_folder(tmp_path: Path) -> None:
    data = packed(tmp_path, a="1")
    failures: List[BaseException] = []
    start = threading.Barrier(8)

    def race() -> None:
        start.wait()
        try:
            unpack(data, str(tmp_path / "store" / "out"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["out"]


@pytest.mark.parametrize("text", ["{", "[]", '{"paths": ["../up"]}', '{"paths": ["/etc"]}'])
def test_search_paths_that_leave_the_folder_or_are_damaged_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / ".hearth").mkdir()
    (tmp_path / ".hearth" / "bundle.json").write_text(text)
    with pytest.raises(BundleError):
        search_paths(str(tmp_path))
