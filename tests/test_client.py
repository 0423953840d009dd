from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys

import pytest

from pyresque import AsyncResque, Resque
from pyresque.application import Application
from pyresque.core import Core
from pyresque.errors import ConnectError, RedisUnavailable, SettingsError
from pyresque.failure.base import FailureBackend
from pyresque.failures import AsyncFailures, Failures
from pyresque.retries import AsyncRetries, Retries
from tests.support.redis_server import free_port

OWN = {"run", "close"}


def verbs(face: type) -> set[str]:
    found = {n for n in dir(face) if n[0] != "_" and inspect.isfunction(getattr(face, n))}
    return found - OWN


def test_both_faces_have_the_same_verbs():
    assert verbs(Resque) == verbs(AsyncResque)
    assert verbs(Failures) == verbs(AsyncFailures)
    assert verbs(Retries) == verbs(AsyncRetries)


def test_every_operation_of_core_and_of_the_failure_backend_has_a_face():
    core = {name for name, one in vars(Core).items() if inspect.iscoroutinefunction(one)}
    # The verbs of an ActiveJob stand under the object that ``active_job`` gives.
    # ``overview``: the second half of ``info``, for those who have read queues and workers already.
    others = {"count_failures", "requeue_failures", "remove_failures", "overview"}
    public = {n for n in core - others if n[0] != "_" and "active_job" not in n}
    assert public <= verbs(Resque) - OWN
    protocol = {n for n, one in vars(FailureBackend).items() if inspect.iscoroutinefunction(one)}
    # These are passes over a list, which the faces go through.
    passes = {"each", "requeue_selection", "remove_selection"}
    assert (protocol - {"save"}) | passes == verbs(Failures)


def test_a_verb_bears_its_public_name_and_a_signature_that_can_be_read():
    for owners in ((Resque, Failures, Retries), (AsyncResque, AsyncFailures, AsyncRetries)):
        for owner in owners:
            for name in verbs(owner) - verbs(Application) - {"active_job"}:
                verb = getattr(owner, name)
                assert verb.__qualname__ == f"{owner.__name__}.{name}"
                assert verb.__module__ == owner.__module__
                annotations = inspect.signature(verb).parameters.values()
                assert not any(repr(each.annotation).startswith("'") for each in annotations)
    assert "when: datetime | float | str, job: type | Callable | str" in str(
        inspect.signature(Resque.enqueue_at)
    )


async def test_the_same_calls_give_the_same_answers_blocking_and_awaited(redis_url, db):
    seen = []
    with Resque(redis_url) as blocking:
        seen.append([blocking.enqueue_to("low", "X", 1), blocking.size("low"), blocking.queues()])
        seen[0] += [blocking.pop("low"), blocking.peek("low"), blocking.failures.count()]
    db.flushall()
    async with AsyncResque(redis_url) as awaited:
        one = await awaited.enqueue_to("low", "X", 1)
        seen.append([one, await awaited.size("low"), await awaited.queues()])
        seen[1] += [await awaited.pop("low"), await awaited.peek("low")]
        seen[1].append(await awaited.failures.count())
    assert seen[0] == seen[1] == [True, 1, ["low"], {"class": "X", "args": [1]}, [], 0]


def test_nothing_connects_before_the_first_verb_and_a_closed_face_connects_anew(redis_url):
    Resque(f"redis://127.0.0.1:{free_port()}/0").close()
    resque = Resque(redis_url)
    resque.push("low", 1)
    resque.close()
    assert resque.size("low") == 1
    resque.close()


async def test_a_url_that_cannot_be_used_leaves_no_operation_behind():
    with pytest.raises(ConnectError):
        Resque("nowhere").size("low")
    with pytest.raises(ConnectError):
        await AsyncResque("nowhere").size("low")


def test_one_face_takes_over_the_jobs_of_another():
    blocking = Resque("redis://localhost:1/0")

    @blocking.job(queue="low")
    def hello_world() -> None:
        """Greet."""

    awaited = AsyncResque("redis://localhost:1/0", jobs=blocking)
    assert [entry.name for entry in awaited.registered] == ["HelloWorld"]
    assert awaited.core.hooks is blocking.core.hooks


