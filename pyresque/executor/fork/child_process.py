"""What a child does: it reads a job from its pipe, performs it, writes a result, and exits. Runs in the child. Light.

Theory of operation. A child is forked by the fork server, or by the worker itself if a before_fork hook must see the job. It
has two pipes: through the first it reads job frames, through the second it writes result frames. ``serve_jobs`` is its main loop;
``run_child`` is around that and never returns: the process ends with ``os._exit``, so that no ``finally``, ``atexit`` or buffer of
the parent's code runs a second time.

How the worker learns what became of a job, whatever happens to the child:

- The child writes a result frame: the job ended, with this error or with none.
- The child exits without one, and its slot in the shared page says FINISHED: the job ended well, but the job had closed the pipe.
- The slot says STARTED: the process died during the job; the worker records a DirtyExit.
- The slot says WAITING: the process died before the job began; the job goes back into its queue.

What a child costs is the memory that it touches for the first time: each such page is copied. Therefore the code here is one
straight path, which the fork server has run REHEARSALS times before it forks; frames are packed by ``struct``, because msgpack and
pickle allocate; and whatever only some jobs need is imported in functions. What a child had to import it reports to the worker,
which has the fork server import it for later children.

Most jobs arrive as a call: the worker has read the JSON already, found the class plain (``job/plain.py``) and sends name and
arguments by marshal. Any other job arrives as its payload and is performed by an operation, with hooks and limits (``JobCall``).

A TERM ends an idle child, and the job of a child at work if TERM_CHILD is set (``child_signals.py``). All else that a job may
do to its process (exit, fork, close descriptors, change signals) ends in one of the four cases above.
"""

from __future__ import annotations

import marshal
import os
import struct
import sys
from errno import EBADF
from time import perf_counter

from pyresque.descriptors import mark
from pyresque.errors import TermException
from pyresque.executor.fork import cheap_fork
from pyresque.executor.fork.cheap_fork import set_title
from pyresque.executor.fork.job_call import JobCall
from pyresque.job_copies import leave, own
from pyresque.standard_streams import flush

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TypeAlias

    from pyresque.descriptors import Mark
    from pyresque.executor.fork.child_signals import ChildSignals
    from pyresque.executor.fork.shared_page import SharedPage
    from pyresque.job.hooks import WorkerHooks
    from pyresque.settings import Settings

    #: Performs a job, given its queue and payload; without a queue the bytes are a call. False if its work was left undone.
    PerformJob: TypeAlias = Callable[[str | None, bytes], bool | None]

#: Bytes of the first read, a size that the interpreter's allocator reuses, and bytes of each further read.
FIRST, PIECE = 479, 4096

#: The result if no memory is left to describe the job's error.
OUT_OF_MEMORY = (
    b'["MemoryError", "memory is used up, so that no more can be told of the error", []]'
)

#: Seconds that a child may take to end after its last job; then it is killed. Its child_exit hooks have less (``child_end.py``).
LINGER = 5.0

#: The exit status of a child that failed outside its job.
FAILED = 1

#: How often a job that does nothing is performed before the first fork: the interpreter specializes code that ran some dozen times.
REHEARSALS = 64

# A job frame: bytes of the queue's name, of the process title, of the payload; whether it is the last job; whether a call stands
# in the payload's place. Then name, title and payload.
JOB = struct.Struct("=III??")
# A result frame: whether the child leaves, the seconds that the job took, bytes of its error, bytes of the names of the modules
# that it imported. Then the error as JSON, and the names, one a line. Where plugins write something at the job's end, HAS_END and
# marshal's bytes of the error and of that (``job/job_end.py``) stand in the error's place.
RESULT = struct.Struct("=?dII")

#: In the place of an error: a hook or a middleware left the work undone.
LEFT_UNDONE = b"[]"

#: In the place of an error, before the error and what is written at the job's end.
HAS_END = b"\0"


