"""Delayed jobs as Ruby's own recordings have them: enqueue later, look, find, remove, enqueue now, and the move to the queues."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests import scheduled_jobs
from compat_tests.golden import NOW, elements, older, put_state, scenarios
from compat_tests.replay import FACES, Otherwise, Play, Replays
from pyresque.errors import NoQueueError, TimestampError

if TYPE_CHECKING:
    from compat_tests.conftest import Enter
    from compat_tests.world import World
    from pyresque.job.job import Job

AT = 1772370000
DAY = datetime(2026, 3, 2, tzinfo=timezone.utc)

#: Our call with the scenario's jobs at hand: a face, the jobs' classes, the world.
Call = Callable[[Any, SimpleNamespace, "World"], Any]


def staged(call: Call) -> Play:
    """With the scheduler's jobs registered, and the clock at what the scenario's set-up turned it to."""

    def play(r: Any, w: World) -> Any:
        later = re.search(r"\$fake_now = (\d+)", w.scenario.setup)
        if later:
            w.clock.now = int(later[1])
        jobs = scheduled_jobs.register(w)
        return call(r, SimpleNamespace(**{**vars(w.jobs), **vars(jobs)}), w)

    return play


def payloads(jobs: list[Job]) -> list[Any]:
    return [json.loads(job.raw) for job in jobs]


def raws(jobs: list[Job]) -> list[str]:
    return [job.raw.decode() for job in jobs]


def in_turn(*given: Any) -> Any:
    return given[-1]


def is_one(args: Any) -> bool:
    return bool(args[0] == 1)


def moved(r: Any, j: SimpleNamespace, w: World) -> None:
    r.move_due()


# -- what Ruby refuses, in Ruby's words: the class it names must be one that Python has, too

CALLS: dict[str, Call] = {
    "enqueue_at": lambda r, j, w: r.enqueue_at(AT, j.LowJob, 1, "x"),
    "enqueue_at_time": lambda r, j, w: r.enqueue_at(
        datetime.fromtimestamp(AT, timezone.utc), j.LowJob, 1
    ),
    "enqueue_at_time_with_fraction": lambda r, j, w: r.enqueue_at(
        datetime.fromtimestamp(AT, timezone(timedelta(hours=-5))) + timedelta(seconds=0.999),
        j.LowJob,
        1,
    ),
    "enqueue_at_float": lambda r, j, w: r.enqueue_at(AT + 0.9, j.LowJob, 1),
    "enqueue_at_string": lambda r, j, w: r.enqueue_at(str(AT), j.LowJob, 1),
    "enqueue_at_now": lambda r, j, w: r.enqueue_at(NOW, j.LowJob, 1),
    "enqueue_at_now_plus_one": lambda r, j, w: r.enqueue_at(NOW + 1, j.LowJob, 1),
    "enqueue_at_past": lambda r, j, w: r.enqueue_at(NOW - 100, j.LowJob, 1),
    "enqueue_at_negative": lambda r, j, w: r.enqueue_at(-5, j.LowJob, 1),
    "enqueue_at_far_future": lambda r, j, w: r.enqueue_at(99999999999, j.LowJob, 1),
    "enqueue_at_no_args": lambda r, j, w: r.enqueue_at(AT, j.LowJob),
    "enqueue_at_hash_arg": lambda r, j, w: r.enqueue_at(AT, j.LowJob, a=1, b=[None]),
    "enqueue_at_same_job_same_time": lambda r, j, w: in_turn(
        r.enqueue_at(AT, j.LowJob, 1), r.enqueue_at(AT, j.LowJob, 1)
    ),
    "enqueue_at_same_job_two_times": lambda r, j, w: in_turn(
        r.enqueue_at(AT, j.LowJob, 1), r.enqueue_at(AT + 1, j.LowJob, 1)
    ),
    "enqueue_at_queue_method": lambda r, j, w: r.enqueue_at(AT, j.QueueMethodJob, 1),
    "enqueue_at_no_queue": lambda r, j, w: r.enqueue_at(AT, j.NoQueueJob, 1),
    "enqueue_at_nil_class": lambda r, j, w: r.enqueue_at(AT, "", 1),
    "enqueue_at_unicode": lambda r, j, w: r.enqueue_at(AT, j.LowJob, "caf\u00e9 \U0001f600"),
    "enqueue_at_with_queue": lambda r, j, w: r.enqueue_at_with_queue("other", AT, j.LowJob, 1),
    "enqueue_at_with_queue_symbol": lambda r, j, w: r.enqueue_at(AT, j.LowJob, 1, queue="other"),
    "enqueue_at_with_queue_class_without_queue": lambda r, j, w: r.enqueue_at_with_queue(
        "other", AT, j.NoQueueJob, 1
    ),
    "enqueue_at_with_queue_string_class": lambda r, j, w: r.enqueue_at_with_queue(
        "other", AT, "Remote::Job", 1
    ),
    "enqueue_at_with_queue_nil_queue": lambda r, j, w: r.enqueue_at_with_queue(
        None, AT, j.LowJob, 1
    ),
    "enqueue_at_with_queue_past": lambda r, j, w: r.enqueue_at_with_queue(
        "other", NOW - 1, j.LowJob, 1
    ),
    "enqueue_in": lambda r, j, w: r.enqueue_in(timedelta(minutes=1), j.LowJob, 1),
    "enqueue_in_float": lambda r, j, w: r.enqueue_in(0.5, j.LowJob, 1),
    "enqueue_in_one_and_a_half": lambda r, j, w: r.enqueue_in(1.5, j.LowJob, 1),
    "enqueue_in_zero": lambda r, j, w: r.enqueue_in(0, j.LowJob, 1),
    "enqueue_in_negative": lambda r, j, w: r.enqueue_in(-10, j.LowJob, 1),
    "enqueue_in_string": lambda r, j, w: r.enqueue_in("60", j.LowJob, 1),
    "enqueue_in_nil": lambda r, j, w: r.enqueue_in(None, j.LowJob, 1),
    "enqueue_in_with_queue": lambda r, j, w: r.enqueue_in_with_queue("other", 60, j.LowJob, 1),
    "enqueue_in_with_queue_string": lambda r, j, w: r.enqueue_in_with_queue(
        "other", "60", j.LowJob, 1
    ),
    "enqueue_at_custom_class": lambda r, j, w: r.enqueue_at(AT, j.ScheduledJob, 1),
    "enqueue_at_custom_class_past": lambda r, j, w: r.enqueue_at(NOW - 1, j.ScheduledJob, 1),
    "enqueue_at_inline": lambda r, j, w: r.enqueue_at(AT, j.LowJob, 1),
    "enqueue_at_namespace": lambda r, j, w: r.enqueue_at(AT, j.LowJob, 1),
    "hooks_before_after_schedule": lambda r, j, w: r.enqueue_at(AT, j.ScheduleHooksJob, 1),
    "hooks_before_schedule_veto": lambda r, j, w: r.enqueue_at(AT, j.ScheduleHooksJob, "veto"),
    "hooks_past_timestamp": lambda r, j, w: r.enqueue_at(NOW - 1, j.ScheduleHooksJob, 1),
    "hooks_past_timestamp_enqueue_veto": lambda r, j, w: r.enqueue_at(
        NOW - 1, j.ScheduleHooksJob, "veto_enqueue"
    ),
    "delayed_push": lambda r, j, w: r.delayed_push(AT, {"class": "X", "args": [1], "more": 1}),
    "delayed_push_existing_time": lambda r, j, w: r.delayed_push(AT, {"class": "X", "args": [2]}),
    # -- looking
    "peek_schedule": lambda r, j, w: [
        r.delayed_queue_peek(*asked) for asked in ((0, 10), (0, 1), (1, 1), (5, 5), (0, 0))
    ],
    "schedule_size": lambda r, j, w: [
        r.delayed_queue_schedule_size(),
        *(r.delayed_timestamp_size(at) for at in (AT, AT + 60, 1)),
    ],
    "timestamp_peek_one": lambda r, j, w: payloads(r.delayed_timestamp_peek(AT, 0, 1)),
    "timestamp_peek_many": lambda r, j, w: payloads(r.delayed_timestamp_peek(AT, 0, 10)),
    "timestamp_peek_offset": lambda r, j, w: payloads(r.delayed_timestamp_peek(AT, 1, 2)),
    "timestamp_peek_missing": lambda r, j, w: [
        r.delayed_timestamp_peek(1, 0, 1),
        r.delayed_timestamp_peek(1, 0, 5),
    ],
    "scheduled_at": lambda r, j, w: [
        r.scheduled_at(j.LowJob, 1),
        r.scheduled_at(j.LowJob, 2),
        r.scheduled_at(j.LowJob),
        r.is_delayed(j.LowJob, 1),
        r.is_delayed(j.LowJob, 9),
    ],
    "scheduled_at_other_queue_only": lambda r, j, w: [
        r.scheduled_at(j.LowJob, 1),
        r.is_delayed(j.LowJob, 1),
    ],
    "count_all_scheduled_jobs": lambda r, j, w: r.count_all_scheduled_jobs(),
    "count_all_scheduled_jobs_empty": lambda r, j, w: r.count_all_scheduled_jobs(),
    "next_delayed_timestamp_none_due": lambda r, j, w: r.next_delayed_timestamp(),
    "next_delayed_timestamp_due": lambda r, j, w: [
        r.next_delayed_timestamp(AT),
        r.next_delayed_timestamp(datetime.fromtimestamp(AT + 99, timezone.utc)),
        r.next_delayed_timestamp(AT - 1),
    ],
    "next_delayed_timestamp_now": lambda r, j, w: r.next_delayed_timestamp(),
    "next_item_for_timestamp": lambda r, j, w: r.next_item_for_timestamp(AT),
    "next_item_for_timestamp_last": lambda r, j, w: r.next_item_for_timestamp(AT + 60),
    "next_item_for_timestamp_missing": lambda r, j, w: r.next_item_for_timestamp(1),
    "find_delayed_selection": lambda r, j, w: raws(r.find_delayed_selection(is_one)),
    "find_delayed_selection_class": lambda r, j, w: raws(
        r.find_delayed_selection(lambda args: True, j.HighJob)
    ),
    "last_enqueued_at": lambda r, j, w: in_turn(
        r.last_enqueued_at("job", "2026-03-01 12:00:00 +0000"), r.get_last_enqueued_at("job")
    ),
    "last_enqueued_at_none": lambda r, j, w: r.get_last_enqueued_at("job"),
    # -- removing
    "remove_delayed": lambda r, j, w: r.remove_delayed(j.LowJob, 1),
    "remove_delayed_all_of_time": lambda r, j, w: in_turn(
        r.remove_delayed(j.LowJob, 1),
        [r.delayed_queue_schedule_size(), r.count_all_scheduled_jobs()],
    ),
    "remove_delayed_duplicates": lambda r, j, w: r.remove_delayed(j.LowJob, 1),
    "remove_delayed_no_match": lambda r, j, w: r.remove_delayed(j.LowJob, 99),
    "remove_delayed_class_without_queue": lambda r, j, w: r.remove_delayed(j.NoQueueJob, 1),
    "remove_delayed_inline": lambda r, j, w: r.remove_delayed(j.LowJob, 1),
    "remove_delayed_in_queue": lambda r, j, w: r.remove_delayed_in_queue(j.LowJob, "other", 1),
    "remove_delayed_in_queue_symbol": lambda r, j, w: r.remove_delayed(j.LowJob, 1, queue="other"),
    "remove_delayed_selection": lambda r, j, w: r.remove_delayed_selection(is_one),
    "remove_delayed_selection_class": lambda r, j, w: r.remove_delayed_selection(
        lambda args: args[0] == 2, j.LowJob
    ),
    "remove_delayed_selection_none": lambda r, j, w: r.remove_delayed_selection(lambda args: False),
    "remove_delayed_job_from_timestamp": lambda r, j, w: r.remove_delayed_job_from_timestamp(
        AT, j.LowJob, 1
    ),
    "remove_delayed_job_from_timestamp_last": lambda r, j, w: r.remove_delayed_job_from_timestamp(
        AT + 60, j.LowJob, 1
    ),
    "remove_delayed_job_from_timestamp_none": lambda r, j, w: r.remove_delayed_job_from_timestamp(
        5, j.LowJob, 1
    ),
    "reset_delayed_queue": lambda r, j, w: r.reset_delayed_queue(),
    "reset_delayed_queue_empty": lambda r, j, w: r.reset_delayed_queue(),
    "reset_delayed_queue_timestamp_without_items": lambda r, j, w: r.reset_delayed_queue(),
    "clean_up_timestamp_empty": lambda r, j, w: r.clean_up_timestamp(5),
    "clean_up_timestamp_not_empty": lambda r, j, w: r.clean_up_timestamp(AT),
    # -- enqueueing now, or at another time
    "enqueue_delayed": lambda r, j, w: r.enqueue_delayed(j.LowJob, 1),
    "enqueue_delayed_no_match": lambda r, j, w: r.enqueue_delayed(j.LowJob, 9),
    "enqueue_delayed_with_queue": lambda r, j, w: r.enqueue_delayed_with_queue(
        j.LowJob, "other", 1
    ),
    "enqueue_delayed_selection": lambda r, j, w: r.enqueue_delayed_selection(is_one),
    "enqueue_delayed_selection_two_times": lambda r, j, w: r.enqueue_delayed_selection(
        lambda args: True
    ),
    "enqueue_delayed_hooks": lambda r, j, w: r.enqueue_delayed(j.ScheduleHooksJob, 1),
    "delay_or_enqueue_at_existing": lambda r, j, w: r.delay_or_enqueue_at(AT + 500, j.LowJob, 1),
    "delay_or_enqueue_at_new": lambda r, j, w: r.delay_or_enqueue_at(AT + 500, j.LowJob, 1),
    "delay_or_enqueue_at_past": lambda r, j, w: r.delay_or_enqueue_at(NOW - 5, j.LowJob, 1),
    "delay_or_enqueue_in": lambda r, j, w: r.delay_or_enqueue_in(10, j.LowJob, 1),
    # -- the move
    "handle_at_given_time": lambda r, j, w: in_turn(r.move_due(AT), None),
    "enqueue_next_item": lambda r, j, w: r.enqueue_next_item(AT),
    **dict.fromkeys(
        (
            "handle_nothing",
            "handle_none_due",
            "handle_one",
            "handle_several",
            "handle_same_job_two_times_due",
            "handle_duplicate_in_one_time",
            "handle_unknown_class",
            "handle_known_class_no_queue_key",
            "handle_no_class",
            "handle_args_hash",
            "handle_args_null",
            "handle_args_string",
            "handle_hooks",
            "handle_hooks_schedule_veto",
            "handle_hooks_delayed_veto_has_no_effect",
            "handle_hooks_enqueue_veto",
            "handle_custom_class_scheduled",
            "handle_custom_job_class_key",
            "handle_stale_timestamp",
            "handle_batch_size_two_of_three",
            "handle_batch_size_exact",
            "handle_more_than_100",
            "handle_exactly_100",
            "handle_race_new_item_while_handling",
            "handle_race_list_deleted_while_handling",
            "handle_namespace",
        ),
        moved,
    ),
}

OTHERWISE: dict[str, Otherwise] = {
    "clean_up_timestamp_empty": Otherwise(True, "Ruby gives the replies of its transaction"),
    "clean_up_timestamp_not_empty": Otherwise(False, "Ruby gives the reply of UNWATCH"),
}


# -- where Ruby loses, stops or mistakes ---------------------------------------------------------------


def refuses(*times: Any) -> Call:
    def call(r: Any, j: SimpleNamespace, w: World) -> None:
        for when in times:
            with pytest.raises(TimestampError):
                r.enqueue_at(when, j.LowJob, 1)
        assert w.state() == {}

    return call


def takes_a_date_with_a_zone(r: Any, j: SimpleNamespace, w: World) -> None:
    assert r.enqueue_at(DAY, j.LowJob, 1) is True
    assert r.delayed_queue_peek(0, 9) == [1772409600]
    with pytest.raises(TimestampError, match="has no time zone"):
        r.enqueue_at(DAY.replace(tzinfo=None), j.LowJob, 1)
    assert r.count_all_scheduled_jobs() == 1


def knows_the_name(r: Any, j: SimpleNamespace, w: World) -> None:
    assert r.enqueue_at(AT, "LowJob", 1) is True
    assert raws(r.delayed_timestamp_peek(AT, 0, 9)) == [
        '{"class":"LowJob","args":[1],"queue":"low"}'
    ]
    with pytest.raises(NoQueueError, match="No queue could be inferred for class OnlyRubys"):
        r.enqueue_at(AT, "OnlyRubys", 1)


def removes_by_name(r: Any, j: SimpleNamespace, w: World) -> None:
    assert r.remove_delayed("LowJob", 1) == 2
    assert r.count_all_scheduled_jobs() == 2


def removes_every_spelling(r: Any, j: SimpleNamespace, w: World) -> None:
    assert r.is_delayed(j.LowJob, 1)
    assert r.remove_delayed(j.LowJob, 1) == 1
    assert r.count_all_scheduled_jobs() == 0


def needs_a_note_of_what(name: str) -> Call:
    def call(r: Any, j: SimpleNamespace, w: World) -> None:
        before = w.state()
        with pytest.raises(TypeError, match="wanted"):
            getattr(r, name)()
        assert w.state() == before

    return call


def removes_what_it_can_read(r: Any, j: SimpleNamespace, w: World) -> None:
    assert r.remove_delayed_selection(lambda args: True) == 4
    assert raws(r.delayed_timestamp_peek(AT, 0, 9)) == ["{bad"]


def enqueues_for_another_application(r: Any, j: SimpleNamespace, w: World) -> None:
    assert r.enqueue_delayed_selection(lambda args: True) == 1
    assert raws(r.peek("q", 0, 9)) == ['{"class":"Gone::Job","args":[1]}']
    assert r.count_all_scheduled_jobs() == 0


def enqueues_to_its_own_queue(r: Any, j: SimpleNamespace, w: World) -> None:
    assert r.enqueue_delayed_selection(lambda args: True) == 1
    assert raws(r.peek("low", 0, 9)) == ['{"class":"LowJob","args":[1]}']
    assert r.count_all_scheduled_jobs() == 0


def stops_between_two_batches(r: Any, j: SimpleNamespace, w: World) -> None:
    before = w.state()

    async def never() -> bool:
        return False

    assert r.move_due(AT + 60, never) == 0
    assert w.state() == before


def keeps_what_it_does_not_know(r: Any, j: SimpleNamespace, w: World) -> None:
    assert r.move_due() == 1
    assert raws(r.peek("qq", 0, 9)) == ['{"id":7,"args":[1],"class":"LowJob"}']


def fails(raw: str, error: str, queue: str, *, left: dict[str, int]) -> Call:
    """The job is in the failed list with its payload as it was; the others went their way."""

    def call(r: Any, j: SimpleNamespace, w: World) -> None:
        r.move_due()
        (record,) = r.failures.all(0, 9)
        assert (record.exception, record.queue, record.worker) == (error, queue, "scheduler")
        kept = record.fields["payload"]
        assert kept.get("raw") == raw or kept == json.loads(raw)
        assert r.queue_sizes() == left
        assert r.delayed_queue_schedule_size() == 0
        assert r.count_all_scheduled_jobs() == 0

    return call


def hooks_may_read(r: Any, j: SimpleNamespace, w: World) -> None:
    assert r.move_due() == 1
    assert w.events.all() == [["get", "bytes"]]
    assert r.size("reads") == 1


BETTER: dict[str, Call] = {
    # Ruby takes these for 2026 and 0, which are past, and queues the job at once.
    "enqueue_at_date_string": refuses("2026-03-02", ""),
    "enqueue_at_nil": refuses(None, True, float("nan"), float("inf")),
    # Ruby's DateTime has no like; Python's datetime is Ruby's Time. A lone date is refused in both.
    "enqueue_at_datetime": takes_a_date_with_a_zone,
    "enqueue_at_date": refuses(date(2026, 3, 2)),
    # A name of a registered class has that class's queue.
    "enqueue_at_string_class": knows_the_name,
    "remove_delayed_string_class": removes_by_name,
    # Ruby leaves jobs that another encoder wrote.
    "remove_delayed_other_key_order": removes_every_spelling,
    # Python's signature asks for the block.
    "find_delayed_selection_no_block": needs_a_note_of_what("find_delayed_selection"),
    "remove_delayed_selection_no_block": needs_a_note_of_what("remove_delayed_selection"),
    # Ruby gives up at a job that it cannot read.
    "remove_delayed_selection_bad_json": removes_what_it_can_read,
    # Ruby raises although the job may be another application's, or finds the job and then loses sight of it.
    "enqueue_delayed_selection_unknown_class": enqueues_for_another_application,
    "enqueue_delayed_selection_without_queue_key": enqueues_to_its_own_queue,
    # Ruby raises out of the main loop.
    "handle_not_master": stops_between_two_batches,
    # Ruby loses a payload's other keys.
    "handle_key_order_lost": keeps_what_it_does_not_know,
    # Ruby logs and drops the job.
    "handle_unknown_class_no_queue": fails(
        '{"class":"Gone::Job","args":[1]}', "Resque::NoQueueError", "delayed", left={}
    ),
    "handle_raising_enqueue_hook": fails(
        '{"class":"RaiseEnqueueJob","args":[1],"queue":"raising"}',
        "RuntimeError",
        "raising",
        left={"low": 1},
    ),
    # Ruby handles nothing of that time, now and for ever.
    "handle_bad_json": fails(
        "{bad", "Resque::Helpers::DecodeException", "delayed", left={"low": 1}
    ),
    # Ruby's hook gets a placeholder.
    "handle_hook_reads_redis": hooks_may_read,
}

EXCEPTIONS: dict[str, str] = {}


def options(name: str) -> dict[str, Any]:
    return {"inline": True} if name.endswith("_inline") else {}


REPLAYS = Replays(
    "scheduler_delayed",
    {name: staged(call) for name, call in CALLS.items()},
    {name: staged(call) for name, call in BETTER.items()},
    EXCEPTIONS,
    OTHERWISE,
    options=options,
)


def coverage() -> tuple[str, int, int]:
    return REPLAYS.coverage()


def test_every_scenario_is_replayed_or_excused() -> None:
    REPLAYS.check_tables()


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("name", REPLAYS.replayed)
def test_delayed_jobs_as_in_ruby(name: str, face: str, enter: Enter) -> None:
    REPLAYS.run(name, face, enter)


@pytest.mark.parametrize("name", sorted(older("redis_rb_5", "scheduler_delayed")))
def test_what_the_other_generation_of_rubys_client_leaves_is_moved(name: str, enter: Enter) -> None:
    scenario = scenarios("scheduler_delayed")[name]
    theirs = older("redis_rb_5", "scheduler_delayed")[name]
    with enter(scenario) as world:
        world.client.flushall()
        put_state(world.client, theirs.after)
        waiting = [raw for key, raw in elements(theirs.after) if ":delayed:" in key]
        assert world.resque.move_due(AT + 60) == len(waiting)
        assert world.resque.count_all_scheduled_jobs() == 0
