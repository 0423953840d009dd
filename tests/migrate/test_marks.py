from __future__ import annotations

import pytest

from pyresque.client import Resque
from pyresque.migrate.marks import registration
from pyresque.plugins import Loner, Solo, Status
from tests.support.inventories import payload, rails


def gems(found):
    return {one.name: sorted(one.marks) for one in found.classes if one.marks}


@pytest.mark.parametrize(
    ("key", "gem"),
    [
        ("resque:lock:A-[1]", "resque-lock"),
        ("resque:lock:A:1-2", "resque-lock-timeout"),
        ("resque:loner:lock:A:1", "resque-lock-timeout"),
        ("resque:queuelock:A-[1]", "resque-queue-lock"),
        ("resque:workerslock:A-[1]", "resque-workers-lock"),
        ("resque:restriction:A:per_hour:9", "resque-restriction"),
        ("resque:resque-retry:A:0a", "resque-retry"),
        ("resque:failure-resque-retry:A", "resque-retry"),
        ("resque:stats:jobs:A:performed", "resque-job-stats"),
        ("resque:concurrent.count.A", "resque-concurrent-restriction"),
        ("resque:lonely_job:q", "resque-lonely_job"),
    ],
)
def test_a_key_of_a_gem_marks_its_class(db, queue, take, key, gem):
    queue("q", payload("A", 1))
    db.set(key, "1")
    found = take()
    assert gems(found) == {"A": [gem]}
    line = registration(found.classes.classes["A"])
    assert (line is None) == (gem == "resque-concurrent-restriction")


@pytest.mark.parametrize(("plugin", "gem"), [(Loner(), "resque-loner"), (Solo(), "resque_solo")])
def test_the_digest_of_a_job_is_found_among_the_keys(redis_url, queue, take, plugin, gem):
    with Resque(redis_url) as other:
        other.declare("A", queue="q", plugins=[plugin])
        other.enqueue("A", 1, {"b": 2, "a": [1]})
        queue("q", payload("B", 1))
    assert gems(take()) == {"A": [gem]}


def test_the_id_of_a_status_is_found_among_the_keys(redis_url, take):
    with Resque(redis_url) as other:
        other.declare("A", queue="q", plugins=[Status()])
        other.enqueue("A", num=1)
    found = take()
    assert gems(found) == {"A": ["resque-status"]}
    assert found.classes.classes["A"].marks["resque-status"].certain


def test_arguments_alone_make_a_guess(queue, take):
    queue("q", payload("A", "0" * 32, {"id": 1}), payload("B", "0" * 40, 1), payload("C", "0" * 32))
    found = take()
    assert gems(found) == {"A": ["resque-status"], "B": ["resque-meta"]}
    assert not found.classes.classes["A"].marks["resque-status"].certain


def test_a_unique_active_job_is_known_by_the_path_in_its_key(db, queue, take):
    queue("q", rails("Mailing::DailyHTMLJob", 1))
    db.set("activejob_uniqueness:mailing/daily_html_job:0a", "1")
    db.set("activejob_uniqueness:other_job:0a", "1")
    found = take()
    assert gems(found) == {"Mailing::DailyHTMLJob": ["activejob-uniqueness"]}
    one = found.classes.classes["Mailing::DailyHTMLJob"]
    assert registration(one).endswith('"Mailing::DailyHTMLJob", ..., unique="until_executed")')
    assert any("other_job" in note for note in found.notes)


def test_a_key_of_a_queue_with_several_classes_is_a_note(db, queue, take):
    queue("q", payload("A"), payload("B"))
    db.set("resque:lonely_job:q", "1")
    found = take()
    assert gems(found) == {}
    assert any("resque-lonely_job" in note for note in found.notes)


def test_a_class_of_which_only_a_key_is_left_is_seen_without_jobs(db, take):
    db.set("resque:resque-retry:Old:0a", "1")
    found = take()
    assert gems(found) == {"Old": ["resque-retry"]}
    assert not found.classes.classes["Old"].jobs


def test_the_search_for_marks_is_bounded(db, take):
    pipe = db.pipeline()
    for at in range(5000):
        pipe.set(f"resque:lock:A-[{at}]", "1")
    pipe.execute()
    found = take(keys=1000)
    assert (found.marks.looked_at, found.marks.complete) == (1000, False)
    assert not take(keys=0).classes.classes


def test_names_in_keys_by_the_thousand_are_bounded(db, take):
    pipe = db.pipeline()
    for at in range(5000):
        pipe.set(f"resque:lock:A{at}-[1]", "1")
        pipe.set(f"resque:lonely_job:q{at}", "1")
        pipe.set(f"activejob_uniqueness:p{at}:x", "1")
    pipe.execute()
    found = take()
    assert len(found.classes.classes) <= 1000
    assert len(found.notes) <= 50


def test_a_name_with_quotes_is_quoted_in_the_line_to_write(queue, take, db):
    queue("q", payload('A", x=evil("', "0" * 32, {}))
    one = take().classes.classes['A", x=evil("']
    assert registration(one) == '@resque.job("A\\", x=evil(\\"", ..., plugins=[Status()])'
