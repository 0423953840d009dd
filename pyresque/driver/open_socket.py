"""Opens the socket of a blocking connection, by few steps: a forked child copies a page of memory for each of them. Light."""

from __future__ import annotations

import _socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyresque.driver.url import RedisUrl

#: Seconds of silence after which the system asks whether the peer is there, seconds between such probes, how many of them.
PROBES = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}

#: Level, option and value by which a silent peer is noticed within about a minute, if the system lets us say so.
KEEP_ALIVE = (
    (_socket.SOL_SOCKET, _socket.SO_KEEPALIVE, 1),
    *(
        (_socket.IPPROTO_TCP, getattr(_socket, name), value)
        for name, value in PROBES.items()
        if hasattr(_socket, name)
    ),
)


def open_socket(to: RedisUrl) -> _socket.socket:
    """A socket that is connected to that address. Raises OSError."""
    if to.path:
        return _connected(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, to.path, to.connect_timeout)
    # Python encodes a text by ``encodings.idna``, whose modules are heavy; plain letters stay what they are.
    host = to.host.encode() if to.host.isascii() else to.host
    trouble: OSError | None = None
    for family, kind, proto, _, address in _socket.getaddrinfo(
        host, to.port, 0, _socket.SOCK_STREAM
    ):
        try:
            made = _connected(family, kind, proto, address, to.connect_timeout)
        except OSError as error:
            trouble = error
        else:
            made.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            keep_alive(made)
            return made
    raise trouble or OSError(f"{to.host} has no address")


def _connected(
    family: int, kind: int, proto: int, address: str | tuple[Any, ...], seconds: float
) -> _socket.socket:
    made = _socket.socket(family, kind, proto)
    try:
        made.settimeout(seconds)
        made.connect(address)
    except BaseException:
        made.close()
        raise
    return made


def keep_alive(made: _socket.socket) -> None:
    """Have the system notice a silent peer."""
    for level, option, value in KEEP_ALIVE:
        try:
            made.setsockopt(level, option, value)
        except OSError:
            continue
