from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from pyresque.client import Resque
from pyresque.errors import NotPermitted
from pyresque.migrate import seen as seen_module
from pyresque.migrate.as_json import classes_json, head
from pyresque.migrate.inventory import Inventory
from tests.support import ROOT
from tests.support.hostile_text import EVIL, RAW
from tests.support.inventories import WRAPPER, payload, rails


def places(found, name):
    return {place: figure.seen for place, figure in found.classes.classes[name].places.items()}


def test_a_class_is_counted_in_every_place(db, queue, take):
    queue("low", payload("A", 1), payload("A", 2), payload("B"))
    queue("high", payload("A", 3))
    db.sadd("resque:migrate:queues", "low")
    db.rpush("resque:migrate:queue:low", payload("A"))
    for at in (2_000_000_000, 2_000_000_100):
        db.zadd("resque:delayed_queue_schedule", {str(at): at})
        db.rpush(f"resque:delayed:{at}", payload("A", queue="late"))
    db.hset("resque:persistent_schedules", "nightly", '{"every":"1h","class":"A","args":{"a":1}}')
    db.sadd("resque:workers", "host:1:low", "host:2:low")
    record = {"queue": "low", "run_at": "2026-03-01T12:00:00Z", "payload": {"class": "A"}}
    db.set("resque:worker:host:1:low", json.dumps(record))
    failed = {"failed_at": "2026/03/01 11:00:00 UTC", "payload": {"class": "A"}, "queue": "low"}
    db.rpush("resque:failed", json.dumps(failed))
    db.sadd("resque:failed_queues", "low_failed")
    db.rpush("resque:low_failed", json.dumps(failed))
    found = take(schedule={"hourly": {"class": "A", "queue": "file"}, "B": {"cron": "* * * * *"}})
    assert places(found, "A") == {
        "working": 1,
        "scheduled": 2,
        "queued": 3,
        "moved": 1,
        "delayed": 2,
        "failed": 2,
    }
    assert places(found, "B") == {"queued": 1, "scheduled": 1}
    one = found.classes.classes["A"]
    assert one.last_due == 2_000_000_100
    assert {name: figure.seen for name, figure in one.queues.items()} == {
        "low": 3,
        "high": 1,
        "late": 0,
        "file": 0,
    }
    assert not found.sampled


def test_an_active_job_is_counted_by_its_own_class(queue, take):
    queue("q", rails("MailJob", 1), rails("Ns::OtherJob"), payload(WRAPPER, "broken"))
    found = take()
    assert set(found.classes.classes) == {"MailJob", "Ns::OtherJob", WRAPPER}
    assert found.classes.classes["MailJob"].active_job


def test_a_class_that_is_only_failed_was_seen_last_when_it_failed(db, take):
    record = {"failed_at": "2026/03/01 11:00:00 UTC", "payload": {"class": "A"}, "queue": "q"}
    db.rpush("resque:failed", json.dumps(record))
    assert take().classes.classes["A"].last_seen == 1772362800


def test_the_clients_that_wrote_payloads_are_told_by_their_habits(queue, take):
    queue(
        "q",
        payload("jobs.Parse", 1),
        payload("Retried", first_attempt="2026-03-01T00:00:00"),
        payload("Node", queue="q"),
        payload("Php", id="4f", queue_time=1.5),
        b'{"class":"Map","args":{"a":1}}',
        payload("Java", vars=None),
        payload("Ruby"),
        payload("Traced", traceparent="00-1", __otel_headers={}),
        rails("Sentry", _sentry={}, mine=1),
    )
    classes = take().classes.classes
    assert {name: list(one.writers) for name, one in classes.items()} == {
        "jobs.Parse": ["pyres"],
        "Retried": ["pyres"],
        "Node": ["node-resque"],
        "Php": ["php-resque"],
        "Map": ["php-resque"],
        "Java": ["jesque"],
        "Ruby": ["Resque"],
        "Traced": ["Resque"],
        "Sentry": ["ActiveJob"],
    }
    assert set(classes["Traced"].trace) == {"traceparent", "__otel_headers"}
    assert set(classes["Sentry"].trace) == {"_sentry"}
    assert set(classes["Sentry"].extra) == {"job hash: mine"}
    assert set(classes["Php"].extra) == {"id", "queue_time"}


def test_a_delayed_job_has_a_queue_in_every_language(db, take):
    db.zadd("resque:delayed_queue_schedule", {"2000000000": 2_000_000_000})
    db.rpush("resque:delayed:2000000000", payload("A", queue="q"))
    one = take().classes.classes["A"]
    assert (list(one.writers), one.extra) == (["Resque"], {})


