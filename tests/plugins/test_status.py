"""Tracked jobs: what ``enqueue`` gives, what the job says, and how a client looks at it, waits for it and cancels it."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from pyresque import AsyncResque, JobTimeout, Resque
from pyresque.errors import (
    DontPerform,
    JobArgumentError,
    JobCancelled,
    JobFailed,
    JobOptionError,
    NoJobStatus,
    ResultNotKept,
)
from pyresque.handles import AsyncHandle, Handle
from pyresque.job.job_status import JobStatus, to_f
from pyresque.job.perform import perform
from pyresque.plugins import Lock, Loner, Retry, Solo, Status


@pytest.fixture
def resque(redis_url, db):
    with Resque(redis_url) as made:
        yield made


def work(resque, queue="low"):
    """Take a job and perform it; its error, if it raised one."""
    job = resque.reserve(queue)
    try:
        resque.run(perform(resque.core.registry, job))
    except BaseException as error:  # noqa: BLE001 - a job may raise anything
        return error
    return None


def payload(db, queue="low"):
    return json.loads(db.lindex(f"resque:queue:{queue}", -1))


# -- the handle


def test_a_tracked_job_gives_a_handle_and_others_do_not(resque, db):
    @resque.job(queue="low", tracked=True)
    def report(number):
        return {"rows": number}

    resque.job("Plain", queue="low")(lambda: None)
    assert resque.enqueue("Plain") is True
    handle = resque.enqueue(report, 44)
    assert isinstance(handle, Handle)
    assert payload(db) == {"class": "Report", "args": [handle.id, {"number": 44}]}
    assert 86_000 < db.ttl(f"resque:status:{handle.id}") <= 86_400
    status = handle.status()
    assert (status.status, status.options, status.percent) == ("queued", {"number": 44}, 0)
    resque.pop("low")
    assert work(resque) is None
    assert handle.result(timeout=60) == {"rows": 44}
    assert (handle.status().percent, handle.status().name) == (100, 'Report({"number"=>44})')
    assert resque.handle(handle.id) == handle
    assert {handle, resque.handle(handle.id)} == {handle}


def test_a_handle_of_an_awaiting_face_is_awaited(resque, redis_url):
    @resque.job(queue="low", tracked=True)
    def report(number):
        return number + 1

    async def client():
        async with AsyncResque(redis_url, jobs=resque) as face:
            handle = await face.enqueue_to("low", report, 1)
            assert isinstance(handle, AsyncHandle)
            with pytest.raises(TimeoutError, match=f"job {handle.id} is still queued"):
                await handle.result(timeout=0)
            await asyncio.to_thread(work, resque)
            seen = [status.status async for status in handle.progress]
            assert (await handle.wait()).ended
            assert {face.handle(handle.id)} == {handle}
            assert repr(handle) == f"AsyncHandle({handle.id!r})"
            assert await face.statuses.count() == 1
            return (
                seen,
                await handle.result(),
                (await handle.status()).status,
                await handle.cancel(),
            )

    assert asyncio.run(client()) == (["completed"], 2, "completed", False)


def test_a_vetoed_job_gives_none_and_leaves_no_status(resque, db):
    class Report:
        perform = staticmethod(lambda: None)
        before_enqueue_no = staticmethod(lambda: False)

    resque.job(queue="low", tracked=True)(Report)
    assert resque.enqueue(Report) is None
    assert db.keys("*status*") == []


def test_progress_is_seen_step_by_step(resque):
    stepped, go_on = threading.Event(), threading.Event()

    @resque.job(queue="low", tracked=True)
    def report(steps):
        for step in range(1, steps + 1):
            resque.status().at(step, steps, f"step {step}", rows=step * 10)
            stepped.set()
            assert go_on.wait(60)
            go_on.clear()

    handle = resque.enqueue(report, 2)
    seen = []
    progress = handle.progress
    seen.append(next(progress))
    worker = threading.Thread(target=work, args=(resque,))
    worker.start()
    for _ in range(2):
        assert stepped.wait(60)
        stepped.clear()
        found = next(progress)
        seen.append(found)
        go_on.set()
    worker.join(60)
    seen += progress
    told = [(s.status, s.percent, s.message) for s in seen if s.status != "working" or s.num]
    assert told[0] == ("queued", 0, "")
    assert told[1] == ("working", 50, "step 1")
    assert told[-1][:2] == ("completed", 100)
    assert seen[1].fields["rows"] == 10
    assert (seen[1].num, seen[1].total) == (1, 2)


def test_a_failed_job_raises_where_its_result_is_asked_for(resque):
    @resque.job(queue="low", tracked=True)
    def report():
        raise ValueError("no rows")

    handle = resque.enqueue(report)
    assert isinstance(work(resque), ValueError)
    with pytest.raises(JobFailed, match="The task failed because of an error: no rows"):
        handle.result()
    assert handle.wait().status == "failed"


def test_a_job_is_cancelled_at_its_next_step(resque, db):
    done = []

    @resque.job(queue="low", tracked=True)
    def report():
        status = resque.status()
        resque.handle(status.id).cancel()
        assert status.cancelled()
        status.set("no look at it")
        try:
            status.tick("never")
        except Exception:  # noqa: BLE001 - what a careless job does
            done.append("went on")
        done.append("went on, too")

    handle = resque.enqueue(report)
    assert work(resque) is None
    assert done == []
    with pytest.raises(JobCancelled, match="Killed at"):
        handle.result()
    assert db.exists("resque:_kill") == 0
    assert handle.cancel() is False


def test_a_job_that_was_cancelled_before_is_not_performed(resque, db):
    done = []
    resque.job("Report", queue="low", plugins=[Status(on_killed=lambda: done.append("killed"))])(
        lambda: done.append("performed")
    )
    handle = resque.enqueue("Report")
    assert handle.cancel() is True
    work(resque)
    assert (done, handle.status().status) == (["killed"], "killed")
    assert db.exists("resque:_kill") == 0


def test_an_async_job_has_its_status_too(resque, redis_url):
    face = AsyncResque(redis_url, jobs=resque)

    @resque.job(queue="low", tracked=True)
    async def report(n):
        status = face.status()
        await status.at(1, 4, "first")
        await status.tick("second", rows=1)
        await status.set(more=2)
        assert not await status.cancelled()
        found = await status.read()
        await asyncio.sleep(0)
        assert face.status().id == status.id
        return found.message

    async def client():
        async with face:
            handle = await face.enqueue(report, 1)
            job = await face.reserve("low")
            await face.run(perform(face.core.registry, job))
            return await handle.result(), (await handle.status()).fields["more"]

    assert asyncio.run(client()) == ("second", 2)


def test_an_async_job_may_fail_or_complete_by_its_own_word(resque, redis_url):
    face = AsyncResque(redis_url, jobs=resque)

    @resque.job(queue="low", tracked=True)
    async def report(well):
        await (face.status().completed("done") if well else face.status().failed("no rows", code=7))

    async def client():
        async with face:
            for well in (True, False):
                handle = await face.enqueue(report, well)
                await face.run(perform(face.core.registry, await face.reserve("low")))
                yield (await handle.status()).status, (await handle.status()).message

    async def all_of_them():
        return [one async for one in client()]

    assert asyncio.run(all_of_them()) == [("completed", "done"), ("failed", "no rows")]


def test_outside_a_tracked_job_there_is_no_status(resque):
    with pytest.raises(NoJobStatus, match="no tracked job runs here"):
        resque.status()
    resque.job("Plain", queue="low")(resque.status)
    resque.enqueue("Plain")
    assert isinstance(work(resque), NoJobStatus)


def test_statuses_are_listed_and_cleared(resque, db):
    resque.job("Report", queue="low", tracked=True)(lambda n: None)
    handles = [resque.enqueue("Report", n) for n in range(3)]
    work(resque)
    assert resque.statuses.count() == 3
    assert {s.id for s in resque.statuses.all()} == {h.id for h in handles}
    assert len(resque.statuses.all(1, 1)) == 1
    assert resque.statuses.all(0, 0) == []
    db.delete(f"resque:status:{handles[1].id}")
    assert len(resque.statuses.all()) == 2
    assert resque.statuses.clear("completed") == 1
    assert resque.statuses.count() == 1
    assert resque.statuses.remove(handles[2].id) is True
    assert resque.statuses.remove(handles[2].id) is False
    assert resque.statuses.get("nothing") is None


# -- together with other plugins


def test_a_retried_job_keeps_its_handle(resque, db):
    tries = []

    @resque.job(queue="low", tracked=True, retries=2)
    def report(n):
        tries.append(n)
        if len(tries) < 3:
            raise ValueError("not yet")
        return "at last"

    handle = resque.enqueue(report, 7)
    for number in range(2):
        assert isinstance(work(resque), ValueError), number
        assert handle.status().status == "queued"
    assert work(resque) is None
    assert (tries, handle.result()) == ([7, 7, 7], "at last")
    assert db.keys("resque:resque-retry*") == []


def test_a_job_that_is_retried_later_is_queued_meanwhile(resque, db):
    tries = []

    def fails_once(n):
        tries.append(n)
        if len(tries) == 1:
            raise ValueError("not yet")

    resque.job("Report", queue="low", tracked=True, plugins=[Retry(limit=1, delay=60)])(fails_once)
    handle = resque.enqueue("Report", 7)
    work(resque)
    assert (handle.status().status, db.llen("resque:queue:low")) == ("queued", 0)
    resque.move_due(4102444800)
    assert work(resque) is None
    assert (tries, handle.status().status) == ([7, 7], "completed")
    assert resque.statuses.count() == 1


@pytest.mark.parametrize("unique", [Lock(), Loner(), Solo()], ids=repr)
def test_a_tracked_job_may_be_unique_and_one_that_is_kept_out_has_no_handle(resque, unique):
    resque.job("Report", queue="low", tracked=True, plugins=[unique])(lambda n: None)
    assert resque.enqueue("Report", 1)
    assert resque.enqueue("Report", 1) is None
    assert resque.enqueue_many([("Report", 1)]) == 0
    assert resque.size("low") == 1
    assert resque.statuses.count() == 1
    assert resque.enqueue("Report", 2)


def test_dequeue_knows_the_callers_arguments(resque):
    @resque.job(queue="low", tracked=True)
    def report(n): ...

    handle, other = resque.enqueue(report, 1), resque.enqueue(report, 2)
    assert resque.dequeue(report, 1) == 1
    assert (handle.status().status, other.status().status) == ("killed", "queued")
    assert resque.remove_queue("low").held == 1
    assert other.status().message.startswith("Dequeued at")


def test_tracked_true_leaves_the_plugins_own_options(resque, db):
    resque.job("Report", queue="low", tracked=True, plugins=[Status(expire_in=60)])(lambda: None)
    assert db.ttl(f"resque:status:{resque.enqueue('Report').id}") <= 60


# -- what goes wrong


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (object(), "cannot be sent to Ruby"),
        ("x" * 100, "the result has 102 bytes, and 100 are kept at most"),
        (float("nan"), "cannot be sent to Ruby"),
    ],
)
def test_a_result_that_cannot_be_kept_does_not_fail_the_job(resque, value, reason):
    resque.job("Report", queue="low", plugins=[Status(result_limit=100)])(lambda: value)
    handle = resque.enqueue("Report")
    assert work(resque) is None
    assert handle.status().status == "completed"
    with pytest.raises(ResultNotKept, match=reason):
        handle.result()


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"7", b"\xff", b"null"])
def test_a_status_that_is_no_object_is_named_and_the_job_performed(resque, db, raw):
    resque.job("Report", queue="low", tracked=True)(lambda: 5)
    handle = resque.enqueue("Report")
    db.set(f"resque:status:{handle.id}", raw)
    assert [(s.status, s.id, s.percent) for s in resque.statuses.all()] == [
        ("unreadable", handle.id, 0)
    ]
    assert resque.statuses.all()[0].to_dict()["status"] == "unreadable"
    for asked in (handle.status, handle.result, handle.cancel, lambda: next(handle.progress)):
        with pytest.raises(Exception, match=f"the status of job {handle.id}"):
            asked()
    assert work(resque) is None
    assert handle.result() == 5


@pytest.mark.parametrize("name", ["status:{id}", "_statuses", "_kill"])
def test_a_key_of_a_wrong_type_bars_no_job(resque, db, name):
    resque.job("Report", queue="low", tracked=True)(lambda: resque.status().tick("x"))
    handle = resque.enqueue("Report")
    key = f"resque:{name.format(id=handle.id)}"
    db.delete(key)
    db.hset(key, "a", "b")
    assert work(resque) is None
    assert handle.status().status == "completed"
    assert resque.enqueue("Report").status().status == "queued"


def test_an_expired_status_is_named(resque, db):
    resque.job("Report", queue="low", tracked=True)(lambda: 5)
    handle = resque.enqueue("Report")
    db.delete(f"resque:status:{handle.id}")
    for asked in (handle.status, handle.result, handle.cancel, handle.wait, lambda: next(handle.progress)):  # fmt: skip
        with pytest.raises(NoJobStatus, match=f"job {handle.id} has no status"):
            asked()
    assert work(resque) is None
    assert handle.result() == 5


@pytest.mark.parametrize(
    "args",
    ["null", "[]", "[null]", "[null,{}]", '["",{}]', "[5,{}]", "[[],{}]", '[{"a":1},{}]', '["x"]', '["x",null]', '["x",{},1]', '{"a":1}', "7", '"x"'],
)  # fmt: skip
def test_a_payload_of_any_shape_ends_in_a_status(resque, db, args):
    got = []
    resque.job("Report", queue="low", tracked=True)(
        lambda *args, **options: got.append((args, options))
    )
    db.rpush("resque:queue:low", f'{{"class":"Report","args":{args}}}')
    assert work(resque) is None
    assert len(got) == 1
    (key,) = db.keys("resque:status:*")
    assert json.loads(db.get(key))["status"] == "completed"


def test_a_job_that_a_hook_leaves_undone_does_not_stay_queued(resque):
    def leave(**options):
        raise DontPerform

    class Report:
        perform = staticmethod(lambda: None)
        before_perform_no = staticmethod(leave)

    resque.job(queue="low", tracked=True)(Report)
    handle = resque.enqueue(Report)
    assert work(resque) is None
    assert handle.status().message == "The task was not performed: a hook left it undone"

    class Other:
        perform = staticmethod(lambda: None)
        around_perform_no = staticmethod(lambda: None)

    resque.job(queue="low", tracked=True)(Other)
    handle = resque.enqueue(Other)
    assert work(resque) is None
    assert handle.status().status == "failed"


def test_a_name_function_that_raises_fails_no_job(resque):
    resque.job("Report", queue="low", plugins=[Status(name=lambda n: n.missing)])(lambda n: n)
    handle = resque.enqueue("Report", 1)
    assert work(resque) is None
    assert handle.status().name == 'Report({"n"=>1})'


@pytest.mark.parametrize("message", [5, ["x"], object()])
def test_a_message_that_is_neither_text_nor_dict_fails_the_job(resque, message):
    resque.job("Report", queue="low", tracked=True)(lambda: resque.status().tick(message))
    handle = resque.enqueue("Report")
    assert isinstance(work(resque), JobArgumentError)
    assert "a status takes texts and dicts" in handle.status().message


@pytest.mark.parametrize("total", [0, -1, None, "x", float("nan"), [], True])
def test_a_total_that_is_no_number_fails_the_job(resque, total):
    resque.job("Report", queue="low", tracked=True)(lambda: resque.status().at(1, total))
    handle = resque.enqueue("Report")
    assert type(work(resque)).ruby_name == "Resque::Plugins::Status::NotANumber"
    assert handle.status().status == "failed"


def test_redis_being_away_does_not_hide_the_jobs_error(resque, monkeypatch):
    resque.job("Report", queue="low", tracked=True)(lambda: 1 / 0)
    resque.enqueue("Report")
    monkeypatch.setattr("pyresque.job.tracked.TrackedJob.fail", away)
    assert isinstance(work(resque), ZeroDivisionError)


async def away(*args):
    raise ConnectionError("Redis is away")


@pytest.mark.parametrize(
    ("options", "cure"),
    [
        ({"expire_in": "1h"}, "is no number of seconds"),
        ({"expire_in": 0}, "give a time above 0"),
        ({"name": "x"}, "is no function"),
        ({"on_success": 1}, "is no function"),
        ({"on_failure": 1}, "is no function"),
        ({"on_killed": 1}, "is no function"),
        ({"result_limit": -1}, "is no whole number"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options, cure):
    with pytest.raises(JobOptionError, match=cure):
        Status(**options)


def test_tracked_takes_true_or_false(resque):
    with pytest.raises(
        JobOptionError, match="tracked=60 of Report: give True, or the plugin Status"
    ):
        resque.job("Report", queue="low", tracked=60)


@pytest.mark.parametrize(
    ("value", "number"),
    [("10", 10), ("0.5x", 0.5), ("x", 0), (None, 0), (True, 0), (3, 3), ("1_0e1", 100), (10**400, float("inf"))],
)  # fmt: skip
def test_numbers_are_read_as_ruby_reads_them(value, number):
    assert to_f(value) == number


@pytest.mark.parametrize(
    ("fields", "percent"),
    [({"num": 1, "total": 3}, 33), ({"num": 1}, 100), ({"num": 1, "total": 0}, 100), ({}, 0), ({"num": 10**400, "total": 1}, 0), ({"num": "2", "total": "4"}, 50)],
)  # fmt: skip
def test_percent_is_rubys(fields, percent):
    assert JobStatus("x", {"status": "working", **fields}).percent == percent


def test_old_ids_leave_the_list_when_their_statuses_have_gone(resque, db):
    db.zadd("resque:_statuses", {f"gone-{n}": n for n in range(300)})
    db.zadd("resque:_statuses", {"there": 5, "new": 10**10})
    db.set("resque:status:there", "{}")
    table = resque.core.statuses.table
    for fraction in (0.0, 0.5, 0.99, 0.0, 0.0):
        resque.run(table.trim(10**9, fraction))
    assert db.zrange("resque:_statuses", 0, -1) == [b"there", b"new"]
    resque.run(table.trim(1, 0.0))


def test_an_inline_job_has_ended_when_its_handle_is_there(redis_url, db):
    with Resque(redis_url, inline=True) as resque:
        resque.job("Report", queue="low", tracked=True)(lambda n: n + 1)
        assert resque.enqueue("Report", 1).result(0) == 2
        assert resque.enqueue_in(60, "Report", 2) is True
        assert resque.enqueue_many([("Report", 3), ("Report", 4)]) == 2
        assert {s.status for s in resque.statuses.all()} == {"completed"}
        assert resque.statuses.count() == 4


def test_statuses_travel_in_the_codec_of_the_payloads(redis_url, db):
    with Resque(redis_url, codec="msgpack") as resque:
        resque.job("Report", queue="low", tracked=True)(lambda n: {"rows": n})
        handle = resque.enqueue("Report", 1)
        assert work(resque) is None
        assert handle.result() == {"rows": 1}


def test_a_job_that_runs_too_long_has_failed(resque):
    resque.job("Report", queue="low", tracked=True, timeout=0.05)(
        lambda: threading.Event().wait(20)
    )
    handle = resque.enqueue("Report")
    assert isinstance(work(resque), JobTimeout)
    assert handle.status().status == "failed"


def test_many_are_enqueued_with_one_status_each(resque, db):
    resque.job("Report", queue="low", tracked=True)(lambda n, style="plain": None)
    assert resque.enqueue_many([("Report", 1), ("Report", 2, "bold")]) == 2
    assert resque.enqueue_many_at([(4102444800, "Report", 3)]) == 1
    assert {str(s.options) for s in resque.statuses.all()} == {
        "{'n': 1}",
        "{'n': 2, 'style': 'bold'}",
    }
    assert json.loads(db.lindex("resque:delayed:4102444800", 0))["args"] == [{"n": 3}]


# -- a job that is not queued after all


@pytest.mark.parametrize("plugin", [Loner, Solo])
def test_a_delayed_job_that_is_dropped_at_its_move_leaves_no_status(resque, db, plugin):
    resque.job("Report", queue="low", plugins=[plugin()], tracked=True)(lambda number: number)
    first = resque.enqueue("Report", 1)
    resque.enqueue_at(4102444800, "Report", 1)
    assert resque.enqueue_delayed("Report", 1) == 1
    assert resque.size("low") == 1
    assert [found.id for found in resque.statuses.all()] == [first.id]
    assert resque.count_all_scheduled_jobs() == 0


@pytest.mark.parametrize("plugin", [Loner, Solo])
def test_the_scheduler_drops_the_status_of_a_job_that_it_drops(resque, db, plugin):
    resque.job("Report", queue="low", plugins=[plugin()], tracked=True)(lambda number: number)
    for _ in range(3):
        resque.delayed_push(1, {"class": "Report", "args": [{"number": 1}], "queue": "low"})
    resque.move_due(2)
    assert resque.size("low") == 1
    assert [found.id for found in resque.statuses.all()] == [payload(db)["args"][0]]


@pytest.mark.parametrize("plugin", [Loner, Solo])
@pytest.mark.parametrize("failed", [True, False])
def test_the_handle_of_a_job_that_is_not_queued_again_says_that_it_failed(
    resque, db, plugin, failed
):
    resque.job("Report", queue="low", plugins=[plugin()], tracked=True)(lambda number: number)
    handle = resque.enqueue("Report", 1)
    raw = db.lpop("resque:queue:low")
    db.delete(*db.keys("resque:*:job:*"))
    message = "The task failed because of an error: boom"
    if failed:
        db.set(f"resque:status:{handle.id}", json.dumps({"status": "failed", "message": message}))
    else:
        message = "The task was not queued: a hook kept it out, or an equal one is queued"
    resque.delayed_push(1, {**json.loads(raw), "queue": "low"})
    resque.enqueue_to("low", "Report", 1)
    resque.move_due(2)
    assert (handle.status().status, handle.status().message) == ("failed", message)
    with pytest.raises(JobFailed):
        handle.result(timeout=1)


def test_a_hook_that_refuses_a_retry_leaves_the_status_failed(resque, db):
    class Report:
        allowed = True

        @staticmethod
        def perform(number):
            raise ValueError("boom")

        @classmethod
        def before_schedule_once(cls, *_):
            return False

        @classmethod
        def before_enqueue_once(cls, *_):
            return cls.allowed

    for delay in (0, 60):
        Report.allowed = True
        plugins = [Retry(limit=2, delay=delay)]
        resque.job(f"Report{delay}", queue="low", plugins=plugins, tracked=True)(
            type("Report", (Report,), {})
        )
        handle = resque.enqueue(f"Report{delay}", 1)
        resque.core.registry.find(f"Report{delay}").target.allowed = False
        assert isinstance(work(resque), ValueError)
        found = handle.status()
        assert (found.status, "boom" in found.message) == ("failed", True)
        assert resque.size("low") + resque.count_all_scheduled_jobs() == 0


def test_a_job_that_another_scheduler_has_moved_keeps_its_status(resque, db):
    resque.job("Report", queue="low", tracked=True)(lambda number: number)
    handle = resque.enqueue("Report", 1)
    raw = db.lpop("resque:queue:low")
    resque.delayed_push(1, {**json.loads(raw), "queue": "low"})
    promoter = resque.core.delayed.promoter
    batch = [("1", db.lrange("resque:delayed:1", 0, -1))]
    db.delete("resque:delayed:1")
    resque.run(promoter.move(batch))
    assert handle.status().status == "queued"
