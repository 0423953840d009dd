"""What is wrong with a TLS connection that an event loop could not make: its own words are few, those of a blocking one are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.driver.connection import Connection
from pyresque.driver.protocol import encode_command
from pyresque.errors import ConnectionFault, RedisUnavailable
from pyresque.ops import Command

if TYPE_CHECKING:
    from pyresque.driver.url import RedisUrl


def first_fault(to: RedisUrl) -> ConnectionFault | None:
    """What is wrong with the configuration, by a first exchange on a connection of its own."""
    try:
        made = Connection(to, to.connect_timeout)
        try:
            made.ask(encode_command(Command(("PING",))))
        finally:
            made.close()
    except ConnectionFault as error:
        return error
    except RedisUnavailable:
        return None
    return None
