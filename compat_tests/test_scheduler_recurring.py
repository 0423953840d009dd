"""Recurring jobs, the master lock and the scheduler's turns as Ruby's own recordings have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from compat_tests import scheduled_jobs
from compat_tests.replay import FACES, Otherwise, Play, Replays
from pyresque import __version__
from pyresque.errors import NoQueueError, ScheduleError
from pyresque.process.scheduler import Scheduler
from pyresque.schedule.cron.next_run import Cron
from pyresque.schedule.entries import Entry
from pyresque.store.schedules import Claim, MasterLock

if TYPE_CHECKING:
    from compat_tests.conftest import Enter
    from compat_tests.world import World

CONFIG = {
    "cron": "*/5 * * * *",
    "class": "LowJob",
    "queue": "low",
    "args": [1, {"a": None}],
    "description": "d",
}
KEPT = {**CONFIG, "persist": True}
MINUTE = {"every": "1m", "class": "LowJob"}

#: The recorded scheduler, and another process that bears its name.
ME = Claim("golden-host:4242", "this one")

LATER = 1772366405


class Titles:
    """A scheduler's host: titles and waits are noted, waiting takes no time."""

    def __init__(self, world: World, *, noting: bool) -> None:
        self.world = world
        self.noting = noting
        self.last = ""

    def title(self, text: str) -> None:
        self.last = text.replace(f"pyresque-scheduler-{__version__}", "resque-scheduler-5.0.0", 1)
        if self.noting:
            self.world.events.note("procline", self.last)

    def sleep(self, seconds: float) -> None:
        if self.noting:
            self.world.events.note("poll_sleep")

    def worker_pids(self) -> None:
        """Ask for nothing."""


def scheduler(w: World, *, master: bool = True, noting: bool = False) -> Scheduler:
    made = Scheduler(w.resque.core, ME, Titles(w, noting=noting))
    made.master = master
    return made


def shown(given: Any, r: Any) -> Any:
    """The schedule after a verb that gives none; Ruby's verbs give it."""
    assert given is None or isinstance(given, bool)
    return r.schedule()


def set_and_show(name: str, config: dict[str, Any]) -> Play:
    return lambda r, w: shown(r.set_schedule(name, config), r)


def assign_and_show(schedule: dict[str, Any]) -> Play:
    return lambda r, w: shown(r.assign_schedule(schedule), r)


def assign_over(old: dict[str, Any], new: dict[str, Any]) -> Play:
    def play(r: Any, w: World) -> Any:
        w.resque.core.recurring.memory.update(old)
        r.core.recurring.memory.update(old)
        return shown(r.assign_schedule(new), r)

    return play


def kept_symbols(r: Any, w: World) -> Any:
    config = {"class": "LowJob", "every": "15m", "queue": "high", "args": "/data", "persist": True}
    r.set_schedule("a", config)
    return [config, r.schedule()]


def remove_from_memory(r: Any, w: World) -> Any:
    r.core.recurring.memory["a"] = CONFIG
    assert r.remove_schedule("a") is True
    return r.schedule()


def assigned_input(r: Any, w: World) -> Any:
    given = {"LowJob": {"every": "1m", "persist": True}}
    r.assign_schedule(given)
    return given


def read_twice(r: Any, w: World) -> Any:
    r.schedule()
    w.client.hset("resque:persistent_schedules", "a", '{"every":"1m"}')
    return [list(r.schedule()), list(r.schedule())]


def config(**config: Any) -> Play:
    def play(r: Any, w: World) -> Any:
        scheduled_jobs.register(w)
        return r.enqueue_from_config(config)

    return play


def q(args: Any) -> Play:
    return config(**{"class": "LowJob", "queue": "q", "args": args})


def custom(name: str, key: str = "custom_job_class") -> Play:
    return config(**{"class": "LowJob", "queue": "q", "args": [1], key: name})


def entry(w: World, config: dict[str, Any], name: str = "name") -> Entry:
    return Entry.read(name, config, w.clock)


def recurring(r: Any, w: World) -> Any:
    run = w.resque.core.recurring.run(entry(w, {"class": "LowJob", "args": [1]}))
    return int(w.resque.run(run).outcome == "enqueued")


def not_master(r: Any, w: World) -> Any:
    core = w.resque.core
    run = core.recurring.run(entry(w, {"class": "LowJob", "args": [1]}), lock=(core.lock, ME))
    assert w.resque.run(run).lost


def refused(r: Any, w: World) -> Any:
    """An entry that cannot be queued stops no scheduler."""
    return w.resque.run(scheduler(w).fire(entry(w, {"class": "NoQueueJob", "args": []}), None))


