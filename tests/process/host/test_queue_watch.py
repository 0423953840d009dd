from __future__ import annotations

import pytest

from pyresque.errors import ConnectError, RedisCommandError, RedisUnavailable
from pyresque.process.host.queue_watch import (
    BACK_OFF,
    GRACE,
    MOST,
    MOST_BACK_OFF,
    REFUSED,
    WAIT,
    QueueWatch,
)
from tests.support.scripted_worker import Clock

LOW, HIGH = "resque:queue:low", "resque:queue:high"
ARMED = ("BLMOVE", LOW, LOW, "LEFT", "LEFT", WAIT)
JOB, NOTHING = b"{}", None
AWAY = RedisUnavailable("away")


class Wire:
    """A connection whose replies the test lays out; an error among them is raised."""

    def __init__(self):
        self.sent, self.coming, self.open = [], [], True

    def fileno(self):
        return id(self)

    def send(self, *args):
        self.sent.append(args)

    def replies(self):
        said, self.coming = self.coming, []
        for one in said:
            if isinstance(one, Exception):
                raise one
        return said

    def close(self):
        self.open = False


class Stage:
    """Lines whose server is the test; ``away`` is what connecting raises."""

    def __init__(self):
        self.clock, self.wires, self.away, self.tried = Clock(), [], None, 0
        self.watch = QueueWatch(self.connect, self.clock)

    def connect(self):
        self.tried += 1
        if self.away:
            raise self.away
        self.wires.append(Wire())
        return self.wires[-1]

    def after(self, seconds):
        self.clock.passed += seconds
        return self

    def arm(self, *keys):
        self.watch.arm(keys)
        return self.watch.all_armed(keys)


@pytest.fixture
def stage():
    return Stage()


def test_each_queue_gets_a_line_which_stays_armed(stage):
    assert stage.arm(LOW, HIGH, LOW)
    assert stage.after(WAIT - 1).arm(LOW, HIGH)
    assert [wire.sent for wire in stage.wires] == [[ARMED], [("BLMOVE", HIGH, HIGH, *ARMED[3:])]]


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
    assert stage.arm(LOW)
    assert [wire.open for wire in stage.wires] == [False, True]


def test_an_answer_that_came_in_time_but_is_read_late_is_no_dead_wire(stage):
    stage.arm(LOW)
    stage.wires[0].coming = [NOTHING]
    assert stage.after(3600).watch.take_ready((LOW,)) == []
    assert stage.arm(LOW)
    assert len(stage.wires) == 1


def test_a_wire_that_bore_is_replaced_at_once_when_it_breaks(stage):
    stage.arm(LOW)
    stage.after(60).wires[0].coming = [AWAY]
    assert stage.watch.take_ready((LOW,)) == []
    assert stage.arm(LOW)
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


def test_more_queues_than_there_may_be_lines_have_none(stage):
    keys = [f"queue:{number}" for number in range(MOST + 1)]
    assert not stage.arm(*keys)
    assert stage.tried == 0
    assert stage.watch.take_ready(keys) == []
    assert stage.arm(*keys[:MOST])


def test_no_queues_are_never_heard(stage):
    assert not stage.arm()
    assert stage.watch.due(()) == float("inf")


def test_closing_hangs_up(stage):
    stage.arm(LOW, HIGH)
    stage.watch.close()
    assert [wire.open for wire in stage.wires] == [False, False]
    assert not stage.arm(LOW, HIGH)