def test_settings_and_single_options_do_not_go_together():
    settings = Resque("redis://localhost:1/0").settings
    with pytest.raises(SettingsError, match="not both"):
        Resque("redis://localhost:1/0", settings=settings)
    with pytest.raises(SettingsError, match="colour"):
        Resque(colour="red")


def test_a_job_may_be_registered_bare_or_with_a_name():
    resque = Resque("redis://localhost:1/0")

    @resque.job
    class Archive:
        queue = "low"

        @staticmethod
        def perform() -> None:
            """Archive."""

    resque.job("Reports::Monthly", queue="reports")(lambda: None)
    assert {entry.name: entry.queue for entry in resque.registered} == {
        "Archive": "low",
        "Reports::Monthly": "reports",
    }
    assert Archive.queue == "low"


def test_a_backend_that_was_put_in_place_outlives_other_settings():
    resque = Resque("redis://nowhere:1/0")
    backend = resque.core.failures = type("Own", (FailureBackend,), {})()
    resque.configure(interval=1.0)
    assert resque.core.failures is backend


def test_a_url_that_changes_after_a_verb_counts_for_the_next(redis_url):
    with Resque("redis://127.0.0.1:1/0") as resque:
        with pytest.raises(RedisUnavailable):
            resque.size("low")
        resque.configure(url=redis_url)
        assert resque.size("low") == 0


@pytest.mark.parametrize("face", ["blocking", "awaiting"])
async def test_an_async_job_is_performed_inline_where_a_loop_runs(face):
    """No Redis is needed; the blocking verb cannot share the loop that it blocks."""
    ran = []
    made = (Resque if face == "blocking" else AsyncResque)("redis://127.0.0.1:1/0", inline=True)

    @made.job("Later", queue="low")
    async def later(mark: int) -> None:
        await asyncio.sleep(0)
        ran.append(mark)
        if mark == 2:
            raise KeyError("two")

    async def enqueue(mark: int) -> None:
        given = made.enqueue(later, mark)
        if face == "awaiting":
            await given

    await enqueue(1)
    with pytest.raises(KeyError, match="two"):
        await enqueue(2)
    assert ran == [1, 2]


async def test_async_middleware_is_around_an_inline_job_where_a_loop_runs():
    seen = []
    resque = Resque("redis://127.0.0.1:1/0", inline=True)

    @resque.middleware
    async def around(call_next, job):
        await asyncio.sleep(0)
        seen.append(await call_next(job))

    resque.job("Note", queue="low")(seen.append)
    assert resque.enqueue_to("low", "Note", 7)
    assert seen == [7, True]


def test_what_only_ruby_knows_is_kept_in_its_queue_inline_too(redis_url, db):
    with Resque(redis_url, inline=True) as resque:
        assert resque.enqueue_to("mailers", "WelcomeMailer", 7)
        assert resque.peek("mailers")[0].class_name == "WelcomeMailer"
        assert resque.size("mailers") == 1


def test_a_class_in_the_place_of_a_failure_backend_is_reported_at_once():
    class Backend:
        def save(self, failure): ...

    class Functions:
        @staticmethod
        def save(failure): ...

    with pytest.raises(SettingsError, match=r"Backend is a class, whose save\(\) needs an object"):
        Resque(failures=Backend)
    Resque(failures=Backend())
    Resque(failures=Functions)


#: In a new interpreter: while one thread adds the verbs, others ask for theirs, before and after each of the two steps.
AT_ONCE = """
import threading
from pyresque import Resque, as_verb
resque, original, faults = Resque(), as_verb.name_verbs, []

def ask():
    try:
        resque.enqueue_to, Resque.size, hasattr(resque, "none such")
    except BaseException as error:
        faults.append(error)

def elsewhere():
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()

def name_verbs(*given):
    as_verb.name_verbs = original
    elsewhere()
    original(*given)
    elsewhere()

as_verb.name_verbs = name_verbs
ask()
assert not faults, faults
"""


@pytest.mark.process
def test_threads_that_ask_for_their_first_verb_at_once_all_get_it():
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
