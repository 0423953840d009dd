from __future__ import annotations

import json
import logging
import re

import pytest

from pyresque.printable import printable
from pyresque.process.start.log_format import HANDLER_NAME, JsonFormatter, LogfmtFormatter, set_up
from pyresque.settings import Settings


@pytest.fixture
def written(tmp_path):
    """What one line of each level looks like in the file."""
    logger = logging.getLogger("pyresque")
    before = (logger.handlers[:], logger.level, logger.propagate)

    def write(message="it said %r", *args, error=None, **settings):
        path = tmp_path / "log"
        logger.propagate = False  # pytest listens, too
        set_up(Settings(logfile=str(path), verbose=True, **settings))
        logger.info(message, *(args or ("x",)), exc_info=error)
        ours = next(one for one in logger.handlers if one.name == HANDLER_NAME)
        ours.close()
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


def raising(_record):
    raise LookupError("no\x1b[2J service")


@pytest.mark.parametrize("part", ["handler", "filter"])
def test_what_an_applications_handler_or_filter_raises_is_reported_and_climbs_no_further(
    written, capsys, part
):
    set_up(Settings(log_format="app"))
    logger = logging.getLogger("pyresque")
    handler = logging.Handler()
    handler.emit = raising
    logger.addHandler(handler)
    if part == "filter":
        logger.addFilter(raising)
    try:
        logger.error("it failed")
    finally:
        logger.removeFilter(raising)
        logger.removeHandler(handler)
    said = capsys.readouterr().err
    assert "a line of the log was not written: LookupError: no" in said
    assert "\x1b" not in said


EVIL = "Mailer\x1b]0;title\x07\r\n*** forged\x9b2J\u202e\u2028\x00\x7f"


@pytest.mark.parametrize("log_format", ["text", "json", "logfmt"])
def test_no_text_forges_a_line_or_commands_a_terminal(written, log_format):
    try:
        raise ValueError(EVIL)  # noqa: TRY301 - a traceback is wanted
    except ValueError as error:
        lines = written("%s fails", EVIL, error=error, log_format=log_format).split("\n")
    assert lines.pop() == ""
    assert all(line.isprintable() for line in lines)
    assert [line for line in lines if line.startswith("***")] == (
        lines[:1] if log_format == "text" else []
    )
    assert len(lines) == 1 or log_format == "text"
    if log_format == "json":
        assert json.loads(lines[0])["message"].startswith(f"{EVIL} fails\n")


def test_fields_of_a_line_are_escaped_too():
    record = logging.LogRecord("pyresque", logging.INFO, "", 0, "x", None, None)
    record.fields = {"class": EVIL, "args": "\x1b", "queue": "low"}
    assert json.loads(JsonFormatter().format(record))["class"] == EVIL
    for line in (JsonFormatter().format(record), LogfmtFormatter().format(record)):
        assert line.isprintable()
        assert "forged" in line


@pytest.mark.parametrize("text", ["x" * 8_000_000, "x\n" * 4_000_000], ids=["a line", "lines"])
@pytest.mark.parametrize("log_format", ["text", "json", "logfmt"])
def test_what_an_error_says_in_megabytes_is_cut(written, log_format, text):
    try:
        raise ValueError(text)  # noqa: TRY301 - a traceback is wanted
    except ValueError as error:
        lines = written("it failed: %s", text, error=error, log_format=log_format)
    assert "it failed: x" in lines
    assert "more characters)" in lines
    assert "ValueError: x" in lines
    assert len(lines) < 100_000


def test_the_fields_of_a_line_are_cut_too(bare, capsys):
    logger = bare()
    set_up(Settings(log_format="json"))
    logger.error("failed", extra={"fields": {"error": "x" * 8_000_000, "duration": 1.5}})
    fields = json.loads(capsys.readouterr().out)
    assert len(fields["error"]) < 20_000
    assert fields["duration"] == 1.5


