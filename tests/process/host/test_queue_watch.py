from __future__ import annotations

import pytest

from pyresque.errors import ConnectError, RedisCommandError, RedisUnavailable, ScriptMissing
from pyresque.process.host.client_count import ASKING, EVERY
from pyresque.process.host.queue_watch import (
    BACK_OFF,
    GIVEN_UP,
    GRACE,
    LONGER,
    MOST_BACK_OFF,
    NOTED_WAIT,
    REFUSED,
    WAIT_SECONDS as WAIT,
    QueueWatch,
)
from pyresque.store.keys import Keys
from pyresque.store.waiting import WaitingTable
from tests.support.scripted_worker import Clock

LOW, HIGH = "resque:queue:low", "resque:queue:high"
ARMED = ("BLMOVE", LOW.encode(), LOW.encode(), "LEFT", "LEFT", WAIT)
HIGH_ARMED = ("BLMOVE", HIGH.encode(), HIGH.encode(), "LEFT", "LEFT", WAIT)
JOB, NOTHING = b"{}", None
AWAY = RedisUnavailable("away")


def clients(connected, most=10):
    """The reply to INFO clients."""
    return b"# Clients\r\nconnected_clients:%d\r\nmaxclients:%d\r\n" % (connected, most)


class Wire:
    """A connection whose replies the test lays out; one that says that Redis is away is raised. INFO is answered by itself."""

    def __init__(self, clients):
        self.sent, self.coming, self.open = [], [], True
        self.clients, self.counted = clients, []

    def fileno(self):
        return id(self)

    def send(self, *args):
        if args == ASKING:
            self.counted.append(self.clients)
        else:
            self.sent.append(args)

    def replies(self):
        said, self.coming = self.counted + self.coming, []
        self.counted = []
        for one in said:
            if isinstance(one, RedisUnavailable):
                raise one
        return said

    def close(self):
        self.open = False


class Stage:
    """Lines whose server is the test; ``away`` is what connecting raises."""

    def __init__(self, **options):
        self.clock, self.wires, self.away, self.tried = Clock(), [], None, 0
        self.clients = clients(1)
        self.watch = QueueWatch(self.connect, self.clock, **options)

    def connect(self):
        self.tried += 1
        if self.away:
            raise self.away
        self.wires.append(Wire(self.clients))
        return self.wires[-1]

    def after(self, seconds):
        self.clock.passed += seconds
        return self

    def arm(self, *keys):
        self.watch.arm(keys)
        return self.watch.all_armed(keys)


pytestmark = pytest.mark.usefixtures("full_waits")


@pytest.fixture
def stage():
    return Stage()


def test_each_queue_gets_a_line_which_stays_armed(stage):
    assert stage.arm(LOW, HIGH, LOW)
    assert stage.after(WAIT - 1).arm(LOW, HIGH)
    assert [wire.sent for wire in stage.wires] == [[ARMED], [HIGH_ARMED]]


def test_a_queue_rings_once_and_is_armed_anew(stage):
    stage.arm(LOW, HIGH)
    stage.wires[0].coming = [JOB]
    assert stage.watch.take_ready((LOW, HIGH)) == [LOW]
    assert not stage.watch.all_armed((LOW,))
    assert stage.watch.all_armed((HIGH,))
    assert stage.watch.take_ready((LOW, HIGH)) == []
    assert stage.arm(LOW, HIGH)
    assert stage.wires[0].sent == [ARMED, ARMED]
    assert len(stage.wires[1].sent) == 1


def test_a_wait_that_ended_by_itself_rings_nobody_and_is_armed_again(stage):
    stage.arm(LOW)
    stage.after(WAIT).wires[0].coming = [NOTHING]
    assert stage.watch.take_ready((LOW,)) == []
    assert stage.arm(LOW)
    assert stage.wires[0].sent == [ARMED, ARMED]


def test_a_wire_whose_answer_is_overdue_is_replaced(stage):
    stage.arm(LOW)
    assert stage.watch.due((LOW,)) == WAIT + GRACE
    assert stage.after(WAIT + GRACE + 0.1).watch.take_ready((LOW,)) == []
    assert stage.after(BACK_OFF).arm(LOW)
    assert [wire.open for wire in stage.wires] == [False, True]


