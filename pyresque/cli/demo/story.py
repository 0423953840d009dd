"""What the demo does and shows, step by step; it looks into Redis after each step and ends with an error if that is not so."""

from __future__ import annotations

import io
import json
import platform
import signal
import sys
import time
from typing import TYPE_CHECKING

from pyresque import __version__
from pyresque.cli.demo import jobs
from pyresque.cli.demo.jobs import RECORDED
from pyresque.cli.demo.narrator import Narrator
from pyresque.cli.demo.processes import Program, demo_scheduler, demo_workers
from pyresque.cli.demo.show import called, show
from pyresque.cli.output import short
from pyresque.client import Resque
from pyresque.errors import DemoFailed, MissingPackage
from pyresque.process.host.embedded_redis import embedded_redis
from pyresque.settings import Settings

try:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
except ModuleNotFoundError as error:
    raise MissingPackage("the demo", "demo", error) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyresque.failure.record import FailedRecord

IMAGES, WORKERS, TICKS = 24, 2, 2

#: Jobs of the first round: Ruby's, the images, a report, a charge that fails, and one that is killed.
JOBS = len(RECORDED) + IMAGES + 3

#: Jobs that the scheduler lets go.
SCHEDULED = 1 + TICKS

#: The jobs that end in the failed list.
FAILING = {"ChargeCard", "EatMemory"}

#: What Redis holds when all is done, besides the demo's own lists.
LEFT = {
    "delayed:last_enqueued_at",
    "failed",
    "pruning_dead_workers_in_progress",
    "queues",
    "stat:failed",
    "stat:processed",
}