def failing(r: Any, w: World) -> None:
    """Ruby notes a run although nothing was queued; ours does not."""
    with pytest.raises(NoQueueError):
        w.resque.run(w.resque.core.recurring.run(entry(w, {"class": "NoQueueJob", "args": [1]})))
    assert w.state() == {}


def loaded(**config: Any) -> Play:
    """What Ruby's timer was asked for: its kind, its text, and seconds until the first run."""

    def play(r: Any, w: World) -> Any:
        made = scheduler(w)
        made.set_timer(entry(w, {"class": "LowJob", **config}, "n"), w.clock.time(), None)
        timer = made.timers.get("n")
        if timer is None:
            return None
        kind = "CronJob" if isinstance(timer.entry.timing, Cron) else "EveryJob"
        wait = int(timer.next_at - w.clock.time())
        return [{"class": f"Rufus::Scheduler::{kind}"}, timer.entry.original, wait]

    return play


def fault(said: str, **config: Any) -> Play:
    """Ruby stops loading at such an entry; ours tells its fault, and the next entry is loaded."""

    def play(r: Any, w: World) -> None:
        core = w.resque.core
        core.recurring.memory.update({"n": {"class": "LowJob", **config}, "good": CONFIG})
        made = w.resque.run(core.recurring.load())
        assert list(made.entries) == ["good"]
        assert len(made.faults) == 1
        assert said in str(made.faults[0])
        assert isinstance(made.faults[0], ScheduleError)

    return play


def load(memory: dict[str, Any], *, master: bool = True) -> Play:
    def play(r: Any, w: World) -> Any:
        w.resque.core.recurring.memory.update(memory)
        made = scheduler(w, master=master)
        w.resque.run(made.reload_schedule())
        return list(made.timers)

    return play


def load_nothing(r: Any, w: World) -> Any:
    made = scheduler(w)
    w.resque.run(made.reload_schedule())
    return made.timers


def updated(former: dict[str, Any] | None = None, *, keys: bool = True) -> Play:
    """Load the former state, then follow what changed."""

    def play(r: Any, w: World) -> Any:
        made = scheduler(w)
        if former is not None:
            made.set_timer(entry(w, former, "a"), w.clock.time(), None)
        w.resque.run(made.update_schedule())
        w.client.delete(
            made.core.lock.key, made.core.lock.owner
        )  # Ruby's believes that it is master
        return list(made.timers) if keys else {n: t.entry.original for n, t in made.timers.items()}

    return play


def updated_nothing(r: Any, w: World) -> None:
    w.resque.run(scheduler(w).update_schedule())


def updated_invalid(r: Any, w: World) -> None:
    """Ruby raises and has lost the change; ours tells the fault and goes on."""
    w.client.sadd("resque:schedules_changed", "good")
    w.client.hset("resque:persistent_schedules", "good", '{"class":"LowJob","cron":"* * * * *"}')
    assert updated()(r, w) == ["good"]
    assert "resque:schedules_changed" not in w.state()


def ours(w: World, answer: Any) -> Any:
    """The answer; the key beside the lock, which Ruby does not look at, is there where we lead, and put away."""
    assert w.client.delete(w.resque.core.lock.owner) == (1 if answer else 0)
    return answer


def hold(r: Any, w: World) -> Any:
    return ours(w, w.resque.run(w.resque.core.lock.hold(ME)))


def hold_with(**settings: Any) -> Play:
    def play(r: Any, w: World) -> Any:
        w.resque.configure(**settings)
        return hold(r, w)

    return play


def hold_again(r: Any, w: World) -> Any:
    assert w.resque.run(w.resque.core.lock.hold(ME))
    return hold(r, w)


def hold_after_flush(r: Any, w: World) -> Any:
    w.client.script_flush()
    return hold(r, w)


def release(r: Any, w: World) -> Any:
    return w.resque.run(w.resque.core.lock.release(ME))


def lock_named(w: World, timeout: int) -> MasterLock:
    lock = MasterLock(w.resque.core.keys, "", timeout)
    lock.key = w.resque.core.keys.of("my_lock")
    return lock


def direct(timeout: int, *rest: Any) -> Play:
    def play(r: Any, w: World) -> Any:
        lock = lock_named(w, timeout)
        held = [w.resque.run(lock.hold(ME)) for _ in range(2)]
        w.client.delete(lock.owner)
        return [*held, ME.value, *rest]

    return play


def direct_held(r: Any, w: World) -> Any:
    lock = lock_named(w, 180)
    return [w.resque.run(op(ME)) for op in (lock.hold, lock.hold, lock.release)]


