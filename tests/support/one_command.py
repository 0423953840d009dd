"""How the programs that tests start talk to Redis beside pyresque: redis-py takes twice as long to load as all of a worker."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import hiredis


def ask(url: str, *words: str | int) -> Any:
    """Send one command by a connection of its own; its reply, which is waited for as long as it takes."""
    to = urlsplit(url)
    reader = hiredis.Reader()
    with socket.socket() as connection:
        connection.connect((to.hostname, to.port))
        connection.sendall(hiredis.pack_command(("SELECT", to.path.strip("/") or 0)))
        connection.sendall(hiredis.pack_command(words))
        replies: list[Any] = []
        while len(replies) < 2:
            heard = connection.recv(1 << 16)
            if not heard:
                raise ConnectionResetError(f"{url} closed the connection")
            reader.feed(heard)
            while (reply := reader.gets()) is not False:
                replies.append(reply)
    for reply in replies:
        if isinstance(reply, hiredis.ReplyError):
            raise reply
    return replies[1]
