"""resque-retry, as recorded: counters, delays, callbacks, and failures that are kept aside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.plugin_replay import HOWS, START, Boom, Plugged, Replay, scenarios
from compat_tests.ruby_steps import parse_values
from pyresque.errors import DirtyExit, DontPerform, JobOptionError
from pyresque.failure.base import Multiple
from pyresque.failure.redis import RedisBackend, RedisMultiQueueBackend
from pyresque.job.job_class import JobClass
from pyresque.job.plugin import PluginJob
from pyresque.plugins import Retry

if TYPE_CHECKING:
    from collections.abc import Callable

    from compat_tests.conftest import Enter
    from compat_tests.plugin_replay import Setup


class OtherBoom(Boom):
    """A kind of Boom."""


class RubyIOError(Exception):
    """Ruby's IOError."""

    ruby_name = "IOError"


PLUGIN = "resque-retry"
KEY = "resque:resque-retry:FlakyJob:356a192b7913b04c54574d18c28d46e6395428ab"


def flaky(
    *raises: BaseException | None,
    hooks: dict[str, Callable[..., Any]] | None = None,
    queue: str | None = "work",
    name: str = "FlakyJob",
    more: Setup | None = None,
    change: Callable[[Any], Any] | None = None,
    **options: Any,
) -> Setup:
    """A class FlakyJob with these options of its plugin. It raises these errors in turn, the last one again and again."""

    def setup(p: Replay) -> None:
        left = list(raises or (Boom("boom"),))
        given = {key: one(p) if key.startswith("on_") else one for key, one in options.items()}

        def perform(*args: Any) -> None:
            p.snap(name, args)
            if change is not None:
                change(args)
            if args and args[-1] == "die":
                p.dies()
            error = left.pop(0) if len(left) > 1 else left[0]
            if error is not None:
                raise error

        made = {name: one(p) for name, one in (hooks or {}).items()}
        job = type(
            name,
            (),
            {"perform": staticmethod(perform), **{n: staticmethod(one) for n, one in made.items()}},
        )
        p.world.resque.job(name, queue=queue, plugins=[Retry(**given)])(job)
        if more is not None:
            more(p)

    return setup


def noted(what: str, *, snaps: bool = False) -> Callable[[Replay], Callable[..., Any]]:
    """A callback that notes itself."""

    def made(p: Replay) -> Callable[..., Any]:
        def note(error: BaseException, *args: Any) -> None:
            if snaps:
                p.snap(what, args)
            else:
                p.note(what, args)

        return note

    return made


def raising(error: BaseException) -> Callable[[Replay], Callable[..., Any]]:
    def made(p: Replay) -> Callable[..., Any]:
        def hook(*args: Any) -> None:
            raise error

        return hook

    return made


def saying_no(p: Replay) -> Callable[..., bool]:
    return lambda *args: False


def plain_job(p: Replay) -> None:
    def perform(x: Any) -> None:
        raise Boom("boom")

    p.world.resque.job("PlainJob", queue="work")(perform)


def backup(p: Replay) -> None:
    p.world.resque.job("BackupJob", queue="backup")(p.perform("BackupJob"))


def backup_that_retries(p: Replay) -> None:
    flaky(name="BackupJob", limit=1)(p)


def two_backends(p: Replay) -> None:
    flaky(limit=1, suppress=True)(p)
    core = p.world.resque.core
    parts = (core.failed_table, core.codec, core.clock)
    core.failures = Multiple([RedisBackend(*parts), RedisMultiQueueBackend(*parts)])


def asked(p: Replay) -> Callable[..., Any]:
    return lambda error, *args: p.note("asked", args)


def checks_that_note(p: Replay) -> None:
    def first(error: BaseException, *args: Any) -> bool:
        p.note("first", args)
        return False

    def maybe(error: BaseException, *args: Any) -> bool:
        p.note("maybe", args)
        return str(error) == "boom"

    flaky(limit=2, delay=4, retry_on=[], check=[first, maybe])(p)


def check_not_asked(p: Replay) -> None:
    flaky(limit=1, check=asked(p))(p)


def two_callbacks(p: Replay) -> None:
    def again2(error: BaseException, *args: Any) -> None:
        p.note("again2", [str(error), *args])

    again = noted("again", snaps=True)(p)
    flaky(
        limit=1,
        on_retry=lambda p: [again, again2],
        on_give_up=noted("over", snaps=True),
    )(p)


# -- steps


