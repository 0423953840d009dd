"""TLS for tests: an authority, certificates that it signed, and a port that speaks TLS in front of a plain one."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def openssl(*args: str, into: Path) -> None:
    subprocess.run(["openssl", *args], cwd=into, check=True, capture_output=True)


def make_papers(into: Path) -> Path:
    """An authority and certificates that it signed: ``server`` for localhost, ``client``; and a ``stranger``."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for name in ("ca", "stranger"):
        openssl(
            *("req", "-x509", *key, "-days", "2", "-subj", f"/CN={name}"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),  # Python 3.13 wants it
            *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
            into=into,
        )
    (into / "names").write_text(
        "subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
    )
    for name in ("server", "client"):
        openssl(
            *("req", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key"),
            *("-out", f"{name}.csr"),
            into=into,
        )
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-days", "2", "-extfile", "names", "-out", f"{name}.pem"),
            into=into,
        )
    return into


class Secured:
    """A port that speaks TLS, and leads to the plain one of a server."""

    def __init__(self, to: int, papers: Path, *, mutual: bool = False) -> None:
        self._to = to
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(papers / "server.pem", papers / "server.key")
        if mutual:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(papers / "ca.pem")
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listening.accept()
                threading.Thread(target=self._carry, args=(caller,), daemon=True).start()

    def _carry(self, caller: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            caller,
            socket.create_connection(("127.0.0.1", self._to)) as server,
            self._context.wrap_socket(caller, server_side=True) as secured,
        ):
            threading.Thread(target=self._back, args=(server, secured), daemon=True).start()
            while asked := secured.recv(1 << 16):
                server.sendall(asked)

    def _back(self, server: socket.socket, secured: ssl.SSLSocket) -> None:
        with contextlib.suppress(OSError, ValueError):
            while reply := server.recv(1 << 16):
                secured.sendall(reply)
            secured.shutdown(socket.SHUT_RDWR)
