"""The terminal of ``pyresque top``: draws lines, reads keys, and leaves the terminal as it was at whatever end.

Signals only wake the loop by a pipe, or end the process by an exception: ``curses.wrapper`` restores the terminal then.
SIGTSTP restores it until SIGCONT.
"""

from __future__ import annotations

import curses
import locale
import os
import select
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pyresque.cli.top import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from pyresque.cli.top.layout import Line

#: Signals that end the process; Ctrl-C raises KeyboardInterrupt as in any command.
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

#: Keys by curses' numbers.
KEYS = {
    curses.KEY_DOWN: "down",
    curses.KEY_UP: "up",
    curses.KEY_LEFT: "left",
    curses.KEY_RIGHT: "right",
    curses.KEY_NPAGE: "pagedown",
    curses.KEY_PPAGE: "pageup",
    curses.KEY_HOME: "home",
    curses.KEY_END: "end",
    curses.KEY_BTAB: "backtab",
    ord("\t"): "tab",
}


def usable() -> bool:
    """Return whether standard input and output are a terminal on which curses can place text."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    try:
        curses.setupterm()
    except curses.error:
        return False
    return curses.tigetstr("cup") is not None


def run(work: Callable[[Screen], None]) -> None:
    """Run ``work`` with the screen; afterwards the terminal is as it was."""
    for name in (
        "LINES",
        "COLUMNS",
    ):  # they would stand for the terminal's own size, also after it has changed
        os.environ.pop(name, None)
    with suppress(locale.Error):
        locale.setlocale(locale.LC_CTYPE, "")
    with _signals() as pipe:
        curses.wrapper(lambda window: work(Screen(window, pipe)))


class Screen:
    """The terminal while ``top`` runs."""

    def __init__(self, window: curses.window, pipe: int) -> None:
        self._window = window
        self._pipe = pipe
        self._encoding = locale.getpreferredencoding(False)
        window.keypad(True)
        window.nodelay(True)
        with suppress(curses.error):
            curses.curs_set(0)
        self._styles = {
            layout.PLAIN: curses.A_NORMAL,
            layout.TITLE: curses.A_BOLD,
            layout.HEAD: curses.A_UNDERLINE,
            layout.BAD: curses.A_BOLD,
            layout.CHOSEN: curses.A_REVERSE,
            layout.FAINT: curses.A_DIM,
        }
        if curses.has_colors() and "NO_COLOR" not in os.environ:
            with suppress(curses.error):
                curses.use_default_colors()
                curses.init_pair(1, curses.COLOR_RED, -1)
                self._styles[layout.BAD] = curses.color_pair(1)

    def size(self) -> tuple[int, int]:
        """Return the width and the height."""
        height, width = self._window.getmaxyx()
        return width, height

    def draw(self, lines: Sequence[Line]) -> None:
        """Draw these lines from the top on."""
        self._window.erase()
        for at, (text, style) in enumerate(lines):
            shown = text.encode(self._encoding, "backslashreplace").decode(self._encoding)
            with suppress(curses.error):  # the last cell of the screen moves the cursor out of it
                self._window.addstr(at, 0, shown, self._styles[style])
        self._window.refresh()

    def key(self, seconds: float) -> str:
        """Return the next key by its name; nothing if none comes in that time, or the terminal has changed."""
        found = self._window.getch()
        if found == -1:
            ready, _, _ = select.select([sys.stdin, self._pipe], [], [], max(0.0, seconds))
            if self._pipe in ready:
                os.read(self._pipe, 4096)
                self._resize()
            if sys.stdin in ready:
                found = self._window.getch()
                if found == -1:
                    raise EOFError("the terminal is gone")
        return KEYS.get(found) or (chr(found) if 32 < found < 127 else "")  # noqa: PLR2004 - the letters of ASCII

    def _resize(self) -> None:
        with suppress(OSError, curses.error):
            size = os.get_terminal_size(sys.stdout.fileno())
            curses.resizeterm(size.lines, size.columns)
            self._window.clearok(True)


@contextmanager
def _signals() -> Iterator[int]:
    """Handle signals; the value is a pipe that is readable after SIGWINCH and SIGCONT."""
    pipe, end = os.pipe()
    os.set_blocking(end, False)
    handlers = {
        **dict.fromkeys(ENDING, _leave),
        signal.SIGWINCH: _nothing,
        signal.SIGCONT: _nothing,
        signal.SIGTSTP: _suspend,
    }
    former = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    waker = signal.set_wakeup_fd(end, warn_on_full_buffer=False)
    try:
        yield pipe
    finally:
        signal.set_wakeup_fd(waker)
        for number, handler in former.items():
            signal.signal(number, handler)
        os.close(pipe)
        os.close(end)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """SIGWINCH and SIGCONT: the wake-up pipe has told the loop."""


def _suspend(number: int, _frame: FrameType | None) -> None:
    """Give the terminal back, stop, and take the terminal again at SIGCONT."""
    curses.endwin()
    handler = signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    signal.signal(number, handler)
