"""What was removed or retried by a page is undone, for some minutes and as far as it can be."""

from __future__ import annotations

import json
import re
import threading

import pytest
from starlette.testclient import TestClient

from pyresque import Resque
from pyresque.failure import undo as undo_module
from pyresque.plugins.loner import Loner
from pyresque.web import actions, anybody, app
from pyresque.web.tabs import failed_actions
from tests.web.conftest import OWN

JSON = {"accept": "application/json"}


def raws(db, key="resque:failed"):
    return db.lrange(key, 0, -1)


def done(web, path, **form):
    """Carry out an action; its answer to a program."""
    asked = web.post(path, data=form, headers=JSON)
    if asked.status_code == 409:
        asked = web.post(path, data={**form, **asked.json()["send"]}, headers=JSON)
    assert asked.status_code == 200, asked.text
    return asked.json()


def undone(web, answer):
    return web.post("/failed/undo", data={"token": answer["undo"]}, headers=JSON)


def one(web, index=0):
    found = web.get("/failed.json").json()["records"][index]
    return {"list": found["list"], "id": found["id"], "index": found["index"]}


def test_removed_records_are_put_back_byte_by_byte(web, failed, db):
    for number in range(700):
        failed("A" if number % 2 else "B", number)
    before = raws(db)
    answer = done(web, "/failed/remove/all", **{"class": "A"})
    assert answer["count"] == 350
    assert 0 < db.ttl(f"resque:undo:{answer['undo']}:failed") <= 600
    back = undone(web, answer)
    assert back.json()["done"] == "Undone: 350 failed jobs as before"
    assert sorted(raws(db)) == sorted(before)
    assert db.keys("resque:undo:*") == []
    assert undone(web, answer).status_code == 404
    assert len(raws(db)) == 700


def test_one_removed_record_is_put_back_by_the_button_of_the_next_page(web, failed, db):
    failed("Job", 1)
    before = raws(db)
    form = {**one(web), "confirm": "yes"}
    assert (
        "This can be undone for 10 minutes."
        in web.post("/failed/record/remove", data=one(web)).text
    )
    web.post("/failed/record/remove", data=form)
    page = web.get("/failed").text
    token = re.search(
        r'action="/failed/undo"[^>]*>\s*<input type="hidden" name="token" value="([^"]+)"', page
    )[1]
    assert "/failed/undo" not in web.get("/failed").text
    assert web.post("/failed/undo", data={"token": token}).status_code == 303
    assert raws(db) == before


def test_a_retry_is_undone_while_the_job_still_waits(web, resque, failed, db):
    for number in range(4):
        failed("Job", number)
    before = raws(db)
    answer = done(web, "/failed/requeue/all")
    assert resque.size("low") == 4
    assert json.loads(db.lpop("resque:queue:low"))["args"] == [0]
    back = undone(web, answer).json()
    assert back == {
        "done": "Undone: 3 failed jobs as before; 1 job had left the queue already",
        "count": 3,
        "undo": None,
    }
    assert resque.size("low") == 0
    assert raws(db)[1:] == before[1:]
    assert "retried_at" in json.loads(raws(db)[0])
    assert undone(web, answer).status_code == 404


def test_one_retry_is_undone_though_others_were_removed_before_its_record(web, resque, failed, db):
    for number in range(3):
        failed("Job", number)
    before = raws(db)
    answer = done(web, "/failed/record/requeue", **one(web))
    db.lpop("resque:failed")
    assert undone(web, answer).json()["count"] == 1
    assert raws(db) == before[1:]
    assert resque.size("low") == 0


@pytest.mark.parametrize("removing", ["remove_all", "trim"])
def test_a_retry_whose_record_is_gone_is_undone_without_losing_the_job(
    web, resque, failed, db, removing
):
    for number in range(3):
        failed("Job", number)
    before = raws(db)
    answer = done(web, "/failed/requeue/all")
    if removing == "remove_all":
        done(web, "/failed/clear_retried")
    else:
        db.ltrim("resque:failed", 2, -1)
    assert undone(web, answer).json()["count"] == 3
    assert resque.size("low") == 0
    assert sorted(raws(db)) == sorted(before)


def test_a_record_that_moves_while_its_retry_is_undone_is_looked_for_again(
    web, resque, failed, db, monkeypatch
):
    for number in range(3):
        failed("Job", number)
    before = raws(db)
    answer = done(web, "/failed/record/requeue", **one(web))
    found = undo_module.Undoing._marked

    async def removed_after(self, record):
        seen = await found(self, record)
        if db.llen("resque:failed") == 3:
            db.lpop("resque:failed")
        return seen

    monkeypatch.setattr(undo_module.Undoing, "_marked", removed_after)
    assert undone(web, answer).json()["count"] == 1
    assert (raws(db), resque.size("low")) == (before[1:], 0)


