"""What a URL says of a server: where it is, who we are there, how long to wait. Light, where the URL is a plain one.

And the address that a Sentinel or a node gives in place of a URL.
"""

from __future__ import annotations

from pyresque.errors import ConnectError, RedisUnavailable
from pyresque.lightweight import dataclass, field, replace
from pyresque.printable import without_password

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Where each scheme leads: one server, a Unix socket, the master that Sentinels know, the node of a cluster that has our slot.
SCHEMES = {
    "redis": "server",
    "rediss": "server",
    "unix": "server",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}

#: The port of a node that names none.
PORTS = {"server": 6379, "sentinel": 26379, "cluster": 6379}

HIGHEST_PORT = 65_535

#: Seconds until a connection that is being made, or a reply that is awaited, counts as lost.
CONNECT_TIMEOUT = 5.0
REPLY_TIMEOUT = 30.0

#: What the host of a plain URL is made of.
PLAIN_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """What a Redis URL says, in parts.

    ``path`` is a Unix socket's; ``tls`` holds the options that begin with ``ssl_``. ``kind`` is server, sentinel or cluster;
    for the last two ``nodes`` are the addresses to ask where the server is, and ``host`` and ``port`` are the first of them.
    """

    where: str
    host: str = "localhost"
    port: int = 6379
    path: str = ""
    db: int = 0
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    client_name: str = ""
    connect_timeout: float = CONNECT_TIMEOUT
    reply_timeout: float = REPLY_TIMEOUT
    secure: bool = False
    kind: str = "server"
    nodes: tuple[tuple[str, int], ...] = ()
    master: str = ""
    sentinel_username: str = field(default="", repr=False)
    sentinel_password: str = field(default="", repr=False)
    tls: dict[str, Any] = field(default_factory=dict, repr=False)

    def unspoken(self, text: str) -> str:
        """A server's words without our password: one that does not know AUTH repeats what it was given."""
        for secret in filter(None, (self.password, self.sentinel_password)):
            text = text.replace(secret, "***")
        return text

    def at(self, host: str, port: int) -> RedisUrl:
        """The server at this address, with our name there; messages name the address after the URL."""
        return replace(
            self, where=f"{self.where} ({host}:{port})", host=host, port=port, kind="server"
        )


def target(url: str) -> RedisUrl:
    """Read a URL. Raises ConnectError."""
    if (plain := plain_target(url)) is not None:
        return plain
    if url.partition("://")[0] not in SCHEMES:
        msg = (
            f"{without_password(url)!r} is no Redis URL: it must begin with redis://, rediss:// or unix://, "
            "such as redis://localhost:6379/0; with redis+sentinel:// or redis+cluster:// it names Sentinels or a cluster's nodes"
        )
        raise ConnectError(msg)
    from pyresque.driver.url_reader import read  # noqa: PLC0415 - heavy, and most URLs are plain

    try:
        return read(url)
    except ValueError as error:
        msg = f"{without_password(url)!r} cannot be used as a Redis URL: {error}"
        raise ConnectError(msg) from None


def plain_target(url: str) -> RedisUrl | None:
    """Read a URL such as redis://host:port/db, without user, password and options; None: ``target`` reads it otherwise."""
    scheme, _, rest = url.partition("://")
    address, _, db = rest.partition("/")
    host, colon, port = address.partition(":")
    if (
        scheme != "redis"
        or not host
        or not PLAIN_LETTERS.issuperset(host)
        or (colon and not _is_number(port, HIGHEST_PORT))
        or (db and not _is_number(db))
    ):
        return None
    where = without_password(url)
    return RedisUrl(where=where, host=host, port=int(port or PORTS["server"]), db=int(db or 0))


def _is_number(text: str, most: int = 0) -> bool:
    plain = text.isascii() and text.isdecimal()
    return plain and (not most or 0 < int(text) <= most)


def address_in(reply: list[Any], where: str, asked: str) -> tuple[str, int]:
    """Return the host and port in a reply. Raises RedisUnavailable if it holds none."""
    try:
        host, port = reply
        address = host.decode(), int(port)
        if address[0] and 0 < address[1] <= HIGHEST_PORT:
            return address
    except (AttributeError, TypeError, ValueError):
        pass
    raise no_address(reply, where, asked)


def no_address(reply: object, where: str, asked: str) -> RedisUnavailable:
    """Return the error for a reply that holds no address."""
    return RedisUnavailable(
        f"Redis at {where}: asked for {asked}, it gave what is no address: {reply!r:.100}"
    )
