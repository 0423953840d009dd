"""The search over everything."""

from __future__ import annotations

import pytest

from pyresque.web.tabs import search as search_page


@pytest.fixture
def everywhere(resque, db, failed):
    """A needle in every place."""
    failed("Needle", 1)
    failed("Other", 2)
    resque.enqueue_to("low", "Needle", 3)
    resque.enqueue_to("needles", "Other", 4)
    resque.enqueue_at(4_000_000_000, "Needle", 5, queue="low")
    db.sadd("resque:workers", "needle-host:1:low")
    resque.set_schedule("needle_nightly", {"every": "1h", "class": "A"}, persist=True)


def test_it_finds_in_every_place(web, everywhere):
    data = web.get("/search.json?q=NEEDLE").json()
    assert data["names"] == {
        "queues": ["needles"],
        "workers": ["needle-host:1:low"],
        "schedule": ["needle_nightly"],
    }
    found = {"/".join(one["page"]): [job["args"] for job in one["jobs"]] for one in data["places"]}
    assert found == {"failed": [[1]], "queues/low": [[3]], "queues/needles": [], "delayed": [[5]]}
    page = web.get("/search?q=needle").text
    for link in (
        "/failed?q=needle",
        "/queues/low?q=needle",
        "/delayed?q=needle",
        "/queues/needles",
    ):
        assert f'href="{link}"' in page
    assert "<title>Search: needle" in page


def test_what_was_not_looked_at_is_named(web, everywhere, resque, monkeypatch):
    monkeypatch.setattr(search_page, "WHOLE_BUDGET", -1.0)
    data = web.get("/search.json?q=needle").json()
    assert data["left"] == ["low", "needles"]
    assert "Not looked at yet" in web.get("/search?q=needle").text


def test_a_long_place_is_searched_in_part_and_says_so(web, resque, monkeypatch):
    monkeypatch.setattr(search_page, "BUDGET", 0.0)
    for number in range(300):
        resque.push("low", {"class": "Job", "args": [number]})
    page = web.get("/search?q=needle").text
    assert "Looked through 200 of 300." in page


def test_without_a_text_it_finds_nothing(web, everywhere):
    assert web.get("/search.json").json()["places"] == []
    assert "No job found here" in web.get("/search?q=nothing-at-all").text
