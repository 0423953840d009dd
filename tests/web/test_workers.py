"""The tab of workers: what they are, how long they are up and at work; pruning dead ones, and letting one quit."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from pyresque.store.worker_notes import WorkerNotes

OURS, RUBYS, DEAD = "ours:1:low", "ruby:2:low", "dead:3:low"


def ago(**stretch):
    return datetime.now(timezone.utc) - timedelta(**stretch)


@pytest.fixture
def workers(db, resque):
    """One worker of this package, one of Ruby's, and one that died."""
    for name, beat, started in (
        (OURS, ago(seconds=5), ago(hours=3)),
        (RUBYS, ago(seconds=120), ago(days=2)),
        (DEAD, ago(hours=2), ago(days=9)),
    ):
        db.sadd("resque:workers", name)
        db.hset("resque:workers:heartbeat", name, beat.isoformat())
        db.set(f"resque:worker:{name}:started", started.strftime("%Y-%m-%d %H:%M:%S +0000"))
    note = {"version": "1.2.3", "python": "3.12.1", "executor": "thread", "together": 4}
    resque.run(WorkerNotes(resque.core.keys).tell([OURS], note))
    record = {
        "queue": "low",
        "run_at": ago(minutes=7).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "payload": {"class": "Job", "args": ["given"]},
    }
    db.set(f"resque:worker:{DEAD}", json.dumps(record))


def test_each_worker_says_what_it_is_and_how_long_it_is_up(web, workers):
    found = {one["id"]: one for one in web.get("/workers.json").json()["workers"]}
    assert found[OURS]["software"] == {
        "name": "pyresque",
        "language": "python",
        "version": "1.2.3",
        "python": "3.12.1",
        "executor": "thread",
        "together": 4,
    }
    assert found[RUBYS]["software"] is None
    assert [found[one]["health"] for one in (OURS, RUBYS, DEAD)] == ["fresh", "slow", "late"]
    assert int(found[OURS]["uptime"] // 3600) == 3
    page = web.get("/workers").text
    for text in (
        "pyresque 1.2.3, Python 3.12.1, thread",
        "not told",
        "alive",
        "heartbeat 2 min ago",
    ):
        assert text in page
    assert "for 7 min" in page
    assert "given" in page


def test_the_page_of_a_worker_says_the_same(web, workers):
    page = web.get(f"/workers/{OURS}").text
    assert "one of 4 workers of its process" in page
    assert "up for 3 h" in page
    assert f"<title>Worker {DEAD}: working" in web.get(f"/workers/{DEAD}").text
    assert '<td role="cell" data-label="Duration">7 min</td>' in web.get("/working").text


def test_dead_workers_are_pruned_after_a_question_and_their_jobs_are_failures(web, workers, db):
    asked = web.post("/workers/prune")
    assert "Unregister 1 worker without a heartbeat for 5 minutes?" in asked.text
    assert db.scard("resque:workers") == 3
    done = web.post("/workers/prune", data={"confirm": "yes"})
    assert done.headers["location"] == "/workers"
    assert db.smembers("resque:workers") == {OURS.encode(), RUBYS.encode()}
    record = json.loads(db.lindex("resque:failed", 0))
    assert record["exception"] == "Resque::PruneDeadWorkerDirtyExit"
    assert web.post("/workers/prune", headers={"accept": "application/json"}).json()["count"] == 0


def test_one_of_ours_is_let_quit_after_a_question(web, workers, db):
    asked = web.post(f"/workers/{OURS}/quit")
    assert f"Ask 4 workers, the process of {OURS}, to quit?" in asked.text
    assert not db.exists(f"resque:worker:{OURS}:quit")
    done = web.post(f"/workers/{OURS}/quit", data={"confirm": "yes"})
    assert done.status_code == 303
    assert db.get(f"resque:worker:{OURS}:quit") == db.get(f"resque:worker:{OURS}:started")
    assert "It was asked to quit" in web.get(f"/workers/{OURS}").text
    assert "Ask it to quit" not in web.get(f"/workers/{OURS}").text


@pytest.mark.parametrize("action", ["quit", "remove"])
def test_an_answer_does_not_mean_a_later_worker_of_the_same_id(web, workers, db, action):
    path = f"/workers/{OURS}/{action}"
    send = web.post(path, headers={"accept": "application/json"}).json()["send"]
    db.set(f"resque:worker:{OURS}:started", "2026-12-24 00:00:00 +0000")
    answer = web.post(path, data=send)
    assert answer.status_code == 404
    assert "another one has its id now" in answer.text
    assert db.sismember("resque:workers", OURS)
    assert not db.exists(f"resque:worker:{OURS}:quit")


def test_a_later_worker_of_the_same_id_was_not_asked_to_quit(web, workers, db):
    web.post(f"/workers/{OURS}/quit", data={"confirm": "yes"})
    started = "2026-12-24 00:00:00 +0000"
    db.set(f"resque:worker:{OURS}:started", started)
    db.set(f"resque:worker:{OURS}:note", json.dumps({"started": started}))
    assert web.get(f"/workers/{OURS}.json").json()["quitting"] is False
    assert "Ask it to quit" in web.get(f"/workers/{OURS}").text


@pytest.mark.parametrize("confirm", ["", "yes"])
def test_a_worker_that_does_not_listen_is_refused(web, workers, db, confirm):
    answer = web.post(f"/workers/{RUBYS}/quit", data={"confirm": confirm})
    assert answer.status_code == 400
    assert "send its process the signal QUIT" in answer.text
    assert not db.exists(f"resque:worker:{RUBYS}:quit")
    assert "Ask it to quit" not in web.get(f"/workers/{RUBYS}").text
    assert web.post("/workers/gone:1:low/quit", data={"confirm": confirm}).status_code == 404


def test_a_note_may_hold_markup(web, workers, db):
    started = db.get(f"resque:worker:{OURS}:started").decode()
    note = {
        "version": "<script>",
        "python": "<b>",
        "executor": "<i>",
        "together": "x",
        "started": started,
    }
    db.set(f"resque:worker:{OURS}:note", json.dumps(note))
    for path in ("/workers", f"/workers/{OURS}"):
        page = web.get(path)
        assert page.status_code == 200
        assert "&lt;script&gt;" in page.text
        assert "<script>" not in page.text
    assert web.post(f"/workers/{OURS}/quit").status_code == 200


def test_a_search_that_finds_no_worker_says_so(web, workers):
    page = web.get("/workers", params={"q": "nothing"}).text
    assert "<h1>0 workers with nothing</h1>" in page
    assert "No worker has this in its name." in page
    assert "There are no workers." not in page