def test_an_answer_that_came_in_time_but_is_read_late_is_no_dead_wire(stage):
    stage.arm(LOW)
    stage.wires[0].coming = [NOTHING]
    assert stage.after(3600).watch.take_ready((LOW,)) == []
    assert stage.arm(LOW)
    assert len(stage.wires) == 1


def test_a_wire_that_bore_is_replaced_within_a_moment_when_it_breaks(stage, monkeypatch):
    monkeypatch.setattr("pyresque.lightweight.random_fraction", lambda: 0.5)
    stage.arm(LOW)
    stage.after(60).wires[0].coming = [AWAY]
    assert stage.watch.take_ready((LOW,)) == []
    assert not stage.arm(LOW)
    assert stage.after(BACK_OFF / 2).arm(LOW)
    assert [wire.open for wire in stage.wires] == [False, True]


def test_a_server_that_breaks_each_wire_is_tried_less_and_less_often(stage):
    times = []
    for _ in range(7):
        stage.arm(LOW)
        stage.wires[-1].coming = [AWAY]
        stage.watch.take_ready((LOW,))
        times.append(stage.watch.due((LOW,)) - stage.clock.passed)
        stage.clock.passed = stage.watch.due((LOW,))
    assert times == pytest.approx([BACK_OFF, 1, 2, 4, 8, MOST_BACK_OFF, MOST_BACK_OFF])


def test_while_the_server_is_away_one_line_tries_for_all(stage):
    stage.away = AWAY
    for _ in range(3):
        assert not stage.arm(LOW, HIGH)
    assert stage.tried == 1
    stage.after(BACK_OFF).away = None
    assert stage.arm(LOW, HIGH)


def test_a_refused_log_in_is_waited_out_too(stage):
    stage.away = ConnectError("no")
    assert not stage.arm(LOW)
    assert stage.watch.watched((LOW,)) == []


def test_the_back_off_starts_anew_once_the_server_has_answered(stage):
    stage.away = AWAY
    for _ in range(5):
        stage.arm(LOW)
        stage.clock.passed = stage.watch.due((LOW,))
    stage.away = None
    stage.arm(LOW)
    stage.wires[0].coming = [NOTHING]
    stage.watch.take_ready((LOW,))
    stage.arm(LOW)
    stage.wires[0].coming = [AWAY]
    stage.watch.take_ready((LOW,))
    assert stage.watch.due((LOW,)) == stage.clock.passed + BACK_OFF


@pytest.mark.parametrize(
    "text",
    [
        "ERR unknown command 'BLMOVE', with args beginning with: 'resque:queue:low'",
        "NOPERM this user has no permissions to run the 'blmove' command",
        "MOVED 3999 127.0.0.1:6381",
    ],
)
def test_a_server_that_refuses_is_polled_which_is_reported_once(stage, caplog, text):
    for _ in range(3):
        stage.arm(LOW, HIGH)
        for wire in stage.wires[-2:]:
            wire.coming = [RedisCommandError(text)]
        assert stage.watch.take_ready((LOW, HIGH)) == []
        assert not stage.arm(LOW, HIGH)
        assert stage.watch.due((LOW, HIGH)) == stage.clock.passed + REFUSED
        stage.after(REFUSED)
    assert caplog.text.count("looked for at intervals") == 1
    assert text in caplog.text
    assert stage.arm(LOW, HIGH), "it may have been upgraded meanwhile"


def test_a_key_of_a_wrong_type_leaves_the_other_lines_armed(stage, caplog):
    stage.arm(LOW, HIGH)
    stage.wires[0].coming = [RedisCommandError("WRONGTYPE Operation against a key")]
    stage.wires[1].coming = [JOB]
    assert stage.watch.take_ready((LOW, HIGH)) == [HIGH]
    assert not stage.arm(LOW, HIGH)
    assert stage.watch.all_armed((HIGH,))
    assert LOW in caplog.text


def test_more_queues_than_there_may_be_lines_have_none():
    stage = Stage(most=3)
    keys = [f"queue:{number}" for number in range(4)]
    assert not stage.arm(*keys)
    assert stage.tried == 0
    assert stage.watch.take_ready(keys) == []
    assert stage.arm(*keys[:3])


def test_no_queues_are_never_heard(stage):
    assert not stage.arm()
    assert stage.watch.due(()) == float("inf")


