"""Commands as they go over the wire, and those that every connection begins with."""

from __future__ import annotations

import hiredis

from pyresque.errors import (
    ClusterFault,
    ConnectionFault,
    NotCarriedOut,
    NotPermitted,
    PyresqueError,
    Redirected,
    RedisCommandError,
    RedisUnavailable,
    ScriptMissing,
    WrongKey,
)
from pyresque.lightweight import replace
from pyresque.ops import Command
from pyresque.reply_kinds import KINDS, is_odd, odd_reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from pyresque.driver.url import RedisUrl
    from pyresque.ops import Arg, Batch

# hiredis' stub takes fewer types than hiredis.
pack: Callable[[tuple[Arg, ...]], bytes] = hiredis.pack_command  # type: ignore[assignment]  # see above


def encode_command(command: Command[Any]) -> bytes:
    """The bytes of a command, as they are sent."""
    return command.wire or pack(command.args)


def encode_transaction(commands: Sequence[Command[Any]]) -> list[Command[Any]]:
    """The commands between MULTI and EXEC."""
    return [Command(("MULTI",)), *commands, Command(("EXEC",))]


def log_ins(to: RedisUrl) -> list[list[Command[Any]]]:
    """The ways to log in, to be tried in turn: as redis-rb does, if user and password fail, the password alone."""
    steps = log_in(to)
    if not steps:
        return []
    return [steps, log_in(replace(to, username=""))] if to.username and to.password else [steps]


def log_in(to: RedisUrl) -> list[Command[Any]]:
    """What a new connection has to say first, if anything."""
    steps: list[Command[Any]] = []
    if to.password:
        user = (to.username,) if to.username else ()
        steps.append(Command(("AUTH", *user, to.password)))
    if to.client_name:
        steps.append(Command(("CLIENT", "SETNAME", to.client_name)))
    if to.db:
        steps.append(Command(("SELECT", to.db)))
    return steps


#: Why a process that is to end gives an exchange up.
NO_TIME = "no reply within %g s, and this process is to end"

#: First words of refusals that a wait or another connection mends: a failover, a full memory or disk, a server that is loading.
NOT_NOW = frozenset(
    {
        *("BUSY", "FAILOVER", "INPROG", "IOERR", "LOADING", "MASTERDOWN", "MISCONF"),
        *("NOGOODSLAVE", "NOMASTERLINK", "NOQUORUM", "NOREPLICAS", "OOM", "READONLY", "REDIRECT"),
        "UNBLOCKED",
    }
)


#: How the same is said without a word of its own, by servers, by their providers and by the proxies in front of them.
NOT_NOW_BY_TEXT = (
    "err max number of clients",
    "err max number of connections",
    "err max concurrent connections",
    "err max requests limit",
    "err max daily request limit",
    "err too many requests",
    "err too many connections",
    "err rate limit",
    "err request rate",
    "err throttl",
    "err server closed",
    "err connection refused",
    "err connection reset",
    "err connection timed out",
    "err connection closed",
    "err operation timed out",
    "err upstream",
    "err no upstream",
    "err failover",
    "err server is loading",
    "err server is shutting down",
    "err redis is loading",
    "err try again",
    "err service unavailable",
    "err temporarily unavailable",
    "err host is down",
    "err no route to host",
    "no upstream host",
    "upstream failure",
    "upstream protocol error",
)


#: First words of a cluster's refusals: nothing was carried out.
OF_A_CLUSTER = ("MOVED ", "ASK ", "TRYAGAIN", "CLUSTERDOWN", "CROSSSLOT")


LOG_IN = ("NOAUTH", "WRONGPASS", "ERR invalid password", "ERR Client sent AUTH", "ERR AUTH ")


#: Refusals of a log-in by user and password that may be let in by the password alone: WRONGPASS, and servers without users.
OF_USER_AND_PASSWORD = ("WRONGPASS", "wrong number of arguments for 'auth'")


#: Refusals of SELECT.
NO_DATABASE = ("DB index", "SELECT is not allowed")


#: How a refusal begins that an older server gives to a script, in front of the refusal of the command in it.
OF_A_SCRIPT = "ERR Error running script"


OF_A_TRANSACTION = "EXECABORT Transaction discarded because of: "


