"""``pyresque migrate shadow``: copies of real jobs in real children, what Ruby did with them, and that nothing is written."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

import pytest

from pyresque.activejob.registry import WRAPPER
from tests.support.processes import is_alive

pytestmark = pytest.mark.process

APP = r"""
import asyncio, os, signal, sys, time
from contextlib import contextmanager
from pathlib import Path
from pyresque import AsyncResque, Resque
from pyresque.plugins import Loner, Lock, Retry, Status

resque = Resque()
other = AsyncResque()
entered = []

@resque.dry_run
def no_effects(job):
    entered.append(job.class_name)
    yield

def register(name, **options):
    return resque.job(name, queue="low", **options)

@register("Fine")
def fine(number, options=None):
    assert entered
    return {"number": number}

@register("Boom")
def boom(*args):
    raise KeyError("no such report")

@register("Writes")
def writes(verb):
    if verb == "redis":
        resque.redis.set("x", 1)
    elif verb == "lock":
        resque.release_master_lock()
    elif verb == "pop":
        resque.pop("low")
    elif verb == "async":
        async def go():
            await other.redis.set("x", 1)
        asyncio.run(go())
    elif verb == "script":
        resque.routes.set("X", "ruby")
    elif verb == "failures":
        resque.failures.clear()
    elif verb == "pipeline":
        with resque.redis.pipeline() as pipeline:
            pipeline.set("x", 1)
            pipeline.execute()

@register("Reads")
def reads():
    return [resque.size("low"), resque.redis.get("x"), len(resque.workers()), resque.schedule()]

@register("Enqueues")
def enqueues():
    assert resque.enqueue("Fine", 1) is True
    assert resque.enqueue_to("other", "RubyOnly", 1, a=2) is True
    assert resque.enqueue_in(5, "Fine", 1) is True
    assert resque.enqueue_at_with_queue("q", 4_000_000_000, "RubyOnly") is True
    assert resque.enqueue_many([("Fine", 1), ("Fine", 2)]) == 2
    assert resque.enqueue("Locked", 1) is True
    assert resque.enqueue("Tracked", rows=1).id
    assert resque.push("q", {"class": "X", "args": []}).length == 1
    assert sync_job.enqueue(1).job_class == "Sync"
    async def go():
        assert await other.enqueue_to("q", "Fine", 1) is True
    asyncio.run(go())

@register("Locked", plugins=[Loner(), Lock(), Retry()])
def locked(*args):
    raise ValueError("retried")

@register("Tracked", tracked=True)
def tracked(*, rows):
    status = resque.status()
    status.at(1, rows)
    status.set("message")
    return status.cancelled()

@register("Hooked")
class Hooked:
    @staticmethod
    def perform(*args):
        return "plain"
    @staticmethod
    def before_perform_write(*args):
        raise RuntimeError("a hook ran")
    around_perform_write = after_perform_write = before_perform_write

@resque.middleware
def around(call_next, job):
    raise RuntimeError("middleware ran")

@register("Awaits")
async def awaits():
    await asyncio.sleep(0)
    return "awaited"

@register("Hangs")
def hangs(how):
    pid = os.fork()
    Path(f"hangs-{how}").write_text(f"{os.getpid()} {pid}") if pid else None
    if how == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)

@register("Dies")
def dies(how):
    if how == "exit":
        os._exit(3)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "close":
        os.closerange(0, 100)
    if how == "sysexit":
        sys.exit(4)

@register("Forks")
def forks():
    return "forked" if os.fork() else "copy"

@register("Slow", timeout=0.2)
def slow():
    time.sleep(30)

@register("Prints")
def prints():
    print("x" * 1_000_000)
    print("to stderr", file=sys.stderr)

class Nasty:
    def __repr__(self):
        raise ValueError("no repr")

@register("Odd")
def odd(*args):
    return Nasty()

sync_job = resque.active_job("Sync", queue="sync")

@sync_job
def sync(*args, force=False):
    return (args, force)

@resque.locator("Account")
def find(gid):
    return f"account {gid.id}"
"""


@pytest.fixture
def shadow(run, environment, redis_url):
    """The report on a class, by the JSON that is printed; the app is a module of its own."""
    (environment / "app_shadow.py").write_text(APP)

    def call(name: str, *words: str, code: int = 0) -> list[dict[str, object]]:
        result = run("migrate", "shadow", name, "-A", "app_shadow:resque", *words, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    return call


@pytest.fixture
def unwritten(db):
    """At the test's end: no command that writes came since the mark was set."""
    marked: list[dict[bytes, bytes]] = []

    def mark() -> None:
        db.config_resetstat()
        marked.append({key: db.dump(key) for key in db.scan_iter()})

    yield mark
    writing = {name for name, info in db.command().items() if "write" in info["flags"]}
    called = {name.removeprefix("cmdstat_").split("|")[0] for name in db.info("commandstats")}
    assert called & {*writing, "eval", "evalsha", "fcall", "publish"} == set()
    assert {key: db.dump(key) for key in db.scan_iter()} == marked[0]