def first_turn(r: Any, w: World, *, now: int | None = None) -> Scheduler:
    w.clock.now = now or w.clock.now
    made = scheduler(w, noting=True)
    made.master = None
    made.procline("Starting")
    w.resque.run(made.turn())
    ours(w, made.master)
    return made


def titled(now: int | None = None) -> Play:
    return lambda r, w: first_turn(r, w, now=now).host.last


def with_delayed(r: Any, w: World) -> None:
    first_turn(r, w, now=LATER)


def second_turn(r: Any, w: World) -> None:
    made = first_turn(r, w)
    w.resque.run(made.wait())
    w.resque.run(made.turn())
    w.resque.run(made.wait())


def procline(**settings: Any) -> Play:
    def play(r: Any, w: World) -> Any:
        w.resque.configure(**settings)
        made = scheduler(w)
        made.procline("Hello")
        return made.host.last

    return play


def defaults(r: Any, w: World) -> Any:
    s = w.settings
    named = [s.rails_env or None, s.app_name or None, s.verbose, s.quiet]
    return [*some_settings(r, w), *named]


def some_settings(r: Any, w: World) -> Any:
    s = w.settings
    return [
        s.scheduler_interval,
        s.lock_timeout,
        s.dynamic_schedule,
        s.delayed_requeue_batch_size,
    ]


