"""The tab of recurring jobs."""

from __future__ import annotations

import json
import time

import pytest

NIGHTLY = {
    "cron": "0 3 * * * Europe/Berlin",
    "class": "Report",
    "queue": "low",
    "args": [7],
    "description": "the nightly report",
}


@pytest.fixture
def nightly(resque):
    resque.set_schedule("nightly", NIGHTLY, persist=True)


def test_recurring_jobs_are_shown_with_last_and_next_runs(web, nightly, db):
    db.hset("resque:delayed:last_enqueued_at", "nightly", "2026-11-29 03:00:00 +0100")
    (one,) = web.get("/schedule.json").json()["entries"]
    assert (one["name"], one["class"], one["queue"], one["args"]) == (
        "nightly",
        "Report",
        "low",
        [7],
    )
    assert one["last"] == "2026-11-29T03:00:00+01:00"
    assert len(one["runs"]) == 1
    page = web.get("/schedule").text
    for text in ("the nightly report", "0 3 * * * Europe/Berlin", "2026-11-29 02:00:00 UTC"):
        assert text in page
    assert "No scheduler leads: nothing here runs" in page
    assert len(web.get("/schedule/nightly.json").json()["entry"]["runs"]) == 5
    assert web.get("/schedule/nothing").status_code == 404


def test_who_leads_is_shown_and_its_lock_released_after_a_question(web, nightly, db, resque):
    db.set("resque:resque:resque_scheduler_master_lock", "far-host:7", ex=100)
    assert "The scheduler far-host:7 leads" in web.get("/schedule").text
    asked = web.post("/schedule/release")
    assert "from 1 scheduler, far-host:7?" in asked.text
    assert resque.master_lock() is not None
    web.post("/schedule/release", data={"confirm": "yes"})
    assert resque.master_lock() is None
    assert web.post("/schedule/release").status_code == 404


def test_the_lock_is_not_taken_from_another_scheduler_than_the_one_that_was_named(web, db):
    key = "resque:resque:resque_scheduler_master_lock"
    db.set(key, "dead:7", ex=100)
    send = web.post("/schedule/release", headers={"accept": "application/json"}).json()["send"]
    db.set(key, "alive:8", ex=100)
    answer = web.post("/schedule/release", data=send, headers={"accept": "application/json"})
    assert answer.json() == {"done": "dead:7 held the lock no longer", "count": 0, "undo": None}
    assert db.get(key) == b"alive:8"


def test_a_recurring_job_is_run_now_with_its_own_arguments_or_others(web, nightly, resque):
    web.post("/schedule/requeue", data={"job_name": "nightly"})
    web.post("/schedule/requeue", data={"job_name": "nightly", "args": '["x", 1]'})
    assert [job.args for job in resque.peek("low", 0, 5)] == [(7,), ("x", 1)]
    assert "Enqueued nightly." in web.get("/schedule").text
    bad = web.post("/schedule/requeue", data={"job_name": "nightly", "args": "["})
    assert bad.status_code == 400
    assert web.post("/schedule/requeue", data={"job_name": "nothing"}).status_code == 404
    assert web.post("/schedule/requeue").status_code == 400
    assert resque.size("low") == 2


def test_a_recurring_job_is_added_and_changed_if_it_is_right(web, resque):
    form = {"job_name": "hourly", "config": json.dumps({"every": "1h", "class": "H", "queue": "q"})}
    assert web.post("/schedule/save", data=form).headers["location"] == "/schedule/hourly"
    assert resque.fetch_schedule("hourly") == {"every": "1h", "class": "H", "queue": "q"}
    for config in ("", "[", "[]", '{"cron": "no", "class": "H"}', '{"every": "x"}'):
        refused = web.post("/schedule/save", data={"job_name": "hourly", "config": config})
        assert refused.status_code == 400
    assert resque.fetch_schedule("hourly")["every"] == "1h"


def test_a_recurring_job_is_removed_after_a_question(web, nightly, resque):
    asked = web.post("/schedule/remove", data={"job_name": "nightly"})
    assert "Remove 1 recurring job, nightly?" in asked.text
    assert resque.fetch_schedule("nightly") is not None
    web.post("/schedule/remove", data={"job_name": "nightly", "confirm": "yes"})
    assert resque.fetch_schedule("nightly") is None
    assert web.post("/schedule/remove", data={"job_name": "nightly"}).status_code == 404


def test_entries_of_any_shape_break_no_page(web, nightly, db):
    shapes = {
        "junk": b"\xff\x00",
        "list": b"[]",
        "number": b"7",
        "cron": b'{"cron":[1,{}],"class":7,"queue":[],"args":{"a":1}}',
        "never": b'{"class":"A","args":null,"rails_env":["x"]}',
        "long": b'{"cron":"' + b"x" * 50_000 + b'"}',
    }
    db.hset("resque:persistent_schedules", mapping=shapes)
    page = web.get("/schedule")
    assert page.status_code == 200
    assert len(page.content) < 200_000
    assert "nightly" in page.text
    for name in shapes:
        page = web.get(f"/schedule/{name}")
        assert page.status_code == 200, page.text
        web.post("/schedule/requeue", data={"job_name": name})
        assert web.get("/schedule").status_code == 200


