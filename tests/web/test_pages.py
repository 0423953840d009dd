"""Every page: what it shows, and the same as JSON."""

from __future__ import annotations

import json

import pytest

from pyresque import AsyncResque
from pyresque.web.pages import PAGES
from pyresque.web.view import Page


@pytest.fixture
def filled(resque, db, failed):
    """Something of everything."""
    for number in range(45):
        resque.enqueue_to("mailers", "WelcomeMailer", number)
    resque.enqueue_to("media", "Resize", {"width": 10})
    failed("Report", 7, error="no such report 7")
    db.sadd("resque:workers", "far-host:12:mailers,high_*", "near:13:mailers")
    record = {
        "queue": "mailers",
        "run_at": "2026-11-29T12:00:00Z",
        "payload": {"class": "WelcomeMailer", "args": [99]},
    }
    db.set("resque:worker:far-host:12:mailers,high_*", json.dumps(record))
    db.hset("resque:workers:heartbeat", "far-host:12:mailers,high_*", "2001-01-01T00:00:00Z")
    db.set("resque:stat:processed", 1234567)
    resque.set_schedule("nightly", {"cron": "0 3 * * *", "class": "A"}, persist=True)
    resque.enqueue_at(4_000_000_000, "Later", queue="low")


def places() -> list[str]:
    """A path of every page in the table."""
    names = {
        "{queue}": "mailers",
        "{worker}": "near:13:mailers",
        "{list}": "failed",
        "{key}": "queue:mailers",
        "{name}": "nightly",
        "{timestamp}": "4000000000",
    }
    found = []
    for page in PAGES:
        path = page.path
        for name, value in names.items():
            path = path.replace(name, value)
        found.append(path)
    found.remove("/failed/record")
    found.remove("/statuses/{id}")
    found.remove("/migrate/ledger/{class}")
    return found


@pytest.mark.parametrize("path", places())
def test_every_page_answers_as_html_and_as_json(web, filled, path):
    page = web.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.count("<h1>") == 1
    by_path = web.get(f"{path}.json")
    by_accept = web.get(path, headers={"accept": "application/json"})
    for answer in (by_path, by_accept):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert isinstance(answer.json(), dict)
    assert by_path.json().keys() == by_accept.json().keys()


@pytest.mark.parametrize("path", places())
def test_every_page_answers_where_redis_is_empty(web, path):
    assert web.get(path).status_code in {200, 404}


def test_the_tabs_are_those_of_ruby_and_say_where_the_reader_is(web):
    page = web.get("/failed").text
    tabs = [
        "overview",
        "working",
        "failed",
        "queues",
        "workers",
        "stats",
        "schedule",
        "delayed",
        "retries",
        "statuses",
        "migrate",
    ]
    assert [page.index(f'<a href="/{tab}"') for tab in tabs] == sorted(
        page.index(f'<a href="/{tab}"') for tab in tabs
    )
    assert '<a href="/failed" aria-current="page">Failed</a>' in page


def test_the_root_leads_to_the_overview(web):
    answer = web.get("/")
    assert (answer.status_code, answer.headers["location"]) == (302, "/overview")


def test_the_overview_has_exact_numbers_and_says_what_needs_a_look(web, filled):
    page = web.get("/overview").text
    assert '<span data-live="processed">1,234,567</span>' in page
    assert '<span data-live="queue:mailers">45</span>' in page
    assert "<title>1 failed, 46 pending · Resque</title>" in page
    assert "No worker takes from media." in page
    assert "1 worker sent no heartbeat for 5 minutes." in page
    assert "1 worker never sent a heartbeat." in page
    data = web.get("/overview.json").json()
    assert data["numbers"] == {
        "pending": 46,
        "processed": 1234567,
        "failed": 1,
        "workers": 2,
        "working": 1,
        "queues": 2,
        "delayed": 1,
        "scheduled": 1,
    }
    assert data["workers"][0]["job"]["args"] == [99]


def test_delayed_jobs_without_a_scheduler_need_a_look(web, resque):
    resque.enqueue_in(3600, "Later", queue="low")
    assert "No scheduler leads" in web.get("/overview").text
    assert web.get("/live.json").json()["delayed"] == 1


def test_pauses_need_a_look(web, resque):
    resque.enqueue_to("low", "Job")
    resque.pause_queue("low")
    assert "Paused: low." in web.get("/overview").text
    resque.pause_all()
    resque.pause_all_queues()
    page = web.get("/overview").text
    assert "All workers are paused" in page
    assert "All queues are paused" in page


def test_queues_are_found_by_name_and_come_a_hundred_at_a_time(web, db):
    db.sadd("resque:queues", *(f"queue_{number:03}" for number in range(120)))
    page = web.get("/queues").text
    assert "queue_099" in page
    assert "queue_100" not in page
    assert '<a href="/queues?start=100" rel="next">' in page
    assert "queue_119" in web.get("/queues?start=100").text
    found = web.get("/queues.json?q=_11").json()
    assert [one["name"] for one in found["queues"]] == [f"queue_11{digit}" for digit in range(10)]


