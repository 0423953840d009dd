"""What redis-py reports, told in pyresque's own errors: the awaiting driver is carried by it."""

from __future__ import annotations

from redis import exceptions as redis_errors

from pyresque.driver.replies import refused_log_in
from pyresque.errors import RedisCommandError, RedisUnavailable, ScriptMissing

#: What redis-py and the operating system raise when a server cannot be reached or a connection breaks.
BROKEN = (redis_errors.ConnectionError, redis_errors.TimeoutError, OSError)

#: Refusals that a wait or another connection mends: a failover, a full memory or disk, a server that is still loading.
_PASSING = (
    redis_errors.ReadOnlyError,
    redis_errors.OutOfMemoryError,
    redis_errors.TryAgainError,
    redis_errors.ClusterDownError,
    redis_errors.MasterDownError,
)
_PASSING_CODES = ("MISCONF", "NOREPLICAS")


def told(error: BaseException, where: str) -> BaseException:
    """The same trouble as one of pyresque's errors; an unknown error stays as it is."""
    if isinstance(error, redis_errors.NoScriptError):
        return ScriptMissing(str(error))
    if isinstance(error, (redis_errors.AuthenticationError, redis_errors.AuthorizationError)):
        return refused_log_in(str(error), where)
    if passing(error):
        return RedisUnavailable(f"Redis at {where} cannot serve now: {error}")
    if isinstance(error, BROKEN):
        return RedisUnavailable(f"Redis at {where}: {str(error) or type(error).__name__}")
    if isinstance(error, redis_errors.RedisError):
        return RedisCommandError(_as_sent(error))
    return error


def passing(error: BaseException) -> bool:
    """Whether a refusal is no fault of the command: then the connection is given up, too."""
    return isinstance(error, _PASSING) or (
        isinstance(error, redis_errors.ResponseError) and str(error).startswith(_PASSING_CODES)
    )


def _as_sent(error: redis_errors.RedisError) -> str:
    """The server's text; redis-py takes some prefixes off, Ruby's messages keep them."""
    message = str(error)
    if not isinstance(error, redis_errors.ResponseError):
        return message
    head = message.split(" ", 1)[0]
    return message if head.isupper() and head.isalpha() else f"ERR {message}"
