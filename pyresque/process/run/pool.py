"""The master process of a pool: it has loaded the application, forks workers, and handles signals for them."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import sys
import traceback
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from pyresque import signal_handlers
from pyresque.driver.hurry import Hurry
from pyresque.errors import DirtyExit, PyresqueError, RedisCommandError, RedisUnavailable
from pyresque.executor.fork.cheap_fork import freeze_memory
from pyresque.job.worker_registry import WorkerId
from pyresque.job_copies import fork, leave
from pyresque.printable import one_line
from pyresque.process.health.state import Flag
from pyresque.process.host.posix import HANG_UP, PosixHost, hostname
from pyresque.process.pool.pool import Pool
from pyresque.process.pool.shared_watch import PoolWaits, WatchByMaster
from pyresque.process.run.worker import (
    health_state,
    prepare,
    queue_watch,
    run_in_prepared_process,
    send_prints,
)
from pyresque.process.start.start_line import log_pool_start
from pyresque.process.worker.controls import no_hurry
from pyresque.process.worker.queue_list import QueueList
from pyresque.standard_streams import flush
from pyresque.store.worker_notes import WorkerNotes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pyresque.client import Resque
    from pyresque.process.health.state import HealthState

log = logging.getLogger("pyresque")

#: Seconds after which the master looks at its workers although no signal woke it.
LOOK = 1.0


#: The signals that stop a pool.
STOPS = frozenset({"SIGQUIT", "SIGINT", "SIGTERM"})


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Options of a pool: the signals that workers get for TERM and INT, seconds between two forks, files for prints."""

    term: str = "SIGTERM"
    interrupt: str = "SIGINT"
    spawn_delay: float = 0.0
    stdout: str = ""
    stderr: str = ""


AS_A_WORKER = PoolOptions()


def run_pool(
    resque: Resque,
    wanted: Callable[[], Mapping[str, int]],
    options: PoolOptions = AS_A_WORKER,
    *,
    burst: bool = False,
    counts: Mapping[str, int] | None = None,
    known: Collection[str] | None = None,
) -> None:
    """Keep a pool until a signal stops it.

    ``wanted`` returns how many workers each list of queues has; HUP calls it again. ``counts``: its first answer, if it was called
    already. ``known``: the queues in Redis, None if Redis was not asked. Raises PyresqueError.
    """
    resque.connect_by_url()
    settings = resque.settings
    counts = wanted() if counts is None else counts
    for queues in counts:
        QueueList.parse(queues.split(","))
    prepare(
        background=settings.background,
        pidfile=settings.pidfile,
        stdout=options.stdout,
        stderr=options.stderr,
    )
    log_pool_start(resque, counts, known)
    with health_state(resque) as health:
        master = PoolMaster(resque, wanted, health, options, burst=burst)
        try:
            master.run(counts)
        finally:
            master.close()


