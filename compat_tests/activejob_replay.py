"""How a recorded ActiveJob scenario is replayed: written, read, failed and retried as Rails did, per version and encoder.

What a worker does around that (looking the class up, calling it, callbacks, keeping records) belongs to the job wrapper;
``LEFT_TO_THE_WRAPPER`` names those scenarios. ``DIFFERENT`` names those where we differ on purpose.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from compat_tests.activejob_app import (
    CALLS,
    FIRST_RANDOM,
    INTERRUPTIONS,
    RULES,
    START,
    ArgumentError,
    Call,
    Money,
    MoneySerializer,
    Record,
    locators,
)
from pyresque.activejob import (
    DateTime,
    Duration,
    Envelope,
    Indifferent,
    Keywords,
    Rails,
    Range,
    deserialize,
    ruby_messages,
    serialize,
    times,
)
from pyresque.activejob.envelope import unwrap
from pyresque.activejob.registry import WRAPPER, is_wrapper
from pyresque.activejob.retries import Discard, Exhausted, Retry, decide, ruby_name
from pyresque.errors import DeserializationError, NotEncodable, PyresqueError, SerializationError
from pyresque.ruby.json import Dialect, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

GOLDEN = Path(__file__).parent.parent / "ruby_fixtures" / "golden" / "activejob.json"
ENTRIES: list[dict[str, Any]] = json.loads(GOLDEN.read_text())["entries"]
DIALECTS = {
    "json_gem+activesupport": Dialect.JSON_GEM_ACTIVESUPPORT,
    "oj": Dialect.OJ_ACTIVESUPPORT,
}
#: The encoders refuse these; what they say about it is theirs.
ENCODER_ERRORS = ("JSON::GeneratorError",)

LOOKUP = "the job class is looked up, or called, by the wrapper"
STEPS = "the steps of a continuable job are gone by the wrapper"
LEFT_TO_THE_WRAPPER = {
    "keyword_passed_as_braced_hash": LOOKUP,
    "keyword_unknown": LOOKUP,
    "in_symbol_keys_to_keyword_job": LOOKUP,
    "in_plain_hash_to_keyword_job": LOOKUP,
    "in_wrong_number_of_arguments": LOOKUP,
    "mailer_inbound_unknown_action": LOOKUP,
    "mailer_inbound_args_as_symbol_keys": LOOKUP,
    "inbound_unknown_job_class": LOOKUP,
    "inbound_job_class_lowercase": LOOKUP,
    "inbound_job_class_not_a_job": LOOKUP,
    "inbound_job_class_named_directly": LOOKUP,
    "inbound_locale_unknown_enforced": "the application's list of locales is checked by the wrapper, if it has one",
    "enqueue_halted_by_callback": LOOKUP,
    "perform_now_writes_nothing": "perform_now: nothing is written",
    "set_wait_until_date": "the wrapper's set(): a date is no time",
    "rescue_from": "rescue_from: code of the job's own",
    "after_discard": "after_discard: code of the job's own",
    "continuable_error_before_advancing": STEPS,
    "continuable_resume_limit": STEPS,
    "inbound_not_json": "the worker's: no job can be read at all",
}

#: By scenario and encoder ("" for all): where we differ on purpose, from which Rails version on, and why.
DIFFERENT = {
    ("float_nan_infinity", "json_gem+activesupport"): (
        Rails.V6_0,
        "refused: Rails writes null and the job gets nil",
    ),
    ("floats", "oj"): (
        Rails.V6_0,
        "oj reads long floats as BigDecimal, which 7.2 refuses; here they stay floats",
    ),
    ("float_extremes", "oj"): (Rails.V6_0, "as above"),
    ("escape_html_entities_off", ""): (
        Rails.V6_0,
        "an application's setting that no dialect has; only escapes differ",
    ),
    ("escape_js_separators_off_8_1", ""): (Rails.V8_1, "as above"),
    ("in_module_unknown", ""): (
        Rails.V6_1,
        "there are no Ruby constants here: a class stays a Module by its name",
    ),
    ("in_serialized_not_a_serializer", ""): (
        Rails.V6_0,
        "a class without a serializer is not known, one of Ruby's too",
    ),
    ("inbound_wrapper_string_arg", ""): (
        Rails.V6_0,
        "a text in place of the job hash is refused, not searched",
    ),
}


def versions(entry: dict[str, Any]) -> list[Rails]:
    return [Rails.named(name) for name in entry["rails"]]


def difference(entry: dict[str, Any]) -> str | None:
    for encoder in (entry["encoder"], ""):
        since, why = DIFFERENT.get((entry["name"], encoder), (None, None))
        if since is not None and min(versions(entry)) >= since:
            return why
    return None


# -- a worker made of pure functions ------------------------------------------------------------------


@dataclass
class World:
    """One scenario under one Rails version: what is in Redis, what ran, and what failed."""

    entry: dict[str, Any]
    version: Rails
    now: datetime = START
    lists: dict[str, list[bytes]] = field(default_factory=dict)
    performed: list[dict[str, Any]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    runs: int = 0

    @property
    def dialect(self) -> Dialect:
        return DIALECTS[self.entry["encoder"]]

    def payload(self, job: Envelope, *, delayed: bool) -> bytes:
        outer: dict[str, object] = {"class": WRAPPER, "args": [job.to_json()]}
        return encode(
            {**outer, "queue": job.queue_name} if delayed else outer, dialect=self.dialect
        )

    def encoded(self, value: object) -> bytes:
        return encode(value, dialect=self.dialect)

    def put(self, job: Envelope) -> None:
        second = int(job.run_at.timestamp()) if job.run_at else 0
        delayed = second > int(self.now.timestamp())
        key = f"resque:delayed:{second}" if delayed else f"resque:queue:{job.queue_name}"
        self.lists.setdefault(key, []).append(self.payload(job, delayed=delayed))

    def enqueue(self, number: int, call: Call) -> None:
        number = call.number or number
        arguments = serialize(
            call.args,
            call.kwargs,
            version=call.arguments_of or self.version,
            serializers=[MoneySerializer()],
        )
        self.put(
            Envelope.create(
                call.job,
                arguments,
                job_id=f"{number:08d}-0000-4000-8000-{number:012d}",
                queue_name=call.queue,
                priority=call.priority,
                now=self.now,
                at=call.at if call.wait is None else times.later(self.now, call.wait),
                locale=call.locale,
                timezone=call.timezone,
                continuable=call.continuable,
                extra=call.extra,
                version=self.version,
            )
        )

    def work(self) -> None:
        while key := min(
            (key for key, jobs in self.lists.items() if jobs and ":queue:" in key), default=None
        ):
            raw = self.lists[key].pop(0)
            try:
                self.perform(raw)
            except (PyresqueError, ArgumentError) as error:
                self.failed.append((ruby_name(type(error)), str(error)))

    def perform(self, raw: bytes) -> None:
        payload = decode(raw)
        assert isinstance(payload, dict)
        assert is_wrapper(payload["class"])
        job = Envelope.from_payload(unwrap(payload["args"]), version=self.version).started()
        self.runs += 1
        try:
            args, kwargs = deserialize(
                job.arguments, locators(self.version), [MoneySerializer()], version=self.version
            )
            if job.timezone:
                times.find_zone(job.timezone)
        except DeserializationError as error:
            self.rescue(error, job)
            return
        if not job.job_class.startswith("ActionMailer::"):  # its jobs note nothing
            self.performed.append(seen(job, args, kwargs))
        if job.job_id and job.job_id.startswith(
            "0000"
        ):  # Rails wrote it, so it can be written again: the same
            again = serialize(args, kwargs, version=self.version, serializers=[MoneySerializer()])
            if (
                self.version >= Rails.V7_0 or b"TimeWithZone" not in raw
            ):  # 6.x forgets which zone it was
                assert self.encoded(again) == self.encoded(job.arguments)
            job = replace(job, arguments=again)
        self.finish(job)

    def finish(self, job: Envelope) -> None:
        interruptions = INTERRUPTIONS.get(self.entry["name"], [])
        if self.runs <= len(interruptions):
            found = interruptions[self.runs - 1]
            job, _ = replace(job, continuation=found.continuation).counted(found.key)
            self.put(
                job.retried(
                    now=self.now, wait=found.wait, queue=found.queue, priority=found.priority
                )
            )
        elif self.entry["name"] == "rescue_from_retry_job":
            self.put(job.retried(now=self.now, wait=60, queue="again", worker_locale="en"))
        elif job.job_class == "OnceMoreJob":
            if job.executions < 2:
                self.put(job.retried(now=self.now))
        elif job.job_class == "FlakyJob":
            self.rescue(ArgumentError("boom"), job)

    def rescue(self, error: Exception, job: Envelope) -> None:
        outcome = decide(RULES.get(self.entry["name"], ()), error, job, random=lambda: FIRST_RANDOM)
        match outcome:
            case None:
                raise error
            case Retry(job=counted, wait=wait, rule=rule):
                self.put(
                    counted.retried(
                        now=self.now,
                        wait=wait,
                        queue=rule.queue,
                        priority=rule.priority,
                        worker_locale="en",
                        keep_unknown=False,
                    )
                )
            case Exhausted(job=counted, rule=rule):
                if rule.on_exhausted is None:
                    raise error
                self.performed.append({**seen(counted, [], {}), "block": str(error)})
            case Discard(rule=rule):
                if rule.on_discarded:
                    self.performed.append({**seen(job, [], {}), "block": str(error)})


# -- how Ruby would show it -----------------------------------------------------------------------------


def seen(job: Envelope, args: list[object], kwargs: dict[str, object]) -> dict[str, Any]:
    """What the recorder's jobs note about themselves."""
    noted = {
        "job": job.job_class.removeprefix("::"),
        "job_id": job.job_id,
        "queue_name": job.queue_name,
        "priority": job.priority,
        "executions": job.executions,
        "exception_executions": job.exception_executions and dict(job.exception_executions),
        "locale": job.locale,
        "timezone": job.timezone,
        "provider_job_id": job.provider_job_id,
        "I18n.locale": job.locale,
        "Time.zone": job.timezone,
        "enqueued_at": when(job.enqueued_at, job.version),
        "scheduled_at": when(job.scheduled_at, job.version),
    }
    if job.job_class == "TrackedJob":
        noted |= job.extra
    if job.job_class in ("KeywordJob", "MailDeliveryJob"):
        names = ("args", "params") if job.job_class == "MailDeliveryJob" else ("force", "note")
        defaults = {"force": False}
        suffix = "_kw" if job.job_class == "MailDeliveryJob" else ""
        noted |= {
            f"{name}{suffix}": show(kwargs.get(name, defaults.get(name)), job.version)
            for name in names
        }
    else:
        args = [*args, kwargs] if isinstance(kwargs, Keywords) else args
    if job.job_class == "ImportJob":
        noted["resumptions"] = str(job.resumptions or 0)
        noted["continuation"] = show(dict(job.continuation or {"completed": []}), job.version)
    noted["args"] = [
        {"class": ruby_class(arg, job.version), "inspect": show(arg, job.version)}
        | ({"keywords": True} if isinstance(arg, Keywords) else {})
        for arg in args
    ]
    return noted


