"""resque-status, as recorded: statuses, steps, kills, and what the scheduler makes of a job with a status."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.plugin_replay import HOWS, Boom, Plugged, Replay, plain, scenarios
from compat_tests.ruby_steps import parse_values
from pyresque.errors import JobArgumentError
from pyresque.handles import AsyncHandle, Handle
from pyresque.plugins import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from compat_tests.conftest import Enter
    from pyresque.handles import OwnStatus

    Body = Callable[[Replay, OwnStatus, dict[str, Any]], None]


def uuid(number: int) -> str:
    """The recorder's stand-in for a random uuid."""
    return f"{number:08x}000040008000{number:012x}"


FIRST = uuid(1)


def snap(p: Replay, status: OwnStatus, options: Any) -> None:
    p.snap("ExportJob", [status.id, options])


def job(
    called: str, body: Body, /, hooks: Mapping[str, Callable[..., Any]] | None = None, **given: Any
) -> Callable[[Replay], None]:
    """A class with a status."""

    def setup(p: Replay) -> None:
        made = iter(range(1, 100))

        def perform(*args: Any, **options: Any) -> None:
            body(p, p.world.resque.status(), args[0] if args else options)

        callbacks = {
            which: partial(callback, p) if which.startswith("on_") else callback
            for which, callback in given.items()
        }
        own: dict[str, Any] = {
            which: staticmethod(hook)
            for which, hook in {"perform": perform, **(hooks or {})}.items()
        }
        plugin = Status(new_id=lambda: uuid(next(made)), **callbacks)
        p.world.resque.job(called, queue="reports", plugins=[plugin])(type(called, (), own))

    return setup


