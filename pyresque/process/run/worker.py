"""Build a worker from its settings and run it in this process."""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from pyresque.driver.hurry import Hurry
from pyresque.executor.fork.executor import ForkExecutor
from pyresque.executor.fork.warm_up import WarmUps
from pyresque.executor.inline import InlineExecutor
from pyresque.job.worker_registry import WorkerId
from pyresque.job_copies import fork, leave
from pyresque.lightweight import random_hex
from pyresque.ops import Command
from pyresque.plugins.undeclared import UndeclaredPlugins
from pyresque.process.health.state import HealthState
from pyresque.process.host.client_count import ASKING, ClientCount
from pyresque.process.host.portable import PortableHost, can_fork, refuse_what_needs_fork
from pyresque.process.host.posix import PosixHost, hostname
from pyresque.process.host.queue_watch import WAIT_SECONDS, QueueWatch
from pyresque.process.start.start_line import log_worker_start
from pyresque.process.worker.fast_path import ForkFastPath, InlineFastPath
from pyresque.process.worker.idle import Interval
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.remote import RemoteControl
from pyresque.process.worker.worker import Worker
from pyresque.settings import TOGETHER
from pyresque.store.waiting import WaitingTable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from contextlib import AbstractContextManager

    from pyresque.client import Resque
    from pyresque.core import Core
    from pyresque.driver.connection import Connection
    from pyresque.executor.fork.early_server import EarlyServer
    from pyresque.process.host.waits import Watch
    from pyresque.process.worker.liveness import Heartbeat

log = logging.getLogger("pyresque")

#: Seconds of one BLMOVE behind Sentinels. After it the worker asks whether its server is still the master.
WAIT_AT_SENTINELS = 2


def run_worker(
    resque: Resque,
    *,
    burst: bool = False,
    early_server: EarlyServer | None = None,
    known: Collection[str] | None = None,
) -> None:
    """Work in this process, in its main thread, until a signal stops the worker; ``burst``: until every queue is empty.

    ``early_server``: a fork server that runs already. ``known``: the queues in Redis, None if Redis was not asked. Raises NoQueueError
    if the settings name no queue, SettingsError if they ask for what this system cannot do, and any error of the worker.
    """
    resque.connect_by_url()
    settings = resque.settings
    QueueList.parse(settings.queues)
    if not can_fork():
        refuse_what_needs_fork(settings)
        run_without_fork(resque, burst=burst, known=known)
        return
    prepare(background=settings.background, pidfile=settings.pidfile)
    log_worker_start(resque, known)
    with health_state(resque) as health:
        run_in_prepared_process(resque, health, burst=burst, early_server=early_server)


def run_in_prepared_process(
    resque: Resque,
    health: HealthState | None = None,
    *,
    watch: Watch | None = None,
    burst: bool = False,
    early_server: EarlyServer | None = None,
) -> None:
    """Run a worker in a process that ``prepare`` has made ready, such as a pool's child: no daemon, pid file or health port.

    ``watch``: what reports jobs; None: waiting connections of its own, if the settings allow any.
    """
    resque.connect_by_url()
    resque.registry.worker = os.getpid(), resque.settings.queues
    watch = watch or queue_watch(resque)
    queue_list = QueueList.parse(resque.settings.queues)
    interval = Interval.between(0.0) if burst else Interval.of(resque.settings)
    if resque.settings.executor in TOGETHER:
        from pyresque.process.run.crew import run_crew  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

        run_crew(resque, queue_list, watch, interval, health)
        return
    posix = PosixHost(watch)
    try:
        worker = build_worker(resque, queue_list, posix, health, early_server)
        with posix.hearing(worker):
            resque.run(worker.work(interval))
    finally:
        posix.close()
        resque.close()


def run_without_fork(
    resque: Resque, *, burst: bool = False, known: Collection[str] | None = None
) -> None:
    """Run a worker on a system without fork: jobs run inline, and the worker polls."""
    resque.connect_by_url()
    log.info("this system has no fork: jobs run in the worker's own process, one after the other")
    settings = resque.settings
    resque.registry.worker = os.getpid(), settings.queues
    prepare(background=False, pidfile=settings.pidfile)
    log_worker_start(resque, known)
    queue_list = QueueList.parse(settings.queues)
    plain = PortableHost()
    worker_id = WorkerId(hostname(), os.getpid(), queue_list.patterns)
    executor = InlineExecutor(resque.core.registry)
    core = resque.core
    worker = Worker(core, worker_id, queue_list, executor, plain)
    worker.fast_path = InlineFastPath(worker, executor)
    worker.hurry = Hurry(resque.driver.waits_here(), lambda: executor.performing)
    worker.upkeep.undeclared = UndeclaredPlugins(
        core.registry, core.active_job_classes, queue_list.takes
    )
    resque.stop_flag.follow(lambda: worker.stopping)
    try:
        with plain.hearing(worker):
            resque.run(worker.work(Interval.between(0.0) if burst else Interval.of(settings)))
    finally:
        resque.close()


def health_state(resque: Resque) -> AbstractContextManager[HealthState]:
    """Return the health state of this process, served at the health port if the settings name one. Call before threads start."""
    settings, clock = resque.settings, resque.core.clock
    if settings.health_port is None:
        return nullcontext(HealthState(clock))
    from pyresque.process.health.server import serving  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

    return serving(
        clock, settings.health_address, settings.health_port, settings.heartbeat_interval
    )


