"""A selective worker on a real server, step by step: what it takes, what it leaves, and where its connection breaks."""

from __future__ import annotations

import contextlib
import json
from itertools import count

import pytest

from pyresque import Resque
from pyresque.errors import NotPermitted, RedisUnavailable
from pyresque.executor.base import NOT_STARTED, Outcome
from pyresque.failure.report import report
from pyresque.job.worker_registry import WorkerId
from pyresque.ops import Batch, Call, Command, Sleep, carry
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from tests.support.scripted_worker import ID, Clock, ScriptedExecutor, ScriptedHost

LOW, MOVED = "resque:queue:low", "resque:migrate:queue:low"
RECORD = f"resque:worker:{ID}"


def raw(name, number):
    return json.dumps({"class": name, "args": [number]}, separators=(",", ":")).encode()


class Stage:
    """A worker, and the line to Redis, which can break."""

    def __init__(self, url, db, queues=("low",), **settings):
        self.db, self.clock = db, Clock()
        self.resque = Resque(url, **{"only_registered": True, **settings})
        for name in ("Ours", "OursToo"):
            self.resque.job(name, queue="low")(lambda *args: args)
        self.resque.core.clock = self.clock
        self.executor, self.host = ScriptedExecutor(), ScriptedHost(self.clock)
        self.worker = Worker(
            self.resque.core,
            WorkerId("host", 42, ("low",)),
            QueueList.parse(queues),
            self.executor,
            self.host,
        )
        self.asked = []
        #: Gets each request's number; says whether the line breaks "before" or "after" it, or what to do before.
        self.trouble = lambda number: None
        self.numbers = count()

    def push(self, *jobs, key=LOW):
        self.db.sadd("resque:queues", "low")
        self.db.rpush(key, *(raw(name, number) for name, number in jobs))

    def run(self, operation):
        return carry(operation, self._answer)

    def perform(self):
        """Perform jobs until there is none; the numbers of those that were performed by now."""
        self.run(self.worker.perform_jobs())
        return [job.args[0] for job in self.executor.jobs]

    def left(self, key=LOW):
        return [json.loads(one)["args"][0] for one in self.db.lrange(key, 0, -1)]

    def _answer(self, request):
        if isinstance(request, Call):
            return request.function()
        if isinstance(request, Sleep):
            return None
        assert isinstance(request, (Batch, Command))
        self.asked.append(request)
        what = self.trouble(next(self.numbers))
        if callable(what):
            what()
        if what == "before":
            raise RedisUnavailable("the line is cut")
        bare = request
        if isinstance(request, Batch):
            bare = Batch(
                tuple(Command(one.args) for one in request.commands),
                request.atomic,
                request.lenient,
            )
        else:
            bare = Command(request.args)
        reply = self.resque.run(_one(bare))
        if what == "after":
            raise RedisUnavailable("the line is cut")
        return reply


async def _one(request):
    return await request


@pytest.fixture
def stage(redis_url, db):
    made = Stage(redis_url, db)
    yield made
    made.resque.close()


MIXED = [("Ours" if n % 3 == 1 else "Theirs", n) for n in range(30)]


def test_only_registered_classes_are_taken_and_the_rest_stays_in_order(stage, db):
    stage.push(*MIXED)
    before = db.lrange(LOW, 0, -1)
    assert stage.perform() == [n for name, n in MIXED if name == "Ours"]
    assert db.lrange(LOW, 0, -1) == [one for one in before if b"Theirs" in one]
    assert db.get("resque:stat:processed") == b"10"
    assert not db.exists(RECORD)


def test_finish_and_take_are_one_round_trip(stage):
    stage.push(*MIXED)
    stage.perform()
    stage.asked.clear()
    stage.push(*[("Ours", n) for n in range(8)])
    stage.perform()
    assert len(stage.asked) <= 8 + 3


def test_a_failed_job_is_recorded_and_the_next_one_taken(stage, db):
    stage.push(("Theirs", 0), ("Ours", 1), ("Ours", 2))
    stage.executor.outcomes = [Outcome(report=report(ValueError("no")))]
    assert stage.perform() == [1, 2]
    (record,) = db.lrange("resque:failed", 0, -1)
    assert json.loads(record)["payload"] == {"class": "Ours", "args": [1]}
    assert json.loads(record)["queue"] == "low"
    assert (db.get("resque:stat:processed"), db.get("resque:stat:failed")) == (b"2", b"1")


def test_jobs_that_were_moved_aside_come_first_and_are_of_the_same_queue(stage):
    stage.push(("Ours", 3), ("Theirs", 4))
    stage.push(("Ours", 1), ("Theirs", 2), key=MOVED)
    assert stage.perform() == [1, 3]
    assert {job.queue for job in stage.executor.jobs} == {"low"}
    assert (stage.left(), stage.left(MOVED)) == ([4], [2])


@pytest.mark.parametrize("key", [LOW, MOVED])
def test_a_job_that_was_not_begun_goes_back_where_it_was(stage, db, key):
    stage.push(("Theirs", 0), ("Ours", 1), key=key)
    stage.executor.outcomes = [NOT_STARTED]
    stage.perform()
    assert stage.left(key) == [1, 0]
    assert not db.exists(RECORD)
    assert stage.perform() == [1, 1]


