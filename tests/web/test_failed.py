"""The tab of failed jobs: order, filters, groups, and acting on exactly what a filter takes."""

from __future__ import annotations

import json
import re
import time

import pytest

from pyresque import Resque
from pyresque.web.tabs import failed as failed_page
from tests.web.conftest import OWN


def records(db, key="resque:failed"):
    return [json.loads(raw) for raw in db.lrange(key, 0, -1)]


def confirmed(web, path, **form):
    """Send the action, and what its question asks for; the question's text."""
    asked = web.post(path, data=form, headers={"accept": "application/json"})
    assert asked.status_code == 409, asked.text
    answer = web.post(path, data={**form, **asked.json()["send"]})
    assert answer.status_code == 303, answer.text
    return asked.json()["question"]


def test_the_latest_come_first(web, failed):
    for number in range(45):
        failed("Job", number)
    data = web.get("/failed.json").json()
    assert [one["job"]["args"][0] for one in data["records"]] == list(range(44, 24, -1))
    older = web.get("/failed.json", params={"before": data["next"]}).json()
    assert [one["job"]["args"][0] for one in older["records"]] == list(range(24, 4, -1))
    assert "<title>45 failed · Resque</title>" in web.get("/failed").text


def test_ruby_s_links_by_class_and_start_go_on(web, failed):
    for number in range(30):
        failed("A" if number % 3 else "B", number)
    data = web.get("/failed.json?class=B").json()
    assert {one["job"]["class"] for one in data["records"]} == {"B"}
    data = web.get("/failed.json?start=20").json()
    assert [one["job"]["args"][0] for one in data["records"]] == list(range(9, -1, -1))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"class": "A"}, [1]),
        ({"queue": "high"}, [2]),
        ({"exception": "KeyError"}, [3]),
        ({"q": "NEEDLE"}, [4]),
        ({"retried": "yes"}, [5]),
        ({"retried": "no"}, [4, 3, 2, 1]),
        ({"class": "B", "queue": "low", "q": "needle"}, [4]),
    ],
)
def test_filters_of_the_url_narrow_together(web, failed, query, wanted):
    failed("A", 1)
    failed("B", 2, queue="high")
    failed("B", 3, exception="KeyError")
    failed("B", 4, error="a needle in it")
    failed("B", 5, retried_at="2026/11/29 13:00:00")
    data = web.get("/failed.json", params=query).json()
    assert [one["job"]["args"][0] for one in data["records"]] == wanted
    assert data["filter"] == query


def test_a_match_at_the_far_end_is_found_and_acted_on(web, failed, db, monkeypatch):
    failed("Needle", 0)
    raw = db.lindex("resque:failed", 0).replace(b"Needle", b"Job")
    db.rpush("resque:failed", *[raw] * 5000)
    monkeypatch.setattr(failed_page, "BUDGET", 0.0)
    page = web.get("/failed?class=Needle").text
    assert "Looked through 200 of 5,001." in page
    before, found = 5001, []
    while before is not None:
        data = web.get("/failed.json", params={"class": "Needle", "before": before}).json()
        found += data["records"]
        before = data["next"]
    assert [one["index"] for one in found] == [0]
    assert confirmed(web, "/failed/remove/all", **{"class": "Needle"}).startswith(
        "Remove 1 failed job of class"
    )
    assert db.llen("resque:failed") == 5000


def test_failures_are_grouped_by_class_exception_and_what_messages_have_in_common(web, failed):
    for number in range(10):
        failed("A", number, error=f"no account {number} ('user{number}')")
    failed("A", error="gone")
    failed("B", exception="KeyError", error="gone")
    data = web.get("/failed/groups.json").json()
    kinds = [
        (one["count"], one["class"], one["exception"], one["pattern"]) for one in data["groups"]
    ]
    assert kinds[0] == (10, "A", "RuntimeError", "no account \u2026 (\u2026)")
    assert sorted(kinds[1:]) == [(1, "A", "RuntimeError", "gone"), (1, "B", "KeyError", "gone")]
    page = web.get("/failed/groups").text
    link = re.search(
        r'href="(/failed\?class=A&amp;exception=RuntimeError&amp;pattern=no\+[^"]*)"', page
    )[1]
    found = web.get(link.replace("&amp;", "&"), headers={"accept": "application/json"}).json()
    assert len(found["records"]) == 10


