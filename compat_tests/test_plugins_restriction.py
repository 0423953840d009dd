"""resque-restriction, as recorded: so many jobs in a period, or at a time, and the restriction queue."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.plugin_replay import HOWS, Plugged, Replay, scenarios
from pyresque.plugins import Restriction

if TYPE_CHECKING:
    from collections.abc import Callable

    from compat_tests.conftest import Enter
    from compat_tests.plugin_replay import Setup

GEM = "resque-restriction"
EXPIRED = "resque:restriction:QuotaJob:*"


def setup_text(name: str) -> str:
    """The recorded setup: one that a scenario does not name is that of the scenario before."""
    return str(scenarios(GEM)[name].get("setup") or "")


def classes(name: str, **changed: Any) -> Setup:
    """The classes of a recorded setup, with its limits."""

    def setup(p: Replay) -> None:
        for part in re.split(r"(?=^class )", setup_text(name), flags=re.MULTILINE):
            found = re.match(r"class (\w+)", part)
            if found is None:
                continue
            restrict = re.search(r"restrict (.*)", part)
            limits = dict(re.findall(r"(\w+): (\d+)", restrict[1] if restrict else ""))
            plugins = [Restriction(**{key: int(n) for key, n in limits.items()}, **changed)]
            p.world.resque.job(found[1], queue="work", plugins=plugins if restrict else [])(
                p.perform(found[1])
            )

    return setup


def by_region(name: str) -> Setup:
    return classes(name, restriction_identifier=lambda region, *rest: f"QuotaJob:{region}")


def peek_one(p: Replay) -> None:
    p.work_one("restriction_work")


def key(p: Replay, name: str) -> Any:
    entry = p.state().get(f"resque:restriction:{name}")
    return None if entry is None else entry["value"]


def performed_plain(p: Replay) -> None:
    p.work_one("restriction_work")
    assert [one["args"] for one in p.performed()] == ["[1]"]


def recorded_unknown(p: Replay) -> None:
    p.work_one("restriction_work")
    (record,) = p.state()["resque:failed"]["value"]
    assert "uninitialized constant NotHereJob" in record


def nothing_taken(p: Replay) -> None:
    p.work_one("work")
    assert key(p, "QuotaJob:28493647") is None
    assert key(p, "QuotaJob:474894") == "0"
    assert p.state()["resque:queue:restriction_work"]["value"] == [
        '{"class":"QuotaJob","args":[1]}'
    ]


def not_counted(p: Replay) -> None:
    p.fail_reserved()
    assert key(p, "QuotaJob:*") is None


def counted_by_argument(p: Replay) -> None:
    p.work_one("work")
    assert len(p.performed()) == 1
    assert p.state()["resque:restriction:QuotaJob:7:*"] == {"type": "string", "value": "1"}
    assert "resque:failed" not in p.state()


def inline(p: Replay) -> None:
    jobs = p.r._target.core.jobs if hasattr(p.r, "_target") else p.r.core.jobs
    jobs.inline = True
    p.r.enqueue("QuotaJob", 1)
    jobs.inline = False
    assert len(p.performed()) == 1
    assert p.state() == {}


def as_found(p: Replay) -> None:
    p.world.client.set("resque:restriction:QuotaJob:28493647", 0)
    p.work_one("work")
    found = p.state()["resque:queue:restriction_work"]["value"]
    assert found == ['{"class":"QuotaJob","args":[1],"id":"x"}']


STEPS: dict[tuple[str, int], Callable[[Replay], Any]] = {
    ("restricted_queue_with_peek_limit", 2): peek_one,
    ("concurrent_over", 3): lambda p: p.world.client.incrby(EXPIRED, 1),
}

TABLE = Plugged(
    GEM,
    classes("per_minute_within_and_over"),
    {
        **{name: classes(name) for name in scenarios(GEM)},
        "restricted_queue_with_peek_limit": classes(
            "restricted_queue_with_peek_limit", max_queue_peek=1
        ),
        "identifier_override": by_region("identifier_override"),
    },
    STEPS,
    {
        "restricted_queue_plain_class": (
            1,
            performed_plain,
            "Ruby's worker raises and loses a job whose class has no limits; ours performs it",
        ),
        "restricted_queue_unknown_class": (
            1,
            recorded_unknown,
            "Ruby's worker raises and loses a job of an unknown class; ours records its failure",
        ),
        "two_periods_first_key_new": (
            1,
            nothing_taken,
            "Ruby takes one from the minute for a job that the hour refuses",
        ),
        "concurrent_failed_before_it_was_counted": (
            1,
            not_counted,
            "Ruby gives back what was never taken, so that the class's limit grows",
        ),
        "concurrent_by_argument": (
            1,
            counted_by_argument,
            "Ruby fails the first job of each value, and bars all others",
        ),
        "inline": (0, inline, "Ruby gives back what an inline job has not taken"),
        "payload_with_extra_keys": (
            1,
            as_found,
            "the payload is kept as it was found, with the keys that Ruby drops",
        ),
    },
)

TABLES = (TABLE,)


def coverage() -> list[tuple[str, int, int]]:
    return [one.coverage() for one in TABLES]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", TABLE.replayed)
def test_replay(name: str, how: str, enter: Enter) -> None:
    TABLE.run(name, how, enter)


def test_every_table_names_what_is_recorded() -> None:
    for table in TABLES:
        table.check()
