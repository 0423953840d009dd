"""The page's curl commands are carried out in their order: a page read, a question, its answer, and what takes that back."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pyresque import Resque
from pyresque.web import app

PAGE = (Path(__file__).parents[2] / "docs" / "dashboard-json.md").read_text(encoding="utf-8")
CALLS = re.findall(r"^    curl (.*)$", PAGE, re.MULTILINE)
SECRET = "t0ken"
UNTIL = "1795983105"


@pytest.fixture
def curl(redis_url, db, monkeypatch):
    """Carry out a call of the page, with the values that the answers before it had."""
    monkeypatch.setenv("PYRESQUE_WEB_TOKEN", SECRET)
    with Resque(redis_url) as resque, TestClient(app(resque)) as client:

        def call(line, **known):
            words = iter(shlex.split(line))
            headers, form, url = {}, {}, ""
            for word in words:
                if word == "-H":
                    name, _, value = next(words).partition(": ")
                    headers[name] = value.replace("TOKEN", SECRET)
                elif word == "-d":
                    name, _, value = next(words).partition("=")
                    form[name] = known.get(value, value)
                else:
                    url = word
            path = url.removeprefix("http://127.0.0.1:5678")
            if form:
                return client.post(path, data=form, headers=headers)
            return client.get(path, headers=headers)

        yield call


def test_the_calls_do_what_the_page_says(curl, db):
    for number in range(3):
        payload = {"class": "Report", "args": [number]}
        record = {"failed_at": "2026/03/01 12:00:00 UTC", "payload": payload, "queue": "low"}
        db.rpush("resque:failed", json.dumps({**record, "exception": "E", "error": "no"}))
    read, ask, confirm, undo = CALLS
    assert curl(read).json()["total"] == 3

    asked = curl(ask)
    assert asked.status_code == 409
    question = asked.json()
    assert (question["count"], set(question["send"])) == (
        3,
        {"class", "until", "asked", "confirm"},
    )
    assert db.llen("resque:queue:low") == 0

    done = curl(confirm, **{UNTIL: question["send"]["until"]}).json()
    assert (done["count"], db.llen("resque:queue:low")) == (3, 3)

    assert curl(undo, UNDO=done["undo"]).status_code == 200
    assert db.llen("resque:queue:low") == 0


def test_the_question_on_the_page_has_the_fields_of_a_real_one(curl):
    names = re.findall(r'"(\w+)":', PAGE.split("```json\n")[1].split("```")[0])
    question = curl(CALLS[1]).json()
    assert names == [*question, *question["send"]]
