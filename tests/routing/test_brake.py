"""The brake of a canary: a class that Python fails more often than Ruby goes back to Ruby, and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from pyresque.errors import RoutingError
from pyresque.routing.brake import verdict
from pyresque.routing.performed import Performed, Tally
from pyresque.routing.rules import Routes, Rule
from tests.support.moving import TWELVE, counting_worker, mover, turn, work
from tests.support.scripted_worker import NOON, Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


@pytest.fixture
def resque(redis_url: str, db: redis.Redis) -> Iterator[Resque]:
    with Resque(redis_url) as made:
        made.core.clock = Clock()
        yield made


def job(resque: Resque, name: str, fails: set[int]) -> None:
    """Register a job that fails with these arguments."""

    def perform(number: int) -> None:
        if number in fails:
            raise ValueError("no")

    resque.job(name, queue="low")(perform)


def ruby_performed(db: redis.Redis, name: str, done: int, failed: int) -> None:
    """Count as Ruby's guard does."""
    counts = {"00:ruby:done": done, "00:ruby:failed": failed}
    db.hset(f"resque:migrate:lately:2026-03-01T12:{name}", mapping=counts)  # type: ignore[arg-type]
    db.hset("resque:migrate:last", f"ruby:{name}", NOON)


def perform(resque: Resque, name: str, count: int) -> None:
    for n in range(count):
        resque.enqueue_to("low", name, n)
    work(resque, counting_worker(resque))


def targets(resque: Resque) -> dict[str, str]:
    return {rule.match: rule.target for rule in resque.routes.show().rules}


@pytest.mark.parametrize(
    ("done", "failed", "ruby", "trips"),
    [
        (0, 19, None, False),  # too few
        (19, 1, None, False),  # five percent are not more than five points
        (18, 2, None, True),
        (18, 2, (95, 5), False),  # Ruby fails five percent itself
        (17, 3, (95, 5), True),
        (18, 2, (18, 1), True),  # too few of Ruby's
        (20, 0, (0, 100), False),
    ],
)
def test_both_sides_are_compared(
    done: int, failed: int, ruby: tuple[int, int] | None, trips: bool
) -> None:
    rule = Rule("A", "python", 10, brake=5)
    sides = {"python": Tally(done, failed), "ruby": Tally(*(ruby or (0, 0)))}
    found, why = verdict(rule, Performed(TWELVE, sides))  # type: ignore[arg-type]
    assert found is trips, why


def test_it_counts_from_the_moment_on_at_which_the_rule_was_set(
    resque: Resque, db: redis.Redis
) -> None:
    job(resque, "Report", set(range(5)))
    clock = resque.core.clock
    assert isinstance(clock, Clock)
    clock.passed = 30.0
    resque.routes.set("Report", "python")
    perform(resque, "Report", 5)
    ruby_performed(db, "Report", 90, 10)
    resque.routes.set("Report", "python=50%", brake=5, least=3)
    (rule,) = resque.routes.show().rules
    assert rule.before == (0, 5, 90, 10)
    (before,) = resque.run(resque.core.brakes.verdicts(resque.routes.show()))
    assert (before.performed.python, before.performed.ruby) == (Tally(), Tally())
    perform(resque, "Report", 9)
    resque.run(resque.core.brakes.look(resque.routes.show()))
    (change, *_) = resque.routes.changes()
    assert (change.by, targets(resque)) == ("brake", {"Report": "ruby"})


def test_a_brake_trips_though_the_clock_that_set_it_is_ahead(resque: Resque) -> None:
    job(resque, "Report", set(range(9)))
    clock = resque.core.clock
    assert isinstance(clock, Clock)
    clock.passed = 300.0
    resque.routes.set("Report", "python", brake=5, least=3)
    clock.passed = 0.0
    perform(resque, "Report", 9)
    resque.run(resque.core.brakes.look(resque.routes.show()))
    assert targets(resque) == {"Report": "ruby"}


def test_what_ruby_counts_by_a_clock_that_is_ahead_is_compared(
    resque: Resque, db: redis.Redis
) -> None:
    job(resque, "Report", {0})
    resque.routes.set("Report", "python", brake=5, least=3)
    counts = {"05:ruby:done": 80, "05:ruby:failed": 20}
    db.hset("resque:migrate:lately:2026-03-01T12:Report", mapping=counts)  # type: ignore[arg-type]
    perform(resque, "Report", 5)
    assert resque.run(resque.core.brakes.look(resque.routes.show())) == []
    (found,) = resque.run(resque.core.brakes.verdicts(resque.routes.show()))
    assert (found.exact, found.performed.ruby.performed) == (True, 100)


@pytest.mark.parametrize("before", [None, "text", [1, 2, 3], [1, 2, 3, -4], [1, 2, 3, True]])
def test_counts_of_a_rule_that_are_none_are_left_out(before: object) -> None:
    found = {"match": "A", "to": "python", "percent": 5, "brake": 5, "before": before}
    assert Rule.of(found).before == ()
    assert "before" not in Rule.of(found).to_dict()


