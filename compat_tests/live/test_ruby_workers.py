"""Ruby's workers and ours on one host: they share queues, see each other, spare the living and clear away the dead."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from compat_tests.live.app import EchoJob, HoldJob
from compat_tests.live.peers import echoed, noted, spelled
from pyresque.process.host.posix import PosixHost
from tests.support.eventually import eventually
from tests.support.processes import command_line

# Both sides hold it for a minute after a worker's start, so that the next one does not prune at once.
PRUNE_LOCK = "resque:pruning_dead_workers_in_progress"
SIDES = ["python", "ruby"]


@pytest.fixture
def start(python_worker, ruby_worker):
    """Starts a worker of the side named."""
    return lambda side, *args, **env: {"python": python_worker, "ruby": ruby_worker}[side](
        *args, **env
    )


def other(side):
    return "ruby" if side == "python" else "python"


def let_go(db, count=1):
    db.rpush("live:release", *["go"] * count)


def with_those_above(pid):
    """A process, its parent, its parent's parent and so on; a Python job's is a fork server, whose parent is the worker."""
    while pid > 1:
        yield pid
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def pids(resque):
    return {info.pid for info in resque.workers()}


@pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
def test_both_sides_take_from_one_queue_and_every_job_is_done_once(
    ruby, start, resque, db, executor
):
    first, second = (
        start("ruby", "hold,echo"),
        start("python", "hold,echo", RESQUE_EXECUTOR=executor),
    )
    for number in (1, 2):
        resque.enqueue(HoldJob, number)
    workers = {first.pid, second.pid}
    holders = [
        workers & set(with_those_above(held["pid"])) for held in noted(db, "live:started", 2)
    ]
    assert set().union(*holders) == workers
    for number in range(100):
        resque.enqueue(EchoJob, number, "python")
        ruby.ask("enqueue", class_="EchoJob", args=[number, "ruby"])
    let_go(db, 2)
    done = [job for job in echoed(db, 202) if len(job) == 2]
    assert sorted(done) == sorted([n, side] for n in range(100) for side in SIDES)
    assert first.stop(signal.SIGQUIT) == second.stop(signal.SIGQUIT) == 0
    assert (resque.stat("processed"), resque.stat("failed")) == (202, 0)
    assert db.smembers("resque:workers") == set()
    assert db.llen("live:echo") == 0


@pytest.mark.parametrize("queues", ["hold", "*", "other,hold"])
def test_the_living_of_both_sides_are_spared_by_both(ruby, start, resque, db, queues):
    idle = [start(side, queues) for side in SIDES]
    busy = [start(side, queues) for side in SIDES]
    for worker in idle:
        worker.send(signal.SIGUSR2)  # paused: their titles say so, and the others get the jobs
    for number in range(2):
        resque.enqueue(HoldJob, number)
    noted(db, "live:started", 2)
    living = {worker.pid for worker in (*idle, *busy)}
    assert living <= {int(pid) for pid in ruby.ask("worker_pids")}
    for mine in (["*"], queues.split(",")):
        db.delete(PRUNE_LOCK)
        ruby.ask("prune", queues=mine)
        assert pids(resque) == living
    for side in SIDES:
        db.delete(PRUNE_LOCK)
        latest = start(side, queues)
        assert db.get(PRUNE_LOCK).decode().split(":")[1] == str(latest.pid)
        assert pids(resque) == living | {latest.pid}
        latest.stop(signal.SIGQUIT)
    assert resque.failures.count() == 0
    assert len(resque.working()) == len(ruby.ask("working")) == 2
    let_go(db, 2)
    assert sorted(echoed(db, 2)) == [[0], [1]]


def test_our_own_look_at_the_hosts_processes_finds_rubys_workers(start):
    worker = start("ruby", "a")
    posix = PosixHost()
    try:
        assert worker.pid in eventually(posix.worker_pids, lambda found: worker.pid in found)
    finally:
        posix.close()


@pytest.mark.parametrize("same", ["same queues", "all queues"])
@pytest.mark.parametrize("dead", SIDES)
def test_a_worker_killed_on_one_side_is_cleared_by_the_other_with_its_job_among_the_failed(
    ruby, start, resque, db, dead, same
):
    lost = start(dead, "hold")
    resque.enqueue(HoldJob, {"n": 1.0}, "caf\u00e9")
    noted(db, "live:started")
    lost.kill()
    assert len(resque.working()) == len(ruby.ask("working")) == 1
    db.delete(PRUNE_LOCK)
    heir = start(other(dead), "hold" if same == "same queues" else "*")
    assert pids(resque) == {heir.pid}
    assert resque.working() == ruby.ask("working") == []
    (failure,) = resque.failures.all(0, 9)
    (seen_by_ruby,) = ruby.ask("failures")
    assert (failure.exception, failure.error) == ("Resque::DirtyExit", "Job still being processed")
    assert seen_by_ruby["payload"] == {"class": "HoldJob", "args": [{"n": 1.0}, "caf\u00e9"]}
    assert f":{lost.pid}:hold" in failure.worker
    assert [key for key in db.keys("*") if f":{lost.pid}:".encode() in key] == []
    resque.failures.requeue(failure)
    let_go(db)
    assert spelled(echoed(db)) == spelled([[{"n": 1.0}, "caf\u00e9"]])


def slots(resque, worker):
    return {info.id for info in resque.workers() if info.pid == worker.pid}


@pytest.mark.parametrize("executor", ["thread", "async"])
@pytest.mark.parametrize("queues", ["hold", "*"])
def test_slots_of_one_process_are_workers_to_ruby_which_spares_the_living(
    ruby, start, resque, db, executor, queues
):
    crew = start("python", queues, RESQUE_EXECUTOR=executor, COUNT="3")
    ids = eventually(lambda: slots(resque, crew), lambda found: len(found) == 3)
    for number in range(3):
        resque.enqueue(HoldJob, number)
    noted(db, "live:started", 3)
    assert {one["id"] for one in ruby.ask("workers")} == ids
    assert {one["id"] for one in ruby.ask("working")} == ids
    for mine in (["*"], [queues]):
        db.delete(PRUNE_LOCK)
        ruby.ask("prune", queues=mine)
    db.delete(PRUNE_LOCK)
    start("ruby", queues).stop(signal.SIGQUIT)
    assert slots(resque, crew) == ids
    assert resque.failures.count() == 0
    let_go(db, 3)
    assert sorted(echoed(db, 3)) == [[0], [1], [2]]
    assert crew.stop(signal.SIGQUIT) == 0
    assert resque.workers() == []


@pytest.mark.parametrize("executor", ["thread", "async"])
@pytest.mark.parametrize("heir", SIDES)
def test_slots_of_a_killed_process_are_cleared_each_with_its_job_among_the_failed(
    ruby, start, resque, db, executor, heir
):
    crew = start("python", "hold", RESQUE_EXECUTOR=executor, COUNT="3")
    ids = eventually(lambda: slots(resque, crew), lambda found: len(found) == 3)
    for number in range(3):
        resque.enqueue(HoldJob, number)
    noted(db, "live:started", 3)
    crew.kill()
    for one in ids:
        db.hset("resque:workers:heartbeat", one, "2020-01-01T00:00:00+00:00")
    assert sorted(ruby.ask("expired_heartbeats")) == sorted(ids)
    db.delete(PRUNE_LOCK)
    start(heir, "elsewhere")
    assert slots(resque, crew) == set()
    failures = ruby.ask("failures")
    assert {one["worker"] for one in failures} == ids
    assert sorted(one["payload"]["args"] for one in failures) == [[0], [1], [2]]
    assert {one["exception"] for one in failures} == {"Resque::PruneDeadWorkerDirtyExit"}


@pytest.mark.parametrize("dead", SIDES)
def test_a_worker_of_other_queues_is_left_to_its_own(start, resque, db, dead):
    lost = start(dead, "hold")
    lost.kill()
    db.delete(PRUNE_LOCK)
    heir = start(other(dead), "elsewhere")
    assert pids(resque) == {lost.pid, heir.pid}


@pytest.mark.parametrize("dead", SIDES)
def test_a_worker_whose_heartbeat_is_old_is_cleared_by_the_other_side_whatever_its_queues(
    ruby, start, resque, db, dead
):
    lost = start(dead, "hold")
    resque.enqueue(HoldJob, 1)
    noted(db, "live:started")
    lost.kill()
    (name,) = (info.id for info in resque.workers())
    beat = db.hget("resque:workers:heartbeat", name).decode()
    db.hset("resque:workers:heartbeat", name, f"{int(beat[:4]) - 1}{beat[4:]}")
    assert ruby.ask("expired_heartbeats") == [name]
    db.delete(PRUNE_LOCK)
    heir = start(other(dead), "elsewhere")
    assert pids(resque) == {heir.pid}
    (failure,) = ruby.ask("failures")
    assert failure["exception"] == "Resque::PruneDeadWorkerDirtyExit"
    assert failure["error"] == f"Worker {name} did not gracefully exit while processing HoldJob"
    assert failure["payload"] == {"class": "HoldJob", "args": [1]}


@pytest.mark.parametrize("side", SIDES)
def test_a_worker_at_work_reads_the_same_on_both_sides(ruby, start, resque, db, side):
    worker = start(side, "low,hold", TZ="Asia/Kolkata")
    ruby.ask("enqueue", class_="HoldJob", args=[{"a": [1.0, None]}])
    noted(db, "live:started")
    (of_ruby,), (of_python,) = ruby.ask("working"), resque.working()
    assert of_ruby["id"] == of_python.id
    assert (of_ruby["host"], of_ruby["pid"]) == (of_python.host, of_python.pid)
    assert of_ruby["queues"] == list(of_python.queues) == ["low", "hold"]
    assert of_ruby["started"] == of_python.started
    assert of_ruby["started"].endswith("+0530")
    assert of_python.heartbeat.endswith("+05:30")
    assert (of_ruby["state"], of_python.state) == ("working", "working")
    job = of_ruby["job"]
    assert list(job) == ["queue", "run_at", "payload"]
    assert (job["queue"], job["run_at"]) == (
        of_python.working_on.job.queue,
        of_python.working_on.run_at,
    )
    assert job["payload"]["args"] == list(of_python.working_on.job.args) == [{"a": [1.0, None]}]
    assert ruby.ask("worker", id=of_python.id)["job"] == job
    let_go(db)
    eventually(lambda: ruby.ask("worker", id=of_python.id)["processed"], lambda count: count == 1)
    info = resque.find_worker(of_python.id)
    assert (info.state, info.processed, info.failed, info.pid) == ("idle", 1, 0, worker.pid)


def test_the_heartbeats_of_each_side_are_fresh_to_the_other(ruby, start, resque):
    for side in SIDES:
        for zone in ("UTC", "America/New_York", "Asia/Kolkata"):
            start(side, side, TZ=zone)
    assert ruby.ask("expired_heartbeats") == []
    assert len(ruby.ask("workers")) == len(resque.workers()) == 6
    assert None not in [worker["heartbeat"] for worker in ruby.ask("workers")]


@pytest.mark.parametrize("side", SIDES)
def test_a_worker_removed_by_the_other_side_leaves_its_job_among_the_failed(
    ruby, start, resque, db, side
):
    lost = start(side, "hold")
    resque.enqueue(HoldJob, 1)
    noted(db, "live:started")
    lost.kill()
    (name,) = (info.id for info in resque.workers())
    if side == "python":
        ruby.ask("unregister", id=name)
    else:
        resque.remove_worker(name)
    assert resque.workers() == ruby.ask("workers") == []
    assert [f["payload"]["args"] for f in ruby.ask("failures")] == [[1]]


@pytest.mark.parametrize("side", SIDES)
def test_the_pause_key_holds_workers_of_both_sides(ruby, start, resque, db, side):
    resque.pause_all()
    resque.enqueue(EchoJob, 1)
    worker = start(side, "echo")
    title = eventually(lambda: command_line(worker.pid), lambda text: "Paused" in text)
    assert resque.size("echo") == 1, title
    resque.unpause_all()
    assert echoed(db) == [[1]]


def test_the_titles_differ_in_nothing_but_the_name(start, resque, db):
    workers = {side: start(side, "hold,zz") for side in SIDES}

    def words(side):
        head, _, rest = command_line(workers[side].pid).rstrip("\0 ").partition(": ")
        text = " ".join("N" if word.isdigit() else word for word in rest.split())
        return head.split("-")[0], text

    for side, name in (("python", "pyresque"), ("ruby", "resque")):
        waiting = eventually(lambda s=side: words(s), lambda got: "Waiting" in got[1])
        assert waiting == (name, "Waiting for hold,zz")
    for number in range(2):
        resque.enqueue(HoldJob, number)
    noted(db, "live:started", 2)
    assert words("python")[1] == words("ruby")[1] == "Forked N at N"