def when(value: object, version: Rails) -> str:
    if value is None or version < Rails.V7_1:
        return ruby_messages.inspect(value)
    return show(times.read(value, timezone.utc), version)


def ruby_class(value: object, version: Rails) -> str:  # noqa: PLR0911 - a table of kinds
    match value:
        case Record(model=model):
            return model
        case Money():
            return "Money"
        case Indifferent():
            return "ActiveSupport::HashWithIndifferentAccess"
        case timedelta():
            return "ActiveSupport::Duration"
        case DateTime():
            return "DateTime"
        case datetime(tzinfo=ZoneInfo()):
            return "ActiveSupport::TimeWithZone" if version >= Rails.V7_1 else "Time"
        case datetime():
            return "Time"
        case date():
            return "Date"
    return (
        "Module"
        if ruby_messages.inspect(value) == "Comparable"
        else ruby_messages.class_name(value)
    )


def show(value: object, version: Rails) -> str:  # noqa: PLR0911 - a table of kinds
    match value:
        case Duration():
            return show_duration(value)
        case DateTime():
            return f"{value:%a, %d %b %Y %H:%M:%S %z}"
        case datetime(tzinfo=ZoneInfo()):
            day = "%Y-%m-%d" if version >= Rails.V8_0 else "%a, %d %b %Y"
            fraction = f".{times.nanoseconds(value):09d}" if version >= Rails.V6_1 else ""
            offset = f"{value:%z}"
            return f"{value.strftime(day)} {value:%H:%M:%S}{fraction} {value:%Z} {offset[:3]}:{offset[3:]}"
        case datetime():
            fraction = f".{times.nanoseconds(value):09d}".rstrip("0").rstrip(".")
            zone = "UTC" if value.tzinfo is timezone.utc else f"{value:%z}"
            return f"{value:%Y-%m-%d %H:%M:%S}{fraction} {zone}"
        case date():
            return f"{value:%a, %d %b %Y}"
        case Range():
            shown = Range(
                Shown.of(value.begin, version),
                Shown.of(value.end, version),
                exclude_end=value.exclude_end,
            )
            return ruby_messages.inspect(shown)
        case list():
            return f"[{', '.join(show(item, version) for item in value)}]"
        case dict():
            return (
                "{"
                + ", ".join(
                    f"{ruby_messages.inspect(key)}=>{show(item, version)}"
                    for key, item in value.items()
                )
                + "}"
            )
    return ruby_messages.inspect(value)


