"""resque-lock-timeout, resque-queue-lock and resque-lonely_job, as recorded."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.plugin_replay import HOWS, START, Plugged, Replay, scenarios
from compat_tests.ruby_steps import parse_values
from pyresque.errors import DontPerform
from pyresque.job.job_class import JobClass
from pyresque.job.plugin import PluginJob
from pyresque.plugins import LockTimeout, LonelyJob, QueueLock

if TYPE_CHECKING:
    from collections.abc import Callable

    from compat_tests.conftest import Enter
    from compat_tests.plugin_replay import Setup
    from pyresque.job.plugin import Plugin

SYNC, PILED, LONELY = "resque-lock-timeout", "resque-queue-lock", "resque-lonely_job"
LEAK = "Ruby leaves the lock"


def job(
    p: Replay, name: str, queue: str, plugin: Plugin, perform: Any = None, **hooks: Any
) -> None:
    """Register a class with a plugin."""
    made = {"perform": perform or p.perform(name), **hooks}
    target = type(name, (), {key: staticmethod(one) for key, one in made.items()})
    p.world.resque.job(name, queue=queue, plugins=[plugin])(target)


def dont_perform(*args: Any) -> None:
    raise DontPerform


def without(mark: str, act: Callable[[Replay], Any]) -> Callable[[Replay], None]:
    """After this no key that has this text in its name is left."""

    def look(p: Replay) -> None:
        act(p)
        assert not [key for key in p.state() if mark in key], p.state()

    return look


# -- resque-lock-timeout


def options_of(setup: str) -> dict[str, Any]:
    """The options of the recorded class: its instance variables."""
    timeout = re.search(r"@lock_timeout = (-?\d+)", setup)
    return {
        "loner": "@loner = true" in setup,
        "timeout": 0 if timeout is None else int(timeout[1]),
    }


def sync(name: str, **changed: Any) -> Setup:
    """A class SyncJob with the options of that scenario, and what it notes."""
    setup_text = next(
        (row["setup"] for row in reversed(before(SYNC, name)) if row.get("setup")), ""
    )
    acts = re.search(r"^\s*(RecClock\.advance.*)$", setup_text, re.MULTILINE)

    def setup(p: Replay) -> None:
        options = {**options_of(setup_text), **changed}
        if "Seen.note('lock_failed'" in setup_text:
            for hook, what in (
                ("on_lock_failed", "lock_failed"),
                ("on_loner_refused", "loner_enqueue_failed"),
                ("on_expired", "lock_expired_before_release"),
            ):
                options[hook] = lambda *args, what=what: p.note(what, args)
        plugin = LockTimeout(**options)
        class_name = "Mod::SyncJob" if "module Mod" in setup_text else "SyncJob"
        perform = None
        if acts or "refresh_lock!" in setup_text:
            perform = partial(refreshing, p, plugin, setup_text)
        job(p, class_name, "work", plugin, perform)

    return setup


def refreshing(p: Replay, plugin: LockTimeout, text: str, *args: Any) -> None:
    """A job that lets time pass, and lengthens its lock."""
    p.snap("SyncJob", args)
    body = text[text.index("def self.perform") :]
    for act in re.findall(r"RecClock\.advance\(\d+\)|refresh_lock!|Seen\.snap", body)[1:]:
        if act == "refresh_lock!":
            p.world.resque.run(plugin.refresh(p.world.resque, "SyncJob", *args))
        elif act == "Seen.snap":
            p.snap("SyncJob", args)
        else:
            p.advance(int(re.findall(r"\d+", act)[0]))


def before(plugin: str, name: str) -> list[dict[str, Any]]:
    """The scenarios up to this one: a setup stands where it changes."""
    names = list(scenarios(plugin))
    return [scenarios(plugin)[one] for one in names[: names.index(name) + 1]]


def sync_key(ruby: str, result: str) -> Callable[[Replay], None]:
    found = re.fullmatch(r"SyncJob\.redis_(loner_)?lock_key\((.*)\)", ruby)
    assert found

    def ask(p: Replay) -> None:
        plugin = LockTimeout()
        context = p.world.resque.core.registry.plugin_context()
        given = parse_values(found[2], START)
        asked = PluginJob(context, JobClass("SyncJob", None, None), "work", given)
        key = plugin.loner_key(asked) if found[1] else plugin.key(asked)
        assert key.decode() == f"resque:{result}"

    return ask


def sync_steps() -> dict[tuple[str, int], Callable[[Replay], Any]]:
    found: dict[tuple[str, int], Callable[[Replay], Any]] = {
        ("lock_key_real_run_hash", 0): enqueued_with_symbols,
        ("dirty_exit_deletes_anothers_lock", 1): lambda p: p.fail_reserved(
            lambda: p.world.client.set("resque:lock:SyncJob:1", "true")
        ),
    }
    for name, row in scenarios(SYNC).items():
        for number, step in enumerate(row["steps"]):
            if "lock_key(" in step["ruby"]:
                found[name, number] = sync_key(step["ruby"], step["result"])
            if "locked?" in step["ruby"]:
                found[name, number] = lambda p: None  # our state shows the lock
    return found


def enqueued_with_symbols(p: Replay) -> None:
    client = p.world.client
    client.set("resque:loner:lock:SyncJob:{:b=>1, :a=>:x}", "true")
    client.sadd("resque:queues", "work")
    client.rpush("resque:queue:work", '{"class":"SyncJob","args":[{"b":1,"a":"x"}]}')


def dequeued(p: Replay) -> None:
    assert p.r.dequeue("SyncJob", 1) == 1
    assert p.r.enqueue("SyncJob", 1) is True


SYNC_TABLE = Plugged(
    SYNC,
    sync("lock_success"),
    {
        **{name: sync(name) for name in scenarios(SYNC)},
        "identifier_override": sync("identifier_override", identifier=lambda tenant, *rest: tenant),
        "identifier_nil": sync("identifier_nil", identifier=lambda *args: None),
        "lock_key_override": sync("lock_key_override", lock_key=lambda *args: "lock:updates"),
        "timeout_by_argument": sync("timeout_by_argument", timeout=lambda n=0, *rest: n * 2),
    },
    sync_steps(),
    {
        "lock_key_real_run_hash": (
            1,
            without("loner", lambda p: p.work_one()),
            f"{LEAK} of symbols for ever: it looks for it by texts",
        ),
        "loner_dequeued": (1, dequeued, f"{LEAK} after dequeue"),
    },
    {},
    {"loner_delayed": "redis gem 4: both jobs are lost; loner_delayed_redis5 is replayed"},
)


# -- resque-queue-lock


def piled(p: Replay) -> None:
    job(p, "PiledJob", "work", QueueLock())


def removed(p: Replay) -> None:
    p.r.remove_queue("work")
    assert p.state() == {}


PILED_TABLE = Plugged(
    PILED,
    piled,
    better={"queue_lock_remove_queue": (1, removed, f"{LEAK} of a removed queue for ever")},
)


# -- resque-lonely_job


def lonely(**hooks: Any) -> Setup:
    return lambda p: job(p, "LonelyOne", "serial", LonelyJob(requeue_interval=0.01), **hooks)


def lonely_by_tenant(p: Replay) -> None:
    plugin = LonelyJob(redis_key=lambda tenant, *rest: f"lonely_job:tenant:{tenant}")
    job(p, "LonelyOne", "serial", plugin)


DAYS = f"{LEAK} for five days"

LONELY_TABLE = Plugged(
    LONELY,
    lonely(),
    {
        "own_key": lonely_by_tenant,
        "dont_perform": lonely(before_perform_zz=dont_perform),
    },
    {},
    {
        "killed_child": (1, without("lonely", lambda p: p.kill_one()), f"{DAYS} after a kill"),
        "pruned": (2, without("lonely", lambda p: p.prune()), f"{DAYS} after pruning"),
        "dont_perform": (1, without("lonely", lambda p: p.work_one()), f"{DAYS} after DontPerform"),
    },
)

TABLES = (SYNC_TABLE, PILED_TABLE, LONELY_TABLE)


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


def test_a_job_that_dies_does_not_free_the_queue_of_another(enter: Enter) -> None:
    """The lock was taken before the lost job began, so it is not that job's."""
    from compat_tests.golden import Scenario
    from compat_tests.worker_play import Play

    with enter(Scenario("plugins", "lonely", "", now=int(START))) as world:
        p = Replay(world.resque, Play(world, "inline"))
        lonely()(p)
        world.client.set("resque:lonely_job:serial", int(START) - 60 + 5 * 24 * 3600 + 1)
        world.client.rpush("resque:queue:serial", '{"class":"LonelyOne","args":[1]}')
        found = p.r.reserve("serial")
        worker = p.worker("serial")
        p.play.run(worker.register_worker())
        p.play.run(worker.working_on(found))
        p.play.run(worker.unregister_worker())
        assert world.client.exists("resque:lonely_job:serial")
