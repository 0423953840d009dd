"""activejob-uniqueness, as recorded: each strategy, each end of a job, the keys of every kind of argument."""

from __future__ import annotations

import json
import logging
import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from compat_tests.activejob_app import Money, MoneySerializer, Record, locators, span
from compat_tests.activejob_replay import START as NANOSECONDS, show
from compat_tests.plugin_replay import HOWS, START, Boom, Plugged, Replay, scenarios
from compat_tests.ruby_steps import Symbol as RubySymbol, parse_values
from pyresque.activejob import DiscardOn, Indifferent, Module, Range, RetryOn, Symbol, times
from pyresque.activejob.versions import Rails
from pyresque.errors import JobNotUnique, PyresqueError
from pyresque.plugins import Uniqueness
from pyresque.user_errors import exception_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from compat_tests.conftest import Enter
    from compat_tests.plugin_replay import Setup

GEM = "activejob-uniqueness"
WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"
KEY = "activejob_uniqueness:tidy_job:"
ONE = f"{KEY}35dba5d75538a9bbe0b4da4422759a0e"

#: What Rails itself logs.
RAILS_LOG = ("Failed enqueuing", "Error performing")


def version(name: str) -> Rails:
    return Rails.V8_0 if name.endswith("_rails8") else Rails.V6_1


def settings(name: str) -> dict[str, Any]:
    return {
        "rails_version": "8.0" if name.endswith("_rails8") else "6.1",
        "dialect": "json_gem_activesupport",
    }


# -- the recorded classes


def classes(name: str, **changed: Any) -> Setup:
    """The classes of a recorded setup: their strategies, options and rules."""

    def setup(p: Replay) -> None:
        p.lines = Lines()  # type: ignore[attr-defined]
        numbers = count(1)
        p.new_id = lambda: uuid(next(numbers))  # type: ignore[attr-defined]
        for core in cores(p):
            core.active_jobs.new_id = p.new_id  # type: ignore[attr-defined]
            core.active_jobs.now = lambda: times.later(NANOSECONDS, p.world.clock.now - START)
        p.world.resque.serializer(MoneySerializer)
        for model, locate in locators(version(name)).items():
            p.world.resque.locator(model)(locate)
        text = str(scenarios(GEM)[name].get("setup") or "")
        module = re.search(r"^module (\w+)", text)
        found = re.findall(r"^class (\w+) < (\w+)\n?(.*?)^end", text, re.MULTILINE | re.DOTALL)
        bodies: dict[str, str] = {}
        for job, parent, body in found:
            bodies[job] = body if parent == "ActiveJob::Base" else body + bodies.get(parent, "")
            register(p, name, f"{module[1]}::{job}" if module else job, bodies[job], changed)

    return setup


def cores(p: Replay) -> list[Any]:
    faces = {id(face): face for face in (p.world.resque, getattr(p.r, "_target", p.r))}
    return [face.core for face in faces.values()]


def register(p: Replay, name: str, job: str, body: str, changed: Mapping[str, Any]) -> None:
    strategy = re.search(r"unique :(\w+)(?:, (.*))?", body)
    unique = None
    if strategy:
        options = {**unique_options(p, strategy[2] or ""), **changed}
        unique = Uniqueness(strategy[1], **options) if options else strategy[1]
    rules: dict[str, Any] = {}
    retry = re.search(r"retry_on ([\w:]+), (.*)", body)
    if retry:
        error = JobNotUnique if retry[1].endswith("JobNotUnique") else Boom
        rules["retry_on"] = [
            RetryOn((error,), **{key: int(n) for key, n in re.findall(r"(\w+): (\d+)", retry[2])})
        ]
    if "discard_on Boom" in body:
        rules["discard_on"] = [DiscardOn((Boom,))]
    hooks = []
    if "before_enqueue { throw :abort }" in body:
        hooks.append(before_enqueue_abort)
    if "around_enqueue" in body:
        hooks.append(before_enqueue_boom)
    p.world.resque.active_job(job, queue="work", unique=unique, hooks=hooks, **rules)(
        partial(perform, p, job, version(name))
    )


