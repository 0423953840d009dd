"""``/metrics``, read by Prometheus's own parser."""

from __future__ import annotations

import json
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pyresque import Resque
from pyresque.web import metrics as module
from tests.support.hostile_text import RAW

HOSTILE = [
    b'a"b',
    b"a\\b",
    b"a\nb",
    b"a\\nb",
    b"a\rb",
    b'"} 1\nforged 2',
    RAW,
    b"\xff",
    b"a\xe2\x80\xa8b",
]


def samples(web):
    """Every sample by its name and labels; the parser refuses what is no format of Prometheus."""
    answer = web.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.type == "gauge"
        assert family.documentation
        for one in family.samples:
            place = (one.name, *sorted(one.labels.items()))
            assert place not in found, f"twice: {place}"
            found[place] = one.value
    return found


def beat(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))


def test_numbers_have_the_names_of_yabeda_resque(web, resque, db, failed):
    for number in range(3):
        resque.enqueue_to("low", "Job", number)
        resque.enqueue_at(4_000_000_000 + number % 2, "Later", number, queue="low")
    failed()
    db.set("resque:stat:processed", 12345678901234567)
    db.sadd("resque:workers", "a:1:low", "b:2:*")
    record = {"queue": "low", "run_at": beat(100), "payload": {"class": "Job", "args": []}}
    db.set("resque:worker:a:1:low", json.dumps(record))
    found = samples(web)
    names = ("jobs_pending", "jobs_failed", "workers_total", "workers_working", "jobs_delayed")
    assert [found[f"resque_{name}",] for name in names] == [3, 1, 2, 1, 3]
    assert found["resque_queue_sizes", ("queue", "low")] == 3
    assert "resque_jobs_processed 12345678901234567" in web.get("/metrics").text.splitlines()
    assert 100 <= found["resque_jobs_processing_oldest_age",] < 200
    assert found["resque_delayed_timestamps",] == 2
    assert found["resque_queue_workers", ("queue", "low")] == 2


def test_queues_tell_the_age_of_their_next_job_and_their_pause(redis_url, web, db):
    with Resque(redis_url, enqueued_at=True) as writer:
        writer.enqueue_to("low", "Job")
    db.sadd("resque:queues", "empty")
    web.post("/queues/low/pause")
    found = samples(web)
    assert 0 <= found["resque_queue_oldest_seconds", ("queue", "low")] < 60
    assert ("resque_queue_oldest_seconds", ("queue", "empty")) not in found
    assert found["resque_queue_paused", ("queue", "low")] == 1
    assert found["resque_queue_paused", ("queue", "empty")] == 0


def test_jobs_are_told_by_queue_and_class_from_a_bounded_look(redis_url, web, db, failed):
    with Resque(redis_url, enqueued_at=True) as writer:
        for number in range(300):
            writer.enqueue_to("low", "Often" if number % 2 else "Seldom", number)
    failed("Broken", queue="high")
    db.rpush("resque:failed", "no JSON")
    found = samples(web)
    often = (("class", "Often"), ("queue", "low"))
    assert found["resque_queue_looked", ("queue", "low")] == module.LOOK
    assert found[("resque_queue_class_jobs", *often)] == module.LOOK / 2
    assert 0 <= found[("resque_queue_class_oldest_seconds", *often)] < 60
    assert found["resque_failed_looked",] == 2
    assert found["resque_failed_class_jobs", ("class", "Broken"), ("queue", "high")] == 1
    assert found["resque_failed_class_jobs", ("class", "(no job)"), ("queue", "")] == 1


def test_many_classes_are_told_as_other(web, resque, failed):
    for number in range(100):
        resque.enqueue_to("low", f"Class{number}")
        failed(f"Class{number}")
    found = samples(web)
    for name in ("resque_queue_class_jobs", "resque_failed_class_jobs"):
        by_class = {place[1][1]: value for place, value in found.items() if place[0] == name}
        assert len(by_class) == module.MOST_CLASSES + 1
        assert by_class["other"] == 100 - module.MOST_CLASSES
        assert sum(by_class.values()) == 100


def test_workers_are_counted_by_their_heartbeats_and_the_oldest_are_named(web, db, monkeypatch):
    monkeypatch.setattr(module, "MOST_WORKERS", 3)
    ages = {"fresh:1:q": 5, "slow:2:q": 200, "late:3:q": 4000, "later:4:q": 5000}
    db.sadd("resque:workers", *ages, "silent:5:q", "odd:6:q")
    db.hset("resque:workers:heartbeat", mapping={name: beat(age) for name, age in ages.items()})
    db.hset("resque:workers:heartbeat", "odd:6:q", "no time")
    found = samples(web)
    states = {
        place[1][1]: value
        for place, value in found.items()
        if place[0] == "resque_workers_by_heartbeat"
    }
    assert states == {"fresh": 1, "slow": 1, "late": 2, "silent": 2}
    named = {place[1][1] for place in found if place[0] == "resque_worker_heartbeat_age_seconds"}
    assert named == {"slow:2:q", "late:3:q", "later:4:q"}
    assert 5000 <= found["resque_worker_heartbeat_age_max_seconds",] < 5100


def test_the_scheduler_s_lock_is_told(web, db):
    assert samples(web)["resque_scheduler_lock_held",] == 0
    db.set("resque:resque:resque_scheduler_master_lock", "host:1", ex=180)
    found = samples(web)
    assert found["resque_scheduler_lock_held",] == 1
    assert 0 < found["resque_scheduler_lock_ttl_seconds",] <= 180


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_the_format(web, db, name):
    db.sadd("resque:queues", name)
    text = json.dumps({"class": name.decode("utf-8", "replace"), "args": []})
    db.rpush(b"resque:queue:" + name, text)
    db.rpush(
        "resque:failed",
        json.dumps({"payload": json.loads(text), "queue": name.decode("utf-8", "replace")}),
    )
    worker = name + b":1:" + name
    db.sadd("resque:workers", worker)
    db.hset("resque:workers:heartbeat", worker, beat(5))
    found = samples(web)
    sizes = [place for place in found if place[0] == "resque_queue_sizes"]
    assert len(sizes) == 1
    if name.isascii() and b"\r" not in name:
        assert sizes[0][1] == ("queue", name.decode())
    for line in web.get("/metrics").text.splitlines():
        assert line.startswith(("resque_", "# HELP resque_", "# TYPE resque_"))


def test_names_that_are_written_alike_are_told_once(web, db):
    db.sadd("resque:queues", b"\xff", "\\udcff")
    samples(web)


def test_delayed_jobs_of_very_many_times_are_not_counted(web, resque, monkeypatch):
    monkeypatch.setattr(module, "MOST_TIMES", 1)
    resque.enqueue_at(4_000_000_000, "Later", queue="low")
    assert samples(web)["resque_jobs_delayed",] == 1
    resque.enqueue_at(4_000_000_060, "Later", queue="low")
    found = samples(web)
    assert ("resque_jobs_delayed",) not in found
    assert found["resque_delayed_timestamps",] == 2
