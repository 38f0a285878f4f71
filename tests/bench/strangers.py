"""Programs that know nothing of Hearth and move as much as a large value of it does: what sharing a machine costs by itself.

The bytes go the way of an argument that is sent to a replica of another node: from a program through a Unix socket to a second
one, through TLS on loopback to a third, through a Unix socket to a fourth, which keeps them until it has all.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, Iterator, List, Optional

MIB = 1024 * 1024
VALUE_BYTES = 1024 * MIB
PIECE_BYTES = 256 * 1024


@contextlib.contextmanager
def copying() -> Iterator[None]:
    """They run, and the first value has arrived: from then on memory was used before, and the host gives none anew."""
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as place:
        program = subprocess.Popen([sys.executable, __file__, place], stdout=subprocess.PIPE)
        assert program.stdout is not None
        try:
            assert program.stdout.readline() == b"copied one\n", "The strangers did not begin."
            yield
        finally:
            program.terminate()
            program.wait()
            program.stdout.close()


def protected(end: socket.socket, certificate: Optional[Path] = None) -> ssl.SSLSocket:
    """TLS 1.3, as between nodes. Who has the certificate is the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if certificate else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if certificate:
        context.load_cert_chain(certificate)
    return context.wrap_socket(end, server_side=certificate is not None)


def certify(place: Path) -> Path:
    certificate = place / "stranger.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=stranger", "-keyout", str(certificate), "-out", str(place / "public.pem")]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    with certificate.open("ab") as both:
        both.write((place / "public.pem").read_bytes())
    return certificate


def relay(come: socket.socket, go: socket.socket) -> None:
    piece = bytearray(PIECE_BYTES)
    while (size := come.recv_into(piece)) > 0:
        go.sendall(memoryview(piece)[:size])


def keep(come: socket.socket) -> None:
    is_first = True
    while True:
        value = memoryview(bytearray(VALUE_BYTES))
        filled = 0
        while filled < VALUE_BYTES:
            size = come.recv_into(value[filled : filled + PIECE_BYTES])
            if size == 0:
                return
            filled += size
        if is_first:
            print("copied one", flush=True)
        is_first = False


def main(place: str) -> None:
    certificate = certify(Path(place))
    near, near_end = socket.socketpair()
    far, far_end = socket.socketpair()
    listening = socket.create_server(("127.0.0.1", 0))
    dialled = socket.create_connection(listening.getsockname())
    accepted, _ = listening.accept()
    ends = [near, near_end, far, far_end, dialled, accepted]

    def start(own: List[socket.socket], work: Callable[[], None]) -> None:
        if os.fork() == 0:
            for end in ends:
                if end not in own:
                    end.close()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # when the first is ended
                work()
            os._exit(0)

    start([near_end, dialled], lambda: relay(near_end, protected(dialled)))
    start([accepted, far], lambda: relay(protected(accepted, certificate), far))
    start([far_end], lambda: keep(far_end))
    for end in ends[1:]:
        end.close()
    data = os.urandom(MIB)
    while True:
        near.sendall(data)


if __name__ == "__main__":
    main(sys.argv[1])
