"""What a forked child does: it takes a job from its pipe, performs it, tells how it went, and ends; nothing climbs out."""

from __future__ import annotations

import atexit
import json
import logging
import os
import struct
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from setproctitle import setproctitle

from pyresque.errors import TermException
from pyresque.executor import late
from pyresque.executor.base import DONE, Outcome
from pyresque.failure.report import report
from pyresque.store.queues import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.executor.board import Board
    from pyresque.executor.child_signals import ChildSignals

log = logging.getLogger("pyresque")

#: Bytes read at a time.
PIECE = 4096

# The frames in the pipes are laid by hand: what a general packer allocates for itself are pages that each child must be
# given, and that is what a fork costs. A job: bytes of its queue's name, of the process's title, of its payload, whether it is the last
# one, and whether a call stands in the payload's place; then all three.
JOB = struct.Struct("=III??")
# What is told: whether the child leaves, the seconds that the job took, bytes of its error; then that as JSON.
TOLD = struct.Struct("=?dI")

_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True, slots=True)
class Rules:
    """How children live: their signals, whether atexit functions run, the memory (bytes) from which one gives up.

    ``unloaded`` are the parts of pyresque that the parent does without, as long as no job uses them.
    """

    term_child: bool = False
    patient: bool = False
    run_at_exit: bool = False
    most_memory: int | None = None
    unloaded: tuple[str, ...] = ()


#: Performs a job, given its queue and the bytes of its payload; without a queue they are a call ready to be made.
Attempt: TypeAlias = "Callable[[str | None, bytes], None]"


def live(
    attempt: Attempt,
    rules: Rules,
    pipes: tuple[int, int],
    board: Board,
    signals: ChildSignals,
) -> NoReturn:
    """The child's whole life: jobs come through ``pipes[0]``, how each ended goes out through ``pipes[1]``.

    What an attempt raises is the job's failure. That one has begun is said at the ``board``. ``signals`` are the child's by now.
    """
    taking, telling = pipes
    try:
        last = False
        while not last:
            given = _next_job(taking)
            if given is None:
                break
            queue, raw, last = given
            started = time.perf_counter()
            try:
                board.begin(signals.place)
                attempt(queue, raw)
                outcome = DONE
            except BaseException as error:  # noqa: BLE001 - a job may raise anything; it is all recorded
                outcome = Outcome(report=report(error))
            last = last or _grown(rules)
            if late.used(rules.unloaded):
                board.want()
            signals.spend()
            _tell(telling, outcome, time.perf_counter() - started, leaving=last)
            if not last:
                signals.take()
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


def _next_job(taking: int) -> tuple[str | None, bytes, bool] | None:
    """The next job, or None where there is none to come: the pipe is closed, or a TERM found us idle."""
    try:
        heard = os.read(taking, PIECE)
        if not heard:
            return None
        queue_size, title_size, raw_size, last, ready = JOB.unpack_from(heard)
        size = JOB.size + queue_size + title_size + raw_size
        while len(heard) < size:
            piece = os.read(taking, max(PIECE, size - len(heard)))
            if not piece:
                return None
            heard += piece
        named = JOB.size + queue_size
        cut = named + title_size
        if title_size:
            setproctitle(text(heard[named:cut]))
        return None if ready else text(heard[JOB.size : named]), heard[cut:], last
    except TermException:
        return None


def _tell(telling: int, outcome: Outcome, seconds: float, *, leaving: bool) -> None:
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