def test_workers_are_shown_with_the_age_of_their_heartbeat(web, filled):
    data = {one["id"]: one for one in web.get("/workers.json").json()["workers"]}
    assert data["near:13:mailers"]["health"] == "silent"
    assert data["far-host:12:mailers,high_*"]["health"] == "late"
    assert data["far-host:12:mailers,high_*"]["job"]["class"] == "WelcomeMailer"
    assert "1 of 2 workers working" in web.get("/workers").text.replace("</span>", "").replace(
        '<span data-live="working">', ""
    ).replace('<span data-live="workers">', "")


def test_a_host_in_place_of_a_worker_shows_its_workers_as_ruby_does(web, filled):
    page = web.get("/workers/far-host").text
    assert "far-host:12" in page
    assert "near:13" not in page
    assert web.get("/workers/gone:1:q").status_code == 404


def test_a_worker_at_work_shows_its_job_whole(web, filled):
    page = web.get("/workers/far-host:12:mailers,high_*").text
    assert "WelcomeMailer" in page
    assert '<time datetime="2026-11-29T12:00:00+00:00">2026-11-29 12:00:00 UTC</time>' in page


def test_thousands_of_workers_come_fifty_at_a_time(web, db):
    db.sadd("resque:workers", *(f"host:{number}:q" for number in range(10_000)))
    page = web.get("/workers")
    assert page.text.count('<th role="rowheader" scope="row">') == 50
    assert len(page.content) < 200_000
    assert "1 to 50 of 10,000" in page.text


def test_the_keys_are_found_by_scan_with_types_and_sizes(web, filled):
    keys = {one["name"]: one for one in web.get("/stats/keys.json").json()["keys"]}
    assert (keys["queue:mailers"]["type"], keys["queue:mailers"]["size"]) == ("list", 45)
    assert (keys["workers"]["type"], keys["workers"]["size"]) == ("set", 2)
    page = web.get("/stats/keys/queue:mailers?start=40").text
    assert "&#34;args&#34;:[44]" in page
    assert web.get("/stats/keys/nothing").status_code == 404
    assert "redis_version" in web.get("/stats/redis").text


@pytest.mark.parametrize("kind", ["string", "list", "set", "zset", "hash", "stream"])
def test_a_key_of_any_type_is_shown(web, db, kind):
    fill = {
        "string": lambda key: db.set(key, "in it"),
        "list": lambda key: db.rpush(key, "in it"),
        "set": lambda key: db.sadd(key, "in it"),
        "zset": lambda key: db.zadd(key, {"in it": 7}),
        "hash": lambda key: db.hset(key, "in it", "value"),
        "stream": lambda key: db.xadd(key, {"in it": "value"}),
    }
    fill[kind]("resque:some:key")
    page = web.get("/stats/keys/some:key")
    assert page.status_code == 200
    assert kind == "stream" or "in it" in page.text


def test_ruby_s_lines_for_munin_are_plain_text(web, filled):
    answer = web.get("/stats.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.splitlines()[:5] == [
        "resque.pending=46",
        "resque.processed+=1234567",
        "resque.failed+=1",
        "resque.workers=2",
        "resque.working=1",
    ]
    assert set(answer.text.splitlines()[5:]) == {"queues.mailers=45", "queues.media=1"}


def test_metrics_have_the_names_of_yabeda_resque(web, filled):
    lines = web.get("/metrics").text.splitlines()
    for line in (
        "resque_jobs_pending 46",
        "resque_jobs_processed 1234567",
        "resque_jobs_failed 1",
        'resque_queue_sizes{queue="mailers"} 45',
        "resque_workers_total 2",
        "resque_workers_working 1",
    ):
        assert line in lines
    assert any(
        line.startswith('resque_worker_heartbeat_age_seconds{worker="far-host:12:mailers,high_*"} ')
        for line in lines
    )


def test_a_label_of_a_metric_ends_where_it_ends(web, db):
    db.sadd("resque:queues", b'evil"} 1\nforged 2\\\xff')
    lines = web.get("/metrics").text.splitlines()
    assert not any(line.startswith("forged") for line in lines)
    assert r'resque_queue_sizes{queue="evil\"} 1\nforged 2\\\\udcff"} 0' in lines


def test_health_says_whether_redis_answers(web):
    assert web.get("/healthz").json() == {"status": "ok"}


def test_without_redis_pages_say_so(monkeypatch):
    from starlette.testclient import TestClient

    from pyresque import Resque
    from pyresque.web import anybody, app

    with TestClient(app(Resque("redis://127.0.0.1:1/0"), authorize=anybody)) as web:
        assert web.get("/healthz").status_code == 503
        page = web.get("/overview")
        assert page.status_code == 503
        assert "Redis does not answer" in page.text


def test_an_async_resque_is_taken_as_it_is(redis_url):
    from pyresque.awaiting import awaiting

    resque = AsyncResque(redis_url)
    assert awaiting(resque) is resque


def test_a_page_is_one_line_in_the_table():
    assert all(isinstance(page, Page) for page in PAGES)
    assert len({page.path for page in PAGES}) == len(PAGES)


def test_an_active_job_is_shown_as_a_call(web, resque, db):
    envelope = {
        "job_class": "SyncAccountJob",
        "job_id": "1",
        "arguments": [{"_aj_globalid": "gid://shop/Account/7"}],
    }
    wrapper = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", json.dumps({"class": wrapper, "args": [envelope]}))
    page = web.get("/queues/low").text
    assert "SyncAccountJob(gid://shop/Account/7)" in page
    assert "JobWrapper" not in page
