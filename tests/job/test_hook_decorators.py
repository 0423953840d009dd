"""``@job.on_failure`` and the like, and hooks by keywords: functions and classes, at any time."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys

import pytest

from pyresque import Resque
from pyresque.errors import JobOptionError, LintError, NoClassError
from pyresque.job import hooks
from pyresque.job.hooks import PREFIXES
from pyresque.job.plain import plain_call
from pyresque.plugins import Plugin
from tests.support import ROOT

INLINE = "redis://nowhere:1/0"


@pytest.fixture
def resque():
    return Resque(INLINE, inline=True)


def function():
    def weekly(*args): ...

    return weekly


def job_class():
    class Weekly:
        @staticmethod
        def perform(*args): ...

    return Weekly


@pytest.fixture(params=[function, job_class])
def job(request, resque):
    return resque.job("Weekly", queue="low")(request.param())


def names(resque, kind):
    return getattr(resque.registry.find("Weekly").hooks, kind)


def around(*args):
    yield


@pytest.mark.parametrize("kind", PREFIXES)
def test_a_decorator_of_each_kind_makes_a_hook_of_that_kind_and_of_no_other(resque, job, kind):
    entry = resque.registry.find("Weekly")
    assert entry.hooks is hooks.NO_HOOKS

    def tell(*args): ...

    assert getattr(job, kind)(tell) is tell
    assert vars(entry.hooks) == {kind: (f"{kind}_tell",)}
    assert getattr(job, f"{kind}_tell") is tell
    assert hooks.lint(job) == entry.hooks
    assert not callable(getattr(entry.hooks, "tell", None))


@pytest.mark.parametrize("kind", PREFIXES)
def test_a_keyword_of_each_kind_takes_one_function_or_several(kind):
    def tell(*args): ...
    def write(*args): ...

    one, two = Resque(INLINE), Resque(INLINE)
    one.job("Weekly", queue="low", **{kind: tell})(function())
    two.job("Weekly", queue="low", **{kind: [write, tell]})(job_class())
    assert names(one, kind) == (f"{kind}_tell",)
    assert names(two, kind) == (f"{kind}_tell", f"{kind}_write")


def test_a_function_keeps_its_name_where_that_has_more_than_the_prefix(resque, job):
    def on_failure_tell(*args): ...
    def on_failure2(*args): ...
    def on_failure(*args): ...
    def before_perform_x(*args): ...

    for each in (on_failure_tell, on_failure2, on_failure, before_perform_x, lambda *_: None):
        job.on_failure(each)
    job.on_failure(functools.partial(print, "x"))
    assert names(resque, "on_failure") == (
        "on_failure2",
        "on_failure_<lambda>",
        "on_failure_before_perform_x",
        "on_failure_on_failure",
        "on_failure_partial",
        "on_failure_tell",
    )
    assert names(resque, "before_perform") == ()


def test_hooks_of_all_sources_run_in_the_order_of_their_names(resque):
    ran = []

    def before_perform_c(*args):
        ran.append("c")

    @resque.job(queue="low", hooks=[before_perform_c], before_perform=lambda: ran.append("lambda"))
    def weekly(): ...

    @weekly.before_perform
    def b():
        ran.append("b")

    weekly.before_perform_a = lambda: ran.append("a")
    weekly.enqueue()
    assert ran == ["lambda", "a", "b", "c"]


def test_hooks_that_come_between_two_jobs_count_from_then_on(resque, job):
    said = []
    resque.enqueue(job, 1)

    @job.before_perform
    def first(*args):
        said.append(args)

    resque.enqueue(job, 2)
    del job.before_perform_first
    resque.enqueue(job, 3)

    @job.around_perform
    async def second(*args):
        said.append("around")
        yield

    job.enqueue(4)
    assert said == [(2,), "around"]


def test_a_failure_hook_gets_the_error_and_the_arguments(resque):
    told = []

    @resque.job(queue="low", on_failure=lambda error, *args: told.append(("keyword", *args)))
    def divide(number, by):
        return number / by

    @divide.on_failure
    def tell(error, number, by):
        told.append((type(error), number, by))

    with pytest.raises(ZeroDivisionError):
        divide.enqueue(3, by=0)
    assert told == [("keyword", 3, 0), (ZeroDivisionError, 3, 0)]


def test_a_veto_by_a_decorated_hook_keeps_the_job_out(resque):
    @resque.job(queue="low")
    def weekly(week): ...

    @weekly.before_enqueue
    def check(week):
        return week < 53

    assert (weekly.enqueue(52), weekly.enqueue(53)) == (True, None)


@pytest.mark.parametrize("kind", PREFIXES)
@pytest.mark.parametrize("searched", [False, True])
def test_a_hook_with_the_bare_name_may_take_the_place_of_the_decorator(resque, job, kind, searched):
    entry = resque.registry.find("Weekly")
    if searched:
        assert entry.hooks is hooks.NO_HOOKS
        assert plain_call(resque.registry, {"class": "Weekly", "args": []}) == (entry, [])
    setattr(job, kind, staticmethod(print) if isinstance(job, type) else print)
    plain = plain_call(resque.registry, {"class": "Weekly", "args": []})
    assert plain == (None if kind in hooks.PERFORMING else (entry, []))
    assert vars(entry.hooks) == {kind: (kind,)}
    if kind in {"before_perform", "around_perform", "after_perform", "on_failure"}:
        with pytest.raises(LintError, match="is not namespaced"):
            hooks.lint(job)


def test_a_bare_name_of_the_user_s_own_stays_a_hook_through_registrations(resque):
    def before_enqueue(*args): ...

    weekly = function()
    for name in ("Weekly", "Other"):
        resque.job(name, queue="low", hooks=[before_enqueue])(weekly)
        assert names(resque, "before_enqueue") == ("before_enqueue",)
    assert weekly.before_enqueue is before_enqueue


def test_a_subclass_has_the_hooks_of_its_base_and_hooks_of_its_own(resque):
    Base = resque.job("Base", queue="low")(job_class())

    class Sub(Base): ...

    @Base.before_perform
    def base(*args): ...

    @Sub.before_perform
    def sub(*args): ...

    resque.job("Weekly", queue="low")(Sub)
    assert names(resque, "before_perform") == ("before_perform_base", "before_perform_sub")
    assert resque.registry.find("Base").hooks.before_perform == ("before_perform_base",)

    @Sub.always
    def after_all(*args): ...

    assert names(resque, "always") == ("always_after_all",)
    assert resque.registry.find("Base").hooks.always == ()


def test_two_functions_of_one_name_are_refused_and_one_function_may_come_twice(resque, job):
    def tell(*args): ...

    job.on_failure(job.on_failure(tell))
    with pytest.raises(JobOptionError, match="it has another on_failure_tell already; rename one"):
        job.on_failure(lambda_named("tell"))
    with pytest.raises(JobOptionError, match="another always_x already"):
        resque.job("X", queue="low", always=[lambda_named("x"), lambda_named("x")])(function())
    assert job.on_failure_tell is tell


def lambda_named(name):
    def made(*args): ...

    made.__name__ = name
    return made


def test_what_can_be_no_hook_is_refused_and_changes_nothing(resque, job):
    with pytest.raises(JobOptionError, match="'tell' is no function: give one that can be called"):
        job.on_failure("tell")
    with pytest.raises(NoClassError, match="holds a yield"):
        job.before_perform(around)
    with pytest.raises(TypeError, match="job\\(\\) got an unexpected keyword argument 'on_fail'"):
        resque.job("X", queue="low", on_fail=print)
    with pytest.raises(JobOptionError, match="on_failure='tell' is no function: give one, or"):
        resque.job("X", queue="low", on_failure="tell")
    with pytest.raises(JobOptionError, match="3 is no function"):
        resque.job("X", queue="low", on_failure=[print, 3])(function())
    assert resque.registry.find("Weekly").hooks is hooks.NO_HOOKS
    assert job.around_perform(around) is around


def test_a_class_that_lists_its_hooks_must_list_those_that_are_added(resque):
    @resque.job(queue="low")
    class Listed:
        hooks = ("before_enqueue_a", "always_b")

        @staticmethod
        def before_enqueue_a(*args): ...

        @staticmethod
        def perform(*args): ...

    with pytest.raises(JobOptionError) as raised:
        Listed.on_failure(lambda_named("tell"))
    assert str(raised.value).endswith(
        "Listed: it lists its hooks in its attribute hooks; add 'on_failure_tell' there"
    )
    Listed.always(lambda_named("b"))
    assert resque.registry.find("Listed").hooks.always == ("always_b",)


def test_a_plugin_s_hook_runs_though_a_decorator_has_its_name(db, redis_url):
    class Keeps(Plugin):
        async def before_enqueue(self, job):
            return job.args != [2]

    with Resque(redis_url) as resque:
        weekly = resque.job("Weekly", queue="low", plugins=[Keeps()])(function())
        assert (weekly.enqueue(1), weekly.enqueue(2)) == (True, None)


def test_an_attribute_that_cannot_be_compared_does_no_harm(resque):
    class Array:
        def __eq__(self, other):
            raise ValueError("ambiguous")

        __hash__ = None

    weekly = resque.job("Weekly", queue="low")(function())
    entry = resque.registry.find("Weekly")
    for _ in range(2):
        weekly.cache = Array()
        assert plain_call(resque.registry, {"class": "Weekly", "args": []}) == (entry, [])
        weekly.cache = Array()
        assert entry.hooks is hooks.NO_HOOKS


APP = """
from pyresque import Resque
resque = Resque()

@resque.job(queue="low", after_perform=lambda word: note("keyword", word))
def spoken(word):
    if word == "no":
        raise ValueError(word)

def note(*words):
    resque.redis.rpush("notes", " ".join(words))

@spoken.on_failure
def tell(error, word):
    note("failed", word)

@spoken.around_perform
def around(word):
    note("around", word)
    yield
"""


@pytest.mark.process
def test_a_worker_s_child_runs_them(db, redis_url, tmp_path):
    (tmp_path / "decorated_app.py").write_text(APP)
    for word in ("yes", "no"):
        db.rpush("resque:queue:low", json.dumps({"class": "Spoken", "args": [word]}))
    subprocess.run(
        [
            *(sys.executable, "-m", "pyresque.cli", "worker", "-A", "decorated_app", "-q", "low"),
            "--burst",
        ],
        env={**os.environ, "REDIS_URL": redis_url, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        check=True,
    )
    assert db.lrange("resque:notes", 0, -1) == [
        b"around yes",
        b"keyword yes",
        b"around no",
        b"failed no",
    ]
