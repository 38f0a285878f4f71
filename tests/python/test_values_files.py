"""File and Dir: references that tasks of one machine share."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import hearth
import pytest
from hearth import Dir, File, _values
from hearth.io import HashMethod


def passed(value: Any) -> Any:
    codec = _values.codec_of("demo.f", lambda value: value)
    return codec.decode_arguments(codec.encode_arguments({"value": value}))["value"]


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("one\ntwo\n")
    return path


def test_a_file_is_its_absolute_path_and_touches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = File("sub/a.csv")
    assert file.path == str(tmp_path / "sub" / "a.csv") and file.name == "a.csv" and file.format == "csv"
    assert file.size is None and file.digest is None and not file.exists_sync()
    assert File(f"file://{tmp_path}/b").path == str(tmp_path / "b")
    with pytest.raises(ValueError, match="elsewhere"):
        File("s3://bucket/key")
    with pytest.raises(ValueError):
        File("")


def test_a_file_arrives_as_the_same_reference(words: Path) -> None:
    file = File.from_local_sync(words, hashlib.sha256)
    arrived = passed(file)
    assert type(arrived) is File and arrived == file and arrived.size == 8
    assert arrived.digest == hashlib.sha256(words.read_bytes()).hexdigest()
    with open(arrived) as opened:
        assert opened.read() == "one\ntwo\n"


def test_a_digest_can_be_given_or_computed(words: Path) -> None:
    made: HashMethod = hashlib.md5(b"salt")
    assert File.from_local_sync(words, "v1").digest == "v1"
    assert File.from_local_sync(words, made).digest == hashlib.md5(b"salt" + words.read_bytes()).hexdigest()
    with pytest.raises(FileNotFoundError):
        File.from_local_sync(words.parent / "missing")


def test_equal_content_by_digest_is_what_tells_files_apart(words: Path) -> None:
    assert File(words) == File(words) and File(words) != File(words, digest="x")
    assert hash(File(words)) == hash(File(words))
    assert File(words) != Dir(words)


def test_files_are_read_and_written_in_plain_functions(words: Path) -> None:
    with File(words).open_sync("r") as lines:
        assert list(lines) == ["one\n", "two\n"]
    out = File.new_remote("result.bin")
    with out.open_sync("wb") as opened:
        opened.write(b"data")
    assert out.exists_sync() and Path(out.path).read_bytes() == b"data" and out.name == "result.bin"
    assert os.stat(os.path.dirname(out.path)).st_mode & 0o777 == 0o700


def test_files_are_read_and_written_in_async_functions(words: Path, tmp_path: Path) -> None:
    async def main() -> None:
        file = await File.from_local(words)
        assert await file.exists()
        async with file.open("r") as opened:
            assert await opened.readline() == "one\n"
            assert [line async for line in opened] == ["two\n"]
        async with file.open("rb", block_size=1024, cache_type="readahead") as opened:  # as for an object in a store
            assert await opened.read() == b"one\ntwo\n"
        copy = await file.download(tmp_path / "copy.txt")
        assert Path(copy).read_text() == "one\ntwo\n"
        assert await file.download() == file.path

    asyncio.run(main())


def test_a_folder_lists_its_files_in_order(tmp_path: Path, words: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b").touch()
    (tmp_path / "a").touch()
    folder = passed(Dir.from_local_sync(tmp_path, "key"))
    assert type(folder) is Dir and folder.digest == "key"
    assert [file.name for file in folder.list_files_sync()] == ["a", "words.txt"]
    assert [file.name for file in folder.walk_sync()] == ["a", "words.txt", "b"]
    assert [file.name for file in folder.walk_sync(max_depth=1)] == ["a", "words.txt"]
    assert [file.name for file in folder.walk_sync(max_depth=2)] == ["a", "words.txt", "b"]
    assert folder.get_file_sync("sub/b") == File(tmp_path / "sub" / "b") and folder.get_file_sync("c") is None
    with pytest.raises(NotADirectoryError):
        Dir.from_local_sync(words)

    async def main() -> None:
        assert [file.name async for file in folder.walk(recursive=False)] == ["a", "words.txt"]
        assert await folder.list_files() == folder.list_files_sync()
        copy = await folder.download(tmp_path / "other")
        assert sorted(os.listdir(copy)) == ["a", "sub", "words.txt"]

    asyncio.run(main())


def test_a_new_folder_is_empty_and_ones_own() -> None:
    folder = Dir.new_remote("results")
    assert os.listdir(folder) == [] and folder.name == "results" and folder != Dir.new_remote("results")


def test_the_package_has_both_names() -> None:
    assert hearth.File is File and hearth.Dir is Dir and File["csv"] is File
