"""Classes that move to Python on queues that real Ruby workers serve: the guard, the mover, the way back."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from compat_tests.live.peers import Program, echoed
from pyresque.job.job import read_job
from pyresque.migrate import __file__ as migrate
from pyresque.routing.rules import Rule
from pyresque.routing.share import place, routed_class
from tests.support.eventually import eventually

GUARD = Path(migrate).with_name("resque_guard.rb")
QUEUE, ASIDE = "resque:queue:q", "resque:migrate:queue:q"
WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"
FORKS = ["true", "false"]


def payload(name, *args):
    """Bytes that no encoder of ours or Ruby's writes: a blank after the colon, a key of the sender's."""
    return json.dumps({"class": name, "args": args, "traceparent": "00-1"}).encode()


def active_job(name, number):
    held = {"job_class": name, "job_id": f"id-{number}", "queue_name": "q", "arguments": [number]}
    more = {"executions": 0, "exception_executions": {}, "priority": None, "locale": "en"}
    return json.dumps({"class": WRAPPER, "args": [{**held, **more, "timezone": "UTC"}]}).encode()


@pytest.fixture
def guarded(ruby_worker, tmp_path):
    """Starts Ruby workers with the guard, which pauses shortly."""
    guard = tmp_path / "resque_guard.rb"
    guard.write_text(GUARD.read_text().replace("PAUSE = 1.0", "PAUSE = 0.01"))

    def start(queues="q", **env):
        return ruby_worker(queues, LIVE_REQUIRE=str(guard), **env)

    return start


@pytest.fixture
def move(redis_server, programs):
    """Starts a mover."""

    def start(*words):
        command = [sys.executable, "-m", "pyresque", "migrate", "move", "-q", "q", *words]
        started = Program(command, {"REDIS_URL": redis_server.url})
        programs.append(started)
        return started

    return start


def run(redis_server, *words):
    """What a command prints, with its end awaited."""
    done = subprocess.run(
        [sys.executable, "-m", "pyresque", "migrate", *words, "-u", redis_server.url],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def push(db, *payloads):
    db.sadd("resque:queues", "q")
    db.incrby("live:pushed", len(payloads))
    for start in range(0, len(payloads), 1000):
        db.rpush(QUEUE, *payloads[start : start + 1000])


def aside(db):
    return db.lrange(ASIDE, 0, -1)


def pruned_by(ruby, db):
    """Have Ruby unregister the workers that were killed."""
    db.delete("resque:pruning_dead_workers_in_progress")
    ruby.ask("ruby", code='Resque::Worker.new("q").prune_dead_workers; true')


def idle(db):
    """Wait until each job that was pushed is performed, or lies aside."""
    eventually(
        lambda: (
            int(db.get("resque:stat:processed") or 0) + db.llen(ASIDE) == int(db.get("live:pushed"))
        ),
        within=60,
    )


def drain(db, worker):
    """Wait until a Ruby worker has emptied the queue, and let it leave after its last job."""
    eventually(lambda: not db.exists(QUEUE), within=60)
    assert worker.stop(signal.SIGQUIT) == 0


def test_places_agree_on_both_sides(ruby_peer, db, resque):
    ruby = ruby_peer(GUARDED="1")  # the guard stays in a process that has loaded it
    chosen = random.Random(5)
    values = [
        *(0.1, 1e20, 1e-7, 1e16, 123456789.125, -0.0, 5e-324, 1.7976931348623157e308, 100.0, 1e15),
        *(
            2**70,
            -(2**63),
            0,
            True,
            None,
            "",
            "caf\u00e9 \U0001f600 <b>&</b> \u2028",
            '"\\/\b\f\n\t',
        ),
        *([], {}, [[[1]]], {"b": 1, "a": {"c": [None, 2.5e-9]}}, "\x7f\x00\x1f"),
    ]
    payloads = [payload("Deep::NestedJob", one) for one in values]
    payloads += [payload("A", *chosen.sample(values, 3)) for _ in range(300)]
    payloads += [
        payload("A", chosen.random() * 10 ** chosen.randrange(-30, 30)) for _ in range(300)
    ]
    payloads += [active_job("AjEchoJob", n) for n in range(20)]
    payloads += [
        b'{"class":"A"}',
        b'{"class":"::A","args":null}',
        b'{"class":"a-job","args":[1E5]}',
    ]
    payloads += [
        b'{"class":"A::","args":{"b":1}}',
        b'{"class":"%b","args":[{}]}' % WRAPPER.encode(),
    ]
    ruby.ask("ruby", code=f"require {str(GUARD)!r}; true".replace("'", '"'))
    texts = json.dumps([raw.decode() for raw in payloads])
    code = (
        f"JSON.parse({json.dumps(texts)}).map {{ |raw| one = Resque.decode(raw); "
        "[PyresqueGuard.routed(one).first, PyresqueGuard.place(one)] }"
    )
    found = ruby.ask("ruby", code=code.replace("#", "\\#"))
    ours = [read_job(resque.core.codec, "q", raw).payload for raw in payloads]
    assert found == [[routed_class(one), place(resque.core.codec, one)] for one in ours]


@pytest.mark.parametrize("fork", FORKS)
def test_the_guard_hands_over_what_belongs_to_python_and_nothing_else(guarded, resque, db, fork):
    resque.routes.set("Py*", "python")
    resque.routes.set("Deep::*", "python")
    resque.routes.set("EchoJob", "python=40%")
    resque.routes.set("Gone", "ruby")
    sent = [payload("PyOnly", n) for n in range(30)] + [payload("Deep::NestedJob", "x")]
    sent += [payload("::PyOnly", 1), active_job("PyActive", 1)]
    shared = [payload("EchoJob", n) for n in range(60)]
    boom = [payload("BoomJob", 1), payload("Gone", 2)]
    push(db, *sent, *shared, *boom)
    guarded(FORK_PER_JOB=fork)
    idle(db)
    codec = resque.core.codec
    pythons = [raw for raw in shared if place(codec, read_job(codec, "q", raw).payload) < 40]
    assert 0 < len(pythons) < 60
    assert aside(db) == sent + pythons
    assert len(echoed(db, 60 - len(pythons))) == 60 - len(pythons)
    assert db.llen("live:echo") == 0
    failed = [json.loads(raw) for raw in db.lrange("resque:failed", 0, -1)]
    assert [one["exception"] for one in failed] == ["ArgumentError", "NameError"]
    (echo,) = resque.run(resque.core.performed.hours("EchoJob"))
    (boomed,) = resque.run(resque.core.performed.hours("BoomJob"))
    assert (echo.ruby.done, echo.ruby.failed) == (60 - len(pythons), 0)
    assert (boomed.ruby.done, boomed.ruby.failed) == (0, 1)
    assert echo.ruby.microseconds > 0
    assert set(resque.run(resque.core.performed.last())) == {"EchoJob", "BoomJob"}
    assert int(db.get("resque:stat:processed")) == 62 - len(pythons)
    assert db.smembers("resque:migrate:queues") == {b"q"}


def test_active_jobs_are_counted_and_routed_by_their_own_class(guarded, resque, rails, db):
    resque.routes.set("Aj*", "python=0%")
    resque.routes.set("AjBoom", "python")
    for number in range(5):
        push(db, active_job("AjEchoJob", number), active_job("AjBoom", number))
    guarded(RESQUE_ACTIVEJOB="1", FORK_PER_JOB="false")
    idle(db)
    assert aside(db) == [active_job("AjBoom", number) for number in range(5)]
    assert db.llen("live:activejob") == 5
    (counted,) = resque.run(resque.core.performed.hours("AjEchoJob"))
    assert counted.ruby.done == 5


def test_a_killed_child_counts_as_failed_and_a_hook_that_refuses_does_not_count(
    guarded, resque, db
):
    push(db, payload("KillJob"), payload("HookedJob", "dont_perform"), payload("EchoJob"))
    guarded(FORK_PER_JOB="true")
    idle(db)
    (killed,) = resque.run(resque.core.performed.hours("KillJob"))
    assert (killed.ruby.done, killed.ruby.failed) == (0, 1)
    assert set(resque.run(resque.core.performed.last())) == {"KillJob", "EchoJob"}


@pytest.mark.parametrize("fork", FORKS)
def test_a_job_that_cannot_be_handed_over_goes_back_some_times_and_fails_then(
    guarded, resque, db, fork
):
    resque.routes.set("*Job", "python")
    db.set(ASIDE, "no list")
    push(db, payload("GoneJob", 1), payload("EchoJob", 2))
    worker = guarded(FORK_PER_JOB=fork)
    assert echoed(db) == [[2]]
    eventually(lambda: db.get("resque:stat:processed") == b"2")
    (failed,) = [json.loads(raw) for raw in db.lrange("resque:failed", 0, -1)]
    assert (failed["exception"], failed["payload"]["args"]) == ("NameError", [1])
    assert "takes no job" in worker.errors()


@pytest.mark.parametrize(
    "table",
    [
        b"nonsense",
        b"[]",
        b'{"rules":{"a":1}}',
        b'{"rules":[1]}',
        b'{"rules":[{"match":"*","to":"perl"}]}',
        b'{"rules":[{"match":"*","to":"python","percent":"x"}]}',
        None,
    ],
)
def test_with_a_broken_table_it_performs_as_ever(guarded, db, table):
    if table is None:
        db.lpush("resque:migrate:routes", "a list")
    else:
        db.set("resque:migrate:routes", table)
    db.set("resque:migrate:last", "no hash")
    push(db, payload("EchoJob", 1))
    worker = guarded(FORK_PER_JOB="false")
    assert echoed(db) == [[1]]
    idle(db)
    assert "routing table cannot be read" in worker.errors()
    assert not db.exists(ASIDE, "resque:failed")


def test_a_name_that_no_pattern_can_be_compared_with_stays_ruby_s(guarded, resque, db):
    resque.routes.set("*", "python")
    resque.routes.set("EchoJob", "ruby")
    push(db, rb'{"class":"Echo\u0000Job","args":[]}', payload("EchoJob", 1))
    guarded(FORK_PER_JOB="false")
    assert echoed(db) == [[1]]
    idle(db)
    (record,) = db.lrange("resque:failed", 0, -1)
    assert json.loads(record)["exception"] == "NameError"
    assert not db.exists(ASIDE)


def test_a_table_that_changes_is_followed(guarded, resque, db):
    guarded(FORK_PER_JOB="false")
    push(db, payload("EchoJob", 1))
    assert echoed(db) == [[1]]
    resque.routes.set("EchoJob", "python")

    def handed_over():
        push(db, payload("EchoJob", 2))
        idle(db)
        return db.exists(ASIDE)

    eventually(handed_over)
    resque.routes.set("EchoJob", "ruby")
    db.delete("live:echo")

    def performed():
        push(db, payload("EchoJob", 3))
        idle(db)
        return db.exists("live:echo")

    eventually(performed)


@pytest.mark.parametrize("seed", range(3))
def test_guarded_workers_that_are_killed_do_nothing_twice(guarded, ruby, resque, db, seed):
    chosen = random.Random(seed)
    resque.routes.set("Py*", "python")
    jobs = [payload(chosen.choice(["PyOnly", "EchoJob"]), n) for n in range(3000)]
    push(db, *jobs)
    kills = 6
    for _ in range(kills):
        before = db.llen(QUEUE)
        worker = guarded(FORK_PER_JOB="false")
        eventually(lambda: db.llen(QUEUE) <= before - chosen.randrange(50, 300))  # noqa: B023
        worker.kill()
    drain(db, guarded(FORK_PER_JOB="false"))
    pruned_by(ruby, db)
    handed = [json.loads(raw)["args"][0] for raw in aside(db)]
    echoes = [json.loads(raw)[0] for raw in db.lrange("live:echo", 0, -1)]
    pruned = [json.loads(raw)["payload"]["args"][0] for raw in db.lrange("resque:failed", 0, -1)]
    assert len(handed) == len(set(handed))
    assert not set(handed) & set(pruned)
    # Ruby pops a job before it writes that it has it, and performs it before it writes that it is done: at a kill, a job may be lost
    # between the first two, and be both performed and recorded between the others.
    assert len(set(handed) | set(echoes) | set(pruned)) >= 3000 - kills
    assert sorted(handed) == handed
    assert {json.loads(raw)["class"] for raw in aside(db)} == {"PyOnly"}


def test_the_mover_is_ahead_of_ruby_and_the_guard_catches_the_rest(
    guarded, move, resque, db, redis_server
):
    """Ten classes at random, five of them Python's, under load: Ruby performs its own alone, each once, in order."""
    chosen = random.Random(7)
    names = ["EchoJob", "Deep::NestedJob", "PyA", "PyB", "PyC", "PyD"]
    resque.routes.set("Py*", "python")
    jobs = [payload(chosen.choice(names), n) for n in range(5000)]
    push(db, *jobs[:2500])
    mover = move("--poll", "0.005")
    worker = guarded(FORK_PER_JOB="false", interval=0.01)
    for start in range(2500, 5000, 50):
        push(db, *jobs[start : start + 50])
    idle(db)
    mover.stop(signal.SIGTERM)
    worker.stop(signal.SIGQUIT)
    pythons = [raw for raw in jobs if b'"Py' in raw]
    assert sorted(aside(db)) == sorted(pythons)
    echoes = [json.loads(raw)[0] for raw in db.lrange("live:echo", 0, -1)]
    assert echoes == [json.loads(raw)["args"][0] for raw in jobs if b'"Py' not in raw]
    assert not db.exists("resque:failed")
    assert run(redis_server, "move", "--back", "--all", "-q", "q") == (
        f"moved {len(pythons)} jobs back to Ruby\n"
    )
    assert db.lrange(QUEUE, 0, -1) == aside(db) or db.llen(QUEUE) == len(pythons)