def half(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    status.at(1, options.get("num") or 2, "half")
    p.snap("ReportJob", [status.id, options])
    if options.get("fail"):
        raise Boom("boom")
    if options.get("tell"):
        status.completed("done", rows=3)


report = partial(job, "ReportJob", half)
export = partial(job, "ExportJob")


def killed_between(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    status.at(1, 2, "one")
    if options.get("kill"):
        p.world.resque.statuses.cancel(status.id)
    snap(p, status, options)
    status.at(2, 2, "two")
    snap(p, status, options)


def texts(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    status.tick("warming up")
    snap(p, status, options)
    status.tick("a", "b")
    snap(p, status, options)


def hashes(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    status.tick({"rows": 10, "status": "resting"})
    snap(p, status, options)
    status.tick()
    snap(p, status, options)


def numbers(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    status.at("3", "10")
    snap(p, status, options)
    status.at(0.5, 1.5, "x")
    snap(p, status, options)


def slow(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    snap(p, status, options)
    p.advance(7)
    status.tick("x")


def ticking(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    status.tick("x")
    snap(p, status, options)


def no_total(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    status.at(1, None)


def no_disk(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    raise Boom('no "disk"')


def step_and_boom(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    status.at(1, 4, "first")
    raise Boom("boom")


def boom(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    raise Boom("boom")


def no_rows(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    status.failed("no rows", code=7)


def nothing(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    """Nothing to do."""


def twice(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    status.completed("first")
    status.completed("second", rows=9)


def dies(p: Replay, status: OwnStatus, options: dict[str, Any]) -> None:
    status.at(1, 2)
    snap(p, status, options)
    p.dies()


def refuses(*args: Any) -> bool:
    return False


def early(*args: Any, **options: Any) -> None:
    raise Boom("early")


def noted(what: str) -> Callable[..., None]:
    """A callback that notes the uuid; one for failures notes the error."""

    def callback(p: Replay, *error: object, **options: Any) -> None:
        p.snap(what, [str(error[0]) if error else FIRST])

    return callback


def plain_status_job(p: Replay) -> None:
    made = iter(range(1, 100))
    plugin = Status(new_id=lambda: uuid(next(made)))
    p.world.resque.declare("PlainStatusJob", queue="statused", plugins=[plugin])


def unknown(p: Replay) -> None:
    """No class."""


# -- Ruby's lines


def status(p: Replay, number: int = 1) -> dict[str, Any]:
    """The status of a job."""
    found: dict[str, Any] = json.loads(p.world.client.get(f"resque:status:{uuid(number)}") or "{}")
    return found


def act(p: Replay, *, line: str, result: object) -> None:
    """One line of Ruby that speaks to the class, or to its statuses."""
    statuses, made = (
        p.world.resque.statuses,
        re.match(r"(u = )?(\w+Job)\.create(?:\((.*?)\))?(;|$)", line),
    )
    if made:
        options = [plain(one) for one in parse_values(made[3] or "", p.world.clock.now)]
        handle = p.r.enqueue(made[2], *options)
        if handle is None:
            assert result is None
        else:
            assert isinstance(handle, (Handle, AsyncHandle))
            assert result in (handle.id, True, 1) or "inspect" in line
    if "Hash.kill(u)" in line:
        assert statuses.cancel(FIRST)
    if ".dequeue(" in line:
        assert p.r.dequeue(made[2] if made else "", *options) == result
    if "pct_complete" in line:
        found = statuses.get(FIRST)
        assert found is not None
        assert (found.status, found.percent, found.options, found.time) == (
            "queued", 0, {"num": 4}, 1709618828
        )  # fmt: skip
    if ".times" in line:
        for number in range(3):
            p.r.enqueue("ExportJob", n=number)
        p.work_one()
    if "enqueue_to" in line:
        assert p.r.enqueue_to("urgent", "ExportJob", n=1).id == result
    if "clear_completed" in line:
        assert statuses.clear("completed") == 1
    if "Hash.remove(" in line:
        assert statuses.remove(statuses.all(0, 1)[0].id)
    if "status_ids.first); Resque::Plugins::Status::Hash.clear" in line:
        assert statuses.cancel(statuses.all()[0].id)
        assert statuses.clear() == 1


def plainly(p: Replay) -> None:
    """Ruby: ``Resque.enqueue``, which knows no status."""
    p.world.client.sadd("resque:queues", "reports")
    p.world.client.rpush("resque:queue:reports", '{"class":"ExportJob","args":[]}')


def two_arguments(p: Replay) -> None:
    with pytest.raises(JobArgumentError, match="only argument is a hash of options, not 2"):
        p.r.enqueue_from_config({"class": "ExportJob", "args": [{"num": 2}, 5]})


# -- what is better


def is_failed(act: Callable[[Replay], Any], text: str) -> Callable[[Replay], None]:
    def look(p: Replay) -> None:
        act(p)
        assert (status(p)["status"], status(p)["message"]) == (
            "failed", f"The task failed because of an error: {text}"
        )  # fmt: skip
        assert "resque:_kill" not in p.state()

    return look


def killed_child(p: Replay) -> None:
    p.kill_one()
    assert status(p)["status"] == "failed"
    assert "unhandled signal" in status(p)["message"]


def killed_before(p: Replay) -> None:
    p.work_one()
    assert p.performed() == []
    assert status(p)["status"] == "killed"
    assert "resque:_kill" not in p.state()


def dequeued(p: Replay) -> None:
    p.r.enqueue("ExportJob", n=1)
    p.world.resque.statuses.cancel(FIRST)
    assert p.r.dequeue("ExportJob", n=1) == 1
    assert (status(p)["status"], status(p)["message"]) == (
        "killed", "Dequeued at 2024-03-05 06:07:08 +0000"
    )  # fmt: skip
    assert "resque:_kill" not in p.state()


def trims(p: Replay) -> None:
    p.world.client.delete(f"resque:status:{FIRST}")
    table = p.world.resque.core.statuses.table
    p.play.run(table.trim(int(p.world.clock.now) - 120, 0.0))
    assert p.world.client.zrange("resque:_statuses", 0, -1) == [uuid(2).encode()]


def with_uuid(p: Replay) -> None:
    p.world.resque.delayed_push(
        p.world.clock.now + 60, {"class": "ExportJob", "args": [FIRST, {"num": 2}], "queue": "reports"}
    )  # fmt: skip
    p.advance(60)
    p.move_due()
    p.work_one()
    assert p.performed()[0]["args"] == f'["{FIRST}", {{"num"=>2}}]'
    assert status(p)["status"] == "completed"


def moved_without_the_class(p: Replay) -> None:
    p.world.client.sadd("resque:queues", "reports")
    p.world.client.rpush("resque:queue:reports", '{"class":"ExportJob","args":[{"num":2}]}')
    p.work_one()
    assert p.performed()[0]["args"] == f'["{FIRST}", {{"num"=>2}}]'
    assert status(p)["status"] == "completed"


LINES = scenarios("resque-status")
STEPS = {
    (name, number): partial(act, line=step["ruby"], result=step.get("result"))
    for name, row in LINES.items()
    for number, step in enumerate(row["steps"])
    if re.search(r"Job\.(create|enqueue_to)|Status::Hash", step["ruby"])
}

TABLE = Plugged(
    "resque-status",
    export(snap),
    {
        **{name: report() for name in LINES if "ReportJob" in LINES[name].get("setup", "")},
        "expiry": report(expire_in=600),
        "default_queue": plain_status_job,
        "recurring_class_not_loaded": unknown,
        "recurring_before_enqueue_refuses": export(snap, {"before_enqueue_no": refuses}),
        "create_refused": export(snap, {"before_enqueue_no": refuses}),
        "kill_while_working": export(killed_between),
        "kill_while_working_on_killed": export(
            killed_between,
            on_killed=noted("on_killed"),
            on_success=noted("on_success"),
            on_failure=noted("on_failure"),
        ),
        "kill_then_tick": export(ticking, expire_in=300),
        "tick_text": export(texts),
        "tick_hash": export(hashes),
        "at_strings_and_floats": export(numbers),
        "at_total_nil": export(no_total),
        "time_moves_only_while_merged": export(slow),
        "failing_on_failure": export(no_disk, on_failure=noted("on_failure")),
        "failing_after_steps": export(step_and_boom),
        "failed_by_itself_on_failure": export(
            no_rows, on_failure=noted("on_failure"), on_success=noted("on_success")
        ),
        "success_on_success": export(nothing, on_success=noted("on_success")),
        "failing_requeued": export(boom),
        "failing_before_perform_hook": export(nothing, {"before_perform_no": early}),
        "killed_child": export(dies),
        "pruned": export(dies),
        "create_trims_the_list": export(snap, expire_in=120),
        "remove_and_clear": export(nothing),
        "own_name": export(snap, name=lambda n: f"Export no. {n}"),
        "retry_with_status": export(twice),
    },
    {**STEPS, ("plain_enqueue", 0): plainly, ("recurring_args_two", 0): two_arguments},
    {
        "failing_before_perform_hook": (
            1,
            is_failed(Replay.work_one, "early"),
            "Ruby leaves the status queued for ever",
        ),
        "killed_child": (1, killed_child, "Ruby leaves the status working for ever"),
        "pruned": (
            2,
            is_failed(
                Replay.prune,
                "Worker worker-host:4242:* did not gracefully exit while processing ExportJob",
            ),
            "Ruby leaves the status working for ever",
        ),
        "kill_without_a_step": (
            1,
            killed_before,
            "Ruby performs a job that was cancelled before it began, and keeps the mark for ever",
        ),
        "kill_before_it_is_taken_then_dequeued": (
            0,
            dequeued,
            "Ruby leaves the status queued, and the mark, for ever",
        ),
        "dequeue": (0, dequeued, "Ruby leaves the status queued for ever"),
        "create_trims_the_list": (
            4,
            trims,
            "Ruby drops ids of jobs that are still at work, and those of statuses that do not expire",
        ),
        "delayed_with_uuid": (0, with_uuid, "Ruby's scheduler loses the job"),
        "delayed_class_not_loaded": (
            0,
            moved_without_the_class,
            "Ruby takes the options for the uuid, and performs the job without any",
        ),
    },
)


def coverage() -> list[tuple[str, int, int]]:
    return [TABLE.coverage()]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", TABLE.replayed)
def test_replay(name: str, how: str, enter: Enter) -> None:
    TABLE.run(name, how, enter)


def test_the_table_names_what_is_recorded() -> None:
    TABLE.check()


def test_ruby_3_4_spells_the_options_otherwise() -> None:
    plugin = Status(ruby="3.4")
    job = type("PluginJob", (), {"name": "Report"})
    assert plugin._name(job, {"a": {"b": None}}) == 'Report({"a" => {"b" => nil}})'  # type: ignore[arg-type]
