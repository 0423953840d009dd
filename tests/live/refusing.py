"""A server in front of the server, which reads each command and may refuse it in another's place."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO


class Refusing:
    """``verdict`` looks at each command: a text is the error to answer with (one that begins with + a status), None has Redis carry it out.

    Bytes are the answer as it goes over the wire.
    """

    def __init__(self, port: int, verdict: Callable[[list[bytes]], str | bytes | None]) -> None:
        self._to = ("127.0.0.1", port)
        self._verdict = verdict
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._callers: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        number: int = self._listening.getsockname()[1]
        return number

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def url_of(self, password: str, database: int = 0) -> str:
        """The URL of somebody with a password, which the verdict has to look at."""
        return f"redis://:{password}@127.0.0.1:{self.port}/{database}"

    def hang_up(self) -> None:
        """Cut every connection there is."""
        for caller in self._callers:
            with contextlib.suppress(OSError):
                caller.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Refusing:  # noqa: PYI034 - typing.Self came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.hang_up()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listening.accept()
                self._callers.append(caller)
                thread = threading.Thread(target=self._carry, args=(caller,))
                self._threads.append(thread)
                thread.start()

    def _carry(self, caller: socket.socket) -> None:
        with (
            caller,
            socket.create_connection(self._to) as server,
            caller.makefile("rb") as asking,
            server.makefile("rb") as answering,
            contextlib.suppress(OSError),
        ):
            refused = None
            while command := whole(asking):
                # Whoever is refused gives the connection up: what it has sent already is not carried out either.
                refusal = refused or self._verdict(parts(command))
                if isinstance(refusal, bytes):
                    caller.sendall(refusal)
                    continue
                refused = None if refusal is None or refusal.startswith("+") else refusal
                if refusal is None:
                    server.sendall(command)
                    caller.sendall(whole(answering))
                else:
                    sign = "" if refusal.startswith("+") else "-"
                    caller.sendall(f"{sign}{refusal}\r\n".encode())


def whole(source: BinaryIO) -> bytes:
    """One command or reply as it is on the wire; empty at the end."""
    line = source.readline()
    if line[:1] == b"$" and line != b"$-1\r\n":
        return line + source.read(int(line[1:]) + 2)
    if line[:1] == b"*" and line != b"*-1\r\n":
        return line + b"".join(whole(source) for _ in range(int(line[1:])))
    return line


def parts(command: bytes) -> list[bytes]:
    """The arguments of a command."""
    found, rest = [], command.split(b"\r\n", 1)[1]
    while rest:
        size, rest = rest.split(b"\r\n", 1)
        found.append(rest[: int(size[1:])])
        rest = rest[int(size[1:]) + 2 :]
    return found
