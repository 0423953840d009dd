"""What the demo does and shows, step by step; it looks into Redis after each step and ends with an error where that is not so."""

from __future__ import annotations

import io
import json
import platform
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from pyresque.cli import demo_jobs
from pyresque.cli.demo_workers import demo_workers, last_words
from pyresque.cli.embedded import RedisServer, embedded_redis, end
from pyresque.cli.output import plain, short
from pyresque.cli.recorded import RECORDED
from pyresque.client import Resque
from pyresque.errors import DemoFailed
from pyresque.settings import Settings
from pyresque.version import VERSION

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from pyresque.failure.record import FailedRecord

IMAGES, WORKERS = 24, 2

#: Jobs of the first round: Ruby's, the images, a report, a charge that fails, and one that is killed.
JOBS = len(RECORDED) + IMAGES + 3

#: The jobs that end in the failed list.
FAILING = {"ChargeCard", "EatMemory"}

#: Seconds that any step may take.
PATIENCE = 20.0

#: What Redis holds when all is done, besides the demo's own lists.
LEFT = {"failed", "pruning_dead_workers_in_progress", "queues", "stat:failed", "stat:processed"}


@dataclass(frozen=True, slots=True)
class Event:
    """What was seen on a key, and when (seconds since the start)."""

    at: float
    key: str
    what: str


