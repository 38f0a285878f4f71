"""`File` and `Dir`: data that stays where it is; what travels is the place.

A reference is an absolute path, the size where it is known, and a digest where one was asked for. Tasks and programs of
one machine see the same files, so nothing is copied; in a sandbox they see those that ``mounts=`` of their environment names. Methods that read the disk are awaitable and have a twin for plain
functions: ``await file.exists()`` and ``file.exists_sync()``. References are paths, too: ``open(file)`` works.

Example::

    @env.task
    def count(text: hearth.File) -> int:
        with text.open_sync("r") as lines:
            return sum(1 for _ in lines)

    count.remote(hearth.File("words.txt"))
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Any, AsyncIterator, Callable, Dict, Iterator, List, Optional, Protocol, Tuple, Type, TypeVar, Union

from hearth._values import tags

__all__ = ["DECODERS", "Dir", "File", "HashMethod", "Reference", "encode"]

R = TypeVar("R", bound="Reference")
T = TypeVar("T")

_READ_BYTES = 1024 * 1024


class HashMethod(Protocol):
    """What computes the digest of a file: an object of `hashlib`, or any other with these methods."""

    def update(self, data: bytes, /) -> Any: ...

    def hexdigest(self) -> str: ...


class Reference(os.PathLike):  # type: ignore[type-arg]  # os.PathLike[str] does not exist at run time in 3.9's sense
    """Base of `File` and `Dir`.

    Attributes: ``path`` (absolute), ``size`` (bytes, None: not known), ``digest`` (text, None: the place alone tells
    two references apart).
    """

    __slots__ = ("digest", "path", "size")

    def __init__(self, path: Union[str, os.PathLike[str]], size: Optional[int] = None, digest: Optional[str] = None) -> None:
        text = os.fspath(path)
        if not isinstance(text, str) or not text:
            raise ValueError(f"{type(self).__name__} needs the path of a file system as text, not {path!r}")
        if "://" in text and not text.startswith("file://"):
            raise ValueError(f"{type(self).__name__} refers to the file system of this machine; {text!r} is elsewhere")
        self.path = os.path.abspath(os.path.expanduser(text[7:] if text.startswith("file://") else text))
        self.size = size
        self.digest = digest

    def __class_getitem__(cls: Type[R], content: Any) -> Type[R]:
        """``File["csv"]`` says to the reader what is inside; it is the same class."""
        return cls

    @classmethod
    def from_existing_remote(cls: Type[R], path: Union[str, os.PathLike[str]], digest: Optional[str] = None) -> R:
        """What is at `path` already."""
        return cls(path, None, digest)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return os.path.basename(self.path)

    @property
    def hash(self) -> Optional[str]:
        """Flyte's word for `digest`."""
        return self.digest

    async def exists(self) -> bool:
        """Whether it is there."""
        return await _in_thread(self.exists_sync)

    def exists_sync(self) -> bool:
        return os.path.exists(self.path)

    def __fspath__(self) -> str:
        return self.path

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and (self.path, self.digest) == (other.path, other.digest)  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((self.path, self.digest))

    def __repr__(self) -> str:
        digest = "" if self.digest is None else f", digest={self.digest!r}"
        return f"{type(self).__name__}({self.path!r}{digest})"


class File(Reference):
    """A file by reference. `File(path)` touches nothing; the file need not exist yet."""

    __slots__ = ()

    @classmethod
    async def from_local(cls, path: Union[str, os.PathLike[str]], hash_method: Any = None) -> File:
        """The existing file at `path`, with its size.

        Parameters:
            hash_method: what makes a digest of the content: a function that makes a `HashMethod` (`hashlib.sha256`),
                such an object, or the digest itself as text. With a digest, equal content is equal input, wherever it is.

        Raises FileNotFoundError, IsADirectoryError and other OSErrors.
        """
        return await _in_thread(cls.from_local_sync, path, hash_method)

    @classmethod
    def from_local_sync(cls, path: Union[str, os.PathLike[str]], hash_method: Any = None) -> File:
        found = cls(path)
        with open(found.path, "rb") as opened:
            found.size = os.fstat(opened.fileno()).st_size
            if isinstance(hash_method, str):
                found.digest = hash_method
            elif hash_method is not None:
                made = hash_method() if callable(hash_method) else hash_method
                for data in iter(lambda: opened.read(_READ_BYTES), b""):
                    made.update(data)
                found.digest = made.hexdigest()
        return found

    @classmethod
    def new_remote(cls, file_name: Optional[str] = None) -> File:
        """A place for a new file, where every task of this machine can read it. Its folder exists, the file does not.
        Nobody removes it but its user, or the system together with its other temporary files."""
        return cls(os.path.join(_new_folder(), os.path.basename(file_name or "file")))

    @property
    def format(self) -> str:
        """The suffix without its dot; "" without one."""
        return os.path.splitext(self.path)[1][1:]

    @contextlib.contextmanager
    def open_sync(self, mode: str = "rb", **options: Any) -> Iterator[Any]:
        """``with file.open_sync("r") as f``: the file object; options as for the built-in `open`. Those of Flyte that say how
        much of an object in a store is fetched at a time have no effect on a file."""
        with open(self.path, mode, **_of_files(options)) as opened:
            yield opened

    @contextlib.asynccontextmanager
    async def open(self, mode: str = "rb", **options: Any) -> AsyncIterator[Any]:
        """``async with file.open() as f: await f.read()``: the file object, its methods awaitable."""
        opened = await _in_thread(lambda: open(self.path, mode, **_of_files(options)))
        try:
            yield _Awaitable(opened)
        finally:
            await _in_thread(opened.close)

    async def download(self, local_path: Union[None, str, os.PathLike[str]] = None) -> str:
        """Path of the file; with `local_path`, of a copy there (in it, if it is a folder)."""
        return await _in_thread(self.download_sync, local_path)

    def download_sync(self, local_path: Union[None, str, os.PathLike[str]] = None) -> str:
        return self.path if local_path is None else os.path.abspath(str(shutil.copy(self.path, local_path)))


