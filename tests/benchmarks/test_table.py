"""What a run of the benchmarks says of its figures."""

import json
from xml.etree import ElementTree as ET

import pytest

from benchmarks.contenders import HUEY, OURS, RUBY, TASKIQ
from benchmarks.measure import Bound, Measure, Result
from benchmarks.plot import svg
from benchmarks.table import lines, rows, unmet

TWICE_RUBY = Bound((RUBY,), 2.0)


def result(*rounds, more_is_better=True, bounds=(TWICE_RUBY,)):
    measure = Measure("key", "title", "jobs/s", lambda _: {}, bounds, more_is_better)
    return Result(measure, rounds)


DRIFTING = (
    {OURS: 300.0, RUBY: 100.0},
    {OURS: 30.0, RUBY: 20.0},
    {OURS: 200.0, RUBY: 80.0},
)


def test_a_ratio_is_the_median_of_the_rounds_own_ratios():
    assert result(*DRIFTING).ratio([RUBY]) == pytest.approx(2.5)


def test_where_less_is_better_the_ratio_is_turned_round():
    assert result({OURS: 2.0, RUBY: 8.0}, more_is_better=False).ratio([RUBY]) == pytest.approx(4.0)


def test_the_best_of_several_is_found_in_each_round_anew():
    rounds = ({OURS: 60.0, HUEY: 30.0, TASKIQ: 10.0}, {OURS: 60.0, HUEY: 10.0, TASKIQ: 20.0})
    assert result(*rounds).ratio([HUEY, TASKIQ]) == pytest.approx(2.5)
    least = ({OURS: 1.0, HUEY: 3.0, TASKIQ: 2.0},)
    assert result(*least, more_is_better=False).ratio([HUEY, TASKIQ]) == pytest.approx(2.0)


def test_a_round_in_which_a_side_gave_up_does_not_count_for_it():
    assert result({OURS: 9.0}, {OURS: 8.0, RUBY: 2.0}, {RUBY: 1.0}).ratio([RUBY]) == pytest.approx(
        4
    )


def test_a_row_says_medians_ratio_bound_and_whether_it_is_reached():
    assert list(rows(result(*DRIFTING))) == [
        "| title | 200 jobs/s | Ruby Resque | 80.0 jobs/s | 2.50x | 2x | yes |"
    ]


def test_what_is_not_reached_is_marked_and_named():
    low = result({OURS: 150.0, RUBY: 100.0})
    assert next(rows(low)).endswith("| 1.50x | 2x | **no** |")
    assert unmet([low, result(*DRIFTING)]) == ["key"]


def test_a_bound_on_the_best_of_several_has_a_row_of_its_own():
    found = result({OURS: 90.0, HUEY: 30.0, TASKIQ: 10.0}, bounds=(Bound((HUEY, TASKIQ), 2),))
    assert list(rows(found))[-1] == "|  |  | the best of these |  | 3.00x | 2x | yes |"


def test_a_side_alone_has_its_row():
    assert list(rows(result({OURS: 1234.0}))) == ["| title | 1,234 jobs/s |  |  |  |  |  |"]


def test_the_raw_figures_are_lines_of_json():
    first = next(lines(result(*DRIFTING)))
    assert json.loads(first) == {
        "measure": "key",
        "unit": "jobs/s",
        "round": 0,
        "figures": {OURS: 300.0, RUBY: 100.0},
    }


def test_the_picture_has_a_bar_for_each_side_in_proportion():
    picture = ET.fromstring(svg([result({OURS: 200.0, RUBY: 50.0})]))
    ours, theirs = picture.findall("{http://www.w3.org/2000/svg}rect")[1:]
    assert float(ours.attrib["width"]) == pytest.approx(4 * float(theirs.attrib["width"]))