def test_a_queue_that_is_not_in_the_set_of_queues_is_found_by_its_key(db, queue, take):
    queue("listed", payload("A"))
    db.rpush("resque:queue:lost", payload("B"))
    db.zadd("resque:queue:java", {"x": 1})
    found = take()
    assert set(found.classes.classes) == {"A", "B"}
    assert any("'lost' is not in the set of queues" in note for note in found.notes)
    assert any("'java' is passed over" in note for note in found.notes)


def test_of_a_long_list_a_sample_is_read_and_the_rest_estimated(db, queue, take):
    queue("q", *(payload("A" if at % 4 else "B", at) for at in range(8000)))
    found = take(sample=400, seed=1)
    a, b = found.classes.classes["A"], found.classes.classes["B"]
    assert (a.read + b.read, found.sampled) == (400, True)
    assert a.jobs.low < 6000 < a.jobs.high
    assert b.jobs.low < 2000 < b.jobs.high
    assert round(a.jobs.estimate + b.jobs.estimate) == 8000
    assert head(found)["lists"] == [
        {"place": "queued", "name": "q", "jobs": 8000, "read": 400, "may_be_missed": 60}
    ]


def test_of_many_delayed_jobs_a_sample_is_read(db, take):
    pipe = db.pipeline()
    for at in range(2_000_000_000, 2_000_002_000):
        pipe.zadd("resque:delayed_queue_schedule", {str(at): at})
        pipe.rpush(f"resque:delayed:{at}", payload("A", at, queue="q"), payload("B", queue="q"))
    pipe.execute()
    found = take(sample=500, seed=2)
    a = found.classes.classes["A"].jobs
    assert found.read == 500
    assert a.low < 2000 < a.high < 2500


@pytest.mark.parametrize("raw", [b"", b"null", b"[1]", b"\xff", b"{broken", b"[" * 5000, RAW])
def test_what_is_no_job_is_counted(queue, take, raw):
    queue("q", raw, payload("A"))
    found = take()
    assert (found.classes.unreadable, list(found.classes.classes)) == ({"queued": 1}, ["A"])


@pytest.mark.parametrize("name", [None, 7, "", {"a": 1}])
def test_a_payload_without_a_class_is_a_class_of_its_own(queue, take, name):
    queue("q", payload(name))
    assert list(take().classes.classes) == ["(no class)"]


def test_failed_records_and_schedules_that_cannot_be_read_are_passed_over(db, take):
    db.rpush("resque:failed", b"{broken", b'{"payload":null}', b'{"payload":"x"}', b"7")
    db.hset("resque:persistent_schedules", mapping={"a": "{broken", "b": "[1]", "c": b"\xff"})
    db.sadd("resque:workers", "host:1:q")
    db.set("resque:worker:host:1:q", b"{broken")
    found = take()
    assert found.classes.unreadable == {"failed": 4, "working": 1}
    assert len([note for note in found.notes if "cannot be read" in note]) == 3


@pytest.mark.parametrize(
    "key",
    [
        *("queues", "queue:q", "workers", "worker:host:1:q", "failed", "failed_queues"),
        *("delayed_queue_schedule", "delayed:2000000000", "persistent_schedules"),
        *("delayed:last_enqueued_at", "migrate:queues", "migrate:queue:q", "failed_aside"),
    ],
)
@pytest.mark.parametrize("sample", [None, 1])
def test_a_key_of_a_wrong_type_is_passed_over(db, queue, take, key, sample):
    queue("q", payload("A"), payload("A"))
    queue("other", payload("B"))
    db.sadd("resque:workers", "host:1:q")
    db.hset("resque:persistent_schedules", "a", '{"every":"1h","class":"A"}')
    db.zadd("resque:delayed_queue_schedule", {"2000000000": 2_000_000_000})
    db.delete(f"resque:{key}")
    if key in {"failed", "persistent_schedules", "failed_aside"}:
        db.zadd(f"resque:{key}", {"x": 1})
    else:
        db.hset(f"resque:{key}", "x", "1")
    found = take(sample=sample)
    assert "B" in found.classes.classes


def test_names_by_the_hundred_thousand_do_not_fill_the_table_and_a_common_class_stays(
    queue, take, monkeypatch
):
    monkeypatch.setattr(seen_module, "MOST_CLASSES", 50)
    common = [payload("Common", at) for at in range(200)]
    queue("q", *common, *(payload(f"Hostile{at}") for at in range(5000)))
    queue("r", *(payload(f"Other{at}") for at in range(300)), payload("Pinned"))
    queue("s", *(payload(f"Third{at}") for at in range(300)), payload("x" * 100_000))
    found = take(pinned=["Pinned"])
    assert len(found.classes.classes) <= 50
    assert found.classes.classes["Common"].jobs.seen == 200
    assert "Pinned" in found.classes.classes
    counted = sum(one.jobs.seen for one in found.classes) + found.classes.others.seen
    assert counted == 200 + 5000 + 301 + 301
    assert found.classes.gave_way > 5000