def test_a_traceback_that_is_not_long_is_the_formatters(bare):
    """One of the application's may write it in its own way."""
    logger, own = bare(), Heard()
    logger.addHandler(own)
    set_up(Settings())
    seen = []
    own.addFilter(lambda record: seen.append(record.exc_text) or True)
    for text in ("x", "x" * 8_000_000):
        try:
            raise ValueError(text)  # noqa: TRY301 - as above
        except ValueError:
            logger.exception("it failed")
    assert seen[0] is None
    assert len(seen[1]) < 20_000


class Heard(logging.Handler):
    """An application's own."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record):
        self.messages.append(record.getMessage())


@pytest.fixture
def bare():
    """The logger as it is where nothing was configured; asked for within the test, because pytest listens, too."""
    found = logging.getLogger("pyresque")
    before = (found.handlers[:], found.level, found.propagate)

    def bare():
        found.handlers[:], found.propagate = [], False
        found.setLevel(logging.NOTSET)
        return found

    yield bare
    for one in found.handlers:
        if one.name == HANDLER_NAME:
            one.close()
    found.handlers[:], found.propagate = before[0], before[2]
    found.setLevel(before[1])


def test_an_applications_handlers_are_kept_and_nothing_is_put_beside_them(bare):
    logger = bare()
    own = Heard()
    logger.addHandler(own)
    set_up(Settings(verbose=True))
    logger.info("got: a job")
    assert logger.handlers == [own]
    assert own.messages == ["got: a job"]


def test_an_applications_handlers_get_each_message_on_one_line(bare):
    logger = bare()
    own = Heard()
    logger.addHandler(own)
    set_up(Settings(verbose=True))
    logger.info("got: %s", EVIL)
    logger.info("%d of %s", 1, "2")
    logger.info("name\tvalue")
    assert own.messages == [f"got: {printable(EVIL)}", "1 of 2", "name\tvalue"]


def test_handlers_above_count_as_the_applications_too(bare):
    logger = bare()
    own = Heard()
    logger.propagate = True
    logging.getLogger().addHandler(own)
    try:
        set_up(Settings(verbose=True))
        logger.info("got: a job")
    finally:
        logging.getLogger().removeHandler(own)
    assert logger.handlers == []
    assert own.messages == ["got: a job"]


@pytest.mark.parametrize("asked", ["logfile", "format"])
def test_a_logfile_or_a_format_that_is_asked_for_comes_beside_them(bare, tmp_path, capsys, asked):
    logger = bare()
    own = Heard()
    logger.addHandler(own)
    log = tmp_path / "log"
    set_up(Settings(logfile=str(log)) if asked == "logfile" else Settings(log_format="json"))
    logger.warning("careful")
    assert own.messages == ["careful"]
    assert "careful" in (log.read_text() if asked == "logfile" else capsys.readouterr().out)


def test_where_nothing_was_configured_lines_go_to_standard_output_once(bare, capsys):
    logger = bare()
    for _ in range(2):
        set_up(Settings())
    logger.warning("careful")
    logger.info("unheard")
    assert capsys.readouterr().out == "*** careful\n"


def test_an_applications_level_is_kept_unless_more_is_asked_for(bare):
    logger = bare()
    logger.addHandler(Heard())
    logger.setLevel(logging.ERROR)
    set_up(Settings())
    assert logger.level == logging.ERROR
    set_up(Settings(very_verbose=True))
    assert logger.level == logging.DEBUG


def test_the_format_app_leaves_logging_as_it_is(bare):
    logger = bare()
    set_up(Settings(log_format="app", very_verbose=True))
    assert (logger.handlers, logger.level) == ([], logging.NOTSET)


def test_below_its_level_nothing_is_written(tmp_path, written):
    written()
    logging.getLogger("pyresque").debug("unheard")
    assert "unheard" not in (tmp_path / "log").read_text()