@pytest.mark.parametrize("path", ["/failed/requeue/all", "/failed/record/requeue"])
def test_an_equal_job_that_its_mark_kept_alone_is_not_taken_by_an_undoing(
    redis_url, failed, db, path
):
    resque = Resque(redis_url)

    @resque.job("Alone", queue="low", plugins=[Loner()])
    def alone(number):
        """Nothing is performed here."""

    with TestClient(app(resque, authorize=anybody), headers=OWN, follow_redirects=False) as web:
        failed("Alone", 7)
        resque.enqueue(alone, 7)
        answer = done(web, path, **(one(web) if path.endswith("record/requeue") else {}))
        assert resque.size("low") == 1
        if answer["undo"]:
            undone(web, answer)
        assert resque.size("low") == 1


def test_a_retry_that_two_ask_for_at_once_puts_one_job_into_its_queue(
    web, resque, failed, db, monkeypatch
):
    failed("Job", 7)
    found = failed_actions.find

    async def found_by_another_too(dash, ask):
        record = await found(dash, ask)
        if not db.llen("resque:queue:low"):
            await dash.run(dash.core.failures.requeue(record, record.failure_queue))
        return record

    monkeypatch.setattr(failed_actions, "find", found_by_another_too)
    answer = web.post("/failed/record/requeue", data=one(web), headers=JSON)
    assert answer.status_code == 404
    assert "it was not requeued again" in answer.json()["error"]
    assert resque.size("low") == 1


def test_two_who_undo_at_once_put_nothing_back_twice(web, resque, failed, db, redis_url):
    for number in range(300):
        failed("Job", number)
    before = raws(db)
    for path in ("/failed/requeue/all", "/failed/clear"):
        answer = done(web, path)
        with Resque(redis_url) as first, Resque(redis_url) as second:
            threads = [
                threading.Thread(target=_undo, args=(own, answer["undo"]))
                for own in (first, second)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
        assert sorted(raws(db)) == sorted(before)
        assert resque.size("low") == 0


def _undo(resque, token):
    core = resque.core
    undoing = undo_module.Undoing(core.failed_table, core.codec, token, core.jobs.leaving)
    resque.run(undoing.whole(["failed"]))


def test_a_retry_that_was_undone_takes_no_equal_job_of_another_s(web, resque, failed, db):
    failed("Job", 7)
    resque.enqueue_to("low", "Job", 7)
    answer = done(web, "/failed/requeue/all")
    undone(web, answer)
    assert resque.size("low") == 1


def test_what_is_too_much_to_be_kept_is_said_before_and_offers_no_undoing(web, failed, db):
    failed()
    db.rpush("resque:failed", *raws(db) * 1100)
    asked = web.post("/failed/clear", headers=JSON).json()
    assert asked["question"].endswith("They cannot be retried then.")
    answer = web.post("/failed/clear", data=asked["send"], headers=JSON).json()
    assert (answer["count"], answer["undo"]) == (1101, None)
    assert db.keys("resque:undo:*") == []


def test_large_records_are_not_kept(web, failed, db, monkeypatch):
    monkeypatch.setattr(undo_module, "MOST_BYTES", 1000)
    for _ in range(10):
        failed("Job", "x" * 500)
    assert done(web, "/failed/clear")["undo"] is None
    assert db.keys("resque:undo:*") == []


def test_a_long_removal_offers_it_too(web, failed, db, monkeypatch):
    monkeypatch.setattr(actions, "PATIENCE", -1.0)
    for number in range(500):
        failed("Job", number)
    asked = web.post("/failed/clear", headers=JSON).json()
    page = web.post("/failed/clear", data=asked["send"]).text
    token = re.search(r'name="token" value="([^"]+)"', page)[1]
    web.post("/failed/undo", data={"token": token})
    assert len(raws(db)) == 500


@pytest.mark.parametrize(
    "token", ["", "x", "removed-", "removed-" + "g" * 32, "../failed", "removed-" + "0" * 32 + ":x"]
)
def test_a_token_that_is_none_is_refused(web, failed, db, token):
    failed()
    assert web.post("/failed/undo", data={"token": token}).status_code == 400
    assert len(raws(db)) == 1


def test_lists_of_the_other_backend_get_their_own_records_back(redis_url, failed, db):
    for name in ("low", "high"):
        db.sadd("resque:failed_queues", f"{name}_failed")
        failed("Job", name, key=f"resque:{name}_failed", queue=name)
    resque = Resque(redis_url, failure_backend="redis_multi_queue")
    with TestClient(app(resque, authorize=anybody), headers=OWN, follow_redirects=False) as web:
        before = raws(db, "resque:low_failed"), raws(db, "resque:high_failed")
        undone(web, done(web, "/failed/clear"))
        undone(web, done(web, "/failed/requeue/all"))
        assert (raws(db, "resque:low_failed"), raws(db, "resque:high_failed")) == before
        assert resque.size("low") + resque.size("high") == 0