def test_closing_hangs_up(stage):
    stage.arm(LOW, HIGH)
    stage.watch.close()
    assert [wire.open for wire in stage.wires] == [False, False]
    assert not stage.arm(LOW, HIGH)


# -- of many workers a few watch

TABLE = WaitingTable(Keys(), "me")
NOTED = ("BLMOVE", *ARMED[1:5], NOTED_WAIT)
CALLED = TABLE.being_called(LOW, WAIT)
A_CALL = [CALLED[1], b"look"]


def asked(key=LOW, *, by_text=False):
    return TABLE.entering(key, NOTED_WAIT + LONGER, by_text=by_text)


class Sharing(Stage):
    """A process that asks how to wait; ``answers`` lays out the replies of one connection, and the watch reads them."""

    def __init__(self):
        super().__init__(waiting=TABLE)

    def answers(self, *replies, wire=0, keys=(LOW,)):
        self.wires[wire].coming = list(replies)
        return self.watch.take_ready(keys)


@pytest.fixture
def sharing():
    return Sharing()


def test_one_of_a_few_workers_asks_and_watches_as_long_as_if_it_had_not(sharing):
    assert sharing.arm(LOW)
    assert sharing.answers(1) == []
    assert sharing.wires[0].sent == [asked(), ARMED]
    assert sharing.watch.all_armed((LOW,))
    assert sharing.watch.due((LOW,)) == WAIT + GRACE
    sharing.watch.leave()
    assert len(sharing.wires[0].sent) == 2, "nobody has noted it"


def test_a_watcher_asks_again_after_a_short_while(sharing):
    sharing.arm(LOW)
    sharing.answers(2)
    assert sharing.wires[0].sent == [asked(), NOTED]
    assert sharing.answers(NOTHING) == []
    assert sharing.arm(LOW), "armed all the while: nobody is woken for that"
    assert sharing.wires[0].sent == [asked(), NOTED, asked()]


def test_others_wait_to_be_called_which_is_as_good_as_armed(sharing):
    sharing.arm(LOW)
    assert sharing.answers(0) == []
    assert sharing.wires[0].sent == [asked(), CALLED]
    assert sharing.watch.all_armed((LOW,))
    assert sharing.answers(A_CALL) == [LOW]
    assert sharing.arm(LOW)
    assert sharing.answers(0) == []
    assert sharing.answers(NOTHING) == []
    assert sharing.arm(LOW)
    assert sharing.wires[0].sent == [asked(), CALLED, asked(), CALLED, asked()]


def test_a_call_to_watch_wakes_nobody_and_asks_for_the_place(sharing):
    sharing.arm(LOW)
    sharing.answers(0)
    assert sharing.answers([CALLED[1], b"watch"]) == []
    sharing.arm(LOW)
    sharing.answers(2)
    assert sharing.wires[0].sent == [asked(), CALLED, asked(), NOTED]


def test_a_watcher_that_has_a_job_leaves_all_its_places_by_a_free_connection(sharing):
    sharing.arm(LOW, HIGH)
    sharing.answers(2, keys=(LOW, HIGH))
    sharing.answers(2, wire=1, keys=(LOW, HIGH))
    assert sharing.answers(JOB, keys=(LOW, HIGH)) == [LOW]
    sharing.watch.leave()
    sharing.watch.leave()
    assert sharing.wires[0].sent[2:] == [TABLE.leaving(LOW), TABLE.leaving(HIGH)]
    assert sharing.answers(1, 1) == []
    assert sharing.arm(LOW)
    assert sharing.wires[0].sent[4:] == [asked()]


def test_without_a_free_connection_the_places_end_by_themselves(sharing):
    sharing.arm(LOW)
    sharing.answers(2)
    sharing.watch.leave()
    assert len(sharing.wires[0].sent) == 2


def test_only_the_queues_that_nobody_waits_for_are_left(sharing):
    sharing.arm(LOW, HIGH)
    sharing.answers(2, keys=(LOW, HIGH))
    sharing.answers(2, wire=1, keys=(LOW, HIGH))
    sharing.answers(JOB, keys=(LOW, HIGH))
    sharing.watch.leave({HIGH})
    assert sharing.wires[0].sent[2:] == [TABLE.leaving(HIGH)]


def test_a_connection_that_breaks_as_it_leaves_is_replaced_later(sharing):
    sharing.arm(LOW)
    sharing.answers(2)
    sharing.answers(JOB)

    def broken(*args):
        raise AWAY

    sharing.wires[0].send = broken
    sharing.watch.leave()
    assert not sharing.wires[0].open
    assert not sharing.arm(LOW)


