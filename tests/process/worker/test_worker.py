from __future__ import annotations

import pytest

from pyresque.errors import RedisUnavailable
from pyresque.executor.base import Outcome
from pyresque.failure.report import ErrorReport
from pyresque.process.worker.redis_retry import LONGEST_IN_HASTE, PATIENCE
from pyresque.store.reserve import NO_FAILURE
from pyresque.store.scripts import script
from tests.support.scripted_driver import ScriptedDriver
from tests.support.scripted_worker import ID, worker

pytestmark = pytest.mark.usefixtures("full_waits")

RAW = b'{"class":"X","args":[1]}'
RECORD = b'{"queue":"low","run_at":"2026-03-01T12:00:00Z","payload":{"class":"X","args":[1]}}'
NOTHING = [0, 0, b"", b"", []]
ENDED = [1, 0, b"", b"", []]
GOT = [0, 1, RAW, b"", []]
ENDED_AND_GOT = RAW
AWAY = RedisUnavailable("away")


def scripts(hand: ScriptedDriver) -> list[str]:
    names = {script(name).sha: name for name in ("turn", "return_unperformed", "unregister")}
    return [names[args[1]] for args in hand.asked if args[0] == "EVALSHA"]


def finished(args: tuple[object, ...]) -> object:
    """The record that a turn finishes: its last argument."""
    return args[-1]


def test_reserving_takes_a_job_and_enters_it_in_one_step():
    one, hand = worker(), ScriptedDriver(GOT)
    job = hand.run(one.reserve())
    assert (job.queue, job.raw, job.class_name) == ("low", RAW, "X")
    assert scripts(hand) == ["turn"]


def test_a_finished_job_and_the_next_one_are_one_round_trip():
    one, hand = worker(), ScriptedDriver(GOT, ENDED_AND_GOT, ENDED)
    assert hand.run(one.perform_jobs()) is True
    assert len(one.executor.jobs) == 2
    assert [finished(args) for args in hand.asked] == [b"", RECORD, RECORD]


def test_a_failure_travels_with_the_turn_that_finishes_the_job():
    one = worker(Outcome(report=ErrorReport("ValueError", "boom")))
    hand = ScriptedDriver(GOT, ENDED)
    hand.run(one.work_one_job())
    args = hand.asked[1]
    failed = args[-4]
    assert failed.startswith(b'{"failed_at":"2026/03/01 ')
    assert b'"payload":' + RAW in failed
    assert b'"exception":"ValueError","error":"boom"' in failed


def test_a_job_that_arrives_together_with_a_signal_to_stop_goes_back_unperformed():
    one = worker()

    class Late(ScriptedDriver):
        def _answer(self, request):
            reply = super()._answer(request)
            if reply is GOT:
                one.shutdown()
            return reply

    hand = Late(GOT, 1)
    assert hand.run(one.reserve()) is None
    assert scripts(hand) == ["turn", "return_unperformed"]
    assert hand.asked[1][-2:] == (RECORD, RAW)
    assert one.executor.jobs == []


def test_a_job_that_cannot_be_put_back_at_once_is_put_back_later():
    one = worker()

    class Late(ScriptedDriver):
        def _answer(self, request):
            reply = super()._answer(request)
            if reply is GOT:
                one.pause_processing()
            return reply

    hand = Late(GOT, AWAY, 1)
    assert hand.run(one.reserve()) is None
    assert scripts(hand) == ["turn", "return_unperformed", "return_unperformed"]


def test_a_paused_worker_asks_for_nothing():
    one, hand = worker(), ScriptedDriver()
    one.pause_processing()
    assert hand.run(one.reserve()) is None
    assert hand.asked == []
    one.unpause_processing()
    assert hand.asked == []


def test_the_wait_for_redis_grows_and_is_bounded():
    one, hand = worker(), ScriptedDriver(*[AWAY, AWAY] * 7)
    with pytest.raises(IndexError):
        hand.run(one.reserve())
    assert one.host.slept[:6] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]
    assert set(one.host.slept[6:]) == {10.0}


def test_each_wait_for_redis_is_shorter_at_random_so_that_not_all_come_back_at_once(monkeypatch):
    parts = [0.5, 0.0, 0.25, 1.0, 0.5]
    monkeypatch.setattr("pyresque.lightweight.random_fraction", lambda: parts.pop(0))
    one, hand = worker(), ScriptedDriver(*[AWAY, AWAY] * 5)
    with pytest.raises(IndexError):
        hand.run(one.reserve())
    assert one.host.slept == [0.25, 0.0, 0.5, 4.0, 4.0]


def test_a_reserve_that_was_carried_out_before_the_wire_broke_is_adopted():
    one, hand = worker(), ScriptedDriver(AWAY, RECORD, None, RECORD)
    job = hand.run(one.reserve())
    assert job.raw == RAW
    assert scripts(hand) == ["turn"]


def test_a_reserve_that_was_not_carried_out_is_sent_again():
    one, hand = worker(), ScriptedDriver(AWAY, None, None, GOT)
    assert hand.run(one.reserve()).raw == RAW
    assert scripts(hand) == ["turn", "turn"]


