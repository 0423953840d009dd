"""When a recurring job runs, in plain words; a line that would be told wrongly has none."""

from __future__ import annotations

import pytest

from pyresque.web.timing_words import in_words, zone_of_line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 3 * * *", "At 03:00"),
        ("*/5 * * * *", "Every 5 minutes"),
        ("* * * * *", "Every minute"),
        ("30 0 3 * * *", "At 03:00:30"),
        ("0 9 * * mon-fri", "At 09:00, Monday through Friday"),
        ("0 0 * * 7", "At 00:00, only on Sunday"),
        ("0 0 * * SUN#2", "At 00:00, on the second Sunday of the month"),
        ("0 3 1 * fri", "At 03:00, on day 1 of the month, or on Friday"),
        ("0 3 * jan,jul *", "At 03:00, only in January and July"),
        ("0 3 * * * Europe/Berlin", "At 03:00, Europe/Berlin"),
        ("@daily", "At 00:00"),
        ("@hourly", "Every hour"),
        ("@daily Asia/Tokyo", "At 00:00, Asia/Tokyo"),
    ],
)
def test_a_cron_line_in_words(line, words):
    assert in_words("cron", line) == words
    assert in_words("cron", [line, {"overlap": True}]) == words


@pytest.mark.parametrize(
    "line",
    [
        "0 3 L * *",
        "0 3 l * *",
        "0 3 -1 * *",
        "0 3 * * fri#-1",
        "0 3 * * mon#1,tue#2",
        "0 3 * * mon%2",
        "0 3 1 * fri&",
        "0 24 * * *",
        "0 0-24 * * *",
        "*/7 * * * *",
        "0 */5 * * *",
        "0 0 */10 * *",
        "10-20/3 * * * *",
        "0 3 * * *,fri",
        "no cron",
        "",
        "@never",
        "0 3 * * * Nowhere/City",
        "* " * 150,
        7,
        None,
        [],
        [[]],
        {"a": 1},
    ],
    ids=str,
)
def test_what_is_not_known_has_no_words(line):
    assert in_words("cron", line) is None


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("5m", "Every 5 minutes"),
        ("1h", "Every hour"),
        ("1h30m", "Every 1 hour and 30 minutes"),
        ("90s", "Every 1 minute and 30 seconds"),
        ("2d", "Every 2 days"),
        ("1w2d3h", "Every 1 week, 2 days, 3 hours"),
        (["30s", {"first_in": "5s"}], "Every 30 seconds"),
        ("0.5s", None),
        ("never", None),
        (5, None),
    ],
    ids=str,
)
def test_a_stretch_in_words(written, words):
    assert in_words("every", written) == words


@pytest.mark.parametrize(
    ("kind", "line", "zone"),
    [
        ("cron", "0 3 * * * Europe/Berlin", "Europe/Berlin"),
        ("cron", "0 3 * * *", None),
        ("cron", ["0 3 * * * Asia/Tokyo", {}], "Asia/Tokyo"),
        ("cron", "no cron", None),
        ("cron", [[]], None),
        ("every", "5m", None),
    ],
    ids=str,
)
def test_the_zone_that_a_line_names(kind, line, zone):
    assert zone_of_line(kind, line) == zone