def test_a_copy_is_performed_and_its_job_stays(shadow, resque, unwritten):
    resque.enqueue_to("low", "Fine", 1, {"a": 2})
    resque.enqueue_to("low", "Fine", 1, {"a": 2})
    resque.enqueue_at_with_queue("low", 4_000_000_000, "Fine", 3)
    unwritten()
    found = shadow("Fine")
    assert [(one["place"], one["python"]["result"]) for one in found] == [
        ("queued", "{'number': 1}"),
        ("delayed", "{'number': 3}"),
    ]
    assert {one["verdict"] for one in found} == {"Python performed, Ruby unknown"}
    assert found[0]["python"]["seconds"] >= 0
    assert len(shadow("Fine", "--from", "delayed")) == 1
    assert len(shadow("Fine", "--count", "1")) == 1


def test_failed_records_tell_what_ruby_did(shadow, resque, db, unwritten):
    for name, exception, error in (
        ("Fine", "RuntimeError", "gone"),
        ("Boom", "KeyError", "'no such report'"),
    ):
        payload = {"class": name, "args": [7]}
        record = {"payload": payload, "exception": exception, "error": error, "queue": "low"}
        db.rpush("resque:failed", json.dumps(record))
        resque.enqueue_to("low", name, 7)
    unwritten()
    [fine] = shadow("Fine")
    assert (fine["verdict"], fine["ruby"]["exception"]) == ("Ruby alone failed", "RuntimeError")
    [boom] = shadow("Boom")
    assert boom["verdict"] == "the same error"


def test_python_s_own_failure_ends_with_1(shadow, resque, db):
    resque.enqueue_to("low", "Boom", 1)
    [found] = shadow("Boom", code=1)
    assert (found["verdict"], found["python"]["exception"]) == (
        "Python failed, Ruby unknown",
        "KeyError",
    )
    db.rpush(
        "resque:failed",
        json.dumps(
            {"payload": {"class": "Boom", "args": [1]}, "exception": "NameError", "error": "x"}
        ),
    )
    [found] = shadow("Boom")
    assert found["verdict"] == "another error"


@pytest.mark.parametrize(
    "verb", ["redis", "lock", "pop", "async", "script", "failures", "pipeline"]
)
def test_writes_are_refused(shadow, resque, unwritten, verb):
    resque.enqueue_to("low", "Writes", verb)
    unwritten()
    [found] = shadow("Writes", code=1)
    assert found["python"]["exception"] == "ShadowWriteError", found
    assert found["python"]["refusals"] == 1
    assert "a shadow run writes nothing" in found["python"]["error"]


def test_reads_are_not(shadow, resque, unwritten):
    resque.enqueue_to("low", "Reads")
    unwritten()
    [found] = shadow("Reads")
    assert found["python"]["result"] == "[1, None, 0, {}]"


def test_enqueues_are_noted_and_answer_as_if_they_were_done(shadow, resque, unwritten):
    resque.enqueue_to("low", "Enqueues")
    unwritten()
    [found] = shadow("Enqueues")
    assert found["python"]["outcome"] == "performed", found
    assert found["python"]["enqueues"] == 11
    assert "RubyOnly(1, {'a': 2}) to other" in found["python"]["enqueued"]


@pytest.mark.parametrize("name", ["Hooked", "Awaits", "Prints", "Odd"])
def test_the_handler_alone_runs(shadow, resque, unwritten, name):
    resque.enqueue_to("low", name)
    unwritten()
    [found] = shadow(name)
    assert found["python"]["outcome"] == "performed"
    assert len(found["python"]["output"]) <= 4000
    results = {"Hooked": "'plain'", "Awaits": "'awaited'", "Prints": None}
    assert found["python"]["result"] == results.get(name, "a Nasty, whose repr raised ValueError")


def test_plugins_write_nothing(shadow, resque, db, unwritten):
    db.rpush("resque:queue:low", b'{"class":"Locked","args":[1]}')
    db.rpush("resque:queue:low", b'{"class":"Tracked","args":["%s",{"rows":3}]}' % (b"a" * 32))
    db.sadd("resque:queues", "low")
    unwritten()
    [locked] = shadow("Locked", code=1)
    assert (locked["python"]["exception"], locked["python"]["refusals"]) == ("ValueError", 0)
    [tracked] = shadow("Tracked")
    assert (tracked["python"]["result"], tracked["python"]["refusals"]) == ("False", 0)


