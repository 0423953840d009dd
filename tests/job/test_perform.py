from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from pyresque.driver.aio import AsyncDriver
from pyresque.driver.sync import SyncDriver
from pyresque.errors import AroundHookError, DontPerform, FailureHookError, UnknownJobClass
from pyresque.job.job import JsonCodec, read_job
from pyresque.job.perform import perform
from pyresque.job.registry import Registry


class Stage:
    """A job class whose methods note that they ran."""

    def __init__(self, **methods):
        self.ran: list[str] = []
        self.registry = Registry()
        noting = {name: staticmethod(self._noting(name, do)) for name, do in methods.items()}
        noting.setdefault("perform", staticmethod(self._noting("perform", lambda *_: None)))
        self.target = type("Job", (), noting)

    def _noting(self, name, do):
        def method(*args, **kwargs):
            self.ran.append(name)
            return do(*args, **kwargs)

        return method

    def perform(self, *args, **options):
        self.registry.add(self.target, queue="low", **options)
        raw = json.dumps({"class": "Job", "args": list(args)}).encode()
        driver = SyncDriver("redis://nowhere:1/0")
        return driver.run(perform(self.registry, read_job(JsonCodec(), "low", raw)))


def nothing(*_args):
    return None


def failing(error):
    def fail(*_args):
        raise error

    return fail


def test_before_then_around_then_the_work_then_after():
    def around(*_args):
        stage.ran.append("in")
        yield
        stage.ran.append("out")

    stage = Stage(
        after_perform_x=nothing,
        around_perform_a=around,
        around_perform_b=around,
        before_perform_y=nothing,
        before_perform_x=nothing,
    )
    assert stage.perform(1) is True
    assert stage.ran == [
        *("before_perform_x", "before_perform_y"),
        *("around_perform_a", "in", "around_perform_b", "in", "perform", "out", "out"),
        "after_perform_x",
    ]


def test_dont_perform_in_a_before_hook_is_no_failure():
    stage = Stage(before_perform_x=failing(DontPerform()), on_failure_x=nothing)
    assert stage.perform() is False
    assert stage.ran == ["before_perform_x"]


@pytest.mark.parametrize("name", ["perform", "after_perform_x"])
def test_dont_perform_anywhere_else_is_an_ordinary_failure(name):
    stage = Stage(on_failure_x=nothing, **{name: failing(DontPerform())})
    with pytest.raises(DontPerform):
        stage.perform()
    assert stage.ran[-1] == "on_failure_x"


def test_an_error_runs_every_failure_hook_with_the_error_and_the_arguments():
    seen = []
    error = ValueError("x")
    stage = Stage(
        perform=failing(error), on_failure_a=lambda *a: seen.append(a), on_failure_b=nothing
    )
    with pytest.raises(ValueError, match="x"):
        stage.perform(1, 2)
    assert seen == [(error, 1, 2)]
    assert stage.ran == ["perform", "on_failure_a", "on_failure_b"]


def test_a_failure_hook_that_fails_reports_both_errors():
    stage = Stage(
        perform=failing(ValueError("first")),
        on_failure_a=failing(KeyError("second")),
        on_failure_b=nothing,
    )
    with pytest.raises(FailureHookError) as caught:
        stage.perform()
    message = str(caught.value)
    assert message.startswith("Additional error (KeyError: 'second') occurred in running failure")
    # Ruby names the second error's class before the first one's, too.
    assert message.endswith(
        "Original error that caused job failure was KeyError: ValueError: first"
    )
    assert "on_failure_b" not in stage.ran


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_what_passes_every_except_exception_runs_failure_hooks_too(error):
    stage = Stage(perform=failing(error), on_failure_x=nothing)
    with pytest.raises(type(error)):
        stage.perform()
    assert stage.ran == ["perform", "on_failure_x"]


def test_an_around_hook_that_never_yields_leaves_the_work_undone():
    stage = Stage(around_perform_x=nothing, after_perform_x=nothing)
    assert stage.perform() is False
    assert stage.ran == ["around_perform_x", "after_perform_x"]


def test_an_error_is_raised_at_the_yield_of_an_around_hook_which_may_swallow_it():
    def around():
        try:
            yield
        except ValueError:
            stage.ran.append("swallowed")

    stage = Stage(around_perform_x=around, perform=failing(ValueError()), on_failure_x=nothing)
    assert stage.perform() is False
    assert stage.ran == ["around_perform_x", "perform", "swallowed"]


def test_an_around_hook_that_yields_twice_is_reported():
    def around():
        yield
        yield

    with pytest.raises(AroundHookError, match="yielded twice"):
        Stage(around_perform_x=around).perform()


def test_an_around_hook_that_yields_again_after_an_error_is_reported():
    def around():
        try:
            yield
        except ValueError:
            yield

    stage = Stage(around_perform_x=around, perform=failing(ValueError()))
    with pytest.raises(AroundHookError, match="again after an error"):
        stage.perform()


def test_the_yield_of_an_around_hook_gives_what_the_work_gave_through_nested_hooks():
    got = []

    def around(*_args):
        result = yield
        got.append(result)
        return result

    async def awaiting(*_args):
        got.append((yield))

    stage = Stage(
        around_perform_a=around,
        around_perform_b=awaiting,
        around_perform_c=around,
        perform=lambda *_args: {"n": 42},
    )
    assert stage.perform(1) is True
    assert got == [{"n": 42}] * 3


@pytest.mark.parametrize("returned", ["from the inner one", None])
def test_what_an_inner_around_hook_returns_is_what_the_outer_one_gets_as_in_ruby(returned):
    got = []

    def outer():
        got.append((yield))

    def inner():
        got.append((yield))
        return returned

    assert Stage(around_perform_a=outer, around_perform_b=inner, perform=lambda: 42).perform()
    assert got == [42, returned]


