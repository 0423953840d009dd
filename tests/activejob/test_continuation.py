"""Jobs in steps: which run, where they may be interrupted, and what is written for the next run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pyresque.activejob import Continuable, Envelope, Resume
from pyresque.errors import CursorError, JobInterrupted, ResumeLimitError, StepError

if TYPE_CHECKING:
    from collections.abc import Iterator


def envelope(**fields: Any) -> Envelope:
    return Envelope.from_payload({"job_class": "ImportJob", "exception_executions": {}, **fields})


def begun(*completed: str, current: list[Any] | None = None, stopping: bool = False) -> Continuable:
    state: dict[str, Any] = {"completed": list(completed)}
    if current is not None:
        state["current"] = current
    return Continuable(envelope(continuation=state, resumptions=0).started(), lambda: stopping)


def gone_through(job: Continuable, *names: str) -> list[str]:
    return [step.name for name in names for step in job.step(name)]


def state(job: Continuable) -> Any:
    return job.with_progress().continuation


def test_every_step_runs_once_in_a_job_that_nobody_interrupts() -> None:
    job = Continuable(envelope(), lambda: False)
    assert gone_through(job, "one", "two") == ["one", "two"]
    assert state(job) == {"completed": ["one", "two"]}


def test_a_completed_step_is_not_run_again() -> None:
    assert gone_through(begun("one"), "one", "two") == ["two"]


def test_a_step_in_progress_goes_on_at_its_cursor_whatever_its_start() -> None:
    job = begun("one", current=["two", 5])
    for step in job.step("one"):
        pytest.fail(f"{step} was completed")
    for step in job.step("two", start=0):
        assert (step.cursor, step.resumed) == (5, True)


def test_a_new_step_begins_at_its_start() -> None:
    for step in begun().step("rows", start=[0, "a"]):
        assert (step.cursor, step.resumed) == ([0, "a"], False)


@pytest.mark.parametrize(("after", "cursor"), [(None, 4), (17, 18)])
def test_a_cursor_advances_by_one_or_past_a_number(after: int | None, cursor: int) -> None:
    for step in begun().step("rows", start=3):
        step.advance(after=after)
        assert step.cursor == cursor


@pytest.mark.parametrize("start", [None, "a", True, 1.5, [1]])
def test_only_a_whole_number_advances(start: object) -> None:
    for step in begun().step("rows", start=start):
        with pytest.raises(CursorError, match="does not implement 'succ'"):
            step.advance()


def test_a_stopping_worker_interrupts_at_the_cursor() -> None:
    job = begun(stopping=True)
    for step in job.step("rows", start=0):
        with pytest.raises(JobInterrupted) as caught:
            step.advance()
        assert str(caught.value) == "Interrupted at 'rows', cursor '1' (stopping)"
        assert state(job) == {"completed": [], "current": ["rows", 1]}


def test_a_stopping_worker_interrupts_between_steps_but_not_before_the_first() -> None:
    job = begun(stopping=True)
    with pytest.raises(JobInterrupted, match=r"^Interrupted after 'one' \(stopping\)$"):
        gone_through(job, "one", "two")
    assert state(job) == {"completed": ["one"]}


def test_a_checkpoint_of_its_own_moves_no_cursor() -> None:
    job = begun(stopping=True)
    for step in job.step("rows"):
        with pytest.raises(JobInterrupted):
            step.checkpoint()
        assert state(job) == {"completed": [], "current": ["rows", None]}


def test_an_isolated_step_has_a_run_of_its_own() -> None:
    def run(job: Continuable) -> Iterator[str]:
        for name in ("one", "alone", "three"):
            for _step in job.step(name, isolated=name == "alone"):
                yield name

    ran = []
    job = begun()
    for completed in (["one"], ["one", "alone"]):
        with pytest.raises(JobInterrupted, match="isolating"):
            ran.extend(run(job))
        assert state(job) == {"completed": completed}
        job = Continuable(job.with_progress(), lambda: False)
    ran.extend(run(job))
    assert state(job) == {"completed": ["one", "alone", "three"]}


def steps_left(job: Continuable) -> None:
    for _step in job.step("one"):
        break
    gone_through(job, "two")


def nested(job: Continuable) -> None:
    for _step in job.step("one"):
        gone_through(job, "two")


@pytest.mark.parametrize(
    ("job", "work", "said"),
    [
        (begun(), nested, "Step 'two' is nested inside step 'one'"),
        (begun(), steps_left, "Step 'two' found, expected to resume from 'one'"),
        (
            begun(),
            lambda job: gone_through(job, "one", "one"),
            "Step 'one' has already been encountered",
        ),
        (
            begun("one"),
            lambda job: gone_through(job, "two"),
            "Step 'two' found, expected to see 'one'",
        ),
        (
            begun("one", current=["two", 1]),
            lambda job: gone_through(job, "one", "three"),
            "Step 'three' found, expected to resume from 'two'",
        ),
    ],
)
def test_steps_that_are_not_those_of_the_run_before_are_refused(
    job: Continuable, work: Any, said: str
) -> None:
    with pytest.raises(StepError) as caught:
        work(job)
    assert str(caught.value) == said
    assert job.resumed(Resume(), caught.value) is None


def test_an_error_after_a_step_puts_the_job_back_with_what_was_done() -> None:
    job = begun()
    gone_through(job, "one")
    again = job.resumed(Resume(), ValueError("boom"))
    assert again is not None
    assert again.continuation == {"completed": ["one"]}
    assert again.exception_executions == {"{:exception=>#<ValueError: boom>}": 1}


@pytest.mark.parametrize(
    ("resume", "error", "steps"),
    [
        (Resume(), ValueError("boom"), ()),
        (Resume(errors_after_advancing=False), ValueError("boom"), ("one",)),
        (Resume(), KeyboardInterrupt(), ("one",)),
    ],
    ids=["no step done", "not wanted", "no error of the job's"],
)
def test_other_errors_are_failures(
    resume: Resume, error: BaseException, steps: tuple[str, ...]
) -> None:
    job = begun()
    gone_through(job, *steps)
    assert job.resumed(resume, error) is None


def test_a_job_is_resumed_no_more_often_than_it_may_be() -> None:
    job = Continuable(envelope(continuation={"completed": ["one"]}).started(), lambda: False)
    assert job.resumed(Resume(most=2), JobInterrupted("stop")) is not None
    with pytest.raises(ResumeLimitError, match=r"^Job was resumed a maximum of 1 times$"):
        job.resumed(Resume(most=1), JobInterrupted("stop"))


@pytest.mark.parametrize(
    "found",
    [{"completed": "one"}, {"completed": None, "current": []}, {"current": "x"}, {}, None],
)
def test_a_state_that_is_none_is_a_fresh_start(found: object) -> None:
    job = Continuable(envelope(continuation=found).started(), lambda: False)
    assert gone_through(job, "one") == ["one"]