def run_child(work: Callable[[], None], options: ChildOptions) -> NoReturn:
    """Run ``work``, then end the process."""
    status = FAILED
    try:
        if options.group:
            os.setpgid(0, 0)
        if options.begin is not None:
            options.begin()
        work()
        if options.end is not None:
            options.end()
        if options.run_at_exit:
            import atexit  # noqa: PLC0415 - by a setting

            atexit._run_exitfuncs()  # noqa: SLF001 - the interpreter's own way; os._exit does not go through it
        flush()
        status = 0
    except BaseException as error:  # noqa: BLE001 - nobody else would ever see it
        status = log_failure(error)
    finally:
        leave(status)


class WorkerGoneError(Exception):
    """A job has failed, with the error that the argument holds as JSON, and its worker is no longer there to be told."""


def log_failure(error: BaseException) -> int:
    """Log an error of a child outside its job; returns the exit status, which is all that its parent sees."""
    if isinstance(error, TermException):
        return 0
    import logging  # noqa: PLC0415 - hardly ever

    log = logging.getLogger("pyresque")
    if isinstance(error, WorkerGoneError):
        log.error("%s", _untold(*error.args))
    else:
        log.error("a child failed outside its job", exc_info=error)
    return FAILED


def _untold(error: bytes) -> str:
    import json  # noqa: PLC0415 - as above

    from pyresque.printable import one_line  # noqa: PLC0415 - as above

    said = ": ".join(map(str, json.loads(error)[:2])) or "its work was left undone"
    return f"the worker of a job is gone, so another one records it, without its error: {one_line(said)}"


def serve_jobs(  # noqa: C901 - one path, for what it costs to leave it
    job_call: PerformJob,
    options: ChildOptions,
    pipes: tuple[int, int],
    page: SharedPage,
    signals: ChildSignals,
) -> None:
    """Perform the jobs that come through ``pipes[0]`` and write their results to ``pipes[1]``.

    Returns after the last job, when the pipe is closed, or when a TERM comes between two jobs. What ``job_call`` raises is the
    job's failure. The handlers of ``signals`` are installed.
    """
    job_pipe, result_pipe = pipes
    known, pipe_mark = len(sys.modules), mark(result_pipe)
    while True:
        try:
            frame = os.read(job_pipe, FIRST)
            if not frame:
                return
            queue_size, title_size, raw_size, last, is_call = JOB.unpack_from(frame)
            queue_end = JOB.size + queue_size
            title_end = queue_end + title_size
            if len(frame) < title_end + raw_size:
                frame = read_up_to(job_pipe, frame, title_end + raw_size)
                if not frame:
                    return
        except TermException:
            return
        if title_size:
            set_title(frame[queue_end:title_end].decode("utf-8", "surrogateescape"))
        queue = None if is_call else frame[JOB.size : queue_end].decode("utf-8", "surrogateescape")
        error = names = b""
        started = perf_counter()
        try:
            page.set_started(signals.slot)
            if own(job_call, queue, frame[title_end:]) is False:
                error = LEFT_UNDONE
        except BaseException as raised:  # noqa: BLE001 - a job may raise anything; it is all recorded
            error = error_json(raised)
        seconds = perf_counter() - started
        if options.most_memory is not None and resident_memory() > options.most_memory:
            last = True
        if len(sys.modules) != known or cheap_fork.notes:
            names = cheap_fork.modules_since(known).encode("utf-8", "replace")
            known = len(sys.modules)
        signals.end_job()
        if not tell(job_call, result_pipe, pipe_mark, seconds, error, names, leaving=last):
            page.set_finished(signals.slot)
            return
        if last:
            return
        signals.take()


