"""The master of a pool: a process that has the application loaded once, forks workers, and hears signals for them."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import traceback
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from pyresque import signal_handlers
from pyresque.errors import DirtyExit, PyresqueError, RedisCommandError, RedisUnavailable
from pyresque.executor.fork.cheap_fork import freeze_memory
from pyresque.job.worker_registry import WorkerId
from pyresque.job_copies import fork, leave
from pyresque.printable import one_line
from pyresque.process.health.state import Flag
from pyresque.process.host.posix import HANG_UP, PosixHost, hostname
from pyresque.process.pool.pool import Pool
from pyresque.process.run.worker import health_state, prepare, run_in_prepared_process, send_prints
from pyresque.process.start.start_line import pool_starts
from pyresque.process.worker.queue_list import QueueList
from pyresque.standard_streams import flush

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pyresque.client import Resque
    from pyresque.process.health.state import HealthState

log = logging.getLogger("pyresque")

#: Seconds after which the master looks around although nothing woke it.
LOOK = 1.0


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """How a pool is kept: what TERM and INT are to the workers, seconds between two starts, where prints go."""

    term: str = "SIGTERM"
    interrupt: str = "SIGINT"
    spawn_delay: float = 0.0
    stdout: str = ""
    stderr: str = ""


AS_A_WORKER = PoolOptions()


def run_pool(
    resque: Resque,
    wanted: Callable[[], Mapping[str, int]],
    manner: PoolOptions = AS_A_WORKER,
    *,
    burst: bool = False,
    counts: Mapping[str, int] | None = None,
    known: Collection[str] | None = None,
) -> None:
    """Keep a pool until told to stop; ``wanted`` is asked at HUP, and at the start where ``counts`` do not tell.

    ``known`` are the queues there are, if they were asked for. Raises PyresqueError.
    """
    resque.connect_by_url()
    settings = resque.settings
    counts = wanted() if counts is None else counts
    for queues in counts:
        QueueList.parse(queues.split(","))
    prepare(
        background=settings.background,
        pidfile=settings.pidfile,
        stdout=manner.stdout,
        stderr=manner.stderr,
    )
    pool_starts(resque, counts, known)
    with health_state(resque) as vitals:
        master = PoolMaster(resque, wanted, vitals, manner, burst=burst)
        try:
            master.live(counts)
        finally:
            master.close()


class PoolMaster:
    """The process, its signals and its workers."""

    def __init__(
        self,
        resque: Resque,
        wanted: Callable[[], Mapping[str, int]],
        vitals: HealthState,
        manner: PoolOptions,
        *,
        burst: bool,
    ) -> None:
        self.resque = resque
        self.vitals = vitals
        self.manner = manner
        self.burst = burst
        self._wanted = wanted
        self._posix = PosixHost()
        self._orders: deque[str] = deque()
        #: One end of a pipe for each worker, closed by the death of this process, however it comes.
        self._lifelines: dict[int, int] = {}
        self._deeds: dict[str, Callable[[Pool], None]] = {
            HANG_UP: self._hung_up,
            "SIGTTIN": lambda pool: pool.add(1),
            "SIGTTOU": lambda pool: pool.add(-1),
            "SIGWINCH": Pool.want_none,
            "SIGQUIT": partial(self._stop, "SIGQUIT"),
            "SIGINT": partial(self._stop, manner.interrupt),
            "SIGTERM": partial(self._stop, manner.term),
            "SIGUSR1": lambda pool: pool.pass_on("SIGUSR1"),
            "SIGUSR2": lambda pool: pool.pass_on("SIGUSR2"),
            "SIGCONT": lambda pool: pool.pass_on("SIGCONT"),
        }

    def live(self, counts: Mapping[str, int]) -> None:
        """Until the last worker has left."""
        freeze_memory()
        clock = self.resque.core.clock
        delay = self.manner.spawn_delay
        pool = Pool(counts, self._start, _send, clock, spawn_delay=delay, burst=self.burst)
        hears = {name: partial(_note, name) for name in self._deeds}
        with self._posix.hearing_orders(self._orders, hears):
            while not pool.over:
                wait = pool.maintain()
                self._title(pool)
                self.vitals.turned()
                self.vitals.tended()
                self.vitals.mark(Flag.REGISTERED, pool.complete)
                if not pool.over:
                    self._posix.sleep(min(wait, LOOK))
                self._wait_for_the_dead(pool)
                while self._orders:
                    name = self._orders.popleft()
                    log.info("the pool's master was sent %s", name)
                    self._deeds[name](pool)

    def close(self) -> None:
        """Let go of everything."""
        for line in self._lifelines.values():
            os.close(line)
        self._posix.close()
        self.resque.close()

    # -- orders

    def _stop(self, signal_name: str, pool: Pool) -> None:
        self.vitals.mark(Flag.STOPPING, True)
        pool.stop(signal_name)

    def _hung_up(self, pool: Pool) -> None:
        """HUP: as QUIT where the terminal was closed; else anew with all that is read and written."""
        if self._posix.terminal.closed():
            self._stop("SIGQUIT", pool)
            return
        try:
            send_prints(self.manner.stdout, self.manner.stderr)
        except OSError as error:
            log.error("what is printed goes where it went: %s", error)  # noqa: TRY400 - the text says it all
        self._reload(pool)

    def _reload(self, pool: Pool) -> None:
        """Read what is wanted anew, and have every worker replaced; a fault leaves all as it is."""
        try:
            counts = self._wanted()
            for queues in counts:
                QueueList.parse(queues.split(","))
        except PyresqueError as error:
            log.error("the pool stays as it is: %s", error)  # noqa: TRY400 - the text says it all
            return
        pool.restart()
        pool.want(counts)

    # -- workers

    def _start(self, queues: str) -> int:
        flush()
        mask = signal.pthread_sigmask(
            signal.SIG_BLOCK, [signal.Signals[name] for name in self._deeds]
        )
        holding, ours = os.pipe()
        try:
            pid = fork()
            if pid == 0:
                os.close(ours)
                self._be_a_worker(queues, mask, holding)
        except OSError:
            os.close(ours)
            raise
        finally:
            os.close(holding)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self._lifelines[pid] = ours
        return pid

    def _be_a_worker(self, queues: str, mask: set[int | signal.Signals], lifeline: int) -> NoReturn:
        status = 1
        try:
            signal_handlers.give_all_back()
            # Handlers stand before the signals come: an order to leave is not lost on a worker that is just starting.
            for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
                signal_handlers.take(number, _leave)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            self._posix.close()
            self._hold(lifeline)
            self.resque.close()
            self.resque.configure(queues=tuple(queues.split(",")))
            run_in_prepared_process(self.resque, burst=self.burst)
            status = 0
        except SystemExit:
            status = 0
        except PyresqueError as error:
            log.error("worker %d of %s ends: %s", os.getpid(), queues, one_line(str(error)))  # noqa: TRY400 - the error says it all
        except BaseException:  # noqa: BLE001 - nothing climbs out of a worker's process
            traceback.print_exc()
        finally:
            flush()
            leave(status)

    def _hold(self, lifeline: int) -> None:
        """Be sent SIGIO when the master is gone: an order to leave after the job (process/host/posix.py)."""
        import fcntl  # noqa: PLC0415 - this module is loaded also where there is none

        for others in self._lifelines.values():
            os.close(others)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
        if select.select([lifeline], [], [], 0)[0]:
            raise SystemExit  # it went while we came

    def _wait_for_the_dead(self, pool: Pool) -> None:
        for pid in list(pool.members):
            try:
                ended, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                ended, status = pid, 0
            if ended:
                os.close(self._lifelines.pop(pid))
                member = pool.ended(pid, os.waitstatus_to_exitcode(status))
                if member is not None and status != 0:
                    self._bury(pid, member.queues)

    def _bury(self, pid: int, queues: str) -> None:
        """Strike a dead worker out at once; what it was performing is recorded, or goes back, as its job wishes."""
        worker_id = WorkerId(hostname(), pid, QueueList.parse(queues.split(",")).patterns)
        error = DirtyExit("Job still being processed")
        try:
            self.resque.run(self.resque.core.lost_jobs.unregister(str(worker_id), error))
        except (RedisUnavailable, RedisCommandError) as away:
            log.warning("%s is left in the books, for another worker to prune: %s", worker_id, away)

    def _title(self, pool: Pool) -> None:
        app = self.resque.settings.app_name or self.resque.settings.app
        name = f"[{app}]" if app else ""
        pids = ", ".join(map(str, pool.members))
        prefix = self.resque.settings.procline_prefix
        # No version after resque-: a Ruby worker would take the master for a worker.
        self._posix.title(f"{prefix}resque-pool-master{name}: managing [{pids}]")


def _note(name: str, orders: deque[str]) -> None:
    orders.append(name)


def _send(pid: int, name: str) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.Signals[name])


def _leave(number: int, frame: object) -> NoReturn:  # noqa: ARG001 - a handler's signature
    """A worker that has not begun has nothing to finish."""
    raise SystemExit(0)