def test_a_worker_whose_jobs_fail_leads_the_class_to_ruby_once(
    resque: Resque, db: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    resque.routes.set("Re*", "python")
    resque.routes.set("Report", "python=10%", brake="5%", least=3)
    job(resque, "Report", {2, 3, 4})
    perform(resque, "Report", 10)
    assert targets(resque) == {"Re*": "python", "Report": "ruby"}
    latest = resque.routes.changes()[0]
    assert latest.by == "brake"
    assert "Python failed 1 of 3 (33.3 %), Ruby's are not known; the bound is 5.0 %" in latest.what
    assert sum("set Report ruby" in text for text in caplog.messages) == 1
    resque.routes.rollback()
    (rule,) = [one for one in resque.routes.show().rules if one.match == "Report"]
    assert (rule.target, rule.brake, rule.least, rule.tripped) == ("python=10%", 5, 3, "")
    perform(resque, "Report", 1)  # the former failures count no more
    assert targets(resque)["Report"] == "python=10%"


def test_a_rule_that_is_set_anew_counts_anew(resque: Resque) -> None:
    clock = resque.core.clock
    assert isinstance(clock, Clock)
    job(resque, "Report", set(range(8)))
    resque.routes.set("Report", "python", brake=5, least=5)
    perform(resque, "Report", 4)
    clock.passed = 90
    resque.routes.set("Report", "python=50%", brake=5, least=5)
    perform(resque, "Report", 3)  # in the minute in which it was set
    clock.passed = 120
    perform(resque, "Report", 4)
    assert targets(resque) == {"Report": "python=50%"}
    clock.passed = 130
    perform(resque, "Report", 1)
    assert targets(resque) == {"Report": "ruby"}


def test_a_rollback_of_another_class_lets_a_brake_go_on_counting(resque: Resque) -> None:
    clock = resque.core.clock
    assert isinstance(clock, Clock)
    job(resque, "Report", {4})
    resque.routes.set("Report", "python", brake=5, least=5)
    perform(resque, "Report", 4)
    resque.routes.set("Misspelt", "python")
    clock.passed = 90
    resque.routes.rollback()
    resque.enqueue_to("low", "Report", 4)
    work(resque, counting_worker(resque))
    assert targets(resque) == {"Report": "ruby"}


@pytest.mark.parametrize(("match", "target"), [("*", "ruby"), ("Report", "python=50%")])
def test_a_rollback_that_leads_the_class_back_counts_anew(
    resque: Resque, match: str, target: str
) -> None:
    job(resque, "Report", {0})
    resque.routes.set("Report", "python", brake=5, least=2)
    perform(resque, "Report", 1)
    resque.routes.set(match, target)
    resque.routes.rollback()
    perform(resque, "Report", 1)
    assert targets(resque) == {"Report": "python"}


def test_of_a_pattern_the_class_alone_goes_back(resque: Resque, db: redis.Redis) -> None:
    job(resque, "Reports::Tax", {0})
    resque.routes.set("Reports::*", "python", brake=5, least=1)
    ruby_performed(db, "Reports::Tax", 100, 0)
    perform(resque, "Reports::Tax", 1)
    assert targets(resque) == {"Reports::*": "python", "Reports::Tax": "ruby"}
    assert "Ruby 0 of 100 (0.0 %)" in resque.routes.show().rules[-1].tripped


def test_the_mover_looks_at_brakes(resque: Resque, db: redis.Redis) -> None:
    resque.routes.set("Report", "python", brake=5, least=1)
    db.hset("resque:migrate:lately:2026-03-01T12:Report", "00:python:failed", 9)
    db.hset("resque:migrate:last", "python:Report", NOON)
    made = mover(resque)
    made.brakes = resque.core.brakes
    turn(resque, made)
    assert targets(resque) == {"Report": "ruby"}
    for key in ("last", "lately:2026-03-01T12:Report"):
        db.delete(f"resque:migrate:{key}")
        db.set(f"resque:migrate:{key}", "text")
    resque.routes.set("Report", "python", brake=5, least=1)
    again = mover(resque)
    again.brakes = resque.core.brakes
    turn(resque, again)
    assert targets(resque) == {"Report": "python"}


def test_what_goes_wrong_with_a_brake_stops_no_worker(
    resque: Resque, db: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    job(resque, "Report", {0})
    db.set("resque:migrate:routes", "nonsense")
    perform(resque, "Report", 2)
    assert db.get("resque:stat:processed") == b"2"
    assert any("the brake of Report was not looked at" in text for text in caplog.messages)


@pytest.mark.parametrize(
    ("target", "brake", "least"),
    [
        ("ruby", 5, 1),
        ("python=0%", 5, 1),
        ("python", "x", 1),
        ("python", 101, 1),
        ("python", -1, 1),
        ("python", "nan", 1),
        ("python", 5, 0),
    ],
)
def test_a_brake_that_is_none_is_refused(
    resque: Resque, target: str, brake: float | str, least: int
) -> None:
    with pytest.raises(RoutingError, match=r"brake|Ruby"):
        resque.routes.set("A", target, brake=brake, least=least)


@pytest.mark.parametrize(
    "more",
    [
        '"brake":"x"',
        '"brake":5,"least":0',
        '"brake":5,"since":"now"',
        '"brake":true',
        '"brake":1e9',
    ],
)
def test_a_broken_brake_breaks_the_table(more: str) -> None:
    with pytest.raises(RoutingError, match="brake"):
        Routes.decode(b'{"rules":[{"match":"A","to":"python",%b}]}' % more.encode())


def test_a_rule_with_a_brake_is_read_as_it_was_written() -> None:
    rule = Rule("A", "python", 12.5, brake=2.5, least=7, since=5)
    table = Routes((rule, Rule("B", "ruby", tripped="why")), 3)
    assert Routes.decode(table.encode()) == table
