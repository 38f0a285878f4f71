"""The link of a member for tests of the client: TLS in front of a fake node, with a certificate and a token."""

from __future__ import annotations

import json
import selectors
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any, Dict, List, Optional

from hearth import _frames

__all__ = ["Authority", "TlsDoor"]

NODE = "0192a000-0000-4000-8000-000000000001"


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    """A private authority below `directory`, and a node's certificate of it."""

    def __init__(self, directory: Path, node: str = NODE) -> None:
        directory.mkdir()
        key, pem, self.node_key, self.node_pem = (str(directory / name) for name in ("ca.key", "ca.pem", "node.key", "node.pem"))
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        _openssl("req", "-x509", *new_key, "-keyout", key, "-out", pem, "-subj", "/CN=lab", "-days", "2")
        request = str(directory / "node.csr")
        _openssl("req", *new_key, "-keyout", self.node_key, "-out", request, "-subj", f"/CN={node}")
        names = directory / "names"
        names.write_text(f"subjectAltName=DNS:{node}\n")
        _openssl("x509", "-req", "-in", request, "-CA", pem, "-CAkey", key, "-CAcreateserial", "-out", self.node_pem,
                 "-days", "2", "-extfile", str(names))  # fmt: skip
        self.pem = Path(pem).read_text()


class TlsDoor:
    """Lets in who shows `secret`, and passes its bytes on to the Unix socket `path`; others hear `refusal`."""

    def __init__(self, path: str, authority: Authority, secret: bytes = b"secret") -> None:
        self.secret = secret
        self.refusal: Optional[Dict[str, Any]] = None
        self.last_words: Optional[Dict[str, Any]] = None  # said to who is in before it is put out
        self._path = path
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._context.load_cert_chain(authority.node_pem, authority.node_key)
        self._context.num_tickets = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listening.getsockname()[1]
        self.open: List[ssl.SSLSocket] = []
        self.seen = b""  # the plain text that came in
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        try:
            self._listening.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listening.close()
        self.drop()

    def drop(self) -> None:
        """Ends all connections."""
        for each in list(self.open):
            try:
                if self.last_words is not None:
                    each.sendall(_control(self.last_words))
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            assert sock.recv(1) == b"\x04"
            with self._context.wrap_socket(sock, server_side=True) as tls:
                size = int.from_bytes(_exactly(tls, 8)[:4], "little")
                secret = _exactly(tls, size + -size % 8)[:size]
                refusal = self.refusal
                if secret != self.secret:
                    refusal = {"code": 60, "name": "unauthenticated", "message": "The cluster does not know this token."}
                if refusal is not None:
                    tls.sendall(_control({"error": refusal}))
                    return
                tls.sendall(_control({"done": {"detail": "laptop (invoke)"}}))
                self.open.append(tls)
                self._pass_on(tls)
        except OSError:
            pass  # the client went

    def _pass_on(self, tls: ssl.SSLSocket) -> None:
        with socket.socket(socket.AF_UNIX) as inner, selectors.DefaultSelector() as ready:
            inner.connect(self._path)
            ready.register(tls, selectors.EVENT_READ)
            ready.register(inner, selectors.EVENT_READ)
            while True:
                sources = [tls] if tls.pending() else [key.fileobj for key, _ in ready.select()]
                for source in sources:
                    data = source.recv(1 << 16)  # type: ignore[union-attr]
                    if not data:
                        return
                    if source is tls:
                        self.seen = (self.seen + data)[-1000:]
                        inner.sendall(data)
                    else:
                        tls.sendall(data)


def _exactly(tls: ssl.SSLSocket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = tls.recv(size - len(data))
        if not part:
            raise OSError("closed")
        data += part
    return data


def _control(response: Dict[str, Any]) -> bytes:
    return bytes(_frames.control(flags=1, request=0, body=json.dumps(response).encode()))
