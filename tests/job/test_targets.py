"""What may be registered as a job, and what is refused because it would do nothing."""

from __future__ import annotations

import functools
import re

import pytest

from pyresque import AsyncResque, Resque
from pyresque.activejob import DiscardOn, RetryOn
from pyresque.errors import JobOptionError, NoClassError

NOWHERE = "redis://nowhere:1/0"


def works(n=0):
    return n


def holds_a_yield(n):
    yield n


async def holds_a_yield_and_awaits(n):
    yield n


class Caller:
    def __call__(self, n):
        return n


class YieldingCaller:
    def __call__(self, n):
        yield n


class Good:
    @staticmethod
    def perform(n): ...

    @staticmethod
    def around_perform_x(n):
        yield


class ByClass:
    @classmethod
    def perform(cls, n): ...


class Bare:
    def perform(n): ...  # noqa: N805 - that is what is tried


class Scheduled:
    @staticmethod
    def scheduled(queue, name, *args): ...


class Nothing: ...


class Attribute:
    perform = 7


class Instance:
    def perform(self, n): ...


class Undecorated:
    def perform(cls, n): ...  # noqa: N805 - that is what is tried


class Yielding:
    @staticmethod
    def perform(n):
        yield n


class AsyncYielding:
    @classmethod
    async def perform(cls, n):
        yield n


class InstanceHook(Good):
    def before_perform_x(self, n): ...


class YieldingHook(Good):
    @staticmethod
    def after_enqueue_x(n):
        yield


class Inherited(Instance): ...


def method(self, n): ...


def register_plain(resque, target):
    return resque.job("X", queue="q")(target)


def register_active(resque, target):
    return resque.active_job("X", queue="q")(target)


REGISTER = [register_plain, register_active]
FACES = [Resque, AsyncResque]

TAKEN = {
    "a function": works,
    "a lambda": lambda n: n,
    "a partial": functools.partial(works, 1),
    "an object that can be called": Caller(),
    "a class with a static method": Good,
    "a class with a class method": ByClass,
    "a class with a bare function": Bare,
    "a static method": staticmethod(works),
    "a bound class method": ByClass.perform,
    "a bound method": Instance().perform,
}
REFUSED = {
    "a function that holds a yield": (holds_a_yield, "holds a yield"),
    "an async function that holds a yield": (holds_a_yield_and_awaits, "holds a yield"),
    "a partial of one": (functools.partial(holds_a_yield, 1), "holds a yield"),
    "an object whose call is one": (YieldingCaller(), "holds a yield"),
    "a class whose perform is one": (Yielding, "holds a yield"),
    "a class whose perform is an async one": (AsyncYielding, "holds a yield"),
    "a class without perform": (Nothing, "give it a static method perform"),
    "a class whose perform is no function": (Attribute, "give it a static method perform"),
    "a method of an instance": (Instance, "put @staticmethod above it and take the self away"),
    "one that is inherited": (Inherited, "put @staticmethod above it"),
    "a method of a class without its decorator": (Undecorated, "put @classmethod above it"),
    "a function that takes self": (method, "register a function without self"),
    "a hook of an instance": (InstanceHook, r"before_perform_x takes self.*put @staticmethod"),
    "a hook that holds a yield": (YieldingHook, r"after_enqueue_x holds a yield"),
    "a number": (7, "can perform nothing"),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("register", REGISTER)
@pytest.mark.parametrize("kind", TAKEN)
def test_what_performs_when_it_is_called_is_taken(face, register, kind):
    target = TAKEN[kind]
    resque = face(NOWHERE)
    assert register(resque, target) is target


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("register", REGISTER)
@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_perform_nothing_is_refused_at_its_registration_with_the_cure(
    face, register, kind
):
    target, cure = REFUSED[kind]
    resque = face(NOWHERE)
    with pytest.raises(NoClassError, match=cure):
        register(resque, target)
    assert resque.registered == []
    assert list(resque.active_job_classes) == []


def test_a_class_that_is_called_by_the_scheduler_alone_needs_no_perform():
    assert Resque(NOWHERE).job(queue="q")(Scheduled) is Scheduled


def test_an_active_job_that_is_bound_may_call_its_envelope_self():
    resque = Resque(NOWHERE)
    assert resque.active_job("X", bind=True)(method) is method


def before_enqueue_no(*_args):
    return False


def always_noted(*_args): ...


@pytest.mark.parametrize("register", ["job", "active_job"])
def test_a_hook_given_at_the_registration_becomes_a_hook_of_the_job(register):
    def job(n): ...

    class Job:
        @staticmethod
        def perform(n): ...

    for target in (job, Job):
        resque = Resque(NOWHERE)
        getattr(resque, register)("X", queue="q", hooks=[before_enqueue_no, always_noted])(target)
        entry = (resque.registered or resque.active_job_classes.entries())[0]
        assert entry.hooks.before_enqueue == ("before_enqueue_no",)
        assert entry.hooks.always == ("always_noted",)
        assert target.before_enqueue_no(1) is False


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: None, "is no function whose name starts with one of before_perform"),
        (works, "'?works'? is no function whose name starts with"),
        (7, "7 is no function"),
    ],
)
def test_a_hook_without_a_hooks_name_is_refused(given, message):
    def job(n): ...

    resque = Resque(NOWHERE)
    with pytest.raises(JobOptionError, match=message):
        resque.job("X", queue="q", hooks=[always_noted, given])(job)
    assert resque.registered == []
    assert not hasattr(job, "always_noted")


