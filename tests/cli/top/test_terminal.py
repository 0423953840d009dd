"""``top`` in a real terminal: what stands there, keys, sizes, and that the terminal is as it was after every kind of end."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

import pyte
import pytest

from pyresque.cli.top.tables import VIEWS
from tests.support.hostile_text import EVIL, payload
from tests.support.variables import own_variables

#: What ncurses sends to leave the alternate screen.
LEFT = b"\x1b[?1049l"


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A program in a terminal of its own, and what stands there."""

    def __init__(self, *words: str, width: int = 80, height: int = 24, **env: str) -> None:
        self.master, self.slave = pty.openpty()
        self.output = b""
        self._screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self._screen)
        self._size(width, height)
        self.before = termios.tcgetattr(self.slave)
        clean = {name: value for name, value in os.environ.items() if name not in own_variables()}
        self.process = subprocess.Popen(
            words,
            env={**clean, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **env},
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - a test has no thread that holds a lock
        )

    def _size(self, width: int, height: int) -> None:
        size = struct.pack("HHHH", height, width, 0, 0)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, size)

    def resize(self, width: int, height: int) -> None:
        self._screen.resize(height, width)
        self._size(width, height)

    def read(self, seconds: float = 0.05) -> None:
        while select.select([self.master], [], [], seconds)[0]:
            try:
                found = os.read(self.master, 65536)
            except OSError:
                return
            self.output += found
            self._stream.feed(found)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display]

    def until(self, words: str, within: float = 60) -> list[str]:
        deadline = time.monotonic() + within
        while not any(words in line for line in self.lines):
            assert time.monotonic() < deadline, "\n".join(self.lines)
            self.read()
        return self.lines

    def next_frame(self) -> list[str]:
        """What stands there when the time in the first line is another one: all that was drawn before has come."""
        first, deadline = self.lines[0], time.monotonic() + 30
        while self.lines[0] == first:
            assert time.monotonic() < deadline, "\n".join(self.lines)
            self.read()
        return self.lines

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def ended(self) -> int:
        deadline = time.monotonic() + 20
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "\n".join(self.lines)
            self.read()
        self.read()
        return self.process.returncode

    def restored(self) -> bool:
        return termios.tcgetattr(self.slave) == self.before and LEFT in self.output

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(environment, redis_url):
    opened: list[Terminal] = []

    def call(*args: str, **options: object) -> Terminal:
        often = () if "--interval" in args else ("--interval", "0.3")
        command = (sys.executable, "-m", "pyresque.cli", "top", *often, *args)
        words = options.pop("words", command)
        opened.append(Terminal(*words, **{"REDIS_URL": redis_url, **options}))
        return opened[-1]

    yield call
    for one in opened:
        one.close()


def test_it_shows_tables_and_turns_between_them_until_q(terminal, resque, db):
    resque.enqueue_to("mailers", "Mail", 1)
    one = terminal()
    one.until("mailers")
    lines = one.until("no failed jobs")
    assert lines[0].startswith("pyresque top  redis://")
    assert lines[0].endswith("every 0.3 s")
    assert lines[-1] == "q quit  Tab view  jk move  s sort"
    one.type("2")
    assert "queues by size" in one.until("[queues]")
    one.type("\x1bOC")
    assert "no workers" in one.until("[workers]")
    resque.enqueue_to("later", "Job")
    one.type("\x1bOD")
    one.until("later")
    one.type("q")
    assert one.ended() == 0
    assert one.restored()


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGINT, 130),
        (signal.SIGTERM, 143),
        (signal.SIGHUP, 129),
        (signal.SIGQUIT, 131),
    ],
)
def test_a_signal_ends_it_and_the_terminal_is_as_it_was(terminal, number, status):
    one = terminal("--interval", "60")
    one.until("no queues")
    one.process.send_signal(number)
    assert one.ended() == status
    assert one.restored()


def test_ctrl_c_of_the_keyboard_ends_it(terminal):
    one = terminal("--interval", "60")
    one.until("no queues")
    one.type("\x03")
    assert one.ended() == 130
    assert one.restored()


def test_an_error_of_ours_ends_it_and_the_terminal_is_as_it_was(terminal, environment):
    (environment / "app_broken.py").write_text(
        "from pyresque import Resque\n"
        "resque = Resque()\n"
        "class Broken(type(resque.core.default_failures)):\n"
        "    async def count(self, *args): raise ZeroDivisionError('of the test')\n"
        "core = resque.core\n"
        "core.failures = Broken(core.failed_table, core.codec, core.clock)\n"
    )
    one = terminal("-A", "app_broken:resque", PYTHONPATH=os.pathsep.join(sys.path))
    assert one.ended() == 1
    assert (
        "ZeroDivisionError: of the test" in one.lines
    )  # from Python 3.13 on its words have colours
    assert one.restored()


def test_it_takes_the_size_of_its_terminal_and_follows_it(terminal, resque):
    resque.enqueue_to("q" * 100, "Job")
    one = terminal("--interval", "60", width=80, height=24)
    one.until("qqqqq...")
    one.resize(200, 50)
    one.until("q" * 100)
    assert one.lines[49].startswith("q quit")
    one.resize(40, 10)
    one.until("pyresque top")
    deadline = time.monotonic() + 20
    while not one.lines[9].startswith("q quit"):
        assert time.monotonic() < deadline, one.lines
        one.read()
    one.resize(3, 2)
    one.resize(80, 24)
    one.until("no failed jobs")
    one.type("q")
    assert one.ended() == 0


