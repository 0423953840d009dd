"""The benchmarks really run; that they are fast is no test's business."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from benchmarks import kinds, real_jobs
from benchmarks.contenders import BARE_ASYNC, OURS, Contender, contenders
from benchmarks.measure import Bench
from benchmarks.real import COUNTER
from benchmarks.stage import ASIDE, server, stage

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bench(tmp_path):
    def run(*words):
        command = (sys.executable, "-m", "benchmarks", "--rounds", "1", "--scale", "tiny")
        raw = tmp_path / "raw"
        done = subprocess.run(
            [*command, "--sides", "pyresque,bare loop", "--raw", raw, *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        figures = (
            [json.loads(line) for line in raw.read_text().splitlines()] if raw.exists() else []
        )
        return done, {row["measure"]: row["figures"] for row in figures}

    return run


def test_ours_and_the_bare_loop_are_timed_side_by_side(bench):
    done, figures = bench("--only", "inline1")
    assert set(figures["inline1"]) == {"pyresque", "bare loop"}, done.stderr
    assert all(figure > 0 for figure in figures["inline1"].values())


def test_coroutines_are_timed_beside_a_bare_asyncio_loop(bench):
    keys = {"async-rest-2x10", "async-noop-1x100"}
    done, figures = bench("--only", ",".join(keys), "--sides", f"{OURS},{BARE_ASYNC}")
    assert set(figures) == keys, done.stderr
    assert all(set(sides) == {OURS, BARE_ASYNC} for sides in figures.values()), done.stderr


def test_a_selective_reserve_is_timed_beside_the_plain_one(bench):
    keys = {"selective-1000", "selective-depth-1000"}
    done, figures = bench("--only", ",".join(keys))
    assert set(figures) == keys, done.stderr
    assert set(figures["selective-1000"]) == {OURS, "the plain reserve", "with counts by class"}


def test_jobs_of_a_queue_that_is_a_sorted_set_are_moved_and_dropped_from_its_lowest_score():
    side = Contender("theirs", (), "queue", {}, head="LOWEST")
    with server() as url, stage(side, url) as scene:
        scene.redis.zadd(ASIDE, {"third": 3, "first": 1, "fourth": 4, "second": 2})
        assert scene._move(2, 9) == 2
        scene._drop(1)
        assert scene.redis.zrange("queue", 0, -1, withscores=True) == [
            (b"first", 1),
            (b"second", 2),
        ]
        assert scene.redis.zrange(ASIDE, 0, -1) == [b"fourth"]


def test_a_job_of_a_busy_worker_is_one_round_trip(bench):
    done, figures = bench("--only", "trips-fork")
    assert figures["trips-fork"]["pyresque"] == pytest.approx(1.0, abs=0.05), done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--only", "warp,inline3"), "no such measure: warp; --help names them all; no such measure: inline3; near to it: inline"),
        (("--only", "real-incr"), "no such measure: real-incr; near to it: real-incr"),
        (("--only", "inline1", "--sides", "ruby"), "no such side: ruby; there are pyresque, Ruby Resque"),
    ],
)  # fmt: skip
def test_a_measure_or_a_side_that_is_not_there_is_reported_with_those_near_to_it(
    bench, words, told
):
    done, _ = bench(*words)
    assert done.returncode == 2
    assert told in done.stderr


def test_delayed_jobs_are_entered_and_moved_beside_a_scheduler_that_is_timed(bench):
    keys = ("delay", "delay-many", "move-one", "move-spread", "late", "scheduler-idle")
    done, figures = bench("--only", ",".join(keys))
    assert set(figures) == set(keys), done.stderr
    assert all(figure["pyresque"] > 0 for figure in figures.values())
    assert 0 < figures["late"]["pyresque"] < 60


@pytest.mark.parametrize(
    ("way", "kind"),
    [("inline", "Status"), ("fork", "active"), ("async", "hooks"), ("thread", "raising")],
)
def test_a_kind_of_job_is_timed_beside_a_plain_job(way, kind):
    with server() as url:
        figures = kinds.beside_plain(way, kind)(Bench(url, contenders((OURS,)), 0.01))
    assert set(figures) == {OURS, kinds.OUR_PLAIN}
    assert all(figure > 0 for figure in figures.values())


@pytest.mark.parametrize(
    ("kind", "key", "beside"),
    [
        ("resque.redis", f"resque:{COUNTER}", set()),
        ("INCR", COUNTER, {real_jobs.AHEAD, real_jobs.BARE_FORK}),
    ],
)
def test_jobs_that_do_real_work_are_timed_beside_bare_forks_that_do_it(
    kind, key, beside, monkeypatch
):
    left_out = real_jobs.LEFT_OUT[kind] | {
        real_jobs.COLD,
        real_jobs.OWN,
    }  # they differ by an argument
    monkeypatch.setitem(real_jobs.LEFT_OUT, kind, left_out)
    with server() as url:
        figures = real_jobs.real(kind)(Bench(url, contenders((OURS,)), 0.01))
        with redis.Redis.from_url(url) as client:
            assert int(client.get(key)) > 0
    assert set(figures) == {OURS, *beside}
    assert all(figure > 0 for figure in figures.values())


def test_a_fleet_is_counted_and_its_workers_are_woken(bench):
    keys = ("info-1000-commands", "workers-1000-kilobytes", "prune-commands", "wake-looked")
    done, figures = bench("--only", f"{','.join(keys)},storm-*")
    assert set(figures) == {*keys, "storm-commands", "storm-seconds"}, done.stderr
    assert figures["info-1000-commands"]["pyresque"] == 50 + 4
    assert figures["wake-looked"]["pyresque"] < figures["wake-looked"]["each watches"]
