"""resque-lock, as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.plugin_replay import HOWS, Boom, Plugged, Replay
from pyresque.errors import DontPerform
from pyresque.plugins import Lock
from pyresque.plugins.spellings import spelling

if TYPE_CHECKING:
    from collections.abc import Callable

    from compat_tests.conftest import Enter


def locked(
    hooks: dict[str, Callable[..., Any]] | None = None, *, fails: bool = False, **options: Any
) -> Callable[[Replay], None]:
    """A class LockedJob with these hooks of its own, and these options of its lock."""

    def setup(p: Replay) -> None:
        made = {"perform": p.perform("LockedJob", fails=fails), **(hooks or {})}
        job = type("LockedJob", (), {name: staticmethod(one) for name, one in made.items()})
        p.world.resque.job("LockedJob", queue="work", plugins=[Lock(**options)])(job)

    return setup


def dont_perform(*args: Any) -> None:
    raise DontPerform


def boom(*args: Any) -> None:
    raise Boom("early")


def no_lock(p: Replay) -> None:
    """No lock is left."""
    assert not [key for key in p.state() if "lock:" in key]


def then_no_lock(act: Callable[[Replay], Any]) -> Callable[[Replay], None]:
    def look(p: Replay) -> None:
        act(p)
        no_lock(p)

    return look


def enqueued_by_ruby(arguments: str, payload: str) -> Callable[[Replay], None]:
    """What Ruby leaves where it enqueues symbols."""

    def enqueue(p: Replay) -> None:
        p.world.client.set(f"resque:lock:LockedJob-{arguments}", "1709622429")
        p.world.client.sadd("resque:queues", "work")
        p.world.client.rpush("resque:queue:work", payload)

    return enqueue


def refused(p: Replay) -> None:
    assert p.r.enqueue("LockedJob", 1) is None
    no_lock(p)


def removed(p: Replay) -> None:
    assert p.r.dequeue("LockedJob", 1) == 1
    assert [key for key in p.state() if "lock:" in key] == ["resque:lock:LockedJob-[2]"]
    p.r.remove_queue("work")
    no_lock(p)


def spelled(p: Replay) -> None:
    args = [1, "a", None, 1.5, True, [1, "x"], {"k": 1, "s": "y"}]
    assert f"lock:LockedJob-{spelling(args)}" == (
        'lock:LockedJob-[1, "a", nil, 1.5, true, [1, "x"], {"k"=>1, "s"=>"y"}]'
    )


PERFORMED = then_no_lock(lambda p: p.work_one())
LEAK = "Ruby leaves the lock for an hour"

TABLE = Plugged(
    "resque-lock",
    locked(),
    {
        "own_key_and_timeout": locked(lock=lambda *args: "network-graph", timeout=10),
        "dont_perform": locked({"before_perform_no": dont_perform}),
        "before_perform_fails": locked({"before_perform_no": boom}),
        "other_hook_refuses": locked({"before_enqueue_zz": lambda *args: False}),
        "failed_requeue": locked(fails=True),
    },
    {
        ("key_from_arguments", 0): spelled,
        ("symbol_argument_never_released", 0): enqueued_by_ruby(
            "[:a]", '{"class":"LockedJob","args":["a"]}'
        ),
        ("hash_argument_never_released", 0): enqueued_by_ruby(
            "[{:id=>1}]", '{"class":"LockedJob","args":[{"id":1}]}'
        ),
    },
    {
        "symbol_argument_never_released": (1, PERFORMED, f"{LEAK}: it knows the symbol no more"),
        "hash_argument_never_released": (1, PERFORMED, f"{LEAK}: it knows the symbol no more"),
        "killed_child": (1, then_no_lock(lambda p: p.kill_one()), f"{LEAK} after a kill"),
        "pruned": (2, then_no_lock(lambda p: p.prune()), f"{LEAK} after pruning"),
        "dont_perform": (1, PERFORMED, f"{LEAK} after DontPerform"),
        "before_perform_fails": (1, PERFORMED, f"{LEAK} after an error before the work"),
        "other_hook_refuses": (0, refused, f"{LEAK} of a job that was never queued"),
        "dequeue_and_remove_queue": (1, removed, f"{LEAK} after dequeue and with its queue"),
    },
    {},
    {
        "delayed_job": "redis gem 4: both copies get in; delayed_redis5 is replayed",
    },
)


def coverage() -> tuple[str, int, int]:
    return TABLE.coverage()


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", TABLE.replayed)
def test_replay(name: str, how: str, enter: Enter) -> None:
    TABLE.run(name, how, enter)


def test_every_table_names_what_is_recorded() -> None:
    TABLE.check()
