"""What a shift takes for a job among Redis' replies, and what it leaves to the worker."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from pyresque.executor.attempt import Attempt
from pyresque.executor.board import Board
from pyresque.executor.child_signals import ChildSignals
from pyresque.executor.shift import STAMP, Shift
from pyresque.executor.shifts import FEW, MOST, SHORT, Over, Shifts, Standing
from pyresque.job.registry import Registry
from pyresque.job.worker_hooks import WorkerHooks

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADS = (
    (b'{"queue":"a","run_at":"', b'","payload":'),
    (b'{"queue":"b","run_at":"', b'","payload":'),
)
PLAN = (1, b"*3\r\n$1\r\nX\r\n", HEADS, b"}", ("a", "b"), "resque: ")


class Wire:
    """A shift at one end of a pair of sockets, and what Redis would say at the other."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        board = Board()
        attempt = Attempt(Registry(), WorkerHooks(), lambda: pytest.fail("no means are needed"))
        signals = ChildSignals(board, term_child=False, patient=False)
        self.tidied = 0
        ends = (self.ours.fileno(), -1)
        self.shift = Shift(
            attempt, board, signals, *ends, PLAN, os.getppid(), lambda: None, self.tidy
        )

    def tidy(self) -> None:
        self.tidied += 1

    def answered(self, *pieces: bytes) -> tuple[int, bytes] | None:
        """What the shift makes of a reply that comes in these pieces."""

        def say() -> None:
            for piece in pieces:
                self.theirs.sendall(piece)
                time.sleep(0.005)

        thread = threading.Thread(target=say)
        thread.start()
        try:
            return self.shift._turn(b"{}")
        finally:
            thread.join()

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("reply", "job"),
    [
        (b"$2\r\n{}\r\n", (0, b"{}")),
        (b"$4\r\n{\r\n}\r\n", (0, b"{\r\n}")),
        (b"$0\r\n\r\n", (0, b"")),
        (b"*5\r\n:1\r\n:2\r\n$2\r\n{}\r\n$0\r\n\r\n*0\r\n", (1, b"{}")),
    ],
)
def test_a_payload_is_a_job_in_however_many_pieces_it_comes(
    wire: Wire, reply: bytes, job: tuple[int, bytes]
) -> None:
    assert wire.answered(reply) == job
    for cut in range(reply.index(b"\r\n", 12 if reply.startswith(b"*") else 0) + 6, len(reply)):
        assert wire.answered(reply[:cut], reply[cut:]) in {job, None}
    assert wire.answered(reply[:-1], reply[-1:]) == job


@pytest.mark.parametrize(
    "reply",
    [
        b"$-1\r\n",
        b"-NOSCRIPT No matching script.\r\n",
        b":1\r\n",
        b"+OK\r\n",
        b"*2\r\n:1\r\n:-2\r\n",
        b"*3\r\n:1\r\n:-1\r\n*0\r\n",
        b"*5\r\n:1\r\n:0\r\n$0\r\n\r\n$0\r\n\r\n*0\r\n",
        b"*5\r\n:0\r\n:1\r\n$2\r\n{}\r\n$0\r\n\r\n*0\r\n",
        b"*5\r\n:1\r\n:1\r\n$2\r\nno\r\n$9\r\nthe odd 1\r\n*0\r\n",
        b"*5\r\n:1\r\n:2\r\n$2\r\n{}\r\n$0\r\n\r\n*1\r\n:1\r\n",
        b"$x\r\n",
        b"",
    ],
)
def test_any_other_reply_is_kept_for_the_worker(wire: Wire, reply: bytes) -> None:
    if not reply:
        wire.theirs.close()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            wire.answered()
        return
    assert wire.answered(reply) is None
    assert wire.shift.heard == reply


def test_the_turn_says_when_it_is_and_looks_after_others_once_a_second(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000_000_000.9
    monkeypatch.setattr("pyresque.executor.shift.time", lambda: now)
    sent = []
    for _ in range(3):
        assert wire.answered(b"$2\r\n{}\r\n") == (0, b"{}")
        sent.append(wire.theirs.recv(4096))
        now += 0.06
    stamps = [time.strftime(STAMP, time.gmtime(second)).encode() for second in (10**9, 10**9 + 1)]
    assert stamps[0] == b"2001-09-09T01:46:40Z"
    assert [stamps[0] in one for one in sent] == [True, True, False]
    assert stamps[1] in sent[2]
    assert sent[0].startswith(PLAN[1] + b"$55\r\n" + HEADS[0][0] + stamps[0] + HEADS[0][1])
    assert sent[0].endswith(b"\r\n$2\r\n{}\r\n")
    assert wire.shift.now[1] == HEADS[1][0] + stamps[1] + HEADS[1][1]
    assert wire.tidied == 2


def test_only_short_jobs_that_follow_one_another_make_a_shift_due() -> None:
    shifts: Any = Shifts(None, Board(), 0, lambda: None)  # type: ignore[arg-type] # nothing is asked of it
    assert not shifts.due()
    shifts.note(SHORT / 2)
    assert shifts.due()
    shifts.note(SHORT * 2)
    assert not shifts.due()
    shifts.note(SHORT / 2)
    shifts.rest()
    assert not shifts.due()


def test_shifts_that_are_soon_over_become_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0

    class Server:
        def shift(self, *_: Any) -> None: ...

    class Line:
        def stale(self) -> bool:
            return False

        def fileno(self) -> int:
            return 0

    async def watched(self: Shifts, *_: Any) -> Over:
        return Over("left", None, Standing(0, b"", b""), taken, 0, -1)

    monkeypatch.setattr(Shifts, "_watched", watched)
    shifts: Any = Shifts(Server(), Board(), 0, Line)  # type: ignore[arg-type] # as much of them as is asked

    def worth() -> int:
        """How many short jobs it takes now, after another shift."""
        with pytest.raises(StopIteration):
            shifts.run(1, PLAN[1:], Standing(0, b"", b""), None, None).send(None)
        jobs = 0
        while not shifts.due():
            shifts.note(0.0)
            jobs += 1
        return jobs

    assert [worth() for _ in range(7)] == [2, 4, 8, 16, 32, 64, MOST]
    taken = FEW
    assert worth() == 1
