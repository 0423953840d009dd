from __future__ import annotations

import json
import time
from datetime import datetime, timezone

import pytest

from pyresque.clock import SystemClock
from pyresque.migrate.ledger import Ledger
from tests.support.inventories import payload, taken

NOW = datetime.now(timezone.utc)
DAY = f"{NOW:%Y-%m-%d}"


@pytest.fixture
def counted(db):
    """Write counts, as a selective worker and the guard do."""

    def write(name, day=DAY, last=1772366400, **fields):
        for field, value in fields.items():
            hour, side, what = field.removeprefix("at").split("_")
            db.hset(f"resque:migrate:performed:{day}:{name}", f"{hour}:{side}:{what}", value)
            db.hset("resque:migrate:last", f"{side}:{name}", last)

    return write


class Later(SystemClock):
    """Shows a later time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def time(self) -> float:
        return super().time() + self.seconds


@pytest.fixture
def ledger(resque):
    """Read the ledger, a day after what the test has done."""

    def make(later=86400, **options):
        resque.core.clock = Later(later)
        made = Ledger(resque.core, taken(resque, keys=0, **options))
        names = resque.run(made.begin())
        return made, {name: resque.run(made.line(name, 7)) for name in names}

    return make


def test_the_share_of_each_language_is_read_day_by_day(counted, ledger):
    counted(
        "A", at01_python_done=30, at01_python_us=3_000_000, at02_ruby_done=9, at02_ruby_failed=1
    )
    made, lines = ledger()
    (day,) = lines["A"].days
    assert (day.python.done, day.ruby.performed, day.python_percent) == (30, 10, 75.0)
    assert made.guarded == datetime.fromtimestamp(1772366400, timezone.utc)
    assert lines["A"].to_dict()["days"] == [
        {
            "day": DAY,
            "python_percent": 75.0,
            "python": {"done": 30, "failed": 0, "milliseconds": 3000.0},
            "ruby": {"done": 9, "failed": 1, "milliseconds": 0.0},
        }
    ]


def test_classes_come_from_counts_from_rules_and_from_jobs(counted, ledger, queue, resque):
    counted("Counted", at01_python_done=1)
    resque.routes.set("Routed", "python")
    resque.routes.set("Pattern*", "python")
    queue("q", payload("Queued"), payload(None))
    _, lines = ledger()
    assert list(lines) == ["Counted", "Queued", "Routed"]


def test_a_class_that_ruby_performed_last_before_it_moved_is_safe_to_delete_since_it_moved(
    counted, ledger, resque
):
    counted("A", at01_ruby_done=1, last=1000)
    resque.routes.set("A", "python=50%")
    resque.routes.set("A", "python")
    resque.routes.set("B", "python")
    _, lines = ledger()
    line = lines["A"]
    assert (line.safe, line.why) == (True, "")
    assert line.since is not None
    assert line.since.timestamp() > 1_700_000_000
    assert lines["B"].safe is True


def test_where_ruby_performed_one_later_it_is_safe_since_then(counted, ledger, resque):
    resque.routes.set("A", "python")
    later = int(NOW.timestamp()) + 3600
    counted("A", at01_ruby_done=1, last=later)
    assert ledger()[1]["A"].since == datetime.fromtimestamp(later, timezone.utc)


def test_it_is_not_safe_within_the_hour_after_a_class_was_moved_or_ruby_performed_one(
    counted, ledger, resque
):
    counted("A", at01_ruby_done=1)
    counted("B", at01_ruby_done=1, last=int(time.time()) + 80_000)
    for name in "AB":
        resque.routes.set(name, "python")
    line = ledger(later=60)[1]["A"]
    assert (line.safe, line.why.startswith("it was led to Python at")) == (False, True)
    line = ledger(later=82_000)[1]["B"]
    assert (line.safe, line.why.startswith("Ruby performed one at")) == (False, True)


@pytest.mark.parametrize("target", ["ruby", "python=99%"])
def test_a_class_that_ruby_performs_is_not_safe_to_delete(counted, ledger, resque, target):
    counted("A", at01_ruby_done=1)
    resque.routes.set("A", target)
    line = ledger()[1]["A"]
    assert line.safe is False
    assert line.why.startswith("a rule leads")


def test_a_class_without_a_rule_is_ruby_s(counted, ledger):
    counted("A", at01_ruby_done=1)
    assert ledger()[1]["A"].why == "no rule leads it to Python"


@pytest.mark.parametrize("place", ["queued", "moved", "delayed", "failed", "working"])
def test_a_class_with_a_payload_anywhere_is_not_safe_to_delete(
    db, counted, ledger, queue, resque, place
):
    counted("A", at01_ruby_done=1)
    resque.routes.set("A", "python")
    if place == "queued":
        queue("q", payload("A"))
    elif place == "moved":
        db.sadd("resque:migrate:queues", "q")
        db.rpush("resque:migrate:queue:q", payload("A"))
    elif place == "delayed":
        db.zadd("resque:delayed_queue_schedule", {"4000000000": 4_000_000_000})
        db.rpush("resque:delayed:4000000000", payload("A", queue="q"))
    elif place == "failed":
        db.rpush("resque:failed", json.dumps({"payload": {"class": "A", "args": []}, "queue": "q"}))
    else:
        db.sadd("resque:workers", "h:1:q")
        db.set("resque:worker:h:1:q", '{"queue":"q","payload":{"class":"A"}}')
    line = ledger()[1]["A"]
    assert (line.safe, line.why) == (False, f"there are jobs: 1 {place}")


def test_a_recurring_job_is_told_beside(db, counted, ledger, resque):
    counted("A", at01_ruby_done=1)
    resque.routes.set("A", "python")
    db.hset("resque:persistent_schedules", "nightly", '{"every":"1h","class":"A","queue":"q"}')
    line = ledger()[1]["A"]
    assert (line.safe, "recurring" in line.why) == (True, True)


def test_without_the_guard_it_is_not_known_whether_it_is_safe(counted, ledger, resque):
    counted("A", at01_python_done=1)
    resque.routes.set("A", "python")
    made, lines = ledger()
    assert (made.guarded, lines["A"].safe) == (None, None)
    assert "ruby-guard" in lines["A"].why


def test_from_a_sample_it_is_not_known_whether_it_is_safe(counted, ledger, queue, resque):
    counted("A", at01_ruby_done=1)
    resque.routes.set("A", "python")
    queue("q", *(payload("B", at) for at in range(50)))
    line = ledger(sample=10)[1]["A"]
    assert (line.safe, line.why) == (None, "not every job was read: --whole")


def test_elements_that_could_not_be_read_are_told(counted, ledger, queue, resque):
    counted("A", at01_ruby_done=1)
    resque.routes.set("A", "python")
    queue("q", b"{broken")
    assert "1 element could not be read" in ledger()[1]["A"].why


@pytest.mark.parametrize(
    "key", ["migrate:routes", "migrate:routes:log", "migrate:last", f"migrate:performed:{DAY}:A"]
)
def test_a_key_of_a_wrong_type_is_told_or_passed_over(db, counted, ledger, resque, queue, key):
    counted("A", at01_ruby_done=1)
    resque.routes.set("A", "python")
    queue("q", payload("A"))
    db.delete(f"resque:{key}")
    db.zadd(f"resque:{key}", {"x": 1})
    made, lines = ledger()
    assert "A" in lines
    assert bool(made.notes) == (key != f"migrate:performed:{DAY}:A")


def test_a_broken_table_of_rules_is_told(db, ledger, queue):
    db.set("resque:migrate:routes", "{broken")
    queue("q", payload("A"))
    made, lines = ledger()
    assert any("routing table" in note for note in made.notes)
    assert lines["A"].safe is False


def test_broken_counts_are_no_counts(db, ledger, queue):
    queue("q", payload("A"))
    fields = {"01:ruby:done": "x", "99:ruby:done": "1", "nonsense": "1", "02:python:failed": "-3"}
    db.hset(f"resque:migrate:performed:{DAY}:A", mapping=fields)
    db.hset("resque:migrate:last", mapping={"ruby:A": "x", "other": "1", ":": "1"})
    whole = ledger()[1]["A"].all_days
    assert whole is None or (whole.ruby.performed, whole.python.performed) == (0, 0)
