"""resque-workers-lock, resque-job-stats, resque-history and resque-throttle, as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.plugin_replay import HOWS, Boom, Plugged, Replay
from pyresque.errors import DontPerform
from pyresque.plugins import History, JobStats, Throttle, WorkersLock

if TYPE_CHECKING:
    from collections.abc import Callable

    from compat_tests.conftest import Enter
    from compat_tests.plugin_replay import Setup


def register(p: Replay, name: str, plugin: Any, perform: Any, **hooks: Any) -> None:
    target = type(
        name,
        (),
        {key: staticmethod(one) for key, one in {"perform": perform, **hooks}.items()},
    )
    p.world.resque.job(name, queue="work", plugins=[plugin])(target)


def raising(error: BaseException) -> Callable[..., None]:
    def hook(*args: Any) -> None:
        raise error

    return hook


# -- resque-workers-lock

GRID = "resque-workers-lock"


def grid(hooks: dict[str, Any] | None = None, **options: Any) -> Setup:
    return lambda p: register(
        p, "GridJob", WorkersLock(**options), p.perform("GridJob"), **(hooks or {})
    )


def several(*args: Any) -> list[str]:
    return [f"grid-{arg}" for arg in args]


def undone(p: Replay) -> None:
    p.work_one()
    assert not [key for key in p.state() if "workerslock" in key]


def locks_stay(p: Replay) -> None:
    p.world.client.set("resque:workerslock:other", "true")
    p.r.remove_queue("empty_one")
    assert "resque:workerslock:other" in p.state()


GRID_TABLE = Plugged(
    GRID,
    grid(),
    {
        "lock_delay_override": grid(requeue_delay=30),
        **dict.fromkeys(
            (
                "lock_several",
                "lock_several_one_busy",
                "lock_several_failure",
                "lock_same_name_twice",
            ),
            grid(lock_workers=several),
        ),
        "lock_own_name": grid(lock_workers=lambda region, *rest: f"region {region}", timeout=20),
        "lock_name_nil": grid(lock_workers=lambda *args: None),
        "lock_other_before_hook_stops": grid({"before_perform_zz": raising(DontPerform())}),
        "lock_other_before_hook_fails": grid({"before_perform_zz": raising(Boom("late"))}),
    },
    {
        ("lock_dirty_exit_deletes_anothers_lock", 1): lambda p: p.fail_reserved(),
    },
    {
        "lock_other_before_hook_stops": (1, undone, "Ruby leaves the lock until it expires"),
        "remove_queue_deletes_all_locks": (
            0,
            locks_stay,
            "Ruby deletes every lock of every queue, of jobs at work too",
        ),
    },
)

# -- resque-job-stats

COUNTED = "resque-job-stats"


def counted(
    *,
    notes: bool = True,
    takes: float = 0.25,
    name: str = "CountedJob",
    hooks: Any = None,
    **options: Any,
) -> Setup:
    def setup(p: Replay) -> None:
        def perform(*args: Any) -> None:
            if notes:
                p.note(name, args)
            p.advance(takes)
            if args and args[0] == "fail":
                raise Boom("boom")
            if args and args[-1] == "die":
                p.dies()

        register(p, name, JobStats(**options), perform, **(hooks or {}))

    return setup


COUNTED_TABLE = Plugged(
    COUNTED,
    counted(),
    {
        "list_limits": counted(durations=1, histories=1),
        "namespaced_class": counted(notes=False, takes=0, name="Billing::CountedJob"),
        "only_performed": counted(notes=False, takes=0, parts=["performed"]),
        "killed_child": counted(notes=False),
        "pruned": counted(notes=False),
        "delayed": counted(notes=False),
        "requeue_not_counted": counted(
            notes=False, hooks={"before_perform_no": raising(Boom("early"))}
        ),
    },
)

# -- resque-history

LOGGED = "resque-history"


def logged(p: Replay) -> None:
    def perform(*args: Any) -> None:
        p.advance(3.7)
        if args[-1] == "fail":
            raise Boom("boom")

    register(p, "LoggedJob", History(most=2), perform)


LOGGED_TABLE = Plugged(LOGGED, logged)

# -- resque-throttle

SLOW = "resque-throttle"


def slow(**options: Any) -> Setup:
    return lambda p: register(p, "SlowJob", Throttle(**options), lambda *args: None)


SLOW_TABLE = Plugged(
    SLOW,
    slow(can_run_every=90),
    {
        "default_period": slow(),
        "identifier": slow(can_run_every=90, identifier=lambda *args: str(args[0])),
        "disabled": slow(can_run_every=90, disabled=True),
    },
)

TABLES = (GRID_TABLE, COUNTED_TABLE, LOGGED_TABLE, SLOW_TABLE)


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
