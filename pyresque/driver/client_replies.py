"""What clients make of a server's replies and refusals, as hiredis tells them; so that nothing above depends on a client.

Clients are known by what they do and errors by the names of their classes: redis-py, valkey-py and fakeredis bear the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hiredis

from pyresque.driver.protocol import refusal
from pyresque.errors import ConnectionFault, PyresqueError, RedisCommandError, RedisUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.ops import Arg

#: The first word of the refusal that a class of error stands for: the client has taken it from the text.
WORDS = {
    "NoScriptError": "NOSCRIPT",
    "ReadOnlyError": "READONLY",
    "BusyLoadingError": "LOADING",
    "NoPermissionError": "NOPERM",
    "ExecAbortError": "EXECABORT",
    "OutOfMemoryError": "OOM",
    "AskError": "ASK",
    "MovedError": "MOVED",
    "TryAgainError": "TRYAGAIN",
    "ClusterDownError": "CLUSTERDOWN",
    "MasterDownError": "MASTERDOWN",
    "ClusterCrossSlotError": "CROSSSLOT",
    "UnblockedError": "UNBLOCKED",
}


def refusal_in(error: BaseException) -> hiredis.ReplyError | None:
    """The refusal that an error stands for, in the server's words; None for any other error, such as a lost connection."""
    names = [kind.__name__ for kind in type(error).__mro__]
    word = next((WORDS[name] for name in names if name in WORDS), None)
    if word is None and ("ResponseError" not in names or "AuthenticationError" in names):
        return None
    text = str(error)
    if word is not None:
        text = f"{word} {text.removeprefix(word).lstrip()}"
    elif not text.partition(" ")[0].isupper():
        text = f"ERR {text}"
    return hiredis.ReplyError(text)


def as_ours(error: BaseException, where: str) -> BaseException:
    """A client's error as one of pyresque's; what is no error of a client's stays as it is."""
    if isinstance(error, PyresqueError) or not isinstance(error, Exception):
        return error
    names = {kind.__name__ for kind in type(error).__mro__}
    text = str(error) or type(error).__name__
    if names & {"AuthenticationError", "AuthorizationError"}:
        return ConnectionFault(f"Redis at {where} refused the log-in: {text}")
    found = refusal_in(error)
    if found is not None:
        return refusal(str(found), where)
    if isinstance(error, OSError) or names & {
        *("ConnectionError", "TimeoutError", "ClusterError", "RedisClusterException"),
        *("ValkeyClusterException", "InvalidResponse", "MaxConnectionsError"),
    }:
        return RedisUnavailable(f"Redis at {where}: {text}")
    if names & {"RedisError", "ValkeyError"}:
        return RedisCommandError(text)
    return error


def as_resp2(reply: Any, args: Sequence[Arg]) -> Any:
    """A reply as version 2 of the protocol has it, whichever the client speaks: maps and pairs are lists, numbers are texts.

    ``args`` are the command's: members with their scores come as pairs in version 3, and one after the other in version 2.
    """
    if reply is None or type(reply) in {bytes, int}:
        return reply
    if isinstance(reply, dict):
        return [as_resp2(part, args) for pair in reply.items() for part in pair]
    if isinstance(reply, (list, tuple, set, frozenset)):
        scored = str(args[0]).startswith("Z") and "WITHSCORES" in args
        if scored and all(isinstance(part, (list, tuple)) for part in reply):
            reply = [part for pair in reply for part in pair]
        return [as_resp2(part, args) for part in reply]
    return _plain(reply)


def _plain(reply: Any) -> Any:
    if isinstance(reply, bool):
        return int(reply)
    if isinstance(reply, float):
        return b"%.17g" % reply
    if isinstance(reply, str):
        return reply.encode()
    return refusal_in(reply) or reply if isinstance(reply, Exception) else reply