def test_active_jobs_get_their_records_and_keywords(shadow, resque, unwritten):
    arguments = [
        {"_aj_globalid": "gid://shop/Account/7"},
        {"force": True, "_aj_ruby2_keywords": ["force"]},
    ]
    resque.enqueue_to("sync", WRAPPER, {"job_class": "Sync", "arguments": arguments})
    unwritten()
    [found] = shadow("Sync")
    assert found["python"]["result"] == "(('account 7',), True)"


def test_a_copy_that_a_job_forks_ends_where_the_job_ends(shadow, resque):
    resque.enqueue_to("low", "Forks")
    [found] = shadow("Forks")
    assert found["python"]["result"] == "'forked'"


def test_a_job_s_own_time_limit_holds(shadow, resque):
    resque.enqueue_to("low", "Slow")
    [found] = shadow("Slow", code=1)
    assert (found["python"]["outcome"], found["python"]["exception"]) == (
        "failed",
        "Timeout::Error",
    )


@pytest.mark.parametrize("how", ["plain", "deaf"])
def test_a_child_that_hangs_is_killed_with_what_it_forked(
    shadow, resque, environment, eventually, how
):
    resque.enqueue_to("low", "Hangs", how)
    [found] = shadow("Hangs", "--timeout", "3", code=1)
    assert (found["python"]["outcome"], found["python"]["error"]) == (
        "timed out",
        "killed after 3 s",
    )
    for pid in map(int, (environment / f"hangs-{how}").read_text().split()):
        assert eventually(lambda pid=pid: not is_alive(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="the signal at a parent's death is Linux's")
def test_a_command_that_is_killed_takes_its_child_with_it(
    shadow, start, resque, environment, eventually
):
    resque.enqueue_to("low", "Hangs", "alone")
    command = start("migrate", "shadow", "Hangs", "-A", "app_shadow:resque")
    file = environment / "hangs-alone"
    pid, forked = map(int, eventually(lambda: file.exists() and file.read_text().split()))
    command.kill()
    command.wait()
    assert eventually(lambda: not is_alive(pid))
    os.kill(forked, signal.SIGKILL)


@pytest.mark.parametrize(
    ("how", "outcome", "error"),
    [
        ("exit", "died", "its process ended with code 3"),
        ("kill", "died", "its process was ended by signal 9"),
        ("close", "died", None),
        ("sysexit", "failed", "4"),
    ],
)
def test_a_child_that_ends_by_itself_is_told(shadow, resque, how, outcome, error):
    resque.enqueue_to("low", "Dies", how)
    [found] = shadow("Dies", code=1)
    assert found["python"]["outcome"] == outcome
    assert error is None or found["python"]["error"] == error


def test_hostile_payloads_end_nothing(shadow, resque, db):
    for raw in (b"{", b"[1]", b"null", b'{"class":"Odd"}', b'{"class":"Odd","args":{"a":1}}', b"\xff" * 10,
                b'{"class":"Odd","args":["\\ud800\x1b[31m"]}', b'{"class":"Odd","args":[' + b"[" * 90 + b"]" * 90 + b"]}",
                b'{"class":"Odd","args":["' + b"x" * 1_000_000 + b'"]}'):  # fmt: skip
        db.rpush("resque:queue:low", raw)
    db.sadd("resque:queues", "low", "wrong")
    for key in ("queue:wrong", "failed", "failed_queues", "workers"):
        db.set(f"resque:{key}", "x")
    found = shadow("Odd")
    assert len(found) == 4
    assert all(len(one["payload"]) <= 10_100 for one in found)
    assert {one["python"]["outcome"] for one in found} == {"performed"}


def test_a_fixture_is_asked_for(run, resque, environment):
    (environment / "app_bare.py").write_text(
        "from pyresque import Resque\nresque = Resque()\n@resque.job('Fine', queue='low')\ndef fine(): ...\n"
    )
    resque.enqueue_to("low", "Fine")
    words = ("migrate", "shadow", "Fine", "-A", "app_bare:resque")
    result = run(*words)
    assert (result.exit_code, "has no @resque.dry_run" in result.stderr) == (2, True)
    result = run(*words, "--no-fixture")
    assert result.exit_code == 0, result.output
    assert "Python performed, Ruby unknown" in result.stdout
    assert run("migrate", "shadow", "Fine").exit_code == 2
    assert run("migrate", "shadow", "Nobody", "-A", "app_bare:resque").exit_code == 2


@pytest.mark.parametrize(
    ("fixture", "outcome"),
    [
        ("def f(job):\n    raise OSError('before')\n    yield", "fixture failed"),
        ("def f(job):\n    yield\n    raise OSError('after')", "fixture failed"),
        ("def f(job):\n    yield\n    yield", "fixture failed"),
        ("def f(job):\n    return 7", "fixture failed"),
        ("from contextlib import nullcontext\ndef f(job):\n    return nullcontext()", "performed"),
    ],
)
def test_a_fixture_that_fails_is_told_apart_from_the_job(
    run, resque, environment, fixture, outcome
):
    (environment / "app_fixture.py").write_text(
        "from pyresque import Resque\nresque = Resque()\n@resque.job('Fine', queue='low')\ndef fine(): ...\n"
        f"{fixture}\nresque.dry_run(f)\n"
    )
    resque.enqueue_to("low", "Fine")
    result = run("migrate", "shadow", "Fine", "-A", "app_fixture:resque", "--json")
    [found] = json.loads(result.stdout)
    assert (found["python"]["outcome"], result.exit_code) == (outcome, int(outcome != "performed"))


def _work(db, worker: str, number: int) -> str:
    """Have a worker work on a job, as far as Redis tells."""
    key = f"resque:worker:{worker}"
    payload = {"class": "Fine", "args": [number]}
    db.set(key, json.dumps({"queue": "low", "run_at": "2026-01-01T00:00:00Z", "payload": payload}))
    db.sadd("resque:workers", worker)
    return key


def test_a_watch_tells_how_jobs_ended_and_how_long_they_took(shadow, db, eventually):
    keys = [_work(db, "ruby:1:low", 1), _work(db, "ruby:2:low", 2)]
    failure = {"payload": {"class": "Fine", "args": [2]}, "exception": "Timeout", "error": "late"}
    db.config_resetstat()

    def end() -> None:
        eventually(lambda: db.info("commandstats").get("cmdstat_smembers", {}).get("calls", 0) > 3)
        db.rpush("resque:failed", json.dumps(failure))
        db.delete(*keys)

    thread = threading.Thread(target=end)
    thread.start()
    try:
        found = shadow("Fine", "--watch", "60s", "--count", "2")
    finally:
        thread.join()
    told = {one["payload"]: (one["verdict"], one["ruby"]["outcome"]) for one in found}
    assert told == {
        '{"class": "Fine", "args": [1]}': ("same", "performed"),
        '{"class": "Fine", "args": [2]}': ("Ruby alone failed", "failed"),
    }
    assert found[0]["ruby"]["seconds"] > 0


@pytest.mark.parametrize(
    ("table", "verdict"),
    [
        (b'{"version":1,"rules":[{"match":"Fine","to":"ruby"}]}', "same"),
        (b'{"version":1,"rules":[{"match":"Fine","to":"python"}]}', "Python performed, Ruby unknown"),
        (b"nonsense", "same"),
    ],
)  # fmt: skip
def test_a_job_that_is_led_to_python_tells_nothing_of_ruby(shadow, db, eventually, table, verdict):
    db.set("resque:migrate:routes", table)
    key = _work(db, "any:1:low", 1)
    db.config_resetstat()

    def end() -> None:
        eventually(lambda: db.info("commandstats").get("cmdstat_smembers", {}).get("calls", 0) > 3)
        db.delete(key)

    thread = threading.Thread(target=end)
    thread.start()
    try:
        [found] = shadow("Fine", "--watch", "60s", "--count", "1")
    finally:
        thread.join()
    assert found["verdict"] == verdict


def test_a_job_that_has_not_ended_when_the_watch_ends_is_unknown(shadow, db, unwritten):
    _work(db, "ruby:1:low", 1)
    unwritten()
    [found] = shadow("Fine", "--watch", "0.1s")
    assert found["verdict"] == "Python performed, Ruby unknown"


def test_people_see_a_table(run, shadow, resque):
    resque.enqueue_to("low", "Enqueues")
    result = run("migrate", "shadow", "Enqueues", "-A", "app_shadow:resque")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].split() == [
        "PLACE",
        "QUEUE",
        "JOB",
        "PYTHON",
        "SECONDS",
        "RUBY",
        "ITS",
        "SECONDS",
        "VERDICT",
    ]
    assert "would enqueue" in result.stdout
    assert "(11 in all)" in result.stdout


def test_no_job_is_a_complaint(run, shadow, resque):
    result = run("migrate", "shadow", "Fine", "-A", "app_shadow:resque")
    assert (result.exit_code, "no job of Fine was found among the first 1000" in result.stderr) == (
        1,
        True,
    )
    assert "myapp" not in sys.modules


def test_a_user_who_may_only_read_is_enough(run, shadow, resque, db, redis_url, monkeypatch):
    resque.enqueue_to("low", "Fine", 1)
    db.acl_setuser(
        "looker", enabled=True, nopass=True, keys=["*"], commands=["+@read", "+@connection"]
    )
    try:
        monkeypatch.setenv("REDIS_URL", redis_url.replace("redis://", "redis://looker:x@"))
        [found] = shadow("Fine")
        assert found["python"]["outcome"] == "performed"
        for words in (("schedule",), ("stubs", "--out", "jobs")):
            result = run("migrate", *words)
            assert result.exit_code == 0, result.output
    finally:
        db.acl_deluser("looker")
