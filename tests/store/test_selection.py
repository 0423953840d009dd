"""Reading and taking single jobs of a shared queue, on a real server: every reply of the two scripts."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from pyresque import Resque
from pyresque.errors import RedisCommandError
from pyresque.ops import Batch
from pyresque.store.queues import to_bytes
from pyresque.store.selection import SEARCH_ON, Selection, table_mark

ID = "h:1:low"
AT = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
KEY, LIST = f"resque:worker:{ID}", "resque:queue:low"
HEAD = b'{"queue":"low","run_at":"2026-03-01T12:00:00Z","payload":'


def job(number, name="Ours"):
    return json.dumps({"class": name, "args": [number]}, separators=(",", ":")).encode()


class Hand:
    """Looks and takes by hand."""

    def __init__(self, resque, db):
        self.resque, self.db = resque, db
        self.selection = Selection(resque.core.keys, ID)
        self.selection.by_text = True
        self.template = resque.core.worker_registry.record_template(("low",), AT)

    def fill(self, *raws, key=LIST):
        self.db.delete(key)
        for start in range(0, len(raws), 5000):
            self.db.rpush(key, *raws[start : start + 5000])

    def all(self, key=LIST):
        return self.db.lrange(key, 0, -1)

    def look(self, anchor=b"", index=0, most=100, head=0, key=LIST, part=1000):
        return self._run(self.selection.looking(to_bytes(key), anchor, index, most, head, part))

    def take(self, *chosen, routes="", key=LIST):
        command = self.selection.taking(to_bytes(key), "low", self.template, routes, chosen)
        return self._run(command)

    def _run(self, command):
        async def whole():
            return (await Batch((command,)))[0]

        return self.resque.run(whole())


@pytest.fixture
def hand(redis_url, db):
    with Resque(redis_url) as resque:
        yield Hand(resque, db)


# -- taking


def test_the_job_is_taken_from_the_middle_with_its_bytes_around_it(hand, db):
    odd = b'{"args":[1e2, "\xc3\xa9"] , "class":"Ours"}'
    hand.fill(job(1, "Theirs"), odd, job(2, "Theirs"))
    assert hand.take((1, odd)) == [1, 1, 1]
    assert hand.all() == [job(1, "Theirs"), job(2, "Theirs")]
    assert db.get(KEY) == HEAD + odd + b"}"


def test_of_the_chosen_jobs_the_one_nearest_to_the_head_is_taken(hand):
    hand.fill(*map(job, range(10)))
    assert hand.take((5, job(5)), (7, job(7))) == [1, 1, 5]


def test_jobs_that_are_gone_are_left_out(hand):
    hand.fill(*map(job, (0, 1, 3, 7)))
    assert hand.take((5, job(5)), (7, job(7))) == [1, 2, 3]


def test_a_job_that_stands_nearer_to_the_head_by_now_is_found(hand, db):
    hand.fill(*map(job, range(3000)))
    db.ltrim(LIST, 2000, -1)
    assert hand.take((2500, job(2500))) == [1, 1, 500]


def test_a_job_that_others_were_put_in_front_of_is_found(hand, db):
    hand.fill(*map(job, range(3000)))
    db.lpush(LIST, *(job(n, "Back") for n in range(5)))
    assert hand.take((2500, job(2500)), (2501, job(2501))) == [1, 1, 2505]


@pytest.mark.parametrize("at", [0, 1, 400, 600, 5000, 9000, 9999])
def test_exactly_the_one_element_is_removed_wherever_it_stands(hand, at):
    jobs = list(map(job, range(10_000)))
    hand.fill(*jobs)
    assert hand.take((at, jobs[at])) == [1, 1, at]
    assert hand.all() == jobs[:at] + jobs[at + 1 :]


def test_of_equal_jobs_the_first_is_taken(hand):
    hand.fill(job(0), job(1), job(0), job(2))
    assert hand.take((0, job(0)), (1, job(1)), (2, job(0))) == [1, 1, 0]
    assert hand.all() == [job(1), job(0), job(2)]


def test_a_job_behind_an_equal_one_that_ruby_popped_does_not_come_first(hand):
    hand.fill(job(1), job(0), job(2))  # the first job(0), which stood in front, is gone
    assert hand.take((0, job(0)), (1, job(1)), (2, job(0))) == [1, 2, 0]


def test_the_mark_of_a_deep_job_may_be_in_the_queue_already(hand):
    mark = f"taken by {KEY}".encode()
    jobs = [*map(job, range(9990)), mark, mark, *map(job, range(8))]
    hand.fill(*jobs)
    assert hand.take((9000, jobs[9000])) == [1, 1, 9000]
    assert jobs[9000] not in hand.all()
    assert len(hand.all()) == len(jobs) - 3  # nobody's jobs: they look like the mark


def test_nothing_is_taken_of_jobs_that_are_not_there(hand, db):
    hand.fill(*map(job, range(10)))
    assert hand.take((3, job(11)), (4, job(12))) == [0]
    assert len(hand.all()) == 10
    assert not db.exists(KEY)


@pytest.mark.parametrize("jobs", [[], [job(1)]])
def test_a_list_that_is_gone_or_shorter_by_now(hand, jobs):
    if jobs:
        hand.fill(*jobs)
    assert hand.take((40_000, job(4)), (40_001, job(5))) == [0]


def test_a_job_that_ends_in_a_record_is_not_lost_where_the_former_one_is_not_finished(hand, db):
    hand.fill(job(1))
    db.set(KEY, b"former")
    assert hand.take((0, job(1))) == [-1]
    assert (db.get(KEY), hand.all()) == (b"former", [job(1)])


def test_a_worker_record_of_another_type_is_written_anew(hand, db):
    hand.fill(job(1))
    db.hset(KEY, "a", "b")
    assert hand.take((0, job(1))) == [1, 1, 0]
    assert db.get(KEY) == HEAD + job(1) + b"}"


def test_by_another_routing_table_nothing_is_taken(hand, db):
    hand.fill(job(1))
    db.set("resque:migrate:routes", b"table")
    assert hand.take((0, job(1))) == [-2]
    assert hand.take((0, job(1)), routes=table_mark(b"other")) == [-2]
    assert hand.take((0, job(1)), routes=table_mark(b"table")) == [1, 1, 0]


def test_a_routing_table_of_another_type_has_a_mark_of_its_own(hand, db):
    hand.fill(job(1))
    db.rpush("resque:migrate:routes", b"table")
    assert hand.take((0, job(1))) == [-2]
    assert hand.take((0, job(1)), routes="-") == [1, 1, 0]


@pytest.mark.parametrize(
    ("key", "value", "reply"),
    [
        ("pause-all-workers", " True ", [-3]),
        ("pause-all-workers", "false", [1, 1, 0]),
        ("pause:all", "0", [-4, 1]),
        ("pause:queue:low", "", [-4, 0]),
        ("pause:queue:high", "1", [1, 1, 0]),
    ],
)
def test_pause_keys_say_what_they_say_in_a_turn(hand, db, key, value, reply):
    hand.fill(job(1))
    db.set(f"resque:{key}", value)
    assert hand.take((0, job(1))) == reply


@pytest.mark.parametrize("key", ["pause-all-workers", "pause:all", "pause:queue:low"])
def test_a_pause_key_of_another_type_pauses_nothing(hand, db, key):
    hand.fill(job(1))
    db.rpush(f"resque:{key}", "1")
    assert hand.take((0, job(1))) == [1, 1, 0]


def test_a_key_that_is_no_list(hand, db):
    db.set(LIST, "text")
    assert hand.take((0, job(1))) == [-5]
    assert hand.look().start == -1


def test_what_may_not_be_written_leaves_the_job_in_its_queue(hand, db, redis_url):
    hand.fill(job(0), job(1))
    db.acl_setuser("half", enabled=True, passwords=["+pw"], keys=["*"], commands=["+@all", "-set"])
    with Resque(redis_url.replace("://", "://half:pw@")) as resque:
        other = Hand(resque, db)
        with pytest.raises(RedisCommandError):
            other.take((1, job(1)))
    assert sorted(hand.all()) == [job(0), job(1)]
    db.acl_deluser("half")


def test_a_full_redis_lets_a_job_be_taken_from_afar(hand, db):
    jobs = list(map(job, range(5000)))
    hand.fill(*jobs)
    db.config_set("maxmemory", "1")
    try:
        assert hand.take((4000, jobs[4000])) == [1, 1, 4000]
    finally:
        db.config_set("maxmemory", "0")
    assert hand.all() == jobs[:4000] + jobs[4001:]


# -- looking


def test_a_look_reads_from_the_head(hand):
    hand.fill(*map(job, range(10)))
    assert hand.look(most=3) == (0, 10, [job(0), job(1), job(2)], [])


def test_a_look_goes_on_behind_its_anchor(hand):
    hand.fill(*map(job, range(10)))
    assert hand.look(job(4), 4, most=2) == (5, 10, [job(5), job(6)], [])
    assert hand.look(job(9), 9) == (10, 10, [], [])


@pytest.mark.parametrize("popped", [1, 100, 300, 3000, 19_000])
def test_the_anchor_is_found_in_front_of_its_old_index(hand, db, popped):
    hand.fill(*map(job, range(20_000)))
    db.ltrim(LIST, popped, -1)
    assert hand.look(job(19_500), 19_500, most=1).jobs == [job(19_501)]


def test_an_anchor_that_was_popped_leads_to_the_head(hand, db):
    hand.fill(*map(job, range(500)))
    db.ltrim(LIST, 400, -1)
    assert hand.look(job(300), 300, most=1) == (0, 100, [job(400)], [])


@pytest.mark.parametrize(("popped", "start"), [(20_000, 40_001), (59_990, 11), (60_001, 0)])
def test_an_anchor_far_in_front_of_its_old_index_is_found_by_several_looks(hand, db, popped, start):
    hand.fill(*map(job, range(100_000)))
    db.lpop(LIST, popped)
    index, looks = 60_000, 0
    while (look := hand.look(job(60_000), index, most=2)).start == SEARCH_ON:
        assert min(index, db.llen(LIST)) - 20_000 < look.length < index
        index, looks = look.length, looks + 1
    assert (look.start, look.jobs[0]) == (start, job(popped + start))
    assert looks > 0


def test_without_an_anchor_a_look_begins_at_an_index(hand):
    hand.fill(*map(job, range(10)))
    assert hand.look(index=8) == (8, 10, [job(8), job(9)], [])
    assert hand.look(index=80) == (10, 10, [], [])


def test_jobs_at_the_head_are_read_too(hand):
    hand.fill(*map(job, range(10)))
    assert hand.look(job(9), 9, head=2) == (10, 10, [], [job(0), job(1)])
    assert hand.look(head=2).head == []


def test_large_jobs_are_read_in_small_numbers(hand):
    large = [b"%d" % n + b"x" * 200_000 for n in range(40)]
    hand.fill(*large)
    for part, most in ((16, 16), (4, 6), (1, 6)):
        read = hand.look(most=1000, part=part)
        assert 1 <= len(read.jobs) <= most
        assert read.jobs == large[: len(read.jobs)]


@pytest.mark.parametrize("part", [1, 2, 7, 100, 1000])
def test_however_large_the_parts_all_is_read(hand, part):
    jobs = list(map(job, range(300)))
    hand.fill(*jobs)
    assert hand.look(part=part).jobs == jobs[:100]
    assert hand.look(jobs[250], 250, part=part) == (251, 300, jobs[251:], [])


def test_an_empty_list(hand):
    assert hand.look() == (0, 0, [], [])
    assert hand.look(job(1), 5) == (0, 0, [], [])