@pytest.mark.parametrize("seed", range(2))
def test_python_stops_at_any_moment_and_ruby_goes_on_alone(
    ruby, python_worker, ruby_worker, move, resque, db, redis_server, seed
):
    """Selective workers and a mover are killed again and again; then everything comes back, and Ruby works it off."""
    chosen = random.Random(seed)
    resque.routes.set("EchoJob", "python")
    jobs = [payload(chosen.choice(["EchoJob", "Deep::NestedJob"]), n) for n in range(2000)]
    push(db, *jobs)
    kills = 0
    for _ in range(3):
        mover = move("--poll", "0.005")
        workers = [
            python_worker("q", RESQUE_ONLY_REGISTERED="1", RESQUE_EXECUTOR=executor)
            for executor in ("inline", "fork")
        ]
        done = db.llen("live:echo")
        eventually(lambda: db.llen("live:echo") >= done + chosen.randrange(20, 100))  # noqa: B023
        for program in (mover, *workers):
            program.kill()
            kills += 1
    pruned_by(ruby, db)
    run(redis_server, "move", "--back", "--all", "-q", "q")
    assert not db.exists(ASIDE)
    drain(db, ruby_worker("q", FORK_PER_JOB="false"))
    echoes = [json.loads(raw)[0] for raw in db.lrange("live:echo", 0, -1)]
    pruned = [json.loads(raw) for raw in db.lrange("resque:failed", 0, -1)]
    assert {one["exception"] for one in pruned} <= {
        "Resque::PruneDeadWorkerDirtyExit",
        "Resque::DirtyExit",
    }
    lost = {one["payload"]["args"][0] for one in pruned}
    assert len(lost) <= kills
    assert len(echoes) == len(set(echoes))
    assert set(echoes) | lost == set(range(2000))


