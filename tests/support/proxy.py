"""A proxy between a worker and Redis that breaks the connection at a chosen moment."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Proxy:
    """Hands bytes on; ``cut`` looks at each request and says ``before``, ``after`` (it was carried out) or nothing."""

    def __init__(self, port: int, cut: Callable[[bytes], str | None]) -> None:
        self.cuts = 0
        self._to = ("127.0.0.1", port)
        self._cut = cut
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._ending, self._end = socket.socketpair()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listening.getsockname()[1]}/0"

    def lead_to(self, port: int) -> None:
        """Connect new callers to another server."""
        self._to = ("127.0.0.1", port)

    def __enter__(self) -> Proxy:  # noqa: PYI034 - typing.Self came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self._end.close()
        for thread in self._threads:
            thread.join()
        self._listening.close()
        self._ending.close()

    def _accept(self) -> None:
        while self._ending not in select.select([self._listening, self._ending], [], [])[0]:
            caller, _ = self._listening.accept()
            thread = threading.Thread(target=self._carry, args=(caller,))
            self._threads.append(thread)
            thread.start()

    def _carry(self, caller: socket.socket) -> None:
        with caller, socket.create_connection(self._to) as server, contextlib.suppress(OSError):
            while True:
                readable, _, _ = select.select([caller, server, self._ending], [], [])
                if self._ending in readable:
                    return
                if server in readable:
                    reply = server.recv(1 << 20)
                    if not reply:
                        return
                    caller.sendall(reply)
                if caller in readable:
                    request = caller.recv(1 << 20)
                    if not request:
                        return
                    verdict = self._cut(request)
                    if verdict == "before":
                        self.cuts += 1
                        return
                    server.sendall(request)
                    if verdict == "after":
                        server.recv(1 << 20)
                        self.cuts += 1
                        return
