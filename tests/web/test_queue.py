"""The page of a queue: pages of jobs, the search over all of them, and what can be done."""

from __future__ import annotations

import json

import pytest

from pyresque.web.tabs import queue as queue_page


def jobs(db, key="resque:queue:low"):
    return [json.loads(raw) for raw in db.lrange(key, 0, -1)]


def sent(page, *names):
    """The hidden fields of the first form after these texts."""
    import re

    text = page.text
    for name in names:
        text = text[text.index(name) :]
    form = text[text.rindex("<form", 0, text.index("</form>")) : text.index("</form>")]
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))


def test_jobs_come_page_by_page(web, resque):
    for number in range(45):
        resque.enqueue_to("low", "Job", number)
    assert [one["args"] for one in web.get("/queues/low.json").json()["jobs"]] == [
        [number] for number in range(20)
    ]
    page = web.get("/queues/low.json?start=40")
    assert [one["args"] for one in page.json()["jobs"]] == [[number] for number in range(40, 45)]
    assert "1 to 20 of 45" in web.get("/queues/low").text
    assert len(web.get("/queues/low.json?per=1000").json()["jobs"]) == 45


@pytest.mark.parametrize("number", ["-1", "x", "9" * 30, "1e3", "\u0663", ""])
def test_a_number_that_is_none_is_the_default(web, resque, number):
    resque.enqueue_to("low", "Job")
    assert web.get("/queues/low", params={"start": number}).status_code == 200


def test_a_queue_that_is_not_there_is_not_found(web):
    assert web.get("/queues/nothing").status_code == 404
    assert "no queue &#39;nothing&#39;" in web.get("/queues/nothing").text


