from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, strategies as st

from pyresque.driver.sync import SyncDriver
from pyresque.errors import LintError
from pyresque.job import hooks
from pyresque.job.job_class import JobClass
from tests.support.scripted_driver import result_of

SUFFIXES = st.lists(
    st.text("abcxyzABC_019", min_size=1, max_size=5), unique=True, min_size=1, max_size=8
)


@given(SUFFIXES, st.sampled_from(hooks.PREFIXES), st.randoms())
def test_hooks_are_found_by_their_prefix_and_run_in_the_order_of_their_names(
    suffixes, prefix, chance
):
    ran: list[str] = []
    names = [f"{prefix}_{suffix}" for suffix in suffixes]
    chance.shuffle(names)
    target = type("Job", (), {n: staticmethod(lambda n=n: ran.append(n)) for n in names})
    result_of(hooks.run(JobClass("Job", None, target), getattr(hooks.hook_names(target), prefix)))
    assert ran == sorted(names)


def test_every_prefix_has_its_own_hooks_alone():
    target = type("Job", (), {f"{p}_x": staticmethod(lambda: None) for p in hooks.PREFIXES})
    found = hooks.hook_names(target)
    assert {p: getattr(found, p) for p in hooks.PREFIXES} == {
        p: (f"{p}_x",) for p in hooks.PREFIXES
    }


def test_an_attribute_hooks_takes_the_place_of_the_search():
    class Listed:
        hooks = ("after_perform_b", "after_perform_a")
        after_perform_c = None

    assert hooks.hook_names(Listed).after_perform == ("after_perform_a", "after_perform_b")

    class Called:
        @staticmethod
        def hooks() -> list[str]:
            return ["on_failure_x"]

    assert hooks.hook_names(Called).on_failure == ("on_failure_x",)


def test_all_hooks_run_even_after_one_said_no_and_only_false_says_no():
    ran: list[str] = []

    class Job:
        @staticmethod
        def before_enqueue_a() -> bool:
            ran.append("a")
            return False

        @staticmethod
        def before_enqueue_b() -> None:
            ran.append("b")

    names = hooks.hook_names(Job).before_enqueue
    assert result_of(hooks.allowed(JobClass("Job", None, Job), names)) is False
    assert ran == ["a", "b"]
    assert result_of(hooks.allowed(JobClass("Job", None, Job), names[1:])) is True


@pytest.mark.parametrize("answer", [None, 0, "", []])
def test_what_is_merely_false_to_python_is_no_veto(answer):
    target = type("Job", (), {"before_enqueue_x": staticmethod(lambda: answer)})
    assert result_of(hooks.allowed(JobClass("Job", None, target), ("before_enqueue_x",))) is True


@pytest.mark.parametrize(
    "name", ["before_perform", "around_perform", "after_perform", "on_failure"]
)
def test_a_hook_that_bears_a_bare_prefix_is_refused_by_lint(name):
    target = type("Job", (), {name: staticmethod(lambda: None)})
    with pytest.raises(LintError, match=f"Job.{name} is not namespaced"):
        hooks.lint(target)


def test_lint_takes_what_is_namespaced():
    target = type("Job", (), {"before_perform_x": staticmethod(lambda: None)})
    assert hooks.lint(target).before_perform == ("before_perform_x",)


def test_a_hook_may_be_awaitable():
    async def veto() -> bool:
        await asyncio.sleep(0)
        return False

    target = type("Job", (), {"before_enqueue_x": staticmethod(veto)})
    driver = SyncDriver("redis://nowhere:1/0")
    assert driver.run(hooks.allowed(JobClass("Job", None, target), ("before_enqueue_x",))) is False


class Changing:
    """A job whose hooks come and go."""

    @staticmethod
    def perform() -> None: ...


def a_function() -> None: ...


@pytest.mark.parametrize("prefix", hooks.PREFIXES)
@pytest.mark.parametrize("make", [lambda: type("Job", (Changing,), {}), lambda: _copy(a_function)])
def test_a_hook_set_or_removed_later_counts_from_then_on(prefix, make):
    target = make()
    lookup = hooks.Hooks(target)
    assert lookup.now() is hooks.NO_HOOKS
    assert lookup.attributes == lookup.seen == lookup.without_performing
    setattr(target, f"{prefix}_x", lambda: None)
    assert getattr(lookup.now(), prefix) == (f"{prefix}_x",)
    assert lookup.now() is lookup.now()
    setattr(target, f"{prefix}_x", "no function any more")
    assert lookup.now() is hooks.NO_HOOKS
    setattr(target, f"{prefix}_x", lambda: None)
    assert getattr(lookup.now(), prefix) == (f"{prefix}_x",)
    assert (lookup.attributes != lookup.without_performing) is (prefix in hooks.PERFORMING)
    delattr(target, f"{prefix}_x")
    assert lookup.now() is hooks.NO_HOOKS
    assert lookup.attributes == lookup.seen == lookup.without_performing


def test_a_hook_set_on_a_base_class_counts_too():
    base = type("Base", (), {})
    lookup = hooks.Hooks(type("Job", (base,), {}))
    assert lookup.now() is hooks.NO_HOOKS
    base.on_failure_x = staticmethod(lambda: None)
    assert lookup.now().on_failure == ("on_failure_x",)


def test_one_attribute_for_another_is_a_change_although_their_number_is_the_same():
    target = type("Job", (), {"other": 1})
    lookup = hooks.Hooks(target)
    assert lookup.now() is hooks.NO_HOOKS
    del target.other
    target.always_x = staticmethod(lambda: None)
    assert lookup.now().always == ("always_x",)


def test_what_cannot_be_called_is_no_hook_whatever_its_name():
    target = type("Job", (), {"always_eager": True, "on_failure_total": 0})
    lookup = hooks.Hooks(target)
    assert lookup.now() is hooks.NO_HOOKS
    target.always_eager = staticmethod(lambda: None)
    assert lookup.now().always == ("always_eager",)
    target.always_eager = None
    assert lookup.now() is hooks.NO_HOOKS


def _copy(function):
    return type(function)(function.__code__, function.__globals__)
