"""What a forked child does: it takes a job from its pipe, performs it, tells how it went, and ends; nothing climbs out.

Whatever a child touches for the first time it must be given a page of its own for: this is one straight path, which the fork
server has walked before it forks.
"""

from __future__ import annotations

import os
import struct
import sys
from time import perf_counter

from pyresque.errors import TermException
from pyresque.executor.fork import cheap_fork
from pyresque.executor.fork.cheap_fork import set_title
from pyresque.job_copies import leave, own
from pyresque.standard_streams import flush

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TypeAlias

    from pyresque.executor.fork.child_job import ChildOptions
    from pyresque.executor.fork.child_signals import ChildSignals
    from pyresque.executor.fork.shared_page import SharedPage

    #: Performs a job, given its queue and the bytes of its payload; without a queue they are a call ready to be made. False
    #: where its work was left undone.
    PerformJob: TypeAlias = Callable[[str | None, bytes], bool | None]

#: Bytes read at first, which the interpreter keeps room for, and at a time where there is more.
FIRST, PIECE = 479, 4096

#: What is told of a job's error where there is no memory left to look at it.
LAST_WORDS = b'["MemoryError", "memory is used up, so that no more can be told of the error", []]'

#: The exit status of a child in trouble.
FAILED = 1

#: How often a job that does nothing is performed before the first fork: the interpreter specializes code that ran some dozen times.
REHEARSALS = 64

# The frames in the pipes are laid by hand: what a general packer allocates for itself are pages that each child must be
# given, and that is what a fork costs. A job: bytes of its queue's name, of the process's title, of its payload, whether it is
# the last one, and whether a call stands in the payload's place; then all three.
JOB = struct.Struct("=III??")
# What is told: whether the child leaves, the seconds that the job took, bytes of its error, bytes of the names of modules that
# it loaded; then the error as JSON and the names, one a line.
RESULT = struct.Struct("=?dII")

#: What stands in an error's place where the work was left undone.
LEFT_UNDONE = b"[]"


def live(work: Callable[[], None], rules: ChildOptions) -> NoReturn:
    """The child's whole life, after ``work`` the end of the process."""
    status = FAILED
    try:
        if rules.group:
            os.setpgid(0, 0)
        work()
        if rules.run_at_exit:
            import atexit  # noqa: PLC0415 - for those who ask for it

            atexit._run_exitfuncs()  # noqa: SLF001 - the interpreter's own way; os._exit does not go through it
        flush()
        status = 0
    except BaseException as error:  # noqa: BLE001 - nobody else would ever hear of it
        status = complain(error)
    finally:
        leave(status)


def complain(error: BaseException) -> int:
    """Say what happened to a child outside its job: all its parent sees is its exit status, which this returns.

    An order is no trouble.
    """
    if isinstance(error, TermException):
        return 0
    import logging  # noqa: PLC0415 - hardly ever

    text = "a child came to grief outside its job"
    logging.getLogger("pyresque").error(text, exc_info=error)
    return FAILED


def serve(  # noqa: C901, PLR0912 - one path, for what it costs to leave it
    attempt: PerformJob,
    rules: ChildOptions,
    pipes: tuple[int, int],
    board: SharedPage,
    signals: ChildSignals,
) -> None:
    """Perform jobs until the last one, or until none is to come: the pipe is closed, or a TERM finds us idle.

    They come through ``pipes[0]``, how each ended goes out through ``pipes[1]``. What an attempt raises is the job's failure.
    That one has begun is said at the ``board``. ``signals`` are the child's by now.
    """
    taking, telling = pipes
    known = len(sys.modules)
    while True:
        try:
            heard = os.read(taking, FIRST)
            if not heard:
                return
            queue_size, title_size, raw_size, last, ready = JOB.unpack_from(heard)
            named = JOB.size + queue_size
            cut = named + title_size
            if len(heard) < cut + raw_size:
                heard = rest(taking, heard, cut + raw_size)
                if not heard:
                    return
        except TermException:
            return
        if title_size:
            set_title(heard[named:cut].decode("utf-8", "surrogateescape"))
        queue = None if ready else heard[JOB.size : named].decode("utf-8", "surrogateescape")
        error = names = b""
        started = perf_counter()
        try:
            board.begin(signals.place)
            if own(attempt, queue, heard[cut:]) is False:
                error = LEFT_UNDONE
        except BaseException as raised:  # noqa: BLE001 - a job may raise anything; it is all recorded
            error = told(raised)
        seconds = perf_counter() - started
        if rules.most_memory is not None and resident() > rules.most_memory:
            last = True
        if len(sys.modules) != known:
            names = cheap_fork.modules_since(known).encode("utf-8", "replace")
            known = len(sys.modules)
        signals.spend()
        try:
            tell(telling, seconds, error, names, leaving=last)
        except OSError:
            if error:
                raise
            board.finish(
                signals.place
            )  # the job has closed the pipe; a parent that finds us gone looks there
            return
        if last:
            return
        signals.take()


def rest(taking: int, heard: bytes, size: int) -> bytes:
    """Read on until there are so many bytes; nothing where the pipe is closed before. Pieces are joined once."""
    pieces, missing = [heard], size - len(heard)
    while missing > 0:
        piece = os.read(taking, max(PIECE, missing))
        if not piece:
            return b""
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def tell(telling: int, seconds: float, error: bytes, names: bytes, *, leaving: bool) -> None:
    """Tell the parent how a job went."""
    frame = RESULT.pack(leaving, seconds, len(error), len(names)) + error + names
    while frame:
        frame = frame[os.write(telling, frame) :]


def told(raised: BaseException) -> bytes:
    """The error of a job, as JSON; where memory is used up as much of it as can be told."""
    try:
        return _told(raised)
    except BaseException:  # noqa: BLE001, S110 - it is told below
        pass
    # The frames of the job hold what it had in memory.
    raised.__traceback__ = raised.__context__ = raised.__cause__ = None
    try:
        return _told(raised)
    except BaseException:  # noqa: BLE001 - there is nothing left to tell it with
        return LAST_WORDS


def _told(raised: BaseException) -> bytes:
    import json  # noqa: PLC0415 - for jobs that fail

    from pyresque.failure.report import report  # noqa: PLC0415 - as above

    error = report(raised)
    return json.dumps([error.exception, error.error, error.backtrace]).encode()


def resident() -> int:
    """Bytes of memory this process holds; its greatest so far where the system does not tell the present one."""
    try:
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - no pathlib in a child's short life
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource  # noqa: PLC0415 - only where there is no /proc

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
