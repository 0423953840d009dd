from __future__ import annotations

import json

import pytest

from tests.support.days import today
from tests.support.hostile_text import EVIL
from tests.support.inventories import payload


@pytest.fixture
def moved(db, resque):
    """A class that has moved, one that is on its way, and one that is Ruby's."""
    for name, python, ruby in (("Moved", 8, 0), ("Half", 3, 1), ("Stays", 0, 5)):
        fields = {"01:python:done": python, "01:python:us": 4000 * python, "02:ruby:done": ruby}
        db.hset(f"resque:migrate:performed:{today()}:{name}", mapping=fields)
        db.hset("resque:migrate:last", f"ruby:{name}", 1772366400)
    resque.routes.set("Half", "python=75%")
    resque.routes.set("Moved", "python")
    change = json.loads(db.lindex("resque:migrate:routes:log", 0))
    db.lset("resque:migrate:routes:log", 0, json.dumps({**change, "at": "2026-03-02T00:00:00Z"}))
    db.sadd("resque:queues", "q")
    db.rpush("resque:queue:q", payload("Stays"))


def row(output, name):
    return next(line for line in output.splitlines() if line.startswith(name))


def test_the_ledger_has_a_line_for_each_class(run, moved):
    output = run("migrate", "status").output
    headings = "CLASS RULE PERFORMED PYTHON % BY DAY RUBY LAST DELETE IN RUBY WHY"
    assert " ".join(output.splitlines()[0].split()) == headings
    assert row(output, "Half").split()[1:5] == ["python=75%", "4", "75.0", "75"]
    assert "2026-03-01 12:00 UTC" in row(output, "Stays")
    assert "yes, since 2026-03-02 00:00 UTC" in row(output, "Moved")
    assert "a rule leads 25 % of its jobs to Ruby" in row(output, "Half")
    assert "complete only if every Ruby worker runs it" in output
    assert "the last job of any class was counted at 2026-03-01 12:00 UTC" in output


def test_one_class_is_shown_day_by_day(run, moved):
    lines = run("migrate", "status", "Half").output.splitlines()
    assert lines[1].split() == [today(), "75.0", "3", "0", "4.0", "1", "0", "0.0"]
    assert "last by Ruby: 2026-03-01 12:00 UTC" in lines
    assert "delete in Ruby: no (a rule leads 25 % of its jobs to Ruby)" in lines


def test_without_the_guard_it_says_what_cannot_be_known(run, db):
    db.sadd("resque:queues", "q")
    db.rpush("resque:queue:q", payload("A"))
    output = run("migrate", "status").output
    assert "cannot be known without the guard" in output


def test_it_is_json(run, moved):
    found = json.loads(run("migrate", "status", "--json").output)
    assert (found["ruby_counted_at"], found["whole"]) == ("2026-03-01T12:00:00+00:00", True)
    assert {one["class"]: one["safe_to_delete_in_ruby"] for one in found["classes"]} == {
        "Half": False,
        "Moved": True,
        "Stays": False,
    }


def test_of_an_empty_redis_nothing_is_known(run):
    result = run("migrate", "status")
    assert result.exit_code == 0
    assert "nothing is known of any class" in result.output


def test_a_class_of_which_nothing_is_known_is_an_error(run):
    result = run("migrate", "status", "Nothing")
    assert result.exit_code == 1
    assert "nothing is known of a class Nothing" in result.output


@pytest.mark.parametrize("days", ["0", "41", "x"])
def test_a_wrong_number_of_days_is_misuse(run, days):
    assert run("migrate", "status", "--days", days).exit_code == 2


def test_text_from_redis_is_printed_without_commands(run, db):
    db.hset("resque:migrate:last", f"ruby:{EVIL}", 1)
    db.set("resque:migrate:routes", EVIL)
    output = run("migrate", "status").output + run("migrate", "status", EVIL).output
    assert "Evil" in output
    assert all(letter.isprintable() or letter == "\n" for letter in output)
