"""The tab of delayed jobs."""

from __future__ import annotations

import json
import time

import pytest

from pyresque.web.tabs import delayed as delayed_page

AT = 4_000_000_000


def confirmed(web, path, **form):
    asked = web.post(path, data=form, headers={"accept": "application/json"})
    assert asked.status_code == 409, asked.text
    answer = web.post(path, data={**form, **asked.json()["send"]})
    assert answer.status_code == 303, answer.text
    return asked.json()["question"]


def test_times_are_shown_with_their_number_of_jobs_and_the_first(web, resque):
    for number in range(3):
        resque.enqueue_at(AT, "Later", number, queue="low")
    resque.enqueue_at(AT + 60, "Other", queue="high")
    rows = web.get("/delayed.json").json()["rows"]
    assert [(row["timestamp"], row["count"], row["job"]["class"]) for row in rows] == [
        (str(AT), 3, "Later"),
        (str(AT + 60), 1, "Other"),
    ]
    page = web.get("/delayed").text
    assert "2096-10-02 07:06:40 UTC" in page
    assert '<a href="/queues/low">' in page


def test_times_come_page_by_page(web, resque):
    for number in range(45):
        resque.enqueue_at(AT + number, "Later", number, queue="low")
    data = web.get("/delayed.json").json()
    assert len(data["rows"]) == 20
    data = web.get("/delayed.json", params={"start": data["next"] + 20}).json()
    assert [row["job"]["args"] for row in data["rows"]] == [[number] for number in range(40, 45)]
    assert data["next"] is None


def test_the_jobs_of_a_time_are_shown(web, resque):
    for number in range(25):
        resque.enqueue_at(AT, "Later", number, queue="low")
    data = web.get(f"/delayed/{AT}.json").json()
    assert data["total"] == 25
    assert [one["args"] for one in data["jobs"]] == [[number] for number in range(20)]
    assert "1 to 20 of 25" in web.get(f"/delayed/{AT}").text
    assert web.get("/delayed/yesterday").status_code == 404


@pytest.mark.parametrize("text", ["needle", "NEEDLE", "low"])
def test_a_search_covers_all_times(web, resque, monkeypatch, text):
    monkeypatch.setattr(delayed_page, "BUDGET", 0.0)
    for number in range(1200):
        resque.enqueue_at(AT + number, "Later", number, queue="high")
    resque.enqueue_at(AT + 5000, "Later", "needle", queue="low")
    query, found, pages = {"q": text}, [], 0
    while query is not None:
        data = web.get("/delayed.json", params=query).json()
        found += data["jobs"]
        query = data["next"] and {"q": text, "after": data["next"], "looked": data["looked"]}
        pages += 1
    assert [one["args"] for one in found] == [["needle"]]
    assert data["looked"] == 1201
    assert pages > 1


def test_a_full_page_goes_on_behind_its_last_time(web, resque):
    for number in range(45):
        resque.enqueue_at(AT + number, "Later", number, queue="low")
    query, found = {"q": "later"}, []
    while query is not None:
        data = web.get("/delayed.json", params=query).json()
        found += data["jobs"]
        query = data["next"] and {"q": "later", "after": data["next"], "looked": data["looked"]}
    assert [one["args"] for one in found] == [[number] for number in range(45)]


def test_a_time_with_thousands_of_jobs_is_searched_in_slices(web, db, monkeypatch):
    monkeypatch.setattr(delayed_page, "BUDGET", 0.0)
    raws = [
        json.dumps({"class": "Needle" if n % 100 == 7 else "L", "args": [n]}) for n in range(3000)
    ]
    for at in (AT, AT + 60):
        db.zadd("resque:delayed_queue_schedule", {str(at): at})
        db.rpush(f"resque:delayed:{at}", *raws)
    query, found, places = {"q": "needle"}, [], []
    while query is not None:
        data = web.get("/delayed.json", params=query).json()
        found += data["jobs"]
        query = data["next"] and {"q": "needle", "after": data["next"], "looked": data["looked"]}
        places.append(data["next"])
    assert len(found) == 60
    assert data["looked"] == 2
    assert any(place and place.startswith(f"{AT}@") for place in places)


