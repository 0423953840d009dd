"""What ``pyresque demo --web`` adds: the dashboard on the demo's Redis, and jobs that go on, so that each page has something to show."""

from __future__ import annotations

import random
import re
import shutil
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from pyresque.cli.demo import jobs, shop
from pyresque.cli.demo.processes import SCHEDULER, demo_programs, worker_command
from pyresque.errors import DemoFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.cli.demo.narrator import Narrator
    from pyresque.cli.demo.processes import Program
    from pyresque.client import Resque

APP = "pyresque.cli.demo.shop:resque"

#: The queues of the workers.
QUEUES = "payments,im*,re*,ticks,videos,newsletters"

#: A queue that no worker of the demo takes from, and one that is paused.
ALONE, PAUSED = "legacy", "newsletters"

#: The port that ``pyresque web`` has, too; another one is taken where it is not free.
PORT = 5678

#: Seconds between two steps of the stream of jobs.
EVERY = 0.5

#: Failed records that are kept, and noted jobs.
KEPT = 500

#: The line by which the dashboard tells where it is.
_TOLD = re.compile(r"the dashboard is at (http://\S+)")


def show(narrator: Narrator, port: int | None) -> None:
    """Serve the dashboard on the demo's Redis until a signal comes. Raises DemoFailed if a process ends."""
    port = _free_port() if port is None else port
    worker = (*worker_command(QUEUES), "--failed-max-count", str(KEPT))
    commands = {
        **{f"shop-worker-{number}": worker for number in range(3)},
        "shop-scheduler": SCHEDULER,
        "web": ("web", "--bind", f"127.0.0.1:{port}"),
    }
    try:
        fill(narrator.resque)
        with demo_programs(narrator.server, commands, APP) as programs:
            _told(narrator, programs)
            _stream(narrator.resque, programs)
    except (KeyboardInterrupt, SystemExit):
        narrator.console.print()


def _free_port() -> int:
    try:
        with socket.create_server(("127.0.0.1", PORT)):
            return PORT
    except OSError:
        return 0


def _told(narrator: Narrator, programs: Sequence[Program]) -> None:
    """Wait for what the pages show, and print where they are."""
    resque, log = narrator.resque, programs[-1].log
    narrator.until("the dashboard listens", lambda: "dashboard is at" in log.read_text(), programs)
    narrator.until(
        "each page has something to show",
        lambda: (
            resque.failures.count() > 2  # noqa: PLR2004 - the story's two, and one more
            and resque.master_lock() is not None
            and resque.statuses.count() > 0
            and any(True for _ in resque.retries.each())
        ),
        programs,
    )
    found = _TOLD.search(log.read_text())
    narrator.check(found is not None, "the dashboard says where it is")
    url = found[1] if found else ""
    narrator.console.print(
        f"\nThe dashboard is at {url}\n"
        "Jobs go on: some fail, some wait, one queue is paused, and one has no worker.\n"
        f"In another terminal: {called()} top -u {narrator.server.url}\n"
        "Ctrl-C ends all of it.",
        soft_wrap=True,
    )
    sys.stdout.flush()


# -- the jobs


def fill(resque: Resque) -> None:
    """Enqueue what stays: a queue without a worker, a paused one, delayed and recurring jobs; and the first of each kind."""
    for job in jobs.RECORDED:
        resque.run(resque.core.table.push(ALONE, (job.payload,)))
    resque.pause_queue(PAUSED)
    resque.enqueue_many((shop.newsletter, reader) for reader in range(250))
    for days in range(1, 8):
        resque.enqueue_in(days * 86400, jobs.send_reminder, 1000 + days)
    for name, config in (
        ("tick", {"every": "10s", "class": "Tick", "queue": "ticks"}),
        ("nightly", {"cron": "30 3 * * * Europe/Berlin", "class": "YearlyReport", "args": [2026]}),
        ("import", {"cron": "*/5 * * * *", "class": "Orders::Import", "args": ["berlin", 1]}),
    ):
        resque.set_schedule(name, {"queue": "reports", **config}, persist=True)
    for step in (0, 5, 10, 20):
        enqueue_some(resque, step)
    resque.enqueue(shop.import_orders, "paris", 9)


def _stream(resque: Resque, programs: Sequence[Program]) -> None:
    """Enqueue jobs until a signal comes. Raises DemoFailed."""
    pause, step = threading.Event(), 1
    while True:
        ended = [program.last_words() for program in programs if program.has_ended()]
        if ended:
            raise DemoFailed(f"a process of the demo ended: {'; '.join(ended)}")
        enqueue_some(resque, step)
        step += 1
        pause.wait(EVERY)


def enqueue_some(resque: Resque, step: int) -> None:
    """Enqueue the jobs of one step of the stream."""
    resque.enqueue(jobs.Thumbnail, step, random.choice(("small", "large")))  # noqa: S311 - no secret
    if step % 5 == 0:  # the gateway of payments is down for half of the time
        jobs.ask("SET", jobs.GATEWAY, "up" if step // 20 % 2 else "down", of=resque)
        resque.enqueue(jobs.charge_card, 100 + step)
        resque.enqueue_in(random.randint(20, 300), jobs.send_reminder, 100 + step)  # noqa: S311 - as above
    if step % 10 == 0:
        resque.enqueue(shop.import_orders, random.choice(("berlin", "paris")), step // 10 % 6)  # noqa: S311 - as above
    if step % 20 == 0:
        resque.enqueue(shop.transcode, f"holiday-{step}.mp4", 15)
    if step % 120 == 60:  # noqa: PLR2004 - once a minute
        resque.enqueue(jobs.eat_memory, step)
    jobs.ask("LTRIM", jobs.PERFORMED, -KEPT, -1, of=resque)


def called() -> str:
    """Return how this command was called, for a line that can be copied."""
    program = Path(sys.argv[0])
    found = shutil.which("pyresque")
    if found and program.exists() and Path(found).samefile(program):
        return "pyresque"
    return "python -m pyresque" if program.suffix == ".py" else str(program)