def test_around_an_inner_hook_that_swallows_the_error_or_never_yields_there_is_no_value():
    got = []

    def outer():
        got.append((yield))

    def swallowing():
        with contextlib.suppress(ValueError):
            yield

    def stopping():
        if got is None:
            yield
        return "stopped"

    stage = Stage(
        around_perform_a=outer, around_perform_b=swallowing, perform=failing(ValueError())
    )
    assert stage.perform() is False
    assert Stage(around_perform_a=outer, around_perform_b=stopping).perform() is False
    assert got == [None, "stopped"]


async def test_in_an_event_loop_the_yield_gives_the_value_too():
    got = []

    async def around():
        got.append((yield))

    async def work():
        await asyncio.sleep(0)
        return 42

    registry = Registry()
    registry.add(
        type("Job", (), {"around_perform_x": staticmethod(around), "perform": staticmethod(work)})
    )
    driver = AsyncDriver("redis://nowhere:1/0")
    assert await driver.run(perform(registry, read_job(JsonCodec(), "low", b'{"class":"Job"}')))
    assert got == [42]


ENDS = {
    "done": ({}, ["perform", "after_perform_x", "always_x"], None),
    "failed": (
        {"perform": failing(ValueError("first"))},
        ["perform", "on_failure_x", "always_x"],
        ValueError,
    ),
    "failed in a before hook": (
        {"before_perform_x": failing(ValueError("first"))},
        ["before_perform_x", "on_failure_x", "always_x"],
        ValueError,
    ),
    "left by DontPerform": (
        {"before_perform_x": failing(DontPerform())},
        ["before_perform_x", "always_x"],
        None,
    ),
    "left by an around hook": (
        {"around_perform_x": nothing},
        ["around_perform_x", "after_perform_x", "always_x"],
        None,
    ),
    "exited": (
        {"perform": failing(SystemExit(3))},
        ["perform", "on_failure_x", "always_x"],
        SystemExit,
    ),
    "failed in its failure hook": (
        {"perform": failing(ValueError("first")), "on_failure_x": failing(KeyError("second"))},
        ["perform", "on_failure_x", "always_x"],
        FailureHookError,
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_always_hooks_run_last_however_the_job_ends(end):
    methods, ran, error = ENDS[end]
    seen = []
    hooks = {"after_perform_x": nothing, "on_failure_x": nothing}
    stage = Stage(**{**hooks, "always_x": lambda *a: seen.append(a), **methods})
    if error is None:
        stage.perform(1, "a")
    else:
        with pytest.raises(error):
            stage.perform(1, "a")
    assert stage.ran == ran
    assert seen == [(1, "a")]


def test_an_error_of_an_always_hook_alone_is_the_jobs_failure_and_its_failure_hooks_run():
    seen = []
    stage = Stage(
        always_a=failing(KeyError("late")),
        always_b=nothing,
        on_failure_x=lambda error, *a: seen.append((error.args, a)),
    )
    with pytest.raises(KeyError, match="late"):
        stage.perform(1)
    assert stage.ran == ["perform", "always_a", "on_failure_x"]
    assert seen == [(("late",), (1,))]


def test_an_error_of_an_always_hook_after_a_failure_reports_both():
    stage = Stage(
        perform=failing(ValueError("first")), on_failure_x=nothing, always_x=failing(KeyError("k"))
    )
    with pytest.raises(FailureHookError) as caught:
        stage.perform()
    message = str(caught.value)
    assert message.startswith("Additional error (KeyError: 'k') occurred in running always hooks")
    assert message.endswith(
        "Original error that caused job failure was KeyError: ValueError: first"
    )
    assert stage.ran == ["perform", "on_failure_x", "always_x"]


def test_a_job_that_nobody_registered_has_no_always_hooks_to_run():
    with pytest.raises(UnknownJobClass):
        SyncDriver("redis://nowhere:1/0").run(
            perform(Registry(), read_job(JsonCodec(), "low", b'{"class":"Nobody"}'))
        )


def test_jobs_and_hooks_may_be_async():
    async def work(*args):
        await asyncio.sleep(0)
        stage.ran.append(f"worked {args}")

    async def around(*_args):
        stage.ran.append("in")
        yield
        stage.ran.append("out")

    stage = Stage(perform=work, around_perform_x=around)
    assert stage.perform(1) is True
    assert stage.ran == ["around_perform_x", "in", "perform", "worked (1,)", "out"]


def test_a_job_registered_with_kwargs_gets_its_trailing_hash_as_keywords():
    seen = []
    stage = Stage(
        perform=lambda *a, **k: seen.append((a, k)),
        before_perform_x=lambda *a, **k: seen.append((a, k)),
    )
    stage.perform(1, {"branch": "x"}, kwargs=True)
    assert seen == [((1,), {"branch": "x"})] * 2


def test_without_kwargs_a_trailing_hash_stays_an_argument():
    seen = []
    stage = Stage(perform=lambda *a, **k: seen.append((a, k)))
    stage.perform(1, {"branch": "x"})
    assert seen == [((1, {"branch": "x"}), {})]


def test_a_job_with_a_fault_raises_it_and_an_unknown_class_is_reported_in_rubys_words():
    registry, driver = Registry(), SyncDriver("redis://nowhere:1/0")
    broken = read_job(JsonCodec(), "low", b"{bad")
    with pytest.raises(type(broken.fault)):
        driver.run(perform(registry, broken))
    with pytest.raises(UnknownJobClass, match="uninitialized constant Nobody"):
        driver.run(perform(registry, read_job(JsonCodec(), "low", b'{"class":"Nobody"}')))
