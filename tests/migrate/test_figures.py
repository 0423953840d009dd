from __future__ import annotations

from random import Random

from pyresque.migrate.figures import Figure, may_be_missed


def test_a_list_that_was_read_whole_gives_an_exact_figure():
    figure = Figure()
    figure.add(3, 10, 10)
    assert (figure.seen, figure.estimate, figure.low, figure.high) == (3, 3, 3, 3)
    assert str(figure) == "3"


def test_a_sample_gives_an_estimate_with_bounds():
    figure = Figure()
    figure.add(100, 1000, 100_000)
    assert (figure.seen, figure.estimate) == (100, 10_000)
    assert 8_000 < figure.low < 10_000 < figure.high < 12_500
    assert str(figure).startswith("~10000 ±")


def test_the_lower_bound_is_never_less_than_was_seen():
    figure = Figure()
    figure.add(1, 1000, 100_000)
    assert figure.low == 1


def test_figures_of_several_lists_are_summed():
    one, other = Figure(), Figure()
    one.add(5, 10, 100)
    other.add(7, 7, 7)
    other.include(one)
    assert (other.seen, other.estimate) == (12, 57)
    assert other.variance == one.variance


def test_a_list_that_was_not_read_adds_nothing():
    figure = Figure()
    figure.add(0, 0, 100)
    assert not figure


def test_the_true_number_lies_within_the_bounds_about_as_often_as_they_say():
    random, within, tries = Random(7), 0, 400
    for _ in range(tries):
        share = random.random()
        size, read = 20_000, 500
        true = round(size * share)
        found = sum(at < true for at in random.sample(range(size), read))
        figure = Figure()
        figure.add(found, read, size)
        within += figure.low <= true <= figure.high
    assert within / tries > 0.92


def test_what_may_be_missed_is_nothing_of_a_list_that_was_read_whole():
    assert (may_be_missed(10, 10), may_be_missed(1000, 100_000), may_be_missed(0, 5)) == (0, 300, 0)