def test_a_job_put_back_at_the_head_is_found_though_the_place_is_at_the_end(stage, db):
    stage.push(*MIXED)
    stage.perform()
    db.lpush(LOW, raw("Ours", 99))
    assert stage.perform()[-1] == 99


def test_a_class_routed_to_ruby_is_not_taken_once_set_has_returned(stage):
    stage.push(*[("Ours", n) for n in range(10)], *[("OursToo", n + 10) for n in range(10)])

    def route(number):
        if len(stage.executor.jobs) == 3 and not stage.routed:
            stage.routed = True
            return lambda: stage.resque.routes.set("Ours", "ruby")
        return None

    stage.routed, stage.trouble = False, route
    assert stage.perform() == [0, 1, 2, *range(10, 20)]
    assert stage.left() == [*range(3, 10)]
    stage.resque.routes.rollback()
    stage.clock.passed += 2
    assert stage.perform()[-7:] == [*range(3, 10)]


def test_a_table_of_another_type_leaves_the_last_one_in_force(stage, db):
    stage.resque.routes.set("Ours", "ruby")
    stage.push(("Ours", 1), ("OursToo", 2))
    assert stage.perform() == [2]
    db.delete("resque:migrate:routes")
    db.rpush("resque:migrate:routes", "x")
    stage.clock.passed += 2
    stage.push(("Ours", 3), ("OursToo", 4))
    assert stage.perform() == [2, 4]
    db.delete("resque:migrate:routes")
    stage.clock.passed += 2
    assert stage.perform() == [2, 4, 1, 3]


def test_by_a_table_that_was_never_readable_nothing_is_taken(stage, db, caplog):
    db.set("resque:migrate:routes", "no JSON")
    stage.push(("Ours", 1))
    assert stage.perform() == []
    assert "no job is taken" in caplog.text
    db.delete("resque:migrate:routes")
    stage.clock.passed += 2
    assert stage.perform() == [1]


@pytest.mark.parametrize("key", [LOW, MOVED])
def test_a_list_of_another_type_is_told_once_and_the_other_one_goes_on(stage, db, caplog, key):
    db.set(key, "text")
    stage.push(("Ours", 1), key=MOVED if key == LOW else LOW)
    assert stage.perform() == [1]
    stage.clock.passed += 2
    stage.perform()
    assert caplog.text.count("holds no list of jobs") == 1


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("pause:queue:low", "its queues are paused: low"),
        ("pause:all", "pause:all in Redis pauses every queue"),
        ("pause-all-workers", "pauses every worker"),
    ],
)
def test_a_paused_queue_gives_no_job_and_the_worker_says_so(stage, db, key, why):
    stage.push(("Ours", 1))
    db.set(f"resque:{key}", "true")
    assert stage.perform() == []
    assert why in stage.worker.reason_to_pause(stage.worker.current_job)
    db.delete(f"resque:{key}")
    assert stage.perform() == [1]
    assert stage.worker.reason_to_pause(stage.worker.current_job) == ""


def test_queues_are_taken_from_in_their_order(redis_url, db):
    stage = Stage(redis_url, db, queues=("high", "low"))
    stage.push(("Ours", 1), ("Ours", 2))
    stage.push(("Theirs", 0), ("Ours", 3), key="resque:queue:high")
    assert stage.perform() == [3, 1, 2]
    stage.resque.close()


@pytest.mark.parametrize("known", ["queues", "migrate:queues"])
def test_queues_are_found_by_patterns(redis_url, db, known):
    stage = Stage(redis_url, db, queues=("l*", "!lost"))
    db.rpush("resque:queue:lower", raw("Ours", 1))
    db.rpush("resque:queue:lost", raw("Ours", 2))
    db.sadd(f"resque:{known}", "lower", "lost", b"l\xff")
    assert stage.perform() == [1]
    stage.resque.close()


def test_a_window_may_hold_none_of_ours(redis_url, db):
    stage = Stage(redis_url, db, window=5)
    stage.push(
        *[("Theirs", n) for n in range(500)],
        ("Ours", 500),
        *[("Theirs", n) for n in range(501, 520)],
    )
    assert stage.perform() == [500]
    assert stage.left() == [*range(500), *range(501, 520)]


def test_a_stop_ends_the_reading_of_a_long_queue(redis_url, db):
    stage = Stage(redis_url, db, window=5)
    stage.push(*[("Theirs", n) for n in range(5000)], ("Ours", 5000))
    stage.trouble = lambda number: stage.worker.shutdown if number == 5 else None
    assert stage.perform() == []
    assert len(stage.asked) < 10


def test_upkeep_runs_while_a_long_queue_is_read(redis_url, db):
    stage = Stage(redis_url, db, window=5, heartbeat_interval=10)
    stage.push(*[("Theirs", n) for n in range(1000)])
    stage.worker.heartbeat.registered = True

    def later():
        stage.clock.passed += 20

    stage.worker.upkeep._due_at = stage.worker.heartbeat._due = 0.0
    stage.trouble = lambda number: later if number == 2 else None
    stage.perform()
    assert db.hexists("resque:workers:heartbeat", ID)