def test_grouping_says_how_much_it_looked_through_and_looks_through_all_on_demand(
    web, failed, db, monkeypatch
):
    failed()
    raw = db.lindex("resque:failed", 0)
    db.rpush("resque:failed", *[raw] * 5000)
    monkeypatch.setattr(failed_page, "BUDGET", 0.0)
    data = web.get("/failed/groups.json").json()
    assert (data["looked"], data["total"]) == (200, 5001)
    assert "Look through all" in web.get("/failed/groups").text
    data = web.get("/failed/groups.json?whole=yes").json()
    assert data["groups"][0]["count"] == 5001


def test_one_job_is_retried_by_its_bytes_though_the_list_has_moved(web, resque, failed, db):
    for number in range(3):
        failed("Job", number)
    one = web.get("/failed.json").json()["records"][0]
    db.lpop("resque:failed")
    form = {"list": one["list"], "id": one["id"], "index": one["index"]}
    done = web.post("/failed/record/requeue", data=form)
    assert done.status_code == 303
    assert [job.args for job in resque.peek("low", 0, 5)] == [(2,)]
    assert [("retried_at" in record) for record in records(db)] == [False, True]
    assert web.post("/failed/record/requeue", data=form).status_code == 404


def test_one_record_is_removed_after_a_question(web, failed, db):
    failed("Job", 1)
    failed("Job", 2)
    one = web.get("/failed.json").json()["records"][1]
    question = confirmed(
        web, "/failed/record/remove", list="failed", id=one["id"], index=one["index"]
    )
    assert question.startswith("Remove 1 failed job of Job?")
    assert [record["payload"]["args"] for record in records(db)] == [[2]]


def test_exactly_what_the_filter_takes_is_retried(web, resque, failed, db):
    for number in range(2500):
        failed("A" if number % 2 else "B", number)
    question = confirmed(web, "/failed/requeue/all", **{"class": "A"})
    assert question == "Retry 1,250 failed jobs of class A that were not retried yet?"
    assert resque.size("low") == 1250
    assert [job.args for job in resque.peek("low", 0, 2)] == [(1,), (3,)]
    assert {r["payload"]["class"] for r in records(db) if "retried_at" in r} == {"A"}
    assert confirmed(web, "/failed/requeue/all", **{"class": "A"}).startswith("Retry 0 failed jobs")
    assert resque.size("low") == 1250


def test_what_fails_after_the_question_is_not_meant(web, failed, db):
    failed("Job", 1)
    asked = web.post("/failed/clear", headers={"accept": "application/json"}).json()
    later = time.strftime("%Y/%m/%d %H:%M:%S UTC", time.gmtime(time.time() + 60))
    failed("Job", 2, failed_at=later)
    web.post("/failed/clear", data=asked["send"])
    assert [record["payload"]["args"] for record in records(db)] == [[2]]


def test_an_answer_that_comes_late_is_asked_again_with_the_count_of_then(web, failed, db, resque):
    accept = {"accept": "application/json"}
    failed("A", 1)
    resque.enqueue_to("low", "A", 1)
    for path, there in (
        ("/failed/clear", "resque:failed"),
        ("/queues/low/remove", "resque:queue:low"),
    ):
        send = web.post(path, headers=accept).json()["send"]
        db.rpush(there, *db.lrange(there, 0, 0) * 4)
        send["asked"] = str(int(send["asked"]) - 3600)
        if "until" in send:
            send["until"] = str(int(send["until"]) - 3600)
        again = web.post(path, data=send, headers=accept)
        assert (again.status_code, again.json()["count"]) == (409, 5)
        assert db.llen(there) == 5
        assert web.post(path, data=send).status_code == 200  # a page that asks
        assert db.llen(there) == 5
        assert web.post(path, data=again.json()["send"], headers=accept).status_code == 200
        assert db.llen(there) == 0


