"""Queues and jobs as Ruby's own recordings have them: enqueue, push, pop, peek, dequeue, destroy, hooks, namespaces."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.golden import raised
from compat_tests.replay import FACES, Otherwise, Play, Replays
from compat_tests.world import GoldenResque
from pyresque.errors import DecodeError, NoQueueError, UnknownJobClass
from pyresque.job import hooks
from pyresque.job.job import read_job
from pyresque.job.job_class import own_queue
from pyresque.ruby.names import classify

if TYPE_CHECKING:
    from compat_tests.conftest import Enter
    from compat_tests.world import World
    from pyresque.job.job import Job


def payloads(jobs: list[Job]) -> list[Any]:
    """The payloads of jobs: what Ruby's peek gives."""
    return [json.loads(job.raw) for job in jobs]


def lone(items: list[Any]) -> Any:
    """Ruby's verbs give a lone item, or nil, for a count of 1; ours a list always."""
    assert len(items) <= 1
    return items[0] if items else None


def in_turn(*given: Any) -> Any:
    """Several calls; what the last one gave."""
    return given[-1]


def messages(error: type[Exception], call: Any) -> list[str]:
    """The class and text of the error a call raises, as Ruby's ``rescue [$!.class.to_s, $!.message]``."""
    with pytest.raises(error) as caught:
        call()
    return list(raised(caught.value)["raised"].values())


def stranger(w: World, **options: Any) -> GoldenResque:
    """Another face at the same Redis, which knows none of the jobs; it speaks one namespace, as Ruby's new connection."""
    made = GoldenResque(settings=w.settings.replace(**options), clock=w.clock)
    w.resque.close()
    return made


def with_stranger(w: World, call: Any, **options: Any) -> Any:
    with stranger(w, **options) as other:
        return call(other)


def sampled(samples: dict[str, Any]) -> dict[str, Any]:
    return {q: {":size": s.size, ":samples": payloads(s.samples)} for q, s in samples.items()}


def overview(r: Any, w: World) -> dict[str, Any]:
    """The overview; where Ruby tells of its client, ours tells the server."""
    info = r.info()
    assert info.servers == [w.settings.url]
    rows = {f":{name}": getattr(info, name) for name in info.__dataclass_fields__}
    return {**rows, ":servers": w.scenario.returns[":servers"]}


def reserved(r: Any, w: World) -> list[Any]:
    job, registry = r.reserve("low"), w.resque.core.registry
    entry = registry.find(job.class_name)
    return [
        job,
        job.queue,
        list(job.args),
        {"class": entry.name},
        job.class_name,
        registry.knows(job.class_name),
        str(job),
    ]


def reserved_in_short(r: Any, w: World) -> list[str]:
    job = r.reserve("low")
    return [job.queue, str(job)]


def reserved_unknown(r: Any, w: World) -> list[Any]:
    job, registry = r.reserve("low"), w.resque.core.registry
    complaint = messages(UnknownJobClass, lambda: registry.find(job.class_name))
    return [job.class_name, registry.knows(job.class_name), complaint]


def recreated(r: Any, queue: str) -> Any:
    job = r.reserve(queue)
    return r.create(job.queue, job.class_name, *job.args)


def equality(r: Any, w: World) -> list[bool]:
    codec, job = w.resque.core.codec, r.reserve("low")
    raw = b'{"class":"LowJob","args":[1]}'
    return [job == read_job(codec, "low", raw), job == read_job(codec, "high", raw)]


def subclass(r: Any, w: World) -> Any:
    class SubLow(w.jobs.LowJob):  # type: ignore[misc, name-defined]  # the class is made anew for each scenario
        pass

    return r.enqueue(SubLow, 1)


class BadPlugin:
    @staticmethod
    def before_perform() -> None:
        """Bear a bare prefix as its name."""


class BadPlugin2:
    @staticmethod
    def on_failure() -> None:
        """Bear a bare prefix as its name."""


