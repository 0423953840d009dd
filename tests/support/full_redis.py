"""A Redis with something for every page of the dashboard: good, odd and broken; and the paths of all pages on it."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from pyresque.web.pages import PAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

WORKER = "far-host:12:mailers,high_*"
WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"
ENVELOPE = {
    "job_class": "SyncAccountJob",
    "job_id": "5b1c",
    "queue_name": "mailers",
    "arguments": [{"_aj_globalid": "gid://shop/Account/7"}],
    "executions": 2,
    "exception_executions": {"[Net::OpenTimeout]": 2},
    "enqueued_at": "2026-11-29T12:00:00Z",
}

#: What each name in a path stands for, where it is there.
NAMES = {
    "queue": "mailers",
    "worker": WORKER,
    "list": "failed",
    "key": "queue:mailers",
    "name": "nightly",
    "timestamp": "4000000000",
    "id": "status-1",
    "class": "Report",
}

#: Elements that are no job, or no failed record.
BROKEN = (
    b"",
    b"\xff\xfe",
    b"not json",
    b"[]",
    b"7",
    b"{}",
    b'{"class":null,"args":null}',
    b'{"class":[],"args":{"a":1}}',
    b'{"class":"Big","args":[' + b"9" * 500 + b",1e400]}",
    b'{"class":"Deep","args":' + b"[" * 300 + b"]" * 300 + b"}",
    b'{"class":"\\ud800","args":["\\udfff"]}',
)


def fill(db: redis.Redis, *, broken: bool = True) -> None:
    """Fill an empty Redis; ``broken``: with what breaks readers, too."""
    minute = int(time.time()) // 60 * 60
    pipe = db.pipeline()
    pipe.sadd("resque:queues", "mailers", "media", "empty")
    for number in range(45):
        pipe.rpush("resque:queue:mailers", json.dumps({"class": "WelcomeMailer", "args": [number]}))
    envelope = json.dumps({"class": WRAPPER, "args": [ENVELOPE], "queue": "mailers"})
    pipe.rpush("resque:queue:media", envelope, json.dumps({"class": "Resize", "args": [{"w": 1}]}))
    pipe.set("pause:queue:media", "true")
    for at in range(30):
        pipe.rpush("resque:failed", failed_record(at))
    pipe.sadd("resque:workers", WORKER, "near:13:mailers")
    work = {"class": "WelcomeMailer", "args": [99]}
    record = {"queue": "mailers", "run_at": "2026-11-29T12:00:00Z", "payload": work}
    pipe.set(f"resque:worker:{WORKER}", json.dumps(record))
    pipe.set(f"resque:worker:{WORKER}:started", "2026-11-29 11:00:00 +0000")
    note = {"version": "1.0.0", "python": "3.12.1", "executor": "fork", "together": 1}
    note["started"] = "2026-11-29 11:00:00 +0000"
    pipe.set(f"resque:worker:{WORKER}:note", json.dumps(note))
    pipe.hset("resque:workers:heartbeat", WORKER, "2001-01-01T00:00:00Z")
    pipe.set("resque:stat:processed", 1234567)
    pipe.set("resque:stat:failed", 31)
    for at in range(30, 0, -1):
        then = time.gmtime(minute - 60 * at)
        hour = f"resque:throughput:{time.strftime('%Y-%m-%dT%H', then)}"
        pipe.hset(hour, f"{then.tm_min:02}", f"{1000 - 7 * at}:{100 - at}")
    nightly = {"cron": "0 3 * * *", "class": "Nightly", "queue": "low", "args": [1]}
    pipe.hset("resque:persistent_schedules", "nightly", json.dumps(nightly))
    pipe.hset("resque:schedules", "nightly", json.dumps(nightly))
    monthly = {"class": "Monthly", "queue": "low", "parameters": {"day": {"default": 1}}}
    pipe.hset("resque:persistent_schedules", "monthly", json.dumps(monthly))
    pipe.hset("resque:schedules", "monthly", json.dumps(monthly))
    rule = {"match": "Report", "to": "python", "percent": 10, "brake": 5, "least": 20, "since": 0}
    pipe.set("resque:migrate:routes", json.dumps({"version": 1, "rules": [rule]}))
    change = {"at": "2026-11-29T12:00:00Z", "by": "ann", "what": "set Report", "version": 1}
    pipe.lpush("resque:migrate:routes:log", json.dumps({**change, "rules": [rule], "before": []}))
    pipe.hset("resque:migrate:last", "python:Report", 1764417600)
    day = time.strftime("%Y-%m-%d", time.gmtime(minute))
    pipe.hset(f"resque:migrate:performed:{day}:Report", "01:python:done", 3)
    pipe.set("resque:resque:resque_scheduler_master_lock", "host:77", ex=180)
    later = json.dumps({"class": "Later", "args": [1], "queue": "low"})
    for at, job in ((4_000_000_000, later), (4_000_000_100, envelope)):
        pipe.zadd("resque:delayed_queue_schedule", {str(at): at})
        pipe.rpush(f"resque:delayed:{at}", job)
        pipe.sadd(f"resque:timestamps:{job}", f"delayed:{at}")
    status = {"status": "working", "name": "Report(n: 1)", "num": 1, "total": 4, "time": 1764417600}
    pipe.zadd("resque:_statuses", {"status-1": 1764417600})
    pipe.set("resque:status:status-1", json.dumps({**status, "uuid": "status-1"}))
    if broken:
        _break(pipe)
    pipe.execute()


def _break(pipe: redis.client.Pipeline) -> None:
    pipe.sadd("resque:queues", "no list", "a/b", b"\xff", "x.json")
    pipe.set("resque:queue:no list", "text")
    pipe.rpush("resque:queue:mailers", *BROKEN)
    pipe.rpush("resque:queue:a/b", *BROKEN)
    pipe.rpush(b"resque:queue:\xff", *BROKEN)
    pipe.rpush("resque:failed", *BROKEN)
    pipe.rpush("resque:failed", b'{"payload":7,"backtrace":{},"error":[],"failed_at":1e400}')
    pipe.rpush("resque:failed", b'{"payload":{"class":{},"args":"x"},"queue":["\\ud800"]}')
    pipe.sadd("resque:workers", "no worker id", b"\xff:1:\xff", "odd:2:*", "idle:3:*")
    pipe.set("resque:worker:odd:2:*", '{"queue":[],"run_at":{},"payload":[1]}')
    pipe.hset("resque:worker:idle:3:*", "a", "b")
    pipe.hset("resque:workers:heartbeat", "odd:2:*", "never")
    for name, config in (
        ("not json", b"\xff"),
        ("a list", b"[]"),
        ("no time", b'{"class":"A"}'),
        (
            "odd",
            b'{"cron":{"a":1},"every":[],"class":[7],"queue":{},"args":1e400,"description":[]}',
        ),
    ):
        pipe.hset("resque:persistent_schedules", name, config)
        pipe.hset("resque:schedules", name, config)
    pipe.hset("resque:delayed:last_enqueued_at", "odd", "never")
    pipe.zadd(
        "resque:delayed_queue_schedule", {"no time": 5, "1e300": 1e300, "1.5": 1.5, "inf": "inf"}
    )
    pipe.rpush("resque:delayed:4000000000", *BROKEN)
    pipe.rpush("resque:delayed:1.5", *BROKEN)
    pipe.zadd("resque:_statuses", {"gone": 1, "odd": 2, b"\xff": 3, "hash": 4})
    pipe.set("resque:status:odd", b'{"status":7,"name":[],"num":"x","total":0,"time":1e400}')
    pipe.set(b"resque:status:\xff", b"\xff")
    pipe.hset("resque:status:hash", "a", "b")
    for kind in range(3):
        pipe.xadd(f"resque:stream:{kind}", {"a": "b"})


def failed_record(at: int) -> bytes:
    """A failed record as Ruby writes it; every third was retried."""
    record = {
        "failed_at": f"2026/11/29 12:{at % 60:02}:00 UTC",
        "payload": {
            "class": "Report" if at % 2 else "Import",
            "args": [at, {"deep": [True, None]}],
        },
        "exception": "RuntimeError" if at % 2 else "Net::OpenTimeout",
        "error": f"no such report {at}",
        "backtrace": [f"/app/jobs/report.rb:{at}:in 'perform'", "/app/lib/b.rb:2:in 'call'"],
        "worker": WORKER,
        "queue": "mailers",
    }
    if at % 3 == 0:
        record["retried_at"] = "2026/11/29 13:00:00 +0000"
    return json.dumps(record).encode()


def path_of(path: str) -> str:
    """A path of the table with what is there in place of its names. Raises KeyError for a name that stands for nothing here."""
    return re.sub(r"\{(\w+)\}", lambda name: quote(NAMES[name[1]], safe=""), path)


def paths(name_of: Callable[[bytes], str]) -> dict[str, str]:
    """The path of every page of the table, by its path in the table. ``name_of``: the dashboard's."""
    found = {page.path: path_of(page.path) for page in PAGES}
    found["/failed/record"] = f"/failed/record?list=failed&id={name_of(failed_record(3))}&index=3"
    found["/search"] = "/search?q=report"
    return found
