from __future__ import annotations

import pytest

from pyresque.clock import SystemClock
from pyresque.errors import DecodeError, NoClassError, NoQueueError, NotEncodable
from pyresque.job.job import JsonCodec, same_value
from pyresque.job.queue_overview import QueueOverview
from pyresque.job.queues import Queues
from pyresque.job.registry import Registry
from pyresque.store.keys import Keys
from pyresque.store.queues import QueueTable
from pyresque.store.slices import REMOVED
from tests.support.scripted_driver import ScriptedDriver, requests_of, result_of

LOW = b"resque:queue:low"


class Archive:
    queue = "low"
    ran: list[object]

    @classmethod
    def perform(cls, *args: object) -> None:
        cls.ran.append(args)


class Vetoed(Archive):
    queue = "low"

    @staticmethod
    def before_enqueue_no(*_args: object) -> bool:
        return False

    before_dequeue_no = before_enqueue_no


@pytest.fixture
def queues() -> Queues:
    Archive.ran = []
    registry = Registry()
    registry.add(Archive)
    return Queues(QueueTable(Keys()), JsonCodec(), registry)


def pushed(raw: bytes) -> tuple[object, ...]:
    return (("SADD", "resque:queues", b"low"), ("RPUSH", LOW, raw))


def test_enqueue_pushes_the_payload_as_ruby_writes_it(queues):
    raw = b'{"class":"Archive","args":[44,{"branch":"x"}]}'
    assert requests_of(queues.enqueue(Archive, 44, branch="x"), [1, 1]) == [pushed(raw)]
    assert result_of(queues.enqueue(Archive, 44), [1, 1]) is True


def test_a_veto_leaves_redis_alone(queues):
    hand = ScriptedDriver()
    assert hand.run(queues.enqueue(Vetoed)) is None
    assert hand.run(queues.dequeue(Vetoed, (), {})) is None
    assert hand.asked == []


def test_enqueue_to_takes_a_name_only_ruby_knows(queues):
    assert requests_of(queues.enqueue_to("low", "Mailer", 7), [1, 1]) == [
        pushed(b'{"class":"Mailer","args":[7]}')
    ]


def test_a_job_without_queue_or_class_is_refused_before_redis_is_asked(queues):
    hand = ScriptedDriver()
    with pytest.raises(NoQueueError):
        hand.run(queues.enqueue("Mailer"))
    with pytest.raises(NoClassError):
        hand.run(queues.enqueue_to("low", ""))
    with pytest.raises(NotEncodable, match=r"args\[0\]"):
        hand.run(queues.enqueue(Archive, object()))
    assert hand.asked == []


def test_many_jobs_are_one_batch_and_one_push_a_queue(queues):
    calls = [(Archive, 1), (Vetoed,), (Archive, 2)]
    hand = ScriptedDriver([1, 2])
    assert hand.run(queues.enqueue_many(calls)) == 2
    assert hand.asked == [
        (
            ("SADD", "resque:queues", b"low"),
            ("RPUSH", LOW, *(b'{"class":"Archive","args":[%d]}' % n for n in (1, 2))),
        )
    ]


def test_many_jobs_name_the_call_that_cannot_be_sent_and_send_nothing_of_its_round(queues):
    hand = ScriptedDriver()
    with pytest.raises(NotEncodable, match=r"calls\[1\]: args\[0\]"):
        hand.run(queues.enqueue_many([(Archive, 1), (Archive, object())]))
    assert hand.asked == []


def test_inline_performs_here_with_the_arguments_as_they_would_arrive(queues):
    queues.inline = True
    hand = ScriptedDriver()
    assert hand.run(queues.enqueue(Archive, (1, 2), a=1)) is True
    assert Archive.ran == [([1, 2], {"a": 1})]
    assert hand.asked == []


def test_inline_keeps_what_nobody_here_performs_in_its_queue(queues):
    queues.inline = True
    hand = ScriptedDriver([1, 1])
    assert hand.run(queues.enqueue_to("mailers", "OnlyInRuby", 1)) is True
    ((_, push),) = hand.asked
    assert push[-1] == b'{"class":"OnlyInRuby","args":[1]}'
    assert Archive.ran == []


def test_pop_takes_only_what_it_could_read_and_looks_again_when_another_was_quicker(queues):
    hand = ScriptedDriver(b"[1]", 0, b"[2]", 1)
    assert hand.run(queues.pop("low")) == [2]
    with pytest.raises(DecodeError):
        result_of(queues.pop("low"), b"{bad")
    assert result_of(queues.pop("low"), None) is None


def test_reserve_takes_the_head_whatever_it_is(queues):
    job = result_of(queues.reserve("low"), b"{bad")
    assert job.raw == b"{bad"
    assert job.fault is not None
    assert result_of(queues.reserve("low"), None) is None


def test_destroy_finds_a_job_by_its_meaning_and_removes_it_by_its_bytes(queues):
    ours, rails, other = (
        b'{"class":"Archive","args":["<"]}',
        b'{"class":"Archive", "args":["\\u003c"]}',
        b'{"class":"Archive","args":[">"]}',
    )
    hand = ScriptedDriver(5, [ours, other, b"{bad", rails, ours], [])
    assert hand.run(queues.destroy("low", "Archive", "<")) == 3
    assert hand.asked[2][2:] == (1, LOW, REMOVED, 0, 5, 0, ours, 3, rails, 4, ours)


def test_destroy_without_arguments_means_every_job_of_the_class(queues):
    mine, other = b'{"class":"Archive","args":[1]}', b'{"class":"Other","args":[1]}'
    hand = ScriptedDriver(2, [mine, other], [])
    assert hand.run(queues.destroy("low", "Archive")) == 1
    assert hand.asked[2][2:] == (1, LOW, REMOVED, 0, 2, 0, mine)


def test_destroy_that_finds_nothing_removes_nothing(queues):
    assert requests_of(queues.destroy("low", "Archive"), 1, [b"{}"]) == [
        ("LLEN", LOW),
        ("LRANGE", LOW, 0, 0),
    ]


def test_destroy_counts_what_another_has_taken_meanwhile_as_not_removed(queues):
    mine = b'{"class":"Archive","args":[1]}'
    hand = ScriptedDriver(2, [mine, mine], [1], [mine], [])
    assert hand.run(queues.destroy("low", "Archive")) == 2
    hand = ScriptedDriver(1, [mine], [0], [])
    assert hand.run(queues.destroy("low", "Archive")) == 0


def test_peek_is_always_a_list_and_bears_what_cannot_be_read(queues):
    assert [job.raw for job in result_of(queues.peek("low"), b"{bad")] == [b"{bad"]
    assert result_of(queues.peek("low"), None) == []
    assert requests_of(queues.peek("low", 2, 3), []) == [("LRANGE", LOW, 2, 4)]


def test_a_sample_is_the_size_and_the_first_jobs_of_each_queue(queues):
    overview = QueueOverview(queues.table, queues.codec, SystemClock())
    found = result_of(overview.sample_queues(1), {b"low"}, [9, [b'{"class":"X"}']])
    assert found["low"].size == 9
    assert [job.class_name for job in found["low"].samples] == ["X"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        ([1, {"a": 1, "b": 2}], [1, {"b": 2, "a": 1}], True),
        ([1], [1, 1], False),
        ({"a": 1}, {"a": 1.0}, False),
        (None, False, False),
    ],
)
def test_values_are_the_same_as_json_is(one, other, same):
    assert same_value(one, other) is same
