"""resque-loner and resque_solo, as recorded: what keeps a job from being queued twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.plugin_replay import HOWS, Plugged, Replay, scenarios
from pyresque.errors import DontPerform
from pyresque.plugins import Loner, Solo

if TYPE_CHECKING:
    from collections.abc import Callable

    from compat_tests.conftest import Enter
    from pyresque.plugins.loner import Unique

#: Under redis gem 4 Ruby's scheduler breaks in these; those named ``..._redis5`` say what ours does.
NESTED_MULTI = (
    "redis gem 4: MULTI in MULTI ends Ruby's scheduler; the like under redis gem 5 is replayed"
)
NO_SYMBOLS = "Python has no symbols: a key made of them cannot be asked for"


def unique(kind: type[Unique], **options: Any) -> Callable[[Replay], None]:
    """A class UniqueOne with these options."""

    def setup(p: Replay) -> None:
        p.world.resque.job("UniqueOne", queue="work", plugins=[kind(**options)])(
            p.perform("UniqueOne")
        )

    return setup


def with_hooks(kind: type[Unique], **hooks: Callable[..., Any]) -> Callable[[Replay], None]:
    """A class UniqueOne with hooks of its own."""

    def setup(p: Replay) -> None:
        made = type(
            "UniqueOne",
            (),
            {
                "perform": staticmethod(p.perform("UniqueOne")),
                **{name: staticmethod(hook) for name, hook in hooks.items()},
            },
        )
        p.world.resque.job("UniqueOne", queue="work", plugins=[kind()])(made)

    return setup


def dont_perform(*args: Any) -> None:
    raise DontPerform


def others(kind: type[Unique]) -> Callable[[Replay], None]:
    def setup(p: Replay) -> None:
        unique(kind)(p)
        p.world.resque.job("OtherOne", queue="work", plugins=[kind()])(p.perform("OtherOne"))

    return setup


def plain_job(p: Replay) -> None:
    p.world.resque.job("PlainJob", queue="work")(p.perform("PlainJob"))


def noting_after(kind: type[Unique]) -> Callable[[Replay], None]:
    def setup(p: Replay) -> None:
        with_hooks(kind, after_enqueue_note=lambda *args: p.note("after_enqueue", args))(p)

    return setup


def again(kind: type[Unique], **options: Any) -> Callable[[Replay], None]:
    """A job that enqueues itself."""

    def setup(p: Replay) -> None:
        def perform(*args: Any) -> None:
            p.snap("UniqueOne", args)
            answer = p.world.resque.enqueue("UniqueOne", *args)
            if options:
                p.note("enqueue", [answer])

        p.world.resque.job("UniqueOne", queue="work", plugins=[kind(**options)])(perform)

    return setup


def sub(kind: type[Unique]) -> Callable[[Replay], None]:
    def setup(p: Replay) -> None:
        p.world.resque.job("SubOne", queue="work", plugins=[kind()])(p.perform("SubOne"))

    return setup


def enqueued(p: Replay) -> None:
    """Ruby asks ``enqueued?``, which reads the mark that the state shows."""


def gone(p: Replay) -> None:
    assert p.r.dequeue("UniqueOne", {"a": 2, "b": 1}) == 1
    assert set(p.state()) == {"resque:queues"}


def no_arguments(p: Replay) -> None:
    p.work_one()
    assert p.performed()[0]["args"] == "[]"


def only_that_queue(p: Replay) -> None:
    p.r.remove_queue("w*")
    assert len([key for key in p.state() if ":job:" in key]) == 1


def inline(p: Replay) -> None:
    jobs = p.r._target.core.jobs if hasattr(p.r, "_target") else p.r.core.jobs
    jobs.inline = True
    p.r.enqueue("UniqueOne", 1)
    jobs.inline = False


def other_value(p: Replay) -> None:
    p.world.client.set("resque:x", "y")
    p.r.enqueue("UniqueOne", 1)
    key = next(key for key in p.state() if ":job:" in key)
    p.world.client.set(key, "true")
    p.r.enqueue("UniqueOne", 1)


def tables(plugin: str, kind: type[Unique]) -> Plugged:
    after: dict[str, Any] = {}
    rows = scenarios(plugin)
    nested = {
        name
        for name, row in rows.items()
        if any("nested" in str(step.get("error", "")) for step in row["steps"])
    }
    for name, row in rows.items():
        for number, step in enumerate(row["steps"]):
            if "enqueued?" in step["ruby"]:
                after[name, number] = enqueued
    period = {
        name: 20 if name.startswith("lock_after_execution") else 25
        for name in rows
        if name.startswith("lock_after")
    }
    return Plugged(
        plugin,
        unique(kind),
        {
            "ttl": unique(kind, ttl=40),
            "ttl_zero": unique(kind, ttl=0),
            "ttl_and_lock_after": unique(kind, ttl=40, lock_after_execution=300),
            "delayed_two_times_redis5": unique(kind, ttl=500),
            **{name: unique(kind, lock_after_execution=at) for name, at in period.items()},
            "own_key": unique(kind, redis_key=lambda job: f"k-{job.args[0]}"),
            "plain_job_unmarked": plain_job,
            "after_enqueue_hook_on_duplicate": noting_after(kind),
            "dequeue_other_class": others(kind),
            "before_enqueue_veto": with_hooks(kind, before_enqueue_no=lambda *args: False),
            "dont_perform": with_hooks(kind, before_perform_no=dont_perform),
            "enqueues_itself": again(kind),
            "enqueues_itself_lock_after": again(kind, lock_after_execution=25),
            "subclass": sub(kind),
        },
        {
            **after,
            ("inline", 0): inline,
            ("mark_with_other_value", 0): other_value,
        },
        {
            "dequeue_hash_other_order": (
                1,
                gone,
                "our dequeue compares arguments by meaning, so the job goes with its mark",
            ),
            "remove_queue_name_with_star": (
                1,
                only_that_queue,
                "Ruby takes the queue's name for a pattern, and deletes the marks of other queues",
            ),
            "reserve_null_args": (
                1,
                no_arguments,
                "Ruby's worker loses the job and ends; null arguments are none, as everywhere else",
            ),
        },
        {"dequeue_symbol_keys": NO_SYMBOLS},
        dict.fromkeys(sorted(nested), NESTED_MULTI),
    )


TABLES = (tables("resque-loner", Loner), tables("resque_solo", Solo))


def coverage() -> list[tuple[str, int, int]]:
    return [one.coverage() for one in TABLES]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize(
    ("table", "name"),
    [pytest.param(t, n, id=f"{t.plugin}-{n}") for t in TABLES for n in t.replayed],
)
def test_replay(table: Plugged, name: str, how: str, enter: Enter) -> None:
    table.run(name, how, enter)


def test_every_table_names_what_is_recorded() -> None:
    for table in TABLES:
        table.check()