def unique_options(p: Replay, text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in re.findall(r"(\w+): (->.*|[\w:.]+)", text):
        if value.startswith("->"):
            found[key] = lambda envelope: p.note(envelope.job_class, envelope.arguments)
        elif value.startswith(":"):
            found[key] = value[1:]
        else:
            found[key] = timedelta(hours=int(value[0])) if "hours" in value else int(value)
    return found


def before_enqueue_abort(*args: Any) -> bool:
    return False


def before_enqueue_boom(*args: Any) -> None:
    raise Boom("no")


def perform(p: Replay, job: str, rails: Rails, *args: Any, **kwargs: Any) -> None:
    """What the recorder's jobs do."""
    given = [*args, {Symbol(key): value for key, value in kwargs.items()}] if kwargs else [*args]
    noted = [show(one, rails) for one in given]
    p.world.events.note(
        "performed", {"job": job, "args": f"[{', '.join(noted)}]", "during": p.state()}
    )
    if args and args[-1] == "fail":
        raise Boom("boom")
    if args and args[-1] == "die":
        p.dies()


def uuid(number: int) -> str:
    return f"{number:08d}-0000-4000-8000-{number:012d}"


# -- the recorded lines

KINDS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "keywords": ([1], {"force": True, "note": None}),
    "keywords_rails8": ([1], {"force": True, "note": None}),
    "indifferent": ([Indifferent({"a": 1})], {}),
    "symbol": ([Symbol("active")], {}),
    "globalid": ([Record("Account", 42), Record("Billing::Invoice", 7)], {}),
    "unicode": (["caf\u00e9 \u65e5\u672c \U0001f600"], {}),
    "line_separators": (["a\u2028b\u2029c"], {}),
    "control": (['tab\tnl\n\u0000 \\ / "'], {}),
    "time": ([datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone.utc), date(2024, 2, 29)], {}),
    "time_with_zone": ([datetime(2024, 1, 2, 12, 4, 5, tzinfo=ZoneInfo("Asia/Tokyo"))], {}),
    "time_with_zone_rails8": ([datetime(2024, 1, 2, 12, 4, 5, tzinfo=ZoneInfo("Asia/Tokyo"))], {}),
    "duration": ([], {}),
    "big_decimal": ([Decimal("12.50")], {}),
    "big_decimal_rails8": ([Decimal("12.50")], {}),
    "module": ([Module("Comparable")], {}),
    "range": ([Range(1, 5)], {}),
    "range_rails8": ([Range(1, 5)], {}),
    "money": ([Money(500, "EUR")], {}),
    "hash_symbol_keys": ([{Symbol("b"): 1, Symbol("a"): {Symbol("c"): "d"}}], {}),
}


def symbols(value: Any) -> Any:
    """A parsed Ruby value with Rails' symbols."""
    if isinstance(value, RubySymbol):
        return Symbol(str.__str__(value))
    if isinstance(value, list):
        return [symbols(one) for one in value]
    if isinstance(value, dict):
        return {symbols(key): symbols(one) for key, one in value.items()}
    return value


def enqueue(p: Replay, name: str, ruby: str) -> Any:
    """``TidyJob.set(wait: 60).perform_later(1)``."""
    found = re.fullmatch(r"([\w:]+?)(?:\.set\(wait: (\d+)\))?\.perform_later\((.*)\)", ruby)
    assert found, ruby
    kind = name.removeprefix("lock_key_")
    if name == "lock_key_duration":
        args, kwargs = [span(5400, minutes=90)], {}
    elif name.startswith("lock_key_") and kind in KINDS:
        args, kwargs = KINDS[kind]
    else:
        args, kwargs = symbols(parse_values(found[3], 0)), {}
    job = p.r.active_job(found[1], queue="work")
    if found[2]:
        job = job.set(wait=int(found[2]))
    made = (
        job.enqueue(*args, **kwargs)
        if not hasattr(p.r, "_loop")
        else p.r._loop.run_until_complete(job.enqueue(*args, **kwargs))
    )
    return False if made is None else f"#<{made.job_class} {made.job_id}>"


