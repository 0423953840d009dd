"""Keys of ``top``: views, orders, rows, and the question before a queue is paused."""

from __future__ import annotations

from dataclasses import replace

from pyresque.cli.top.frame import Frame, QueueRow
from pyresque.cli.top.state import State, Wish


def frame(*names: str, paused: tuple[str, ...] = ()) -> Frame:
    queues = [QueueRow(name, 9 - at, None, 1, name in paused) for at, name in enumerate(names)]
    return Frame(
        *(0.0, dict.fromkeys(("queues", "workers", "failed", "delayed"), 0), queues, (), (), ()),
        master=None,
        workers_paused=False,
        queues_paused=False,
        late=0,
        silent=0,
        sizes={},
    )


def pressed(state: State, one: Frame | None, *keys: str) -> Wish | None:
    wish = None
    for key in keys:
        wish = state.press(key, one)
    return wish


def chosen(state: State, one: Frame) -> str:
    rows = state.view.table(one, state.order).rows
    return rows[state.cursor_of(rows)].about


def test_q_quits_and_other_keys_do_not():
    assert State(2).press("q", None) == Wish("quit")
    for key in ("x", "", "p", "j", "s", "9", "0"):
        assert State(2).press(key, None) is None


def test_tab_and_arrows_and_digits_turn_to_the_views_in_a_circle():
    state, names = State(2), []
    for key in ("tab", "right", "l", "tab", "tab", "backtab", "left", "3"):
        state.press(key, None)
        names.append(state.view.name)
    assert names == [
        *("queues", "workers", "failed", "delayed", "overview"),
        *("delayed", "failed", "workers"),
    ]


def test_s_goes_through_the_orders_of_a_view():
    state, one = State(2), frame("b", "a")
    pressed(state, one, "2")
    assert chosen(state, one) == "b"
    pressed(state, one, "s", "s")
    assert (state.order, chosen(state, one)) == ("name", "a")
    pressed(state, one, "s")
    assert state.order == "size"


def test_a_chosen_row_stays_with_its_queue_while_rows_move():
    state, one = State(2), frame("a", "b", "c")
    pressed(state, one, "2", "j")
    assert chosen(state, one) == "b"
    assert chosen(state, frame("c", "a", "b")) == "b"
    assert chosen(state, frame("a")) == "a", "of a queue that is gone, the row at its place"
    pressed(state, one, "k", "k", "k")
    assert chosen(state, one) == "a"
    pressed(state, one, "pagedown", "down")
    assert chosen(state, one) == "c"


def test_a_queue_is_paused_after_a_yes_alone():
    state, one = State(2), frame("a", "b")
    assert pressed(state, one, "2", "j", "p") is None
    assert state.question == "pause b?"
    assert pressed(state, one, "n") is None
    assert (state.question, state.message) == ("", "nothing was done")
    assert pressed(state, one, "p", "y") == Wish("pause", "b")


def test_of_a_paused_queue_the_question_is_whether_to_resume_it():
    state, one = State(2), frame("a", paused=("a",))
    pressed(state, one, "2", "p")
    assert state.question == "resume a?"
    assert pressed(state, one, "y") == Wish("resume", "a")


def test_without_a_queue_nothing_is_asked():
    state, one = State(2), replace(frame(), queues=())
    assert pressed(state, one, "2", "p", "j", "end") is None
    assert state.question == ""
