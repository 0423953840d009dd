"""The recorded ActiveJob scenarios once more, through the job wrapper that real workers use."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.activejob_app import (
    CALLS,
    FIRST_RANDOM,
    RULES,
    ArgumentError,
    Call,
    MoneySerializer,
    locators,
)
from compat_tests.activejob_replay import (
    ENTRIES,
    GOLDEN,
    LEFT_TO_THE_WRAPPER as LEFT,
    LOOKUP,
    STEPS as IN_STEPS,
    World,
    difference,
    name_of,
    raw_bytes,
    replay,
    seen,
    versions,
)
from pyresque.activejob import Continuable, DiscardOn, Envelope, Keywords, NewJob, Rails, Resume
from pyresque.activejob.calls import Options
from pyresque.activejob.registry import ActiveJobs
from pyresque.activejob.versions import RailsApp
from pyresque.activejob.wrapper import JobWrapper
from pyresque.job.job import JsonCodec, read_job
from pyresque.job.registry import Registry
from tests.support.scripted_driver import result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: By scenario: why the wrapper does not go the recorded way, or is not asked to.
NOT_REPLAYED = {
    **{name: why for name, why in LEFT.items() if why not in (LOOKUP, IN_STEPS)},
    "inbound_job_class_named_directly": "the first payload is no wrapper's",
    "inbound_job_class_not_a_job": "the recorded class is one of Ruby's own, String",
    "mailer_inbound_unknown_action": "the action is looked up by Rails' mailer, code of the job's own",
    "custom_serialize_fields": "a job class with fields of its own: the wrapper writes none, and keeps those it finds",
    "big_decimal_7_1_before_load_defaults": "the wrapper writes as one Rails version throughout",
    "rescue_from_retry_job": "rescue_from: code of the job's own",
    "retry_job_without_wait": "retry_job: code of the job's own",
    "inbound_retry_keeps_unknown_fields": "Rails loses the fields it does not know; here they stay",
    "retry_keeps_locale_and_zone": "Rails up to 7.1 forgets the job's locale at a retry; here it stays",
}

#: The jobs that note nothing, and the names that no class has.
MAIL = ("ActionMailer::", "UserMailer")
UNKNOWN = {"NoSuchJob", "echo_job"}


def job_names() -> set[str]:
    """Every job class that the recordings name."""
    names = {call.job for calls in CALLS.values() for call in calls}
    for entry in ENTRIES:
        for found in entry["payloads"]:
            try:
                job = json.loads(raw_bytes(found["raw"]))["args"][0]["job_class"]
            except (ValueError, TypeError, LookupError):
                continue
            names |= {job} if isinstance(job, str) else set()
    return {name.removeprefix("::") for name in names} - UNKNOWN


NAMES = job_names()


class HaltedJob:
    @staticmethod
    def before_enqueue_halt(*_args: object) -> bool:
        return False

    @staticmethod
    def perform(*_args: object) -> None:
        raise AssertionError("it was halted")


class WrapperWorld(World):
    """A scenario whose jobs are enqueued, performed and tried again by the wrapper; the test is Redis and clock."""

    stopping = False

    def wrapper(self, app: RailsApp, number: int = 0) -> JobWrapper:
        async def put(envelope: Envelope) -> None:
            self.put(envelope)

        return JobWrapper(
            self.jobs(),
            Registry(),
            app,
            put,
            lambda: self.now,
            new_id=lambda: f"{number:08d}-0000-4000-8000-{number:012d}",
            random=lambda: FIRST_RANDOM,
            stopping=lambda: self.stopping,
        )

    def jobs(self) -> ActiveJobs:
        jobs = ActiveJobs()
        jobs.locators.update(locators(self.version))
        jobs.serializers.append(MoneySerializer())
        jobs.add("HaltedJob", HaltedJob)
        for name in NAMES - {"ImportJob", "HaltedJob"}:
            jobs.add(name, self.performing(name), retry_on=self.rules(), bind=True)
        resume = RESUME.get(self.entry["name"], Resume())
        jobs.add("ImportJob", self.importing, resume=resume)
        return jobs

    def importing(self, job: Continuable, id: int) -> None:  # noqa: A002 - the recorded job's name for it
        self.performed.append(seen(job.with_progress(), [id], {}))
        STEPS[self.entry["name"].removeprefix("continuable_")](self, job)

    def performing(self, name: str) -> Any:
        def echo(job: Envelope, *args: Any, **kwargs: Any) -> None:
            self.performed.append(seen(job, list(args), Keywords(kwargs) if kwargs else {}))

        def flaky(job: Envelope, *args: Any, **kwargs: Any) -> None:
            echo(job, *args, **kwargs)
            raise ArgumentError("boom")

        def keyword(job: Envelope, number: Any, *, force: Any = False, note: Any = None) -> None:
            self.performed.append(seen(job, [number], {"force": force, "note": note}))

        def mail(
            job: Any, mailer: Any, mail: Any, way: Any, *, args: Any, params: Any = None
        ) -> None:
            """Sends nothing."""

        def old_mail(job: Any, *args: Any, **kwargs: Any) -> None:
            """Sends nothing either."""

        if name.startswith("ActionMailer::"):
            return mail if name.endswith("MailDeliveryJob") else old_mail
        return {"FlakyJob": flaky, "KeywordJob": keyword}.get(name, echo)

    def rules(self) -> Any:
        return [
            replace(rule, on_discarded=rule.on_discarded and self.block_called)
            if isinstance(rule, DiscardOn)
            else replace(rule, on_exhausted=rule.on_exhausted and self.block_called)
            for rule in RULES.get(self.entry["name"], ())
        ]

    def block_called(self, job: Envelope, error: BaseException) -> None:
        self.performed.append({**seen(job, [], {}), "block": str(error)})

    def enqueue(self, number: int, call: Call) -> None:
        number = call.number or number
        wrapper = self.wrapper(RailsApp(self.version, call.locale, call.timezone), number)
        options = Options(
            wait=call.wait, wait_until=call.at, queue=call.queue, priority=call.priority
        )
        result_of(wrapper.enqueue(NewJob(call.job, call.args, call.kwargs, options)))

    def perform(self, raw: bytes) -> None:
        job = read_job(JsonCodec(), "default", raw)
        result_of(self.wrapper(RailsApp(self.version)).perform(job))


# -- the recorded jobs in steps, by scenario ------------------------------------------------------------


def two_steps(_world: WrapperWorld, job: Continuable) -> None:
    for name in ("one", "two"):
        for _step in job.step(name):
            pass


def stopped_between_steps(world: WrapperWorld, job: Continuable) -> None:
    for _step in job.step("one"):
        world.stopping = True
    world.stopping &= job.envelope.executions == 1
    for _step in job.step("two"):
        pass


def cursor(world: WrapperWorld, job: Continuable) -> None:
    for step in job.step("rows", start=0):
        while step.cursor < 4:
            world.stopping = step.cursor == 2
            step.advance()


def array_cursor(world: WrapperWorld, job: Continuable) -> None:
    for step in job.step("rows", start=[0, "a"]):
        world.stopping = True
        step.set([1, "b"])


def error_after_advancing(_world: WrapperWorld, job: Continuable) -> None:
    for _step in job.step("one"):
        pass
    for _step in job.step("two"):
        raise ArgumentError("boom")


def error_before_advancing(_world: WrapperWorld, job: Continuable) -> None:
    for _step in job.step("one"):
        raise ArgumentError("boom")


def isolated_step(_world: WrapperWorld, job: Continuable) -> None:
    for _step in job.step("one"):
        pass
    for _step in job.step("two", isolated=True):
        pass


def resume_limit(_world: WrapperWorld, job: Continuable) -> None:
    for _step in job.step("one"):
        pass
    for step in job.step("two"):
        if step.cursor is None:
            step.set(1)
            raise ArgumentError("boom")
    for _step in job.step("three"):
        raise ArgumentError("boom")


def inbound_midway(_world: WrapperWorld, job: Continuable) -> None:
    for _step in job.step("one"):
        raise AssertionError("not again")
    for step in job.step("two"):
        assert (step.cursor, step.resumed) == (5, True)


STEPS: dict[str, Callable[[WrapperWorld, Continuable], None]] = {
    "fresh": two_steps,
    "inbound_without_fields": two_steps,
    "stopped_between_steps": stopped_between_steps,
    "cursor": cursor,
    "array_cursor": array_cursor,
    "error_after_advancing": error_after_advancing,
    "resume_options": error_after_advancing,
    "error_before_advancing": error_before_advancing,
    "isolated_step": isolated_step,
    "resume_limit": resume_limit,
    "inbound_midway": inbound_midway,
}
RESUME = {
    "continuable_resume_options": Resume(wait=30, queue="low", priority=7),
    "continuable_resume_limit": Resume(most=1),
}


def replayed() -> Iterator[dict[str, Any]]:
    for entry in ENTRIES:
        if entry["name"] not in NOT_REPLAYED and not difference(entry):
            yield entry


def coverage() -> tuple[str, int, int]:
    """The recording's name, how many of its entries go the recorded way with the wrapper or without, and how many it has."""
    bare = sum(entry["name"] not in LEFT and not difference(entry) for entry in ENTRIES)
    wrapped = sum(entry["name"] in LEFT for entry in replayed())
    return GOLDEN.name, bare + wrapped, len(ENTRIES)


@pytest.mark.parametrize("entry", list(replayed()), ids=name_of)
def test_a_recorded_scenario_goes_the_same_way_through_the_wrapper(entry: dict[str, Any]) -> None:
    for version in versions(entry):
        replay(entry, version, WrapperWorld)


def test_unknown_fields_of_a_job_outlive_its_retry() -> None:
    (entry, *_) = [each for each in ENTRIES if each["name"] == "inbound_retry_keeps_unknown_fields"]
    world = WrapperWorld(entry, Rails.V8_1)
    (found,) = entry["payloads"][:1]
    world.perform(raw_bytes(found["raw"]))
    (again,) = [json.loads(raw)["args"][0] for raws in world.lists.values() for raw in raws]
    before = json.loads(raw_bytes(found["raw"]))["args"][0]
    assert set(before) <= set(again)
    assert again["executions"] == before["executions"] + 1


def test_every_scenario_set_aside_is_a_recorded_one() -> None:
    assert set(NOT_REPLAYED) <= {entry["name"] for entry in ENTRIES}


def test_few_scenarios_are_set_aside() -> None:
    assert len(list(replayed())) >= len(ENTRIES) * 0.92
