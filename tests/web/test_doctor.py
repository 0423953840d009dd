"""The doctor's page: looked at when it is asked for, as HTML and as JSON, with nothing that its reader may not see."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from pyresque import Resque
from pyresque.web import app
from tests.support.hostile_text import EVIL

LOST = json.dumps({"class": "Job", "args": ["secret"]})


@pytest.fixture
def ill(db):
    db.rpush("resque:queue:lost", LOST)
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", "{broken secret")
    db.set('resque:lock:Sync-["secret"]', 9_999_999_999)
    db.hset("resque:persistent_schedules", "daily", '{"every":"1h","class":"A","args":["secret"]}')


@pytest.mark.usefixtures("ill")
def test_without_a_wish_it_only_says_how_to_ask(web, db):
    db.config_resetstat()
    page = web.get("/doctor")
    assert 'href="/doctor?look=yes"' in page.text
    assert "cmdstat_scan" not in db.info("commandstats")
    data = web.get("/doctor.json").json()
    assert (data["looked"], data["findings"]) == (False, [])


@pytest.mark.usefixtures("ill")
@pytest.mark.parametrize("wish", ["look", "whole"])
def test_a_look_shows_each_finding_with_its_command(web, wish):
    page = web.get(f"/doctor?{wish}=yes").text
    assert "not in the set of queues" in page
    assert "SADD resque:queues lost" in page
    data = web.get(f"/doctor.json?{wish}=yes").json()
    found = {one["finding"]: one for one in data["findings"]}
    assert {"queue-not-listed", "payload-unreadable", "lock-without-job"} <= set(found)
    assert found["queue-not-listed"]["evidence"]["queues"] == {"lost": 1}
    assert (data["looked"], data["worst"], data["not_looked_at"]) == (True, "error", [])


def test_the_overview_leads_to_it(web, db):
    db.sadd("resque:queues", "alone")
    db.rpush("resque:queue:alone", LOST)
    assert 'href="/doctor"' in web.get("/overview").text


@pytest.mark.usefixtures("ill")
@pytest.mark.parametrize("rules", [{"web_hide_args": "readers"}, {"web_redact_pattern": "secret"}])
def test_commands_and_evidence_do_not_quote_what_is_hidden(redis_url, rules):
    with (
        Resque(redis_url, **rules) as resque,
        TestClient(app(resque, authorize=lambda _request: "read")) as web,
    ):
        for path in ("/doctor?whole=yes", "/doctor.json?whole=yes"):
            answer = web.get(path)
            assert answer.status_code == 200
            assert "secret" not in answer.text
            assert "lock" in answer.text


def test_markup_and_escapes_in_names_are_text(web, db):
    db.rpush(f"resque:queue:<script>{EVIL}", LOST)
    page = web.get("/doctor?look=yes").text
    assert "&lt;script&gt;" in page
    assert "<script>Evil" not in page
