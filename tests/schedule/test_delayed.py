"""Delayed jobs by hand: what is asked of Redis, for each verb."""

from __future__ import annotations

from typing import Any

import pytest

from pyresque.client import Resque
from pyresque.errors import NotEncodable, RedisUnavailable
from pyresque.job.job import JsonCodec, read_job
from pyresque.schedule.promote import parameters, queued_bytes
from pyresque.store.delayed import GONE, MOVED, NO_LIST
from pyresque.store.scripts import script
from pyresque.store.slices import REMOVED
from tests.support.scripted_driver import ScriptedDriver, requests_of, result_of

AT = 4_000_000_000
PAYLOAD = b'{"class":"Archive","args":[35],"queue":"low"}'
QUEUED = b'{"class":"Archive","args":[35]}'
WHERE = b"resque:timestamps:" + PAYLOAD
NAMES = ("resque:delayed_queue_schedule", "resque:queues", "resque:failed_queues")


@pytest.fixture
def resque() -> Resque:
    made = Resque("redis://nowhere.invalid")

    @made.job
    class Archive:
        queue = "low"

        @staticmethod
        def perform(repo: int) -> None:
            """Do nothing."""

    return made


def heads(*found: tuple[int, list[bytes]]) -> list[Any]:
    return [*([b"%d" % at, payloads] for at, payloads in found), []]


def due(latest: int | str = AT, count: int = 100) -> tuple[Any, ...]:
    sha = script("due_heads").sha
    return ("EVALSHA", sha, 1, NAMES[0], latest, count, "resque:delayed:")


def test_a_job_and_its_three_keys_go_in_one_transaction(resque: Resque) -> None:
    operation = resque.core.delayed.enqueue_at(AT, "Archive", 35)
    request = operation.send(None)
    assert request.atomic is True
    assert tuple(command.args for command in request.commands) == (
        ("RPUSH", f"resque:delayed:{AT}", PAYLOAD),
        ("SADD", WHERE, f"delayed:{AT}"),
        ("ZADD", "resque:delayed_queue_schedule", AT, AT),
    )
    with pytest.raises(StopIteration) as end:
        operation.send([1, 1, 1])
    assert end.value.value is True


def test_many_jobs_go_in_one_transaction_too(resque: Resque) -> None:
    calls = [(AT, "Archive", 35), (AT, "Archive", 35), (AT + 1, "Archive", 35), (AT, "Archive", 1)]
    other = PAYLOAD.replace(b"35", b"1")
    assert requests_of(resque.core.delayed.enqueue_many_at(calls), [3, 1, 2, 1, 2]) == [
        (
            ("RPUSH", f"resque:delayed:{AT}", PAYLOAD, PAYLOAD, other),
            ("RPUSH", f"resque:delayed:{AT + 1}", PAYLOAD),
            ("SADD", WHERE, f"delayed:{AT}", f"delayed:{AT + 1}"),
            ("SADD", b"resque:timestamps:" + other, f"delayed:{AT}"),
            ("ZADD", "resque:delayed_queue_schedule", AT, AT, AT + 1, AT + 1),
        )
    ]


def test_what_cannot_be_encoded_is_reported_by_its_place_and_nothing_is_sent(
    resque: Resque,
) -> None:
    calls = [(AT, "Archive", 35), (AT, "Archive", [1, object()])]
    with pytest.raises(NotEncodable, match=r"calls\[1\]: args\[0\]\[1\] cannot be sent"):
        result_of(resque.core.delayed.enqueue_many_at(calls))


def test_what_is_due_already_is_queued_and_not_delayed(resque: Resque) -> None:
    assert requests_of(resque.core.delayed.enqueue_at(1, "Archive", 35), [1, 1]) == [
        (("SADD", "resque:queues", b"low"), ("RPUSH", b"resque:queue:low", QUEUED))
    ]


