"""Shifts: the fork server performs short plain jobs by itself, and leaves everything as the worker's usual way does it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis as redis_py

from pyresque import Resque, TermException
from pyresque.executor.shift import ANSWERED, BROKEN, ENDED, LEFT, WORKING
from pyresque.executor.shifts import LOST, Shifts
from pyresque.process.interval import Interval
from pyresque.process.posix import Posix
from pyresque.process.queue_list import QueueList
from pyresque.process.run import made
from pyresque.process.worker import Worker
from tests.live.stage import eventually
from tests.process.test_streak import ODD, everything, push

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from pyresque.executor.shifts import Over

BURST = Interval.between(0.0)


def beside_the_jobs(url: str) -> redis.Redis:
    """The next database of that server."""
    return redis_py.Redis.from_url(f"{url.rpartition('/')[0]}/1")


class Stage:
    """A forking worker of this process; its jobs note in Redis what they did, out of the way of what is compared."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.resque = Resque(url, executor="fork", **settings)
        self.notes = beside_the_jobs(url)
        self.posix = Posix()
        self.worker: Worker | None = None
        for name in ("Note", "Fail", "Later", "Vanish", "Hold", "Load", "Print", "Me"):
            self.resque.job(name, queue="low")(getattr(self, name.lower()))

    def tell(self, *words: Any) -> None:
        self.notes.rpush("notes", json.dumps(words))

    def told(self) -> list[Any]:
        return [json.loads(one) for one in self.notes.lrange("notes", 0, -1)]

    def note(self, *args: Any) -> None:
        self.tell(*args)

    def fail(self, word: str) -> None:
        raise ValueError(word)

    async def later(self, *args: Any) -> None:
        self.tell("later", *args)

    def vanish(self, status: int) -> None:
        os._exit(status)

    def hold(self, word: str) -> None:
        self.tell("holding", word)
        try:
            self.notes.blpop("release", 20)
        except TermException:
            self.tell("terminated", word)
            raise
        self.tell("held", word)

    def load(self, module: str) -> None:
        self.tell(module, module in sys.modules)
        __import__(module)

    def print(self, word: str) -> None:
        print(word)

    def me(self, key: str) -> None:
        with redis_py.Redis.from_url(self.resque.settings.url) as db:
            self.tell(os.getpid(), os.getppid(), (db.get(key) or b"").decode())

    def work(self, *queues: str) -> Worker:
        """Work until every queue is empty; the worker."""
        with self.resque as resque:
            self.worker = worker = made(resque, QueueList.parse(queues or ("low",)), self.posix)
            with self.posix.hearing(worker):
                resque.run(worker.work(BURST))
        return worker


@pytest.fixture
def stage(redis_url: str) -> Iterator[Callable[..., Stage]]:
    stages: list[Stage] = []

    def make(**settings: Any) -> Stage:
        stages.append(Stage(redis_url, **settings))
        return stages[-1]

    with beside_the_jobs(redis_url) as notes:
        notes.flushdb()
    yield make
    for one in stages:
        one.notes.flushdb()
        one.notes.close()
        one.posix.close()


@pytest.fixture
def overs(monkeypatch: pytest.MonkeyPatch) -> list[Over]:
    """How each shift ended."""
    seen: list[Over] = []
    usual = Shifts.run

    async def run(self: Shifts, *args: Any) -> Over | None:
        over = await usual(self, *args)
        if over is not None:
            seen.append(over)
        return over

    monkeypatch.setattr(Shifts, "run", run)
    return seen


def kinds(overs: list[Over]) -> list[str]:
    return [over.kind for over in overs]


def test_short_jobs_that_follow_one_another_have_children_of_the_fork_server(
    db: redis.Redis, stage: Callable[..., Stage], overs: list[Over]
) -> None:
    made_stage = stage()
    key = f"resque:worker:{os.uname().nodename}:{os.getpid()}:low"
    for _ in range(20):
        push(db, "Me", key)
    worker = made_stage.work()
    assert key.endswith(worker.id)
    told = made_stage.told()
    assert len({pid for pid, _, _ in told}) == 20
    assert len({parent for _, parent, _ in told}) == 1
    assert os.getpid() not in {parent for _, parent, _ in told}
    for _, _, record in told:
        working = json.loads(record)
        assert working["queue"] == "low"
        assert working["payload"] == {"class": "Me", "args": [key]}
        assert working["run_at"].endswith("Z")
    # The first one was the worker's, and the last turn found nothing.
    assert [(over.kind, over.turns) for over in overs] == [(ANSWERED, 18)]
    assert db.get("resque:stat:processed") == b"20"
    assert db.keys("resque:worker:*") == []