def run_demo(*, web: bool = False, port: int | None = None) -> None:
    """Run the demo; with ``web`` go on with the dashboard until a signal comes. Raises DemoFailed if Redis does not hold what it should, NoRedisServer if there is none."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="backslashreplace"
        )  # a terminal without these letters is no reason to end
    console = Console(markup=False, emoji=False, highlight=False)
    started = time.monotonic()
    with embedded_redis() as server:
        settings = Settings.load({}, url=server.url)
        with Resque(settings=settings, jobs=jobs.resque) as resque:
            story = Story(console, resque, server, started)
            story.run()
            console.print(story.table())
            if web:
                show(story, port)
    if server.folder.exists():
        raise DemoFailed(f"{server.folder} is still there")
    console.print(
        f"All of it happened, in {time.monotonic() - started:.1f} s. "
        "Redis, the workers and their folder are gone again.",
        soft_wrap=True,
    )
    if not web:
        console.print(f"To look at it in a browser: {called()} demo --web", soft_wrap=True)


class Story(Narrator):
    """The steps of the demo, one method each."""

    def run(self) -> None:
        """Run all steps. Raises DemoFailed."""
        self.redis_answers()
        self.ruby_enqueues()
        self.python_enqueues()
        with demo_workers(self.server, WORKERS) as programs:
            self.jobs_are_performed(programs)
            self.failures_are_kept()
            self.one_is_retried(programs)
            self.jobs_are_scheduled()
            with demo_scheduler(self.server) as scheduler:
                self.their_times_come([scheduler, *programs])
                self.the_scheduler_leaves(scheduler)
            self.workers_leave(programs)
        self.everything_was_done()

    # -- the steps

    def redis_answers(self) -> None:
        """The server is there, and empty."""
        text = jobs.ask("INFO", "server", of=self.resque).decode()
        info = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        version = info.get("valkey_version") or info.get("redis_version", "?")
        self.console.print(f"pyresque {__version__} on Python {platform.python_version()}")
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
        resque.enqueue(jobs.charge_card, 17)
        resque.enqueue(jobs.eat_memory, 64)
        resque.enqueue(jobs.yearly_report, 2025)
        resque.enqueue_many((jobs.Thumbnail, image) for image in range(IMAGES))
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

    def jobs_are_performed(self, programs: Sequence[Program]) -> None:
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
                "the workers are registered", lambda: len(resque.workers()) == WORKERS, programs
            )
            ids = [worker.id for worker in resque.workers()]
            self.note("workers", "SADD " + " and ".join(ids))
            self.note(
                "workers:heartbeat", "HSET " + ", ".join(str(w.heartbeat) for w in resque.workers())
            )
            self.step(
                f"{WORKERS} worker processes registered: {', '.join(str(p.process.pid) for p in programs)}"
            )
            began = time.monotonic()
            progress.update(task, description="workers perform")
            self.until("a worker has the long job", look(lambda: bool(self.at_work())), programs)
            worker_id, record = self.at_work()[0]
            self.note(f"worker:{worker_id}", f"while it performs: {record.decode()}")
            jobs.ask("RPUSH", jobs.RELEASE, "go", of=resque)
            self.until(
                "every job is performed",
                look(lambda: resque.stat("processed") == JOBS and not resque.working()),
                programs,
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

    def one_is_retried(self, programs: Sequence[Program]) -> None:
        """The trouble is over: the very bytes of the failed job go back, and it succeeds."""
        resque = self.resque
        jobs.ask("SET", jobs.GATEWAY, "up", of=resque)
        resque.failures.requeue(self.charge())
        self.until(
            "the job is performed again",
            lambda: resque.stat("processed") == JOBS + 1 and not resque.working(),
            programs,
        )
        record = self.charge()
        self.check(record.retried_at is not None, "the record says when its job was retried")
        self.check(resque.failures.count() == len(FAILING), "the failed list is as long as before")
        self.note("failed", f"the record of ChargeCard is marked: retried_at {record.retried_at}")
        self.step("the failed charge was retried, and this time it went through")

    def jobs_are_scheduled(self) -> None:
        """A delayed job and a recurring one: they lie in Redis until a scheduler comes."""
        resque = self.resque
        resque.enqueue_in(1, jobs.send_reminder, 17)
        (at,) = resque.delayed_queue_peek(0, 9)
        (job,) = resque.delayed_timestamp_peek(at, 0, 9)
        self.check(
            job.class_name == "SendReminder", f"delayed:{at} holds the reminder: {job.raw!r}"
        )
        self.note("delayed_queue_schedule", f"ZADD {at}")
        self.note(f"delayed:{at}", f"RPUSH {job.raw.decode()}")
        config = {"every": ["1s", {"times": TICKS}], "class": "Tick", "queue": "ticks"}
        resque.set_schedule("tick", config, persist=True)
        self.check(resque.fetch_schedule("tick") == config, "the schedule is kept in Redis")
        self.note("persistent_schedules", f"HSET tick {json.dumps(config)}")
        self.step(f"a job in a second, and one for every second, {TICKS} times: both wait in Redis")

    def their_times_come(self, programs: Sequence[Program]) -> None:
        """The scheduler leads, moves the delayed job, and lets the recurring one run."""
        resque, (scheduler, *_) = self.resque, programs
        self.until("the scheduler is the master", lambda: bool(self.holder()), programs)
        holder = self.holder()
        self.check(
            holder.endswith(f":{scheduler.process.pid}"), f"the scheduler holds the lock: {holder}"
        )
        lock = resque.core.keys.bare(resque.core.keys.master_lock())
        self.note(lock, f"SET {holder}, the very lock of Ruby's resque-scheduler")
        self.step(f"a scheduler process leads: {scheduler.process.pid}")
        wanted = JOBS + 1 + SCHEDULED
        self.until(
            "the scheduled jobs are performed",
            lambda: resque.stat("processed") == wanted and not resque.working(),
            programs,
        )
        self.check(resque.count_all_scheduled_jobs() == 0, "no job is delayed any more")
        last = resque.get_last_enqueued_at("tick")
        self.check(last is not None, "the last run of the recurring job is noted")
        self.note("delayed:last_enqueued_at", f"HSET tick {last}")
        self.step("the delayed job was moved when it was due, the recurring one ran every second")

    def the_scheduler_leaves(self, scheduler: Program) -> None:
        """Check that the scheduler notices the removed schedule, and that it releases the lock at TERM."""
        self.resque.remove_schedule("tick")
        self.until(
            "the scheduler has heard of it",
            lambda: set(self.resque.all_keys()).isdisjoint(
                {"schedules_changed", "persistent_schedules"}
            ),
            [scheduler],
        )
        self.note(
            "persistent_schedules", "HDEL tick: a scheduler learns of it by schedules_changed"
        )
        status = scheduler.process.end(signal.SIGTERM)
        self.check(status == 0, f"the scheduler left with exit code 0: {status}")
        self.check(self.holder() == "", "nobody holds the master lock")
        self.step("TERM: the scheduler left, the lock is free for the next one, Ruby's or ours")

    def workers_leave(self, programs: Sequence[Program]) -> None:
        """QUIT: each worker ends after its job and unregisters."""
        statuses = [program.process.end(signal.SIGQUIT) for program in programs]
        self.check(statuses == [0] * WORKERS, f"the workers left with exit code 0: {statuses}")
        self.check(self.resque.workers() == [], "no worker is registered")
        self.note("workers", "SREM, and their own keys deleted")
        self.step("QUIT: both workers left")

    def everything_was_done(self) -> None:
        """Each job did its work, once; nothing else is in Redis."""
        listed = jobs.ask("LRANGE", jobs.PERFORMED, 0, -1, of=self.resque)
        done = sorted(json.dumps(json.loads(entry)) for entry in listed)
        self.check(done == expected(), f"every job was performed once, with its arguments: {done}")
        left = set(self.resque.all_keys())
        self.check(left <= LEFT, f"nothing else is left in Redis: {sorted(left - LEFT)}")
        self.step("every job did its work once, with the arguments that Ruby or Python gave it")

    def charge(self) -> FailedRecord:
        """The failed record of the charge."""
        (record,) = self.resque.failures.each(class_name="ChargeCard")
        return record

    def holder(self) -> str:
        """Who holds the scheduler's master lock, or nothing."""
        found = jobs.ask("GET", self.resque.core.keys.master_lock(), of=self.resque)
        return (found or b"").decode()

    def at_work(self) -> list[tuple[str, bytes]]:
        """Workers that have the long job, with their records."""
        return [
            (worker.id, worker.working_on.record)
            for worker in self.resque.working()
            if worker.working_on is not None and worker.working_on.job.class_name == "YearlyReport"
        ]


def expected() -> list[str]:
    """What the jobs note when each has done its work: the killed one notes before it dies."""
    ruby = [[recorded.job, *json.loads(recorded.arguments)] for recorded in RECORDED]
    ours: list[list[object]] = [["Thumbnail", image, "small"] for image in range(IMAGES)]
    ours += [["YearlyReport", 2025], ["ChargeCard", 17], ["EatMemory", 64]]
    ours += [["SendReminder", 17]]
    ours += [["Tick"] for _ in range(TICKS)]
    return sorted(json.dumps(entry) for entry in [*ruby, *ours])
