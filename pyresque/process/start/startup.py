"""Stage 2 of a start: from the options of a command line to a worker or a pool at work. Light.

``cli/reexec.py`` starts this module in a fresh interpreter. The module loads little by itself: the fork server must be made before
the worker's own modules are loaded, because every child copies what the fork server has in memory.
"""

from __future__ import annotations

import marshal
import os
import sys

from pyresque import signal_handlers
from pyresque.errors import (
    ConnectionFault,
    NoQueueError,
    NothingToPerform,
    PyresqueError,
    RedisUnavailable,
    WrongKey,
)
from pyresque.printable import one_line
from pyresque.process.start.load_app import load_application
from pyresque.settings import TOGETHER, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from pyresque.client import Resque
    from pyresque.executor.fork.early_server import EarlyServer
    from pyresque.executor.fork.job_call import JobNeeds

NO_QUEUE = (
    "no queue to work on: set the QUEUE env var, or give -q, e.g. `QUEUE=critical,high pyresque worker -A ...` "
    "or `pyresque worker -A ... -q critical,high` (-q '*' takes every queue)"
)

#: The modules that perform jobs with hooks, limits or middleware.
GENERAL = "pyresque.job.perform\npyresque.core\npyresque.driver.sync"

#: Hooks that run in the worker before it forks. Children must find what these hooks did, so the worker makes the fork server.
BEFORE = ("before_first_fork", "before_fork")

#: Settings that only these executors read.
ONLY_FORK = (
    "fork_ahead",
    "jobs_per_child",
    "minutes_per_child",
    "max_child_memory",
    "run_at_exit_hooks",
    "process_group",
)
NOT_INLINE = ("term_timeout", "pre_shutdown_timeout")

#: The exit code after Ctrl-C: SIGINT's, as a shell gives it.
INTERRUPTED = 130

#: Seconds that threads left running by jobs are given to end, after the worker has unregistered.
LINGER = 5.0


def main(start_request: str) -> NoReturn:
    """Run the function of this module that ``cli/reexec.py`` names, and exit.

    An error becomes one line on standard error and an exit code: 2 for bad usage, 1 for anything else.
    """
    function, options, more = marshal.loads(bytes.fromhex(start_request))  # noqa: S302 - this very process has written it
    status = 0
    try:
        globals()[function](options, **more)
    except (PyresqueError, OSError) as error:
        sys.stderr.write(f"pyresque: {one_line(str(error))}\n")
        status = getattr(error, "exit_code", 1)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BaseException:
        exit_despite_threads(1)
        raise
    exit_despite_threads(status)
    sys.exit(status)


def start_worker(options: Mapping[str, Any], *, burst: bool) -> None:
    """Load the application, fork the fork server, look for Redis, work until a signal stops the worker.

    Raises PyresqueError, OSError.
    """
    handle_signals_while_starting()
    resque = load_application(options)
    settings = resque.settings
    if not settings.queues:
        faults = (NO_QUEUE, _misspelt_queue(os.environ), nothing_to_perform(resque))
        raise NoQueueError("; ".join(fault for fault in faults if fault))
    require_jobs(resque)
    if settings.count > 1 and settings.executor not in TOGETHER and hasattr(os, "fork"):
        _set_up_logging(resque)
        known = _look_for_redis(resque, "worker")
        from pyresque.process.run.pool import run_pool

        counts = {",".join(settings.queues): settings.count}
        run_pool(resque, lambda: counts, burst=burst, known=known)
        return
    server = fork_early(resque)
    try:
        _set_up_logging(resque)
        known = _look_for_redis(resque, "worker")
        from pyresque.process.run.worker import run_worker

        run_worker(resque, burst=burst, early_server=server, known=known)
    finally:
        if server is not None:
            server.close()


def start_pool(
    options: Mapping[str, Any],
    *,
    config: str | None,
    environment: str | None,
    pool_options: Mapping[str, Any],
    burst: bool,
) -> None:
    """Load the application, read resque-pool's file, keep the workers it wants until a signal stops the master.

    Raises PyresqueError, OSError.
    """
    from functools import partial
    from pathlib import Path

    from pyresque.process.pool.file import default_file, read_pool
    from pyresque.process.run.pool import PoolOptions, run_pool

    handle_signals_while_starting()
    resque = load_application(options)
    require_jobs(resque)
    path = Path(config) if config else default_file(os.environ, Path())
    settings = resque.settings
    section = environment or settings.pool_environment or settings.environment
    wanted = partial(read_pool, path, section)
    _set_up_logging(resque)
    counts = wanted()
    if not any(counts.values()):
        _warn("%s wants no workers; they come when it is changed and HUP sent", path)
    known = _look_for_redis(resque, "pool")
    run_pool(resque, wanted, PoolOptions(**pool_options), burst=burst, counts=counts, known=known)