CALLS: dict[str, Play] = {
    "set_schedule_memory": lambda r, w: [
        shown(r.set_schedule("a", CONFIG), r),
        r.fetch_schedule("a"),
    ],
    "set_schedule_persist": set_and_show("a", KEPT),
    "set_schedule_persist_symbol_keys": kept_symbols,
    "set_schedule_persist_false": set_and_show(
        "a", {"class": "LowJob", "every": "1m", "persist": False}
    ),
    "set_schedule_persist_text_true": set_and_show(
        "a", {"class": "LowJob", "every": "1m", "persist": "false"}
    ),
    "set_schedule_key_order": set_and_show(
        "a",
        {"queue": "q", "every": ["30s", {"first_in": "10s"}], "class": "LowJob", "persist": True},
    ),
    "set_schedule_unicode": set_and_show(
        "n\u00e9",
        {
            "class": "LowJob",
            "cron": "* * * * *",
            "description": "<b> \u2028 caf\u00e9",
            "persist": True,
        },
    ),
    "set_schedule_symbol_name": set_and_show(
        "a", {"class": "LowJob", "cron": "* * * * *", "persist": True}
    ),
    "set_schedule_symbol_name_memory": set_and_show("a", {"class": "LowJob", "cron": "* * * * *"}),
    "set_schedule_no_reload": set_and_show("a", KEPT),
    "set_schedule_replaces": set_and_show(
        "a", {"class": "HighJob", "every": "5m", "persist": True}
    ),
    "set_schedule_memory_over_persistent": set_and_show("a", {"class": "HighJob", "every": "5m"}),
    "set_schedule_no_class_not_filled_in": set_and_show(
        "LowJob", {"cron": "* * * * *", "persist": True}
    ),
    "remove_schedule": lambda r, w: shown(r.remove_schedule("a"), r),
    "remove_schedule_memory": remove_from_memory,
    "remove_schedule_missing": lambda r, w: shown(r.remove_schedule("none"), r),
    "remove_schedule_keeps_last_enqueued_at": lambda r, w: shown(r.remove_schedule("a"), r),
    "schedule_assign": assign_and_show({"a": CONFIG, "LowJob": {"every": "1m"}}),
    "schedule_assign_symbol_name": assign_and_show({"LowJob": {"every": "1m"}}),
    "schedule_assign_persist_entries": assign_and_show(
        {"a": KEPT, "b": {"class": "HighJob", "every": "2m"}}
    ),
    "schedule_assign_drops_old_memory": assign_over({"a": CONFIG}, {"b": MINUTE}),
    "schedule_assign_keeps_persistent": assign_and_show({"b": MINUTE}),
    "schedule_assign_input_not_changed": assigned_input,
    "schedule_assign_empty": assign_and_show({}),
    "schedule_read_empty": lambda r, w: r.schedule(),
    "schedule_read_persistent": lambda r, w: r.schedule(),
    "schedule_read_bad_json": lambda r, w: r.schedule(),
    "schedule_read_cached": read_twice,
    "set_schedule_namespace": set_and_show("a", KEPT),
    "config_args_array": q([1, 2]),
    "config_args_hash": q({"a": 1}),
    "config_args_string": q("one"),
    "config_args_nil": q(None),
    "config_args_missing": config(**{"class": "LowJob", "queue": "q"}),
    "config_args_number": q(5),
    "config_args_false": q(False),
    "config_args_nested_array": q([[1, 2]]),
    "config_args_empty_hash": q({}),
    "config_args_empty_string": q(""),
    "config_args_symbol_key": q([1]),
    "config_queue_from_class": config(**{"class": "LowJob", "args": [1]}),
    "config_queue_missing_known_class": config(**{"class": "NoQueueJob", "args": [1]}),
    "config_queue_missing_unknown_class": config(**{"class": "Gone::Job", "args": [1]}),
    "config_unknown_class": config(**{"class": "Gone::Job", "queue": "q", "args": [1]}),
    "config_dashed_class": config(**{"class": "low-job", "queue": "q", "args": [1]}),
    "config_dotted_class": config(**{"class": "pkg.module.Task", "queue": "q", "args": [1]}),
    "config_module_not_class": config(**{"class": "Deep", "queue": "q", "args": [1]}),
    "config_class_constant": lambda r, w: r.enqueue_from_config(
        {"class": w.jobs.LowJob, "queue": "q", "args": [1]}
    ),
    "config_no_class": config(queue="q", args=[1]),
    "config_extra_keys_dropped": config(
        **{"class": "LowJob", "queue": "q", "args": [1], "description": "d", "cron": "x", "id": 3}
    ),
    "config_queue_list": config(**{"class": "LowJob", "queue": "a,b", "args": [1]}),
    "config_custom_job_class_scheduled": custom("ScheduledJob"),
    "config_custom_job_class_without_scheduled": custom("HighJob"),
    "config_custom_job_class_unknown": custom("Gone::Custom"),
    "config_custom_job_class_resque_job": custom("Resque::Job"),
    "config_custom_job_class_symbol_key": custom("ScheduledJob", ":custom_job_class"),
    "config_hooks": config(**{"class": "ScheduleHooksJob", "args": [1]}),
    "config_hooks_veto": config(**{"class": "ScheduleHooksJob", "args": ["veto"]}),
    "config_hooks_enqueue_veto": config(**{"class": "ScheduleHooksJob", "args": ["veto_enqueue"]}),
    "enqueue_error_is_logged_only": refused,
    "enqueue_recurring": recurring,
    "enqueue_recurring_new_york": recurring,
    "enqueue_recurring_not_master": not_master,
    "load_cron": loaded(cron="*/5 * * * *"),
    "load_every": loaded(every="30s"),
    "load_every_with_options": loaded(every=["30s", {"first_in": "5s"}]),
    "load_every_with_two_options": loaded(every=["1h", {"first_in": "5s", "times": 2}]),
    "load_every_array_alone": loaded(every=["30s"]),
    "load_every_array_three": loaded(every=["30s", 1, 2]),
    "load_every_text_integer": loaded(every="30"),
    "load_every_empty": loaded(every=""),
    "load_every_months": loaded(every="1M"),
    "load_cron_with_options": loaded(cron=["*/5 * * * *", {"first_in": "1h"}]),
    "load_cron_wins_over_every": loaded(every="30s", cron="0 * * * *"),
    "load_cron_empty_then_every": loaded(every="30s", cron=""),
    "load_cron_time_zone": loaded(cron="0 9 * * * America/New_York"),
    "load_symbol_keys": loaded(**{":every": "30s"}),
    "load_no_interval": loaded(),
    "load_env_matching": loaded(every="30s", rails_env="production, staging"),
    "load_env_not_matching": loaded(every="30s", rails_env="production"),
    "load_env_key": loaded(every="30s", env="production"),
    "load_env_not_set": loaded(every="30s", rails_env="production"),
    "load_rails_env_before_env": loaded(every="30s", rails_env="a", env="b"),
    "load_schedule_static": load({"a": CONFIG, "b": MINUTE}),
    "load_schedule_dynamic": load({}),
    "load_schedule_dynamic_not_master": load({}, master=False),
    "load_schedule_empty": load_nothing,
    "update_schedule_nothing": updated_nothing,
    "update_schedule_added": updated(),
    "update_schedule_removed": updated(CONFIG),
    "update_schedule_changed": updated(CONFIG, keys=False),
    "lock_key": lambda r, w: w.resque.core.keys.bare(w.resque.core.lock.key),
    "lock_acquire": hold,
    "lock_acquire_again": hold_again,
    "lock_acquire_prefix": hold,
    "lock_acquire_prefix_empty": hold,
    "lock_acquire_namespace": hold,
    "lock_acquire_namespace_prefix": hold,
    "lock_held_by_other": hold,
    "lock_held_by_other_without_ttl": hold,
    "lock_held_by_same_value": hold,
    "lock_other_key_is_not_seen": hold,
    "lock_timeout_env": hold,
    "lock_timeout_setting": hold_with(lock_timeout=12),
    "lock_change_timeout_when_held": hold_with(lock_timeout=77),
    "lock_release": release,
    "lock_release_not_owner": release,
    "lock_release_bang_not_owner": lambda r, w: r.release_master_lock(),
    "lock_scripts_flushed": hold_after_flush,
    "lock_basic_acquire": direct(180),
    "lock_basic_held": direct_held,
    "lock_resilient_direct": direct(9, 9),
    "run_first_turn_master": titled(),
    "run_first_turn_child": titled(LATER),
    "run_first_turn_with_delayed": with_delayed,
    "run_first_turn_dynamic": lambda r, w: list(first_turn(r, w).timers),
    "run_second_turn": second_turn,
    "run_app_name_and_env": titled(),
    "procline_plain": procline(),
    "procline_app": procline(app_name="shop"),
    "settings_default": defaults,
    "settings_env": some_settings,
    **{
        f"settings_dynamic_{number}": lambda r, w: w.settings.dynamic_schedule
        for number in range(1, 12)
    },
}