@pytest.mark.parametrize(
    "name", ["a/b", "a b", "100%", "caf\u00e9", "x.json", "?q", "#", "a\\b", '"><b>', "a//b"]
)
def test_any_name_of_a_queue_leads_to_its_page(web, resque, name):
    resque.enqueue_to(name, "Job", 7)
    page = web.get("/queues").text
    import html
    import re

    (link,) = re.findall(r'<th role="rowheader" scope="row"><a href="([^"]+)"', page)
    found = web.get(html.unescape(link))
    assert found.status_code == 200
    assert (
        html.escape(f"{name}: ", quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
        in found.text
    )
    data = web.get(html.unescape(link), headers={"accept": "application/json"})
    assert data.json()["name"] == name


def test_a_name_of_bytes_that_are_no_text_leads_to_its_page(web, db):
    db.sadd("resque:queues", b"a\xff")
    db.rpush(b"resque:queue:" + b"a\xff", '{"class":"Job","args":[]}')
    page = web.get("/queues").text
    assert "/queues/a%FF" in page
    assert "a\\udcff: " in web.get("/queues/a%FF").text


def test_the_search_finds_by_class_and_by_arguments_in_any_case(web, resque):
    resque.enqueue_to("low", "Reports::Monthly", "ada@example.org")
    resque.enqueue_to("low", "Other", "caf\u00e9 <b>")
    for text in ("monthly", "ADA@EXAMPLE"):
        found = web.get("/queues/low.json", params={"q": text}).json()["jobs"]
        assert [one["class"] for one in found] == ["Reports::Monthly"]
    for text in ("CAF\u00c9", "<B>"):
        found = web.get("/queues/low.json", params={"q": text}).json()["jobs"]
        assert [one["class"] for one in found] == ["Other"]
    assert web.get("/queues/low.json?q=nothing").json()["jobs"] == []


def test_the_search_sees_through_escapes_of_another_encoder(web, db):
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", rb'{"class":"Job","args":["\u003cb\u003e"]}')
    assert len(web.get("/queues/low.json", params={"q": "<b>"}).json()["jobs"]) == 1


def test_a_match_at_the_far_end_is_found_by_looking_further(web, resque, db, monkeypatch):
    monkeypatch.setattr(queue_page, "BUDGET", 0.0)
    with db.pipeline() as pipe:
        for number in range(5000):
            pipe.rpush("resque:queue:low", json.dumps({"class": "Job", "args": [number]}))
        pipe.rpush("resque:queue:low", json.dumps({"class": "Needle", "args": []}))
        pipe.sadd("resque:queues", "low")
        pipe.execute()
    at, found, pages = 0, [], 0
    while at is not None:
        data = web.get("/queues/low.json", params={"q": "needle", "start": at}).json()
        assert data["looked"] > at
        found += data["jobs"]
        at = data["next"]
        pages += 1
    assert [one["index"] for one in found] == [5000]
    assert pages > 1
    page = web.get("/queues/low?q=needle").text
    assert "Looked through 200 of 5,001." in page
    assert (
        '<a data-more href="/queues/low?q=needle&amp;start=200&amp;per=20">Look further</a>' in page
    )


def test_a_search_page_ends_when_it_is_full_and_the_next_goes_on_there(web, resque):
    for number in range(30):
        resque.enqueue_to("low", "Job", number)
    first = web.get("/queues/low.json?q=job").json()
    second = web.get("/queues/low.json", params={"q": "job", "start": first["next"]}).json()
    assert len(first["jobs"]) == 20
    assert [one["args"] for one in second["jobs"]] == [[number] for number in range(20, 30)]
    assert second["next"] is None


def test_one_job_is_removed_by_its_bytes_though_the_queue_has_moved(web, resque, db):
    for number in range(3):
        resque.enqueue_to("low", "Job", number)
    fields = web.get("/queues/low.json").json()["jobs"][1]
    form = {"id": fields["id"], "index": "1"}
    asked = web.post("/queues/low/job/remove", data=form)
    assert asked.status_code == 200
    assert "Remove 1 job of Job from low?" in asked.text
    assert len(jobs(db)) == 3
    db.lpop("resque:queue:low")
    done = web.post("/queues/low/job/remove", data={**form, "confirm": "yes"})
    assert (done.status_code, done.headers["location"]) == (303, "/queues/low")
    assert [job["args"] for job in jobs(db)] == [[2]]
    assert "Removed 1 job from low." in web.get("/queues/low").text
    assert "Removed 1 job" not in web.get("/queues/low").text
    again = web.post("/queues/low/job/remove", data={**form, "confirm": "yes"})
    assert again.status_code == 404


def test_of_equal_jobs_one_is_removed(web, resque, db):
    for _ in range(3):
        resque.enqueue_to("low", "Job", 1)
    one = web.get("/queues/low.json").json()["jobs"][2]
    web.post("/queues/low/job/remove", data={"id": one["id"], "index": 2, "confirm": "yes"})
    assert len(jobs(db)) == 2


def test_what_the_search_finds_is_removed_and_nothing_else(web, resque, db):
    for number in range(2500):
        resque.enqueue_to("low", "Bad" if number % 2 else "Good", number)
    asked = web.post("/queues/low/found/remove", data={"q": "bad"})
    assert "Remove 1,250 jobs" in asked.text
    done = web.post("/queues/low/found/remove", data={"q": "bad", "confirm": "yes"})
    assert done.status_code == 303
    assert "Removed 1,250 jobs." in web.get("/queues/low").text
    assert {job["class"] for job in jobs(db)} == {"Good"}
    assert len(jobs(db)) == 1250


def test_a_queue_is_removed_after_a_question_that_names_the_count(web, resque, db):
    for number in range(3):
        resque.enqueue_to("low", "Job", number)
    asked = web.post("/queues/low/remove")
    assert "Remove the queue low with 3 jobs?" in asked.text
    assert db.llen("resque:queue:low") == 3
    done = web.post("/queues/low/remove", data={"confirm": "yes"})
    assert done.headers["location"] == "/queues"
    assert resque.queues() == []


def test_a_program_is_asked_and_answered_in_json(web, resque):
    resque.enqueue_to("low", "Job")
    accept = {"accept": "application/json"}
    asked = web.post("/queues/low/remove", headers=accept)
    assert asked.status_code == 409
    assert asked.json()["count"] == 1
    done = web.post("/queues/low/remove", data=asked.json()["send"], headers=accept)
    assert done.json() == {"done": "Removed the queue low", "count": 1, "undo": None}


def test_a_queue_is_paused_and_resumed_by_the_keys_of_resque_pause(web, resque, db):
    resque.enqueue_to("low", "Job")
    web.post("/queues/low/pause")
    assert resque.queue_paused("low")
    assert "It is paused" in web.get("/queues/low").text
    web.post("/queues/low/resume")
    assert not resque.queue_paused("low")
    web.post("/queues/pause")
    assert resque.all_queues_paused()
    web.post("/queues/resume")
    assert not resque.all_queues_paused()


def test_elements_that_are_no_jobs_break_nothing(web, db):
    db.sadd("resque:queues", "low")
    db.rpush(
        "resque:queue:low",
        *(b"\xff\x00junk", b"[]", b"7", b"{}", b'{"class":7,"args":{"a":1}}', b"[" * 500),
        *(b'{"class":"Job","args":[' + b"9" * 10_000 + b"]}", b'{"class":"Job","args":null}'),
        *(b'{"class":"Job","args":["\\ud800"]}', b'{"class":"J","args":[{"job_class":[]}]}'),
    )
    page = web.get("/queues/low")
    assert page.status_code == 200
    assert "1 undecodable element" in page.text
    assert "\\xff" in page.text
    assert web.get("/queues/low?q=junk").status_code == 200
    assert web.get("/queues/low.json").text.count('"waiting_since"') == 10


def test_a_broken_element_is_removed_like_any_other(web, db):
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", b"\xff\x00junk")
    (one,) = web.get("/queues/low.json").json()["jobs"]
    form = {"id": one["id"], "index": 0, "confirm": "yes"}
    assert web.post("/queues/low/job/remove", data=form).status_code == 303
    assert db.llen("resque:queue:low") == 0


def test_a_key_of_another_type_is_shown_and_may_be_removed(web, db):
    db.sadd("resque:queues", "low")
    db.set("resque:queue:low", "text")
    assert "no list in Redis" in web.get("/queues").text
    assert "no list in Redis" in web.get("/queues/low").text
    assert "no list in Redis" in web.post("/queues/low/remove").text
    assert "No list in Redis, so no queue: low." in web.get("/overview").text


def test_huge_arguments_are_cut_on_the_page_and_whole_in_json(web, resque):
    for _ in range(20):
        resque.enqueue_to("low", "Job", "x" * 100_000)
    page = web.get("/queues/low")
    assert len(page.content) < 200_000
    assert "(100,004 characters)" in page.text
    assert len(web.get("/queues/low.json").json()["jobs"][0]["args"][0]) == 100_000


@pytest.mark.parametrize(
    ("path", "more"), [("remove", {}), ("move", {"to": "high"}), ("first", {})]
)
def test_one_job_is_found_again_while_workers_take_those_before_it(
    web, resque, db, monkeypatch, path, more
):
    for number in range(40):
        resque.enqueue_to("low", "Job", number)
    last = db.lindex("resque:queue:low", -1)
    found = queue_page.find

    async def taken_after(dash, ask):
        at, raw = await found(dash, ask)
        if db.llen("resque:queue:low") > 20:
            db.lpop("resque:queue:low", 7)
        return at, raw

    for name in ("queue", "queue_moves"):
        monkeypatch.setattr(f"pyresque.web.tabs.{name}.find", taken_after)
    job = web.get("/queues/low.json?start=39").json()["jobs"][0]
    form = {"id": job["id"], "index": "39", "confirm": "yes", **more}
    answer = web.post(f"/queues/low/job/{path}", data=form, headers={"accept": "application/json"})
    assert answer.json()["count"] == 1, answer.text
    left, high = db.lrange("resque:queue:low", 0, -1), db.lrange("resque:queue:high", 0, -1)
    assert {"remove": last not in left, "move": high == [last], "first": left[0] == last}[path]
    assert len(left) + len(high) == {"remove": 18, "move": 19, "first": 19}[path]
