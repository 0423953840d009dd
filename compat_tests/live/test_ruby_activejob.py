"""Jobs of a real Rails application on their way between Ruby's ActiveJob and ours: arguments, retries, failures."""

from __future__ import annotations

import asyncio
import json

import pytest

from compat_tests.live.active_jobs import ARGUMENTS, SEEN
from compat_tests.live.peers import PeerError, noted
from pyresque import AsyncResque
from pyresque.activejob import Rails
from pyresque.errors import SerializationError
from pyresque.ruby.json import decode
from tests.support.eventually import eventually


@pytest.fixture
def version(rails):
    return rails.ask("versions")["activejob"]


@pytest.fixture
def resque(faces, version):
    """A client that writes as the Rails of this test does."""
    return faces(rails_version=version, dialect="json_gem_activesupport")


@pytest.fixture
def python(python_worker, version):
    return lambda queues, **env: python_worker(
        queues, RESQUE_RAILS_VERSION=version, RESQUE_JSON="json_gem_activesupport", **env
    )


@pytest.fixture
def ruby(ruby_worker):
    return lambda queues, **env: ruby_worker(queues, RESQUE_ACTIVEJOB="1", **env)


def enqueued(rails, **fields):
    """The job hash that Rails wrote, or None where Rails of that version refuses the arguments."""
    try:
        return rails.ask("active_job_enqueue", **fields)
    except PeerError as error:
        if error.name != "ActiveJob::SerializationError":
            raise
        return None


def what_was_seen(note):
    """A note without what Ruby alone says, and what differs from job to job."""
    return {
        name: value for name, value in note.items() if name not in ("inspect", "job_id", "queue")
    }


def waiting(db, queue):
    return [decode(raw)["args"][0] for raw in db.lrange(f"resque:queue:{queue}", 0, -1)]


def test_python_knows_every_kind_of_argument_that_rails_is_asked_for(rails):
    assert rails.ask("active_job_cases") == list(ARGUMENTS)


@pytest.mark.parametrize("case", ARGUMENTS)
def test_python_writes_the_very_arguments_that_rails_writes(rails, resque, db, version, case):
    args, kwargs = ARGUMENTS[case]
    theirs = enqueued(rails, case=case, queue="theirs", priority=4)
    if theirs is None:
        assert Rails.named(version) < Rails.V7_0
        with pytest.raises(SerializationError):
            resque.active_job("AjEchoJob").enqueue(*args, **kwargs)
        return
    ours = resque.active_job("AjEchoJob").set(queue="theirs", priority=4).enqueue(*args, **kwargs)
    written, found = db.lrange("resque:queue:theirs", 0, -1)
    # Rails reads the clock again whenever it is asked for a job's data.
    own = {theirs["job_id"]: "ID", json.loads(written)["args"][0]["enqueued_at"]: "NOW"}
    own |= {ours.job_id: "ID", ours.enqueued_at: "NOW"}
    texts = [written.decode(), found.decode()]
    for value, name in own.items():
        texts = [text.replace(value, name) for text in texts]
    assert texts[0] == texts[1]


def test_python_performs_what_rails_enqueued_and_sees_what_ruby_sees(rails, python, ruby, db):
    count = 0
    for case in ARGUMENTS:
        for queue in ("python", "ruby"):
            count += enqueued(rails, case=case, queue=queue) is not None
    of_each = count // 2
    assert of_each >= len(ARGUMENTS) - 1
    seen = {}
    for name, start in (("python", python), ("ruby", ruby)):
        start(name)
        seen[name] = [what_was_seen(note) for note in noted(db, SEEN, of_each)]
    assert seen["python"] == seen["ruby"]
    assert db.llen("resque:failed") == 0


def test_ruby_performs_what_python_enqueued_and_sees_what_rails_would_have_sent(
    rails, resque, ruby, db
):
    enqueuing, expected = resque.active_job("AjEchoJob"), []
    for case, (args, kwargs) in ARGUMENTS.items():
        if enqueued(rails, case=case, queue="rails") is not None:
            expected.append(case)
            enqueuing.set(queue="python").enqueue(*args, **kwargs)
    seen = {}
    for queue in ("rails", "python"):
        ruby(queue)
        seen[queue] = [
            {**what_was_seen(note), "inspect": note["inspect"]}
            for note in noted(db, SEEN, len(expected))
        ]
    for at, case in enumerate(expected):
        if case not in ("model", "models_nested"):  # Ruby may show where in memory a record is
            assert seen["python"][at] == seen["rails"][at]
        assert seen["python"][at]["arguments"] == seen["rails"][at]["arguments"]
    assert db.llen("resque:failed") == 0


@pytest.mark.parametrize("side", ["python", "ruby"])
def test_keyword_arguments_are_keywords_on_either_side(resque, request, db, side):
    job = resque.active_job("AjKeywordJob").set(queue=side).enqueue(6, force=True)
    request.getfixturevalue(side)(side)
    (note,) = noted(db, SEEN)
    assert note["job_id"] == job.job_id
    assert note["value"] in ("[6, True, None]", "[6, true, nil]")