def test_an_inventory_as_json_holds_hostile_text(queue, take):
    queue("q", payload(EVIL, EVIL, {EVIL: EVIL}, **{EVIL: 1}), rails(EVIL))
    found = take()
    text = json.dumps([head(found), *classes_json(found)])
    assert json.loads(text)[1]["class"] == EVIL


def test_a_huge_payload_is_read(queue, take):
    queue("q", payload("A", "x" * 20_000_000, {"k" * 1_000_000: 1}), payload("B", *range(200_000)))
    found = take()
    assert set(found.classes.classes) == {"A", "B"}
    assert len(json.dumps(list(classes_json(found)))) < 20_000


@pytest.mark.parametrize("sample", [None, 2])
def test_only_commands_that_read_are_sent(db, redis_url, queue, take, sample):
    queue("q", *(payload("A", at) for at in range(10)))
    queue("r", rails("B"))
    db.zadd("resque:delayed_queue_schedule", {"2000000000": 2_000_000_000})
    db.rpush("resque:delayed:2000000000", *(payload("A", queue="q") for _ in range(5)))
    db.hset("resque:persistent_schedules", "a", '{"every":"1h","class":"A"}')
    db.sadd("resque:workers", "host:1:q")
    db.set("resque:worker:host:1:q", '{"queue":"q","payload":{"class":"A"}}')
    db.execute_command(
        *("ACL", "SETUSER", "reader", "on", ">x", "~*", "-@all", "+@read", "+@connection", "-keys")
    )
    before = state(db)
    try:
        url = redis_url.replace("redis://", "redis://reader:x@")
        with Resque(url) as reader:
            found = take(reader, sample=sample, keys=100)
    finally:
        db.execute_command("ACL", "DELUSER", "reader")
    assert set(found.classes.classes) == {"A", "B"}
    assert state(db) == before


def state(db):
    return {key: db.dump(key) for key in db.scan_iter("resque:*")}


def test_a_user_that_may_not_scan_gets_the_rest(db, redis_url, queue, take):
    queue("q", payload("A"))
    db.execute_command("ACL", "SETUSER", "reader", "on", ">x", "~*", "+@all", "-scan")
    try:
        with Resque(redis_url.replace("redis://", "redis://reader:x@")) as reader:
            found = take(reader)
    finally:
        db.execute_command("ACL", "DELUSER", "reader")
    assert "A" in found.classes.classes
    assert "scan" in found.marks.refused.lower()


def test_a_user_that_may_not_read_gets_an_error(db, redis_url, queue, take):
    queue("q", payload("A"))
    db.execute_command("ACL", "SETUSER", "reader", "on", ">x", "~*", "+@all", "-llen")
    try:
        url = redis_url.replace("redis://", "redis://reader:x@")
        with Resque(url) as reader, pytest.raises(NotPermitted):
            take(reader)
    finally:
        db.execute_command("ACL", "DELUSER", "reader")


def test_jobs_that_are_pushed_and_popped_meanwhile_do_no_harm(db, queue, resque):
    queue("q", *(payload("A", at) for at in range(3000)))
    made = Inventory(resque.core, sample=None, keys=None)
    steps = 0
    while resque.run(made.more()):
        steps += 1
        for _ in range(100):
            db.lpop("resque:queue:q")
        db.rpush("resque:queue:q", payload("B"))
    assert steps > 4
    assert 2000 < made.found.classes.classes["A"].jobs.seen <= 3000


MEMORY = """
import resource, sys
from pyresque.client import Resque
from pyresque.migrate.inventory import Inventory

with Resque(sys.argv[1]) as resque:
    inventory = Inventory(resque.core, sample=None, keys=None)
    def more(): return resque.run(inventory.more())
    while inventory.found.read < 2000 and more(): pass
    early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while more(): pass
    late = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(inventory.found.read, (late - early) // 1024)
"""


@pytest.mark.process
def test_memory_does_not_grow_with_the_number_of_jobs(db, redis_url, queue):
    many = [payload(f"Class{at % 20}", at, "x" * 100, {"a": at}) for at in range(50_000)]
    for start in range(0, len(many), 10_000):
        queue("q", *many[start : start + 10_000])
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, redis_url],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=dict(os.environ),
    )
    read, grown = map(int, done.stdout.split())
    assert read == 50_000
    assert grown < 8


def test_the_time_of_the_look_is_when_a_queued_class_was_seen_last(queue, take):
    queue("q", payload("A"))
    assert abs(take().classes.classes["A"].last_seen - time.time()) < 60
