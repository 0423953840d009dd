"""Opens the socket of a blocking connection, by few steps: a forked child copies a page of memory for each of them. Light."""

from __future__ import annotations

import _socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pyresque.driver.url import RedisUrl

#: Seconds of silence after which the system asks whether the peer is there, seconds between such probes, how many of them.
PROBES = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}

#: Level, option and value: nothing waits to be sent, and a silent peer is noticed within about a minute, if the system lets us say so.
OPTIONS = (
    (_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1),
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
    trouble: OSError | None = None
    for family, kind, proto, _, address in _addresses(to):
        try:
            made = _connected(family, kind, proto, address, to.connect_timeout)
        except OSError as error:
            trouble = error
        else:
            set_options(made)
            return made
    raise trouble or OSError(f"{to.host} has no address")


def _addresses(to: RedisUrl) -> Iterable[tuple[int, int, int, str, tuple[Any, ...]]]:
    """The addresses of a host, as ``getaddrinfo`` gives them. Raises OSError."""
    try:
        _socket.inet_pton(_socket.AF_INET, to.host)
    except (OSError, ValueError):
        # Python encodes a text by ``encodings.idna``, whose modules are heavy; plain letters stay what they are.
        host = to.host.encode() if to.host.isascii() else to.host
        return _socket.getaddrinfo(host, to.port, 0, _socket.SOCK_STREAM)
    return ((_socket.AF_INET, _socket.SOCK_STREAM, 0, "", (to.host, to.port)),)


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


def set_options(made: _socket.socket) -> None:
    """Have the system send at once what is written, and notice a silent peer."""
    for level, option, value in OPTIONS:
        try:
            made.setsockopt(level, option, value)
        except OSError:
            continue
