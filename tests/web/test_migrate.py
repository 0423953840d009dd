"""The tab of a move from Ruby to Python: rules and brakes, the log of their changes; the ledger; coverage."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from pyresque import Resque
from pyresque.web import Access, anybody, app
from tests.support.days import today
from tests.web.conftest import OWN

PROGRAM = {"accept": "application/json"}
EVIL = "<script>alert(1)</script>'\"><b>"


def rules(resque):
    return [(rule.match, rule.target) for rule in resque.routes.show().rules]


@pytest.fixture
def moved(db, resque):
    """A class that has moved, one that is on its way, and one that is Ruby's."""
    for name, python, ruby in (("Moved", 8, 0), ("Half", 3, 1), ("Stays", 0, 5)):
        fields = {"01:python:done": python, "01:python:us": 4000 * python, "02:ruby:done": ruby}
        db.hset(f"resque:migrate:performed:{today()}:{name}", mapping=fields)
        db.hset("resque:migrate:last", f"ruby:{name}", 1772366400)
    resque.routes.set("Half", "python=75%", by="ann", brake="5%")
    resque.routes.set("Moved", "python")
    change = json.loads(db.lindex("resque:migrate:routes:log", 0))
    db.lset("resque:migrate:routes:log", 0, json.dumps({**change, "at": "2026-03-02T00:00:00Z"}))
    resque.enqueue_to("q", "Stays", 1)


def test_rules_are_shown_in_order_with_brakes_and_the_log(web, moved):
    data = web.get("/migrate.json").json()
    assert [(one["match"], one["target"], one["brake"]) for one in data["rules"]] == [
        ("Half", "python=75%", 5.0),
        ("Moved", "python", None),
    ]
    assert [one["class"] for one in data["brakes"]] == ["Half"]
    assert [one["by"] for one in data["changes"]] == ["", "ann"]
    page = web.get("/migrate").text
    for text in ("python=75%", "at 5.0 points, from 20 jobs on", "holds", "set Moved python"):
        assert text in page
    assert "<title>2 rules" in page


def test_a_rule_is_set_after_a_question_by_whom(resque):
    who = Access("admin", "ann")
    form = {"match": "Reports::*", "side": "python", "percent": "10", "brake": "5", "least": "50"}
    with TestClient(
        app(resque, authorize=lambda _request: who), headers=OWN, follow_redirects=False
    ) as web:
        asked = web.post("/migrate/set", data=form)
        assert (
            "Lead 1 class or pattern, Reports::*, to python=10% with a brake at 5 points"
            in asked.text
        )
        assert rules(resque) == []
        done = web.post("/migrate/set", data={**form, "confirm": "yes"})
        assert done.headers["location"] == "/migrate"
    (rule,) = resque.routes.show().rules
    assert (rule.match, rule.target, rule.brake, rule.least) == (
        "Reports::*",
        "python=10%",
        5.0,
        50,
    )
    assert resque.routes.changes(1)[0].by == "ann"


def test_the_brake_is_pulled_by_hand_and_let_go_by_a_rollback(web, moved, resque):
    asked = web.post("/migrate/set", data={"match": "Half", "side": "ruby"})
    assert "It was python=75%." in asked.text
    web.post("/migrate/set", data={"match": "Half", "side": "ruby", "confirm": "yes"})
    assert rules(resque) == [("Moved", "python"), ("Half", "ruby")]
    assert "Take back the latest change" in web.post("/migrate/rollback").text
    web.post("/migrate/rollback", data={"confirm": "yes"})
    assert rules(resque) == [("Half", "python=75%"), ("Moved", "python")]


def test_a_brake_that_tripped_says_why(web, moved, db):
    table = json.loads(db.get("resque:migrate:routes"))
    table["rules"][0] |= {"to": "ruby", "percent": 100, "tripped": "6 of 20 failed"}
    db.set("resque:migrate:routes", json.dumps(table))
    page = web.get("/migrate").text
    assert "6 of 20 failed" in page
    assert "<title>2 rules, 1 brake tripped" in page


def test_a_rule_is_taken_out_after_a_question(web, moved, resque):
    asked = web.post("/migrate/unset", data={"match": "Half"})
    assert "Remove 1 rule, Half to python=75%?" in asked.text
    assert len(rules(resque)) == 2
    web.post("/migrate/unset", data={"match": "Half", "confirm": "yes"})
    assert rules(resque) == [("Moved", "python")]
    assert resque.routes.changes(1)[0].what == "unset Half"
    for confirm in ("", "yes"):
        form = {"match": "Half", "confirm": confirm}
        assert web.post("/migrate/unset", data=form).status_code == 404
    resque.routes.rollback()
    assert rules(resque) == [("Half", "python=75%"), ("Moved", "python")]


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"match": "A"},
        {"match": "A", "side": "perl"},
        {"match": "A", "side": "python", "percent": "101"},
        {"match": "A", "side": "python", "percent": "x"},
        {"match": "A", "side": "ruby", "brake": "5"},
        {"match": "A", "side": "python", "brake": "x"},
        {"match": "A" * 2000, "side": "python"},
        {"match": EVIL, "side": EVIL},
    ],
    ids=lambda form: str(form)[:40],
)
@pytest.mark.parametrize("confirm", ["", "yes"])
def test_a_wrong_rule_is_refused(web, resque, form, confirm):
    answer = web.post("/migrate/set", data={**form, "confirm": confirm})
    assert answer.status_code == 400
    assert "<script>alert" not in answer.text
    assert rules(resque) == []


