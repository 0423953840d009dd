"""Frames as lines: every size of terminal, wide letters, long names, many rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pyresque.cli.top.frame import Frame, QueueRow
from pyresque.cli.top.layout import cells, fit, screen, whole
from pyresque.cli.top.state import State
from pyresque.job.worker_registry import WorkerInfo
from pyresque.store.schedules import LockInfo
from tests.support.hostile_text import EVIL

NUMBERS = dict.fromkeys(
    (
        *("pending", "processed", "failures", "failed", "working"),
        *("workers", "queues", "delayed", "recurring"),
    ),
    1_234_567,
)


def frame(*queues: QueueRow, **more: object) -> Frame:
    empty = Frame(
        *(1_800_000_000.0, NUMBERS, queues, (), (), ()),
        master=None,
        workers_paused=False,
        queues_paused=False,
        late=0,
        silent=0,
        sizes={one.name: one.size for one in queues},
    )
    return replace(empty, **more)


def queue(name: str, size: int | None = 0, oldest: float | None = None, workers: int = 1):
    return QueueRow(name, size, oldest, workers, paused=False)


def texts(one: Frame, state: State, width: int = 80, height: int = 24) -> list[str]:
    return [line.text for line in screen(one, state, "redis://localhost:6379/0", width, height)]


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (200, 60), (20, 4), (5, 2), (1, 1)])
@pytest.mark.parametrize("view", range(5))
def test_a_screen_has_the_size_of_its_terminal_in_each_view(size, view):
    width, height = size
    names = ("mailers", "\u65e5\u672c\u8a9e" * 30, EVIL, "x" * 3000, "e\u0301\u0301")
    worker = WorkerInfo(f"{EVIL}:1:{'q' * 5000}", heartbeat=EVIL)
    one = frame(*map(queue, names), workers=(worker,), delayed=((float("inf"), 3), (1e9, 2)))
    state = State(2)
    state.press(str(view + 1), one)
    lines = texts(one, state, width, height)
    assert len(lines) == height
    assert {cells(line) for line in lines} == {width}
    assert all(line.isprintable() for line in lines)


def test_before_the_first_frame_there_is_a_screen_too():
    state = State(2)
    state.trouble = "cannot connect to Redis"
    lines = [line.text for line in screen(None, state, "redis://x", 80, 24)]
    assert lines[-1].startswith("cannot connect to Redis")


def test_numbers_have_their_change_per_second():
    one = frame(rates={"pending": -3.25, "processed": 12.0, "failures": 0.5, "failed": 0.5})
    lines = texts(one, State(2), 120)
    assert lines[1].startswith(
        "pending 1,234,567 (-3.2/s)   processed 1,234,567 (12.0/s)   failed 1,234,567 (0.5/s)"
    )


def test_what_needs_a_look_stands_below_the_numbers_and_in_red():
    one = frame(
        queue("orphan", 5, workers=0),
        workers_paused=True,
        late=2,
        master=LockInfo("host:7", None),
    )
    lines = screen(one, State(2), "redis://x", 120, 24)
    red = [line.text.strip() for line in lines if line.style == "bad"]
    assert red[0] == "all workers are paused   2 workers without a heartbeat for 5 minutes"
    assert red[1].split() == ["orphan", "5", "-", "0", "no", "worker"]
    assert any("scheduler host:7 (its lock never ends)" in line.text for line in lines)


def test_rows_that_do_not_fit_are_counted_and_the_chosen_one_is_shown():
    one = frame(*(queue(f"q{at:03}", 500 - at) for at in range(100)))
    one = replace(one, numbers={**NUMBERS, "queues": 150})
    state = State(2)
    state.press("2", one)
    shown = [line for line in texts(one, state) if line.startswith("q0")]
    assert shown[0].split()[:2] == ["q000", "500"]
    assert f"queues by size, {150 - len(shown)} more" in "\n".join(texts(one, state))
    state.press("end", one)
    chosen = [
        line.text for line in screen(one, state, "redis://x", 80, 24) if line.style == "chosen"
    ]
    assert chosen[0].split()[0] == "q099"


def test_tables_share_the_overview_and_leave_none_of_it_empty():
    one = frame(*(queue(f"q{at}", 9) for at in range(50)))
    lines = texts(one, State(2), 80, 40)
    assert sum(line.startswith("q") and line[1].isdigit() for line in lines) > 20


def test_a_frame_as_text_has_every_table():
    one = frame(queue("mailers", 3))
    text = "\n".join(line.text for line in whole(one, State(2), "redis://x", 100, 20))
    for words in (
        "mailers",
        "no workers",
        "no failed jobs",
        "no delayed jobs",
        "no scheduler leads",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("text", "width", "fitted"),
    [
        ("abc", 5, "abc  "),
        ("abcdefgh", 6, "abc..."),
        ("abcdefgh", 3, "abc"),
        ("\u65e5\u672c\u8a9e", 4, "\u65e5\u672c"),
        ("\u65e5\u672c\u8a9e", 3, "\u65e5 "),
        ("e\u0301x", 3, "e\u0301x "),
        ("", 2, "  "),
    ],
)
def test_a_text_is_cut_and_filled_by_cells(text, width, fitted):
    assert fit(text, width) == fitted
    assert cells(fit(text, width, right=True)) == width
