"""Failed jobs as Ruby's own recordings have them: what is saved, and the verbs of both Redis backends."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.golden import Wording
from compat_tests.replay import FACES, Otherwise, Play, Replays
from compat_tests.world import HOST, PID
from pyresque.clock import local
from pyresque.errors import NoSuchFailure, SettingsError
from pyresque.executor.inline import InlineExecutor
from pyresque.failure.base import Multiple
from pyresque.failure.record import Failure
from pyresque.failure.redis import (
    RedisBackend,
    RedisMultiQueueBackend,
    failure_queue_name,
    job_queue_name,
)
from pyresque.failure.report import ErrorReport, clean, report
from pyresque.job.job import read_job
from pyresque.settings import Settings

if TYPE_CHECKING:
    from compat_tests.conftest import Enter
    from compat_tests.world import World
    from pyresque.failure.record import FailedRecord


def lone(items: list[Any]) -> Any:
    """Ruby's verbs give a lone item, or nil, for a count of 1; ours a list always."""
    assert len(items) <= 1
    return items[0] if items else None


def in_turn(*given: Any) -> Any:
    """Several calls; what the last one gave."""
    return given[-1]


def shown(found: list[FailedRecord]) -> list[Any]:
    """What Ruby's block noted of each record."""
    return [[one.index, one.error] for one in found]


# -- what is saved


def work_one_job(executor: Any, w: World) -> bool:
    """One worker's turn; the face's place is taken by the executor."""
    return w.resque.run(w.worker("*", executor=executor).work_one_job())


def wrong_arity(executor: Any, w: World) -> bool:
    @w.resque.job
    class OneArg:
        queue = "q"

        @staticmethod
        def perform(a: int) -> None:
            """Take one argument."""

    return work_one_job(executor, w)


def save_everywhere(executor: Any, w: World) -> bool:
    core = w.resque.core
    parts = (core.failed_table, core.codec, core.clock)
    core.failures = Multiple([RedisBackend(*parts), RedisMultiQueueBackend(*parts)])
    return work_one_job(executor, w)


def save(error: ErrorReport, worker: str, raw: bytes, r: Any, w: World) -> None:
    """Record a failure (Ruby: ``Failure.create``)."""
    core = w.resque.core
    job = read_job(core.codec, "q", raw)
    r.run(core.failures.save(Failure(job, error, worker, local(w.clock))))


X = b'{"class":"X","args":[1]}'


def saves(error: BaseException, worker: str, raw: bytes = b"{}") -> Play:
    return partial(save, report(error), worker, raw)


def save_the_jobs_own_frames(r: Any, w: World) -> None:
    """A job's error, reported where a caller of the library stands further out."""

    def x() -> None:
        raise RuntimeError("e")

    @w.resque.job("Y")
    def y() -> None:
        x()

    def z() -> ErrorReport:
        core = w.resque.core
        job = read_job(core.codec, "q", b'{"class":"Y","args":[]}')
        executor = InlineExecutor(core.registry)
        outcome = w.resque.run(
            executor.run(job, w.worker("q").heartbeat.beat_if_due, w.worker("q").procline)
        )
        assert outcome.report is not None
        return outcome.report

    save(z(), "w", b"{}", r, w)


SAVES: dict[str, Play] = {
    "save": work_one_job,
    "save_new_york": work_one_job,
    "save_kolkata": work_one_job,
    "save_sao_paulo": work_one_job,
    "save_extra_payload_keys": work_one_job,
    **{
        f"error_{kind}": work_one_job
        for kind in (
            "utf8",
            "binary",
            "latin1",
            "empty",
            "no_message",
            "long",
            "custom",
            "nonstandard",
            "interrupt",
            "system_exit",
            "term",
            "nested",
            "multiline",
        )
    },
    "save_unknown_class": work_one_job,
    "save_wrong_arity": wrong_arity,
    "save_hook_frames": work_one_job,
}

CREATES: dict[str, Play] = {
    "create_direct": saves(RuntimeError("made by hand"), f"{HOST}:{PID}:a", X),
    "create_worker_string_queue_symbol": saves(RuntimeError("e"), "w:1:q", X),
    "create_backtrace_filtered": save_the_jobs_own_frames,
    "create_error_is_class_name": saves(RuntimeError(), "w"),
}

# -- reading, putting back, removing


def backend_name(r: Any, w: World) -> dict[str, str]:
    names = {
        RedisBackend: "Resque::Failure::Redis",
        RedisMultiQueueBackend: "Resque::Failure::RedisMultiQueue",
    }
    return {"class": names[type(w.resque.core.failures)]}