def test_a_time_whose_score_is_another_number_stops_no_search(web, db, monkeypatch):
    monkeypatch.setattr(delayed_page, "BUDGET", 0.0)
    db.zadd("resque:delayed_queue_schedule", {"5": 100, "x": 200, "300": 300})
    for name in ("5", "x", "300"):
        db.rpush(f"resque:delayed:{name}", *['{"class":"Needle","args":[]}'] * 150)
    query, found = {"q": "needle"}, 0
    for _ in range(60):
        data = web.get("/delayed.json", params=query).json()
        found += len(data["jobs"])
        if data["next"] is None:
            break
        query = {"q": "needle", "after": data["next"], "looked": data["looked"]}
    else:
        raise AssertionError("the search does not end")
    assert found >= 450


@pytest.mark.parametrize("after", ["", "x", "(x", "+inf\r\n", "(1 LIMIT 0 1", "((1"])
def test_a_place_that_is_none_is_the_beginning(web, resque, after):
    resque.enqueue_at(AT, "Later", queue="low")
    data = web.get("/delayed.json", params={"q": "later", "after": after}).json()
    assert len(data["jobs"]) == 1


def test_one_job_of_a_time_is_enqueued_or_removed_by_its_bytes(web, resque):
    for number in range(3):
        resque.enqueue_at(AT, "Later", number, queue="low")
    jobs = web.get(f"/delayed/{AT}.json").json()["jobs"]
    question = confirmed(web, f"/delayed/{AT}/enqueue", id=jobs[1]["id"])
    assert question.startswith("Enqueue now 1 delayed job with these bytes")
    assert [job.args for job in resque.peek("low", 0, 5)] == [(1,)]
    confirmed(web, f"/delayed/{AT}/remove", id=jobs[0]["id"])
    left = web.get(f"/delayed/{AT}.json").json()["jobs"]
    assert [one["args"] for one in left] == [[2]]
    assert confirmed(web, f"/delayed/{AT}/remove", id=jobs[0]["id"]).startswith("Remove 0 delayed")


def test_all_of_a_time_are_enqueued_and_no_others(web, resque, db):
    for number in range(3):
        resque.enqueue_at(AT, "Later", number, queue="low")
    resque.enqueue_at(AT + 1, "Later", 9, queue="low")
    assert confirmed(web, f"/delayed/{AT}/enqueue").startswith("Enqueue now 3 delayed jobs")
    assert resque.size("low") == 3
    assert resque.count_all_scheduled_jobs() == 1
    confirmed(web, f"/delayed/{AT + 1}/remove")
    assert db.keys("resque:delayed:*") == []
    assert db.keys("resque:timestamps*") == []


def test_what_the_search_finds_is_acted_on_and_nothing_else(web, resque):
    for number in range(30):
        resque.enqueue_at(AT + number, "Bad" if number % 2 else "Good", number, queue="low")
    assert confirmed(web, "/delayed/remove", q="bad").startswith("Remove 15 delayed jobs")
    assert resque.count_all_scheduled_jobs() == 15
    confirmed(web, "/delayed/enqueue", q="good")
    assert resque.size("low") == 15
    assert web.post("/delayed/remove", data={"confirm": "yes"}).status_code == 400


def at_times(resque):
    return {
        at: [job.args[0] for job in resque.delayed_timestamp_peek(at, 0, 100)]
        for at in resque.delayed_queue_peek(0, 100)
    }


def test_one_job_is_moved_to_another_time(web, resque, db):
    for number in range(3):
        resque.enqueue_at(AT, "Later", number, queue="low")
    resque.enqueue_at(AT + 60, "Later", 9, queue="low")
    one = web.get(f"/delayed/{AT}.json").json()["jobs"][1]
    asked = web.post(f"/delayed/{AT}/reschedule", data={"id": one["id"]})
    assert "to which time?" in asked.text
    assert '<input name="at" required>' in asked.text
    form = {"id": one["id"], "at": str(AT + 60), "confirm": "yes"}
    assert web.post(f"/delayed/{AT}/reschedule", data=form).status_code == 303
    assert at_times(resque) == {AT: [0, 2], AT + 60: [9, 1]}
    assert resque.scheduled_at("Later", 1, queue="low") == [AT + 60]
    assert resque.remove_delayed("Later", 1, queue="low") == 1
    assert (
        web.post(f"/delayed/{AT}/reschedule", data={"id": one["id"], "confirm": "yes"}).status_code
        == 400
    )