def test_without_a_change_there_is_nothing_to_take_back(web):
    assert web.post("/migrate/rollback").status_code == 404
    assert web.post("/migrate/rollback", data={"confirm": "yes"}).status_code == 400


@pytest.mark.parametrize("table", [b"\xff", b"[]", b'{"rules":7}', b'{"rules":[{"match":[]}]}'])
def test_a_broken_table_is_told_and_mended_by_a_rollback(web, moved, db, resque, table):
    db.set("resque:migrate:routes", table)
    page = web.get("/migrate")
    assert page.status_code == 200
    assert 'class="bad"' in page.text
    assert web.get("/migrate/ledger").status_code == 200
    assert web.post("/migrate/unset", data={"match": "Half"}).status_code == 400
    web.post("/migrate/rollback", data={"confirm": "yes"})
    assert rules(resque) == [("Half", "python=75%")]


@pytest.mark.parametrize("key", ["routes", "routes:log", "last", "queues"])
def test_keys_of_a_wrong_type_break_no_page(web, moved, db, key):
    db.delete(f"resque:migrate:{key}")
    db.xadd(f"resque:migrate:{key}", {"a": 1})
    for path in ("/migrate", "/migrate/ledger", "/migrate/coverage"):
        assert web.get(path).status_code == 200


def test_the_ledger_has_a_line_for_each_class(web, moved):
    data = web.get("/migrate/ledger.json").json()
    found = {one["class"]: one for one in data["classes"]}
    assert data["complete"]
    assert (found["Half"]["target"], found["Half"]["performed"]) == ("python=75%", 4)
    assert found["Half"]["python_percent"] == 75.0
    assert {name: one["safe_to_delete_in_ruby"] for name, one in found.items()} == {
        "Half": False,
        "Moved": True,
        "Stays": False,
    }
    page = web.get("/migrate/ledger").text
    assert "a rule leads 25 % of its jobs to Ruby" in page
    assert "2026-03-01 12:00:00 UTC" in page
    assert [one["class"] for one in web.get("/migrate/ledger.json?q=mov").json()["classes"]] == [
        "Moved"
    ]


def test_where_not_every_job_was_read_nothing_is_safe_to_delete(web, moved, monkeypatch):
    monkeypatch.setattr("pyresque.web.tabs.migrate.BUDGET", -1.0)
    data = web.get("/migrate/ledger.json").json()
    assert not data["complete"]
    found = {one["class"]: one for one in data["classes"]}
    assert found["Moved"]["safe_to_delete_in_ruby"] is None
    assert "Read all" in web.get("/migrate/ledger").text
    assert web.get("/migrate/ledger.json?whole=yes").json()["complete"]


def test_a_long_queue_is_sampled_until_the_reader_asks_for_all(web, moved, resque):
    for at in range(500):
        resque.enqueue_to("q", "Stays", at)
    data = web.get("/migrate/ledger.json").json()
    assert not data["complete"]
    assert data["read"] < 500
    assert {one["class"]: one["safe_to_delete_in_ruby"] for one in data["classes"]}["Moved"] is None


def test_a_class_is_shown_day_by_day(web, moved):
    line = web.get("/migrate/ledger/Half.json").json()["line"]
    assert [(one["day"], one["python"]["done"], one["ruby"]["done"]) for one in line["days"]] == [
        (today(), 3, 1)
    ]
    page = web.get("/migrate/ledger/Half").text
    assert today() in page
    assert "pyresque migrate shadow Half" in page
    assert web.get("/migrate/ledger/Nothing").status_code == 404


def test_coverage_compares_what_is_there_with_what_is_registered(redis_url, db):
    with Resque(redis_url) as resque:

        @resque.job("Handled", queue="q")
        def handled(number: int) -> None:
            """Take a number."""

        @resque.job("Unseen", queue="q")
        def unseen() -> None:
            """Take nothing."""

        resque.enqueue(handled, 1)
        resque.enqueue_to("q", "Missing", 1)
        with TestClient(app(resque, authorize=anybody), headers=OWN) as web:
            data = web.get("/migrate/coverage.json").json()
            page = web.get("/migrate/coverage").text
    assert {one["class"]: one["state"] for one in data["classes"]} == {
        "Handled": "handled",
        "Missing": "missing",
    }
    assert (data["percent"], data["registered"]) == (50.0, 2)
    assert data["handlers_never_seen"] == ["Unseen"]
    assert "50.0 % of the jobs are covered" in page


def test_without_an_application_coverage_says_so(web, moved):
    assert "knows no application" in web.get("/migrate/coverage").text


def test_markup_in_names_rules_and_changes_is_text(web, db, resque):
    resque.routes.set(EVIL, "python", by=EVIL)
    resque.enqueue_to("q", EVIL, EVIL)
    db.hset("resque:migrate:last", f"ruby:{EVIL}", 1772366400)
    for path in ("/migrate", "/migrate/ledger", "/migrate/coverage"):
        page = web.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;" in page.text
    (link,) = [one["class"] for one in web.get("/migrate/ledger.json").json()["classes"]]
    assert link == EVIL
