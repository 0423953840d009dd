# ruff: noqa: INP001 - a script beside the pages, no package
"""Write docs/reference/keys.md from ``pyresque/store/keys.py``: ``python docs/make_keys.py``. A key without a row here is a fault."""

from __future__ import annotations

import inspect
from typing import NamedTuple

from making import markdown, write

from pyresque.store import keys as module
from pyresque.store.keys import Keys


class Row(NamedTuple):
    """What a key's method does not tell of it."""

    arguments: tuple[str, ...]
    kind: str
    writes: str
    reads: str
    goes: str


#: How a key of each type is looked at.
COMMANDS = {
    "set": "SMEMBERS {}",
    "list": "LRANGE {} 0 9",
    "string": "GET {}",
    "hash": "HGETALL {}",
    "sorted set": "ZRANGE {} 0 9 WITHSCORES",
}

RUBY = "Resque"
SCHEDULER = "resque-scheduler"
BOTH = "both sides"
OURS = "pyresque"
STAYS = "stays"

GROUPS: dict[str, dict[str, Row]] = {
    "Queues and workers, as Resque has them": {
        "queues": Row(
            (),
            "set",
            "whoever enqueues",
            "workers of `*`, dashboards",
            "a name goes when its queue is removed",
        ),
        "queue": Row(
            ("QUEUE",), "list", "whoever enqueues", "workers", "when the last job is taken"
        ),
        "workers": Row(
            (),
            "set",
            "workers",
            "dashboards, whoever prunes",
            "an id goes when its worker ends or is pruned",
        ),
        "worker": Row(
            ("HOST:PID:QUEUES",),
            "string",
            "the worker",
            "dashboards, whoever prunes",
            "at the job's end",
        ),
        "worker_started": Row(
            ("HOST:PID:QUEUES",), "string", "the worker", "dashboards", "with the worker"
        ),
        "heartbeats": Row(
            (), "hash", "workers, once a minute", "whoever prunes", "a field goes with its worker"
        ),
        "pruning": Row(
            (), "string", "the worker that prunes", "other workers", "after a heartbeat interval"
        ),
        "pause": Row(
            (),
            "string",
            "`pyresque workers pause`, Ruby's `pause_all`",
            "every worker",
            "`pyresque workers resume`",
        ),
        "stat": Row(
            ("processed",),
            "string",
            "workers",
            "dashboards",
            "a worker's own go with it; the sums stay",
        ),
        "failed": Row(
            (),
            "list",
            "workers, whoever prunes",
            "dashboards, `pyresque failed`",
            "`failed clear`, `failed remove`, `RESQUE_FAILED_MAX_COUNT`",
        ),
        "failed_queues": Row(
            (), "set", "workers with `redis_multi_queue`", "dashboards", "a name goes with its list"
        ),
    },
    "Delayed and recurring jobs, as resque-scheduler has them": {
        "delayed_schedule": Row(
            (),
            "sorted set",
            "whoever enqueues for later",
            "schedulers",
            "a time goes with its list",
        ),
        "delayed": Row(
            ("TIMESTAMP",),
            "list",
            "whoever enqueues for later",
            "schedulers",
            "when its jobs are moved",
        ),
        "timestamps": Row(
            ("PAYLOAD",),
            "set",
            "whoever enqueues for later",
            "verbs that find a delayed job",
            "with the job",
        ),
        "schedules": Row(
            (), "hash", "`set_schedule` with `persist`", "schedulers", "`schedule remove`"
        ),
        "schedules_changed": Row(
            (),
            "set",
            "`set_schedule`, `remove_schedule`",
            "schedulers with `--dynamic`",
            "when the scheduler has loaded them",
        ),
        "last_enqueued_at": Row(
            (), "hash", "schedulers", "dashboards, schedulers that catch up", STAYS
        ),
        "master_lock": Row(
            (),
            "string",
            "the scheduler that leads",
            "other schedulers",
            "after `LOCK_TIMEOUT`, 180 s, unless renewed",
        ),
        "node_leader_lock": Row(
            (), "string", "node-resque", "`pyresque doctor`", "node-resque's time"
        ),
    },
    "Plugins, as Ruby's gems have them": {
        "pause_queue": Row(
            ("QUEUE",), "string", "`queues pause`, resque-pause", "every worker", "`queues resume`"
        ),
        "pause_all_queues": Row(
            (),
            "string",
            "`queues pause --all`, resque-pause",
            "every worker",
            "`queues resume --all`",
        ),
        "loner": Row(
            ("QUEUE", "MD5"),
            "string",
            "whoever enqueues",
            "whoever enqueues",
            "when the job is taken",
        ),
        "solo": Row(
            ("QUEUE", "MD5"),
            "string",
            "whoever enqueues",
            "whoever enqueues",
            "when the job is taken",
        ),
        "lock": Row(
            ("CLASS", "ARGUMENTS"),
            "string",
            "whoever enqueues",
            "whoever enqueues",
            "after the job; an hour later it no longer counts",
        ),
        "lock_timeout": Row(
            ("CLASS", "ARGUMENTS"), "string", "the worker", "workers", "after the job"
        ),
        "lock_timeout_loner": Row(
            ("lock:CLASS:ARGUMENTS",),
            "string",
            "whoever enqueues",
            "whoever enqueues",
            "when the job is taken",
        ),
        "queue_lock": Row(
            ("CLASS", "ARGUMENTS"),
            "string",
            "whoever enqueues",
            "whoever enqueues",
            "before the job is performed",
        ),
        "lonely_job": Row(("QUEUE",), "string", "the worker", "workers", "after the job"),
        "workers_lock": Row(("NAME",), "string", "the worker", "workers", "after the job"),
        "throttle": Row(
            ("CLASS",), "string", "whoever enqueues", "whoever enqueues", "at the period's end"
        ),
        "meta": Row(
            ("ID",),
            "string",
            "whoever enqueues, the worker",
            "the application",
            "as the class says",
        ),
        "restriction": Row(
            ("CLASS", "PERIOD"), "string", "the worker", "workers", "at the period's end"
        ),
        "history": Row((), "list", "workers", "resque-history's page", "the oldest go beyond 500"),
        "job_stats": Row(
            ("CLASS", "performed"), "string", "workers", "resque-job-stats' page", STAYS
        ),
        "retry_counter": Row(
            ("CLASS:SHA1",),
            "string",
            "the worker",
            "the worker, `pyresque retries`",
            "after the last attempt",
        ),
        "retry_failure": Row(
            ("CLASS:SHA1",), "string", "the worker", "`pyresque retries`", "after twice the delay"
        ),
        "status": Row(
            ("UUID",),
            "string",
            "whoever enqueues, the worker",
            "whoever asks",
            "as `Status(expire_in=...)` says",
        ),
        "statuses": Row(
            (), "sorted set", "whoever enqueues", "dashboards", "an id goes with its status"
        ),
        "status_kills": Row(
            (), "set", "`status cancel`", "the job, at its next step", "when the job has ended"
        ),
        "concurrent": Row(("CLASS",), "string", "Ruby's workers alone", "Ruby's workers", STAYS),
    },
    "pyresque's own, which Ruby does not read": {
        "worker_note": Row(
            ("HOST:PID:QUEUES",),
            "string",
            "the worker",
            "the dashboard",
            "with the worker; after an hour",
        ),
        "worker_quit": Row(
            ("HOST:PID:QUEUES",),
            "string",
            "`pyresque workers quit`",
            "the worker",
            "with the worker; after ten minutes",
        ),
        "watchers": Row(
            ("resque:queue:QUEUE",), "sorted set", "idle workers", "idle workers", "it expires"
        ),
        "wait_calls": Row(
            ("resque:queue:QUEUE",),
            "list",
            "the workers that watch",
            "idle workers",
            "when they are taken; after 2 s",
        ),
        "failed_aside": Row(
            (), "list", "workers, if the failed list's key is no list", "dashboards", "by hand"
        ),
        "undo": Row(
            ("TOKEN", "failed"),
            "list",
            "the dashboard",
            "`pyresque failed undo`",
            "after ten minutes",
        ),
        "redeliveries": Row(
            ("QUEUE", "PAYLOAD"),
            "string",
            "whoever finds the dead worker",
            "the same",
            "with the job; after seven days",
        ),
        "lost_jobs": Row(
            (), "hash", "whoever prunes", "whoever prunes", "when the plugins are through"
        ),
        "throughput": Row(
            ("HOUR",), "hash", "the dashboard", "the dashboard's charts", "after 3 hours"
        ),
        "master_owner": Row(
            (), "string", "the scheduler that leads", "schedulers of pyresque", "after 30 s"
        ),
        "routes": Row(
            (), "string", "`migrate route`", "selective workers, the guard", "`migrate route unset`"
        ),
        "routes_log": Row(
            (),
            "list",
            "`migrate route`, brakes",
            "`migrate route log`",
            "the oldest go beyond 1000",
        ),
        "moved_queues": Row(
            (), "set", "the mover, the guard", "selective workers", "`migrate move --back`"
        ),
        "moved": Row(
            ("QUEUE",),
            "list",
            "the mover, the guard",
            "selective workers",
            "when its jobs are taken or moved back",
        ),
        "mover": Row(
            ("QUEUE",), "string", "the mover", "other movers", "after 3 s, unless renewed"
        ),
        "performed": Row(
            ("CLASS", "DAY"),
            "hash",
            "selective workers, the guard",
            "`migrate status`",
            "after 40 days",
        ),
        "performed_lately": Row(
            ("CLASS", "HOUR"), "hash", "selective workers, the guard", "the brake", "after 3 hours"
        ),
        "performed_last": Row(
            (), "hash", "selective workers, the guard", "`migrate status`", STAYS
        ),
    },
}