def test_what_a_search_finds_is_moved_in_time_from_now(web, resque, db):
    for number in range(30):
        resque.enqueue_at(AT + number, "Bad" if number % 2 else "Good", number, queue="low")
    question = confirmed(web, "/delayed/reschedule", q="bad", at="2 days")
    assert question.startswith("Move 15 delayed jobs with the text 'bad' to ")
    found = at_times(resque)
    new = min(found)
    assert 172_700 < new - time.time() < 172_900
    assert found[new] == list(range(1, 30, 2))
    assert len(found) == 16
    assert all(resque.scheduled_at("Bad", n, queue="low") == [new] for n in range(1, 30, 2))


def test_the_same_job_twice_is_moved_twice_and_one_that_is_there_stays(web, resque, db):
    for at in (AT, AT, AT + 60, AT + 120):
        resque.enqueue_at(at, "Later", 1, queue="low")
    confirmed(web, f"/delayed/{AT}/reschedule", at=str(AT + 60))
    assert at_times(resque) == {AT + 60: [1, 1, 1], AT + 120: [1]}
    assert resque.scheduled_at("Later", 1, queue="low") == [AT + 60, AT + 120]
    confirmed(web, "/delayed/reschedule", q="later", at=str(AT + 60))
    assert at_times(resque) == {AT + 60: [1, 1, 1, 1]}
    assert resque.remove_delayed("Later", 1, queue="low") == 4
    assert db.keys("resque:timestamps:*") == []


def test_a_moved_job_is_enqueued_at_its_new_time(web, resque):
    resque.enqueue_at(AT, "Later", 1, queue="low")
    confirmed(web, f"/delayed/{AT}/reschedule", at="5m")
    assert resque.move_due(time.time() + 200) == 0
    assert resque.move_due(time.time() + 400) == 1
    assert [job.args for job in resque.peek("low", 0, 5)] == [(1,)]


@pytest.mark.parametrize(
    "at", ["", "x", "1000000000", "2001-01-01T00:00:00Z", "-5m", "9" * 12, "9" * 40, "1e9", "\x00"]
)
def test_a_time_that_is_none_or_past_is_refused(web, resque, at):
    resque.enqueue_at(AT, "Later", 1, queue="low")
    answer = web.post(f"/delayed/{AT}/reschedule", data={"at": at, "confirm": "yes"})
    assert answer.status_code == 400
    assert at_times(resque) == {AT: [1]}


def test_all_are_removed_after_a_question_that_names_the_count(web, resque):
    for number in range(30):
        resque.enqueue_at(AT + number, "Later", number, queue="low")
    assert confirmed(web, "/delayed/clear") == "Remove all 30 delayed jobs?"
    assert resque.count_all_scheduled_jobs() == 0


def test_what_another_client_wrote_breaks_no_page(web, db):
    db.zadd("resque:delayed_queue_schedule", {"x": 5, "1700000000.5": 1700000000.5, "\xff": 7})
    db.rpush("resque:delayed:1700000000", b"\xff\x00junk", "[]", '{"class":7,"queue":[1]}')
    db.set("resque:delayed:x", "no list")
    for path in ("/delayed", "/delayed?q=a", "/delayed/1700000000", "/overview"):
        assert web.get(path).status_code == 200, path
    db.delete("resque:delayed_queue_schedule")
    db.set("resque:delayed_queue_schedule", "no set")
    assert web.get("/delayed").status_code == 500
    assert "WRONGTYPE" in web.get("/delayed").text


def test_twenty_thousand_times_make_no_large_page(web, db):
    now = int(time.time()) + 1000
    with db.pipeline() as pipe:
        for number in range(20_000):
            pipe.zadd("resque:delayed_queue_schedule", {str(now + number): now + number})
            pipe.rpush(
                f"resque:delayed:{now + number}", json.dumps({"class": "L", "args": [number]})
            )
        pipe.execute()
    page = web.get("/delayed")
    assert "20,000" in page.text
    assert len(page.content) < 200_000
