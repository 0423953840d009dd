"""One fleet of schedulers, Ruby's and ours, on one Redis: either leads, neither fires what the other fired."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from compat_tests.live.app import EchoJob
from compat_tests.live.peers import PYTHON_WORKER, SCHEDULER_TABS, Program, failing
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = "resque:resque:resque_scheduler_master_lock"

#: Jobs, and the timestamps, a second apart, at which they are due.
JOBS, SECONDS = 5000, 60


@pytest.fixture
def python_scheduler(redis_server, db, programs) -> Callable[..., Program]:
    """Starts our own schedulers: `python_scheduler(interval=0.1, DYNAMIC_SCHEDULE="1")`."""

    def start(*, interval: float = 0.1, **env: str) -> Program:
        settings = {
            "REDIS_URL": redis_server.url,
            "TZ": "UTC",
            "PYTHONPATH": str(PYTHON_WORKER.parents[2]),
            "RESQUE_SCHEDULER_INTERVAL": str(interval),
            **env,
        }
        script = PYTHON_WORKER.with_name("scheduler.py")
        scheduler = Program([sys.executable, str(script)], settings)
        programs.append(scheduler)
        scheduler.line()
        return scheduler

    return start


@pytest.fixture
def schedulers(ruby_scheduler, python_scheduler):
    """Both makers, by language."""
    return {"Ruby": ruby_scheduler, "Python": python_scheduler}


def leads(db, program: Program) -> None:
    """Wait until a program is the master."""
    eventually(
        lambda: db.get(LOCK), lambda holder: holder and holder.endswith(f":{program.pid}".encode())
    )


def payload(number: int) -> bytes:
    return json.dumps({"class": "EchoJob", "args": [number]}, separators=(",", ":")).encode()


def test_every_delayed_job_is_fired_once_while_masters_are_killed_in_turn(schedulers, resque, db):
    """Killed as by a power cut, under load; their lock ends by itself then."""
    start = int(time.time())
    for number in range(JOBS):
        # Most of them are due already when the first scheduler comes, so that it is killed at full speed.
        due = start - 45 + number % SECONDS
        resque.delayed_push(due, {"class": "EchoJob", "args": [number], "queue": "echo"})
    assert resque.delayed_queue_schedule_size() == SECONDS
    turns = cycle(["Ruby", "Python"])
    env = {"LOCK_TIMEOUT": "1", "DELAYED_REQUEUE_BATCH_SIZE": "7"}
    deadline = time.monotonic() + 90
    while (resque.count_all_scheduled_jobs() or resque.size("echo") < JOBS) and (
        time.monotonic() < deadline
    ):
        master = schedulers[next(turns)](interval=0.05, **env)
        leads(db, master)
        enough = resque.size("echo") + JOBS // 16
        eventually(
            lambda enough=enough: (
                resque.size("echo") >= enough or not resque.count_all_scheduled_jobs()
            )
        )
        master.kill()
    found = Counter(db.lrange("resque:queue:echo", 0, -1))
    assert found == Counter(payload(number) for number in range(JOBS))
    # The last master may have been killed between a timestamp's last job and the timestamp.
    schedulers["Python"](interval=0.05, **env)
    eventually(lambda: resque.delayed_queue_schedule_size() == 0)


def between_due_times() -> int:
    """Wait until a second after one due time and a second before the next; the number of due times until now."""
    return int(eventually(time.time, lambda now: 0.9 < now % 2 < 1.1) // 2)


def test_a_recurring_job_runs_once_per_due_time_through_three_hand_overs(schedulers, resque, db):
    """Every second second; each master stops as on a deploy, and a new one of its language stands by again."""
    config = {"cron": "*/2 * * * * *", "class": "EchoJob", "queue": "ticks"}
    resque.set_schedule("tick", config, persist=True)
    standing = {name: start(DYNAMIC_SCHEDULE="true") for name, start in schedulers.items()}
    eventually(lambda: db.llen("resque:queue:ticks"))
    begun, runs = between_due_times(), db.llen("resque:queue:ticks")
    led = []
    for _ in range(3):
        holder = db.get(LOCK)
        led.append(next(n for n, p in standing.items() if holder.endswith(b":%d" % p.pid)))
        assert standing[led[-1]].stop() == 0
        eventually(lambda holder=holder: db.get(LOCK) not in {None, holder})
        standing[led[-1]] = schedulers[led[-1]](DYNAMIC_SCHEDULE="true")
        between_due_times()
        seen = db.llen("resque:queue:ticks")
        eventually(lambda seen=seen: db.llen("resque:queue:ticks") > seen)
        ended = between_due_times()
    assert set(led) == {"Ruby", "Python"}
    assert db.llen("resque:queue:ticks") - runs == ended - begun


@pytest.mark.parametrize(("first", "second"), [("Ruby", "Python"), ("Python", "Ruby")])
def test_a_scheduler_that_stops_hands_over_at_once(schedulers, db, first, second):
    master = schedulers[first]()
    leads(db, master)
    standby = schedulers[second]()
    assert 150 < db.ttl(LOCK) <= 180
    begun = time.monotonic()
    assert master.stop(signal.SIGTERM) == 0
    leads(db, standby)
    assert time.monotonic() - begun < 120, "the lock did not have to expire"


def test_only_one_of_two_leads(schedulers, db):
    masters = {name: start() for name, start in schedulers.items()}
    holder = eventually(lambda: db.get(LOCK))
    assert [p for p in masters.values() if holder.endswith(f":{p.pid}".encode())]
    ttls = [eventually(lambda: db.ttl(LOCK)) for _ in range(3)]
    assert min(ttls) > 170
    assert db.get(LOCK) == holder


@pytest.mark.parametrize("setter", ["Ruby", "Python"])
@pytest.mark.parametrize("leader", ["Ruby", "Python"])
def test_a_dynamic_schedule_set_by_one_runs_in_the_other(
    schedulers, ruby, resque, db, setter, leader
):
    # Ruby's scheduler forgets what has changed up to the moment when it has read all schedules.
    db.sadd("resque:schedules_changed", "before the start")
    leads(db, schedulers[leader](DYNAMIC_SCHEDULE="true"))
    eventually(lambda: not db.exists("resque:schedules_changed"))
    config = {
        "every": ["1h", {"first_in": "0.5s"}],
        "class": "EchoJob",
        "queue": "q",
        "args": {"a": 1},
    }
    if setter == "Ruby":
        ruby.ask("set_schedule", name="new", config={**config, "persist": True})
        assert resque.fetch_schedule("new") == config
    else:
        resque.set_schedule("new", config, persist=True)
        assert ruby.ask("all_schedules") == {"new": config}
    eventually(
        lambda: db.lrange("resque:queue:q", 0, -1),
        lambda q: q == [b'{"class":"EchoJob","args":[{"a":1}]}'],
    )
    last = eventually(lambda: resque.get_last_enqueued_at("new"))
    assert ruby.ask("last_enqueued_at", name="new") == last


def test_the_dashboard_shows_and_works_on_our_schedules_and_delayed_jobs(ruby_web, resque, db):
    for name, extra in {
        "tea": {"cron": "0 9 * * mon-fri", "args": [1, {"a": None}]},
        "caf\u00e9 <b>": {
            "every": ["30s", {"first_in": "5s"}],
            "args": {"a": 1},
            "description": "<i>",
        },
        "elsewhere": {"cron": "* * * * *", "class": "Only::Python", "env": "production"},
    }.items():
        resque.set_schedule(name, {"class": "EchoJob", "queue": "echo", **extra}, persist=True)
    at = int(time.time()) + 3600
    for number in range(3):
        resque.enqueue_at(at, EchoJob, number)
    resque.enqueue_at_with_queue("far", at + 60, "Only::Python", "<b>")
    resque.last_enqueued_at("tea", "2026-03-01 12:00:00 +0000")
    web = ruby_web()
    pages = web.crawl(*SCHEDULER_TABS)
    assert failing(pages) == {}
    assert "tea" in pages["/schedule"].body
    assert "Only::Python" in pages["/schedule"].body
    assert f"/delayed/{at}" in pages
    web.post("/schedule/requeue", job_name="tea")
    assert db.lrange("resque:queue:echo", 0, -1) == [b'{"class":"EchoJob","args":[1,{"a":null}]}']
    web.post("/delayed/queue_now", timestamp=str(at))
    assert db.llen("resque:queue:echo") == 2, "the first job of that time"
    assert resque.delayed_timestamp_size(at) == 2
    web.post("/delayed/cancel_now", timestamp=str(at), klass="EchoJob", args="[2]")
    assert [job.args for job in resque.delayed_timestamp_peek(at, 0, 9)] == [(1,)]
    web.request("DELETE", "/schedule", {"job_name": "tea"})
    assert resque.fetch_schedule("tea") is None
    web.post("/delayed/clear")
    assert resque.count_all_scheduled_jobs() == 0