def build_worker(
    resque: Resque,
    queue_list: QueueList,
    posix: PosixHost,
    health: HealthState | None = None,
    early_server: EarlyServer | None = None,
) -> Worker:
    """The worker of a process that has only one, with its executor and its fast path."""
    core = resque.core
    worker_id = WorkerId(hostname(), os.getpid(), queue_list.patterns)
    if core.settings.executor != "fork":
        inline = InlineExecutor(core.registry)
        worker = Worker(core, worker_id, queue_list, inline, posix, health)
        worker.fast_path = InlineFastPath(worker, inline)
        worker.hurry = Hurry(resque.driver.waits_here(), lambda: inline.performing)
        worker.upkeep.remote = remote_control(core, [worker.heartbeat])
        worker.upkeep.undeclared = UndeclaredPlugins(
            core.registry, core.active_job_classes, queue_list.takes
        )
        resque.stop_flag.follow(lambda: worker.stopping)
        return worker
    executor = ForkExecutor(
        core.registry,
        core.hooks,
        core.settings,
        core.clock,
        core.codec,
        resque.driver,
        posix.wakeup,
        partial(_close_inherited, resque, posix),
        early_server,
        partial(lendable, resque, ClientCount(core.clock)),
        WarmUps(resque),
        resque.active_job_classes,
    )
    if early_server is not None:
        executor.server.await_warm_ups()
    resque.stop_flag.follow(lambda: executor.page.stopping)
    worker = Worker(core, worker_id, queue_list, executor, posix, health)
    worker.fast_path = ForkFastPath(worker, executor)
    worker.hurry = Hurry(resque.driver.waits_here())
    if core.hooks.lent_pools and (why := worker.fast_path.barred()):
        log.warning("resque.lend: this worker lends no connection, because %s", why)
    worker.upkeep.remote = remote_control(core, [worker.heartbeat])
    worker.upkeep.undeclared = UndeclaredPlugins(
        core.registry, core.active_job_classes, queue_list.takes
    )
    return worker


def remote_control(core: Core, heartbeats: Sequence[Heartbeat]) -> RemoteControl:
    """What tells in Redis what this process is, and ends it as QUIT does if that is asked for there."""
    return RemoteControl(
        core,
        heartbeats,
        ".".join(map(str, sys.version_info[:3])),
        partial(os.kill, os.getpid(), signal.SIGQUIT),
    )


def lendable(resque: Resque, clients: ClientCount) -> Connection | None:
    """Open a connection for the fork server; None if the fork server cannot use one, or Redis has nearly as many clients as it allows.

    Raises RedisUnavailable, ConnectError.
    """
    # A fork server would not notice that another master was promoted.
    if resque.driver.server.polls_sentinels:
        return None
    if clients.given_up and not clients.is_due():
        return None
    made = resque.driver.open_connection(resque.driver.target.reply_timeout)
    # A server that has too many connections says so in reply to the first command; after a loss ``settle`` needs this one.
    if made.can_be_lent and made.talk([Command(("ECHO", "lent"))]) == [b"lent"]:
        if clients.given_up or clients.is_due():
            why = clients.too_many(*made.talk([Command(ASKING)]))
        else:
            why = ""
        if not why:
            return made
        log.debug("%s: short jobs are performed without the fast path", why)
    made.close()
    return None


def _close_inherited(resque: Resque, posix: PosixHost) -> None:
    """Close, in the fork server, the connections and pipes of the worker."""
    posix.close()
    resque.driver.close()


def queue_watch(resque: Resque, most: int | None = None) -> QueueWatch | None:
    """Return the connections that wait for jobs (``BLMOVE``), for so many queues or as the settings say; None if the worker polls."""
    settings, server = resque.settings, resque.driver.server
    if settings.wait == "poll" or settings.wait_connections == 0:
        return None
    return QueueWatch(
        resque.driver.open_connection,
        resque.core.clock,
        waiting=WaitingTable(resque.core.keys, random_hex(8)),
        most=settings.wait_connections if most is None else most,
        wait=WAIT_AT_SENTINELS if server.polls_sentinels else WAIT_SECONDS,
        is_outdated=server.is_outdated if server.polls_sentinels else None,
    )


def prepare(*, background: bool, pidfile: str, stdout: str = "", stderr: str = "") -> None:
    """Become a daemon, redirect standard output and error, write the pid file: each if asked for. Raises OSError."""
    if background:
        if fork():
            leave(0)
        os.setsid()
        if fork():
            leave(0)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        if null not in (0, 1, 2):
            os.close(null)
    send_prints(stdout, stderr)
    if pidfile:
        from pathlib import Path  # noqa: PLC0415 - it need not stay in every worker's memory

        try:
            Path(pidfile).write_text(str(os.getpid()), encoding="ascii")
        except OSError as error:
            why = f"the pid file cannot be written: {error.strerror}"
            raise OSError(error.errno, why, pidfile) from error


def send_prints(stdout: str, stderr: str) -> None:
    """Redirect standard output and error to the files that are named, opened again at each call. Raises OSError."""
    for stream, path in ((1, stdout), (2, stderr)):
        if path:
            from pathlib import Path  # noqa: PLC0415 - it need not stay in every worker's memory

            try:
                with Path(path).open("ab") as file:
                    os.dup2(file.fileno(), stream)
            except OSError as error:
                name = "output" if stream == 1 else "error"
                why = f"the file of standard {name} cannot be written: {error.strerror}"
                raise OSError(error.errno, why, path) from error