def fork_early(resque: Resque) -> EarlyServer | None:
    """Fork the fork server now, while little more than the application is loaded.

    None with another executor, and if the worker must fork it later: with hooks that run before a fork, as a daemon (which is
    another process than this one), and if fork() failed (the worker tries again and reports it).
    """
    settings = resque.settings
    hooks_first = any(resque.hooks.any(name) for name in BEFORE)
    can_fork = hasattr(os, "fork")
    if settings.executor != "fork" or settings.background or hooks_first or not can_fork:
        return None
    from pyresque.executor.fork import cheap_fork
    from pyresque.executor.fork.child_process import ChildOptions
    from pyresque.executor.fork.early_server import start_early
    from pyresque.executor.fork.job_call import JobCall
    from pyresque.executor.fork.shared_page import SharedPage
    from pyresque.executor.fork.warm_up import WarmUps
    from pyresque.job.plain import any_general

    page = SharedPage()
    resque.registry.worker = os.getpid(), settings.queues
    resque.stop_flag.follow(lambda: page.stopping)
    active_jobs = resque.active_job_classes
    if any_general(resque.registry, resque.hooks, active_jobs):
        cheap_fork.prepare(GENERAL)

    def needs() -> JobNeeds:
        core = resque.core
        return core.registry, core.codec

    try:
        job_call = JobCall(resque.registry, resque.hooks, needs, lambda: resque.driver, active_jobs)
        return start_early(job_call, ChildOptions.of(settings), page, resque.close, WarmUps(resque))
    except OSError:
        return None


def handle_signals_while_starting() -> None:
    """Let QUIT and TERM end the first process of a container (pid 1) while it starts.

    The kernel drops signals for which pid 1 has no handler. Without this one, a TERM that arrives while the application is
    imported would be lost, and the container would later be killed in the middle of a job.
    """
    if os.getpid() == 1 and hasattr(os, "fork"):
        import signal

        signal_handlers.take(signal.SIGQUIT, _exit_at_once)
        signal_handlers.take(signal.SIGTERM, _exit_at_once)


def require_jobs(resque: Resque) -> None:
    """Raise NothingToPerform if the application registers no job."""
    nothing = nothing_to_perform(resque)
    if nothing:
        raise NothingToPerform(nothing)


def nothing_to_perform(resque: Resque) -> str:
    """The message for an application that registers no job; empty if it registers one."""
    if resque.registered or any(resque.core.active_job_classes):
        return ""
    app = resque.settings.app
    if app:
        return f"-A {app!r} registers no job: decorate what it performs with @resque.job"
    return "no jobs to perform: -A module:attribute (or PYRESQUE_APP) names the application whose jobs to perform"


def without_effect(settings: Settings) -> list[str]:
    """The settings that were changed although the chosen executor does not read them."""
    unread = () if settings.executor == "fork" else ONLY_FORK
    if settings.executor == "inline":
        unread = (*unread, *NOT_INLINE)
    return [name for name in unread if getattr(settings, name) != Settings.ROWS[name].default]


def exit_despite_threads(status: int) -> None:
    """Have the process end with this status although a thread never ends, for which the interpreter would wait.

    Call it last, and exit afterwards as usual. The functions of ``atexit`` run in either case.
    """
    import atexit
    import logging
    import threading

    from pyresque.job_copies import leave
    from pyresque.standard_streams import flush

    others = [one for one in threading.enumerate() if one is not threading.current_thread()]
    if not others:
        return
    over = threading.Event()
    atexit.register(
        over.set
    )  # functions of atexit run in reverse order, after the interpreter has waited for its threads

    def watch() -> None:
        if over.wait(LINGER):
            return
        names = ", ".join(one.name for one in others if one.is_alive())
        logging.getLogger("pyresque").warning(
            "the process ends without the threads that jobs have left running: %s", names
        )
        try:
            atexit._run_exitfuncs()  # noqa: SLF001 - os._exit() does not call them
        finally:
            flush()
            leave(status)

    threading.Thread(target=watch, name="end", daemon=True).start()


def _misspelt_queue(environ: Mapping[str, str]) -> str | None:
    """A hint at a variable whose name is nearly QUEUE."""
    from difflib import get_close_matches

    others = [name for name in environ if name not in {"QUEUE", "QUEUES"}]
    near = get_close_matches("QUEUE", others, n=1, cutoff=0.8)
    return f"nothing reads the variable {near[0]}: did you mean QUEUE?" if near else None


def _look_for_redis(resque: Resque, process: str) -> list[str] | None:
    """Read the names of the queues: None if Redis is away (the process waits for it) or ``queues`` is not a set.

    Raises ConnectionFault for what is configured wrongly.
    """
    try:
        known = resque.run(resque.core.table.check_namespace())
        _warn_of_routes(resque)
        return known  # noqa: TRY300 - what follows is for errors
    except ConnectionFault:
        raise
    except WrongKey as error:
        _warn("%s; the %s goes on without what should stand there", error, process)
        return None
    except RedisUnavailable as error:
        _warn("%s; the %s waits for it", error, process)
        return None


def _warn_of_routes(resque: Resque) -> None:
    """Warn if there is a routing table, but workers take the jobs of every class."""
    if resque.settings.selective:
        return
    from pyresque.ops import Command, answer

    table = resque.core.keys.routes
    if resque.run(answer(Command(("EXISTS", table)))):
        _warn(
            "there is a routing table (%s), but this process takes the jobs of every class in its queues: "
            "start it with --only-registered to leave to Ruby what is Ruby's",
            table,
        )


def _set_up_logging(resque: Resque) -> None:
    """Send the log where the settings say, and warn of settings that have no effect."""
    from pyresque.process.start import log_format

    log_format.set_up(resque.settings)
    unread = without_effect(resque.settings)
    if unread:
        _warn("no effect with executor %s: %s", resque.settings.executor, ", ".join(unread))


def _warn(text: str, *values: object) -> None:
    import logging

    logging.getLogger("pyresque").warning(text, *values)


def _exit_at_once(_number: int, _frame: object) -> NoReturn:
    """Exit if no job has begun. An application that catches SystemExit at its import cannot stop this."""
    os._exit(0)