class PoolMaster:
    """The master process: its signals, its title and its workers."""

    def __init__(
        self,
        resque: Resque,
        wanted: Callable[[], Mapping[str, int]],
        health: HealthState,
        options: PoolOptions,
        *,
        burst: bool,
    ) -> None:
        self.resque = resque
        self.health = health
        self.options = options
        self.burst = burst
        self._wanted = wanted
        self._posix = PosixHost()
        self._signals: deque[str] = deque()
        #: One end of a pipe for each worker, closed by the death of this process, however it comes.
        self._lifelines: dict[int, int] = {}
        watch = None if burst else queue_watch(resque, most=sys.maxsize)
        self._most = resque.settings.wait_connections
        #: The waits of the workers, on connections of this process; None: the workers poll.
        self._waits = None if watch is None else PoolWaits(watch)
        self._signal_actions: dict[str, Callable[[Pool], None]] = {
            HANG_UP: self._on_hang_up,
            "SIGTTIN": lambda pool: pool.add(1),
            "SIGTTOU": lambda pool: pool.add(-1),
            "SIGWINCH": Pool.want_none,
            "SIGQUIT": partial(self._stop, "SIGQUIT"),
            "SIGINT": partial(self._stop, options.interrupt),
            "SIGTERM": partial(self._stop, options.term),
            "SIGUSR1": lambda pool: pool.pass_on("SIGUSR1"),
            "SIGUSR2": lambda pool: pool.pass_on("SIGUSR2"),
            "SIGCONT": lambda pool: pool.pass_on("SIGCONT"),
        }

    def run(self, counts: Mapping[str, int]) -> None:
        """Run until the last worker has ended."""
        freeze_memory()
        clock = self.resque.core.clock
        delay = self.options.spawn_delay
        pool = Pool(counts, self._start, _send, clock, spawn_delay=delay, burst=self.burst)
        hurry = Hurry(self.resque.driver.waits_here())
        actions = {
            name: partial(_note, name, hurry if name in STOPS else no_hurry)
            for name in self._signal_actions
        }
        with self._posix.handling_signals(self._signals, actions):
            while not pool.over:
                wait = pool.maintain()
                self._title(pool)
                self.health.turned()
                self.health.upkeep_done()
                self.health.mark(Flag.REGISTERED, pool.complete)
                if not pool.over:
                    self._wait(min(wait, LOOK))
                self._reap(pool)
                while self._signals:
                    name = self._signals.popleft()
                    log.info("the pool's master was sent %s", name)
                    self._signal_actions[name](pool)

    def _wait(self, seconds: float) -> None:
        """Wait for a signal that long; meanwhile watch the queues on behalf of the workers."""
        if self._waits is None:
            self._posix.sleep(seconds)
            return
        now = self.resque.core.clock.monotonic
        until = now() + seconds
        while (left := until - now()) > 0:
            watched, due_in = self._waits.begin()
            ready = self._posix.ready(min(left, due_in), watched)
            self._waits.end(ready or ())
            if ready is None:
                return

    def close(self) -> None:
        """Close the lifelines, the signal pipe and the connections."""
        if self._waits is not None:
            self._waits.close()
        for line in self._lifelines.values():
            os.close(line)
        self._posix.close()
        self.resque.close()

    # -- signals

    def _stop(self, signal_name: str, pool: Pool) -> None:
        self.health.mark(Flag.STOPPING, True)
        pool.stop(signal_name)

    def _on_hang_up(self, pool: Pool) -> None:
        """HUP: as QUIT if the terminal was closed. Else reopen the files of prints and read the pool's file again."""
        if self._posix.terminal.closed():
            self._stop("SIGQUIT", pool)
            return
        try:
            send_prints(self.options.stdout, self.options.stderr)
        except OSError as error:
            log.error("what is printed goes where it went: %s", error)
        self._reload(pool)

    def _reload(self, pool: Pool) -> None:
        """Read again what is wanted and replace every worker. A fault is logged and changes nothing."""
        try:
            counts = self._wanted()
            for queues in counts:
                QueueList.parse(queues.split(","))
        except PyresqueError as error:
            log.error("the pool stays as it is: %s", error)
            return
        pool.restart()
        pool.want(counts)

    # -- workers

    def _start(self, queues: str) -> int:
        flush()
        mask = signal.pthread_sigmask(
            signal.SIG_BLOCK, [signal.Signals[name] for name in self._signal_actions]
        )
        with ExitStack() as unless_forked, ExitStack() as in_the_end:
            in_the_end.callback(signal.pthread_sigmask, signal.SIG_SETMASK, mask)
            holding, ours = os.pipe()
            in_the_end.callback(os.close, holding)
            unless_forked.callback(os.close, ours)
            line = theirs = None
            if self._waits is not None:
                line, theirs = socket.socketpair()
                unless_forked.callback(line.close)
                in_the_end.callback(theirs.close)
            pid = fork()
            if pid == 0:
                os.close(ours)
                if line is not None:
                    line.close()
                self._run_worker(queues, mask, holding, theirs)
            unless_forked.pop_all()
        self._lifelines[pid] = ours
        if self._waits is not None and line is not None:
            self._waits.add(line, pid)
        return pid

    def _run_worker(
        self,
        queues: str,
        mask: set[int | signal.Signals],
        lifeline: int,
        to_master: socket.socket | None,
    ) -> NoReturn:
        status = 1
        try:
            signal_handlers.give_all_back()
            # Handlers are set before signals are unblocked: a TERM is not lost on a worker that is just starting.
            for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
                signal_handlers.take(number, _exit_unstarted)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            self._posix.close()
            if self._waits is not None:
                self._waits.close()
            self._watch_master(lifeline)
            self.resque.close()
            self.resque.configure(queues=tuple(queues.split(",")))
            clock = self.resque.core.clock
            watch = None if to_master is None else WatchByMaster(to_master, clock, self._most)
            run_in_prepared_process(self.resque, watch=watch, burst=self.burst)
            status = 0
        except SystemExit:
            status = 0
        except PyresqueError as error:
            log.error("worker %d of %s ends: %s", os.getpid(), queues, one_line(str(error)))
        except BaseException:  # noqa: BLE001 - no error may run the master's code in a worker
            traceback.print_exc()
        finally:
            flush()
            leave(status)

    def _watch_master(self, lifeline: int) -> None:
        """In the worker: have the kernel send SIGIO when the master dies. The worker then ends after its job (host/posix.py)."""
        import fcntl  # noqa: PLC0415 - this module is loaded also if there is none

        for others in self._lifelines.values():
            os.close(others)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
        if select.select([lifeline], [], [], 0)[0]:
            raise SystemExit  # the master died before that

    def _reap(self, pool: Pool) -> None:
        for pid in list(pool.members):
            try:
                ended, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                ended, status = pid, 0
            if ended:
                os.close(self._lifelines.pop(pid))
                if self._waits is not None:
                    self._waits.remove(pid)
                member = pool.ended(pid, os.waitstatus_to_exitcode(status))
                if member is not None and status != 0:
                    self._unregister(pid, member.queues)

    def _unregister(self, pid: int, queues: str) -> None:
        """Unregister a dead worker at once. Its job becomes a failed record, or goes back into its queue (``on_dirty_exit``)."""
        worker_id = WorkerId(hostname(), pid, QueueList.parse(queues.split(",")).patterns)
        error = DirtyExit("Job still being processed")
        try:
            self.resque.run(self.resque.core.lost_jobs.unregister(str(worker_id), error))
            self.resque.run(WorkerNotes(self.resque.core.keys).forget([str(worker_id)]))
        except (RedisUnavailable, RedisCommandError) as unavailable:
            log.warning(
                "%s stays registered until another worker prunes it: %s", worker_id, unavailable
            )

    def _title(self, pool: Pool) -> None:
        app = self.resque.settings.app_name or self.resque.settings.app
        name = f"[{app}]" if app else ""
        pids = ", ".join(map(str, pool.members))
        prefix = self.resque.settings.procline_prefix
        # No version after resque-: a Ruby worker would take the master for a worker.
        self._posix.title(f"{prefix}resque-pool-master{name}: managing [{pids}]")


def _note(name: str, hurry: Callable[[], None], signals: deque[str]) -> None:
    """Note a signal; of one that stops the pool, bound what the master may await from Redis now."""
    signals.append(name)
    hurry()


def _send(pid: int, name: str) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.Signals[name])


def _exit_unstarted(_number: int, _frame: object) -> NoReturn:
    """Signal handler of a worker that has not started: exit."""
    raise SystemExit(0)
