"""One request and its response, as the hosts see them."""

from __future__ import annotations

from typing import Iterable, List, Optional

from . import text
from .text import Field, RequestHead

__all__ = ["Exchange"]


class Exchange:
    """The request is whole when it comes, and the response goes when it is whole: both are in memory.

    A part of the response that is made can be taken before: then it goes in parts. Pieces of the request's body are read, the response's head is begun once, pieces of its body are written, and it is
    finished. Raises ValueError for a response that could not be told from another one.
    """

    __slots__ = ("_body", "_head", "_length", "_pieces", "_status", "_untaken", "_written", "finished", "head")

    def __init__(self, data: bytes) -> None:
        self.head: RequestHead
        self.head, self._body = text.read_request(data)
        self._head = b""
        self._untaken = b""  # the head, until it is taken
        self._status = 0
        self._length: Optional[int] = None
        self._pieces: List[bytes] = []
        self._written = 0
        self.finished = False

    # -- the request -------------------------------------------------------------------------------------------------

    @property
    def at_end(self) -> bool:
        """Whether `read` has given all there is."""
        return not self._body

    def read(self) -> Optional[bytes]:
        """The next piece of the body; None behind the last one."""
        body, self._body = self._body, b""
        return body or None

    # -- the response ------------------------------------------------------------------------------------------------

    @property
    def begun(self) -> bool:
        return bool(self._head)

    @property
    def sent(self) -> bool:
        """Whether a part of the body was written: then the head cannot be taken back."""
        return self._written > 0

    def begin(self, status: int, fields: Iterable[Field], reason: bytes = b"") -> None:
        """The head; again, it replaces the one before."""
        self._head, self._length = text.write_head(status, fields, reason)
        self._untaken = self._head
        self._status = status

    def write(self, piece: bytes) -> None:
        """A piece of the body. What a response to HEAD would have is left out, as is any body where none may be."""
        self._written += len(piece)
        if piece and self.head.method != "HEAD" and not text.has_no_body(self._status):
            self._pieces.append(bytes(piece))

    def finish(self) -> None:
        """Nothing follows."""
        if self._length is not None and self._length != self._written:
            if self.head.method != "HEAD" and not text.has_no_body(self._status):
                raise ValueError(
                    f"the response announces a content-length of {self._length} bytes and has {self._written}"
                )
        self.finished = True

    def take(self) -> bytes:
        """What of the response has been made and not been taken yet; the head comes first."""
        head, self._untaken = self._untaken, b""
        pieces, self._pieces = self._pieces, []
        return b"".join((head, *pieces))
