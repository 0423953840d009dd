"""Jobs moved to the head of their queue, or to another one: by pages, and while workers take jobs."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from pyresque import Resque
from pyresque.job.queue_moves import QueueMove
from pyresque.plugins.loner import Loner
from pyresque.schedule.search import every
from pyresque.store.failed import no_mark
from pyresque.store.keys import Keys
from pyresque.web import anybody, app
from tests.web.conftest import OWN


def jobs(db, queue="low"):
    return [json.loads(raw)["args"] for raw in db.lrange(f"resque:queue:{queue}", 0, -1)]


def fill(resque, number, queue="low", name="Job"):
    for n in range(number):
        resque.enqueue_to(queue, name, n)


def place(web, index, queue="low"):
    one = web.get(f"/queues/{queue}.json").json()["jobs"][index]
    return {"id": one["id"], "index": one["index"]}


def confirmed(web, path, **form):
    """Send the action, and what its question asks for; the question's text."""
    asked = web.post(path, data=form, headers={"accept": "application/json"})
    assert asked.status_code == 409, asked.text
    answer = web.post(path, data={**asked.json()["send"], **form})
    assert answer.status_code == 303, answer.text
    return asked.json()["question"]


def test_a_job_is_put_at_the_head(web, resque, db):
    fill(resque, 4)
    form = place(web, 2)
    db.lpop("resque:queue:low")
    done = web.post("/queues/low/job/first", data=form)
    assert (done.status_code, done.headers["location"]) == (303, "/queues/low")
    assert jobs(db) == [[2], [1], [3]]
    web.post("/queues/low/job/first", data=place(web, 0))
    assert jobs(db) == [[2], [1], [3]]
    db.delete("resque:queue:low")
    assert web.post("/queues/low/job/first", data=form).status_code == 404


def test_one_job_is_moved_to_a_queue_that_the_reader_names(web, resque, db):
    fill(resque, 3)
    form = place(web, 1)
    asked = web.post("/queues/low/job/move", data=form)
    assert "Move 1 job of Job from low to which queue?" in asked.text
    assert '<input name="to" required>' in asked.text
    assert web.post("/queues/low/job/move", data={**form, "confirm": "yes"}).status_code == 400
    web.post("/queues/low/job/move", data={**form, "to": "high", "confirm": "yes"})
    assert (jobs(db), jobs(db, "high")) == ([[0], [2]], [[1]])
    assert resque.queues() == ["high", "low"]
    again = web.post("/queues/low/job/move", data={**form, "to": "high", "confirm": "yes"})
    assert again.status_code == 404


def test_what_a_search_finds_is_moved_in_its_order_behind_what_is_there(web, resque, db):
    for number in range(2500):
        resque.enqueue_to("low", "Bad" if number % 2 else "Good", number)
    resque.enqueue_to("aside", "Bad", -1)
    question = confirmed(web, "/queues/low/move", q="bad", to="aside")
    assert question == "Move 1,250 jobs with 'bad' in class or arguments from low to aside?"
    assert jobs(db, "aside") == [[-1], *([n] for n in range(1, 2500, 2))]
    assert jobs(db) == [[n] for n in range(0, 2500, 2)]


def test_a_whole_queue_is_moved_and_stays_known(web, resque, db):
    fill(resque, 2500)
    assert confirmed(web, "/queues/low/move", to="other") == "Move all 2,500 jobs of low to other?"
    assert jobs(db, "other") == [[n] for n in range(2500)]
    assert jobs(db) == []
    assert resque.queues() == ["low", "other"]
    assert "Moved 2,500 jobs." in web.get("/queues/low").text


@pytest.mark.parametrize(
    "name", ["", " ", " a", "a,b", "*", "!a", "a\nb", "a\x00", "x" * 300, "low"]
)
def test_a_name_that_no_worker_could_take_from_is_refused(web, resque, db, name):
    fill(resque, 1)
    for path in ("/queues/low/move", "/queues/low/job/move"):
        form = {**place(web, 0), "to": name, "confirm": "yes"}
        assert web.post(path, data=form).status_code == 400
    assert jobs(db) == [[0]]
    assert resque.queues() == ["low"]