def test_rescue_puts_back_what_ruby_failed_for_want_of_the_class(
    ruby_worker, rails, resque, db, redis_server
):
    sent = [payload("PyOnly", 1), payload("Deep::PyOnly", 2), payload("jobs.send_mail", 3)]
    sent.append(active_job("PyActive", 4))
    push(db, *sent, payload("BoomJob", 5), payload("RubyGone", 6))
    worker = ruby_worker("q", FORK_PER_JOB="false", RESQUE_ACTIVEJOB="1")
    idle(db)
    worker.stop(signal.SIGQUIT)
    assert db.llen("resque:failed") == 6
    for name in ("Py*", "Deep::Py*", "jobs.*", "BoomJob"):
        resque.routes.set(name, "python")
    found = json.loads(run(redis_server, "rescue", "--dry-run", "--json"))
    assert len(found["rescued"]) == 4
    assert db.llen(QUEUE) == 0
    run(redis_server, "rescue", "--yes")
    assert [json.loads(raw) for raw in db.lrange(QUEUE, 0, -1)] == [json.loads(raw) for raw in sent]
    assert json.loads(run(redis_server, "rescue", "--yes", "--json"))["rescued"] == []


@pytest.mark.parametrize("executor", ["inline", "fork"])
def test_a_brake_compares_with_what_ruby_fails_itself(guarded, python_worker, resque, db, executor):
    """BoomJob fails on both sides alike: with the guard's figures the brake holds, without them it trips."""
    now = resque.core.clock.time()
    rule = Rule("BoomJob", "python", 50, brake=5, least=5, since=int(now) - 120)
    resque.run(resque.core.routes.change(lambda routes: routes.with_rule(rule), "set", "test"))
    push(db, *[payload("BoomJob", n) for n in range(60)])
    ruby = guarded(FORK_PER_JOB="false")
    idle(db)
    ruby.stop(signal.SIGQUIT)
    by_ruby = db.llen("resque:failed")
    assert 5 <= by_ruby <= 55
    python = python_worker("q", RESQUE_ONLY_REGISTERED="1", RESQUE_EXECUTOR=executor)
    eventually(lambda: db.llen("resque:failed") == 60)
    idle(db)
    python.stop(signal.SIGQUIT)
    assert [one.match for one in resque.routes.show().rules if one.tripped] == []
    (counted,) = resque.run(resque.core.performed.days("BoomJob"))
    assert (counted.ruby.failed, counted.python.failed) == (by_ruby, 60 - by_ruby)
    for key in db.keys("resque:migrate:lately:*"):
        db.delete(key)
    push(db, *[payload("BoomJob", n) for n in range(60, 120)])
    python = python_worker("q", RESQUE_ONLY_REGISTERED="1", RESQUE_EXECUTOR=executor)
    eventually(lambda: [one for one in resque.routes.show().rules if one.tripped])
    assert resque.routes.changes()[0].by == "brake"
    left = db.llen(QUEUE) + db.llen(ASIDE)
    assert left >= 60 - 55
    guarded(FORK_PER_JOB="false")
    idle(db)
    assert db.llen("resque:failed") + db.llen(ASIDE) == 120
