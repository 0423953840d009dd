"""What a test asserts of enqueued jobs, and what it is told when that fails."""

from __future__ import annotations

import gc
from datetime import datetime, timedelta, timezone
from unittest.mock import ANY

import freezegun
import pytest

from pyresque import AsyncResque, Resque
from pyresque.errors import TimestampError
from pyresque.testing import (
    assert_enqueued,
    assert_not_enqueued,
    assert_payload,
    enqueued_jobs,
    recorded,
)

NOON = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)

#: Nothing listens there.
resque = Resque("redis://127.0.0.1:1/0")
elsewhere = Resque("redis://127.0.0.1:1/1")


@resque.job(queue="file_serve")
class Archive:
    @staticmethod
    def perform(repo_id, branch="master"): ...


@resque.job("Reports::Monthly", queue="reports", kwargs=True)
def monthly(month, **options): ...


@resque.job(queue="exports", tracked=True)
def export(rows, kind="pdf"): ...


sync_user = resque.active_job("SyncUserJob", queue="users")


@pytest.fixture(autouse=True)
def kit():
    with recorded() as kit:
        yield kit


def complaint(assertion, *args, **options):
    with pytest.raises(AssertionError) as raised:
        assertion(*args, **options)
    return str(raised.value).splitlines()


def test_a_job_is_found_by_its_class_its_name_and_its_arguments():
    resque.enqueue(Archive, 35, branch="dev")
    assert assert_enqueued(Archive).args == [35, "dev"]
    assert_enqueued(Archive, 35, "dev")
    assert_enqueued(Archive, 35, branch="dev")
    assert_enqueued("Archive", 35, ANY, queue="file_serve")
    assert_enqueued(Archive, args=[35, "dev"])
    assert_not_enqueued(Archive, 35)
    assert_not_enqueued(Archive, args=[])
    assert_not_enqueued(Archive, 35, "dev", queue="reports")
    assert_not_enqueued("Archives")


def test_a_job_that_enqueues_itself_is_found():
    export.enqueue(3, kind="csv")
    monthly.options(queue="slow").enqueue_in(60, "2026-11")
    assert_enqueued(export, 3, kind="csv")
    assert_enqueued(monthly, "2026-11", queue="slow", at=timedelta(minutes=1))