REPORT = {
    "cron": "0 9 * * mon-fri Europe/Berlin",
    "class": "Report",
    "queue": "low",
    "args": {"kind": "full"},
    "parameters": {
        "from": {"description": "the first day", "default": "2026-01-01"},
        "to": {"description": "the last day", "default": 31},
        "job_name": None,
    },
}


@pytest.fixture
def report(resque):
    resque.set_schedule("report", REPORT, persist=True)


def test_a_cron_line_stands_in_words_with_its_zone(web, report, nightly):
    page = web.get("/schedule").text
    assert "At 09:00, Monday through Friday, Europe/Berlin" in page
    assert "0 9 * * mon-fri Europe/Berlin" in page
    assert "At 09:00, Monday through Friday" in web.get("/schedule/report").text
    timing = web.get("/schedule/report.json").json()["entry"]["timing"]
    assert timing["zone"] == "Europe/Berlin"


def test_an_entry_with_parameters_is_run_by_a_form_as_in_ruby(web, report, resque):
    page = web.get("/schedule").text
    assert '<a href="/schedule/report#parameters">Run now with parameters …</a>' in page
    page = web.get("/schedule/report").text
    for text in (
        'name="param:from" value="2026-01-01"',
        'name="param:to" value="31"',
        'name="param:job_name" value=""',
        "the first day",
    ):
        assert text in page
    form = {"job_name": "report", "param:from": "2026-02-03", "param:to": "", "param:other": "x"}
    done = web.post("/schedule/requeue_with_params", data=form)
    assert done.status_code == 303
    (job,) = resque.peek("low", 0, 5)
    assert job.args == ({"kind": "full", "from": "2026-02-03", "to": "31", "job_name": ""},)


@pytest.mark.parametrize("args", [[7], "text", 7, [{}, {}]], ids=str)
def test_parameters_need_a_hash_to_go_into(web, resque, args):
    resque.set_schedule("report", {**REPORT, "args": args}, persist=True)
    answer = web.post("/schedule/requeue_with_params", data={"job_name": "report"})
    assert answer.status_code == 400
    assert resque.size("low") == 0


@pytest.mark.parametrize("args", [None, [], [{"a": 1}], {"a": 1}], ids=str)
def test_parameters_go_into_no_argument_or_one_hash(web, resque, args):
    resque.set_schedule("report", {**REPORT, "args": args}, persist=True)
    web.post("/schedule/requeue_with_params", data={"job_name": "report"})
    (job,) = resque.peek("low", 0, 5)
    assert job.args[0]["from"] == "2026-01-01"
    assert ("a" in job.args[0]) == bool(args)


@pytest.mark.parametrize(
    "parameters",
    [7, "x", [1], {"a": 7}, {"a": {"default": {}}}, {"x" * 5000: {}}],
    ids=lambda one: str(one)[:30],
)
def test_parameters_of_any_shape_break_no_page(web, resque, parameters):
    resque.set_schedule("report", {**REPORT, "parameters": parameters}, persist=True)
    assert web.get("/schedule").status_code == 200
    assert web.get("/schedule/report").status_code == 200
    answer = web.post("/schedule/requeue_with_params", data={"job_name": "report"})
    assert answer.status_code in {303, 400}


def test_a_default_that_is_not_shown_is_taken_where_its_field_is_empty(redis_url, resque):
    from starlette.testclient import TestClient

    from pyresque import Resque
    from pyresque.web import anybody, app
    from tests.web.conftest import OWN

    parameters = {"token": {"default": "s3cret"}, "day": {"default": "1"}}
    resque.set_schedule("report", {**REPORT, "parameters": parameters}, persist=True)
    with (
        Resque(redis_url, web_redact=["token"]) as other,
        TestClient(app(other, authorize=anybody), headers=OWN) as web,
    ):
        page = web.get("/schedule/report").text
        assert "s3cret" not in page
        assert 'name="param:token" value=""' in page
        web.post("/schedule/requeue_with_params", data={"job_name": "report", "param:token": ""})
    (job,) = resque.peek("low", 0, 5)
    assert job.args[0]["token"] == "s3cret"


@pytest.mark.parametrize(
    ("lock", "due", "health", "said"),
    [
        (None, None, "missing", "No scheduler leads: nothing here runs"),
        ({"ex": 100}, None, "well", "well"),
        ({}, None, "stuck", "its lock never expires"),
        ({"ex": 100}, 3600, "behind", "It is behind: a delayed job is overdue by 1 h."),
        ({"ex": 100}, -3600, "well", "well"),
    ],
)
def test_the_scheduler_is_said_to_be_well_or_not(web, nightly, db, lock, due, health, said):
    if lock is not None:
        db.set("resque:resque:resque_scheduler_master_lock", "host:7", **lock)
    if due is not None:
        at = int(time.time() - due)
        db.zadd("resque:delayed_queue_schedule", {str(at): at})
        db.rpush(f"resque:delayed:{at}", json.dumps({"class": "A", "args": [], "queue": "q"}))
    assert web.get("/schedule.json").json()["health"] == health
    assert said in web.get("/schedule").text
