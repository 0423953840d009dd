"""A worker or a pool begun from what was given on a command line: the application loaded, checks made, then work.

The command line itself runs this anew in the same process (``cli/reexec.py``): what it had loaded to read the line is then
nowhere in the memory that each forked child would have to be given. Nor is what a worker itself needs: that is loaded after the
fork server has been made.
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
from pyresque.process.start.load_app import load_application
from pyresque.process.verdict import BAD_USAGE, FAILED, is_misuse, one_line
from pyresque.settings import TOGETHER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn

    from pyresque.client import Resque

NO_QUEUE = (
    "no queue to work on: set the QUEUE env var, or give -q, e.g. `QUEUE=critical,high pyresque worker -A ...` "
    "or `pyresque worker -A ... -q critical,high` (-q '*' takes every queue)"
)


def start_worker(given: Mapping[str, Any], *, burst: bool) -> None:
    """Work as these settings say, until told to stop. Raises PyresqueError, OSError."""
    handle_signals_while_starting()
    resque = load_application(given)
    settings = resque.settings
    if not settings.queues:
        told = (NO_QUEUE, _misspelt_queue(os.environ), nothing_to_perform(resque))
        raise NoQueueError("; ".join(part for part in told if part))
    has_jobs(resque)
    if settings.count > 1 and settings.executor not in TOGETHER and hasattr(os, "fork"):
        _log_as(resque)
        known = _look_for_redis(resque, "worker")
        from pyresque.process.run.pool import run_pool  # noqa: PLC0415 - a single worker has no use for it

        counts = {",".join(settings.queues): settings.count}
        run_pool(resque, lambda: counts, burst=burst, known=known)
        return
    seed = None
    if settings.executor == "fork":
        from pyresque.process.start.early_server import fork_early  # noqa: PLC0415 - for those who fork

        seed = fork_early(resque)
    try:
        _log_as(resque)
        known = _look_for_redis(resque, "worker")
        from pyresque.process.run.worker import run_worker  # noqa: PLC0415 - after the fork server was made

        run_worker(resque, burst=burst, seed=seed, known=known)
    finally:
        if seed is not None:
            seed.close()


def start_pool(
    given: Mapping[str, Any],
    *,
    config: str | None,
    environment: str | None,
    manner: Mapping[str, Any],
    burst: bool,
) -> None:
    """Keep the workers that resque-pool's file wants, until told to stop. Raises PyresqueError, OSError."""
    from functools import partial  # noqa: PLC0415 - a single worker has no use for it
    from pathlib import Path  # noqa: PLC0415 - as above

    from pyresque.process.pool.file import read_pool, usual_file  # noqa: PLC0415 - as above
    from pyresque.process.run.pool import PoolOptions, run_pool  # noqa: PLC0415 - as above

    handle_signals_while_starting()
    resque = load_application(given)
    has_jobs(resque)
    path = Path(config) if config else usual_file(os.environ, Path())
    settings = resque.settings
    section = environment or settings.pool_environment or settings.environment
    wanted = partial(read_pool, path, section)
    _log_as(resque)
    counts = wanted()
    if not any(counts.values()):
        _warn("%s wants no workers; they come when it is changed and HUP sent", path)
    known = _look_for_redis(resque, "pool")
    run_pool(resque, wanted, PoolOptions(**manner), burst=burst, counts=counts, known=known)


def _misspelt_queue(environ: Mapping[str, str]) -> str | None:
    """The variable that was perhaps meant to be QUEUE."""
    from difflib import get_close_matches  # noqa: PLC0415 - for who has no queue

    others = [name for name in environ if name not in {"QUEUE", "QUEUES"}]
    near = get_close_matches("QUEUE", others, n=1, cutoff=0.8)
    return f"nothing reads the variable {near[0]}: did you mean QUEUE?" if near else None


STARTERS: dict[str, Callable[..., None]] = {"worker": start_worker, "pool": start_pool}


def main(plan: str) -> NoReturn:
    """Begin what a plan of ``cli/reexec.py`` says; trouble is one line on standard error, and an exit code."""
    kind, given, more = marshal.loads(bytes.fromhex(plan))  # noqa: S302 - this very process has written it
    status = 0
    try:
        STARTERS[kind](given, **more)
    except (PyresqueError, OSError) as error:
        sys.stderr.write(f"pyresque: {one_line(str(error))}\n")
        status = BAD_USAGE if is_misuse(error) else FAILED
    except KeyboardInterrupt:
        status = FAILED
    except BaseException:
        _leave_in_time(FAILED)
        raise
    _leave_in_time(status)
    sys.exit(status)


def handle_signals_while_starting() -> None:
    """Let QUIT and TERM end the first process of a container before it listens to them as a worker.

    The system keeps signals without a handler from such a process: an order that comes while the application is imported
    would be lost, and the worker that starts then be killed amid a job when the time is up.
    """
    if os.getpid() == 1 and hasattr(os, "fork"):
        import signal  # noqa: PLC0415 - for the first process of a container

        signal_handlers.take(signal.SIGQUIT, _leave)
        signal_handlers.take(signal.SIGTERM, _leave)


def has_jobs(resque: Resque) -> None:
    """Raise NothingToPerform where there is nothing that could be performed."""
    nothing = nothing_to_perform(resque)
    if nothing:
        raise NothingToPerform(nothing)


def nothing_to_perform(resque: Resque) -> str:
    """What is told where there is nothing that could be performed; empty where there is something."""
    if resque.registered or any(resque.core.active_job_classes):
        return ""
    app = resque.settings.app
    if app:
        return f"-A {app!r} registers no job: decorate what it performs with @resque.job"
    return "no jobs to perform: -A module:attribute (or PYRESQUE_APP) names the application whose jobs to perform"


def _look_for_redis(resque: Resque, who: str) -> list[str] | None:
    """The queues there are. What is configured wrongly is told before anything starts; a Redis that is away is waited for."""
    try:
        return resque.queues()
    except ConnectionFault:
        raise
    except WrongKey as error:
        _warn("%s; the %s goes on without what should stand there", error, who)
        return None
    except RedisUnavailable as error:
        _warn("%s; the %s waits for it", error, who)
        return None


def _leave_in_time(status: int) -> None:
    from pyresque.process.host.end_process import leave_in_time  # noqa: PLC0415 - at the end alone

    leave_in_time(status)


def _log_as(resque: Resque) -> None:
    from pyresque.process.start import log_format  # noqa: PLC0415 - after the fork server was made

    log_format.set_up(resque.settings)


def _warn(text: str, *told: object) -> None:
    import logging  # noqa: PLC0415 - as above

    logging.getLogger("pyresque").warning(text, *told)


def _leave(number: int, frame: object) -> NoReturn:  # noqa: ARG001 - a handler's signature
    """Nothing has begun: an import that catches SystemExit shall not keep us."""
    os._exit(0)
