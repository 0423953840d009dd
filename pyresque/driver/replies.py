"""What stands in replies, told in pyresque's own errors, so that nothing above the drivers knows who carried a command."""

from __future__ import annotations

import hiredis

from pyresque.errors import (
    ConnectError,
    PyresqueError,
    RedisCommandError,
    RedisUnavailable,
    ScriptMissing,
)

#: Refusals that a wait or another connection mends: a failover, a full memory or disk, a server that is still loading.
PASSING = (
    *("BUSY ", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM", "READONLY"),
    *("TRYAGAIN", "UNBLOCKED"),
)
LOG_IN = ("NOAUTH", "WRONGPASS", "ERR invalid password", "ERR Client sent AUTH", "ERR AUTH ")


def passing(text: str) -> bool:
    """Whether a refusal is no fault of the command: then the connection is given up, too."""
    return text.startswith(PASSING)


def refusal(text: str, where: str) -> PyresqueError:
    """The error for a refusal, by its text as it was sent."""
    if text.startswith("NOSCRIPT"):
        return ScriptMissing(text)
    if text.startswith(LOG_IN):
        return refused_log_in(text, where)
    if passing(text):
        return RedisUnavailable(f"Redis at {where} cannot serve now: {text}")
    return RedisCommandError(text)


def refused_log_in(text: str, where: str) -> ConnectError:
    """The error for a connection that was made and not let in."""
    return ConnectError(
        f"Redis at {where} refused the log-in: {text}; check user and password (and database) in the URL"
    )


def told(error: BaseException, where: str) -> BaseException:
    """A refusal as hiredis tells it, or a system's error, as one of pyresque's; any other error stays as it is."""
    if isinstance(error, hiredis.ReplyError):
        return refusal(str(error), where)
    if isinstance(error, OSError) and not isinstance(error, PyresqueError):
        return RedisUnavailable(f"Redis at {where}: {str(error) or type(error).__name__}")
    return error


def checked(reply: object, where: str) -> object:
    """The reply, or the error that the server put in its place."""
    if isinstance(reply, BaseException):
        raise told(reply, where) from reply
    return reply


def first_error(replies: list[object], where: str) -> list[object]:
    """All replies of a batch, or the first error among them."""
    for reply in replies:
        checked(reply, where)
    return replies


def unwrapped(replies: list[object], where: str) -> list[object]:
    """What EXEC answered; a command that was refused while queueing is the error that counts."""
    first_error(replies[:-1], where)
    inner = checked(replies[-1], where)
    if not isinstance(inner, list):
        msg = f"Redis at {where} did not carry out a transaction"
        raise RedisUnavailable(msg)
    return first_error(inner, where)
