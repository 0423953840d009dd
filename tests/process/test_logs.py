from __future__ import annotations

import json
import logging
import re

import pytest

from pyresque.process.logs import set_up
from pyresque.settings import Settings


@pytest.fixture
def written(tmp_path):
    """What one line of each level looks like in the file."""
    logger = logging.getLogger("pyresque")
    before = (logger.handlers[:], logger.level, logger.propagate)

    def write(message="it said %r", *args, error=None, **settings):
        path = tmp_path / "log"
        set_up(Settings(logfile=str(path), verbose=True, **settings))
        logger.info(message, *(args or ("x",)), exc_info=error)
        logger.handlers[0].close()
        return path.read_text(encoding="utf-8")

    yield write
    logger.handlers[:], logger.level, logger.propagate = before


def test_a_verbose_line_is_rubys(written):
    assert written() == "*** it said 'x'\n"


def test_a_very_verbose_line_bears_time_and_pid(written):
    line = written(very_verbose=True)
    assert re.fullmatch(r"\*\* \[\d\d:\d\d:\d\d \d{4}-\d\d-\d\d\] \d+: it said 'x'\n", line)


def test_json_is_one_object_a_line_the_traceback_within(written):
    line = written(log_format="json", error=ValueError("boom"))
    fields = json.loads(line)
    assert fields["level"] == "info"
    assert fields["message"].startswith("it said 'x'\n")
    assert "boom" in fields["message"]
    assert line.count("\n") == 1


def test_logfmt_quotes_what_needs_it(written):
    line = written(log_format="logfmt")
    assert "message=\"it said 'x'\"" in line
    assert "level=info" in line


def test_a_message_with_bytes_that_are_no_text_is_written_all_the_same(written):
    assert written("queue %s", "\udcff") == "*** queue \\udcff\n"


def test_below_its_level_nothing_is_written(tmp_path, written):
    written()
    logging.getLogger("pyresque").debug("unheard")
    assert "unheard" not in (tmp_path / "log").read_text()