def test_a_move_asks_what_is_due_and_moves_it_in_one_script(resque: Resque) -> None:
    replies = (heads((AT, [PAYLOAD, b"{bad"]), (AT + 1, [])), [MOVED, MOVED], heads())
    first, move, last = requests_of(resque.core.delayed.move_due(AT + 1), *replies)
    assert first == last == due(AT + 1)
    record = move[-1]
    assert b'"payload":{"class":null,"args":[],"raw":"{bad"}' in record
    assert move == (
        "EVALSHA",
        script("move_delayed").sha,
        9,
        *NAMES,
        b"resque:queue:low",
        b"resque:failed",
        b"resque:delayed:%d" % AT,
        b"resque:delayed:%d" % (AT + 1),
        WHERE,
        b"resque:timestamps:{bad",
        *("1", 2, 2, REMOVED, 0),
        *(b"2", b"low", 0, "", b"", b"", 0, ""),
        *(b"%d" % AT, b"%d" % AT, 2, 0, 1),
        *(b"%d" % (AT + 1), b"%d" % (AT + 1), 0, 0, -1),
        *(PAYLOAD, 1, QUEUED),
        *(b"{bad", 2, record),
    )


def test_nothing_due_costs_one_round_trip(resque: Resque) -> None:
    assert requests_of(resque.core.delayed.move_due(AT), heads()) == [due()]


def test_who_is_no_longer_master_stops_between_two_batches(resque: Resque) -> None:
    answers = iter((True, False))

    async def still_master() -> bool:
        return next(answers)

    operation = resque.core.delayed.move_due(AT, still_master)
    assert result_of(operation, heads((AT, [PAYLOAD])), [MOVED]) == 1


def test_a_job_that_has_gone_meanwhile_is_not_counted_and_its_hooks_do_not_run() -> None:
    ran: list[str] = []
    resque = Resque("redis://nowhere.invalid")

    @resque.job("Archive", queue="low")
    def archive(repo: int) -> None:
        """Do nothing."""

    archive.before_enqueue_a = lambda repo: ran.append("before")  # type: ignore[attr-defined]
    archive.after_enqueue_a = lambda repo: ran.append("after")  # type: ignore[attr-defined]
    fresh = Resque("redis://nowhere.invalid")
    fresh.job("Archive", queue="low")(archive)
    operation = fresh.core.delayed.move_due(AT)
    assert result_of(operation, heads((AT, [PAYLOAD, PAYLOAD])), [GONE, MOVED], heads()) == 1
    assert ran == ["before", "before", "after"]


def test_a_job_whose_queue_is_no_list_goes_to_the_failed_list(resque: Resque) -> None:
    hand = ScriptedDriver(heads((AT, [PAYLOAD])), [NO_LIST], [MOVED], heads())
    assert hand.run(resque.core.delayed.move_due(AT)) == 1
    assert b"resque:failed" in hand.asked[2]
    record = hand.asked[2][-1]
    assert b'"exception":"Redis::CommandError"' in record
    assert b'"queue":"low"' in record


def test_a_move_that_redis_does_not_answer_is_raised(resque: Resque) -> None:
    with pytest.raises(RedisUnavailable):
        result_of(
            resque.core.delayed.move_due(AT), heads((AT, [PAYLOAD])), RedisUnavailable("gone")
        )


def test_a_failure_backend_of_its_own_kind_has_the_job_before_it_is_dropped() -> None:
    saved: list[bytes] = []

    class Elsewhere:
        def entry(self, failure: Any) -> None:
            return None

        async def save(self, failure: Any) -> None:
            saved.append(failure.job.raw)

    resque = Resque("redis://nowhere.invalid", failures=Elsewhere())  # type: ignore[arg-type]
    operation = resque.core.delayed.move_due(AT)
    assert isinstance(operation.send(None).args, tuple)
    request = operation.send(heads((AT, [b"{bad"])))
    assert saved == [b"{bad"]
    assert request.args[-3:] == (b"{bad", 0, b"")
    operation.close()