def test_a_hook_that_would_replace_another_is_refused():
    class Job(Good):
        @staticmethod
        def before_enqueue_no(*_args): ...

    with pytest.raises(JobOptionError, match="it has another before_enqueue_no already"):
        Resque(NOWHERE).job("X", queue="q", hooks=[before_enqueue_no])(Job)


def test_a_given_hook_that_holds_a_yield_is_refused_unless_it_goes_around():
    def before_perform_x(n):
        yield

    def around_perform_x(n):
        yield

    def job(n): ...

    resque = Resque(NOWHERE)
    with pytest.raises(NoClassError, match=r"before_perform_x of .* holds a yield"):
        resque.job("X", queue="q", hooks=[before_perform_x])(job)
    resque.job("X", queue="q", hooks=[around_perform_x])(job)


@pytest.mark.parametrize("face", [Resque, AsyncResque])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"queue": ["q"]}, "queue=['q'] is no text: name one queue"),
        ({"queue": 5}, "queue=5 is no text: name one queue"),
        ({"hooks": always_noted}, "hooks=always_noted is no list: write hooks=[always_noted]"),
    ],
)
def test_an_option_of_the_wrong_kind_is_refused_where_the_job_is_registered(face, given, message):
    for register in (face(NOWHERE).job, face(NOWHERE).active_job):
        with pytest.raises(JobOptionError, match=re.escape(message)):
            register("X", **given)


def test_one_name_in_the_place_of_a_list_of_aliases_is_not_taken_letter_by_letter():
    with pytest.raises(JobOptionError, match=re.escape("write aliases=['Old']")):
        Resque(NOWHERE).job("New", queue="q", aliases="Old")


@pytest.mark.parametrize("option", ["retry_on", "discard_on"])
def test_an_error_class_in_the_place_of_rules_is_refused(option):
    with pytest.raises(JobOptionError, match=f"{option}=ValueError is no list"):
        Resque(NOWHERE).active_job("X", queue="q", **{option: ValueError})


@pytest.mark.parametrize("rule", [RetryOn, DiscardOn])
@pytest.mark.parametrize(
    "errors", [ValueError, [ValueError], ("ValueError",), (ValueError("x"),), (list[int],)]
)
def test_a_rule_of_no_error_classes_is_refused_where_it_is_made(rule, errors):
    with pytest.raises(JobOptionError, match=f"{rule.__name__}: .* is no tuple of error classes"):
        rule(errors)


REGISTRATIONS = (
    *(
        "middleware",
        "before_first_fork",
        "before_fork",
        "after_fork",
        "before_pause",
        "after_pause",
    ),
    *("queue_empty", "worker_exit", "on_shutdown"),
)


@pytest.mark.parametrize("face", [Resque, AsyncResque])
@pytest.mark.parametrize("registration", REGISTRATIONS)
@pytest.mark.parametrize("given", [5, None, "before_fork"])
def test_what_cannot_be_called_is_refused_where_it_is_registered(face, registration, given):
    event = registration.removeprefix("on_")
    with pytest.raises(JobOptionError, match=f"{event}: {given!r} is no function"):
        getattr(face(NOWHERE), registration)(given)


def test_a_locator_that_cannot_be_called_is_refused():
    with pytest.raises(JobOptionError, match="locator: 5 is no function"):
        Resque(NOWHERE).locator("Account")(5)