def read_up_to(pipe: int, frame: bytes, size: int) -> bytes:
    """Read until there are ``size`` bytes; returns none if the pipe closes before. Pieces are joined once."""
    pieces, missing = [frame], size - len(frame)
    while missing > 0:
        piece = os.read(pipe, max(PIECE, missing))
        if not piece:
            return b""
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def tell(
    job_call: PerformJob,
    pipe: int,
    pipe_mark: Mark | None,
    seconds: float,
    error: bytes,
    names: bytes,
    *,
    leaving: bool,
) -> bool:
    """Write the result of a job, with what its plugins write at its end. False if the pipe is closed, and the job ended well.

    A job may have closed the pipe and opened something of its own under that number: then the pipe has not the mark it had.
    Then the worker, which finds this process gone, looks at the page. If it is the job that has closed the pipe, what its plugins
    write is written here; if the worker is gone, whoever prunes it decides that.
    """
    end = job_call.taken_end() if type(job_call) is JobCall else None
    told = error if end is None else HAS_END + marshal.dumps((error, end.packed()))
    try:
        _check(pipe, pipe_mark)
        send_result(pipe, seconds, told, names, leaving=leaving)
    except OSError as closed:
        if error and type(closed) is BrokenPipeError:
            raise WorkerGoneError(error) from None
        if error:
            raise
        if end is not None and type(job_call) is JobCall and type(closed) is not BrokenPipeError:
            job_call.carry_out(end)
        return False
    return True


def _check(pipe: int, pipe_mark: Mark | None) -> None:
    """Raise OSError for another descriptor than the pipe."""
    if mark(pipe) != pipe_mark:
        raise OSError(EBADF, "the job has closed the pipe")


def send_result(pipe: int, seconds: float, error: bytes, names: bytes, *, leaving: bool) -> None:
    """Write a result frame. Raises OSError if the pipe is closed."""
    frame = RESULT.pack(leaving, seconds, len(error), len(names)) + error + names
    while frame:
        frame = frame[os.write(pipe, frame) :]


def error_json(raised: BaseException) -> bytes:
    """The error of a job as JSON: name, text, backtrace; as much of it as there is memory for."""
    try:
        return _error_json(raised)
    except BaseException:  # noqa: BLE001, S110 - tried again below
        pass
    # The frames of the job hold what it had in memory.
    raised.__traceback__ = raised.__context__ = raised.__cause__ = None
    try:
        return _error_json(raised)
    except BaseException:  # noqa: BLE001 - there is no memory left to write it
        return OUT_OF_MEMORY


def _error_json(raised: BaseException) -> bytes:
    import json  # noqa: PLC0415 - for jobs that fail

    from pyresque.failure.report import report  # noqa: PLC0415 - as above

    error = report(raised)
    return json.dumps([error.exception, error.error, error.backtrace]).encode()


def resident_memory() -> int:
    """Bytes of memory that this process holds; its maximum so far if there is no /proc."""
    try:
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - pathlib stays unloaded
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource  # noqa: PLC0415 - only if there is no /proc

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


class ChildOptions:
    """What the settings say of children.

    term_child: a TERM ends the job. trusted_only: only a TERM that the worker sent does. run_at_exit: atexit functions run.
    most_memory: bytes from which a child takes no further job. group: each child leads a process group.
    begin, end: what each child calls first and last; the process that forks sets them.
    """

    __slots__ = (
        "begin",
        "end",
        "group",
        "most_memory",
        "run_at_exit",
        "term_child",
        "trusted_only",
    )

    def __init__(
        self,
        *,
        term_child: bool = False,
        trusted_only: bool = False,
        run_at_exit: bool = False,
        most_memory: int | None = None,
        group: bool = False,
    ) -> None:
        self.begin: Callable[[], None] | None = None
        self.end: Callable[[], None] | None = None
        self.term_child = term_child
        self.trusted_only = trusted_only
        self.run_at_exit = run_at_exit
        self.most_memory = most_memory
        self.group = group

    def end_with(self, hooks: WorkerHooks) -> None:
        """Have children call the functions of ``@resque.child_exit``, if there are any."""
        functions = hooks.functions("child_exit")
        if not functions:
            return
        from pyresque.executor.fork.child_end import call_all  # noqa: PLC0415 - for those who have such a hook

        self.end = lambda: call_all(functions)

    @classmethod
    def of(cls, settings: Settings) -> ChildOptions:
        """The options of a worker with these settings."""
        memory = settings.max_child_memory
        return cls(
            term_child=settings.term_child,
            trusted_only=settings.graceful_term or settings.pre_shutdown_timeout > 0,
            run_at_exit=settings.run_at_exit_hooks,
            most_memory=None if memory is None else memory * 2**20,
            group=settings.process_group,
        )