class PrefixJob:
    @staticmethod
    def before_performance() -> None:
        """Begin with a prefix."""

    before_perform1 = xbefore_perform = before_performance


def hook_lists(w: World) -> list[list[str]]:
    names = hooks.hook_names(w.jobs.HookedJob)
    kinds = (names.before_perform, names.around_perform, names.after_perform, names.on_failure)
    return [list(kind) for kind in kinds]


def names_of(w: World, *class_names: Any) -> list[dict[str, str]]:
    """What class names resolve to."""
    return [{"class": w.resque.core.registry.find(name).name} for name in class_names]


def stats(w: World) -> Any:
    return w.resque.core.stats


CALLS: dict[str, Play] = {
    # -- enqueue
    "enqueue_no_args": lambda r, w: r.enqueue(w.jobs.LowJob),
    "enqueue_args": lambda r, w: r.enqueue(w.jobs.LowJob, 1, "two", None, True, 2.5),
    "enqueue_hash_arg": lambda r, w: r.enqueue(w.jobs.LowJob, {"a": 1, "b": {"c": [1, 2]}}),
    "enqueue_keyword_looking_arg": lambda r, w: r.enqueue(w.jobs.LowJob, a=1),
    "enqueue_array_arg": lambda r, w: r.enqueue(w.jobs.LowJob, [1, [2, []]]),
    "enqueue_unicode": lambda r, w: r.enqueue(
        w.jobs.LowJob, "caf\u00e9 \U0001f600 \u2028 </script>"
    ),
    "enqueue_string_queue": lambda r, w: r.enqueue(w.jobs.HighJob, 7),
    "enqueue_queue_method": lambda r, w: r.enqueue(w.jobs.QueueMethodJob, 1),
    "enqueue_nested_class": lambda r, w: r.enqueue(w.jobs.NestedJob, 1),
    "enqueue_twice_same": lambda r, w: in_turn(
        r.enqueue(w.jobs.LowJob, 1), r.enqueue(w.jobs.LowJob, 1)
    ),
    "enqueue_two_queues": lambda r, w: in_turn(
        r.enqueue(w.jobs.LowJob, 1), r.enqueue(w.jobs.HighJob, 2)
    ),
    "enqueue_no_queue": lambda r, w: r.enqueue(w.jobs.NoQueueJob, 1),
    "enqueue_no_queue_no_state": lambda r, w: messages(
        NoQueueError, lambda: r.enqueue(w.jobs.NoQueueJob)
    ),
    "enqueue_nil_class": lambda r, w: r.enqueue(None, 1),
    # A bare name says nothing of a queue, unless the job of that name is registered here; to Ruby no name is.
    "enqueue_string_class": lambda r, w: with_stranger(w, lambda s: s.enqueue("LowJob", 1)),
    "enqueue_to": lambda r, w: r.enqueue_to("elsewhere", w.jobs.LowJob, 1),
    "enqueue_to_symbol": lambda r, w: r.enqueue_to("elsewhere", w.jobs.LowJob, 1),
    "enqueue_to_class_without_queue": lambda r, w: r.enqueue_to("q", w.jobs.NoQueueJob, "a"),
    "enqueue_to_string_class": lambda r, w: r.enqueue_to("q", "Some::Remote::Job", "a"),
    "enqueue_to_nil_queue_class_without_queue": lambda r, w: r.enqueue_to(
        None, w.jobs.NoQueueJob, 1
    ),
    "enqueue_to_empty_queue": lambda r, w: r.enqueue_to("", w.jobs.LowJob, 1),
    "enqueue_to_odd_queue_name": lambda r, w: r.enqueue_to("a b:c\u00e9*", w.jobs.LowJob, 1),
    "enqueue_to_nil_class": lambda r, w: r.enqueue_to("q", None, 1),
    "enqueue_to_empty_class": lambda r, w: r.enqueue_to("q", "", 1),
    "job_create": lambda r, w: r.create("q", "Any::Class", 1, {"x": 2}),
    "job_create_symbol_class": lambda r, w: r.create("q", "SymClass", 1),
    "job_create_no_queue": lambda r, w: r.create(None, "Any", 1),
    "job_create_empty_class": lambda r, w: r.create("q", "", 1),
    "validate_returns": lambda r, w: [r.validate(w.jobs.LowJob), r.validate("X", "q")],
    "validate_nil_class_with_queue": lambda r, w: r.validate(None, "q"),
    "validate_no_queue": lambda r, w: r.validate(w.jobs.NoQueueJob),
    "validate_class_given_as_string_no_queue": lambda r, w: with_stranger(
        w, lambda s: s.validate("LowJob")
    ),
    "queue_from_class": lambda r, w: [
        own_queue(job)
        for job in (w.jobs.LowJob, w.jobs.HighJob, w.jobs.QueueMethodJob, w.jobs.NoQueueJob)
    ],
    "queue_ivar_not_inherited": subclass,
    "enqueue_front_setting_ignored": lambda r, w: in_turn(
        r.enqueue(w.jobs.LowJob, 1),
        r.enqueue(w.jobs.LowJob, 2),
        r.push("low", {"class": "P", "args": [3]}),
    ),
    "enqueue_inline": lambda r, w: r.enqueue(w.jobs.LowJob, {"a": "b"}, 1.0),
    "enqueue_inline_failure": lambda r, w: r.enqueue(w.jobs.BoomJob, 1),
    "enqueue_inline_hooks": lambda r, w: r.enqueue(w.jobs.HookedJob, 1),
    # -- hooks
    "hook_before_enqueue_false_vetoes": lambda r, w: r.enqueue(w.jobs.VetoEnqueueJob, 1, 2),
    "hook_before_enqueue_nil_does_not_veto": lambda r, w: r.enqueue(w.jobs.NilHookJob, 1),
    "hook_before_enqueue_raises": lambda r, w: r.enqueue(w.jobs.RaiseEnqueueJob, 1),
    "hook_after_enqueue_raises": lambda r, w: r.enqueue(w.jobs.RaiseAfterEnqueueJob, 1),
    "hook_enqueue_to_runs_hooks": lambda r, w: r.enqueue_to("other", w.jobs.VetoEnqueueJob, 1),
    "hook_job_create_skips_hooks": lambda r, w: r.create("other", w.jobs.VetoEnqueueJob, 1),
    "hook_before_dequeue_false_vetoes": lambda r, w: r.dequeue(w.jobs.DequeueHookJob, "keep"),
    "hook_dequeue_allowed": lambda r, w: r.dequeue(w.jobs.DequeueHookJob, "go"),
    "hook_dequeue_without_args": lambda r, w: r.dequeue(w.jobs.DequeueHookJob),
    "hook_job_destroy_skips_hooks": lambda r, w: r.destroy("deq", "DequeueHookJob", "keep"),
    "hook_lint_ok": lambda r, w: list(hooks.lint(w.jobs.HookedJob).on_failure),
    "hook_lint_bad": lambda r, w: hooks.lint(BadPlugin),
    "hook_lint_bad_failure": lambda r, w: hooks.lint(BadPlugin2),
    "hook_names_sorted": lambda r, w: hook_lists(w),
    "hook_names_prefix_only": lambda r, w: list(hooks.hook_names(PrefixJob).before_perform),
    # -- push and pop
    "push": lambda r, w: r.push("q", {"class": "A", "args": [1]}),
    "push_symbol_keys": lambda r, w: r.push("q", {"class": "A", "args": [1]}),
    "push_args_first": lambda r, w: r.push("q", {"args": [1], "class": "A"}),
    "push_extra_keys": lambda r, w: r.push("q", {"class": "A", "args": [1], "queue": "x", "id": 5}),
    "push_plain_string": lambda r, w: r.push("q", "just a string"),
    "push_number": lambda r, w: r.push("q", 42),
    "push_nil": lambda r, w: r.push("q", None),
    "push_array": lambda r, w: r.push("q", [1, 2]),
    "push_empty_hash": lambda r, w: r.push("q", {}),
    "pop": lambda r, w: r.pop("low"),
    "pop_symbol": lambda r, w: r.pop("low"),
    "pop_to_empty": lambda r, w: r.pop("high"),
    "pop_empty": lambda r, w: r.pop("nothing"),
    "pop_plain_string": lambda r, w: r.pop("q"),
    "push_pop_order": lambda r, w: in_turn(
        r.push("q", 1), r.push("q", 2), [r.pop("q"), r.pop("q"), r.pop("q")]
    ),
    # -- size, peek, queues
    "size": lambda r, w: [r.size("low"), r.size("high"), r.size("none")],
    "peek_one": lambda r, w: lone(payloads(r.peek("low"))),
    "peek_one_at": lambda r, w: lone(payloads(r.peek("low", 2))),
    "peek_one_negative": lambda r, w: lone(payloads(r.peek("low", -1))),
    "peek_one_past_end": lambda r, w: lone(payloads(r.peek("low", 99))),
    "peek_one_missing": lambda r, w: lone(payloads(r.peek("none"))),
    "peek_two": lambda r, w: payloads(r.peek("low", 1, 2)),
    "peek_many": lambda r, w: payloads(r.peek("low", 0, 100)),
    "peek_many_missing": lambda r, w: payloads(r.peek("none", 0, 5)),
    "peek_zero": lambda r, w: payloads(r.peek("low", 0, 0)),
    "peek_zero_from_one": lambda r, w: payloads(r.peek("low", 1, 0)),
    "peek_minus_one": lambda r, w: payloads(r.peek("low", 0, -1)),
    "peek_negative_start_count": lambda r, w: payloads(r.peek("low", -2, 2)),
    "queues": lambda r, w: r.queues(),
    "queues_empty": lambda r, w: r.queues(),
    "queue_name_kept_when_empty": lambda r, w: in_turn(r.pop("high"), [r.queues(), r.size("high")]),
    "watch_queue": lambda r, w: r.watch_queue("fresh"),
    "watch_queue_twice": lambda r, w: r.watch_queue("fresh"),
    "remove_queue": lambda r, w: r.remove_queue("low"),
    "remove_queue_symbol": lambda r, w: r.remove_queue("high"),
    "remove_queue_missing": lambda r, w: r.remove_queue("none"),
    "queue_sizes": lambda r, w: r.queue_sizes(),
    "queue_sizes_empty": lambda r, w: r.queue_sizes(),
    "sample_queues": lambda r, w: sampled(r.sample_queues()),
    "sample_queues_two": lambda r, w: sampled(r.sample_queues(2)),
    "sample_queues_one": lambda r, w: sampled(r.sample_queues(1)),
    "sample_queues_zero": lambda r, w: sampled(r.sample_queues(0)),
    "list_range_one": lambda r, w: lone(r.list_range("queue:low", 1, 1)),
    "list_range_many": lambda r, w: r.list_range("queue:low", 1, 3),
    "keys": lambda r, w: r.all_keys(),
    "info_empty": overview,
    "info_full": overview,
    "info_environment_rails": lambda r, w: r.info().environment,
    "info_environment_rack": lambda r, w: r.info().environment,
    # -- reserve
    "reserve": reserved,
    "reserve_symbol": reserved_in_short,
    "reserve_empty": lambda r, w: r.reserve("none"),
    "reserve_unknown_class": reserved_unknown,
    "job_recreate": lambda r, w: recreated(r, "low"),
    "job_recreate_extra_keys_lost": lambda r, w: recreated(r, "q"),
    "job_equality": equality,
    # -- dequeue and destroy
    "dequeue_without_args": lambda r, w: r.dequeue(w.jobs.LowJob),
    "dequeue_with_args": lambda r, w: r.dequeue(w.jobs.LowJob, 1),
    "dequeue_with_two_args": lambda r, w: r.dequeue(w.jobs.LowJob, 2, "x"),
    "dequeue_no_match": lambda r, w: r.dequeue(w.jobs.LowJob, "nope"),
    "dequeue_missing_queue": lambda r, w: r.dequeue(w.jobs.LowJob),
    "dequeue_last_one_keeps_queue_name": lambda r, w: r.dequeue(w.jobs.HighJob),
    "dequeue_float_not_int": lambda r, w: r.dequeue(w.jobs.LowJob, 1.0),
    "dequeue_symbol_equals_string": lambda r, w: r.dequeue(w.jobs.LowJob, "x"),
    "dequeue_without_args_matches_any_spelling": lambda r, w: r.dequeue(w.jobs.LowJob),
    "destroy_string_class": lambda r, w: r.destroy("low", "LowJob"),
    "destroy_with_args": lambda r, w: r.destroy("low", "LowJob", 1),
    "destroy_duplicates_counted_once_each": lambda r, w: r.destroy("low", "LowJob", 1),
    "destroy_duplicates_without_args": lambda r, w: r.destroy("low", "LowJob"),
    "destroy_nil_arg": lambda r, w: r.destroy("low", "LowJob", None),
    "destroy_empty_hash_arg": lambda r, w: r.destroy("low", "LowJob", {}),
    # -- stats and namespaces
    "stat_incr_get": lambda r, w: in_turn(
        r.run(stats(w).increment("x")),
        r.run(stats(w).increment("x", 5)),
        r.run(stats(w).increment("x")),
        [r.stat("x"), r.stat("x"), r.stat("none")],
    ),
    "stat_clear": lambda r, w: r.run(stats(w).clear("x")),
    "namespace_default": lambda r, w: in_turn(r.enqueue(w.jobs.LowJob, 1), r.settings.namespace),
    "namespace_in_server_string": lambda r, w: with_stranger(
        w, lambda s: in_turn(s.enqueue(w.jobs.LowJob, 1), s.settings.namespace), namespace="my/ns"
    ),
    "namespace_db_and_namespace": lambda r, w: with_stranger(
        w, lambda s: s.enqueue(w.jobs.LowJob, 1), namespace="ns2"
    ),
    "namespace_url": lambda r, w: with_stranger(
        w,
        lambda s: in_turn(s.enqueue(w.jobs.LowJob, 1), s.settings.namespace),
        url=f"{w.settings.url}?db=0",
    ),
    "namespace_hash": lambda r, w: r.enqueue(w.jobs.LowJob, 1),
    "namespace_custom": lambda r, w: in_turn(r.enqueue(w.jobs.LowJob, 1), r.queues()),
    "namespace_custom_keys": lambda r, w: r.all_keys(),
    "classify": lambda r, w: [classify("job-name"), classify("a-b-c"), classify("Plain")],
    "constantize": lambda r, w: names_of(w, "LowJob", "::Deep::NestedJob", "low-job"),
    "constantize_missing": lambda r, w: names_of(w, "No::Such"),
    "constantize_empty": lambda r, w: names_of(w, ""),
    "constantize_nil": lambda r, w: names_of(w, None),
    "constantize_lower_case": lambda r, w: names_of(w, "lowjob"),
    "constantize_toplevel_through_nesting": lambda r, w: names_of(w, "Deep::LowJob"),
}

