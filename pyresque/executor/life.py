"""What a forked child does: it takes a job from its pipe, performs it, tells how it went, and ends; nothing climbs out."""

from __future__ import annotations

import atexit
import json
import logging
import os
import signal
import struct
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NoReturn

try:
    # Python's own, below the one that makes enumerations of all it takes and gives: a child in a hurry has no use for them.
    from _signal import signal as _set  # type: ignore[import-not-found]  # no stub: it is Python's own affair
except ImportError:
    from signal import signal as _set

from pyresque.errors import TermException
from pyresque.executor.base import DONE, Outcome
from pyresque.failure.report import report
from pyresque.store.queues import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

    from pyresque.executor.board import Board

log = logging.getLogger("pyresque")

#: The signals that order a worker about.
ORDERS = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCONT")
    if hasattr(signal, name)  # this module is loaded also where nothing can be forked
)

#: Bytes read at a time.
PIECE = 4096

# The frames in the pipes are laid by hand: what a general packer allocates for itself are pages that each child must be
# given, and that is what a fork costs. A job: bytes of its queue's name, of its payload, whether it is the last one; then both.
JOB = struct.Struct("=II?")
# What is told: whether the child leaves, the seconds that the job took, bytes of its error; then that as JSON.
TOLD = struct.Struct("=?dI")

_DEFAULT = int(signal.SIG_DFL)
_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True, slots=True)
class Rules:
    """How children live: their signals, whether atexit functions run, and the memory (bytes) from which one gives up.

    ``patient`` children heed a TERM of their parent alone: Heroku, and systemd unless told otherwise, send one to every
    process, which would end the job before its time.
    """

    term_child: bool = False
    patient: bool = False
    run_at_exit: bool = False
    most_memory: int | None = None


def live(
    attempt: Callable[[str, bytes], None],
    rules: Rules,
    pipes: tuple[int, int],
    here: tuple[Board, int],
    mask: Iterable[int] | None,
) -> NoReturn:
    """The child's whole life: jobs come through ``pipes[0]``, how each ended goes out through ``pipes[1]``.

    An attempt performs a job, given its queue and the bytes of its payload; what it raises is the job's failure. ``here``
    is where to say that one has begun; ``mask`` is what to go back to, the signals of ORDERS being held up until now (None:
    they are ignored until now).
    """
    taking, telling = pipes
    board, place = here
    heeds = partial(board.ordered, place) if rules.patient else None
    try:
        own_signals(term_child=rules.term_child, heeds=heeds)
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        last = False
        while not last:
            given = _next_job(taking)
            if given is None:
                break
            queue, raw, last = given
            started = time.perf_counter()
            try:
                board.begin(place)
                attempt(text(queue), raw)
                outcome = DONE
            except BaseException as error:  # noqa: BLE001 - a job may raise anything; it is all recorded
                outcome = Outcome(report=report(error))
            last = last or _grown(rules)
            _tell(telling, outcome, time.perf_counter() - started, leaving=last)
            if not last:
                own_signals(term_child=rules.term_child, heeds=heeds)
        if rules.run_at_exit:
            atexit._run_exitfuncs()  # noqa: SLF001 - the interpreter's own way; os._exit does not go through it
        sys.stdout.flush()
        sys.stderr.flush()
    except TermException:
        os._exit(0)
    except BaseException:
        # Nobody else would ever hear of it: all the parent sees is a child that did not begin.
        log.exception("a child came to grief outside its job")
    finally:
        os._exit(0)


def _next_job(taking: int) -> tuple[bytes, bytes, bool] | None:
    """The next job, or None where there is none to come: the pipe is closed, or a TERM found us idle."""
    try:
        heard = os.read(taking, PIECE)
        if not heard:
            return None
        queue_size, raw_size, last = JOB.unpack_from(heard)
        size = JOB.size + queue_size + raw_size
        while len(heard) < size:
            piece = os.read(taking, max(PIECE, size - len(heard)))
            if not piece:
                return None
            heard += piece
        cut = JOB.size + queue_size
        return heard[JOB.size : cut], heard[cut:], last
    except TermException:
        return None


def _tell(telling: int, outcome: Outcome, seconds: float, *, leaving: bool) -> None:
    # From here on a TERM comes too late to end the job.
    _set(signal.SIGTERM, _unmoved)
    error = outcome.report
    told = b""
    if error is not None:
        told = json.dumps([error.exception, error.error, error.backtrace]).encode()
    frame = TOLD.pack(leaving, seconds, len(told)) + told
    while frame:
        frame = frame[os.write(telling, frame) :]


def _grown(rules: Rules) -> bool:
    """Whether this process has grown beyond what is allowed."""
    return rules.most_memory is not None and resident() > rules.most_memory


def resident() -> int:
    """Bytes of memory this process holds; its greatest so far where the system does not tell the present one."""
    try:
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - no pathlib in a child's short life
            return int(statm.read().split()[1]) * _PAGE_SIZE
    except OSError:
        import resource  # noqa: PLC0415 - only where there is no /proc

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def own_signals(*, term_child: bool, heeds: Callable[[], bool] | None = None) -> None:
    """A child's signals. With TERM_CHILD the first TERM that it ``heeds`` is raised in the job, as in Ruby's child.

    Of all else it takes no notice: orders are its parent's to carry out, also when they were sent to every process of a
    container or a terminal. (Ruby's child, with TERM_CHILD, dies of them. Not SIG_IGN: what the job starts would inherit that.)
    """
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        _set(number, _unmoved)
    if term_child:
        _set(signal.SIGTERM, _raise_once if heeds is None else partial(_raise_ordered, heeds))
    else:
        _set(signal.SIGTERM, _unmoved)
    _set(signal.SIGCONT, _DEFAULT)
    _set(signal.SIGCHLD, _DEFAULT)


def _raise_once(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
    _set(signal.SIGTERM, _unmoved)
    raise TermException("SIGTERM")


def _raise_ordered(heeds: Callable[[], bool], number: int, frame: FrameType | None) -> None:
    if heeds():
        _raise_once(number, frame)


def _unmoved(number: int, frame: FrameType | None) -> None:
    """Take no notice."""