def test_a_key_that_is_no_list_is_refused_and_nothing_is_moved(web, resque, db):
    fill(resque, 3)
    db.set("resque:queue:other", "text")
    for path in ("/queues/low/move", "/queues/low/job/move"):
        answer = web.post(path, data={**place(web, 0), "to": "other", "confirm": "yes"})
        assert answer.status_code == 500
        assert "resque:queue:other is a string, no list" in answer.text
    assert jobs(db) == [[0], [1], [2]]


def stepping(resque, source, to, takes=every):
    move = QueueMove(Keys(), source, to, takes, no_mark)
    while resque.core and resque.run(move.step()):
        yield move


@pytest.mark.parametrize("taken", [1, 150, 700])
def test_jobs_that_workers_take_meanwhile_are_neither_lost_nor_doubled(resque, db, taken):
    raws = [json.dumps({"class": "Job", "args": [n]}) for n in range(3000)]
    db.rpush("resque:queue:low", *raws)
    popped, pushed = [], 0
    for _ in stepping(resque, "low", "other", lambda raw: b"7" in raw):
        popped += db.lpop("resque:queue:low", taken) or []
        db.rpush("resque:queue:low", '{"class":"Job","args":["7 pushed meanwhile"]}')
        pushed += 1
    everywhere = [json.loads(raw)["args"][0] for raw in popped] + [
        one[0] for queue in ("low", "other") for one in jobs(db, queue)
    ]
    numbers = [one for one in everywhere if isinstance(one, int)]
    assert sorted(numbers) == list(range(3000))
    left = [one for (one,) in jobs(db) if isinstance(one, int) and "7" in str(one)]
    assert left == []
    assert len(everywhere) == 3000 + pushed


def test_a_move_that_stops_between_two_slices_leaves_each_job_in_one_queue(resque, db):
    raws = [json.dumps({"class": "Job", "args": [n]}) for n in range(3000)]
    db.rpush("resque:queue:low", *raws)
    stepped = stepping(resque, "low", "other")
    next(stepped)
    next(stepped)
    stepped.close()
    moved, rest = jobs(db, "other"), jobs(db)
    assert 0 < len(moved) < 3000
    assert moved + rest == [[n] for n in range(3000)]


def test_equal_jobs_are_moved_all(resque, db):
    db.rpush("resque:queue:low", *['{"class":"Job","args":[]}'] * 2500)
    move = list(stepping(resque, "low", "other"))[-1]
    assert (move.moved, db.llen("resque:queue:other"), db.llen("resque:queue:low")) == (
        2500,
    ) * 2 + (0,)


def test_a_mark_goes_with_its_job_and_one_that_is_set_keeps_it_where_it_is(redis_url, db):
    with Resque(redis_url) as resque:

        @resque.job(queue="low", plugins=[Loner()])
        class Report:
            @staticmethod
            def perform(number):
                """Nothing."""

        resque.enqueue(Report, 1)
        resque.enqueue(Report, 2)
        before = set(db.keys("resque:loners:*"))
        assert len(before) == 2
        with TestClient(app(resque, authorize=anybody), headers=OWN, follow_redirects=False) as web:
            confirmed(web, "/queues/low/move", to="high")
            after = set(db.keys("resque:loners:*"))
            assert (len(after), after & before) == (2, set())
            assert all(b":queue:high:" in key for key in after)
            resque.enqueue(Report, 2)
            confirmed(web, "/queues/low/move", to="high")
            assert "Moved 0 jobs; 1 job stayed: an equal one is in high" in web.get("/queues").text
            assert (
                web.post(
                    "/queues/low/job/move", data={**place(web, 0), "to": "high", "confirm": "yes"}
                ).status_code
                == 400
            )
            web.post("/queues/low/job/first", data=place(web, 0))
        assert jobs(db) == [[2]]
        assert jobs(db, "high") == [[1], [2]]
        assert len(db.keys("resque:loners:*")) == 3
