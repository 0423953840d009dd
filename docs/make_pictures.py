# ruff: noqa: INP001 - a script beside the pages, no package
"""Takes the pictures of docs/dashboard.md: fills an empty Redis with a shop's jobs, serves the dashboard, and opens it in Chromium.

Run it from a checkout with pyresque[test], a Chromium on the PATH and an empty Redis: ``python docs/make_pictures.py redis://localhost:6379/9``
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis
import uvicorn

from pyresque import Resque
from pyresque.web import anybody, app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

FOLDER = Path(__file__).parent / "pictures"

#: Each picture: the page, the width and height of the window, and the colours.
PICTURES: dict[str, tuple[str, int, int, str]] = {
    "overview": ("/overview", 1100, 900, "light"),
    "failed-by-kind": ("/failed/groups", 1100, 420, "light"),
    "queue": ("/queues/mailers?q=basket", 1100, 520, "light"),
    "workers": ("/workers", 1100, 520, "light"),
    "schedule": ("/schedule", 1100, 480, "light"),
    "failed-dark": ("/failed?class=ChargeCard", 1100, 700, "dark"),
    "phone": ("/queues", 375, 740, "light"),
}

QUEUES = {"payments": 12, "mailers": 384, "images": 57, "reports": 3, "legacy": 8}
CLASSES = {
    "payments": "ChargeCard",
    "mailers": "WelcomeMailer",
    "images": "ResizeImage",
    "reports": "MonthlyReport",
    "legacy": "OldExport",
}
ERRORS = (
    ("ChargeCard", "payments", "Net::ReadTimeout", "no answer of the bank for order {}", 41),
    ("ChargeCard", "payments", "CardDeclined", "the card of customer {} was declined", 17),
    ("ResizeImage", "images", "ValueError", "cannot identify image file 'photo-{}.heic'", 9),
    ("WelcomeMailer", "mailers", "SMTPServerBusy", "421 try again later, id {}", 4),
)


def fill(db: redis.Redis, resque: Resque) -> None:
    """Write what the pictures show. The Redis must be empty."""
    if db.dbsize():
        sys.exit("this Redis is not empty: the pictures are taken of one that is filled for them")
    now, dice = datetime.now(timezone.utc), random.Random(7)  # noqa: S311 - the same pictures each time
    for queue, size in QUEUES.items():
        for at in range(size):
            args = [1000 + at, "basket"] if at % 9 == 0 else [1000 + at]
            resque.enqueue_to(queue, CLASSES[queue], *args)
    resque.pause_queue("reports")
    _failures(db, now, dice)
    _workers(db, now)
    _minutes(db, now, dice)
    for name, config in (
        ("clean_baskets", {"cron": "*/15 * * * *", "class": "CleanBaskets", "queue": "reports"}),
        ("monthly_report", {"cron": "0 6 1 * *", "class": "MonthlyReport", "queue": "reports"}),
        ("heartbeat", {"every": "30s", "class": "Heartbeat", "queue": "reports"}),
    ):
        resque.set_schedule(name, config, persist=True)
        last = now - timedelta(minutes=4)
        db.hset("resque:delayed:last_enqueued_at", name, f"{last:%Y-%m-%d %H:%M:%S +0000}")
    db.set("resque:resque:resque_scheduler_master_lock", "shop-1:71", ex=180)
    for at in range(6):
        resque.enqueue_in(timedelta(hours=1 + at), "RemindCustomer", 70 + at, queue="mailers")


def _failures(db: redis.Redis, now: datetime, dice: random.Random) -> None:
    records: list[tuple[float, str]] = []
    for name, queue, exception, error, number in ERRORS:
        for at in range(number):
            ago = dice.uniform(60, 20_000)
            order = 4000 + at * 7
            record = {
                "failed_at": f"{now - timedelta(seconds=ago):%Y/%m/%d %H:%M:%S UTC}",
                "payload": {"class": name, "args": [order]},
                "exception": exception,
                "error": error.format(order),
                "backtrace": [f"/app/jobs/{queue}.rb:12:in 'perform'", "/app/lib/http.rb:40"],
                "worker": f"shop-1:{50 + at % 3}:*",
                "queue": queue,
            }
            records.append((-ago, json.dumps(record)))
    db.rpush("resque:failed", *(record for _, record in sorted(records)))
    db.set("resque:stat:failed", len(records))


def _workers(db: redis.Redis, now: datetime) -> None:
    for number, queue in ((50, "payments"), (51, "mailers"), (52, "images"), (53, None)):
        worker = f"shop-{1 + number % 2}:{number}:payments,mailers,images"
        beat = now - timedelta(seconds=20 if number != 53 else 400)  # noqa: PLR2004 - one of them is late
        db.sadd("resque:workers", worker)
        db.hset("resque:workers:heartbeat", worker, beat.isoformat())
        db.set(f"resque:worker:{worker}:started", f"{now - timedelta(hours=9):%F %T +0000}")
        db.set(f"resque:stat:processed:{worker}", 4100 + 13 * number)
        if queue is not None:
            job = {"class": CLASSES[queue], "args": [900 + number]}
            run_at = (now - timedelta(seconds=number - 48)).isoformat()
            record = {"queue": queue, "run_at": run_at, "payload": job}
            db.set(f"resque:worker:{worker}", json.dumps(record))


def _minutes(db: redis.Redis, now: datetime, dice: random.Random) -> None:
    """Write the counters of the last hour, as the dashboard's timer does."""
    processed, failed = 1_204_000, 60
    first = int(now.timestamp()) // 60 * 60 - 3600
    for at in range(61):
        minute = first + 60 * at
        processed += int(dice.gauss(320, 60))
        failed += dice.choice((0, 0, 0, 1, 2)) + (5 if 20 < at < 27 else 0)  # noqa: PLR2004 - a bad while
        then = time.gmtime(minute)
        key = f"resque:throughput:{time.strftime('%Y-%m-%dT%H', then)}"
        db.hset(key, f"{then.tm_min:02}", f"{processed}:{failed}")
    db.set("resque:stat:processed", processed)


@contextmanager
def serving(resque: Resque) -> Iterator[str]:
    """Serve the dashboard; yield its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app(resque, authorize=anybody), log_level="error", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def take(browser: Browser, address: str, folder: Path) -> None:
    """Take all pictures."""
    folder.mkdir(exist_ok=True)
    for name, (path, width, height, scheme) in PICTURES.items():
        options: dict[str, Any] = {
            "viewport": {"width": width, "height": height},
            "color_scheme": scheme,
        }
        context = browser.new_context(**options)
        page = context.new_page()
        page.goto(address + path)
        page.screenshot(path=folder / f"{name}.png")
        context.close()


def main(url: str, folder: Path = FOLDER) -> None:
    """Fill this Redis, take the pictures, and empty it again."""
    from tests.support.chromium import chromium  # noqa: PLC0415 - beside its one use

    with redis.Redis.from_url(url) as db, Resque(url) as resque:
        fill(db, resque)
        try:
            with serving(resque) as address, chromium() as browser:
                take(browser, address, folder)
        finally:
            db.flushdb()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main(sys.argv[1])
