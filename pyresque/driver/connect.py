"""From a URL to connections: a single server over TCP, TLS or a Unix socket."""

from __future__ import annotations

import socket
from typing import Any

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from pyresque.errors import ConnectError
from pyresque.settings import shown

SCHEMES = ("redis", "rediss", "unix")

#: Seconds until a connection that is being made, or a reply that is awaited, counts as lost.
CONNECT_TIMEOUT = 5.0
REPLY_TIMEOUT = 30.0


def pool(url: str, *, reply_timeout: float = REPLY_TIMEOUT) -> redis.ConnectionPool:
    """Blocking connections to that server; nothing is connected yet. Raises ConnectError for a bad URL."""
    made: redis.ConnectionPool = _made(
        redis.ConnectionPool, url, Retry(NoBackoff(), 1), reply_timeout
    )
    return made


def async_pool(url: str, *, reply_timeout: float = REPLY_TIMEOUT) -> redis.asyncio.ConnectionPool:
    """Awaited connections to that server; nothing is connected yet. Raises ConnectError for a bad URL."""
    from redis.asyncio.retry import Retry as AsyncRetry  # noqa: PLC0415 - asyncio only where it is asked for

    retry = AsyncRetry(NoBackoff(), 1)
    made: redis.asyncio.ConnectionPool = _made(
        redis.asyncio.ConnectionPool, url, retry, reply_timeout
    )
    return made


def _made(kind: Any, url: str, retry: object, reply_timeout: float) -> Any:
    scheme = url.partition("://")[0]
    if scheme not in SCHEMES:
        msg = (
            f"{shown(url)!r} is no Redis URL: it must begin with redis://, rediss:// or unix://, "
            "such as redis://localhost:6379/0"
        )
        raise ConnectError(msg)
    options: dict[str, Any] = {
        "protocol": 2,
        "decode_responses": False,
        "socket_timeout": reply_timeout,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "retry": retry,
    }
    if scheme == "unix":
        del options["socket_connect_timeout"]
    else:
        options |= {"socket_keepalive": True, "socket_keepalive_options": _keepalive()}
    try:
        made = kind.from_url(url, **options)
        made.make_connection()  # tells of a wrong option now, not at the first command; connects nothing
    except (ValueError, TypeError) as error:
        msg = f"{shown(url)!r} cannot be used as a Redis URL: {error}"
        raise ConnectError(msg) from error
    return made


def _keepalive() -> dict[int, int]:
    """Notice a silent peer within about a minute, where the system lets us say so."""
    wanted = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
    return {getattr(socket, name): value for name, value in wanted.items() if hasattr(socket, name)}