VERBS: dict[str, Play] = {
    "redis_count": lambda r, w: r.failures.count(),
    "redis_count_failed_queue": lambda r, w: r.failures.count("failed"),
    "redis_count_other_queue": lambda r, w: r.failures.count("low"),
    "redis_count_class": lambda r, w: r.failures.count("failed", "LowJob"),
    "redis_count_nil_queue_class": lambda r, w: r.failures.count(None, "LowJob"),
    "redis_count_class_unknown": lambda r, w: r.failures.count("failed", "Nope"),
    "redis_queues": lambda r, w: r.failures.queues(),
    "redis_all_default": lambda r, w: lone(r.failures.all()),
    "redis_all_first": lambda r, w: lone(r.failures.all(0, 1)),
    "redis_all_two": lambda r, w: r.failures.all(1, 2),
    "redis_all_many": lambda r, w: r.failures.all(0, 50),
    "redis_all_past_end": lambda r, w: lone(r.failures.all(99, 1)),
    "redis_all_many_past_end": lambda r, w: r.failures.all(99, 5),
    "redis_all_negative": lambda r, w: lone(r.failures.all(-1, 1)),
    "redis_all_zero": lambda r, w: r.failures.all(0, 0),
    "redis_all_queue_failed": lambda r, w: r.failures.all(0, 2, "failed"),
    "redis_all_queue_other": lambda r, w: r.failures.all(0, 2, "low"),
    "redis_each_default": lambda r, w: shown(r.failures.each()),
    "redis_each_asc": lambda r, w: shown(r.failures.each(0, 5, None, None, "asc")),
    "redis_each_desc": lambda r, w: shown(r.failures.each(0, 5, None, None, "desc")),
    "redis_each_page_desc": lambda r, w: shown(r.failures.each(1, 2, None, None, "desc")),
    "redis_each_page_asc": lambda r, w: shown(r.failures.each(1, 2, None, None, "asc")),
    "redis_each_limit_one": lambda r, w: shown(r.failures.each(2, 1)),
    "redis_each_past_end": lambda r, w: shown(r.failures.each(50, 5)),
    "redis_each_limit_one_past_end": lambda r, w: shown(r.failures.each(50, 1)),
    "redis_each_class": lambda r, w: shown(r.failures.each(0, 5, "failed", "LowJob")),
    "redis_each_class_asc": lambda r, w: shown(r.failures.each(0, 5, "failed", "LowJob", "asc")),
    "redis_each_class_limit_two": lambda r, w: shown(r.failures.each(0, 2, "failed", "LowJob")),
    "redis_each_class_limit_two_asc": lambda r, w: shown(
        r.failures.each(0, 2, "failed", "LowJob", "asc")
    ),
    "redis_each_class_offset": lambda r, w: shown(r.failures.each(1, 5, "failed", "LowJob")),
    "redis_requeue": lambda r, w: r.failures.requeue(1),
    "redis_requeue_already_retried": lambda r, w: r.failures.requeue(2),
    "redis_requeue_unknown_class": lambda r, w: r.failures.requeue(3),
    "redis_requeue_missing_index": lambda r, w: r.failures.requeue(99),
    "redis_requeue_negative_index": lambda r, w: r.failures.requeue(-1),
    "redis_requeue_queue_arg_failed": lambda r, w: r.failures.requeue(1, "failed"),
    "redis_requeue_queue_arg_other": lambda r, w: r.failures.requeue(0, "low"),
    "redis_remove": lambda r, w: r.failures.remove(1),
    "redis_remove_last": lambda r, w: r.failures.remove(-1),
    "redis_remove_missing_index": lambda r, w: r.failures.remove(99),
    "redis_remove_queue_arg": lambda r, w: r.failures.remove(0, "failed"),
    "redis_remove_queue_arg_other": lambda r, w: r.failures.remove(0, "low"),
    "redis_remove_queue_arg_symbol": lambda r, w: r.failures.remove(0, "failed"),
    "redis_clear": lambda r, w: r.failures.clear(),
    "redis_clear_queue_arg": lambda r, w: r.failures.clear("failed"),
    "redis_clear_queue_arg_other": lambda r, w: r.failures.clear("low"),
    "redis_requeue_queue": lambda r, w: r.failures.requeue_queue("low"),
    "redis_requeue_queue_none": lambda r, w: r.failures.requeue_queue("nope"),
    "redis_requeue_all": lambda r, w: r.failures.requeue_all(),
    "redis_remove_queue": lambda r, w: r.failures.remove_queue("low"),
    "redis_remove_queue_none": lambda r, w: r.failures.remove_queue("nope"),
    "redis_clear_retried": lambda r, w: r.failures.clear_retried(),
    "redis_clear_keeps_stat": lambda r, w: in_turn(r.failures.clear(), r.stat("failed")),
    "redis_count_empty": lambda r, w: r.failures.count(),
    "redis_requeue_new_york": lambda r, w: r.failures.requeue(1),
    "redis_requeue_twice": lambda r, w: in_turn(r.failures.requeue(1), r.failures.requeue(1)),
    "redis_requeue_hooks_not_run": lambda r, w: r.failures.requeue(0),
    "redis_remove_identical_records": lambda r, w: r.failures.remove(1),
    "redis_clear_retried_two": lambda r, w: r.failures.clear_retried(),
    "redis_one_record_each": lambda r, w: shown(r.failures.each()),
    "multi_count": lambda r, w: r.failures.count(),
    "multi_count_queue": lambda r, w: r.failures.count("low_failed"),
    "multi_count_job_queue": lambda r, w: r.failures.count("low"),
    "multi_count_class": lambda r, w: r.failures.count("low_failed", "LowJob"),
    "multi_count_class_other": lambda r, w: r.failures.count("low_failed", "HighJob"),
    "multi_queues": lambda r, w: r.failures.queues(),
    "multi_all_queue": lambda r, w: r.failures.all(0, 2, "low_failed"),
    "multi_all_one": lambda r, w: lone(r.failures.all(0, 1, "low_failed")),
    "multi_each_queue": lambda r, w: shown(r.failures.each(0, 3, "low_failed")),
    "multi_each_queue_asc": lambda r, w: shown(r.failures.each(0, 3, "low_failed", None, "asc")),
    "multi_each_class": lambda r, w: shown(r.failures.each(0, 3, "low_failed", "LowJob")),
    "multi_each_class_limit_two": lambda r, w: shown(r.failures.each(0, 2, "low_failed", "LowJob")),
    "multi_each_limit_one": lambda r, w: shown(r.failures.each(1, 1, "low_failed")),
    "multi_each_limit_one_past_end": lambda r, w: shown(r.failures.each(9, 1, "low_failed")),
    "multi_requeue": lambda r, w: r.failures.requeue(1, "low_failed"),
    "multi_requeue_no_queue": lambda r, w: r.failures.requeue(1),
    "multi_requeue_backend_default": lambda r, w: r.failures.requeue(0, "failed"),
    "multi_remove": lambda r, w: r.failures.remove(1, "low_failed"),
    "multi_remove_no_queue": lambda r, w: r.failures.remove(0),
    "multi_clear": lambda r, w: r.failures.clear(),
    "multi_clear_queue": lambda r, w: r.failures.clear("low_failed"),
    "multi_clear_several": lambda r, w: [
        r.failures.clear("low_failed"),
        r.failures.clear("high_failed"),
    ],
    "multi_clear_backend_default": lambda r, w: r.failures.clear("failed"),
    "multi_requeue_queue": lambda r, w: r.failures.requeue_queue("low"),
    "multi_requeue_all": lambda r, w: r.failures.requeue_all(),
    "multi_remove_queue": lambda r, w: r.failures.remove_queue("low"),
    "multi_requeue_new_york": lambda r, w: r.failures.requeue(1, "low_failed"),
    "names_job_queue": lambda r, w: [
        job_queue_name(name) for name in ("low_failed", "a_failed_failed", "failed")
    ],
    "backend_default": backend_name,
    "backend_env_redis": backend_name,
    "backend_env_multi": backend_name,
}

