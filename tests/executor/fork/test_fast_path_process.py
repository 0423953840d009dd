"""What the fast path takes for a job among Redis' replies, and what it leaves to the worker."""

from __future__ import annotations

import socket
import threading
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from pyresque.executor.fork.fast_path_handle import (
    FEW,
    MOST,
    SHORT,
    CurrentRecord,
    FastPathEnd,
    FastPathHandle,
)
from pyresque.executor.fork.shared_page import SharedPage
from pyresque.ruby import time as ruby_time
from pyresque.ruby.stamp import iso8601_z
from pyresque.store.reserve_raw import RawReserver

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADS = (
    (b'{"queue":"a","run_at":"', b'","payload":'),
    (b'{"queue":"b","run_at":"', b'","payload":'),
)
HEAD = b"*3\r\n$1\r\nX\r\n"


class Wire:
    """Turns at one end of a pair of sockets, and what Redis would say at the other."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.reserver = RawReserver(
            self.ours.recv, self.ours.send, HEAD, HEADS, b"}", (b"", 0, b"", b"")
        )

    def answered(self, *pieces: bytes) -> tuple[int, bytes] | None:
        """What the fast path makes of a reply that comes in these pieces."""

        def say() -> None:
            for piece in pieces:
                self.theirs.sendall(piece)
                time.sleep(0.005)

        thread = threading.Thread(target=say)
        thread.start()
        try:
            return self.reserver.reserve(b"{}")
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
    assert wire.reserver.reply == reply


def test_a_great_payload_comes_whole_and_soon(wire: Wire) -> None:
    raw = b"x" * 50_000_000
    assert wire.answered(b"$%d\r\n" % len(raw), raw, b"\r\n") == (0, raw)


def test_the_turn_says_when_it_is(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000_000.9
    monkeypatch.setattr("pyresque.store.reserve_raw.time", lambda: now)
    sent = []
    for _ in range(3):
        assert wire.answered(b"$2\r\n{}\r\n") == (0, b"{}")
        sent.append(wire.theirs.recv(4096))
        now += 0.06
    stamps = [iso8601_z(second).encode() for second in (10**9, 10**9 + 1)]
    assert stamps[0] == b"2001-09-09T01:46:40Z"
    assert stamps[0].decode() == ruby_time.iso8601_z(datetime.fromtimestamp(10**9, timezone.utc))
    assert [stamps[0] in one for one in sent] == [True, True, False]
    assert stamps[1] in sent[2]
    assert sent[0].startswith(HEAD + b"$55\r\n" + HEADS[0][0] + stamps[0] + HEADS[0][1])
    assert sent[0].endswith(b"\r\n$2\r\n{}\r\n")
    assert wire.reserver.record(1, b"[]") == HEADS[1][0] + stamps[1] + HEADS[1][1] + b"[]}"


def test_only_short_jobs_that_follow_one_another_start_the_fast_path() -> None:
    handle: Any = FastPathHandle(None, SharedPage(), 0, lambda: None)  # type: ignore[arg-type] # nothing is asked of it
    assert not handle.due()
    handle.note_job(SHORT / 2)
    assert handle.due()
    handle.note_job(SHORT * 2)
    assert not handle.due()
    handle.note_job(SHORT / 2)
    handle.note_idle()
    assert not handle.due()


def test_fast_paths_that_are_soon_over_become_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0

    class Server:
        def start_fast_path(self, *_: Any) -> None: ...

    class Line:
        def stale(self) -> bool:
            return False

        def fileno(self) -> int:
            return 0

    async def watch(self: FastPathHandle, *_: Any) -> FastPathEnd:
        return FastPathEnd("left", None, CurrentRecord(0, b"", b""), taken, 0, -1)

    monkeypatch.setattr(FastPathHandle, "_watch", watch)
    handle: Any = FastPathHandle(Server(), SharedPage(), 0, Line)  # type: ignore[arg-type] # as much of them as is asked

    def worth() -> int:
        """How many short jobs it takes now, after another fast path."""
        with pytest.raises(StopIteration):
            handle.run(1, (), CurrentRecord(0, b"", b""), None, None).send(None)
        jobs = 0
        while not handle.due():
            handle.note_job(0.0)
            jobs += 1
        return jobs

    assert [worth() for _ in range(7)] == [2, 4, 8, 16, 32, 64, MOST]
    taken = FEW
    assert worth() == 1