def key_step(ruby: str, result: str) -> Callable[[Replay], None]:
    """``FlakyJob.redis_retry_key(...)``."""
    found = re.fullmatch(r"([\w:]+)\.redis_retry_key\((.*)\)", ruby)
    assert found

    def ask(p: Replay) -> None:
        plugin = Retry(identifier=(lambda *args: args[-1]) if found[1] == "OwnJob" else None)
        context = p.world.resque.core.registry.plugin_context()
        job = PluginJob(
            context, JobClass(found[1], None, None), "work", parse_values(found[2], START)
        )
        assert plugin.key(job).decode() == f"resque:{result}"

    return ask


def counter(value: str) -> Callable[[Replay], None]:
    def write(p: Replay) -> None:
        p.world.client.set(KEY, value)
        p.r.enqueue("FlakyJob", 1)

    return write


def inline(p: Replay) -> None:
    jobs = p.r._target.core.jobs if hasattr(p.r, "_target") else p.r.core.jobs
    jobs.inline = True
    with pytest.raises(Boom):
        p.r.enqueue("FlakyJob", 1)
    jobs.inline = False


def refuses(**options: Any) -> Callable[[Replay], None]:
    def make(p: Replay) -> None:
        with pytest.raises(JobOptionError):
            Retry(**options)

    return make


# -- where ours does otherwise


def counters(p: Replay) -> dict[str, str]:
    return {
        key.partition("resque-retry:")[2]: entry["value"]
        for key, entry in p.state().items()
        if key.startswith("resque:resque-retry:")
    }


def then(
    number: int, *, failed: int = 1, queues: dict[str, int] | None = None, ttl: int = 0
) -> Callable[[Replay], None]:
    """After the job: how many counters there are, failed records, and jobs."""

    def look(p: Replay) -> None:
        p.work_one()
        assert len(counters(p)) == number, counters(p)
        assert len(p.state().get("resque:failed", {"value": []})["value"]) == failed
        for queue, size in (queues or {}).items():
            assert p.r.size(queue) == size
        if ttl:
            assert (
                ttl - 3
                <= p.state()[next(k for k in p.state() if "resque-retry:" in k)]["ttl"]
                <= ttl
            )

    return look


def carried_over(p: Replay) -> None:
    p.work_one()
    assert list(counters(p).values()) == ["0"]
    p.work_one()
    assert list(counters(p).values()) == ["1"]
    p.work_one()
    assert counters(p) == {}
    assert p.r.size("work") == 0


def same_arguments(p: Replay) -> None:
    p.work_one()
    assert list(counters(p).values()) == ["0"]
    assert [job.args for job in p.r.peek("work")] == [(["a"],)]


def steps() -> dict[tuple[str, int], Callable[[Replay], Any]]:
    found: dict[tuple[str, int], Callable[[Replay], Any]] = {
        ("killed_child", 1): lambda p: p.fail_reserved(),
        ("killed_child_second_round", 1): lambda p: p.fail_reserved(
            lambda: p.world.client.incr(KEY)
        ),
        ("counter_left_by_other", 0): counter("4"),
        ("counter_not_a_number", 0): counter("x"),
        ("inline", 0): inline,
        ("ambiguous_configuration", 0): refuses(retry_on=[Boom], give_up_on=[RubyIOError]),
        ("backoff_bad_multiplicands", 0): refuses(backoff="exponential", jitter=(2.0, 1.0)),
    }
    for name, row in scenarios(PLUGIN).items():
        for number, step in enumerate(row["steps"]):
            if step["ruby"].split("(")[0].endswith(".redis_retry_key"):
                found[name, number] = key_step(step["ruby"], step["result"])
            elif "redis_retry_key" in step["ruby"] and (name, number) not in found:
                found[name, number] = counter("0")
    return found


def boom() -> Boom:
    return Boom("boom")


SUPPRESSED = {"suppress": True}
MULTIPLIED = {"jitter": (1.5, 1.5)}
BACKOFF = {"backoff": "exponential"}

