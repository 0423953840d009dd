"""Calls the functions of ``@resque.warm_up`` in the process that children are copied from, before it forks the first one. Light.

Code that runs for the first time in a process is slow: the interpreter specializes it, each page that this writes to is copied, and
what it imports is read from disk. A child is new for every job. What a function has done here, its children need not do.

Children share with this process what a function leaves open, and have none of its threads. So both are told. A function that does not
return within LIMIT seconds is interrupted; one that cannot be interrupted (a call into C) is ended with its process by the worker.
"""

from __future__ import annotations

import os
import sys
from time import monotonic

from pyresque import signal_handlers
from pyresque.errors import RedisCommandError
from pyresque.executor.fork import cheap_fork
from pyresque.job_copies import own
from pyresque.lightweight import is_awaitable
from pyresque.standard_streams import flush

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType
    from typing import Any

    from pyresque.lent_client import LentPool
else:
    import _signal as signal

#: How often each function is called: the interpreter specializes code that ran some dozen times.
ROUNDS = 48

#: Seconds after which a function is not called once more; seconds that all functions may take together.
ENOUGH, LIMIT = 1.0, 10.0

#: The module that a connection of Resque's own imports when it is opened. A child that names it has opened one, and others will.
CONNECTS = "pyresque.driver.open_socket"

#: Seconds for the rehearsal of Resque's own connection.
CONNECTING = 1.0

#: The names of the two kinds of functions among the hooks of a worker.
HERE, IN_CHILD = "warm_up", "warm_up_in_child"

#: Seconds between two interruptions of a function that goes on after the first one.
AGAIN = 0.5

#: At most so many threads are named that a function has left.
MOST_NAMED = 3

#: The descriptors of this process, one name each, on Linux and on other systems.
DESCRIPTORS = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"  # noqa: PTH112 - pathlib stays unloaded


class TimeIsUp(BaseException):
    """Raised in a function that has not returned in time."""


def expect_connection() -> None:
    """Have the first child that opens a connection of Resque's own import CONNECTS, and so tell of it; this process may have opened one."""
    sys.modules.pop(CONNECTS, None)
    connection = sys.modules.get("pyresque.driver.connection")
    if connection is not None:
        vars(connection)["_open_socket"] = None


class WarmUps:
    """The warm-up functions of an application: ``resque``, or what has its hooks."""

    def __init__(self, resque: Any) -> None:
        self._resque = resque

    @property
    def any(self) -> bool:
        """Whether there is something to do in the process that children are copied from."""
        return bool(self._resque.hooks.any(HERE) or self.lent_pools)

    @property
    def lent_pools(self) -> list[LentPool]:
        """The pools of the clients of ``resque.lend``."""
        pools: list[LentPool] = self._resque.hooks.lent_pools
        return pools

    def end(self) -> None:
        """Note that they have been called: who lends a client from now on is too late."""
        self._resque.hooks.lending = True

    def run(self) -> list[str]:
        """Call them here; returns what is to be logged, a line each."""
        lent = len(self.lent_pools)
        lines = warm_up(self._resque.hooks.functions(HERE), self._close)
        if len(self.lent_pools) > lent:
            lines.append(
                "resque.lend was called by a function of @resque.warm_up, which is too late: call it where the application is imported"
            )
        return lines

    @property
    def in_child(self) -> Callable[[], None] | None:
        """What calls the functions of children, each once; None if there are none."""
        return self._begin_child if self._resque.hooks.any(IN_CHILD) else None

    def _begin_child(self) -> None:
        for function in self._resque.hooks.functions(IN_CHILD):
            if fault := called(function):
                cheap_fork.notes.append(f"{_name(function)} {fault}")

    def connect(self) -> None:
        """Open Resque's own connection, use it and close it, so that it costs children less; where it cannot be, do nothing."""
        called(self._use_redis, CONNECTING, ROUNDS)

    def _use_redis(self) -> None:
        driver = self._resque.driver
        server = getattr(driver, "server", None)
        if server is None or server.find_blocks:
            return  # a client of the user's own; and no Sentinel or provider is asked for this
        try:  # noqa: SIM105 - contextlib stays unloaded
            self._resque.redis.get("warm_up")
        except RedisCommandError:
            pass  # this user may not read that
        driver.close()
        driver.prepare()

    def _close(self) -> None:
        """Close Resque's own connection, if there is one, and those that a lent client has opened because none could be lent."""
        if "driver" in vars(self._resque):
            self._resque.driver.close()
        for lent in self.lent_pools:
            lent.pool.disconnect()