def test_a_confirmation_without_the_time_of_its_question_is_refused(web, failed, db):
    failed()
    answer = web.post("/failed/clear", data={"confirm": "yes"})
    assert answer.status_code == 400
    assert db.llen("resque:failed") == 1


def test_records_of_retried_jobs_are_removed(web, failed, db):
    failed("Job", 1)
    failed("Job", 2, retried_at="2026/11/29 13:00:00")
    assert confirmed(web, "/failed/clear_retried").startswith("Remove 1 failed job")
    assert [record["payload"]["args"] for record in records(db)] == [[1]]


def test_what_cannot_be_retried_is_told(web, failed, db):
    failed("Job", 1)
    db.rpush("resque:failed", json.dumps({"payload": None, "exception": "E"}))
    confirmed(web, "/failed/requeue/all")
    assert "Retried 1 failed job; 1 record could not be put back" in web.get("/failed").text


def test_a_record_is_shown_whole_with_a_link_that_outlives_a_move(web, failed, db):
    failed("Old")
    failed("Job", {"a": [1, 2]}, error="long " * 1000, backtrace=[f"line {n}" for n in range(100)])
    page = web.get("/failed").text
    link = re.search(r'href="(/failed/record\?[^"]*)"', page)[1].replace("&amp;", "&")
    db.lpop("resque:failed")
    page = web.get(link).text
    assert "line 99" in page
    assert page.count("long ") > 999
    db.delete("resque:failed")
    assert web.get(link).status_code == 404


def test_lists_of_the_other_backend_are_shown_and_acted_on_one_by_one(redis_url, failed, db):
    from starlette.testclient import TestClient

    from pyresque.web import anybody, app

    for name in ("low", "high"):
        db.sadd("resque:failed_queues", f"{name}_failed")
        failed("Job", name, key=f"resque:{name}_failed", queue=name)
    resque = Resque(redis_url, failure_backend="redis_multi_queue")
    headers = {"sec-fetch-site": "same-origin"}
    with TestClient(app(resque, authorize=anybody), headers=headers, follow_redirects=False) as web:
        page = web.get("/failed").text
        assert '<a href="/failed/high_failed">' in page
        assert len(web.get("/failed.json").json()["records"]) == 2
        data = web.get("/failed/low_failed.json").json()
        assert [one["job"]["args"] for one in data["records"]] == [["low"]]
        confirmed(web, "/failed/low_failed/clear")
        assert db.llen("resque:low_failed") == 0
        assert db.llen("resque:high_failed") == 1
        confirmed(web, "/failed/high_failed/requeue/all")
        assert resque.size("high") == 1


def test_records_of_any_shape_break_no_page(web, db, failed):
    failed("Good", 1)
    shapes = [
        *(
            b"\xff\x00junk",
            b"[]",
            b"null",
            b"{}",
            b"[" * 500,
            b'{"payload":7}',
            b'{"payload":null}',
        ),
        *(b'{"payload":{"class":7,"args":"x"},"failed_at":[],"backtrace":{"a":1}}',),
        *(b'{"payload":{"class":"A"},"failed_at":"x","backtrace":"one\\ntwo","error":{"a":1}}',),
        *(b'{"payload":{"class":"A","args":["\\ud800"]},"exception":["E"],"queue":["q"]}',),
        *(b'{"payload":{"class":"A","args":[1]},"failed_at":"9999999999999999999999","queue":""}',),
        b'{"payload":{"class":"' + b"A" * 100_000 + b'"},"error":"' + b"e" * 100_000 + b'"}',
    ]
    db.rpush("resque:failed", *shapes)
    for path in ("/failed", "/failed?q=a", "/failed/groups", "/overview", "/failed?class=A"):
        page = web.get(path)
        assert page.status_code == 200, path
        assert len(page.content) < 200_000
    data = web.get("/failed.json").json()
    assert len(data["records"]) == len(shapes) + 1
    for one in data["records"]:
        query = {"list": "failed", "id": one["id"], "index": one["index"]}
        assert web.get("/failed/record", params=query).status_code == 200
    confirmed(web, "/failed/requeue/all")
    confirmed(web, "/failed/clear")
    assert db.llen("resque:failed") == 0