class Dir(Reference):
    """A folder by reference. `Dir(path)` touches nothing."""

    __slots__ = ()

    @classmethod
    async def from_local(cls, path: Union[str, os.PathLike[str]], dir_cache_key: Optional[str] = None) -> Dir:
        """The existing folder at `path`; `dir_cache_key` is a digest of its content, by whoever knows it.

        Raises FileNotFoundError, NotADirectoryError.
        """
        return await _in_thread(cls.from_local_sync, path, dir_cache_key)

    @classmethod
    def from_local_sync(cls, path: Union[str, os.PathLike[str]], dir_cache_key: Optional[str] = None) -> Dir:
        found = cls(path, None, dir_cache_key)
        with os.scandir(found.path):  # raises what is wrong with it
            return found

    @classmethod
    def new_remote(cls, dir_name: Optional[str] = None) -> Dir:
        """A new empty folder; see `File.new_remote`."""
        made = cls(os.path.join(_new_folder(), os.path.basename(dir_name or "dir")))
        os.mkdir(made.path)
        return made

    @property
    def format(self) -> str:
        """"", as a folder has no suffix that says what it is."""
        return ""

    def walk_sync(self, recursive: bool = True, max_depth: Optional[int] = None) -> Iterator[File]:
        """Every file below, sorted by name folder by folder; with ``recursive=False`` those of this folder alone, with `max_depth`
        those of so many levels, of which this folder is the first."""
        deepest = 1 if not recursive else max_depth
        for folder, folders, names in os.walk(self.path):
            folders.sort()
            for name in sorted(names):
                yield File(os.path.join(folder, name))
            below = os.path.relpath(folder, self.path)
            if deepest is not None and (1 if below == "." else below.count(os.sep) + 2) >= deepest:
                folders.clear()

    async def walk(self, recursive: bool = True, max_depth: Optional[int] = None) -> AsyncIterator[File]:
        """The same for ``async for``."""
        for found in await _in_thread(lambda: list(self.walk_sync(recursive, max_depth))):
            yield found

    async def list_files(self) -> List[File]:
        """The files of this folder."""
        return await _in_thread(self.list_files_sync)

    def list_files_sync(self) -> List[File]:
        return list(self.walk_sync(recursive=False))

    async def get_file(self, name: str) -> Optional[File]:
        """The file of this name (or relative path) in the folder; None if there is none."""
        return await _in_thread(self.get_file_sync, name)

    def get_file_sync(self, name: str) -> Optional[File]:
        path = os.path.join(self.path, name)
        return File(path) if os.path.isfile(path) else None

    async def download(self, local_path: Union[None, str, os.PathLike[str]] = None) -> str:
        """Path of the folder; with `local_path`, of a copy there."""
        return await _in_thread(self.download_sync, local_path)

    def download_sync(self, local_path: Union[None, str, os.PathLike[str]] = None) -> str:
        if local_path is None:
            return self.path
        return os.path.abspath(str(shutil.copytree(self.path, local_path, dirs_exist_ok=True)))


def _of_files(options: Dict[str, Any]) -> Dict[str, Any]:
    return {word: value for word, value in options.items() if word not in ("block_size", "cache_options", "cache_type")}


async def _in_thread(function: Callable[..., T], *args: Any) -> T:
    import asyncio  # costly to import, and whoever awaits has it

    return await asyncio.to_thread(function, *args)


class _Awaitable:
    """A file object whose methods run in a thread."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._opened, name)
        if not callable(found):
            return found

        async def method(*args: Any) -> Any:
            return await _in_thread(found, *args)

        return method

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            line = await _in_thread(self._opened.readline)
            if not line:
                return
            yield line


def _new_folder() -> str:
    import tempfile
    import uuid

    base = os.path.join(tempfile.gettempdir(), f"hearth-files-{os.getuid()}")
    os.makedirs(base, mode=0o700, exist_ok=True)
    if os.stat(base).st_uid != os.getuid():
        raise PermissionError(f"{base} belongs to another user; remove it or set TMPDIR")
    made = os.path.join(base, uuid.uuid4().hex)
    os.mkdir(made, mode=0o700)
    return made


# -- on the wire -----------------------------------------------------------------------------------------------------


def encode(value: Reference) -> Optional[Tuple[int, Any]]:
    kind = {File: tags.FILE, Dir: tags.DIR}.get(type(value))
    return None if kind is None else (kind, [value.path, value.size, value.digest])


DECODERS: Dict[int, Callable[[Any], Any]] = {
    tags.FILE: lambda content: File(*content),
    tags.DIR: lambda content: Dir(*content),
}