@dataclass(frozen=True)
class Shown:
    text: str

    @classmethod
    def of(cls, value: object, version: Rails) -> object:
        return None if value is None else cls(show(value, version))

    def __repr__(self) -> str:
        return self.text


def show_duration(value: Duration) -> str:
    if not value.parts:
        return f"{value.value} seconds"
    shown = [
        f"{amount} {name.removesuffix('s') if amount == 1 else name}"
        for name, amount in value.parts
    ]
    if len(shown) < 3:
        return " and ".join(shown)
    return f"{', '.join(shown[:-1])}, and {shown[-1]}"


# -- the replay -----------------------------------------------------------------------------------------


def raw_bytes(value: object) -> bytes:
    if isinstance(value, dict):
        return base64.b64decode(value["base64"])
    assert isinstance(value, str)
    return value.encode()


def lists_in(step: dict[str, Any]) -> dict[str, list[bytes]]:
    return {
        key: [raw_bytes(item) for item in kept["value"]]
        for key, kept in step.get("redis", {}).items()
        if key.startswith(("resque:queue:", "resque:delayed:"))
    }


def failures_in(step: dict[str, Any]) -> list[tuple[str, str]]:
    records = (
        json.loads(raw)
        for raw in step.get("redis", {}).get("resque:failed", {"value": []})["value"]
    )
    return [(record["exception"], record["error"]) for record in records]