def test_a_page_of_large_records_is_small(web, failed):
    for _ in range(40):
        failed(
            "Job", "x" * 10_000, error="e" * 10_000, backtrace=["b" * 500] * 200, queue="q" * 500
        )
    page = web.get("/failed")
    assert len(page.content) < 200_000


def test_a_long_action_shows_how_far_it_is(web, failed, db, monkeypatch):
    from pyresque.web import actions

    failed()
    raw = db.lindex("resque:failed", 0)
    db.rpush("resque:failed", *[raw] * 3000)
    monkeypatch.setattr(actions, "PATIENCE", -1.0)
    asked = web.post("/failed/clear", headers={"accept": "application/json"}).json()
    answer = web.post("/failed/clear", data=asked["send"])
    assert answer.status_code == 200
    assert "Looked through 200 of 3,001, removed 200" in answer.text
    assert "<p>Removed 3,001 failed jobs.</p>" in answer.text
    assert answer.text.rstrip().endswith("</html>")
    assert db.llen("resque:failed") == 0


def test_what_is_older_than_some_time_is_shown_and_removed(web, failed, db):
    def ago(hours):
        return time.strftime("%Y/%m/%d %H:%M:%S UTC", time.gmtime(time.time() - 3600 * hours))

    for hours in (1, 30, 50):
        failed("Job", hours, failed_at=ago(hours))
    failed("Job", "no time", failed_at="x")
    data = web.get("/failed.json?older=1d").json()
    assert [one["job"]["args"] for one in data["records"]] == [[50], [30]]
    assert data["filter"] == {"older": "1d"}
    question = confirmed(web, "/failed/remove/all", older="40h")
    assert question.startswith("Remove 1 failed job that failed before ")
    assert [one["payload"]["args"] for one in records(db)] == [[1], [30], ["no time"]]
    for wrong in ("x", "1 parsec", "-", "9" * 100):
        assert web.get("/failed", params={"older": wrong}).status_code == 400


def test_the_limits_of_the_settings_are_shown_and_carried_out(redis_url, failed, db):
    from starlette.testclient import TestClient

    from pyresque.web import anybody, app

    resque = Resque(redis_url, failed_max_count=3)
    with TestClient(app(resque, authorize=anybody), headers=OWN, follow_redirects=False) as web:
        for number in range(5):
            failed("Job", number)
        assert (
            "Workers remove failed jobs: the newest 3 of each list are kept."
            in web.get("/failed").text
        )
        assert confirmed(web, "/failed/trim").startswith("Remove 2 failed jobs now")
        assert [one["payload"]["args"] for one in records(db)] == [[2], [3], [4]]


def test_without_limits_nothing_is_trimmed(web, failed, db):
    failed()
    assert "Workers remove" not in web.get("/failed").text
    assert web.post("/failed/trim").status_code == 400
    web.post("/failed/trim", data={"confirm": "yes"})
    assert db.llen("resque:failed") == 1


def test_lists_that_the_settings_leave_out_are_told_of(web, db):
    assert web.get("/failed.json").json()["notice"] is None
    db.sadd("resque:failed_queues", "low_failed")
    assert "a list for each queue (low_failed)" in web.get("/failed").text