def test_a_server_that_does_not_have_the_script_gets_its_text(sharing):
    sharing.arm(LOW)
    sharing.answers(ScriptMissing("NOSCRIPT"))
    sharing.answers(2)
    assert sharing.wires[0].sent == [asked(), asked(by_text=True), NOTED]
    sharing.answers(JOB)
    sharing.watch.leave()
    sharing.answers(ScriptMissing("NOSCRIPT"))
    assert sharing.arm(LOW), "its place has ended by then"


def test_a_process_that_reads_late_that_the_script_is_missing_keeps_its_connection(sharing):
    sharing.arm(LOW)
    sharing.after(GRACE + 1)
    assert sharing.answers(ScriptMissing("NOSCRIPT")) == []
    assert sharing.wires[0].open
    assert sharing.watch.due((LOW,)) == sharing.clock.passed + GRACE
    sharing.answers(2)
    assert sharing.wires[0].sent == [asked(), asked(by_text=True), NOTED]


@pytest.mark.parametrize("replies", [("NOPERM evalsha",), (0, "NOPERM blpop")])
def test_where_workers_may_not_share_the_watching_each_of_them_watches(sharing, caplog, replies):
    sharing.arm(LOW)
    for reply in replies:
        sharing.answers(RedisCommandError(reply) if isinstance(reply, str) else reply)
    assert sharing.arm(LOW)
    assert sharing.wires[-1].sent[-1] == ARMED
    assert caplog.text.count("each job wakes all that wait") == 1
    assert replies[-1] in caplog.text


# -- Redis has too many clients


def test_near_its_limit_connections_are_given_up_which_is_said_once(caplog):
    stage = Stage()
    stage.arm(LOW, HIGH)
    stage.after(EVERY).wires[0].coming = [NOTHING]
    stage.watch.take_ready((LOW, HIGH))
    stage.wires[0].clients = clients(9)
    stage.arm(LOW, HIGH)
    assert stage.watch.take_ready((LOW, HIGH)) == []
    assert [wire.open for wire in stage.wires] == [False, False]
    assert not stage.arm(LOW, HIGH)
    stage.clients = clients(8)
    for _ in range(3):
        assert stage.after(GIVEN_UP).arm(LOW, HIGH), "it tries"
        assert stage.watch.take_ready((LOW, HIGH)) == []
        assert not stage.watch.all_armed((LOW, HIGH)), "eight of ten are too many for one more"
    assert caplog.text.count("Redis has 9 of 10 clients: no connection waits for jobs") == 1
    stage.clients = clients(7)
    assert stage.after(GIVEN_UP).arm(LOW, HIGH)
    assert stage.watch.take_ready((LOW, HIGH)) == []
    assert stage.watch.all_armed((LOW, HIGH))


def test_where_redis_lets_no_client_in_any_more_those_that_wait_go(caplog):
    stage = Stage()
    stage.arm(LOW)
    stage.away = RedisUnavailable("cannot serve now: ERR max number of clients reached")
    stage.arm(LOW, HIGH)
    assert [wire.open for wire in stage.wires] == [False]
    assert stage.watch.due((LOW,)) == stage.clock.passed + GIVEN_UP
    assert "max number of clients reached: no connection waits" in caplog.text


@pytest.mark.parametrize(
    "reply", [RedisCommandError("NOPERM info"), b"# Clients\r\nconnected_clients:5\r\n", None, 7]
)
def test_a_server_that_does_not_tell_its_limit_is_waited_at(reply):
    stage = Stage()
    stage.clients = reply
    stage.arm(LOW)
    assert stage.watch.take_ready((LOW,)) == []
    assert stage.watch.all_armed((LOW,))
    stage.wires[0].coming = [NOTHING]
    stage.after(EVERY).watch.take_ready((LOW,))
    stage.arm(LOW)
    assert len(stage.wires[0].counted) == isinstance(reply, bytes), "who may not ask asks once"


def test_a_reply_that_nothing_asked_for_is_dropped(stage):
    stage.arm(LOW)
    stage.wires[0].coming = [NOTHING, JOB, JOB]
    assert stage.watch.take_ready((LOW,)) == []
    assert stage.arm(LOW)