def test_two_equal_jobs_one_after_the_other_are_distinguished_by_the_count():
    """Equal payloads within one second have equal records: the worker adopts the record when the count went up, else sent again."""
    one, carried_out = worker(), ScriptedDriver(GOT, AWAY, RECORD, b"1", ENDED)
    assert carried_out.run(one.perform_jobs()) is True
    assert len(one.executor.jobs) == 2
    other, lost = worker(), ScriptedDriver(GOT, AWAY, RECORD, None, ENDED)
    assert lost.run(other.perform_jobs()) is True
    assert len(other.executor.jobs) == 1
    assert scripts(lost) == ["turn", "turn", "turn"]


def test_a_worker_that_is_stopping_does_not_wait_for_redis_with_nothing_to_write():
    one, hand = worker(), ScriptedDriver(AWAY)
    one.shutdown()
    with pytest.raises(Exception, match="away"):
        hand.run(one.current_job.next_job(NO_FAILURE))
    assert one.host.slept == []


def test_a_worker_that_is_stopping_waits_for_redis_to_write_the_end_of_its_job():
    one, hand = worker(), ScriptedDriver(GOT, AWAY, RECORD, None, ENDED)
    perform = one.executor.run

    async def perform_and_stop(*given):
        one.shutdown()
        return await perform(*given)

    one.executor.run = perform_and_stop
    assert hand.run(one.perform_jobs()) is True
    assert one.host.slept == [0.5]
    assert scripts(hand) == ["turn", "turn", "turn"]


def test_a_queue_of_the_wrong_type_is_reported_once(caplog):
    one, hand = worker(), ScriptedDriver(*[[0, 0, b"", b"", [1]]] * 2)
    hand.run(one.reserve())
    hand.run(one.reserve())
    assert caplog.text.count("'low' is no list") == 1


def test_titles_are_rubys_words_after_the_colon():
    one, hand = worker(procline_prefix="mine: "), ScriptedDriver(GOT, ENDED)
    hand.run(one.work_one_job())
    (title,) = one.host.titles
    assert title.startswith("mine: pyresque-1")
    assert title.endswith(": Processing low since 1772366400 [No Name]")


def test_it_is_paused_by_a_signal_or_by_the_key():
    one = worker()
    assert ScriptedDriver(b" TRUE\n").run(one.paused()) is True
    assert ScriptedDriver(b"yes").run(one.paused()) is False
    one.pause_processing()
    assert ScriptedDriver().run(one.paused()) is True
    assert one.id == ID


@pytest.mark.parametrize(("graceful", "left"), [(True, 1), (False, 0)])
def test_term_means_what_graceful_term_says(graceful, left):
    one = worker(graceful_term=graceful)
    one.executor.jobs.append(object())
    one.terminate()
    assert one.stopping
    assert len(one.executor.jobs) == left


def test_a_long_rest_is_no_sign_of_a_loop_that_hangs():
    one = worker(heartbeat_interval=10.0)
    one.executor.isolated = False
    ScriptedDriver().run(one.wait_for_jobs(3600.0, was_paused=False))
    assert one.core.clock.passed == 3600
    assert one.health.health(10.0).turned <= 10


def test_the_keys_of_named_queues_call_unless_it_is_paused():
    one = worker()
    ScriptedDriver().run(one.wait_for_jobs(5.0, was_paused=False))
    one.current_job.paused_by_key = True
    ScriptedDriver().run(one.wait_for_jobs(5.0, was_paused=False))
    one.current_job.paused_by_key = False
    one.health.paused_by_signal = True
    ScriptedDriver().run(one.wait_for_jobs(5.0, was_paused=True))
    assert [queues for queues, _, _ in one.host.waits] == [("resque:queue:low",), (), ()]


def stop_while_it_performs(one):
    perform = one.executor.run

    async def perform_and_stop(*given):
        one.shutdown()
        return await perform(*given)

    one.executor.run = perform_and_stop


def test_a_worker_that_is_stopping_gives_up_a_redis_that_does_not_come_back_and_tells_of_its_job(
    caplog,
):
    one = worker()
    stop_while_it_performs(one)
    away = [AWAY] * 40
    one.startup = one.register_worker
    with caplog.at_level("WARNING"):
        hand = ScriptedDriver([1, b"OK"], GOT, *away)
        hand.run(one.work())
    assert PATIENCE <= sum(one.host.slept) <= PATIENCE + LONGEST_IN_HASTE
    assert max(one.host.slept) == LONGEST_IN_HASTE
    said = [record.getMessage() for record in caplog.records]
    assert said[-2:] == [
        "leaving while Redis is away: away",
        f"{ID} stays registered until another worker prunes it, and keeps a job whose end is not written, (Job{{low}} | X | [1]): away",
    ]


def test_a_redis_that_comes_back_has_all_of_its_time_when_it_goes_again():
    one = worker()
    one.shutdown()
    retry = one.redis_retry
    retry.has_job = lambda: True
    away, answers = AWAY, [AWAY, AWAY, AWAY, 1, AWAY, AWAY, 2]

    async def attempt():
        answer = answers.pop(0)
        one.core.clock.passed += 3.0
        if answer is away:
            raise answer
        return answer

    hand = ScriptedDriver()
    assert [hand.run(retry.until_answered(attempt)) for _ in range(2)] == [1, 2]


def test_a_worker_that_stops_bounds_its_waits_for_redis_at_once_and_after_its_job():
    one, hand = worker(), ScriptedDriver(GOT, ENDED)
    stop_while_it_performs(one)
    hurried = []
    one.hurry = lambda: hurried.append(len(one.executor.jobs))
    hand.run(one.perform_jobs())
    assert hurried == [0, 1]