SETUPS: dict[str, Setup] = {
    "retry_key_real_run_hash": flaky(limit=2, delay=10),
    "success_clears_key": flaky(None),
    "delayed_three_rounds": flaky(limit=2, delay=60),
    "delayed_with_suppression": flaky(limit=2, delay=60, suppress=True),
    "suppression_no_delay": flaky(limit=1, suppress=True),
    "suppression_then_success": flaky(boom(), None, limit=3, delay=30, suppress=True),
    "suppression_plain_job": plain_job,
    "suppression_unknown_class": lambda p: None,
    "expire_retry_key_after": flaky(limit=3, delay=100, expire=50),
    "limit_zero": flaky(limit=0),
    "limit_unbounded": flaky(limit=-1),
    "retry_exceptions_match": flaky(OtherBoom("sub"), limit=2, delay=5, retry_on=[Boom]),
    "retry_exceptions_other": flaky(limit=2, retry_on=[RubyIOError]),
    "fatal_exceptions": flaky(limit=2, give_up_on=[Boom]),
    "exceptions_hash_delays": flaky(delay={Boom: [7, 19], RubyIOError: 3}),
    "ignore_exceptions": flaky(limit=1, delay=4, ignore=[Boom]),
    "criteria_check": flaky(
        limit=2,
        delay=4,
        retry_on=[RubyIOError],
        check=lambda error, *args: str(error) == "boom" and args == (1,),
    ),
    "retry_queue": flaky(limit=2, delay=4, queue="work"),
    "retry_args_changed": flaky(limit=2, args=lambda error, n: [n + 1]),
    "job_delegate": flaky(limit=2, delay=4, delegate="BackupJob", more=backup),
    "callbacks": flaky(limit=1, on_retry=noted("try_again"), on_give_up=noted("give_up")),
    "backoff_default": flaky(backoff="exponential"),
    "backoff_custom": flaky(delay=[10, 20]),
    "backoff_longer_limit": flaky(delay=[10, 20], limit=5),
    "backoff_multiplicand_fixed": flaky(delay=[10, 20], jitter=(1.5, 1.5)),
    "backoff_multiplicand_range": flaky(
        delay=[1000], jitter=(0.5, 2.0), random=lambda: 1.4995 / 1.5
    ),
    "killed_child": flaky(limit=2, delay=5),
    "killed_child_second_round": flaky(limit=2, delay=5),
    "two_jobs_same_digest": flaky(limit=5, delay=9),
    "inline": flaky(limit=5),
    "killed_child_first_attempt": flaky(None, limit=2, delay=5),
    "killed_child_limit_one": flaky(None, limit=1),
    "killed_child_suppression": flaky(None, limit=1, delay=8, suppress=True),
    "killed_child_ignored": flaky(None, limit=1, ignore=[DirtyExit]),
    "killed_child_exception_list": flaky(None, limit=3, retry_on=[Boom]),
    "killed_child_backoff": flaky(None, backoff="exponential"),
    "pruned_first_attempt": flaky(None, limit=1, delay=5),
    "pruned_exception_list": flaky(None, limit=2, delay={DirtyExit: 44, Boom: 3}),
    "pruned_ignored_class": flaky(None, limit=1, ignore=[DirtyExit]),
    "ignored_subclass_counts": flaky(OtherBoom("sub"), limit=2, delay=4, ignore=[Boom]),
    "ignored_then_real": flaky(RubyIOError("x"), Boom("x"), limit=1, ignore=[RubyIOError]),
    "ignored_with_limit_zero": flaky(limit=0, ignore=[Boom]),
    "ignored_outside_retry_list": flaky(limit=2, retry_on=[RubyIOError], ignore=[Boom]),
    "fatal_subclass": flaky(OtherBoom("sub"), limit=2, give_up_on=[Boom]),
    "fatal_other": flaky(limit=2, delay=3, give_up_on=[RubyIOError]),
    "fatal_suppression": flaky(
        Boom("x"), RubyIOError("x"), limit=5, delay=9, give_up_on=[RubyIOError], suppress=True
    ),
    "fatal_but_criteria": flaky(
        limit=2, delay=4, give_up_on=[Boom], check=lambda error, *args: True
    ),
    "exceptions_hash_scalar": flaky(delay={Boom: 6, RubyIOError: 60}),
    "exceptions_hash_limit_given": flaky(limit=3, delay={Boom: [3, 5]}),
    "exceptions_hash_most_general": flaky(
        OtherBoom("x"), limit=3, delay={OtherBoom: 11, Exception: 22}
    ),
    "exceptions_hash_two_ancestors": flaky(
        OtherBoom("x"), limit=3, delay={Exception: 22, Boom: 11}
    ),
    "exceptions_hash_not_listed": flaky(delay={RubyIOError: [1, 2]}),
    "exceptions_hash_two_kinds_in_turn": flaky(
        Boom("x"), RubyIOError("x"), delay={Boom: [3, 5], RubyIOError: [30, 50]}
    ),
    "criteria_no": flaky(
        limit=2, delay=4, retry_on=[RubyIOError], check=lambda error, *args: args == (1,)
    ),
    "criteria_symbol_and_several": checks_that_note,
    "criteria_not_asked": check_not_asked,
    "callbacks_symbol_order": two_callbacks,
    "callback_raises": flaky(limit=2, on_retry=raising(RubyIOError("in callback"))),
    "give_up_callback_suppression": flaky(
        limit=1, delay=7, suppress=True, on_give_up=noted("give_up", snaps=True)
    ),
    "expire_key_backoff": flaky(backoff="exponential", expire=40),
    "expire_key_exception_hash": flaky(delay={Boom: [100, 200]}, expire=40),
    "expire_key_first_argument_names_a_class": flaky(delay={Boom: [100, 200]}, expire=40),
    "expire_key_success": flaky(None, expire=40),
    "delegate_no_delay": flaky(limit=2, delegate="BackupJob", more=backup),
    "delegate_retries_itself": flaky(limit=1, delegate="BackupJob", more=backup_that_retries),
    "delegate_suppression": flaky(
        limit=2, delay=4, suppress=True, delegate="BackupJob", more=backup
    ),
    "args_for_exception": flaky(limit=2, args=lambda error, *args: [type(error).__name__, *args]),
    "args_with_stable_identifier": flaky(
        limit=2,
        args=lambda error, name, n: [name, n + 1],
        identifier=lambda name, *rest: name,
    ),
    "args_mutated_by_perform": flaky(None, limit=2, change=lambda args: args[0].append("b")),
    "args_mutated_then_failing": flaky(limit=2, change=lambda args: args[0].append("b")),
    "delay_by_arguments": flaky(limit=1, delay=lambda error, *args: args[0] * 10, suppress=True),
    "sleep_after_requeue": flaky(limit=1, sleep=0.01),
    "other_queue_is_forgotten": flaky(limit=1),
    "other_queue_is_forgotten_delayed": flaky(limit=1, delay=10),
    "class_without_queue": flaky(limit=1, queue=None),
    "before_enqueue_veto": flaky(limit=1, suppress=True, hooks={"before_enqueue_no": saying_no}),
    "earlier_before_hook_fails": flaky(limit=2, hooks={"before_perform_a": raising(Boom("early"))}),
    "dont_perform": flaky(limit=2, hooks={"before_perform_zz": raising(DontPerform())}),
    "unbounded_delayed": flaky(limit=-1, delay=2, suppress=True),
    "subclass_options_not_inherited": flaky(name="SubJob", on_give_up=noted("give_up")),
    "requeued_after_give_up": flaky(limit=1),
    "counter_left_by_other": flaky(limit=5, delay=10),
    "counter_not_a_number": flaky(limit=5, delay=10),
    "backoff_fraction": flaky(delay=[7], jitter=(0.9, 0.9)),
    "ignored_waits_the_last_delay": flaky(delay=[5, 15, 45], ignore=[Boom]),
    "backoff_suppression": flaky(backoff="exponential", suppress=True),
    "suppression_two_backends": two_backends,
}