def warm_up(
    functions: Iterable[Callable[[], Any]], close: Callable[[], None], rounds: int = ROUNDS
) -> list[str]:
    """Call each function so many times; returns what is to be logged, a line each. Raises nothing.

    ``close`` is called after each call: it closes the connection of Resque's own, which the function may have used.
    """
    lines: list[str] = []
    until = monotonic() + LIMIT
    for function in functions:
        before = _left()
        fault = called(function, until - monotonic(), rounds, close)
        lines += [
            f"@resque.warm_up: {_name(function)} {what}"
            for what in (fault, *_left_behind(before))
            if what
        ]
        flush()
    return lines


def called(
    function: Callable[[], Any],
    seconds: float = LIMIT,
    rounds: int = 1,
    then: Callable[[], None] | None = None,
    limit: float | None = None,
) -> str:
    """Call a function until it has run often enough; what went wrong, in words. ``limit``: the seconds that it had, if not LIMIT."""
    if seconds <= 0:
        return f"is not called: those before it took {LIMIT:g} s"
    enough = monotonic() + ENOUGH
    stop_timer = _start_timer(seconds)
    try:
        for _ in range(rounds):
            own(call_hook, function)
            if then is not None:
                then()
            if monotonic() > enough:
                break
    except TimeIsUp:
        return f"did not return within {limit or LIMIT:g} s, and is left out"
    except BaseException as error:  # noqa: BLE001 - the worker goes on without it
        return _raised(error)
    finally:
        stop_timer()
    return ""


def call_hook(function: Callable[[], Any]) -> None:
    """Call a function of the application's; an awaitable that it returns is awaited."""
    result = function()
    if result is not None and is_awaitable(result):
        import asyncio  # noqa: PLC0415 - heavy, and for those whose functions await

        async def awaited() -> None:
            await result

        asyncio.run(awaited())


def _start_timer(seconds: float) -> Callable[[], None]:
    """Raise TimeIsUp in this thread after so many seconds; returns what calls that off. Other threads than the first have no timer."""

    def fire(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
        raise TimeIsUp

    try:
        before = signal_handlers.take(signal.SIGALRM, fire)
    except ValueError:
        return _nothing
    signal_handlers.unblock(signal.SIGALRM)

    def stop() -> None:
        while True:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal_handlers.give_back(signal.SIGALRM, before)
            except TimeIsUp:
                continue
            return

    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    return stop


def _nothing() -> None:
    """There is no timer to call off."""


def _raised(error: BaseException) -> str:
    from pyresque.printable import one_line  # noqa: PLC0415 - for trouble alone
    from pyresque.user_errors import exception_name, text_of  # noqa: PLC0415 - as above

    return f"raised {exception_name(error)}: {one_line(text_of(error))}"


def _name(function: Callable[[], Any]) -> str:
    """The name of a function, with its module's; of any other object its class's."""
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


# -- what is left behind


def _left() -> tuple[set[str], set[Any]]:
    """The open sockets and the running threads of this process."""
    threading = sys.modules.get("threading")
    threads = set() if threading is None else set(threading.enumerate())
    return set(_sockets()), threads


def _sockets() -> Iterator[str]:
    try:
        names = os.listdir(DESCRIPTORS)  # noqa: PTH208 - pathlib stays unloaded
    except OSError:
        return
    for name in names:
        try:
            target = os.readlink(f"{DESCRIPTORS}/{name}")  # noqa: PTH115 - as above
        except OSError:
            continue  # closed meanwhile, or no link: only Linux tells
        if target.startswith("socket:"):
            yield target


def _left_behind(before: tuple[set[str], set[Any]]) -> Iterator[str]:
    """What a function has left, in words."""
    sockets, threads = _left()
    if more := len(sockets - before[0]):
        many = "a socket" if more == 1 else f"{more} sockets"
        yield f"leaves {many} open, which all children share: let it close what it opens"
    names = sorted(repr(thread.name) for thread in threads - before[1])
    if names:
        what = "the thread" if len(names) == 1 else "the threads"
        shown = ", ".join(names[:MOST_NAMED])
        if len(names) > MOST_NAMED:
            shown += f" and {len(names) - MOST_NAMED} more"
        yield f"leaves {what} {shown} running, which no child has: a lock that is held there is never released in a child"