#: What Redis says of a value that no command of that kind can be applied to.
WRONG_VALUES = ("ERR value is not an integer", "ERR hash value is not an integer", "ERR increment ")


#: Commands that begin a verb, and that every server has but a Sentinel.
OF_EVERY_SERVER = frozenset({"SADD", "SMEMBERS", "GET", "LLEN", "RPUSH", "ZADD"})


def passing(text: str) -> bool:
    """Whether a refusal is no fault of the command: then the connection is given up, too."""
    if text.partition(" ")[0] in NOT_NOW:
        return True
    if text.startswith(OF_A_TRANSACTION):
        return passing(text.removeprefix(OF_A_TRANSACTION))
    if text.startswith(OF_A_SCRIPT):
        return any(passing(piece.removeprefix("-")) for piece in text.split(": ")[1:])
    return text.lower().startswith(NOT_NOW_BY_TEXT)


def is_demoted(reply: object) -> bool:
    """Whether a server refuses to write because it is a replica now: another connection leads to a master, maybe."""
    return isinstance(reply, hiredis.ReplyError) and str(reply).startswith("READONLY")


def refusal(text: str, where: str, args: Sequence[Arg] = ()) -> PyresqueError:
    """The error for a refusal, by its text as it was sent; ``args`` are those of the command."""
    if text.startswith("NOSCRIPT"):
        return ScriptMissing(text)
    if text.startswith(LOG_IN):
        return refused_log_in(text, where)
    if text.startswith(OF_A_CLUSTER) or passing(text):
        return _elsewhere(text, where)
    if (
        text.startswith("NOPERM")
        or "ACL failure in script" in text
        or "executing the script" in text
    ):
        return NotPermitted(f"{text}{_of(args)}")
    if "WRONGTYPE" in text or any(wrong in text for wrong in WRONG_VALUES):
        return WrongKey(f"{text}{_of(args)}")
    if text.startswith("ERR unknown command") and args and args[0] in OF_EVERY_SERVER:
        text = f"{text.rstrip()}; if Redis at {where} is a Sentinel, write redis+sentinel://HOST:PORT/MASTER"
    return RedisCommandError(text)


def _elsewhere(text: str, where: str) -> PyresqueError:
    """The error for a server that does not carry out a command: another one does, or this one does soon."""
    word, _, rest = text.partition(" ")
    if word in {"READONLY", "TRYAGAIN", "CLUSTERDOWN"}:
        return NotCarriedOut(f"Redis at {where} cannot serve now: {text}")
    if word not in {"MOVED", "ASK", "CROSSSLOT"}:
        return RedisUnavailable(f"Redis at {where} cannot serve now: {text}")
    if word == "CROSSSLOT":
        return ClusterFault(
            f"Redis at {where} is a cluster and keeps the keys of one job on several nodes ({text}): give a namespace with a "
            "hash tag, such as RESQUE_NAMESPACE={resque}, and the same one to Resque.redis in Ruby"
        )
    host, _, port = rest.rpartition(" ")[2].rpartition(":")
    return Redirected(
        f"Redis at {where} is a node of a cluster ({text}): write redis+cluster:// in place of redis://, and give a namespace "
        "with a hash tag, such as RESQUE_NAMESPACE={resque}, and the same one to Resque.redis in Ruby",
        host=host,
        port=int(port) if port.isdecimal() else 0,
        asking=word == "ASK",
    )


def _of(args: Sequence[Arg]) -> str:
    """The command that was refused and its key; a script's keys are many, and its caller knows them."""
    if not args or str(args[0]).startswith("EVAL"):
        return ""
    shown = [
        part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part)
        for part in args[:2]
    ]
    return f" ({' '.join(shown)})" if shown[0] != "AUTH" else " (AUTH)"


def refused(replies: list[object], to: RedisUrl, before: str = "") -> str:
    """What the server refused a log-in with, ``before`` that if another way failed; empty if it was let in.

    Raises ConnectionFault for what no other way to log in would mend, RedisUnavailable for what a wait mends.
    """
    text = next((str(reply) for reply in replies if isinstance(reply, hiredis.ReplyError)), "")
    text = to.unspoken(text)
    if text.startswith(OF_A_CLUSTER) or passing(text):
        raise _elsewhere(text, to.where)
    if text and not any(words in text for words in OF_USER_AND_PASSWORD) and not before:
        raise refused_log_in(text, to.where)
    if text and before and any(words in text for words in NO_DATABASE):
        raise refused_log_in(text, to.where)
    return (before or text) if text else ""