def test_a_job_is_removed_wherever_its_bytes_are_without_reading_the_others(resque: Resque) -> None:
    spellings = resque.core.delayed.search.spellings("Archive", [35], "low")
    found = [[b"delayed:%d" % AT, b"delayed:5"], *[[] for _ in spellings[1:]]]
    look, remove = requests_of(resque.core.delayed.remove_delayed("Archive", 35), found, 2)
    assert look == tuple(("SMEMBERS", b"resque:timestamps:" + one) for one in spellings)
    assert remove[3:] == (
        NAMES[0],
        *(b"resque:delayed:5", WHERE, b"resque:delayed:%d" % AT, WHERE),
        *("", b"5", PAYLOAD, b"%d" % AT, PAYLOAD),
    )


def test_a_pass_over_all_jobs_is_left_out_where_the_setting_says_so() -> None:
    resque = Resque("redis://nowhere.invalid", delayed_search="bytes")
    hand = ScriptedDriver([[]] * 6)
    assert hand.run(resque.core.delayed.remove_delayed("Archive", 35, queue="low")) == 0
    assert [request[0][0] for request in hand.asked] == ["SMEMBERS"]


def test_every_spelling_of_rubys_encoders_and_of_node_resque_is_looked_for(resque: Resque) -> None:
    found = resque.core.delayed.search.spellings("Archive", ["<1>", 1e16], "low")
    oj = b"10000000000000000.0"
    assert found[0] == b'{"class":"Archive","args":["<1>",1.0e+16],"queue":"low"}'
    assert b'{"class":"Archive","args":["<1>",%s],"queue":"low"}' % oj in found
    assert rb'{"class":"Archive","args":["\u003c1\u003e",1.0e+16],"queue":"low"}' in found
    assert b'{"class":"Archive","queue":"low","args":["<1>",1.0e+16]}' in found
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("delayed", "queued"),
    [
        (PAYLOAD, QUEUED),
        (b'{"class":"A","args":[ 1 , "\\u00e9" ], "queue":"q" }', b'{"class":"A","args":[ 1 , "\\u00e9" ]}'),
        (b'{"queue":"q","class":"A","args":[1.00]}', b'{"class":"A","args":[1.00]}'),
        (b'{"class":"A","queue":"q","args":[[]]}', b'{"class":"A","args":[[]]}'),
        (b'{"class":"A","args":[],"id":"7","queue":"q"}', b'{"class":"A","args":[],"id":"7"}'),
        (b'{"class":"A","args":["\\",\\"queue\\":\\"q\\"}"],"queue":"q"}', b'{"class":"A","args":["\\",\\"queue\\":\\"q\\"}"]}'),
        (b'{"class":"A","args":[{"queue":"q"}]}', b'{"class":"A","args":[{"queue":"q"}]}'),
        (b'{"queue":"a","class":"A","args":[],"queue":"q"}', b'{"queue":"a","class":"A","args":[]}'),
        (b'{"class":"A","args":null,"queue":"q"}', b'{"class":"A","args":[]}'),
        (b'{"class":"A","args":{"b":1},"queue":"q","at":2}', b'{"class":"A","args":[{"b":1}],"at":2}'),
        (b'{"args":[1],"queue":"q"}', b'{"class":"Object","args":[1]}'),
        (b'{"class":"A","args":["\xff"],"queue":"q"}', b'{"class":"A","args":["\xff"]}'),
    ],
)  # fmt: skip
def test_a_payload_leaves_its_list_as_it_was_but_for_its_queue(
    delayed: bytes, queued: bytes
) -> None:
    codec = JsonCodec()
    assert queued_bytes(codec, read_job(codec, "q", delayed)) == queued


@pytest.mark.parametrize(
    ("args", "sent"),
    [(None, []), (False, []), ([1], [1]), ({"a": 1}, [{"a": 1}]), ("x", ["x"]), (0, [0]), (True, [True])],
)  # fmt: skip
def test_arguments_are_taken_as_rubys_scheduler_takes_them(args: object, sent: list[Any]) -> None:
    assert parameters(args) == sent