BACKENDS = ("redis", "multi")


def for_both(plays: dict[str, Play]) -> dict[str, Play]:
    return {f"{backend}_{name}": play for backend in BACKENDS for name, play in plays.items()}


WORKED = {**for_both(SAVES), "multiple_backend_save": save_everywhere}

CALLS: dict[str, Play] = {**WORKED, **for_both(CREATES), **VERBS}


def refused(error: str, message: str) -> dict[str, Any]:
    return {"raised": {"class": error, "message": message}}


COUNTS = "ours tells how many; Ruby gives what its loop went over, or nil"
EMPTY_PAGE = "past the end there is no record, not a nil"
NO_RECORD = "Ruby fails on the nil it read there"
NO_QUEUE = "Ruby fails on what it read at the key without a name"

OTHERWISE: dict[str, Otherwise] = {
    **{
        f"{backend}_{name}": Otherwise(None, "Ruby hands on the length of the list")
        for backend in BACKENDS
        for name in CREATES
    },
    "redis_each_limit_one_past_end": Otherwise([], EMPTY_PAGE),
    "multi_each_limit_one_past_end": Otherwise([], EMPTY_PAGE),
    "redis_requeue_missing_index": Otherwise(
        refused("NoSuchFailure", "there is no failed record at 99 of 'failed'"), NO_RECORD
    ),
    "multi_requeue_backend_default": Otherwise(
        refused("NoSuchFailure", "there is no failed record at 0 of 'failed'"), NO_RECORD
    ),
    "multi_requeue_no_queue": Otherwise(
        refused(
            "ArgumentError", "say which failure queue the record at 1 is in, such as 'low_failed'"
        ),
        NO_QUEUE,
    ),
    "multi_remove_no_queue": Otherwise(
        refused(
            "ArgumentError", "say which failure queue the record at 0 is in, such as 'low_failed'"
        ),
        NO_QUEUE,
    ),
    "redis_requeue_queue": Otherwise(3, COUNTS),
    "redis_requeue_queue_none": Otherwise(0, COUNTS),
    "redis_remove_queue": Otherwise(3, COUNTS),
    "redis_remove_queue_none": Otherwise(0, COUNTS),
    "redis_clear_retried": Otherwise(1, COUNTS),
    "redis_clear_retried_two": Otherwise(3, COUNTS),
    "multi_clear": Otherwise(3, COUNTS),
    "multi_clear_queue": Otherwise(1, COUNTS),
    "multi_clear_several": Otherwise([1, 1], COUNTS),
    "multi_clear_backend_default": Otherwise(0, COUNTS),
    "multi_requeue_queue": Otherwise(3, COUNTS),
    "multi_requeue_all": Otherwise(5, COUNTS),
}