@pytest.mark.parametrize(
    ("given", "expected", "same"),
    [
        ((1, 2), [1, 2], True),
        ({"a": (1,)}, {"a": [1]}, True),
        (1, True, False),
        (1, 1.0, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": ANY}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        (0.3, pytest.approx(0.1 + 0.2), True),
        (None, None, True),
    ],
)
def test_arguments_are_compared_as_they_are_read_from_the_payload(given, expected, same):
    resque.enqueue(Archive, given)
    (assert_enqueued if same else assert_not_enqueued)(Archive, expected)


def test_keywords_go_where_the_job_sends_them():
    resque.enqueue(monthly, "2026-11", draft=True)
    resque.enqueue(export, 3, kind="csv")
    resque.enqueue_to("mailers", "WelcomeMailer", 7, locale="de")
    assert_enqueued(monthly, "2026-11", draft=True)
    assert_enqueued("Reports::Monthly", "2026-11", {"draft": True})
    assert_enqueued(export, rows=3, kind="csv")
    assert_enqueued("WelcomeMailer", 7, locale="de")


def test_a_keyword_with_the_name_of_an_option_is_given_in_kwargs():
    resque.enqueue(monthly, "2026-11", queue="slow", at=3)
    assert_enqueued(monthly, args=["2026-11"], kwargs={"queue": "slow", "at": 3})
    assert_not_enqueued(monthly, "2026-11", kwargs={"queue": "fast", "at": 3})
    with pytest.raises(TypeError, match="by their places and names, or by args= and kwargs="):
        assert_enqueued(monthly, "2026-11", args=["2026-11"])


def test_a_job_of_rails_is_found_by_its_own_name_and_arguments():
    sync_user.enqueue(7, force=True)
    resque.active_job("Unregistered").enqueue("x")
    assert_enqueued(sync_user, 7, force=True)
    assert_enqueued("SyncUserJob", ANY, force=True, queue="users")
    assert_enqueued("SyncUserJob", 7, force=ANY)
    assert_not_enqueued("SyncUserJob", 7, other=ANY)
    assert_enqueued("Unregistered", "x")
    assert_not_enqueued(sync_user, 8, force=True)
    assert "users: SyncUserJob(7, force: true)" in complaint(assert_enqueued, sync_user, 8)[2]


@freezegun.freeze_time(NOON)
def test_a_time_is_a_datetime_or_a_span_from_now():
    resque.enqueue_in(300, Archive, 1)
    resque.enqueue_at(NOON + timedelta(days=1), Archive, 2, queue="slow")
    resque.enqueue(Archive, 3)
    assert_enqueued(Archive, 1, at=timedelta(minutes=5), within=0)
    assert_enqueued(Archive, 1, at=NOON + timedelta(seconds=301))
    assert_enqueued(Archive, 2, at=NOON + timedelta(days=1), queue="slow")
    assert_not_enqueued(Archive, 1, at=timedelta(minutes=6))
    assert_not_enqueued(Archive, 3, at=NOON)
    assert [job.at for job in enqueued_jobs()][1:] == [
        NOON + timedelta(minutes=5),
        NOON + timedelta(days=1),
    ]
    with pytest.raises(TimestampError, match="has no time zone"):
        assert_enqueued(Archive, at=datetime(2026, 12, 1))  # noqa: DTZ001 - what the message is about
    told = complaint(assert_enqueued, Archive, 1, at=timedelta(hours=1))
    assert told[0] == "Archive(1) at 2026-12-01T13:00:00+00:00 is not enqueued."
    assert told[2].endswith(
        "Archive(1) at 2026-12-01T12:05:00+00:00   <- its time is off by 0:55:00"
    )


def test_a_count_is_held():
    for number in range(3):
        resque.enqueue(Archive, number)
    assert_enqueued(Archive, count=3)
    assert_enqueued(Archive, 1, count=1)
    told = complaint(assert_enqueued, Archive, count=2)
    assert told[0] == "Archive is enqueued 3 times, not 2."


def test_the_nearest_jobs_come_first_with_what_differs():
    resque.enqueue_to("mailers", "Mail", 1)
    resque.enqueue_to("slow", "Archive", 35)
    resque.enqueue(Archive, 36, "dev")
    assert complaint(assert_enqueued, Archive, 36, "main") == [
        "Archive(36, 'main') is not enqueued.",
        "Enqueued are 3 jobs:",
        "  file_serve: Archive(36, 'dev')   <- args[1] is 'dev', not 'main'",
        "  slow: Archive(35)   <- it has 1 argument, not 2",
        "  mailers: Mail(1)",
    ]
    assert complaint(assert_enqueued, "Mails", queue="mail")[2] == "  mailers: Mail(1)"
    assert complaint(assert_not_enqueued, Archive, 35) == [
        "Archive(35) is enqueued once:",
        "  slow: Archive(35)",
    ]


def test_a_long_list_is_cut():
    resque.enqueue_many(("Mail", number) for number in ()) or resque.redis.rpush(
        "queue:mail", *(f'{{"class":"Mail","args":[{number}]}}' for number in range(30))
    )
    resque.watch_queue("mail")
    told = complaint(assert_enqueued, Archive)
    assert (told[1], told[-1], len(told)) == ("Enqueued are 30 jobs:", "  and 10 more", 23)


def test_where_nothing_is_enqueued_the_message_says_so():
    assert enqueued_jobs() == []
    assert_not_enqueued(Archive)
    assert complaint(assert_enqueued, Archive) == [
        "Archive is not enqueued.",
        "No job is enqueued.",
    ]


def test_a_job_is_one_line_of_a_message_whatever_its_names_are():
    resque.redis.rpush("queue:evil\n", b'{"class":"No\\nJob","args":["\\n"]}')
    resque.watch_queue("evil\n")
    assert complaint(assert_enqueued, Archive)[2:] == [r"  evil\n: No\nJob('\n')"]


def test_bytes_that_are_no_job_are_shown_as_such():
    resque.redis.rpush("queue:broken", b"{no json")
    resque.watch_queue("broken")
    (job,) = enqueued_jobs()
    assert (job.class_name, job.payload) == ("", b"{no json")
    assert complaint(assert_enqueued, Archive)[2].startswith("  broken: no job: not JSON")


def test_the_jobs_of_every_redis_and_of_both_faces_are_there():
    resque.enqueue(Archive, 1)
    elsewhere.enqueue_to("other", "Other", 2)
    assert [str(job) for job in enqueued_jobs()] == ["file_serve: Archive(1)", "other: Other(2)"]
    assert [job.args for job in enqueued_jobs(Archive)] == [[1]]
    assert [job.args for job in enqueued_jobs(queue="other")] == [[2]]
    assert elsewhere.queues() == ["other"]


async def test_a_face_that_is_awaited_shares_the_redis_that_it_names():
    awaited = AsyncResque("redis://localhost:1/0", jobs=resque)
    await awaited.enqueue(Archive, 1)
    assert resque.size("file_serve") == 1
    assert_enqueued(Archive, 1)


def test_a_function_is_known_by_the_resque_that_it_is_registered_with():
    web = Resque("redis://127.0.0.1:1/0")
    web.enqueue_to("reports", "Reports::Monthly", "2026-11")
    assert_enqueued(monthly, "2026-11")


def test_a_resque_is_found_though_the_garbage_collector_was_told_to_leave_it_alone():
    gc.freeze()
    Resque("redis://127.0.0.1:1/0").enqueue_to("reports", "Reports::Monthly", "2026-11")
    assert_enqueued(monthly, "2026-11")


def test_all_is_cleared_on_demand(kit):
    resque.enqueue(Archive, 1)
    elsewhere.enqueue_to("other", "Other", 2)
    kit.clear()
    assert enqueued_jobs() == []


# -- payloads


def test_a_payload_is_held_byte_for_byte():
    resque.enqueue(Archive, 35)
    assert_payload(Archive, b'{"class":"Archive","args":[35]}')
    assert_payload("Archive", '{"class":"Archive","args":[35]}\n')
    assert_payload(enqueued_jobs()[0], b'{"class":"Archive","args":[35]}')
    assert complaint(assert_payload, Archive, b'{"class":"Archive","args":[36]}') == [
        "Archive is enqueued with another payload.",
        "They differ from byte 28 on:",
        '  found    {"class":"Archive","args":[35]}',
        '  expected {"class":"Archive","args":[36]}',
        "Their members (- found, + expected):",
        "  -   35",
        "  +   36",
    ]


@pytest.mark.parametrize(
    "expected",
    [
        b'{"args":[35],"class":"Archive"}',
        b'{"class": "Archive", "args": [35]}',
        b'{"class":"Archive","args":[35',
        b"",
        b'{"class":"Archive","args":[35.0]}',
    ],
)
def test_another_spelling_is_another_payload(expected):
    resque.enqueue(Archive, 35)
    assert complaint(assert_payload, Archive, expected)[1].startswith("They differ from byte")


def test_a_delayed_payload_has_its_queue():
    resque.enqueue_in(60, Archive, 35)
    assert_payload(Archive, b'{"class":"Archive","args":[35],"queue":"file_serve"}')


RECORDED_FROM_RAILS = (
    b'{"class":"ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper","args":[{"job_class":"SyncUserJob",'
    b'"job_id":"5f0c2a3e-0000-4000-8000-000000000000","provider_job_id":null,"queue_name":"users","priority":null,'
    b'"arguments":[7],"executions":0,"exception_executions":{},"locale":"en","timezone":"UTC",'
    b'"enqueued_at":"2026-01-01T00:00:00.000000000Z","scheduled_at":null}]}'
)


def test_what_differs_each_time_is_ignored_unless_it_is_asked_for():
    app = Resque("redis://127.0.0.1:1/0", rails_timezone="UTC")
    app.active_job("SyncUserJob", queue="users").enqueue(7)
    assert_payload("SyncUserJob", RECORDED_FROM_RAILS)
    assert complaint(assert_payload, "SyncUserJob", RECORDED_FROM_RAILS, ignore=())
    assert complaint(assert_payload, "SyncUserJob", RECORDED_FROM_RAILS.replace(b"[7]", b"[8]"))
    resque.enqueue(export, 3)
    expected = b'{"class":"Export","args":["0123456789abcdef0123456789abcdef",{"rows":3}]}'
    assert_payload(export, expected, ignore=["args[0]"])
    assert complaint(assert_payload, export, expected)
    assert complaint(assert_payload, export, expected.replace(b'"01', b'7,"01'), ignore=["args[0]"])


def test_a_job_that_is_not_enqueued_has_no_payload():
    assert complaint(assert_payload, Archive, b"{}") == [
        "Archive is not enqueued.",
        "No job is enqueued.",
    ]


def test_payloads_in_messagepack_are_compared_too():
    packed = Resque("redis://127.0.0.1:1/0", codec="msgpack")
    packed.enqueue_to("q", "Packed", 1)
    raw = enqueued_jobs("Packed")[0].payload
    assert_payload("Packed", raw)
    assert complaint(assert_payload, "Packed", raw[:-1] + b"\x02")[1].startswith("They differ")