def line(p: Replay, name: str, step: Mapping[str, Any]) -> None:
    """One recorded line: what it answers, raises and logs."""
    answer, raised = None, None
    p.lines.clear()  # type: ignore[attr-defined]
    try:
        for part in step["ruby"].split("; "):
            given = act(p, name, part)
            answer = given if given is not None else answer
    except (PyresqueError, Boom) as error:
        raised = {"class": exception_name(error), "message": str(error)}
    assert raised == step.get("error"), (raised, step.get("error"))
    if raised is None and "perform_later" in step["ruby"] and name.partition("_")[0] != "own":
        expected = step["result"]
        if "lock_key" in step["ruby"]:
            (found,) = re.findall(r"[\w:/]*tidy_job:\w+", expected)
            assert found in p.state(), found
        else:
            assert answer == expected, (answer, expected)
    logged = [one for one in step.get("log", []) if not one.startswith(RAILS_LOG)]
    if "GlobalID" not in str(logged) and "lock_key_" not in name:
        assert p.lines.messages == logged  # type: ignore[attr-defined]


def act(p: Replay, name: str, ruby: str) -> Any:  # noqa: PLR0911 - a table of lines
    if "perform_later" in ruby:
        return enqueue(p, name, re.sub(r"^(j|k) = |\.lock_key$", "", ruby))
    if (
        ruby.startswith(
            ("[j.lock_key", "ActiveSupport.escape", "ActiveJob::Uniqueness.config", "k")
        )
        and "kill" not in ruby
    ):
        return None
    if ruby == "ActiveJob::Uniqueness.unlock!":
        return p.r.unlock_active_jobs()
    if unlocked := re.fullmatch(r"(\w+)\.unlock!(?:\((.*)\))?", ruby):
        return p.r.unlock_active_jobs(unlocked[1], *parse_values(unlocked[2] or "", 0))
    if taken := re.fullmatch(
        r"Rec\.raw\.set\(TidyJob\.new\(1\)\.(runtime_)?lock_key, 'x', px: 5000\)", ruby
    ):
        p.world.client.set(ONE + (":runtime" if taken[1] else ""), "x", px=5000)
        return None
    if ruby.startswith("push!"):
        arguments = [1]
        data = {
            "job_class": "TidyJob", "job_id": "11111111-2222-4333-8444-555555555555", "provider_job_id": None,
            "queue_name": "work", "priority": None, "arguments": arguments, "executions": 0, "exception_executions": {},
            "locale": "en", "timezone": "UTC", "enqueued_at": "2024-03-05T06:00:00.000000000Z", "scheduled_at": None,
        }  # fmt: skip
        raw = json.dumps({"class": WRAPPER, "args": [data]}, separators=(",", ":"))
        p.world.client.sadd("resque:queues", "work")
        p.world.client.rpush("resque:queue:work", raw)
        return None
    works: dict[str, Callable[[], Any]] = {
        "work_one!": p.work_one,
        "kill_one!": p.kill_one,
        "abandon_one!": p.abandon_one,
    }
    if ruby in works:
        if p.world.client.llen("resque:queue:work"):
            p.new_id()  # type: ignore[attr-defined]  # Rails makes a job with an id of its own, and then gives it that of the payload
        return works[ruby]()
    if ruby == "prune!":
        return p.prune()
    if ruby == "move_due!":
        return p.move_due()
    if ruby.startswith("advance!"):
        return p.advance(int(re.findall(r"\d+", ruby)[0]))
    if ruby == "Resque.remove_queue(:work)":
        p.r.remove_queue("work")
        return None
    assert ruby == "Resque::Failure.requeue(0)", ruby
    p.r.failures.requeue(0)
    return None