def test_whatever_lies_between_plain_jobs_leaves_what_the_usual_way_leaves(
    db: redis.Redis,
    stage: Callable[..., Stage],
    overs: list[Over],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "pyresque.executor.shifts.FEW", 0
    )  # so that short ones are tried again and again
    noted, left = [], []
    for ahead in ("auto", "always"):
        db.flushall()
        one = stage(fork_ahead=ahead)
        for number, odd in enumerate(ODD):
            for again in range(3):
                push(db, "Note", number, {"a": [None, again]})
            db.rpush("resque:queue:low", odd)
            push(db, "Note", "é\x00", 1.5)
            push(db, "Later", number)
            push(db, "Note", number)
            push(db, "Fail", f"no {number}")
            push(db, "Note", number)
            push(db, "Vanish", 0)
        one.work()
        noted.append(one.told())
        left.append(everything(db))
        if ahead == "auto":
            assert sum(over.turns for over in overs) >= 2 * len(ODD)
            assert {LEFT, ENDED} <= set(kinds(overs))
            overs.clear()
    assert overs == []  # always ahead: no shift
    assert noted[0] == noted[1]
    assert _without_pids(left[0]) == _without_pids(left[1])
    assert left[0][b"resque:stat:processed"] == b"%d" % (10 * len(ODD))


def _without_pids(found: dict[bytes, Any]) -> dict[bytes, Any]:
    """A job whose process vanished is recorded with that process's pid."""
    for record in found[b"resque:failed"]:
        record["error"] = record["error"].rpartition(": pid ")[0] or record["error"]
    return found


def test_jobs_come_from_several_queues_in_their_order(
    db: redis.Redis, stage: Callable[..., Stage], overs: list[Over]
) -> None:
    one = stage()
    db.set("resque:queue:odd", "no list")
    for number in range(4):
        push(db, "Note", "high", number, queue="high")
        push(db, "Note", "low", number)
    one.work("high", "low")
    assert one.told() == [["high", n] for n in range(4)] + [["low", n] for n in range(4)]
    assert sum(over.turns for over in overs) == 6
    for number in range(4):
        push(db, "Note", "odd", number)
    two = stage()
    two.work("odd", "low")
    assert two.told()[8:] == [["odd", n] for n in range(4)]


def test_a_glob_is_the_workers_own_affair(
    db: redis.Redis, stage: Callable[..., Stage], overs: list[Over]
) -> None:
    one = stage()
    for number in range(4):
        push(db, "Note", number)
    one.work("l*")
    assert len(one.told()) == 4
    assert overs == []


