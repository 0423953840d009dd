"""What is wrong with the configuration, where a new connection to Redis ends at once."""

from __future__ import annotations

from errno import ECONNRESET
from typing import TYPE_CHECKING

import hiredis

if TYPE_CHECKING:
    from pyresque.driver.url import RedisUrl


def configured_wrongly(cause: BaseException, to: RedisUrl) -> str | None:
    """What is wrong with the configuration, if a new connection ends so; None: nothing that we could find."""
    if isinstance(cause, hiredis.ProtocolError):
        speaks_tls = "the server speaks TLS there: write rediss:// in place of redis://"
        return speaks_tls if "\\x15" in str(cause) else None
    if not to.secure and getattr(cause, "errno", None) != ECONNRESET:
        return None
    from pyresque.driver import tls  # noqa: PLC0415 - OpenSSL only if it is used

    handshake = isinstance(cause, (TimeoutError, ConnectionResetError)) or "EOF" in str(cause)
    return tls.fault(cause, to) or (tls.mistaken(to) if handshake else None)