WORDINGS: dict[str, Wording] = {
    f"{backend}_save_wrong_arity": Wording(
        "TypeError", r".*OneArg\.perform\(\) takes 1 positional argument but 2 were given"
    )
    for backend in BACKENDS
}


# -- better


def list_of(w: World, name: str = "failed") -> list[bytes]:
    client: Any = w.client  # redis-py's types know of clients that decode, too
    found: list[bytes] = client.lrange(f"resque:{name}", 0, -1)
    return found


def records_what_is_no_unicode(name: str) -> Play:
    def work(executor: Any, w: World) -> None:
        assert work_one_job(executor, w) is True
        (record,) = map(json.loads, list_of(w, name))
        assert (record["exception"], record["error"]) == ("RuntimeError", "bad ?? utf8")
        assert (w.resque.stat("failed"), w.resque.stat("processed")) == (1, 1)

    return work


def keeps_any_backtrace(name: str) -> Play:
    def create(r: Any, w: World) -> None:
        def y() -> None:
            raise RuntimeError("e")

        with pytest.raises(RuntimeError) as caught:
            y()
        save(report(caught.value), "w", b"{}", r, w)
        (record,) = map(json.loads, list_of(w, name))
        assert [line.rsplit(" ", 1)[1] for line in record["backtrace"]] == ["`y'", "`create'"]

    return create


def puts_back(payload: bytes) -> Play:
    """The payload comes back as it was found, and of the record only ``retried_at`` changes."""

    def requeue(r: Any, w: World) -> None:
        (before,) = map(json.loads, list_of(w))
        assert r.failures.requeue(0) == (1, 1)
        assert list_of(w, "queue:low") == [payload]
        (after,) = map(json.loads, list_of(w))
        assert after == {**before, "retried_at": "2026/03/01 12:00:00 UTC"}

    return requeue


def marks_nothing_it_could_not_put_back(r: Any, w: World) -> None:
    before = w.state()
    with pytest.raises(NoSuchFailure, match="names no payload"):
        r.failures.requeue(0)
    assert w.state() == before


def removes_the_one_that_was_meant(r: Any, w: World) -> None:
    assert r.failures.remove(1) == 1
    assert list_of(w) == [b"", b'{"a":2}']


def counts_the_class(r: Any, w: World) -> None:
    assert r.failures.count(None, "LowJob") == 3


def reads_all_queues(r: Any, w: World) -> None:
    assert [one.error for one in r.failures.all(0, 2)] == ["e3", "e1"]
    assert [one.error for one in r.failures.all(0, 9)] == ["e3", "e1", "e0", "e2", "e4"]


def goes_through_all_queues(r: Any, w: World) -> None:
    assert [one.error for one in r.failures.each()] == ["e4", "e2", "e0", "e1", "e3"]


def clears_what_was_put_back(r: Any, w: World) -> None:
    assert r.failures.clear_retried() == 1
    assert [one.error for one in r.failures.all(0, 9)] == ["e3", "e1", "e0", "e4"]


def names_without_writing(r: Any, w: World) -> None:
    assert failure_queue_name("low") == "low_failed" == w.scenario.returns
    assert w.state() == {}


