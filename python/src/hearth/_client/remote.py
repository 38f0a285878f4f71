"""Nodes of a cluster elsewhere: TLS 1.3 to a member's link (schema/link.capnp), with the token that `hearth cluster login` keeps.

The stream has those methods of a socket that a `Connection` uses, and keeps no decrypted bytes: whoever waits for the
descriptor misses nothing.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from typing import Any, List

from hearth import _frames
from hearth._client.target import Login, Place
from hearth.errors import NodeUnavailableError

__all__ = ["FrameReader", "TlsSocket", "connect"]

_KIND = b"\x04"  # the first byte of a client's connection
_RECEIVE_BYTES = 256 * 1024
_RECORD_BYTES = 16 * 1024  # of plain text in a record of TLS
_SEND_BYTES = 256 * 1024  # encrypted in one go

# A node that is gone without a word is found out as between nodes (core/defaults_cluster.hpp): seconds, count, milliseconds.
_KEEPALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 15_000))


class TlsSocket:
    """A connected stream. One thread may send while another receives."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, node: str) -> None:
        self._sock = sock
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=node or None)
        self._mutex = threading.Lock()  # what TLS keeps is for one thread at a time
        self._held = memoryview(b"")  # ciphertext on its way to the socket ...
        self._encrypted = 0  # ... and how many bytes of what is to be sent it stands for

    def shake_hands(self) -> None:
        """Blocks as long as the socket waits. Raises OSError, of which ssl.SSLError is one."""
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._send_all()
                self._feed(self._sock.recv(_RECEIVE_BYTES))
        self._send_all()

    def send_all(self, data: bytes) -> None:
        """Blocks as long as the socket waits; before `send` is used."""
        self._tls.write(data)
        self._send_all()

    def settimeout(self, seconds: Any) -> None:
        """As of a socket."""
        self._sock.settimeout(seconds)

    def send(self, data: Any, flags: int = 0) -> int:
        """As of a socket: how many bytes are with the system. The next call begins with those that are not."""
        view = memoryview(data)
        sent = 0
        while self._push(flags):
            sent += self._encrypted
            self._encrypted = 0
            if sent >= len(view):
                return sent
            with self._mutex:
                self._encrypted = self._tls.write(view[sent : sent + _SEND_BYTES])
        if not sent:
            raise BlockingIOError
        return sent

    def _push(self, flags: int) -> bool:
        """Whether all that is encrypted is with the system."""
        if not self._held:
            with self._mutex:
                self._held = memoryview(self._outgoing.read())
        try:
            while self._held:
                self._held = self._held[self._sock.send(self._held, flags) :]
        except BlockingIOError:
            return False
        return True

    def receive(self, flags: int = 0) -> bytes:
        """What one recv(2) brings, decrypted; empty at the end of the stream. Raises BlockingIOError when that is nothing yet."""
        data = self._sock.recv(_RECEIVE_BYTES, flags)
        parts: List[bytes] = []
        with self._mutex:
            self._feed(data)
            try:
                while True:
                    part = self._tls.read(_RECORD_BYTES)
                    if not part:
                        break
                    parts.append(part)
            except ssl.SSLWantReadError:
                if data and not parts:
                    raise BlockingIOError from None
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                pass  # frames know where they end
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._sock.fileno()

    def shutdown(self, how: int) -> None:
        """As of a socket."""
        self._sock.shutdown(how)

    def close(self) -> None:
        """As of a socket."""
        self._sock.close()

    def _send_all(self) -> None:
        self._sock.sendall(self._outgoing.read())

    def _feed(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


class FrameReader:
    """As `hearth._frames.Reader`, of a TlsSocket."""

    def __init__(self, sock: TlsSocket) -> None:
        self._sock = sock
        self._frames = _frames.Reader(None)
        self.forget = self._frames.forget

    def read(self, into: Any, flags: int = 0) -> bool:
        """See `hearth._frames`; a read that completes no record of TLS raises BlockingIOError with any flags."""
        data = self._sock.receive(flags)
        if data:
            self._frames.feed(data, into)
        return bool(data)


def connect(place: Place, patience: float) -> TlsSocket:
    """A stream to the node at `place`, whose certificate was checked and which has been sent the token: its answer comes first.

    Each wait is bounded by `patience` seconds. Raises NodeUnavailableError.
    """
    assert place.login is not None
    host, _, port = place.address.rpartition(":")
    sock = None
    try:
        sock = socket.create_connection((host.strip("[]"), int(port)), timeout=patience)
        _tune(sock)
        sock.sendall(_KIND)
        made = TlsSocket(sock, _context(place.login, place.node), place.node)
        made.shake_hands()
        made.send_all(_token_frame(place.login.secret))
        made.settimeout(None)
        return made
    except (OSError, ValueError) as e:
        if sock is not None:
            sock.close()
        raise NodeUnavailableError(f"The node at {place.address} is not used: {_reason(e)}.") from None


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"it is not the node that it should be: {error.verify_message}"
    return str(getattr(error, "strerror", "") or error)


def _tune(sock: socket.socket) -> None:
    """Small frames leave at once, and a node that is gone is noticed."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _context(login: Login, node: str) -> ssl.SSLContext:
    """Trusts the cluster's authority alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = bool(node)
    context.load_verify_locations(cadata=login.authority)
    return context


def _token_frame(secret: bytes) -> bytes:
    """Length, zeros, the token, zeros up to 8 bytes."""
    return struct.pack("<II", len(secret), 0) + secret + bytes(-len(secret) % 8)
