"""The child of a shadow run: performs one copy inside the application's ``dry_run`` fixture, and tells what came of it."""

from __future__ import annotations

import errno
import json
import os
import selectors
import signal
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from inspect import isgeneratorfunction
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import JobOptionError
from pyresque.migrate import shadow_guard
from pyresque.migrate.shadow_call import shadowed
from pyresque.user_errors import as_raised, cut, exception_name, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.client import Resque
    from pyresque.job.job import Job

    #: What ``@resque.dry_run`` registers.
    Fixture = Callable[[Job], Any]

#: Characters of a text, bytes of output and of the child's report that are kept.
LONGEST: Final = 500
MOST_OUTPUT: Final = 4000
MOST_REPORT: Final = 1_000_000
READ: Final = 10_000

#: The option of prctl() that names the signal at the parent's death.
PR_SET_PDEATHSIG: Final = 1

#: Seconds between two looks at whether the child has ended.
LOOK: Final = 0.05

PERFORMED: Final = "performed"
FAILED: Final = "failed"
TIMED_OUT: Final = "timed out"
DIED: Final = "died"
FIXTURE: Final = "fixture failed"


@dataclass(slots=True)
class Outcome:
    """What came of one copy in Python. ``seconds`` are those of the handler alone."""

    outcome: str
    result: str | None = None
    exception: str | None = None
    error: str | None = None
    seconds: float | None = None
    enqueued: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    enqueues: int = 0
    refusals: int = 0
    output: str = ""

    @property
    def performed(self) -> bool:
        """Whether the handler returned."""
        return self.outcome == PERFORMED


def perform_copy(resque: Resque, job: Job, fixture: Fixture | None, timeout: float) -> Outcome:
    """Perform a copy in a child of its own; return what came of it. A child that takes longer than ``timeout`` is killed."""
    resque.close()  # the child connects by itself
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    report, telling = os.pipe()
    output, printing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(partial(_performed, resque, job, fixture), telling, printing)
    os.close(telling)
    os.close(printing)
    with suppress(OSError):  # the child does it, too; whoever comes first
        os.setpgid(pid, pid)
    try:
        return _awaited(pid, report, output, monotonic() + timeout, timeout)
    finally:
        _kill(pid)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
        os.close(report)
        os.close(output)


# -- in the parent


def _awaited(pid: int, report: int, output: int, deadline: float, timeout: float) -> Outcome:
    """Read what the child tells and prints until it ends, or until the deadline."""
    kept = {report: bytearray(), output: bytearray()}
    most = {report: MOST_REPORT, output: MOST_OUTPUT}
    with selectors.DefaultSelector() as selector:
        for pipe in kept:
            os.set_blocking(pipe, False)
            selector.register(pipe, selectors.EVENT_READ)
        status = None
        while status is None and monotonic() < deadline:
            if selector.get_map():
                for key, _ in selector.select(LOOK):
                    if not _take(key.fd, kept[key.fd], most[key.fd]):
                        selector.unregister(key.fd)
            else:  # the job has closed its pipes, and runs on
                sleep(LOOK)
            ended, code = os.waitpid(pid, os.WNOHANG)
            status = code if ended else None
    _kill(pid)  # what the job has forked holds the pipes
    for pipe, value in kept.items():
        for _ in range(MOST_REPORT // READ):
            if not _take(pipe, value, most[pipe], once=False):
                break
    told = _told(bytes(kept[report]))
    if told is None:
        told = _ended(status, timeout)
    told.output = kept[output].decode("utf-8", "replace")
    return told


def _take(pipe: int, kept: bytearray, most: int, *, once: bool = True) -> bool:
    """Read what there is; False at the end of the pipe, and without ``once`` also if there is nothing now."""
    try:
        found = os.read(pipe, READ)
    except BlockingIOError:
        return once
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return False
    kept += found[: max(0, most - len(kept))]
    return bool(found)


def _told(raw: bytes) -> Outcome | None:
    """Return what the child told; None if that is nothing, or not all."""
    try:
        found = json.loads(raw)
        return Outcome(**found) if isinstance(found, dict) else None
    except (ValueError, TypeError):
        return None


def _ended(status: int | None, timeout: float) -> Outcome:
    if status is None:
        return Outcome(TIMED_OUT, error=f"killed after {timeout:g} s")
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return Outcome(DIED, error=f"its process was ended by signal {number}")
    return Outcome(DIED, error=f"its process ended with code {os.WEXITSTATUS(status)}")


def _kill(pid: int) -> None:
    """Kill the child with whatever it has forked."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


# -- in the child


def _die_with_parent() -> None:
    """Have Linux kill this process when its parent is killed, which could not do it then."""
    import ctypes  # noqa: PLC0415 - in the child alone

    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _child(perform: Callable[[], Outcome], telling: int, printing: int) -> None:
    """Perform, tell, and end; never return."""
    try:
        with suppress(OSError):
            os.setpgid(0, 0)
        _die_with_parent()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(printing, 1)
        os.dup2(printing, 2)
        sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - a descriptor, until the end
        sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - as above
        raw = json.dumps(asdict(perform())).encode()
        while raw:
            raw = raw[os.write(telling, raw) :]
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
    finally:
        os._exit(0)


def _performed(resque: Resque, job: Job, fixture: Fixture | None) -> Outcome:
    """Perform the job inside the fixture; never raise."""
    notes = shadow_guard.install()
    handled: Outcome | None = None
    failure: BaseException | None = None
    try:
        with nullcontext() if fixture is None else _entered(fixture, job):
            handled, failure = _handled(resque, job)
            if failure is not None:
                raise failure  # noqa: TRY301 - the fixture is to see it
    except BaseException as error:  # noqa: BLE001 - user code
        raised = as_raised(error)
        if handled is None or raised is not failure:
            text = cut(text_of(raised), LONGEST)
            handled = Outcome(FIXTURE, None, exception_name(raised), text)
    assert handled is not None  # noqa: S101 - else the fixture raised
    handled.enqueued, handled.enqueues = notes.enqueued, notes.enqueues
    handled.refused, handled.refusals = notes.refused, notes.refusals
    return handled


def _entered(fixture: Fixture, job: Job) -> AbstractContextManager[Any]:
    """Return the fixture's context manager: a generator function is made one."""
    found = contextmanager(fixture)(job) if isgeneratorfunction(fixture) else fixture(job)
    if not hasattr(found, "__enter__"):
        raise JobOptionError(
            f"the dry_run fixture gave {type(found).__name__}: it must be a generator function, or return a context manager"
        )
    entered: AbstractContextManager[Any] = found
    return entered


def _handled(resque: Resque, job: Job) -> tuple[Outcome, BaseException | None]:
    """Call the handler; return what came of it, and the error that it raised."""
    began = monotonic()
    try:
        result = resque.run(shadowed(resque.core, job))
    except BaseException as error:  # noqa: BLE001 - user code
        seconds, raised = monotonic() - began, as_raised(error)
        text = cut(text_of(raised), LONGEST)
        return Outcome(FAILED, None, exception_name(raised), text, seconds), raised
    return Outcome(PERFORMED, _shown(result), seconds=monotonic() - began), None


def _shown(result: object) -> str | None:
    """Return a result as text; a result's own ``__repr__`` may raise."""
    if result is None:
        return None
    try:
        return cut(repr(result), LONGEST)
    except Exception as error:  # noqa: BLE001 - user code
        return f"a {type(result).__name__}, whose repr raised {type(error).__name__}"
