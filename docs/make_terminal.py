# ruff: noqa: INP001 - a script beside the pages, no package
"""Make the pictures of terminals in docs/pictures/commands: each shows what a command prints about a shop's Redis.

Run it from a checkout with pyresque[test] and an empty Redis: ``python docs/make_terminal.py redis://localhost:6379/9``. The clock of the
commands stands still, so that the same pictures are made each time; ``tests/docs/test_pictures.py`` makes them anew and compares.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from hashlib import sha1
from io import StringIO
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING
from unittest.mock import patch

import redis
from click.testing import CliRunner
from rich.console import Console
from rich.text import Text

from pyresque import Resque, clock
from pyresque.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent / "pictures" / "commands"

#: The columns of the terminal, and the lines that a picture has at most.
COLUMNS, LINES = 122, 34

#: The moment at which the commands run.
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)

#: The address that stands in the place of the server's.
SHOP = "redis://localhost:6379/0"

#: Each picture's file, and the command line in it. The order counts: those that change something stand last.
SHOWN = {
    "info": "info",
    "top": "top --once",
    "search": "search basket",
    "stats": "stats counters",
    "queues": "queues list",
    "queues-peek": "queues peek payments --count 3",
    "workers": "workers list",
    "failed": "failed list --count 4",
    "failed-groups": "failed groups",
    "delayed": "delayed list",
    "retries": "retries list",
    "schedule": "schedule list",
    "status": "status list",
    "doctor": "doctor",
    "migrate": "migrate inventory",
    "completion": "completion fish",
    "enqueue": "enqueue WelcomeMailer 7 -q mailers",
    "worker": "worker -A shop:resque -q images --burst -v --executor inline",
}

#: Those that keep running: the command line, the signal that ends it, and the seconds until then. Nobody compares these pictures.
RUNNING = {
    "scheduler": ("scheduler -A shop:resque --schedule schedule.yml -i 1 -v", signal.SIGTERM, 3.5),
    "pool": ("pool -A shop:resque -f pool.yml -v", signal.SIGQUIT, 2.5),
    "web": ("web", signal.SIGTERM, 2.5),
    "demo": ("demo", signal.SIGTERM, 60),
}

#: The application and the files of these commands.
FILES = {
    "shop.py": """
from pyresque import Resque

resque = Resque()


@resque.job("ResizeImage", queue="images")
def resize(number, width):
    if number == 103:
        raise ValueError("cannot identify image file 'photo-103.heic'")