HEAD = """# Redis keys

What pyresque reads and writes in Redis. `resque` is the namespace (`RESQUE_NAMESPACE`); words in capitals stand for names. The first three groups
are Ruby's: both sides write and read them alike. The last one is ours, and Ruby does not see it.

Each line of `redis-cli` only reads. `pyresque stats keys` lists the keys that there are, and `pyresque stats key NAME` shows one.

This page is made from `pyresque/store/keys.py` by `python docs/make_keys.py`.
"""


def lines_of(name: str, row: Row) -> str:
    """A key's part of the page."""
    keys = Keys()
    method = getattr(Keys, name)
    if isinstance(method, property):
        key = getattr(keys, name)
    else:
        given = [one.encode() if one == "PAYLOAD" else one for one in row.arguments]
        key = getattr(keys, name)(*given)
    key = key.decode() if isinstance(key, bytes) else key
    if name == "lock_timeout":
        key = keys.of(key)
    if name == "redeliveries":
        key = key.rpartition(":")[0] + ":SHA1"
    command = COMMANDS[row.kind].format(f"'{key}'" if "{" in key or " " in key else key)
    return (
        f"### `{key}`\n\n{markdown(method.__doc__)}\n\n"
        "| type | who writes | who reads | when it goes |\n|---|---|---|---|\n"
        f"| {row.kind} | {row.writes} | {row.reads} | {row.goes} |\n\n"
        f"```sh\nredis-cli {command}\n```\n"
    )


def names() -> set[str]:
    """The methods of Keys that give a key."""
    return {name for name in vars(Keys) if not name.startswith("_")} - {"namespace", "of", "bare"}


def pages() -> dict[str, str]:
    """The page's text. Raises SystemExit for a key without a row."""
    listed = [name for rows in GROUPS.values() for name in rows]
    if set(listed) != names() or len(listed) != len(set(listed)):
        raise SystemExit(
            f"docs/make_keys.py: rows and keys differ: {sorted(set(listed) ^ names())}"
        )
    parts = [HEAD]
    for title, rows in GROUPS.items():
        parts += [f"## {title}\n", *(lines_of(name, row) for name, row in rows.items())]
        if title.startswith("Plugins"):
            parts.append(
                "### `activejob_uniqueness:CLASS:MD5`\n\n"
                f"{markdown(inspect.getdoc(module.uniqueness_lock))}\n\n"
                "| type | who writes | who reads | when it goes |\n|---|---|---|---|\n"
                "| string | whoever enqueues | whoever enqueues | as the strategy says |\n\n"
                "```sh\nredis-cli GET activejob_uniqueness:CLASS:MD5\n```\n"
            )
    return {"reference/keys.md": "\n".join(parts)}


if __name__ == "__main__":
    write(pages())
