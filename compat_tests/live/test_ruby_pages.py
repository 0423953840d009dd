"""What the real resque-web shows on its pages, our pages tell as JSON, on the same Redis; also where Ruby's page breaks."""

from __future__ import annotations

import html
import json
import re

import pytest
from starlette.testclient import TestClient

from pyresque.web import anybody, app

WORKER = "far-host:12:echo,a/b"


@pytest.fixture
def filled(ruby, db):
    """Jobs, failed jobs and workers, of Ruby's and of others' making."""
    for number in range(23):
        ruby.ask("enqueue", class_="EchoJob", args=[number])
    db.sadd("resque:queues", "a/b", "empty")
    db.rpush("resque:queue:a/b", *(json.dumps({"class": "Job", "args": [n]}) for n in range(3)))
    for number in range(4):
        record = {
            "failed_at": "2026/11/29 12:00:00 UTC",
            "payload": {"class": "Report", "args": [number]},
            "exception": "RuntimeError",
            "error": f"no report <{number}>",
            "backtrace": ["a.rb:1"],
            "worker": WORKER,
            "queue": "echo",
        }
        db.rpush("resque:failed", json.dumps(record))
    db.set("resque:stat:processed", 1234)
    db.set("resque:stat:failed", 4)
    db.sadd("resque:workers", WORKER, "near:7:echo")
    work = {"class": "EchoJob", "args": [99]}
    at_work = {"queue": "echo", "run_at": "2026-11-29T12:00:00Z", "payload": work}
    db.set(f"resque:worker:{WORKER}", json.dumps(at_work))


@pytest.fixture
def ours(resque):
    with TestClient(app(resque, authorize=anybody)) as client:
        yield lambda path: client.get(f"{path}.json").json()


def words(page):
    """The text of a page of Ruby's, without markup."""
    assert page.status == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.body)).split())


def test_queues_and_their_sizes(ruby_web, filled, ours):
    page = ruby_web().get("/queues").body
    theirs = {
        html.unescape(name): int(size)
        for name, size in re.findall(
            r"<td class='queue'><a[^>]*>([^<]*)</a></td>\s*<td class='size'>(\d+)</td>", page
        )
    }
    assert theirs == {one["name"]: one["size"] for one in ours("/queues")["queues"]}
    assert theirs["echo"] == 23


def test_workers_and_who_works(ruby_web, filled, ours):
    web = ruby_web()
    found = ours("/workers")
    text = words(web.get("/workers/all"))
    assert f"{found['total']} Workers" in text
    for worker in found["workers"]:
        assert f"{worker['host']}:{worker['pid']}" in text
    working = ours("/working")
    text = words(web.get("/working"))
    assert f"{working['total']} of {working['all']} Workers Working" in text
    assert [one["job"]["class"] for one in working["workers"]] == ["EchoJob"]
    assert "EchoJob" in text


def test_failed_jobs(ruby_web, filled, ours):
    text = words(ruby_web().get("/failed"))
    found = ours("/failed")
    assert text.count("RuntimeError") == found["total"] == len(found["records"]) == 4
    for record in found["records"]:
        assert record["error"] in text
        assert record["job"]["class"] in text


def test_counters(ruby_web, filled, ours):
    text = words(ruby_web().get("/stats/resque"))
    info = ours("/stats")["info"]
    for name in ("pending", "processed", "failed", "workers", "working", "queues"):
        assert re.search(rf"\b{name} {info[name]}\b", text), name


def test_jobs_of_a_queue(ruby_web, filled, ours):
    text = words(ruby_web().get("/queues/echo"))
    found = ours("/queues/echo")
    assert f"of {found['size']} jobs" in text
    assert len(found["jobs"]) == 20
    for job in found["jobs"]:
        assert f"{job['class']} {json.dumps(job['args'])}" in text


def test_what_breaks_ruby_s_page_breaks_none_of_ours(ruby_web, filled, db, resque):
    db.rpush("resque:queue:echo", b"\xff{", b"7")
    db.lpush("resque:queue:echo", b"not json")
    db.rpush("resque:failed", b"not json", b'{"payload":7}')
    web = ruby_web()
    broken = [path for path in ("/queues/echo", "/failed") if web.get(path).status == 500]
    assert broken, "Ruby's pages bear these now: choose worse ones"
    with TestClient(app(resque, authorize=anybody)) as client:
        for path in broken:
            for way in ("", ".json"):
                assert client.get(path + way).status_code == 200
        assert "undecodable element" in client.get(broken[0]).text