def retry_queue(p: Replay) -> None:
    def perform(*args: Any) -> None:
        p.snap("FlakyJob", args)
        raise Boom("boom")

    plugin = Retry(limit=2, delay=4, queue=lambda error, *args: "second_chance")
    p.world.resque.job("FlakyJob", queue="work", plugins=[plugin])(perform)


SETUPS["retry_queue"] = retry_queue

LEAK = "Ruby leaves the counter behind"
BETTER: dict[str, tuple[int, Callable[[Replay], None], str]] = {
    "retry_args_changed": (
        1,
        carried_over,
        "Ruby begins a count for each list of arguments, so that it never gives up",
    ),
    "args_for_exception": (
        1,
        carried_over,
        "Ruby begins a count for each list of arguments, so that it never gives up",
    ),
    "callback_raises": (1, then(0), f"{LEAK} where a callback raises"),
    "expire_key_exception_hash": (1, then(1, ttl=140), "Ruby's counter expires before the retry"),
    "expire_key_first_argument_names_a_class": (
        1,
        then(1, ttl=140),
        "in Ruby the first argument chooses how long the counter lives",
    ),
    "args_mutated_by_perform": (
        1,
        then(0, failed=0),
        f"{LEAK}: it looks for it by the changed arguments",
    ),
    "args_mutated_then_failing": (
        1,
        same_arguments,
        f"{LEAK}, and retries with the changed arguments",
    ),
    "class_without_queue": (
        1,
        then(1, queues={"urgent": 1}),
        "Ruby loses the retry: the class has no queue",
    ),
    "before_enqueue_veto": (1, then(0), "Ruby loses the job: nothing is recorded"),
    "dont_perform": (1, then(0, failed=0), f"{LEAK} after DontPerform"),
    "counter_not_a_number": (
        1,
        lambda p: (p.work_one(), counters(p))[0],
        "Ruby never performs the job again",
    ),
}

TABLE = Plugged(PLUGIN, flaky(), SETUPS, steps(), BETTER)


def coverage() -> tuple[str, int, int]:
    return TABLE.coverage()


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", TABLE.replayed)
def test_replay(name: str, how: str, enter: Enter) -> None:
    TABLE.run(name, how, enter)


def test_every_table_names_what_is_recorded() -> None:
    TABLE.check()