#: A bad entry stops the loading of all that follow in Ruby.
BETTER: dict[str, Play] = {
    "enqueue_recurring_failing": failing,
    "load_every_integer": fault("every: 30 is a number, at which Ruby's scheduler fails", every=30),
    "load_every_invalid": fault("every: 'soon' is not a duration", every="soon"),
    "load_every_zero": fault("every: '0s' is 0 seconds", every="0s"),
    "load_every_too_fast": fault("every: '0.1s' is shorter than the 0.3 seconds", every="0.1s"),
    "load_cron_invalid": fault("cron: cron line 'not a cron': ", cron="not a cron"),
    "load_cron_natural_language": fault("'every day at noon'", cron="every day at noon"),
    "load_every_natural_language": fault("'every 5 minutes'", every="every 5 minutes"),
    "update_schedule_changed_invalid": updated_invalid,
}

OTHERWISE = {
    "set_schedule_persist_symbol_keys": Otherwise(
        [
            {"class": "LowJob", "every": "15m", "queue": "high", "args": "/data", "persist": True},
            {"a": {"class": "LowJob", "every": "15m", "queue": "high", "args": "/data"}},
        ],
        "Python has no symbols; the configuration given is left as it is",
    ),
    "set_schedule_no_reload": Otherwise(
        {"a": CONFIG}, "the schedule is read anew each time, so that nobody sees a stale one"
    ),
    "set_schedule_symbol_name_memory": Otherwise(
        {"a": {"class": "LowJob", "cron": "* * * * *"}}, "Python has no symbols"
    ),
    "schedule_assign_symbol_name": Otherwise(
        {"LowJob": {"every": "1m", "class": "LowJob"}}, "Python has no symbols"
    ),
    "schedule_read_cached": Otherwise([["a"], ["a"]], "as set_schedule_no_reload"),
    "schedule_read_bad_json": Otherwise(
        {
            "raised": {
                "class": "Resque::Helpers::DecodeException",
                "message": "not JSON that Ruby reads (Expecting property name enclosed in double quotes: "
                "line 1 column 2 (char 1)): b'{bad'",
            }
        },
        "our reader words the error in its own way",
    ),
    "config_no_class": Otherwise([1, 1], "there is no class Object here: it is a name like others"),
    "config_custom_job_class_scheduled": Otherwise(None, "the twin's scheduled gives nothing back"),
    "lock_basic_held": Otherwise([False, False, False], "not taken is False, never nil"),
}

DYNAMIC = ("load_schedule_dynamic", "update_schedule", "run_first_turn_dynamic")


def options(name: str) -> dict[str, Any]:
    return {"dynamic_schedule": True} if name.startswith(DYNAMIC) else {}


REPLAYS = Replays(
    "scheduler_recurring",
    CALLS,
    BETTER,
    exceptions={},
    otherwise=OTHERWISE,
    options=options,
)


def coverage() -> tuple[str, int, int]:
    """The file, how many of its scenarios are replayed, how many there are."""
    return REPLAYS.coverage()


def test_every_scenario_is_replayed_or_excused() -> None:
    REPLAYS.check_tables()


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("name", REPLAYS.replayed)
def test_recurring_jobs_and_the_lock_do_as_recorded(name: str, face: str, enter: Enter) -> None:
    REPLAYS.run(name, face, enter)
