"""What the reader of ``pyresque top`` has chosen: view, order, row; and what a key does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyresque.cli.output import safe_text
from pyresque.cli.top.tables import VIEWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.cli.top.frame import Frame
    from pyresque.cli.top.tables import Row, View


class Wish(NamedTuple):
    """What the reader wants done: ``quit``, or to ``pause`` or ``resume`` a queue."""

    verb: str
    queue: str = ""


class State:
    """What is chosen, and what is asked or told at the foot of the screen."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.views = VIEWS
        self.view = VIEWS[0]
        self.question = ""
        self.message = ""
        #: Why no frame could be read the last time.
        self.trouble = ""
        self._orders = dict.fromkeys((view.name for view in VIEWS), 0)
        self._rows: dict[str, str] = {}
        self._place: dict[str, int] = {}
        self._meant = Wish("")

    @property
    def order(self) -> str:
        """The order of the view's rows."""
        return self.view.orders[self._orders[self.view.name]]

    def cursor_of(self, rows: Sequence[Row]) -> int:
        """Return the index of the chosen row. One that the reader has chosen stays with what it is about while rows move."""
        about = self._rows.get(self.view.name)
        found = next((at for at, row in enumerate(rows) if row.about == about), None)
        if found is None:
            found = min(self._place.get(self.view.name, 0), max(0, len(rows) - 1))
        return found

    def press(self, key: str, frame: Frame | None) -> Wish | None:
        """Handle a key, by its name; return what the reader wants done."""
        if self.question:
            return self._answer(key)
        self.message = ""
        if key == "q":
            return Wish("quit")
        if key in {"tab", "right", "l"}:
            self._turn(1)
        elif key in {"backtab", "left", "h"}:
            self._turn(-1)
        elif key.isdecimal() and 1 <= int(key) <= len(VIEWS):
            self.view = VIEWS[int(key) - 1]
        elif key == "s" and self.view.orders:
            name = self.view.name
            self._orders[name] = (self._orders[name] + 1) % len(self.view.orders)
        elif frame is not None and self.view.orders:
            self._in_table(key, frame, self.view)
        return None

    def _turn(self, by: int) -> None:
        self.view = VIEWS[(VIEWS.index(self.view) + by) % len(VIEWS)]

    def _in_table(self, key: str, frame: Frame, view: View) -> None:
        rows = view.table(frame, self.order).rows
        at = self.cursor_of(rows)
        moves = {"down": 1, "j": 1, "up": -1, "k": -1, "pagedown": 10, "pageup": -10}
        if key in moves:
            self._choose(rows, min(max(0, at + moves[key]), max(0, len(rows) - 1)))
        elif key == "home":
            self._choose(rows, 0)
        elif key == "end":
            self._choose(rows, max(0, len(rows) - 1))
        elif key == "p" and view.name == "queues" and rows:
            self._ask(rows[at].about, frame)

    def _choose(self, rows: Sequence[Row], at: int) -> None:
        self._place[self.view.name] = at
        if at < len(rows):
            self._rows[self.view.name] = rows[at].about

    def _ask(self, queue: str, frame: Frame) -> None:
        paused = any(one.name == queue and one.paused for one in frame.queues)
        verb = "resume" if paused else "pause"
        self._meant = Wish(verb, queue)
        self.question = f"{verb} {safe_text(queue)}?"

    def _answer(self, key: str) -> Wish | None:
        self.question = ""
        if key == "y":
            return self._meant
        self.message = "nothing was done"
        return None
