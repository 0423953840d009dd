"""Every verb once, in an order in which each finds something; what it answers, and what is in Redis at the end."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import re
from typing import TYPE_CHECKING, Any

from pyresque.errors import NoJobStatus

if TYPE_CHECKING:
    import redis

AT = 4102444800
BINARY = b'{"class":"Odd","args":["\xff"]}'


def mailer(*args: Any) -> None:
    """A job."""


def outside_a_job(resque: Any) -> str:
    """What ``status`` says where no job runs."""
    try:
        return repr(resque.status())
    except NoJobStatus as error:
        return str(error)


#: Verbs in their order; what they answer depends on what those before them left.
STORY: list[tuple[str, Any]] = [
    ("enqueue", lambda r: r.enqueue(mailer, 7, "ä")),
    ("enqueue_to", lambda r: r.enqueue_to("low", "Other", {"a": [1.5, None]})),
    ("enqueue_many", lambda r: r.enqueue_many([(mailer, 1), (mailer, 2), ("Mailer", 3)])),
    ("perform_all_later", lambda r: r.perform_all_later([])),
    ("unlock_active_jobs", lambda r: r.unlock_active_jobs()),
    ("create", lambda r: r.create("mail", mailer, 9)),
    ("push", lambda r: r.push("notes", {"text": "hello"})),
    ("push", lambda r: r.push("notes", "bye")),
    ("watch_queue", lambda r: r.watch_queue("watched")),
    ("validate", lambda r: r.validate(mailer)),
    ("queues", lambda r: r.queues()),
    ("size", lambda r: r.size("mail")),
    ("queue_sizes", lambda r: r.queue_sizes()),
    ("queue_lengths", lambda r: r.queue_lengths()),
    ("peek", lambda r: r.peek("mail")),
    ("peek", lambda r: r.peek("mail", 0, 10)),
    ("sample_queues", lambda r: r.sample_queues(2)),
    ("list_range", lambda r: r.list_range("queue:mail", 0, 2)),
    ("pop", lambda r: r.pop("notes")),
    ("reserve", lambda r: r.reserve("mail")),
    ("dequeue", lambda r: r.dequeue(mailer, 1)),
    ("destroy", lambda r: r.destroy("mail", mailer, 2)),
    ("enqueue_at", lambda r: r.enqueue_at(AT, mailer, 7)),
    ("enqueue_at_with_queue", lambda r: r.enqueue_at_with_queue("low", AT, mailer, 8)),
    ("enqueue_many_at", lambda r: r.enqueue_many_at([(AT + 5, mailer, 1), (AT + 6, mailer, 2)])),
    ("delayed_push", lambda r: r.delayed_push(AT + 7, {"class": "X", "args": [], "queue": "low"})),
    ("delay_or_enqueue_at", lambda r: r.delay_or_enqueue_at(AT + 8, mailer, 3)),
    ("delayed_queue_peek", lambda r: r.delayed_queue_peek(0, 10)),
    ("delayed_queue_schedule_size", lambda r: r.delayed_queue_schedule_size()),
    ("delayed_timestamp_size", lambda r: r.delayed_timestamp_size(AT)),
    ("delayed_timestamp_peek", lambda r: r.delayed_timestamp_peek(AT, 0, 5)),
    ("next_delayed_timestamp", lambda r: r.next_delayed_timestamp(AT + 100)),
    ("count_all_scheduled_jobs", lambda r: r.count_all_scheduled_jobs()),
    ("find_delayed_selection", lambda r: r.find_delayed_selection(lambda args: args == [7])),
    ("scheduled_at", lambda r: r.scheduled_at(mailer, 7)),
    ("is_delayed", lambda r: r.is_delayed(mailer, 7)),
    ("next_item_for_timestamp", lambda r: r.next_item_for_timestamp(AT + 7)),
    ("enqueue_next_item", lambda r: r.enqueue_next_item(AT + 6)),
    ("enqueue_delayed", lambda r: r.enqueue_delayed(mailer, 3)),
    ("enqueue_delayed_with_queue", lambda r: r.enqueue_delayed_with_queue(mailer, "low", 8)),
    ("enqueue_delayed_selection", lambda r: r.enqueue_delayed_selection(lambda a: a == [1])),
    ("remove_delayed", lambda r: r.remove_delayed(mailer, 7)),
    ("remove_delayed_in_queue", lambda r: r.remove_delayed_in_queue(mailer, "low", 8)),
    ("remove_delayed_selection", lambda r: r.remove_delayed_selection(lambda a: a == [2])),
    ("enqueue_at", lambda r: r.enqueue_at(AT, mailer, 11)),
    (
        "remove_delayed_job_from_timestamp",
        lambda r: r.remove_delayed_job_from_timestamp(AT, mailer, 11),
    ),
    ("clean_up_timestamp", lambda r: r.clean_up_timestamp(AT)),
    ("enqueue_at", lambda r: r.enqueue_at(AT, mailer, 12)),
    ("move_due", lambda r: r.move_due(AT + 1)),
    ("reset_delayed_queue", lambda r: r.reset_delayed_queue()),
    ("enqueue_many_at", lambda r: r.enqueue_many_at([(AT, mailer, n) for n in range(5)])),
    ("retries.count", lambda r: r.retries.count()),
    ("retries.each", lambda r: listed(r.retries.each())),
    ("retries.try_now", lambda r: r.retries.try_now(retry_id(0))),
    ("retries.try_now_selection", lambda r: r.retries.try_now_selection(lambda o: 1 in o.job.args)),
    ("retries.cancel", lambda r: r.retries.cancel(retry_id(2))),
    ("retries.cancel_selection", lambda r: r.retries.cancel_selection(lambda o: 3 in o.job.args)),
    ("reset_delayed_queue", lambda r: r.reset_delayed_queue()),
    ("enqueue_in", lambda r: r.enqueue_in(10**9, mailer, 1)),
    ("enqueue_in_with_queue", lambda r: r.enqueue_in_with_queue("low", 10**9, mailer, 1)),
    ("delay_or_enqueue_in", lambda r: r.delay_or_enqueue_in(10**9, mailer, 2)),
    ("reset_delayed_queue", lambda r: r.reset_delayed_queue()),
    (
        "set_schedule",
        lambda r: r.set_schedule("nightly", {"cron": "0 3 * * *", "class": "Mailer"}, persist=True),
    ),
    ("schedule", lambda r: r.schedule()),
    ("fetch_schedule", lambda r: r.fetch_schedule("nightly")),
    ("next_runs", lambda r: r.next_runs()),
    ("last_enqueued_at", lambda r: r.last_enqueued_at("nightly", "2026-01-01 03:00:00 +0000")),
    ("get_last_enqueued_at", lambda r: r.get_last_enqueued_at("nightly")),
    ("enqueue_from_config", lambda r: r.enqueue_from_config({"class": mailer, "args": [4]})),
    ("assign_schedule", lambda r: r.assign_schedule({})),
    ("remove_schedule", lambda r: r.remove_schedule("nightly")),
    ("master_lock", lambda r: r.master_lock()),
    ("release_master_lock", lambda r: r.release_master_lock()),
    ("workers", lambda r: r.workers()),
    ("working", lambda r: r.working()),
    ("find_worker", lambda r: r.find_worker("host:1:mail")),
    ("pause_all", lambda r: r.pause_all()),
    ("all_paused", lambda r: r.all_paused()),
    ("unpause_all", lambda r: r.unpause_all()),
    ("pause_queue", lambda r: r.pause_queue("low")),
    ("queue_paused", lambda r: r.queue_paused("low")),
    ("paused_queues", lambda r: r.paused_queues()),
    ("pause_all_queues", lambda r: r.pause_all_queues()),
    ("all_queues_paused", lambda r: r.all_queues_paused()),
    ("resume_all_queues", lambda r: r.resume_all_queues()),
    ("resume_queue", lambda r: r.resume_queue("low")),
    ("queue_latency", lambda r: r.queue_latency("mail")),
    ("stat", lambda r: r.stat("processed")),
    ("failures.count", lambda r: r.failures.count()),
    ("failures.count", lambda r: r.failures.count(class_name="Mailer")),
    ("failures.queues", lambda r: r.failures.queues()),
    ("failures.all", lambda r: r.failures.all(0, 10)),
    ("failures.each", lambda r: listed(r.failures.each())),
    ("failures.requeue", lambda r: r.failures.requeue(0)),
    ("failures.requeue_selection", lambda r: r.failures.requeue_selection(lambda f: f.index == 1)),
    ("failures.remove_selection", lambda r: r.failures.remove_selection(lambda f: f.index == 2)),
    ("failures.clear_retried", lambda r: r.failures.clear_retried()),
    ("failures.requeue_queue", lambda r: r.failures.requeue_queue("mail")),
    ("failures.remove_queue", lambda r: r.failures.remove_queue("low")),
    ("failures.trim", lambda r: r.failures.trim(3)),
    ("failures.remove", lambda r: r.failures.remove(0)),
    ("failures.requeue_all", lambda r: r.failures.requeue_all()),
    ("failures.clear", lambda r: r.failures.clear()),
    ("handle", lambda r: r.handle("abc").id),
    ("status", outside_a_job),
    ("statuses.count", lambda r: r.statuses.count()),
    ("statuses.get", lambda r: r.statuses.get("abc")),
    ("statuses.all", lambda r: r.statuses.all(0, 1)),
    ("statuses.wait", lambda r: r.statuses.wait("abc", 1)),
    ("statuses.result", lambda r: r.statuses.result("abc")),
    ("statuses.cancel", lambda r: r.statuses.cancel("def")),
    ("statuses.remove", lambda r: r.statuses.remove("abc")),
    ("statuses.clear", lambda r: r.statuses.clear("queued")),
    ("routes.set", lambda r: r.routes.set("A*", "python=25%", by="ann")),
    ("routes.show", lambda r: r.routes.show()),
    ("routes.unset", lambda r: r.routes.unset("A*", by="ann", dry_run=True)),
    ("routes.changes", lambda r: r.routes.changes()),
    ("routes.rollback", lambda r: r.routes.rollback()),
    ("info", lambda r: r.info()),
    ("remove_worker", lambda r: r.remove_worker("host:1:mail")),
    ("remove_queue", lambda r: r.remove_queue("watched")),
    ("all_keys", lambda r: r.all_keys()),
]


class StoppedClock:
    """A time that is the same for all."""

    def time(self) -> float:
        return 1_800_000_000.25

    def monotonic(self) -> float:
        return 5.0


async def listed(records: Any) -> list[Any]:
    """All of an iterator, blocking or not."""
    return list(records) if inspect.isgenerator(records) else [one async for one in records]


def retry_id(number: int) -> str:
    """The id of the retry of a job with that number."""
    return f"Mailer:{hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()}"


def failed(number: int, queue: str, class_name: str) -> str:
    """A failed record."""
    return json.dumps(
        {
            "failed_at": "2026/11/28 10:00:00 UTC",
            "payload": {"class": class_name, "args": [number]},
            "exception": "RuntimeError",
            "error": "boom",
            "backtrace": [],
            "worker": "host:1:mail",
            "queue": queue,
        }
    )


def seed(db: redis.Redis, space: str) -> None:
    """What workers of other processes have left."""
    worker = "host:1:mail"
    db.sadd(f"{space}:workers", worker)
    db.set(f"{space}:worker:{worker}:started", "2026-11-28 10:00:00 UTC")
    db.hset(f"{space}:workers:heartbeat", worker, "2026-11-28T10:00:00Z")
    record = {
        "queue": "mail",
        "run_at": "2026-11-28T10:00:00Z",
        "payload": {"class": "X", "args": []},
    }
    db.set(f"{space}:worker:{worker}", json.dumps(record))
    db.set(f"{space}:stat:processed", 41)
    db.sadd(f"{space}:queues", "binary")
    db.rpush(f"{space}:queue:binary", BINARY)
    for number, (job_id, state) in enumerate((("abc", "completed"), ("def", "queued"))):
        db.set(f"{space}:status:{job_id}", json.dumps({"uuid": job_id, "status": state}))
        db.zadd(f"{space}:_statuses", {job_id: number})
    for number in range(4):
        db.set(f"{space}:resque-retry:{retry_id(number)}", number)
        db.set(f"{space}:failure-resque-retry:{retry_id(number)}", failed(number, "mail", "Mailer"))
    for number in range(6):
        db.rpush(
            f"{space}:failed",
            failed(number, ("mail", "low")[number % 2], ("Mailer", "X")[number % 2]),
        )


def left(db: redis.Redis, space: str) -> dict[bytes, Any]:
    """Every key below the namespace with what it holds."""
    readers: dict[bytes, Any] = {
        b"string": db.get,
        b"list": lambda key: db.lrange(key, 0, -1),
        b"set": lambda key: sorted(db.smembers(key)),
        b"hash": db.hgetall,
        b"zset": lambda key: db.zrange(key, 0, -1, withscores=True),
    }
    keys = sorted(db.scan_iter(f"{space}:*"))
    return {key: readers[db.type(key)](key) for key in keys}


async def answers_of(face: Any, db: redis.Redis, space: str) -> list[tuple[str, str]]:
    """What each verb of the story answers, and what is in Redis after them."""
    seed(db, space)
    face.job("Mailer", queue="mail")(mailer)
    answers: list[tuple[str, Any]] = []
    for name, verb in STORY:
        answer = verb(face)
        if inspect.isawaitable(answer):
            answer = await answer
        if name == "info":
            answer = dataclasses.replace(answer, servers=())
        answers.append((name, answer))
    closing = face.close()
    if inspect.isawaitable(closing):
        await closing
    answers.append(("left", left(db, space)))
    shown = [(name, repr(answer).replace(space, "resque")) for name, answer in answers]
    return [(name, re.sub(r" at 0x\w+", "", text)) for name, text in shown]