#: What performing a payload without a class comes to, in Ruby and here.
NO_OBJECT = {
    "raised": {"class": "NoMethodError", "message": "undefined method `perform' for Object:Class"}
}

OTHERWISE: dict[str, Otherwise] = {
    "constantize_empty": Otherwise(NO_OBJECT, "Ruby's Object has no like among Python's jobs"),
    "constantize_nil": Otherwise(NO_OBJECT, "Ruby's Object has no like among Python's jobs"),
    "enqueue_front_setting_ignored": Otherwise([0, 3], "there is no such setting to be read back"),
    "queue_from_class": Otherwise(
        ["low", "high", "from_method", None], "Python's word for no queue is None"
    ),
    "reserve_unknown_class": Otherwise(
        ["Missing::Klass", False, ["NameError", "uninitialized constant Missing"]],
        "the job keeps the name it was found with; the title says No Name, as Ruby's",
    ),
}


def keeps_what_cannot_be_read(r: Any, w: World) -> None:
    before = w.state()
    with pytest.raises(DecodeError):
        r.pop("q")
    assert w.state() == before


def job_with_a_fault(raw: bytes) -> Play:
    def reserve(r: Any, w: World) -> None:
        job = r.reserve("q")
        assert (job.raw, job.fault is None) == (raw, False)

    return reserve