def replay(entry: dict[str, Any], version: Rails, make: type[World] = World) -> None:
    world = make(entry, version)
    if entry["name"] in CALLS:
        replay_calls(world, entry, CALLS[entry["name"]])
    for step in entry["steps"]:
        if step["ruby"].startswith("work!"):
            world.performed.clear()
            world.work()
            # What a step of a continuable job notes of itself is its own.
            noted = [note for note in step.get("performed", []) if "resumed" not in note]
            assert world.performed == noted
            assert {key: jobs for key, jobs in world.lists.items() if jobs} == lists_in(step)
            assert world.failed == failures_in(step)
        elif "redis" in step:
            world.lists = lists_in(step)
        if "advance!" in step["ruby"]:
            world.now = times.later(world.now, int(step["ruby"].split("advance!(")[1].rstrip(")")))


def replay_calls(world: World, entry: dict[str, Any], calls: list[Call]) -> None:
    """Enqueue what the scenario's first steps enqueue, and compare the bytes, or the refusal."""
    refusal = entry["steps"][0].get("error")
    if refusal:
        with pytest.raises((SerializationError, NotEncodable)) as caught:
            world.enqueue(1, calls[0])
        if refusal["class"] not in ENCODER_ERRORS:
            assert (ruby_name(caught.type), str(caught.value)) == (
                refusal["class"],
                refusal["message"],
            )
            assert ("cause" in refusal) == (caught.value.__cause__ is not None)
        return
    for number, call in enumerate(calls, start=1):
        world.enqueue(number, call)
    later = ("work!", "advance!", "move_due!")
    steps = list(takewhile(lambda step: not step["ruby"].startswith(later), entry["steps"]))
    assert world.lists == lists_in(steps[-1])


def name_of(entry: dict[str, Any]) -> str:
    return f"{entry['name']}-{entry['rails'][0]}-{entry['encoder'].split('+')[0]}"


def replayed() -> Iterator[dict[str, Any]]:
    for entry in ENTRIES:
        if entry["name"] not in LEFT_TO_THE_WRAPPER and not difference(entry):
            yield entry


def set_aside() -> Iterator[dict[str, Any]]:
    for entry in ENTRIES:
        if entry["name"] in LEFT_TO_THE_WRAPPER or difference(entry):
            yield entry
