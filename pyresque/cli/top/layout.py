"""Lays a frame out as lines for a width and a height. Text is escaped before it comes here; letters of two cells count as two."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from pyresque.cli.output import safe_text
from pyresque.cli.top.tables import OVERVIEW, number, rate
from pyresque.printable import many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.cli.top.frame import Frame
    from pyresque.cli.top.state import State
    from pyresque.cli.top.tables import Row, Table

#: The style of a line: how the screen draws it.
PLAIN, TITLE, HEAD, BAD, CHOSEN, FAINT = "plain", "title", "head", "bad", "chosen", "faint"

#: The narrowest column, the widest, and what stands between two.
LEAST, WIDEST, BETWEEN = 5, 200, "  "

KEYS = "q quit  Tab view  jk move  s sort"
PAUSE_KEY = "  p pause/resume the queue"


class Line(NamedTuple):
    """One line of the screen."""

    text: str
    style: str = PLAIN


def screen(frame: Frame | None, state: State, where: str, width: int, height: int) -> list[Line]:
    """Return the lines of a terminal of that size."""
    lines = [Line(_ends(f"pyresque top  {where}", _clock(frame, state), width), TITLE)]
    if frame is not None:
        lines += head(frame, width)
    lines += [Line(""), Line(_tabs(state), FAINT)]
    room = height - len(lines) - 1
    if frame is not None:
        lines += _body(frame, state, width, room)
    lines = lines[: height - 1]
    lines += [Line("")] * (height - 1 - len(lines))
    lines.append(_foot(state))
    return [Line(fit(text, width), style) for text, style in lines]


def whole(frame: Frame, state: State, where: str, width: int, most: int) -> list[Line]:
    """Return a frame as plain lines, with ``most`` rows of each table."""
    lines = [Line(_ends(f"pyresque top  {where}", _clock(frame, state), width), TITLE)]
    lines += head(frame, width)
    for view, _ in (*OVERVIEW, (state.views[-1], 0)):
        lines.append(Line(""))
        lines += table_lines(view.table(frame, view.orders[0]), width, most)
    return lines


def head(frame: Frame, width: int) -> list[Line]:
    """Return the lines of numbers, and those of what needs a look."""
    n, r = frame.numbers, frame.rates
    parts = [
        _counted("pending", n["pending"], rate(r.get("pending"), signed=True)),
        _counted("processed", n["processed"], rate(r.get("processed"))),
        _counted("failed", n["failed"], rate(r.get("failures"))),
        _counted("delayed", n["delayed"], ""),
        _counted("recurring", n["recurring"], ""),
    ]
    master = frame.master
    if master is None:
        leads = "no scheduler leads"
    else:
        left = "never ends" if master.ttl is None else f"ends in {master.ttl:.0f} s"
        leads = f"scheduler {safe_text(master.holder)} (its lock {left})"
    second = [
        f"workers {number(n['working'])} of {number(n['workers'])} working",
        f"queues {number(n['queues'])}",
        leads,
    ]
    lines = [Line(text) for text in (*_flow(parts, width), *_flow(second, width))]
    needs = []
    if frame.workers_paused:
        needs.append("all workers are paused")
    if frame.queues_paused:
        needs.append("all queues are paused")
    if frame.late:
        needs.append(f"{many(frame.late, 'worker')} without a heartbeat for 5 minutes")
    if frame.silent:
        needs.append(f"{many(frame.silent, 'worker')} never sent a heartbeat")
    return lines + [Line(text, BAD) for text in _flow(needs, width)]


def _counted(name: str, value: int, change: str) -> str:
    return f"{name} {number(value)}" + (f" ({change})" if change else "")


def _flow(parts: Sequence[str], width: int) -> list[str]:
    """Return the parts on as few lines as they fit on."""
    lines: list[str] = []
    for part in parts:
        if lines and cells(lines[-1]) + cells(part) + 3 <= width:
            lines[-1] += f"   {part}"
        else:
            lines.append(part)
    return lines


def _body(frame: Frame, state: State, width: int, room: int) -> list[Line]:
    view = state.view
    if view.orders:
        table = view.table(frame, state.order)
        return table_lines(table, width, max(1, room - 2), state.cursor_of(table.rows))
    tables = [one.table(frame, one.orders[0]) for one, _ in OVERVIEW]
    lines: list[Line] = []
    for table, most in zip(tables, _heights(tables, room), strict=True):
        lines += [*table_lines(table, width, most), Line("")]
    return lines


def _heights(tables: Sequence[Table], room: int) -> list[int]:
    """Return how many rows each table of the overview has: its share, and what others leave."""
    room = max(len(tables), room - 3 * len(tables))
    shares = sum(share for _, share in OVERVIEW)
    wanted = [len(table.rows) for table in tables]
    found = [
        min(want, room * share // shares) or 1
        for want, (_, share) in zip(wanted, OVERVIEW, strict=True)
    ]
    for at, want in enumerate(wanted):
        found[at] += max(0, min(want - found[at], room - sum(found)))
    return found


def table_lines(table: Table, width: int, most: int, chosen: int | None = None) -> list[Line]:
    """Return a table as lines: its title, its headings, and ``most`` rows around the chosen one."""
    first = 0 if chosen is None else max(0, chosen - most + 1)
    shown = table.rows[first : first + most]
    hidden = len(table.rows) - len(shown) + table.left_out
    title = f"{table.title} by {table.order}" + (f", {number(hidden)} more" if hidden else "")
    if not table.rows:
        return [Line(table.title, TITLE), Line(table.empty, FAINT)]
    widths = _widths(table, shown, width)
    lines = [Line(title, TITLE), Line(_columns(table, table.headings, widths).upper(), HEAD)]
    for at, row in enumerate(shown, first):
        style = CHOSEN if at == chosen else BAD if row.bad else PLAIN
        lines.append(Line(_columns(table, row.cells, widths), style))
    return lines


def _widths(table: Table, rows: Sequence[Row], width: int) -> list[int]:
    """Return the widths of the columns: as wide as their cells, the widest ones narrower until all fit."""
    found = [
        min(WIDEST, max(cells(line[at]) for line in (table.headings, *(row.cells for row in rows))))
        for at in range(len(table.headings))
    ]
    room = width - len(BETWEEN) * (len(found) - 1)
    while sum(found) > room and max(found) > LEAST:
        found[found.index(max(found))] -= 1
    return found


def _columns(table: Table, texts: Sequence[str], widths: Sequence[int]) -> str:
    parts = [
        fit(text, width, right=at in table.right)
        for at, (text, width) in enumerate(zip(texts, widths, strict=True))
    ]
    return BETWEEN.join(parts)


def _tabs(state: State) -> str:
    return "  ".join(
        f"[{view.name}]" if view is state.view else f" {view.name} " for view in state.views
    )


def _foot(state: State) -> Line:
    if state.question:
        return Line(f"{state.question} y/n", CHOSEN)
    if state.message or state.trouble:
        return Line(state.message or state.trouble, BAD)
    return Line(KEYS + (PAUSE_KEY if state.view.name == "queues" else ""), FAINT)


def _clock(frame: Frame | None, state: State) -> str:
    at = "" if frame is None else datetime.fromtimestamp(frame.at).astimezone().strftime("%H:%M:%S")
    return f"{at}  every {state.interval:g} s"


def _ends(left: str, right: str, width: int) -> str:
    room = width - cells(right) - 2
    return f"{fit(left, room)}  {right}" if room > len("pyresque top") else fit(left, width)


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return a text of exactly so many cells: cut or filled with spaces, on the left if ``right``."""
    taken = cells(text)
    if taken > width:
        text, taken = _cut(text, width)
    space = " " * max(0, width - taken)
    return space + text if right else text + space


def _cut(text: str, width: int) -> tuple[str, int]:
    dots = "..." if width > len("...") + 2 else ""
    kept, taken = [], 0
    for char in text:
        wide = _cells(char)
        if taken + wide > width - len(dots):
            break
        kept.append(char)
        taken += wide
    return "".join(kept) + dots, taken + len(dots)
