"""resque-meta, as recorded: the data of a job, and when they expire."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.plugin_replay import HOWS, Boom, Plugged, Replay, scenarios
from compat_tests.ruby_steps import parse_values
from pyresque.plugins import Meta

if TYPE_CHECKING:
    from collections.abc import Callable

    from compat_tests.conftest import Enter
    from compat_tests.plugin_replay import Setup

GEM = "resque-meta"


def noted_job(name: str, **options: Any) -> Setup:
    """The class NotedJob, with the ids of the recording."""
    meta_id = scenarios(GEM)[name]["steps"][0]["result"]

    def setup(p: Replay) -> None:
        plugin = Meta(meta_id=lambda *args: meta_id, **options)

        def perform(*args: Any) -> None:
            p.snap("NotedJob", args)
            p.advance(2)
            resque = p.world.resque
            data = resque.run(plugin.get(resque, "NotedJob", args[0]))
            assert data is not None
            assert data["started_at"]
            assert resque.run(plugin.update(resque, "NotedJob", args[0], rows=3)) is True
            if args[-1] == "fail":
                raise Boom("boom")
            if args[-1] == "die":
                p.dies()

        p.plugin = plugin  # type: ignore[attr-defined]
        p.world.resque.job("NotedJob", queue="work", plugins=[plugin])(perform)

    return setup


def enqueue(name: str) -> Callable[[Replay], None]:
    step = scenarios(GEM)[name]["steps"][0]
    found = re.fullmatch(r"NotedJob\.enqueue\((.*)\)\.meta_id", step["ruby"])
    assert found

    def act(p: Replay) -> None:
        face = getattr(p.r, "_target", p.r)
        given = p.r.run(p.plugin.enqueue(face, "NotedJob", *parse_values(found[1], 0)))  # type: ignore[attr-defined]
        assert given == step["result"]

    return act


TABLE = Plugged(
    GEM,
    noted_job("meta_success"),
    {
        **{name: noted_job(name) for name in scenarios(GEM)},
        "meta_expiry": noted_job("meta_expiry", expire_meta_in=50, before_finish_expire_in=500),
    },
    {(name, 0): enqueue(name) for name in scenarios(GEM)},
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