def own_queue_of_the_class(r: Any, w: World) -> None:
    assert r.enqueue_to(None, w.jobs.LowJob, 1) is True
    assert r.queues() == ["low"]
    assert payloads(r.peek("low")) == [{"class": "LowJob", "args": [1]}]


def refuses_a_class_without_queue(r: Any, w: World) -> None:
    before = w.state()
    with pytest.raises(NoQueueError, match="No queue could be inferred for class NoQueueJob"):
        r.dequeue(w.jobs.NoQueueJob)
    assert w.state() == before


def finds_every_spelling(r: Any, w: World) -> None:
    assert r.dequeue(w.jobs.LowJob, 1) == 4
    assert r.size("low") == 0


def passes_over_bad_json(r: Any, w: World) -> None:
    assert r.dequeue(w.jobs.LowJob) == 1
    assert [job.raw for job in r.peek("low", 0, 9)] == [b"{bad"]


def counts_down(r: Any, w: World) -> None:
    assert r.run(stats(w).decrement("x")) == 4
    assert r.stat("x") == 4


def counts_where_it_is_connected(r: Any, w: World) -> None:
    r.run(stats(w).increment("a"))
    with stranger(w, namespace="second") as other:
        other.run(other.core.stats.increment("a"))
        other.enqueue(w.jobs.LowJob, 1)
        assert (r.stat("a"), other.stat("a")) == (1, 1)
        assert other.queues() == ["low"]