def does_nothing_to_a_queue_without_failures(verb: str) -> Play:
    def call(r: Any, w: World) -> None:
        before = w.state()
        assert getattr(r.failures, verb)("nope") == 0
        assert w.state() == before

    return call


def names_the_setting_that_is_wrong(r: Any, w: World) -> None:
    with pytest.raises(SettingsError, match="FAILURE_BACKEND: 'nope' is none of redis"):
        Settings.load()


def cleans_every_text(r: Any, w: World) -> None:
    """Bytes that are no UTF-8 reach Python as surrogates; Ruby leaves them in where the text calls itself UTF-8."""
    texts = ["caf\u00e9", "bad \udcff", "bin \udcff\udce9", "caf\udce9", "plain"]
    assert [clean(text) for text in texts] == ["caf\u00e9", "bad ?", "bin ??", "caf?", "plain"]


WORKED_BETTER: dict[str, Play] = {
    # Ruby counts the failure, then cannot write its record: the job is lost.
    "redis_error_bad_utf8": records_what_is_no_unicode("failed"),
    "multi_error_bad_utf8": records_what_is_no_unicode("errtext_failed"),
}

BETTER: dict[str, Play] = {
    **WORKED_BETTER,
    # Ruby stores no backtrace at all where it does not pass its own job file.
    "redis_create_backtrace_outside_job_file": keeps_any_backtrace("failed"),
    "multi_create_backtrace_outside_job_file": keeps_any_backtrace("q_failed"),
    # Ruby decodes and encodes anew: unknown keys are lost, numbers spelt otherwise, a hash becomes pairs.
    "redis_requeue_key_order": puts_back(b'{"args":[1.0,1e20,"\\u003c"],"class":"LowJob","id":7}'),
    "redis_requeue_args_hash": puts_back(b'{"class":"LowJob","args":{"a":1}}'),
    "redis_requeue_args_null": puts_back(b'{"class":"LowJob","args":null}'),
    # Ruby marks the record as retried, then fails.
    "redis_requeue_no_payload": marks_nothing_it_could_not_put_back,
    # Ruby removes the first empty element and leaves an emptied one.
    "redis_remove_with_empty_string_present": removes_the_one_that_was_meant,
    # Ruby does not look at the class where no queue is named.
    "multi_count_nil_class": counts_the_class,
    # Without a queue Ruby reads a key that nothing ever stands at.
    "multi_all_no_queue": reads_all_queues,
    "multi_all_default_of_backend": reads_all_queues,
    "multi_each_no_queue": goes_through_all_queues,
    "multi_clear_retried": clears_what_was_put_back,
    # In Ruby to ask for the name is to write it into Redis.
    "names_failure_queue": names_without_writing,
    "names_failure_queue_symbol": names_without_writing,
    "multi_requeue_queue_none": does_nothing_to_a_queue_without_failures("requeue_queue"),
    "multi_remove_queue_none": does_nothing_to_a_queue_without_failures("remove_queue"),
    # In Ruby the error's own message fails.
    "backend_env_unknown": names_the_setting_that_is_wrong,
    # Ruby cleans no text that calls itself UTF-8 and is not: such a record cannot be written.
    "utf8_clean": cleans_every_text,
}

EXCEPTIONS: dict[str, str] = {
    "redis_create_nil_worker_and_queue": "a Failure always has a job, a worker and a queue; its type says so",
    "multi_create_nil_worker_and_queue": "a Failure always has a job, a worker and a queue; its type says so",
    "redis_url": "the address of a service that other backends write to; Redis has none, in Ruby nil",
    "redis_each_order_symbol": "Python has no symbols to mistake for the text that is meant",
}


def options(name: str) -> dict[str, Any]:
    if name == "backend_env_unknown":
        return {"failure_backend": "redis"}
    return {"failure_backend": "redis_multi_queue"} if name.startswith("multi_") else {}


REPLAYS = Replays("failures", CALLS, BETTER, EXCEPTIONS, OTHERWISE, WORDINGS, options)

#: A worker's turn has an executor in place of a face.
CASES = [
    (name, how)
    for name in REPLAYS.replayed
    for how in (("inline", "fork") if name in WORKED or name in WORKED_BETTER else FACES)
]


def coverage() -> tuple[str, int, int]:
    return REPLAYS.coverage()


def test_every_scenario_is_replayed_or_excused() -> None:
    REPLAYS.check_tables()


@pytest.mark.parametrize(("name", "how"), CASES)
def test_failures_as_in_ruby(name: str, how: str, enter: Enter) -> None:
    REPLAYS.run(name, how, enter)