def refused_log_in(text: str, where: str) -> ConnectionFault:
    """The error for a connection that was made and not let in."""
    if any(words in text for words in NO_DATABASE):
        return ConnectionFault(
            f"Redis at {where} has no such database: {text}; end the URL with the number of one that it has "
            "(0 to 15 where nothing else is configured, in a cluster 0 alone)"
        )
    return ConnectionFault(
        f"Redis at {where} refused the log-in: {text}; check user and password (and database) in the URL"
    )


def as_error(error: BaseException, where: str, args: Sequence[Arg] = ()) -> BaseException:
    """A refusal by the server (hiredis' ReplyError) or a system's error as one of pyresque's; any other error stays as it is."""
    if isinstance(error, hiredis.ReplyError):
        return refusal(str(error), where, args)
    if isinstance(error, OSError) and not isinstance(error, PyresqueError):
        return RedisUnavailable(f"Redis at {where}: {str(error) or type(error).__name__}")
    return error


def checked(reply: object, where: str, args: Sequence[Arg] = ()) -> object:
    """The reply, or the error that the server put in its place. Raises UnexpectedReply for one that Redis does not give to that command."""
    if isinstance(reply, BaseException):
        raise as_error(reply, where, args) from reply
    if args and is_odd(reply, args):
        raise odd_reply(reply, args, where)
    return reply


def of_batch(
    replies: list[object], where: str, commands: Sequence[Command[Any]], *, lenient: bool = False
) -> list[object]:
    """All replies of a batch, or the first error among them; ``lenient`` leaves what is said of wrong keys in its place."""
    for at, reply in enumerate(replies):
        kind = KINDS.get(commands[at].args[0])
        if kind is None:
            if isinstance(reply, BaseException):
                break
        elif reply.__class__ not in kind.plain or reply == kind.never:
            break  # ``checked`` looks more closely
    else:
        return replies
    found: list[object] = []
    for reply, command in zip(replies, commands, strict=True):
        try:
            found.append(checked(reply, where, command.args))
        except WrongKey as error:
            if not lenient:
                raise
            found.append(error)
    return found


def commands_of(batch: Batch) -> Sequence[Command[Any]]:
    """Return what a batch sends."""
    commands = encode_transaction(batch.commands) if batch.atomic else batch.commands
    return commands if batch.last is None else [*commands, batch.last]


def replies_to(batch: Batch, replies: list[object], where: str) -> list[object]:
    """Return what a batch is answered with, by the replies to ``commands_of``. Raises the first error."""
    last = batch.last
    first = replies if last is None else replies[:-1]
    if batch.atomic:
        found = of_transaction(first, where, batch.commands)
    else:
        found = of_batch(first, where, batch.commands, lenient=batch.lenient)
    return found if last is None else [*found, checked(replies[-1], where, last.args)]


def of_transaction(
    replies: list[object], where: str, commands: Sequence[Command[Any]]
) -> list[object]:
    """What EXEC answered; a command that was refused while queueing is the error that counts."""
    checked(replies[0], where)
    for reply, command in zip(replies[1:-1], commands, strict=True):
        if isinstance(reply, BaseException):
            checked(reply, where, command.args)
    inner = checked(replies[-1], where, ("EXEC",))
    if not isinstance(inner, list) or len(inner) != len(commands):
        msg = f"Redis at {where} did not carry out a transaction"
        raise RedisUnavailable(msg)
    return of_batch(inner, where, commands)


def lost(cause: object, where: str, wrong: str | None = None) -> RedisUnavailable:
    """The error for a connection that has ended, or did not come about; ``wrong`` is a fault of the configuration."""
    if wrong is not None:
        return ConnectionFault(f"Redis at {where}: {wrong}")
    return RedisUnavailable(f"Redis at {where}: {str(cause) or type(cause).__name__}")
