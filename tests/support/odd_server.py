"""A server that answers every command in the same way: a proxy, a fake, or something else than Redis."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import hiredis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What it answers, by name: bytes as they go over the wire.
ANSWERS = {
    "OK": b"+OK\r\n",
    "nil": b"$-1\r\n",
    "integer": b":1\r\n",
    "zero": b":0\r\n",
    "text": b"$5\r\nhello\r\n",
    "empty text": b"$0\r\n\r\n",
    "empty list": b"*0\r\n",
    "list of nil": b"*2\r\n$-1\r\n$-1\r\n",
    "list of integers": b"*2\r\n:1\r\n:2\r\n",
    "list of texts": b"*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
    "nested": b"*2\r\n*1\r\n:1\r\n*0\r\n",
    "error": b"-ERR not today\r\n",
}


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        reader = hiredis.Reader()
        while True:
            try:
                heard = self.request.recv(65536)
            except OSError:
                return
            if not heard:
                return
            reader.feed(heard)
            while (command := reader.gets()) is not False:
                try:
                    self.request.sendall(self.server.answer(command))  # type: ignore[attr-defined]  # below
                except OSError:
                    return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answer: Callable[[list[bytes]], bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer


@contextmanager
def odd_server(answer: Callable[[list[bytes]], bytes]) -> Iterator[str]:
    """A server that answers as ``answer(command)`` says, for the length of a block; its URL."""
    with _Server(answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"redis://127.0.0.1:{server.server_address[1]}/0"
        finally:
            server.shutdown()
            thread.join()