class Lines(logging.Handler):
    """What our log says of locks."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.messages: list[str] = []
        logger = logging.getLogger("pyresque")
        for one in [one for one in logger.handlers if isinstance(one, Lines)]:
            logger.removeHandler(one)
        logger.addHandler(self)
        logger.setLevel(logging.DEBUG)

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message.startswith(("Locked", "Unlocked", "Not unique")):
            self.messages.append(message)

    def clear(self) -> None:
        self.messages.clear()


# -- where ours does better


def no_key(p: Replay) -> None:
    left = [key for key in p.state() if not key.startswith("resque:")]
    assert left == [], left


def worked(p: Replay) -> None:
    p.work_one()
    no_key(p)


def retried(p: Replay) -> None:
    p.work_one()
    (key,) = (key for key in p.state() if key.startswith("resque:delayed:"))
    assert '"executions":1,"exception_executions":{"[Boom]":1}' in p.state()[key]["value"][0]
    (lock,) = (key for key in p.state() if key.startswith(KEY))
    assert p.state()[lock]["ttl"] > 86300
    assert "resque:failed" not in p.state()
    p.advance(30)
    p.move_due()
    p.work_one()
    p.advance(30)
    p.move_due()
    p.work_one()
    assert len(p.state()["resque:failed"]["value"]) == 1
    no_key(p)


def recorded_as_found(p: Replay) -> None:
    worked(p)
    (record,) = p.state()["resque:failed"]["value"]
    assert '"executions":1,"exception_executions":{"[Boom]":1}' in record
    assert '"exception":"Boom"' in record


def killed(p: Replay) -> None:
    p.kill_one()
    no_key(p)


def pruned(p: Replay) -> None:
    p.prune()
    no_key(p)


def vetoed(p: Replay) -> None:
    assert enqueue(p, "enqueue_vetoed_later", "TidyJob.perform_later(1)") is False
    assert p.state() == {}


def queue_removed(p: Replay) -> None:
    p.r.remove_queue("work")
    assert p.state() == {}


DAY = "Ruby leaves the key for a day"

BETTER: dict[str, tuple[int, Callable[[Replay], None], str]] = {
    "until_executed_failure": (1, worked, f"{DAY} after a failure"),
    "until_executed_failure_requeued": (1, worked, f"{DAY} after a failure"),
    "until_executed_failure_unlocked_by_hand": (1, worked, f"{DAY} after a failure"),
    "until_executed_retry_on": (
        1,
        retried,
        "Ruby refuses the retry for the job's own key, and the job fails",
    ),
    "until_executed_retry_on_rails8": (1, retried, "as above"),
    "until_executed_retry_on_log": (
        1,
        retried,
        "Ruby drops the retry for the job's own key, and keeps the key",
    ),
    "until_executing_retry_on": (
        4,
        recorded_as_found,
        "Rails counts the failure in the hash of the payload itself; our record holds the payload as found",
    ),
    "until_executed_discard_on": (1, worked, f"{DAY} after a discard"),
    "until_executed_killed_child": (1, killed, f"{DAY} after a kill"),
    "until_executed_pruned": (2, pruned, f"{DAY} after pruning"),
    "until_and_while_executing_killed_child": (1, killed, f"{DAY} after a kill"),
    "while_executing_killed_child": (1, killed, f"{DAY} after a kill"),
    "dequeued_by_resque": (1, queue_removed, f"{DAY} after its job was removed"),
    "enqueue_vetoed_later": (0, vetoed, f"{DAY} after a veto"),
    "lock_key_time_with_zone": (
        1,
        worked,
        "Rails 6.1 reads the time in another zone, and so misses the key",
    ),
}

NO_PERFORM_NOW = "Python calls the function: there is no perform_now"

TABLE = Plugged(
    GEM,
    classes("until_executed"),
    {
        **{name: classes(name) for name in scenarios(GEM)},
        "own_key_arguments": classes(
            "own_key_arguments", lock_key_arguments=lambda number, *rest: [number]
        ),
        "own_key": classes(
            "own_key",
            lock_key=lambda number: f"tidy-{number}",
            runtime_lock_key=lambda number: f"tidy-run-{number}",
        ),
        "own_prefix": classes("own_prefix", lock_prefix="shop"),
        "lock_key_escape_html_off": classes("lock_key_escape_html_off", escape_html=False),
    },
    {
        (name, number): lambda p, name=name, step=step: line(p, name, step)
        for name, row in scenarios(GEM).items()
        for number, step in enumerate(row["steps"])
    },
    BETTER,
    {
        "perform_now": NO_PERFORM_NOW,
        "perform_now_deletes_anothers": NO_PERFORM_NOW,
        "lock_key_escape_html_off": "an encoder setting of the payload, too; tests/plugins/test_uniqueness.py has the key",
    },
)

TABLES = (TABLE,)


def coverage() -> list[tuple[str, int, int]]:
    return [one.coverage() for one in TABLES]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", TABLE.replayed)
def test_replay(name: str, how: str, enter: Enter) -> None:
    TABLE.run(name, how, partial(enter, **settings(name)))


def test_every_table_names_what_is_recorded() -> None:
    for table in TABLES:
        table.check()
