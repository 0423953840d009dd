"""From a URL to the connections of the awaiting driver, which are redis-py's: over TCP, TLS or a Unix socket."""

from __future__ import annotations

from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from pyresque.driver.lean import keepalive_options
from pyresque.driver.target import CONNECT_TIMEOUT, REPLY_TIMEOUT, target
from pyresque.errors import ConnectError


def async_pool(url: str, *, reply_timeout: float = REPLY_TIMEOUT) -> redis.asyncio.ConnectionPool:
    """Awaited connections to that server; nothing is connected yet. Raises ConnectError for a bad URL."""
    to = target(url)
    options: dict[str, Any] = {
        "protocol": 2,
        "decode_responses": False,
        "socket_timeout": reply_timeout,
        "retry": Retry(NoBackoff(), 1),
    }
    if not to.path:
        options |= {
            "socket_connect_timeout": CONNECT_TIMEOUT,
            "socket_keepalive": True,
            "socket_keepalive_options": keepalive_options(),
        }
    try:
        made: redis.asyncio.ConnectionPool = redis.asyncio.ConnectionPool.from_url(url, **options)
        made.make_connection()  # tells of a wrong option now, not at the first command; connects nothing
    except (ValueError, TypeError) as error:
        msg = f"{to.where!r} cannot be used as a Redis URL: {error}"
        raise ConnectError(msg) from error
    return made