@pytest.mark.parametrize(
    "settings",
    [
        {"jobs_per_child": 2},
        {"run_at_exit_hooks": True},
        {"max_child_memory": 500},
        {"codec": "msgpack"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_what_asks_for_more_than_a_child_for_each_job_has_no_shifts(
    db: redis.Redis, stage: Callable[..., Stage], overs: list[Over], settings: dict[str, Any]
) -> None:
    one = stage(**settings)
    with Resque(one.resque.settings.url, codec=settings.get("codec", "json")) as client:
        for number in range(4):
            client.enqueue_to("low", "Note", number)
    one.work()
    assert [number for (number,) in one.told()] == [0, 1, 2, 3]
    assert overs == []


@pytest.mark.parametrize("hook", ["before_fork", "after_fork"])
def test_hooks_of_forks_are_called_for_every_job(
    db: redis.Redis, stage: Callable[..., Stage], overs: list[Over], hook: str
) -> None:
    one = stage()
    one.resque.hooks.add(hook, lambda *_: one.tell(hook))
    for number in range(4):
        push(db, "Note", number)
    one.work()
    assert one.told().count([hook]) == 4
    assert overs == []


def test_a_pause_key_ends_a_shift(
    db: redis.Redis, stage: Callable[..., Stage], overs: list[Over]
) -> None:
    one = stage()
    one.resque.job("Pause", queue="low")(
        lambda: redis_py.Redis.from_url(one.resque.settings.url).set(
            "resque:pause-all-workers", "true"
        )
    )
    for number in range(3):
        push(db, "Note", number)
    push(db, "Pause")
    push(db, "Note", 3)
    one.work()
    assert one.told() == [[0], [1], [2]]
    assert kinds(overs) == [ANSWERED]
    assert db.llen("resque:queue:low") == 1
    assert db.get("resque:stat:processed") == b"4"


def test_what_a_job_loads_is_loaded_for_the_next_shift(
    db: redis.Redis, stage: Callable[..., Stage], overs: list[Over]
) -> None:
    sys.modules.pop("colorsys", None)  # another test may have needed it
    one = stage()
    for _ in range(4):
        push(db, "Load", "colorsys")
    one.work()
    assert one.told()[-1] == ["colorsys", True]
    assert one.told().count(["colorsys", False]) == 1


def test_what_a_job_prints_is_seen(
    db: redis.Redis,
    stage: Callable[..., Stage],
    capfd: pytest.CaptureFixture[str],
    overs: list[Over],
) -> None:
    one = stage()
    for number in range(5):
        push(db, "Print", f"word {number}")
    one.work()
    assert capfd.readouterr().out.split("\n")[:-1] == [f"word {number}" for number in range(5)]
    assert [over.turns for over in overs] == [3]


def beside(deed: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=deed, daemon=True)
    thread.start()
    return thread


def after(one: Stage, count: int, deed: Callable[[], None]) -> threading.Thread:
    """Do it when jobs have told so much."""

    def wait() -> None:
        eventually(lambda: one.notes.llen("notes") >= count)
        deed()

    return beside(wait)


def server_of(one: Stage) -> int:
    assert one.worker is not None
    return one.worker.executor.server._pid  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("order", "settings", "words", "record"),
    [
        ("SIGUSR1", {}, ["holding"], "DirtyExit"),
        ("SIGUSR1", {"term_child": True}, ["holding", "terminated"], "TermException"),
        ("SIGTERM", {}, ["holding"], "DirtyExit"),
        ("SIGTERM", {"term_child": True}, ["holding", "terminated"], "TermException"),
        ("SIGINT", {}, ["holding"], "DirtyExit"),
    ],
)
def test_an_order_reaches_the_job_of_a_shift(
    db: redis.Redis,
    stage: Callable[..., Stage],
    overs: list[Over],
    order: str,
    settings: dict[str, Any],
    words: list[str],
    record: str,
) -> None:
    one = stage(**settings)
    for number in range(3):
        push(db, "Note", number)
    push(db, "Hold", "it")
    push(db, "Note", 3)
    thread = after(one, 4, lambda: os.kill(os.getpid(), signal.Signals[order]))
    one.work()
    thread.join()
    assert kinds(overs)[0] == WORKING
    assert [word for word, *_ in one.told() if isinstance(word, str)] == words
    failed = json.loads(db.lindex("resque:failed", 0))
    assert failed["exception"].split("::")[-1] == record
    assert failed["payload"] == {"class": "Hold", "args": ["it"]}
    goes_on = order == "SIGUSR1"
    assert ([3] in one.told()) is goes_on
    assert db.llen("resque:queue:low") == (0 if goes_on else 1)
    assert db.keys("resque:worker:*") == []


@pytest.mark.parametrize("order", ["SIGQUIT", "SIGUSR2"])
def test_a_graceful_order_lets_the_job_of_a_shift_end_and_takes_no_other(
    db: redis.Redis, stage: Callable[..., Stage], overs: list[Over], order: str
) -> None:
    one = stage()
    for number in range(3):
        push(db, "Note", number)
    push(db, "Hold", "it")
    push(db, "Note", 3)

    def deed() -> None:
        os.kill(os.getpid(), signal.Signals[order])
        eventually(lambda: overs)
        one.notes.rpush("release", 1)

    thread = after(one, 4, deed)
    one.work()
    thread.join()
    assert kinds(overs) == [WORKING]
    assert one.told()[-1] == ["held", "it"]
    assert db.llen("resque:queue:low") == 1
    assert db.get("resque:stat:processed") == b"4"
    assert db.llen("resque:failed") == 0


def test_a_job_that_takes_its_time_is_the_workers_to_watch(
    db: redis.Redis, stage: Callable[..., Stage], overs: list[Over], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyresque.executor.shifts.LOOK", 0.05)
    one = stage()
    for number in range(3):
        push(db, "Note", number)
    push(db, "Hold", "it")

    def deed() -> None:
        eventually(lambda: WORKING in kinds(overs))
        one.notes.rpush("release", 1)

    thread = after(one, 4, deed)
    one.work()
    thread.join()
    assert one.told()[-1] == ["held", "it"]
    assert db.get("resque:stat:processed") == b"4"


@pytest.mark.parametrize("moment", [0.0, 0.001, 0.003, 0.01, 0.03])
def test_a_server_that_dies_leaves_its_job_to_the_worker(
    db: redis.Redis, stage: Callable[..., Stage], overs: list[Over], moment: float
) -> None:
    one = stage()
    for number in range(300):
        push(db, "Note", number)

    def deed() -> None:
        time.sleep(moment)
        os.kill(server_of(one), signal.SIGKILL)

    thread = after(one, 20, deed)
    one.work()
    thread.join()
    assert LOST in kinds(overs)
    assert [number for (number,) in one.told()] == [*range(300)]
    assert db.get("resque:stat:processed") == b"300"
    assert db.llen("resque:failed") == 0


def test_a_server_that_dies_while_its_child_works_does_not_end_the_job(
    db: redis.Redis, stage: Callable[..., Stage], overs: list[Over]
) -> None:
    one = stage()
    for number in range(3):
        push(db, "Note", number)
    push(db, "Hold", "it")
    push(db, "Note", 3)

    def deed() -> None:
        os.kill(server_of(one), signal.SIGKILL)
        eventually(lambda: overs)
        one.notes.rpush("release", 1)

    thread = after(one, 4, deed)
    one.work()
    thread.join()
    assert kinds(overs)[0] == LOST
    assert one.told()[3:] == [["holding", "it"], ["held", "it"], [3]]
    assert db.get("resque:stat:processed") == b"5"
    assert db.llen("resque:failed") == 0


def test_a_connection_that_breaks_ends_a_shift_and_costs_no_job(
    db: redis.Redis, stage: Callable[..., Stage], overs: list[Over]
) -> None:
    one = stage()
    for number in range(300):
        push(db, "Note", number)

    def deed() -> None:
        for _ in range(5):
            for client in db.client_list():
                if client["cmd"] == "evalsha":
                    db.client_kill_filter(_id=client["id"])
            time.sleep(0.02)

    thread = after(one, 20, deed)
    one.work()
    thread.join()
    assert BROKEN in kinds(overs)
    assert [number for (number,) in one.told()] == [*range(300)]
    assert db.get("resque:stat:processed") == b"300"
    assert db.llen("resque:failed") == 0


def test_trouble_of_the_workers_own_calls_a_shift_back_first(
    db: redis.Redis, stage: Callable[..., Stage], overs: list[Over], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyresque.executor.shifts.LOOK", 0.05)
    one = stage(heartbeat_interval=1)
    for number in range(200):
        push(db, "Note", number)
    usual = Worker.tend

    async def tend(self: Worker) -> float:
        if self.executor.shifts.on and len(one.told()) > 20:  # type: ignore[attr-defined]
            raise ZeroDivisionError("the worker's own")
        return await usual(self)

    monkeypatch.setattr(Worker, "tend", tend)
    with pytest.raises(ZeroDivisionError):
        one.work()
    done = len(one.told())
    left = db.llen("resque:queue:low")
    failed = [json.loads(entry) for entry in db.lrange("resque:failed", 0, -1)]
    assert 20 < done < 200
    assert len(failed) == 1
    assert failed[0]["exception"] == "ZeroDivisionError"
    assert failed[0]["payload"]["args"] in ([done - 1], [done])
    assert left in (200 - done, 199 - done)
    assert db.keys("resque:worker:*") == []