def test_without_a_job_each_wait_is_longer_up_to_a_bound(stage):
    waits = []
    for _ in range(20):
        stage.perform()
        waits.append(stage.worker.current_job.wait(5.0, paused=False)[0])
    assert waits == sorted(waits)
    assert waits[-1] == 1.0
    stage.push(("Ours", 1))
    stage.perform()
    assert stage.worker.current_job.wait(5.0, paused=False)[0] < 0.1


def test_an_idle_look_reads_only_what_is_new(stage):
    stage.push(*[("Theirs", n) for n in range(3000)])
    stage.perform()
    stage.asked.clear()
    stage.perform()
    (look,) = stage.asked
    assert len(look.commands) == 2
    stage.push(("Ours", 1))
    assert stage.perform() == [1]


@pytest.mark.parametrize(("popped", "looks"), [(25_000, 55), (0, 125)])
def test_the_place_is_found_again_in_a_long_queue_in_small_steps(stage, db, popped, looks):
    stage.push(*[("Theirs", n) for n in range(60_000)])
    stage.perform()
    stage.push(*[("Theirs", n) for n in range(60_000, 100_000)])
    stage.clock.passed += 2
    stage.asked.clear()
    if popped:
        db.lpop(LOW, popped)
    else:
        db.lrem(LOW, 1, raw("Theirs", 59_999))  # the anchor
    stage.push(("Ours", 1))
    assert stage.perform() == [1]
    assert len(stage.asked) <= looks


# -- the line breaks


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(16))
def test_wherever_the_line_breaks_each_job_is_performed_once(stage, db, when, at):
    jobs = [("Ours" if n % 2 else "Theirs", n) for n in range(8)]
    stage.push(*jobs)
    failing = Outcome(report=report(ValueError("no")))
    stage.executor.outcomes = [failing, failing]
    stage.trouble = lambda number: when if number == at else None
    assert stage.perform() == [1, 3, 5, 7]
    assert stage.left() == [0, 2, 4, 6]
    assert (db.get("resque:stat:processed"), db.get("resque:stat:failed")) == (b"4", b"2")
    assert db.llen("resque:failed") == 2
    assert not db.exists(RECORD)


@pytest.mark.parametrize("at", range(12))
def test_scripts_that_the_server_lost_are_sent_again(stage, db, at):
    stage.push(*[("Ours" if n % 2 else "Theirs", n) for n in range(8)])
    failing = Outcome(report=report(ValueError("no")))
    stage.executor.outcomes = [failing, failing]
    stage.trouble = lambda number: db.script_flush if number == at else None
    assert stage.perform() == [1, 3, 5, 7]
    assert (db.get("resque:stat:processed"), db.get("resque:stat:failed")) == (b"4", b"2")
    assert db.llen("resque:failed") == 2


@pytest.mark.parametrize("at", range(3, 9))
def test_a_worker_that_is_pruned_while_it_works_goes_on(stage, db, at):
    stage.push(*[("Ours", n) for n in range(6)])
    stage.trouble = lambda number: (lambda: db.delete(RECORD)) if number == at else None
    assert stage.perform() == [*range(6)]


def test_a_record_that_is_not_ours_becomes_a_failure_and_stops_nothing(stage, db):
    stage.push(("Ours", 1))
    db.set(
        RECORD,
        b'{"queue":"low","run_at":"2026-03-01T12:00:00Z","payload":{"class":"Lost","args":[]}}',
    )
    assert stage.perform() == [1]
    (record,) = db.lrange("resque:failed", 0, -1)
    assert json.loads(record)["payload"]["class"] == "Lost"


def test_a_failed_list_of_another_type_loses_no_failure(stage, db):
    db.set("resque:failed", "text")
    stage.push(("Ours", 1), ("Ours", 2))
    stage.executor.outcomes = [Outcome(report=report(ValueError("no")))]
    assert stage.perform() == [1, 2]
    assert db.llen("resque:failed_aside") == 1
    assert db.get("resque:stat:processed") == b"2"


@pytest.mark.parametrize("many", [10, 2000])
@pytest.mark.parametrize("denied", ["lrem", "lset", "set", "lpos", "lrange"])
def test_a_denied_command_loses_no_job(redis_url, db, denied, many):
    rights = ["+@all", f"-{denied}"]
    db.acl_setuser("few", enabled=True, passwords=["+secret"], keys=["*"], commands=rights)
    jobs = [("Ours" if n == many - 2 else "Theirs", n) for n in range(many)]
    try:
        made = Stage(redis_url.replace("://", "://few:secret@"), db)
        made.push(*jobs)
        with contextlib.suppress(NotPermitted):
            made.perform()
        made.resque.close()
    finally:
        db.acl_deluser("few")
    performed = [job.args[0] for job in made.executor.jobs]
    assert sorted(performed + made.left()) == list(range(many))