@pytest.mark.parametrize("face", ["blocking", "awaited"])
def test_many_jobs_enqueued_at_once_by_either_face_are_performed_by_ruby(
    resque, redis_server, ruby, db, face
):
    def jobs(of):
        echo = of.active_job("AjEchoJob", queue="ruby")
        keyword = of.active_job("AjKeywordJob").set(queue="ruby", priority=4)
        return [echo.new(1), keyword.new(2, force=True), echo.set(wait=3600).new(3)]

    async def awaited():
        async with AsyncResque(redis_server.url, jobs=resque) as client:
            return await client.perform_all_later(jobs(client))

    done = asyncio.run(awaited()) if face == "awaited" else resque.perform_all_later(jobs(resque))
    assert done == 3
    ruby("ruby")
    notes = {note["job"]: note["arguments"][0] for note in noted(db, SEEN, 2)}
    assert notes == {"AjEchoJob": 1, "AjKeywordJob": 2}
    assert resque.count_all_scheduled_jobs() == 1
    assert db.llen("resque:failed") == 0


def test_a_job_that_fails_in_python_is_tried_again_in_ruby_and_counted_on(rails, python, ruby, db):
    first = enqueued(rails, class_="AjRetryJob", args=[1], queue="python")
    python("python")
    (run,) = noted(db, SEEN)
    assert (run["executions"], run["exception_executions"]) == (1, {})
    (again,) = eventually(lambda: waiting(db, "ruby"))
    assert (again["executions"], again["exception_executions"]) == (1, {"[ArgumentError]": 1})
    ruby("ruby")
    runs = noted(db, SEEN, 2)
    assert [(run["executions"], run["exception_executions"]) for run in runs] == [
        (2, {"[ArgumentError]": 1}),
        (3, {"[ArgumentError]": 2}),
    ]
    assert {run["job_id"] for run in runs} == {first["job_id"]}
    assert db.llen("resque:failed") == 0


def test_a_job_that_fails_in_ruby_waits_and_is_tried_for_the_last_time_in_python(
    rails, resque, python, ruby, db
):
    first = enqueued(rails, class_="AjGiveUpJob", args=[{"a": 1}], queue="both")
    worker = ruby("both")
    noted(db, SEEN)
    (at,) = eventually(lambda: resque.delayed_queue_peek(0, 5))
    worker.stop()
    (job,) = resque.delayed_timestamp_peek(at, 0, 5)
    assert job.payload.args[0]["exception_executions"] == {"[ArgumentError]": 1}
    resque.run(resque.core.delayed.move_due(now=at + 1))
    (raw,) = db.lrange("resque:queue:both", 0, -1)
    python("both")
    (run,) = noted(db, SEEN)
    assert (run["job_id"], run["executions"]) == (first["job_id"], 2)
    eventually(lambda: resque.failures.count() == 1)
    (failure,) = resque.failures.all(0, 5)
    assert (failure.exception, failure.error) == ("ValueError", "never")
    resque.failures.requeue(failure)
    assert eventually(lambda: resque.failures.count() == 2)  # it was put back, and fails once more
    assert json.loads(raw)["args"][0]["executions"] == 1
    assert [record.fields["payload"] for record in resque.failures.all(0, 5)] == [
        json.loads(raw)
    ] * 2


def test_a_job_that_fails_in_python_waits_and_is_tried_for_the_last_time_in_ruby(
    resque, python, ruby, db
):
    resque.active_job("AjGiveUpJob").set(queue="both").enqueue(Account=7)
    worker = python("both")
    (run,) = noted(db, SEEN)
    assert run["executions"] == 1
    (at,) = eventually(lambda: resque.delayed_queue_peek(0, 5))
    worker.stop()
    resque.run(resque.core.delayed.move_due(now=at + 1))
    ruby("both")
    (run,) = noted(db, SEEN)
    assert (run["executions"], run["exception_executions"]) == (2, {"[ArgumentError]": 1})
    (failure,) = eventually(lambda: resque.failures.all(0, 5))
    assert (failure.exception, failure.error) == ("ArgumentError", "never")


@pytest.mark.parametrize("side", ["python", "ruby"])
def test_what_is_discarded_leaves_nothing_and_counts_as_processed(resque, request, db, side):
    resque.active_job("AjDiscardJob").set(queue=side).enqueue(1)
    request.getfixturevalue(side)(side)
    noted(db, SEEN)
    eventually(lambda: resque.stat("processed") == 1)
    assert (resque.stat("failed"), resque.failures.count(), resque.size(side)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("NoSuchJob", ()),
        ("AjKeywordJob", (1, 2, 3)),
        ("AjKeywordJob", ()),
        ("AjEchoJob", ("gone",)),
    ],
)
def test_what_cannot_be_performed_fails_under_the_same_names_on_both_sides(
    resque, python, ruby, db, name, args
):
    failures = {}
    for side, start in (("python", python), ("ruby", ruby)):
        job = resque.core.active_jobs.envelope(resque.active_job(name).new(*args))
        found = job.to_json()
        if args == ("gone",):
            found["arguments"] = [{"_aj_globalid": "gid://live/Account/404"}]
        resque.push(
            side, {"class": "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper", "args": [found]}
        )
        start(side)
        failures[side] = eventually(lambda: resque.failures.all(0, 9))[0]
        resque.failures.clear()
    ours, theirs = failures["python"], failures["ruby"]
    assert ours.exception == theirs.exception
    if args != ("gone",):  # the model words that one
        assert ours.error == theirs.error.splitlines()[0]  # Ruby may go on and point at its code
