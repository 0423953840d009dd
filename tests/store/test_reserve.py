from __future__ import annotations

import hiredis
import pytest

from pyresque.errors import ScriptMissing
from pyresque.store.keys import Keys
from pyresque.store.reserve import FailureEntry, RecordTemplate, Reserver
from pyresque.store.scripts import script
from tests.support.scripted_driver import requests_of, result_of

ME = "h:1:low"
FORMS = RecordTemplate((b"head low", b"head high"), b"foot", b"odd")
KEYS = (
    b"resque:worker:h:1:low",
    b"resque:stat:processed",
    b"resque:stat:processed:h:1:low",
    b"resque:pause-all-workers",
    b"resque:pause:all",
    b"resque:queue:low",
    b"resque:queue:high",
    b"resque:pause:queue:low",
    b"resque:pause:queue:high",
)
MORE_KEYS = (
    b"resque:stat:failed",
    b"resque:stat:failed:h:1:low",
    b"resque:failed",
    b"resque:failed_queues",
    b"resque:queues",
)


@pytest.fixture
def reserver() -> Reserver:
    made = Reserver(Keys(), ME)
    made.set_queues(("low", "high"), FORMS)
    return made


def test_the_usual_turn_names_the_keys_it_touches_and_no_others(reserver):
    (command,) = requests_of(reserver.reserve(b"old"), b"raw")
    assert command[2:] == (9, *KEYS, b"odd", b"head low", b"head high", b"old")
    turn = result_of(reserver.reserve(b"old"), b"raw")
    assert (turn.finished, turn.paused, turn.queue, turn.raw) == (True, False, "low", b"raw")
    assert turn.record == b"head lowrawfoot"


def test_what_is_written_ahead_is_what_the_command_says(reserver):
    for finished in (b"", b"old", b"x" * 1000):
        command = reserver.prepared_command(finished)
        assert command.wire == hiredis.pack_command(command.args)


def test_a_job_of_another_queue_or_of_an_unusual_kind_comes_with_its_place_and_record(reserver):
    turn = result_of(reserver.reserve(b"old"), [1, 2, b"raw", b"", []])
    assert (turn.queue, turn.raw, turn.record) == ("high", b"raw", b"head highrawfoot")
    turn = result_of(reserver.reserve(b"old"), [0, 2, b"raw", b"record", [1]])
    assert (turn.finished, turn.record, turn.wrong_type) == (False, b"record", ("low",))


def test_a_failure_brings_its_keys_along(reserver):
    (command,) = requests_of(reserver.reserve(b"old", FailureEntry(b"f")), [1, 0, b"", b"", []])
    assert command[2:17] == (14, *KEYS, *MORE_KEYS)
    assert command[17:] == (
        *(b"odd", b"head low", b"head high"),
        *("", b"f", b"", "1", b"old"),
    )


def test_a_turn_whose_queues_were_chosen_from_others_reports_which_there_are(reserver):
    reserver.set_queues(("low",), RecordTemplate((b"head",)), ("low", "hi"))
    turn = result_of(reserver.reserve(b"old"), [1, -1, [b"low", b"hi", b"new"]])
    assert (turn.finished, turn.queue, set(turn.known)) == (True, None, {"low", "hi", "new"})


def test_a_finish_reserves_nothing(reserver):
    (command,) = requests_of(reserver.finish(b"old"), [1, 0, b"", b"", []])
    assert command[2:] == (5, *KEYS[:5], b"", b"old")


def test_a_job_that_was_not_found_has_no_queue(reserver):
    turn = result_of(reserver.reserve(b""), [0, 0, b"", b"", [2]])
    assert (turn.queue, turn.paused, turn.wrong_type) == (None, False, ("high",))
    turn = result_of(reserver.reserve(b""), [0, -2])
    assert (turn.queue, turn.paused) == (None, True)


def test_paused_queues_are_named_where_no_job_was_found(reserver):
    turn = result_of(reserver.reserve(b""), [0, 0, b"", b"", [], [2]])
    assert (turn.queue, turn.paused, turn.paused_queues) == (None, False, ("high",))
    turn = result_of(reserver.reserve(b""), [0, 0, b"", b"", [], [0]])
    assert (turn.paused_queues, turn.all_queues_paused) == (("low", "high"), True)


def test_a_server_that_does_not_know_the_script_yet_is_sent_it(reserver):
    missing = ScriptMissing("NOSCRIPT")
    first, second = requests_of(reserver.reserve(b"old"), missing, b"raw")
    assert (first[0], second[:2]) == ("EVALSHA", ("EVAL", script("turn").text))
    assert first[2:] == second[2:]