def tell_story() -> None:
    """Run the demo. Raises DemoFailed where Redis does not hold what it should, NoRedisServer where there is none."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="backslashreplace"
        )  # a terminal without these letters is no reason to end
    console = Console(markup=False, emoji=False, highlight=False)
    started = time.monotonic()
    with embedded_redis() as server:
        settings = Settings.load({}, url=server.url)
        with Resque(settings=settings, jobs=demo_jobs.resque) as resque:
            story = Story(console, resque, server, started)
            story.run()
        console.print(story.table())
    if server.folder.exists():
        raise DemoFailed(f"{server.folder} is still there")
    console.print(
        f"All of it happened as told, in {time.monotonic() - started:.1f} s. "
        "Redis, the workers and their folder are gone again.",
        soft_wrap=True,
    )


class Story:
    """The steps, and what was seen."""

    def __init__(
        self, console: Console, resque: Resque, server: RedisServer, started: float
    ) -> None:
        self.console = console
        self.resque = resque
        self.server = server
        self.started = started
        self.events: list[Event] = []

    def run(self) -> None:
        """All steps."""
        self.redis_answers()
        self.ruby_enqueues()
        self.python_enqueues()
        with demo_workers(self.server, WORKERS) as processes:
            self.jobs_are_performed(processes)
            self.failures_are_kept()
            self.one_is_retried(processes)
            self.workers_leave(processes)
        self.everything_was_done()

    def table(self) -> Table:
        """What happened on which key."""
        table = Table(
            title="What happened on which key", title_justify="left", show_lines=False, expand=False
        )
        table.add_column("at", justify="right", no_wrap=True)
        table.add_column("key", overflow="fold", ratio=2)
        table.add_column("what happened there", overflow="fold", ratio=3)
        for event in self.events:
            table.add_row(f"{event.at:.2f} s", plain(event.key), plain(event.what))
        return table

    # -- the steps

    def redis_answers(self) -> None:
        """The server is there, and empty."""
        text = demo_jobs.ask("INFO", "server", of=self.resque).decode()
        told = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        version = told.get("valkey_version") or told.get("redis_version", "?")
        self.console.print(f"pyresque {VERSION} on Python {platform.python_version()}")
        self.step(f"a Redis of our own answers: {self.server.program} {version}")
        self.check(self.resque.all_keys() == [], "the new Redis is empty")

    def ruby_enqueues(self) -> None:
        """The recorded bytes go into their queues as they are."""
        for job in RECORDED:
            self.resque.run(self.resque.core.table.push(job.queue, (job.payload,)))
            held = self.resque.run(self.resque.core.table.everything(job.queue))
            self.check(held == [job.payload], f"queue:{job.queue} holds the recorded bytes")
            what = f"RPUSH of {len(job.payload)} bytes as {job.writer} wrote them: {short(job.payload.decode(), 100)}"
            self.note(f"queue:{job.queue}", what)
        self.step(
            f"{len(RECORDED)} payloads pushed, byte for byte as Rails and Ruby Resque wrote them"
        )

    def python_enqueues(self) -> None:
        """Jobs of our own, one by one and many at once."""
        resque = self.resque
        resque.enqueue(demo_jobs.charge_card, 17)
        resque.enqueue(demo_jobs.eat_memory, 64)
        resque.enqueue(demo_jobs.yearly_report, 2025)
        resque.enqueue_many((demo_jobs.Thumbnail, image) for image in range(IMAGES))
        sizes = resque.queue_sizes()
        self.check(sum(sizes.values()) == JOBS, f"{JOBS} jobs are waiting")
        (head,) = resque.peek("images")
        self.note(
            "queue:images",
            f"RPUSH of {IMAGES} jobs in one round trip, the first {head.raw.decode()}",
        )
        self.note(
            "queues", "SADD: " + ", ".join(f"{queue} ({size})" for queue, size in sizes.items())
        )
        self.step(f"{JOBS - len(RECORDED)} jobs enqueued from Python")

    def jobs_are_performed(self, processes: list[subprocess.Popen[bytes]]) -> None:
        """The workers register, one is seen at work, and all is performed."""
        resque = self.resque
        progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        with progress:
            task = progress.add_task("two workers start", total=JOBS)

            def look(done: Callable[[], bool]) -> Callable[[], bool]:
                def seen() -> bool:
                    progress.update(task, completed=resque.stat("processed"))
                    return done()

                return seen

            self.until(
                "the workers are registered", lambda: len(resque.workers()) == WORKERS, processes
            )
            ids = [worker.id for worker in resque.workers()]
            self.note("workers", "SADD " + " and ".join(ids))
            self.note(
                "workers:heartbeat", "HSET " + ", ".join(str(w.heartbeat) for w in resque.workers())
            )
            self.step(
                f"{WORKERS} worker processes registered: {', '.join(str(p.pid) for p in processes)}"
            )
            began = time.monotonic()
            progress.update(task, description="workers perform")
            self.until("a worker has the long job", look(lambda: bool(self.at_work())), processes)
            worker_id, record = self.at_work()[0]
            self.note(f"worker:{worker_id}", f"while it performs: {record.decode()}")
            demo_jobs.ask("RPUSH", demo_jobs.RELEASE, "go", of=resque)
            self.until(
                "every job is performed",
                look(lambda: resque.stat("processed") == JOBS and not resque.working()),
                processes,
            )
        seconds = time.monotonic() - began
        self.check(not any(resque.queue_sizes().values()), "every queue is empty")
        self.note("stat:processed", f"INCR to {JOBS}, each in a forked child of its own")
        self.step(f"{JOBS} jobs performed in {seconds:.2f} s, a forked child for each")

    def failures_are_kept(self) -> None:
        """One raised, one was killed: both are failed records, with their payloads as they were."""
        records = {record.class_name: record for record in self.resque.failures.each()}
        self.check(
            set(records) == {"ChargeCard", "EatMemory"}, f"two jobs failed: {sorted(records)}"
        )
        raised, killed = records["ChargeCard"], records["EatMemory"]
        self.check(
            raised.exception == "PaymentGatewayDown", f"ChargeCard raised: {raised.exception}"
        )
        self.check(
            killed.exception == "Resque::DirtyExit", f"EatMemory was killed: {killed.exception}"
        )
        self.check(
            "SIGKILL" in str(killed.error), f"EatMemory was killed by SIGKILL: {killed.error}"
        )
        self.check(
            self.resque.stat("failed") == 1, "stat:failed counts the job that raised, as in Ruby"
        )
        for record in (raised, killed):
            self.note("failed", f"RPUSH {record.class_name}: {record.exception}: {record.error}")
        self.note("stat:failed", "INCR to 1: Ruby counts no job whose process was killed")
        self.step(
            "one job raised, one was killed by SIGKILL: both are in the failed list, their workers went on"
        )

    def one_is_retried(self, processes: list[subprocess.Popen[bytes]]) -> None:
        """The trouble is over: the very bytes of the failed job go back, and it succeeds."""
        resque = self.resque
        demo_jobs.ask("SET", demo_jobs.GATEWAY, "up", of=resque)
        resque.failures.requeue(self.charge())
        self.until(
            "the job is performed again",
            lambda: resque.stat("processed") == JOBS + 1 and not resque.working(),
            processes,
        )
        record = self.charge()
        self.check(record.retried_at is not None, "the record says when its job was retried")
        self.check(resque.failures.count() == len(FAILING), "the failed list is as long as before")
        self.note("failed", f"the record of ChargeCard is marked: retried_at {record.retried_at}")
        self.step("the failed charge was retried, and this time it went through")

    def workers_leave(self, processes: list[subprocess.Popen[bytes]]) -> None:
        """QUIT: each ends after its job, and takes its name out of the books."""
        statuses = [end(process, signal.SIGQUIT) for process in processes]
        self.check(statuses == [0] * WORKERS, f"the workers left with exit code 0: {statuses}")
        self.check(self.resque.workers() == [], "no worker is registered")
        self.note("workers", "SREM, and their own keys deleted")
        self.step("QUIT: both workers left")

    def everything_was_done(self) -> None:
        """Each job did its work, once; nothing else is in Redis."""
        listed = demo_jobs.ask("LRANGE", demo_jobs.PERFORMED, 0, -1, of=self.resque)
        done = sorted(json.dumps(json.loads(entry)) for entry in listed)
        self.check(done == expected(), f"every job was performed once, with its arguments: {done}")
        left = set(self.resque.all_keys())
        self.check(left <= LEFT, f"nothing else is left in Redis: {sorted(left - LEFT)}")
        self.step("every job did its work once, with the arguments that Ruby or Python gave it")

    # -- how it is told

    def charge(self) -> FailedRecord:
        """The failed record of the charge."""
        (record,) = self.resque.failures.each(class_name="ChargeCard")
        return record

    def at_work(self) -> list[tuple[str, bytes]]:
        """Workers that have the long job, with their records."""
        return [
            (worker.id, worker.working_on.record)
            for worker in self.resque.working()
            if worker.working_on is not None and worker.working_on.job.class_name == "YearlyReport"
        ]

    def until(
        self, promise: str, seen: Callable[[], bool], processes: list[subprocess.Popen[bytes]]
    ) -> None:
        """Wait until something is so. Raises DemoFailed when a worker ends or time runs out."""
        deadline = time.monotonic() + PATIENCE
        pause = threading.Event()
        while not seen():
            ended = [
                number for number, process in enumerate(processes) if process.poll() is not None
            ]
            self.check(not ended, f"{promise} (a worker ended: {last_words(self.server, ended)})")
            self.check(time.monotonic() < deadline, f"{promise} within {PATIENCE:.0f} s")
            pause.wait(0.02)

    def check(self, holds: bool, promise: str) -> None:
        """Raise DemoFailed unless it is so."""
        if not holds:
            raise DemoFailed(f"this did not come true: {promise}")

    def note(self, key: str, what: str) -> None:
        """Keep what was seen on a key, for the table."""
        self.events.append(Event(self.seconds(), self.resque.core.keys.of(key), what))

    def step(self, what: str) -> None:
        """Tell that a step is done."""
        self.console.print(f"{self.seconds():6.2f} s  {what}", soft_wrap=True)

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started


def expected() -> list[str]:
    """What the jobs note when each has done its work: the killed one notes before it dies."""
    ruby = []
    for recorded in RECORDED:
        args = json.loads(recorded.payload)["args"]
        if isinstance(args[0], dict) and "job_class" in args[0]:
            args = args[0]["arguments"]
        ruby.append([recorded.job, *args])
    ours: list[list[object]] = [["Thumbnail", image, "small"] for image in range(IMAGES)]
    ours += [["YearlyReport", 2025], ["ChargeCard", 17], ["EatMemory", 64]]
    return sorted(json.dumps(entry) for entry in [*ruby, *ours])