@resque.job("Tick", queue="ticks")
def tick(): ...
""",
    "schedule.yml": "tick: {every: 1s, class: Tick, queue: ticks}\n",
    "pool.yml": 'images: 2\n"payments,mailers": 1\n',
}

#: The findings that are shown of ``doctor``: others depend on the server and its clock.
FINDINGS = ("queue-paused", "queue-without-worker")

#: What differs from run to run, and what stands in the picture.
VARYING = (
    (r"redis://[\w.]+:\d+/\d+", SHOP),
    (r"\bin \d\.\d{3} s", "in 0.003 s"),
    (r"/\S+/(redis|valkey)-server", r"\1-server"),
    (r"ends in 1[78]\d s", "ends in 180 s"),
    (r"worker [^\s:]+:\d+:images", "worker shop-2:80:images"),
)


class StillClock:
    """A clock that stands still."""

    def __init__(self, at: datetime) -> None:
        self.at = at.timestamp()

    def time(self) -> float:
        """Seconds since 1970."""
        return self.at

    def monotonic(self) -> float:
        """Seconds since some start."""
        return 1000.0


@contextmanager
def still() -> Iterator[None]:
    """Stop the clocks of commands that run in this process, in UTC."""
    stands = StillClock(NOW)
    zone = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        with (
            patch.object(clock.SystemClock, "time", staticmethod(stands.time)),
            patch.object(time, "time", stands.time),
        ):
            yield
    finally:
        if zone is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = zone
        time.tzset()


def fill(db: redis.Redis, resque: Resque) -> None:
    """Write what the pictures show. The Redis must be empty."""
    if db.dbsize():
        sys.exit("this Redis is not empty: the pictures are taken of one that is filled for them")
    for at in range(12):
        resque.enqueue_to("payments", "ChargeCard", 1000 + at, {"currency": "EUR"})
    for at in range(5):
        resque.enqueue_to("mailers", "BasketMailer", 40 + at, "basket")
    for number in (101, 102, 103):
        resque.enqueue_to("images", "ResizeImage", number, 640)
    resque.pause_queue("mailers")
    _failures(db)
    _workers(db)
    for name, config in (
        ("clean_baskets", {"cron": "*/15 * * * *", "class": "CleanBaskets", "queue": "reports"}),
        ("monthly_report", {"cron": "0 6 1 * *", "class": "MonthlyReport", "queue": "reports"}),
    ):
        resque.set_schedule(name, config, persist=True)
        db.hset("resque:delayed:last_enqueued_at", name, "2026-03-02 11:45:00 +0000")
    db.set("resque:resque:resque_scheduler_master_lock", "shop-1:71", ex=180)
    for hours in (1, 6, 24):
        resque.enqueue_at(
            NOW + timedelta(hours=hours), "RemindCustomer", 70 + hours, queue="mailers"
        )
    resque.enqueue_at(NOW + timedelta(minutes=5), "Import", "berlin", queue="imports")
    db.set(f"resque:resque-retry:Import:{sha1(b'berlin').hexdigest()}", 1)  # noqa: S324 - Ruby's key
    status = {"status": "working", "name": "Export(rows: 300)", "num": 120, "total": 300}
    told = {"uuid": "4f6f1d2c", "time": int(NOW.timestamp()) - 60, "message": "At 120 of 300"}
    db.set("resque:status:4f6f1d2c", json.dumps({**status, **told}))
    db.zadd("resque:_statuses", {"4f6f1d2c": NOW.timestamp() - 60})


def _failures(db: redis.Redis) -> None:
    errors = (
        ("ChargeCard", "payments", "Net::ReadTimeout", "no answer of the bank for order {}"),
        ("ResizeImage", "images", "ValueError", "cannot identify image file 'photo-{}.heic'"),
    )
    for at in range(9):
        name, queue, exception, error = errors[at % 3 // 2]
        record = {
            "failed_at": f"{NOW - timedelta(minutes=100 - 7 * at):%Y/%m/%d %H:%M:%S UTC}",
            "payload": {"class": name, "args": [900 + at]},
            "exception": exception,
            "error": error.format(900 + at),
            "backtrace": [f"/app/jobs/{queue}.rb:12:in 'perform'"],
            "worker": "shop-1:50:*",
            "queue": queue,
        }
        db.rpush("resque:failed", json.dumps(record))
    db.set("resque:stat:failed", 9)
    db.set("resque:stat:processed", 12_040)


def _workers(db: redis.Redis) -> None:
    for number, job in ((50, "ChargeCard"), (51, None)):
        worker = f"shop-1:{number}:payments,mailers"
        db.sadd("resque:workers", worker)
        db.hset("resque:workers:heartbeat", worker, (NOW - timedelta(seconds=20)).isoformat())
        db.set(f"resque:stat:processed:{worker}", 4100 + 13 * number)
        db.set(f"resque:worker:{worker}:started", f"{NOW - timedelta(hours=9):%F %T +0000}")
        if job:
            work = {"class": job, "args": [999, {"currency": "EUR"}]}
            run_at = (NOW - timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
            record = {"queue": "payments", "run_at": run_at, "payload": work}
            db.set(f"resque:worker:{worker}", json.dumps(record))


def write_files(folder: Path) -> None:
    """Write what the commands read."""
    for name, text in FILES.items():
        (folder / name).write_text(text)


def run(url: str, line: str, stop: signal.Signals, seconds: float, folder: Path) -> str:
    """What a command prints that keeps running, until it is stopped."""
    write_files(folder)
    python = os.pathsep.join((str(Path(__file__).parents[1]), str(folder)))
    environment = {**os.environ, "REDIS_URL": url, "COLUMNS": str(COLUMNS), "PYTHONPATH": python}
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "pyresque", *line.split()],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        text, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(stop)
        text, _ = process.communicate(timeout=20)
    text = text.replace(gethostname(), "shop-2")
    text = re.sub(r"\[\d\d:\d\d:\d\d [\d-]+\]", f"[{NOW:%H:%M:%S %Y-%m-%d}]", text)
    pids: dict[str, int] = {}
    found = re.compile(r"(shop-2:|\] )(\d+)")
    text = found.sub(lambda one: one[1] + str(pids.setdefault(one[2], 80 + len(pids))), text)
    return "\n".join(as_everywhere(one) for one in text.splitlines()).strip("\n")


@contextmanager
def own_logging() -> Iterator[None]:
    """Leave the logger as it was: a worker that runs in this process sets it up."""
    logger = logging.getLogger("pyresque")
    kind, level, propagate, handlers = (
        logger.__class__,
        logger.level,
        logger.propagate,
        [*logger.handlers],
    )
    try:
        yield
    finally:
        for handler in {*logger.handlers} - {*handlers}:
            logger.removeHandler(handler)
            handler.close()
        logger.__class__, logger.propagate = kind, propagate
        logger.setLevel(level)


def as_everywhere(line: str) -> str:
    """A line without what varies; what stands at its right stays there."""
    changed = line
    for pattern, words in VARYING:
        changed = re.sub(pattern, words, changed)
    more = len(line) - len(changed)
    return re.sub(rf"({SHOP}.*? {{5}}) *(?=\S)", lambda gap: gap[0] + " " * more, changed)


def printed(url: str, line: str, folder: Path) -> str:
    """What a command prints, with what varies in its place."""
    write_files(folder)
    log = folder / "log"
    environment = {
        "REDIS_URL": url,
        "COLUMNS": str(COLUMNS),
        "PYRESQUE_APP": "",
        "LOGFILE": str(log),
    }
    before = Path.cwd()
    os.chdir(folder)
    try:
        with own_logging():
            result = CliRunner().invoke(
                cli, line.split(), env=environment, prog_name="pyresque", color=True
            )
    finally:
        os.chdir(before)
    text = result.output
    if log.exists():
        text += log.read_text()
        log.unlink()
    text = "\n".join(as_everywhere(one) for one in text.splitlines())
    if line == "doctor":
        parts = text.split("\n\n")
        text = "\n\n".join(part for part in parts if any(f"[{code}]" in part for code in FINDINGS))
    return text.rstrip("\n")


#: The picture without a font of another host: whoever looks at it has a monospaced one.
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-family: sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def picture(file: str, line: str, text: str) -> str:
    """A terminal with a command and its output, as SVG."""
    lines = text.splitlines()
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], "..."]
    console = Console(record=True, width=COLUMNS, file=StringIO(), legacy_windows=False)
    console.print(Text(f"$ pyresque {line}", style="bold green"))
    for one in lines:
        console.print(
            Text.from_ansi(one), soft_wrap=False, crop=True, no_wrap=True, overflow="ellipsis"
        )
    svg = console.export_svg(
        title=f"pyresque {line.split(maxsplit=1)[0]}",
        code_format=FORMAT,
        unique_id=f"terminal-{file}",
    )
    return "\n".join(part.rstrip() for part in svg.splitlines()) + "\n"


def pictures(url: str) -> dict[str, str]:
    """Every picture. The Redis must be empty, and is empty afterwards."""
    with redis.Redis.from_url(url) as db, tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, folder)
        try:
            with still():
                with Resque(url) as resque:
                    fill(db, resque)
                made = {}
                for file, line in SHOWN.items():
                    if file == "worker":  # it would prune those that are only written down
                        db.delete("resque:workers", "resque:workers:heartbeat")
                    made[file] = picture(file, line, printed(url, line, Path(folder)))
                return made
        finally:
            sys.path.remove(folder)
            db.flushdb()


def main(url: str, folder: Path = FOLDER) -> None:
    """Make the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    made = pictures(url)
    with redis.Redis.from_url(url) as db, tempfile.TemporaryDirectory() as place:
        for file, (line, stop, seconds) in RUNNING.items():
            with Resque(url) as resque:
                for number in (101, 102, 104):
                    resque.enqueue_to("images", "ResizeImage", number, 640)
            made[file] = picture(file, line, run(url, line, stop, seconds, Path(place)))
            db.flushdb()
    for file, svg in made.items():
        (folder / f"{file}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