def test_a_queue_is_paused_and_resumed_after_a_question(terminal, resque, db):
    resque.enqueue_to("mailers", "Mail")
    one = terminal()
    one.until("mailers")
    one.type("2p")
    one.until("pause mailers? y/n")
    one.type("n")
    one.until("nothing was done")
    assert not resque.queue_paused("mailers")
    one.type("py")
    one.until("paused mailers: no job is taken from it")
    assert resque.queue_paused("mailers")
    one.until("0  paused")
    one.type("p")
    one.until("resume mailers? y/n")
    one.type("y")
    one.until("resumed mailers")
    assert not resque.queue_paused("mailers")


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is the shell that stops it")
def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(terminal, redis_url):
    shell = ("bash", "--norc", "--noprofile", "-i")
    one = terminal(words=shell, PS1="ready> ")
    one.until("ready>")
    one.type(f"{sys.executable} -m pyresque.cli top --interval 60 -u {redis_url}\n")
    one.until("no queues")
    one.type("\x1a")
    one.until("Stopped")
    assert LEFT in one.output
    one.type("stty -a | tr ' ' '\\n' | grep -x -e icanon -e echo | paste -s\n")
    one.until("icanon\techo".expandtabs(8))
    one.output = b""
    one.type("fg\n")
    one.until("no queues")
    one.type("q")
    deadline = time.monotonic() + 20
    while LEFT not in one.output:
        assert time.monotonic() < deadline, one.lines
        one.read()
    one.type("echo code $?\n")
    one.until("code 0")


def test_a_redis_that_is_away_is_told_at_the_foot(terminal):
    one = terminal("-u", "redis://127.0.0.1:1/0")
    assert "127.0.0.1:1" in one.until("refused")[-1]
    one.type("q")
    assert one.ended() == 0


def test_a_warning_does_not_write_over_the_tables(terminal, db):
    db.rpush("resque:workers", "no set")
    one = terminal()
    assert "WRONGTYPE Operation against a key" in one.until("WRONGTYPE")[-1]
    one.type("q")
    one.ended()
    assert b"WRONGTYPE" not in one.output.rpartition(LEFT)[2]


def test_hostile_text_stands_there_as_text(terminal, db):
    db.sadd("resque:queues", EVIL.replace("\x00", ""))
    db.rpush(f"resque:queue:{EVIL}", payload())
    worker = f"{EVIL}:7:{EVIL}"
    db.sadd("resque:workers", worker)
    record = {"queue": EVIL, "run_at": EVIL, "payload": json.loads(payload())}
    db.set(f"resque:worker:{worker}", json.dumps(record))
    failed = {"payload": {"class": EVIL, "args": []}, "exception": EVIL, "error": EVIL}
    db.rpush("resque:failed", json.dumps({**failed, "queue": EVIL, "failed_at": EVIL}))
    one = terminal(width=200, height=50)
    for view in VIEWS:
        one.type(str(VIEWS.index(view) + 1))
        one.until(f"[{view.name}]")
        one.next_frame()
        for command in (b"\x1b]", b"\x07", "\x9b".encode(), "\u202e".encode()):
            assert command not in one.output
        assert not any("*** forged" in line[:12] for line in one.lines)
    assert any(r"Evil\x1b[31m" in line for line in one.lines) or b"Evil\\x1b" in one.output


def test_a_terminal_that_cannot_place_text_gets_frames_as_text(terminal, resque):
    resque.enqueue_to("mailers", "Mail")
    one = terminal(TERM="dumb", height=60)
    one.until("mailers")
    assert b"\x1b" not in one.output
    one.process.send_signal(signal.SIGINT)
    assert one.ended() == 130


def test_where_no_terminal_is_frames_follow_as_json_lines(start, resque):
    resque.enqueue_to("mailers", "Mail")
    top = start("top", "--json", "--interval", "0.2")
    first = json.loads(top.stdout.readline())
    resque.enqueue_to("mailers", "Mail")
    frames = [json.loads(top.stdout.readline()) for _ in range(3)]
    assert first["numbers"]["pending"] == 1
    assert first["per_second"] == {}
    assert frames[-1]["numbers"]["pending"] == 2
    assert set(frames[-1]["per_second"]) == {"pending", "processed", "failures", "failed"}
    top.send_signal(signal.SIGINT)
    assert top.wait(60) == 130


def test_once_is_one_frame_and_an_interval_that_is_none_is_bad_usage(run, resque):
    resque.enqueue_to("mailers", "Mail")
    result = run("top", "--once")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("pyresque top") == 1
    assert "mailers" in result.stdout
    (line,) = run("top", "--once", "--json").stdout.splitlines()
    assert json.loads(line)["queues"][0]["name"] == "mailers"
    for interval in ("0", "-1", "x", "1e9"):
        assert run("top", "--interval", interval).exit_code == 2