BETTER: dict[str, Play] = {
    # Ruby has popped it before it finds that it cannot read it: the payload is gone.
    "pop_bad_json": keeps_what_cannot_be_read,
    "pop_empty_string": keeps_what_cannot_be_read,
    # Ruby takes them for an empty queue: they are gone, and nobody knows.
    "reserve_null_payload": job_with_a_fault(b"null"),
    "reserve_false_payload": job_with_a_fault(b"false"),
    # Ruby pushes to the queue without a name, where no worker looks.
    "enqueue_to_nil_queue": own_queue_of_the_class,
    # Ruby looks in the queue "false", which may be somebody's.
    "dequeue_class_without_queue": refuses_a_class_without_queue,
    # Ruby leaves jobs that another encoder wrote.
    "dequeue_matches_bytes_not_meaning": finds_every_spelling,
    # Ruby stops in the middle, some jobs removed and some not.
    "dequeue_without_args_bad_json_in_queue": passes_over_bad_json,
    # Ruby's own method is misspelt and fails.
    "stat_decr": counts_down,
    "stat_shift_right": counts_down,
    # Ruby counts at the connection before.
    "stat_data_store_is_remembered": counts_where_it_is_connected,
}

EXCEPTIONS: dict[str, str] = {}


def options(name: str) -> dict[str, Any]:
    return {"inline": True} if name.startswith("enqueue_inline") else {}


REPLAYS = Replays("queues", CALLS, BETTER, EXCEPTIONS, OTHERWISE, options=options)


def coverage() -> tuple[str, int, int]:
    return REPLAYS.coverage()


def test_every_scenario_is_replayed_or_excused() -> None:
    REPLAYS.check_tables()


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("name", REPLAYS.replayed)
def test_queues_as_in_ruby(name: str, face: str, enter: Enter) -> None:
    REPLAYS.run(name, face, enter)
