from __future__ import annotations

from pyresque.store.keys import Keys
from pyresque.store.workers import WorkerTable
from tests.support.scripted_driver import requests_of, result_of

TABLE = WorkerTable(Keys())
ME = "h:1:low"


def test_a_worker_is_registered_with_its_start_in_one_round_trip():
    assert requests_of(TABLE.register(ME, "now"), [1, b"OK"]) == [
        (("SADD", "resque:workers", b"h:1:low"), ("SET", b"resque:worker:h:1:low:started", "now"))
    ]


def test_unregistering_reports_what_was_removed_or_that_somebody_else_was_quicker():
    assert result_of(TABLE.unregister(ME), [1, 1, 0, 1, 1, 0, 0]) == (1, 0, 1, 1, 0, 0)
    assert result_of(TABLE.unregister(ME), [0]) is None


def test_texts_that_are_no_utf8_are_read_all_the_same():
    assert result_of(TABLE.heartbeats(), [b"b", b"\xff", b"a", b"1"]) == {"a": "1", "b": "\udcff"}
    assert result_of(TABLE.heartbeat(ME), None) is None
    assert result_of(TABLE.started(ME), b"x") == "x"


def test_the_servers_time_is_whole_seconds_of_utc():
    assert (
        str(result_of(TABLE.server_time(), [b"1772366400", b"999999"]))
        == "2026-03-01 12:00:00+00:00"
    )


def test_the_right_to_prune_is_a_key_that_expires():
    assert requests_of(TABLE.acquire_pruning(ME, 60), b"OK") == [
        ("SET", "resque:pruning_dead_workers_in_progress", b"h:1:low", "EX", 60, "NX")
    ]
    assert result_of(TABLE.acquire_pruning(ME, 60), None, 59_000) is False


def test_a_right_to_prune_that_somebody_wrote_without_an_end_gets_one():
    assert requests_of(TABLE.acquire_pruning(ME, 60), None, -1, 1)[-1] == (
        *("EXPIRE", "resque:pruning_dead_workers_in_progress", 60),
    )


def test_the_pause_key_is_written_as_ruby_reads_it_and_deleted():
    assert requests_of(TABLE.pause_all(), b"OK") == [("SET", "resque:pause-all-workers", "true")]
    assert requests_of(TABLE.unpause_all(), 1) == [("DEL", "resque:pause-all-workers")]
