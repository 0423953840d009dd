"""The tabs of jobs that wait for their next attempt, and of tracked jobs."""

from __future__ import annotations

import pytest

from pyresque.job.perform import perform
from pyresque.plugins import Retry
from pyresque.process.run.worker import run_worker
from pyresque.web.tabs import retries as retries_page


def confirmed(web, path, **form):
    asked = web.post(path, data=form, headers={"accept": "application/json"})
    assert asked.status_code == 409, asked.text
    answer = web.post(path, data={**form, **asked.json()["send"]})
    assert answer.status_code == 303, answer.text
    return asked.json()["question"]


@pytest.fixture
def waiting(resque, db):
    """Three jobs that have failed once."""
    resque.configure(queues=("*",), executor="inline")

    def failing(number):
        raise ValueError(f"no file {number} <b>")

    for name in ("Import", "Export"):
        plugin = Retry(limit=3, delay=3600, suppress=name == "Export")
        resque.job(name, queue="low", plugins=[plugin])(failing)
    for name, number in (("Import", 1), ("Import", 2), ("Export", 3)):
        resque.enqueue(name, number)
    run_worker(resque, burst=True)
    return {one.job.args[0]: one for one in resque.retries.each()}


def test_what_waits_is_shown_with_attempts_and_the_last_error(waiting, web):
    rows = web.get("/retries.json").json()["retries"]
    assert {one["id"] for one in rows} == {one.id for one in waiting.values()}
    assert {one["attempts"] for one in rows} == {1}
    (row,) = web.get("/retries.json?class=Export").json()["retries"]
    assert (row["exception"], row["error"]) == ("ValueError", "no file 3 <b>")
    page = web.get("/retries").text
    assert "3 jobs wait for the next attempt" in page
    assert "no file 3 &lt;b&gt;" in page


def test_one_is_tried_now_and_a_class_is_dropped(waiting, web, resque):
    question = confirmed(web, "/retries/run", id=waiting[1].id)
    assert question == "Try now 1 retry?"
    assert [job.args for job in resque.peek("low", 0, 5)] == [(1,)]
    question = confirmed(web, "/retries/cancel", **{"class": "Export"})
    assert question == "Cancel 1 retry of Export?"
    assert [one.job.args[0] for one in resque.retries.each()] == [2]


def test_the_page_says_how_far_it_looked_and_looks_through_all_on_demand(
    waiting, web, resque, monkeypatch
):
    for number in range(1500):
        resque.enqueue_in(60 + number, "Other", number, queue="low")
    monkeypatch.setattr(retries_page, "BUDGET", 0.0)
    data = web.get("/retries.json").json()
    assert not data["ended"]
    assert data["looked"] < 1503
    assert "Look through all" in web.get("/retries").text
    data = web.get("/retries.json?whole=yes").json()
    assert (data["found"], data["looked"], data["ended"]) == (3, 1503, True)


@pytest.fixture
def handles(resque, db):
    """A job that has completed, one that has failed, and one that waits; of each its handle."""

    @resque.job("Report", queue="low", tracked=True)
    def report(n):
        if n == 2:
            raise ValueError("no <b>rows")
        return {"rows": n}

    made = [resque.enqueue(report, n) for n in (1, 2, 3)]
    for _ in range(2):
        job = resque.reserve("low")
        try:
            resque.run(perform(resque.core.registry, job))
        except ValueError:
            continue
    return made


def test_statuses_are_shown_with_progress(web, handles):
    rows = {one["id"]: one for one in web.get("/statuses.json").json()["statuses"]}
    states = [rows[handle.id]["status"] for handle in handles]
    assert states == ["completed", "failed", "queued"]
    page = web.get("/statuses").text
    assert '<progress max="100" value="100"' in page
    assert "no &lt;b&gt;rows" in page
    page = web.get(f"/statuses/{handles[0].id}").text
    assert "{&#34;rows&#34;: 1}" in page
    assert web.get("/statuses/nothing").status_code == 404


def test_one_is_cancelled_that_has_not_ended(web, handles, resque):
    question = confirmed(web, f"/statuses/{handles[2].id}/kill")
    assert question.startswith("Cancel 1 job")
    job = resque.reserve("low")
    resque.run(perform(resque.core.registry, job))
    assert resque.statuses.get(handles[2].id).status == "killed"
    confirmed(web, f"/statuses/{handles[0].id}/kill")
    assert "has ended already" in web.get("/statuses").text
    assert web.post("/statuses/nothing/kill").status_code == 404


def test_statuses_are_removed_all_or_those_of_a_state(web, handles, resque):
    assert confirmed(web, "/statuses/clear", only="failed").startswith("Remove 1 failed status?")
    assert resque.statuses.count() == 2
    assert web.post("/statuses/clear", data={"only": "bad"}).status_code == 400
    assert confirmed(web, "/statuses/clear").startswith("Remove all 2 statuses?")
    assert resque.statuses.count() == 0


def test_statuses_of_any_shape_break_no_page(web, db):
    shapes = [
        b"\xff",
        b"[]",
        b'{"status":7,"name":[],"num":"x","total":0,"time":"x"}',
        b'{"time":1e400}',
    ]
    shapes.append(b'{"status":"working","num":-5,"total":1e308,"time":99999999999999,"message":{}}')
    for number, raw in enumerate(shapes):
        db.zadd("resque:_statuses", {f"id{number}": number})
        db.set(f"resque:status:id{number}", raw)
    assert web.get("/statuses").status_code == 200
    assert len(web.get("/statuses.json").json()["statuses"]) == len(shapes)
    for number in range(len(shapes)):
        assert web.get(f"/statuses/id{number}").status_code == 200
